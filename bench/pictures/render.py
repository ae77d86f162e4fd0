"""Render what `figures.py` shows: a 1080p frame, clean crops of it, and a moving shot.

    python bench/pictures/render.py --assets DIR --out DIR

Needs mitsuba 3 (with LLVM, see DRJIT_LIBLLVM_PATH) and numpy. --assets has hdris/ and materials/ (docs/data.md). Files that
exist are not made again. All are half floats in linear light:

    half_a.exr, half_b.exr, frame.exr   1920 x 1080, 16 samples per pixel and their mean: color, albedo, normals
    reference.NAME.exr                  color of a crop, REFERENCE_SPP samples
    shot.####.exr                       SHOT_FRAMES frames of 384 x 216, SHOT_SPP samples, with motion vectors as well
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np

import scene as still_life

WIDTH, HEIGHT, HALF_SPP = 1920, 1080, 16
REFERENCE_SPP = 1024
CROP = 240
CROPS = {"glass": (440, 395), "hair": (165, 425), "texture": (975, 800), "contact shadow": (735, 835)}
"""Upper left corners (x, y) of squares of CROP pixels."""
SHOT_WIDTH, SHOT_HEIGHT, SHOT_SPP, SHOT_FRAMES = 384, 216, 8, 36
FAR = 1e5
PATHS, ATTEMPTS = 4_000_000, 100


def sensor(mi, time: float, width: int, height: int, crop: tuple[int, int] | None = None):
    """A camera with a thin lens; `crop` is the upper left corner of CROP x CROP pixels."""
    eye, axes = still_life.camera_axes(time)
    film = {"type": "hdrfilm", "width": width, "height": height, "pixel_format": "rgb", "rfilter": {"type": "box"}}
    if crop is not None:
        film |= {"crop_offset_x": crop[0], "crop_offset_y": crop[1], "crop_width": CROP, "crop_height": CROP}
    look = mi.ScalarTransform4f().look_at(origin=eye.tolist(), target=(eye + axes[2]).tolist(), up=[0, 0, 1])
    return mi.load_dict({
        "type": "thinlens", "fov": still_life.FIELD_OF_VIEW, "aperture_radius": still_life.APERTURE_RADIUS,
        "focus_distance": still_life.FOCUS, "to_world": look, "film": film, "sampler": {"type": "independent"},
    })  # fmt: skip


def project(points: np.ndarray, time: float, width: int, height: int) -> np.ndarray:
    """World points (..., 3) -> pixels (..., 2) of the camera at a time, x right, y down, the first pixel's center at 0.5."""
    eye, axes = still_life.camera_axes(time)
    local = (points - eye) @ axes.T
    focal = width / 2 / math.tan(math.radians(still_life.FIELD_OF_VIEW) / 2)
    return local[..., :2] / local[..., 2:] * focal + (width / 2, height / 2)


def motion(position: np.ndarray, missed: np.ndarray, time: float) -> np.ndarray:
    """Offsets in pixels to where the previous and the next frame see the same points: (h, w, 4)."""
    height, width = position.shape[:2]
    points = np.where(missed, position + FAR * camera_directions(time, width, height), position)
    here = project(points, time, width, height)
    return np.concatenate([project(points, other, width, height) - here for other in (time - 1, time + 1)], -1)


def camera_directions(time: float, width: int, height: int) -> np.ndarray:
    _, axes = still_life.camera_axes(time)
    focal = width / 2 / math.tan(math.radians(still_life.FIELD_OF_VIEW) / 2)
    x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    return np.stack([x, y, np.full_like(x, focal)], -1) @ axes


class Renderer:
    """Renders a target pass by pass; the sum so far is kept in a file, so that it can be stopped at any time."""

    def __init__(self, mi, loaded, work: Path, attempt: int):
        self.mi, self.scene, self.work, self.attempt = mi, loaded, work, attempt
        path = {"type": "path", "max_depth": 12}
        aovs = "albedo:albedo,n:sh_normal,p:position,z:depth"
        self.integrators = {"light": mi.load_dict(path), "all": mi.load_dict({"type": "aov", "aovs": aovs, "path": path})}

    def __call__(self, name: str, camera, spp: int, passes: str = "all") -> dict[str, np.ndarray]:
        """The mean of `spp` samples: color, and with passes "all" albedo, normal, position and depth; (h, w, channels)."""
        width, height = camera.film().crop_size()
        part = max(1, min(spp, PATHS // (width * height)))
        state = self.work / f"{name}.npz"
        count, total = 0, 0.0
        if state.exists():
            with np.load(state) as file:
                count, total = int(file["count"]), file["total"]
        while count < spp:
            now = min(part, spp - count)
            seed = zlib.crc32(f"{name} {count} {self.attempt}".encode())
            image = self.mi.render(self.scene, sensor=camera, integrator=self.integrators[passes], spp=now, seed=seed)
            total = total + now * np.nan_to_num(np.array(image, np.float32), posinf=6e4)
            count += now
            partial = state.with_suffix(".part.npz")
            np.savez(partial, count=count, total=total)
            partial.replace(state)
        planes = np.split(total / count, np.cumsum([3, 3, 3, 3])[: 4 if passes == "all" else 0], -1)
        return dict(zip(("color", "albedo", "normal", "position", "depth"), planes, strict=False))


def write(mi, path: Path, layers: dict[str, np.ndarray]) -> None:
    """Layers by the last part of their channels' names, such as `albedo.RGB`; the beauty is `RGB`."""
    names = [f"{layer}.{c}" if layer else c for layer, _, letters in (k.rpartition(".") for k in layers) for c in letters]
    planes = np.concatenate(list(layers.values()), -1)
    bitmap = mi.Bitmap(np.ascontiguousarray(planes, np.float16), mi.Bitmap.PixelFormat.MultiChannel, names)
    partial = path.with_suffix(".part.exr")
    bitmap.write(str(partial))
    partial.replace(path)


def render_missing(options: argparse.Namespace) -> None:
    """Everything that is not in --out yet, in this process."""
    import mitsuba as mi

    mi.set_variant(options.variant)
    work = options.out / "passes"
    work.mkdir(exist_ok=True)
    render = Renderer(mi, still_life.build(options.assets, work), work, options.attempt)
    if not (options.out / "frame.exr").exists():
        camera = sensor(mi, 0, WIDTH, HEIGHT)
        made = [render(f"half_{name}", camera, HALF_SPP) for name in "ab"]
        mean = {name: (made[0][name] + made[1][name]) / 2 for name in made[0]}
        for name, planes in zip(("half_a", "half_b", "frame"), (*made, mean), strict=True):
            layers = {"RGB": planes["color"], "albedo.RGB": planes["albedo"], "normal.XYZ": planes["normal"]}
            write(mi, options.out / f"{name}.exr", layers)
    for name, corner in CROPS.items():
        path = options.out / f"reference.{name.replace(' ', '-')}.exr"
        if not path.exists():
            write(mi, path, {"RGB": render(path.stem, sensor(mi, 0, WIDTH, HEIGHT, corner), REFERENCE_SPP, "light")["color"]})
    for frame in range(1, SHOT_FRAMES + 1):
        path = options.out / f"shot.{frame:04d}.exr"
        if path.exists():
            continue
        time = frame - SHOT_FRAMES / 2
        planes = render(path.stem, sensor(mi, time, SHOT_WIDTH, SHOT_HEIGHT), SHOT_SPP)
        offsets = motion(planes["position"], planes["depth"] == 0, time)
        layers = {"RGB": planes["color"], "albedo.RGB": planes["albedo"], "normal.XYZ": planes["normal"]}
        write(mi, path, layers | {"motion.XYZW": offsets})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="folder with hdris/ and materials/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--variant", default="llvm_ad_rgb", help="or cuda_ad_rgb")
    parser.add_argument("--attempt", type=int, default=-1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.attempt >= 0:
        return render_missing(options)
    # Mitsuba's kernels now and then crash on a ray without a direction: another process goes on with another seed.
    for attempt in range(ATTEMPTS):
        if subprocess.run([sys.executable, *sys.argv, "--attempt", str(attempt)], check=False).returncode == 0:
            return
    sys.exit(f"gave up after {ATTEMPTS} crashes")


if __name__ == "__main__":
    main()
