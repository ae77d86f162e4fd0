"""Scores a checkpoint on validation scenes against the noisy input, a tuned joint bilateral filter and OIDN.

    python -m quietframe_training.evaluate --checkpoint CHECKPOINT --validation DIR --tune DIR --out bench/quality/results

Writes quality.json and quality.md. Every method gets the same noisy colour and the same noisy auxiliary buffers. Scores
are in the units of the files.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import platform

import numpy as np
import torch

from .dataset import load_example, seen_by
from .export import load_network
from .joint_bilateral import joint_bilateral, tune
from .losses import dssim, relative_mse, smape
from .train import denoise_view

METRICS = {"smape": smape, "relmse": relative_mse, "dssim": dssim}


def oidn(view, quality: str) -> torch.Tensor:
    """OIDN's RT filter with noisy albedo and normal, in the units of the view."""
    import pyoidn

    def interleaved(picture):
        return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())

    result = pyoidn.denoise(
        interleaved(view.color), interleaved(view.albedo.clamp(0, 1)), interleaved(view.normal), hdr=True, quality=quality
    )
    return torch.from_numpy(result).permute(2, 0, 1)


def methods(network, bilateral):
    """name -> function of a view to a denoised picture."""
    return {
        "noisy": lambda v: v.color,
        "bilateral": lambda v: joint_bilateral(v.color, v.albedo, v.normal, bilateral),
        "oidn fast": lambda v: oidn(v, "fast"),
        "oidn high": lambda v: oidn(v, "high"),
        "quietframe": lambda v: denoise_view(network, v.inputs(), v.renderer),
        "quietframe, no variances": lambda v: denoise_view(network, v.inputs(), "generic"),
        "quietframe, colour only": lambda v: denoise_view(network, v.inputs(), "color"),
        "quietframe, finest scale": lambda v: finest_scale(network, v),
    }


@torch.no_grad()
def finest_scale(network, view) -> torch.Tensor:
    """The single-scale result, for the ablation; the picture's size must be a multiple of eight."""
    index = torch.tensor([network.architecture.sources.index(view.renderer)])
    return network(seen_by(view.inputs(), view.renderer)[None], index)[1][0][0]


def mean_by(rows, key, method, metric):
    """Means of a metric grouped by `key`."""
    groups: dict = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row["scores"][method][metric])
    return {group: float(np.mean(values)) for group, values in sorted(groups.items())}


def markdown(rows, names, bilateral) -> str:
    """The report: means by samples per pixel, ratios to OIDN, and a row for every scene."""
    lines = ["# Quality on the validation scenes", ""]
    lines += ["Lower is better. Mean over scenes; SMAPE is Vogels et al. 2018, equation 2.", ""]
    for metric in METRICS:
        groups = list(mean_by(rows, "spp", names[0], metric))
        lines += [f"## {metric}", "", "| method | " + " | ".join(f"{g} spp" for g in groups) + " | all |"]
        lines += ["|---|" + "---|" * (len(groups) + 1)]
        for name in names:
            by = mean_by(rows, "spp", name, metric)
            overall = float(np.mean([row["scores"][name][metric] for row in rows]))
            lines.append(f"| {name} | " + " | ".join(f"{by[g]:.4f}" for g in groups) + f" | {overall:.4f} |")
        lines.append("")
    lines += [f"Bilateral parameters, tuned on training scenes: {bilateral}", "", "## Every scene (SMAPE)", ""]
    lines += ["| scene | spp | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        scores = " | ".join(f"{row['scores'][n]['smape']:.4f}" for n in names)
        lines.append(f"| {row['scene']} | {row['spp']} | {scores} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--validation", type=pathlib.Path, required=True)
    parser.add_argument("--tune", type=pathlib.Path, required=True, help="training examples that tune the bilateral filter")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    network, state = load_network(options.checkpoint)
    training = [load_example(p, False)[0] for p in sorted(options.tune.glob("*_s04.npz"))[::5][:8]]
    bilateral = tune(training)
    table = methods(network, bilateral)
    rows = []
    for path in sorted(options.validation.glob("*.npz")):
        view = load_example(path, False)[0]
        reference = view.reference / view.exposure
        scores = {}
        for name, method in table.items():
            output = method(view) / view.exposure
            scores[name] = {metric: float(function(output, reference)) for metric, function in METRICS.items()}
        rows.append({"scene": path.stem, "spp": view.spp, "renderer": view.renderer, "scores": scores})
    options.out.mkdir(parents=True, exist_ok=True)
    about = {"date": datetime.date.today().isoformat(), "machine": platform.machine(), "python": platform.python_version(),
             "torch": torch.__version__.split("+")[0], "steps": state["step"]}  # fmt: skip
    (options.out / "quality.json").write_text(json.dumps({"about": about, "scenes": rows}, indent=1) + "\n")
    text = markdown(rows, list(table), bilateral)
    (options.out / "quality.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
