"""Scores an error predictor on validation scenes: correlation with the true error, and calibration.

    python -m quietframe_training.evaluate_error --checkpoint runs/e/error.pt --denoiser DENOISER.pt --validation DIR \
        --out bench/quality/results

Writes error.json, error.md and error-calibration.png.  Errors are in the units of the files.  The decay of errors with the
samples, which the export needs, is measured on scenes that were rendered at several sample counts.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from .auxiliary_prefilter import load_prefilter
from .error_predictor import DARK, ERROR_CHANNELS, in_units_of_file, true_errors
from .export import load_network
from .train_error import denoised_examples, kept_examples, load_predictor, predict_errors

# Side of the squares of pixels over which errors are also compared: the error of one pixel is mostly chance.
BLOCK = 8
BINS = 12


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks of values, equal ones with their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse.ravel()]


def spearman(a: torch.Tensor, b: torch.Tensor) -> float:
    """Rank correlation of two maps of the same shape."""
    return float(np.corrcoef(ranks(a.numpy().ravel()), ranks(b.numpy().ravel()))[0, 1])


def blocks(errors: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(errors[None], BLOCK)[0]


def scores_of(predictor, example) -> tuple[dict, torch.Tensor, torch.Tensor]:
    """Figures of a scene, and its predicted and true errors [2,H,W]."""
    denoised = example.inputs[3:6]
    predicted = in_units_of_file(predict_errors(predictor, example.inputs), denoised, example.exposure)
    exposed = true_errors(denoised, example.reference)
    smape = true_errors(denoised / example.exposure, example.reference / example.exposure)[:1]
    true = torch.cat([smape, exposed[1:]])
    brightness = denoised.mean(0, keepdim=True)
    variance = (example.inputs[6:7] / (brightness**2 + DARK**2)).clamp(0, 1)
    row = {"scene": example.name, "spp": example.spp}
    for c, name in enumerate(ERROR_CHANNELS):
        p, t = predicted[c : c + 1], true[c : c + 1]
        row[name] = {
            "predicted": float(p.mean()),
            "true": float(t.mean()),
            "spearman": spearman(p, t),
            "spearmanBlocks": spearman(blocks(p), blocks(t)),
            "varianceSpearman": spearman(variance, t),
            "varianceSpearmanBlocks": spearman(blocks(variance), blocks(t)),
        }
    return row, predicted, true


def decay_of(rows) -> float:
    """The exponent with which the true SMAPE falls with the samples: the median over scenes of the slope of logarithms."""
    scenes: dict[str, list] = {}
    for row in rows:
        scenes.setdefault(row["scene"].split("_s")[0], []).append(row)
    slopes = []
    for views in scenes.values():
        if len({v["spp"] for v in views}) > 1:
            spp, error = (np.log([f(v) for v in views]) for f in (lambda v: v["spp"], lambda v: v["SMAPE"]["true"]))
            slopes.append(-np.polyfit(spp, error, 1)[0])
    return float(np.median(slopes))


def calibration(predicted: np.ndarray, true: np.ndarray) -> list[dict]:
    """Mean predicted and true error of pixels, by quantiles of the predicted one."""
    order = np.array_split(np.argsort(predicted, kind="stable"), BINS)
    return [{"predicted": float(predicted[i].mean()), "true": float(true[i].mean())} for i in order]


def plot(path: pathlib.Path, curves, rows) -> None:
    """Left: calibration of pixels; right: means of scenes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2 * len(ERROR_CHANNELS), figsize=(15, 4), layout="constrained")
    for c, name in enumerate(ERROR_CHANNELS):
        left, right = axes[2 * c : 2 * c + 2]
        left.plot(*([point[k] for point in curves[name]] for k in ("predicted", "true")), "o-")
        left.set(title=f"{name} of pixels, by {BINS} quantiles")
        for i, spp in enumerate(sorted({row["spp"] for row in rows})):
            of = [row[name] for row in rows if row["spp"] == spp]
            points = ([row[k] for row in of] for k in ("predicted", "true"))
            right.scatter(*points, color=f"C{i}", label=f"{spp} samples per pixel")
        right.set(title=f"{name} of scenes")
        for axis in (left, right):
            most = max(axis.get_xlim()[1], axis.get_ylim()[1])
            axis.plot([0, most], [0, most], "k:", linewidth=1)
            axis.set(xlabel=f"predicted {name}", ylabel=f"true {name}", xlim=(0, most), ylim=(0, most))
    axes[1].legend(fontsize=8)
    figure.savefig(path, dpi=80)


def markdown(rows, decay: float) -> str:
    """The report: means over scenes, then a row for every scene."""

    def mean(name, key):
        return float(np.mean([row[name][key] for row in rows]))

    lines = ["# Predicted errors on the validation scenes", ""]
    columns = ["error", "Spearman, pixels", "blocks", "lowest scene, blocks", "scenes >= 0.7, blocks"]
    columns += ["variance, pixels", "blocks", "predicted mean", "true mean"]
    lines += [
        "Spearman's rank correlation with the true error, per scene, of pixels and of means of blocks of "
        f"{BLOCK}x{BLOCK} pixels;",
        "the same for the relative variance of the noisy input. References carry noise of their own, which no prediction",
        "explains.",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
    ]
    for name in ERROR_CHANNELS:
        values = [row[name]["spearmanBlocks"] for row in rows]
        enough = sum(value >= 0.7 for value in values)
        lines.append(
            f"| {name} | {mean(name, 'spearman'):.3f} | {mean(name, 'spearmanBlocks'):.3f} | {min(values):.3f} "
            f"| {enough} of {len(rows)} | {mean(name, 'varianceSpearman'):.3f} | {mean(name, 'varianceSpearmanBlocks'):.3f} "
            f"| {mean(name, 'predicted'):.4f} | {mean(name, 'true'):.4f} |"
        )
    lines += ["", f"SMAPE falls with the samples n as n^-{decay:.2f} (median over scenes).", ""]
    lines += ["![calibration](error-calibration.png)", "", "| scene | spp | " + " | ".join(
        f"{name} predicted | true | Spearman | blocks" for name in ERROR_CHANNELS) + " |"]  # fmt: skip
    lines.append("|---|---|" + "---|" * 4 * len(ERROR_CHANNELS))
    for row in rows:
        cells = " | ".join(
            f"{row[n]['predicted']:.4f} | {row[n]['true']:.4f} | {row[n]['spearman']:.2f} | {row[n]['spearmanBlocks']:.2f}"
            for n in ERROR_CHANNELS
        )
        lines.append(f"| {row['scene']} | {row['spp']} | {cells} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True, help="of the error predictor")
    parser.add_argument("--denoiser", type=pathlib.Path, required=True)
    parser.add_argument("--prefilter", type=pathlib.Path, help="checkpoint of the auxiliary prefilter before the denoiser")
    parser.add_argument("--validation", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    predictor, state = load_predictor(options.checkpoint)
    network, _ = load_network(options.denoiser)
    prefilter = load_prefilter(options.prefilter) if options.prefilter else None
    examples = kept_examples(
        options.checkpoint.parent,
        "validation",
        (options.denoiser, options.prefilter),
        lambda: denoised_examples(network, [options.validation], False, prefilter),
    )
    rows, predicted, true = [], [], []
    for example in examples:
        row, p, t = scores_of(predictor, example)
        rows.append(row)
        predicted.append(p.flatten(1).numpy())
        true.append(t.flatten(1).numpy())
    predicted, true = np.concatenate(predicted, 1), np.concatenate(true, 1)
    curves = {name: calibration(predicted[c], true[c]) for c, name in enumerate(ERROR_CHANNELS)}
    decay = decay_of(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    report = {"steps": state["step"], "decay": round(decay, 3), "calibration": curves, "scenes": rows}
    (options.out / "error.json").write_text(json.dumps(report, indent=1) + "\n")
    (options.out / "error.md").write_text(markdown(rows, decay))
    plot(options.out / "error-calibration.png", curves, rows)
    print(markdown(rows, decay))


if __name__ == "__main__":
    main()
