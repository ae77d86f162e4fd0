"""Adaptive sampling against uniform sampling of as many samples, on the scenes of examples/adaptive.

    quietframe serve &
    python bench/adaptive/main.py --server http://localhost:8080 --work out/adaptive

Writes results/adaptive.json and adaptive.md, and for each scene a plot and pictures.  The work folder keeps references.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import sys
from typing import Any

import mitsuba as mi
import numpy as np
from quietframe import Client

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples" / "adaptive"))

from compare import GUIDES, SIZE, compare, plot  # noqa: E402
from scenes import SCENES  # noqa: E402

BUDGETS = (64, 256)
METRICS = {"relativeMse": "relative MSE", "dssim": "DSSIM", "smape": "SMAPE"}


def mean(rows: list[dict[str, Any]], scene: str, guide: str, spp: float, metric: str) -> float:
    """Mean over seeds."""
    found = [r[metric] for r in rows if (r["scene"], r["guide"], round(r["spp"], 3)) == (scene, guide, spp)]
    return float(np.mean(found))


def markdown(rows: list[dict[str, Any]], scenes: list[str], reference: float, seeds: int) -> str:
    """The tables."""
    lines = [
        "# Adaptive sampling",
        "",
        "Change of the error after denoising against uniform sampling with the same number of samples; "
        f"{SIZE}x{SIZE} pixels,",
        f"16 samples per pixel evenly, then doubled every round; {seeds} run(s) for each figure. References: "
        f"{reference:g} samples",
        "per pixel, allocated by variance; relative MSE is measured between independent halves of it, so that its",
        "noise drops out on average, while DSSIM and SMAPE of all three include it.",
        "",
    ]
    for spp in BUDGETS:
        lines += [f"## {spp} samples per pixel", ""]
        guided = [guide for guide in GUIDES if guide != "uniform"]
        columns = [f"{METRICS[m]}: {c}" for m in METRICS for c in ("uniform", *guided)]
        lines += ["| scene | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
        changes: dict[tuple[str, str], list[float]] = {}
        for scene in scenes:
            cells = []
            for metric in METRICS:
                base = mean(rows, scene, "uniform", spp, metric)
                cells.append(f"{base:.5f}")
                for guide in guided:
                    change = mean(rows, scene, guide, spp, metric) / base - 1
                    changes.setdefault((metric, guide), []).append(change)
                    cells.append(f"{100 * change:+.1f} %")
            lines.append(f"| {scene} | " + " | ".join(cells) + " |")
        averages = []
        for metric in METRICS:
            averages += ["", *(f"**{100 * np.mean(changes[metric, guide]):+.1f} %**" for guide in guided)]
        lines += ["| mean of scenes | " + " | ".join(averages) + " |", ""]
    for scene in scenes:
        lines += [f"## {scene}", "", f"![errors over rounds]({scene}-rounds.png)", "", f"![pictures]({scene}.png)", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://localhost:8080")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--scenes", nargs="+", choices=list(SCENES), default=list(SCENES))
    parser.add_argument("--reference", type=float, default=2048, help="mean samples per pixel of the references")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--variant", default="llvm_ad_rgb")
    options = parser.parse_args()
    mi.set_variant(options.variant)
    client = Client(options.server)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    rows: list[dict[str, Any]] = []
    for scene in options.scenes:
        folder = options.work / scene
        found = compare(
            scene,
            client,
            budget=max(BUDGETS),
            reference_spp=options.reference,
            folder=folder,
            seeds=options.seeds,
        )
        plot(found, results / f"{scene}-rounds.png")
        shutil.copy(folder / "pictures.png", results / f"{scene}.png")
        rows += found
        print(f"{scene} done", flush=True)
    model = client.models()[0]
    about = {"model": f"{model['name']}@{model['version']}", "reference": options.reference, "seeds": options.seeds}
    (results / "adaptive.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")
    text = markdown(rows, options.scenes, options.reference, options.seeds)
    (results / "adaptive.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
