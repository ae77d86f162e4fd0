"""Scores windows, lambda and compositing of a checkpoint on validation sequences, beside OIDN; draws pictures.

    python -m quietframe_training.evaluate_windows --checkpoint CHECKPOINT --validation DIR --out bench/quality/results

Writes windows.json, windows.md and pictures. Every method gets the same noisy colour and auxiliary buffers. Flicker is
the mean absolute difference of consecutive denoised frames after warping the earlier one along the motion vectors; the
sequences of `--flicker`, if given, have no other use.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import platform
from dataclasses import dataclass

import numpy as np
import torch

from .auxiliary_prefilter import AuxiliaryPrefilter, load_prefilter
from .dataset import View, load_example
from .export import load_network
from .losses import smape
from .network import Denoiser, downsample, upsample
from .oidn import oidn
from .window import WINDOW_OFFSETS, gather
from .window_bound import bounded
from .window_dataset import Window, load_window, prepare, window_of

LENGTHS = {1: (), 3: (2, 3), 5: (1, 2, 3, 4), 7: (0, 1, 2, 3, 4, 5)}
LAMBDAS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Pipeline:
    """The network, and the prefilter before it if there is one."""

    network: Denoiser
    prefilter: AuxiliaryPrefilter | None = None

    def prepare(self, window: Window):
        return prepare(self.network, window, window.renderer, self.prefilter)


@torch.no_grad()
def denoise(pipeline: Pipeline, window: Window, slots, lambda_: float = 1.0) -> torch.Tensor:
    """The centre frame [3,H,W] in the units of the file."""
    network, part = pipeline.network, pipeline.prepare(window.only(slots))
    log_lambda = None if lambda_ == 1 else torch.full((1, 1, *window.reference.shape[1:]), float(np.log10(lambda_)))
    output, levels, _ = network.denoise(part.center, part.neighbors, log_lambda)
    if part.neighbors:
        finest, others = part.center[0], [(n.estimate, n.motion) for n in part.neighbors[0]]
        output = network.composite([bounded(levels[0], finest.estimate, others, lambda_), *levels[1:]])[0]
    return output[0] / window.exposure


def score_sequence(pipeline: Pipeline, path: pathlib.Path) -> dict:
    """SMAPE of the centre frame by length of the window, and of OIDN."""
    window, view = load_window(path), load_example(path, False)[0]
    reference = window.reference / window.exposure
    scores = {f"{n} frames": float(smape(denoise(pipeline, window, slots), reference)) for n, slots in LENGTHS.items()}
    for quality in ("fast", "high"):
        scores[f"oidn {quality}"] = float(smape(oidn(view, quality) / view.exposure, reference))
    return {"scene": path.stem, "spp": window.spp, "scores": scores}


def shot(path: pathlib.Path) -> list[tuple[Window, torch.Tensor | None]]:
    """Every frame of an example as the centre of its own window, and its motion to the frame before it [1,2,H,W]."""
    with np.load(path) as file:
        meta = json.loads(str(file["meta"]))
        count = len(meta["frames"])
        arrays = {name: file[name] for name in file.files if name != "meta"}
    frames = []
    for center in range(count):
        arrays["meta"] = np.array(json.dumps(meta | {"frames": [i - center for i in range(count)]}))
        to_previous = torch.from_numpy(np.moveaxis(arrays["motion"][center, ..., :2].astype(np.float32), -1, 0).copy())
        frames.append((window_of(arrays, path.stem), to_previous[None] if center else None))
    return frames


def score_flicker(pipeline: Pipeline, path: pathlib.Path) -> dict:
    """Flicker of a shot, denoised frame by frame, in windows, and by OIDN."""
    frames = shot(path)
    methods = {
        "noisy": lambda w: w.center[:3] / w.exposure,
        "oidn high": lambda w: oidn_of(w) / w.exposure,
        "1 frame": lambda w: denoise(pipeline, w, ()),
        "7 frames": lambda w: denoise(pipeline, w, LENGTHS[7]),
    }
    scores = {}
    for name, method in methods.items():
        pictures = [method(window) for window, _ in frames]
        flickers = []
        for before, after, (_, motion) in zip(pictures, pictures[1:], frames[1:], strict=False):
            warped, inside = gather(before[None], motion)
            flickers.append(float(((after[None] - warped).abs() * inside).sum() / (3 * inside.sum()).clamp(min=1)))
        scores[name] = float(np.mean(flickers))
    motion = torch.cat([m for _, m in frames if m is not None])
    return {"scene": path.stem, "spp": frames[0][0].spp, "still": bool(motion.abs().max() < 0.01), "scores": scores}


def oidn_of(window: Window) -> torch.Tensor:
    """OIDN high of the centre frame, in the window's exposure."""
    c = window.center
    return oidn(View("", "", window.spp, c[:3], c[3:4], c[4:7], c[7:8], c[8:11], c[11:12], window.reference, 1.0), "high")


def score_lambda(pipeline: Pipeline, path: pathlib.Path) -> dict:
    """By lambda: SMAPE, the share of the input's noise that is left, and the error of a blend that leaves as much.

    The share is the regression of the remaining error on the input's: sum (d-r)(c-r) / sum (c-r)^2, per pixel clamped to
    three standard deviations, so that fireflies do not decide.
    """
    window = load_window(path)
    reference = window.reference / window.exposure
    noisy = window.center[:3] / window.exposure
    noise = noisy - reference
    noise = noise.clamp(-3 * noise.std(), 3 * noise.std())
    base, scores = denoise(pipeline, window, ()), {}

    def left(picture):
        return float(((picture - reference) * noise).sum() / noise.square().sum())

    for lambda_ in LAMBDAS:
        output = base if lambda_ == 1 else denoise(pipeline, window, (), lambda_)
        share = left(output)
        mix = min(max((share - left(base)) / max(left(noisy) - left(base), 1e-6), 0.0), 1.0)
        blend = base + mix * (noisy - base)
        scores[str(lambda_)] = {"smape": float(smape(output, reference)), "noise left": share,
                                "smape of a blend": float(smape(blend, reference))}  # fmt: skip
    return {"scene": path.stem, "spp": window.spp, "scores": scores}


@torch.no_grad()
def score_compositing(pipeline: Pipeline, path: pathlib.Path) -> dict:
    """SMAPE with the learned blend weight, with a weight of 1 (naive), and of the finest scale alone."""
    window = load_window(path)
    reference = window.reference / window.exposure
    output, levels, _ = pipeline.network.denoise(pipeline.prepare(window.only(())).center)
    naive = levels[-1]
    for fine in reversed(levels[:-1]):
        naive = fine + upsample(naive - downsample(fine))
    pictures = {"learned": output, "naive": naive, "finest scale": levels[0]}
    return {"scene": path.stem, "spp": window.spp,
            "scores": {k: float(smape(v[0] / window.exposure, reference)) for k, v in pictures.items()}}  # fmt: skip


def table(rows, header: str) -> list[str]:
    """Markdown of the rows' scores, with their mean."""
    names = list(rows[0]["scores"])
    lines = [f"## {header}", "", "| scene | spp | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        scene = row["scene"] + (" (still)" if row.get("still") else "")
        lines.append(f"| {scene} | {row['spp']} | " + " | ".join(f"{row['scores'][n]:.4f}" for n in names) + " |")
    means = [np.mean([row["scores"][n] for row in rows]) for n in names]
    return [*lines, "| **mean** | | " + " | ".join(f"**{m:.4f}**" for m in means) + " |", ""]


def lambda_table(rows) -> list[str]:
    names = list(rows[0]["scores"]["1"])
    lines = ["## Lambda (single frames)", "", "| lambda | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for lambda_ in LAMBDAS:
        means = [np.mean([row["scores"][str(lambda_)][n] for row in rows]) for n in names]
        lines.append(f"| {lambda_} | " + " | ".join(f"{m:.4f}" for m in means) + " |")
    return [*lines, ""]


def draw(pipeline: Pipeline, path: pathlib.Path, out: pathlib.Path) -> None:
    """noisy | OIDN high | 1 frame | 7 frames | lambda 5 | reference, three times as large."""
    from PIL import Image

    window = load_window(path)
    noisy, reference = window.center[:3] / window.exposure, window.reference / window.exposure
    pictures = [noisy, oidn_of(window) / window.exposure, denoise(pipeline, window, ()),
                denoise(pipeline, window, LENGTHS[7]), denoise(pipeline, window, LENGTHS[7], 5), reference]  # fmt: skip
    strip = torch.cat(pictures, 2).clamp(min=0) * window.exposure
    encoded = (255 * (strip / (1 + strip) * 1.3).clamp(0, 1) ** (1 / 2.2)).round().byte().permute(1, 2, 0).numpy()
    image = Image.fromarray(encoded)
    image.resize((3 * image.width, 3 * image.height), Image.NEAREST).save(out / f"{path.stem}.png", optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--validation", type=pathlib.Path, required=True)
    parser.add_argument("--prefilter", type=pathlib.Path, help="checkpoint of the auxiliary prefilter before the network")
    parser.add_argument("--flicker", type=pathlib.Path, help="further sequences")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--pictures", type=int, default=2, help="sequences to draw")
    options = parser.parse_args()
    network, state = load_network(options.checkpoint)
    pipeline = Pipeline(network, load_prefilter(options.prefilter) if options.prefilter else None)
    paths = sorted(options.validation.glob("*.npz"))
    sequences = [p for p in paths if load_window(p).neighbors]
    further = sorted(options.flicker.glob("*.npz")) if options.flicker else []
    results = {
        "windows": [score_sequence(pipeline, p) for p in [*sequences, *further]],
        "flicker": [score_flicker(pipeline, p) for p in [*sequences, *further]],
        "compositing": [score_compositing(pipeline, p) for p in paths],
        "lambda": [score_lambda(pipeline, p) for p in paths],
    }
    options.out.mkdir(parents=True, exist_ok=True)
    for path in sequences[: options.pictures]:
        draw(pipeline, path, options.out)
    about = {"date": datetime.date.today().isoformat(), "machine": platform.machine(), "steps": state["step"],
             "torch": torch.__version__.split("+")[0], "slots": len(WINDOW_OFFSETS)}  # fmt: skip
    (options.out / "windows.json").write_text(json.dumps({"about": about, **results}, indent=1) + "\n")
    lines = ["# Windows, flicker, compositing and lambda", "", "Lower is better. SMAPE is Vogels et al. 2018, equation 2.", ""]
    lines += table(results["windows"], "SMAPE of the centre frame by frames in the window")
    lines += table(results["flicker"], "Flicker") + table(results["compositing"], "Compositing of scales (single frames)")
    lines += lambda_table(results["lambda"])
    (options.out / "windows.md").write_text("\n".join(lines))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
