"""Denoise what `render.py` has made with quietframe and OIDN, and draw the pictures of the README.

    python bench/pictures/figures.py --renders DIR --out bench/pictures/results

Needs numpy, pillow, OpenEXR, pyoidn and quietframe built (`npm run build`). OIDN is 2.5 high, with noisy or with prefiltered
auxiliaries, whichever has the smaller SMAPE over the crops; both get the same buffers. Writes

    frame.webp    the 1080p frame, noisy at the left of the line, quietframe at its right
    crops.webp    crops at 1:1: noisy, OIDN, quietframe, reference
    flicker.webp  three seconds of a moving shot: noisy, OIDN, quietframe's windows of seven frames
    figures.json  errors of the crops and flicker of the shot
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import OpenEXR
import pyoidn
from PIL import Image, ImageDraw, ImageFont

from render import CROP, CROPS, HALF_SPP, REFERENCE_SPP, SHOT_FRAMES, SHOT_SPP

ROOT = Path(__file__).resolve().parents[2]
EXPOSURE, FONT, GAP, LABEL = 1.2, "DejaVuSans.ttf", 6, 30


def read(path: Path) -> dict[str, np.ndarray]:
    """Layers of a file: color, and albedo, normal and motion where they are; (h, w, channels) float32."""
    channels = OpenEXR.File(str(path), separate_channels=True).channels()
    layers = {"color": "RGB", "albedo": "albedo.RGB", "normal": "normal.XYZ", "motion": "motion.XYZW"}
    found = {}
    for name, spelled in layers.items():
        layer, _, letters = spelled.rpartition(".")
        keys = [f"{layer}.{c}" if layer else c for c in letters]
        if all(key in channels for key in keys):
            found[name] = np.stack([np.asarray(channels[key].pixels, np.float32) for key in keys], -1)
    return found


def quietframe(*arguments) -> None:
    subprocess.run(["node", str(ROOT / "dist/cli/main.js"), *map(str, arguments)], check=True)


def oidn(frame: dict[str, np.ndarray], prefilter: bool) -> np.ndarray:
    albedo, normal = (np.ascontiguousarray(frame[name]) for name in ("albedo", "normal"))
    if prefilter:
        albedo, normal = clean(albedo, "albedo"), clean(normal, "normal")
    color = np.ascontiguousarray(frame["color"])
    return pyoidn.denoise(color, np.clip(albedo, 0, 1), normal, hdr=True, clean_aux=prefilter, quality="high")


def clean(buffer: np.ndarray, role: str) -> np.ndarray:
    """A buffer through OIDN's own prefilter for its role."""
    device = pyoidn.Device()
    device.commit()
    result = np.zeros_like(buffer)
    run = pyoidn.Filter(device, pyoidn.OIDN_FILTER_TYPE_RT)
    run.set_image(role, buffer, pyoidn.OIDN_FORMAT_FLOAT3)
    run.set_image("output", result, pyoidn.OIDN_FORMAT_FLOAT3)
    run.set_quality(pyoidn.OIDN_QUALITY_HIGH)
    run.commit()
    run.execute()
    return result


def smape(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(np.abs(a - b) / (np.abs(a) + np.abs(b) + 0.01)))


def relative_mse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(np.square(a - b) / (np.square(b) + 0.01)))


def flicker(frames: list[np.ndarray], motions: list[np.ndarray]) -> float:
    """Mean SMAPE of each frame to the one before it, gathered along the motion."""
    height, width, _ = frames[0].shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    errors = []
    for before, now, motion in zip(frames, frames[1:], motions[1:], strict=False):
        u, v = x + motion[..., 0], y + motion[..., 1]
        inside = (u >= 0) & (v >= 0) & (u < width - 1) & (v < height - 1)
        u, v = np.clip(u, 0, width - 1.001), np.clip(v, 0, height - 1.001)
        i, j = u.astype(int), v.astype(int)
        s, t = (u - i)[..., None], (v - j)[..., None]
        above = before[j, i] * (1 - s) + before[j, i + 1] * s
        below = before[j + 1, i] * (1 - s) + before[j + 1, i + 1] * s
        errors.append(smape((above * (1 - t) + below * t)[inside], now[inside]))
    return float(np.mean(errors))


def shown(color: np.ndarray) -> Image.Image:
    """sRGB at EXPOSURE."""
    x = np.clip(color * EXPOSURE, 0, 1)
    x = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(x, 1 / 2.4) - 0.055)
    return Image.fromarray((x * 255 + 0.5).astype(np.uint8))


def labelled(columns: list[str], rows: list[tuple[str, list[Image.Image]]], size: int = 17) -> Image.Image:
    """A table of pictures of one size: names of columns above them, of rows within their first picture."""
    font = ImageFont.truetype(FONT, size)
    width, height = rows[0][1][0].size
    sheet = Image.new("RGB", (len(columns) * (width + GAP) - GAP, LABEL + len(rows) * (height + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for c, name in enumerate(columns):
        draw.text((c * (width + GAP) + width / 2, LABEL / 2), name, "black", font, anchor="mm")
    for r, (name, pictures) in enumerate(rows):
        top = LABEL + r * (height + GAP)
        for c, picture in enumerate(pictures):
            sheet.paste(picture, (c * (width + GAP), top))
        if name:
            draw.text((8, top + 6), name, "white", font, stroke_width=2, stroke_fill="black")
    return sheet


def still(renders: Path, work: Path, out: Path) -> dict:
    """The frame and its crops; errors by method."""
    frame = read(renders / "frame.exr")
    result = work / "denoised.exr"
    if not result.exists():
        quietframe("denoise", renders / "half_a.exr", "--half-b", renders / "half_b.exr", "-o", result)
    ours = read(result)["color"]
    references = {name: read(renders / f"reference.{name.replace(' ', '-')}.exr")["color"] for name in CROPS}

    def crop(picture: np.ndarray, name: str) -> np.ndarray:
        x, y = CROPS[name]
        return picture[y : y + CROP, x : x + CROP]

    candidates = {name: oidn(frame, prefilter) for name, prefilter in (("noisy", False), ("prefiltered", True))}
    errors = {k: np.mean([smape(crop(v, n), r) for n, r in references.items()]) for k, v in candidates.items()}
    best = min(errors, key=errors.get)
    methods = {"noisy": frame["color"], "OIDN": candidates[best], "quietframe": ours}
    rows = [(n, [shown(crop(m, n)) for m in methods.values()] + [shown(r)]) for n, r in references.items()]
    names = [f"noisy, {2 * HALF_SPP} spp", "OIDN 2.5 high", "quietframe", f"reference, {REFERENCE_SPP} spp"]
    labelled(names, rows).save(out / "crops.webp", quality=92, method=6)

    height, width, _ = ours.shape
    line = np.linspace(0.56 * width, 0.44 * width, height)[:, None]
    right = np.arange(width)[None] > line
    picture = np.where(right[..., None], ours, frame["color"])
    picture[np.abs(np.arange(width)[None] - line) < 1.5] = 1
    shown(picture).save(out / "frame.webp", quality=84, method=6)
    table = {
        name: {m: {"smape": round(smape(crop(p, name), r), 4), "relativeMse": round(relative_mse(crop(p, name), r), 4)}
               for m, p in methods.items()}
        for name, r in references.items()
    }  # fmt: skip
    return {"oidnAuxiliaries": best, "crops": table}


def shot(renders: Path, work: Path, out: Path) -> dict:
    """The clip, and the flicker of its methods."""
    quietframe("sequence", renders / "shot.####.exr", "-o", work / "clean.####.exr", "--motion", "to-both")
    numbers = range(1, SHOT_FRAMES + 1)
    noisy = [read(renders / f"shot.{n:04d}.exr") for n in numbers]
    ours = [read(work / f"clean.{n:04d}.exr")["color"] for n in numbers]
    theirs = [oidn(frame, True) for frame in noisy]
    names = [f"noisy, {SHOT_SPP} spp", "OIDN 2.5 high", "quietframe, 7 frames"]
    panels = zip(noisy, theirs, ours, strict=True)
    sheets = [
        labelled(names, [("", [shown(a["color"]), shown(b), shown(c)])], 15)
        for a, b, c in zip(noisy, theirs, ours, strict=True)
    ]
    options = {"save_all": True, "append_images": sheets[1:], "duration": 1000 // 12, "loop": 0}
    sheets[0].save(out / "flicker.webp", quality=60, method=6, **options)
    motions = [frame["motion"] for frame in noisy]
    frames = {"noisy": [f["color"] for f in noisy], "OIDN": theirs, "quietframe": ours}
    return {"flicker": {name: round(flicker(f, motions), 4) for name, f in frames.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", type=Path, required=True, help="--out of render.py")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    work = options.renders / "denoised"
    for folder in (work, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    figures = still(options.renders, work, options.out) | shot(options.renders, work, options.out)
    (options.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
