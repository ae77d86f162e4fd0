"""Figures 9 and 19 and their tables from the runs of guiding.py, however many of them there are.

    python bench/adaptive/guiding_report.py --work out/guiding

Writes results/guiding.json, guiding.md, figure-9.png and figure-19.png.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

Array = npt.NDArray[Any]
HERE = pathlib.Path(__file__).resolve().parent
SCENES = ("cornell", "focus", "metals", "doorway", "shade", "plates")
ERRORS = {"relativeMse": "relative MSE", "smape": "SMAPE", "dssim": "DSSIM", "msDssim": "MS-DSSIM"}
#: Guides in the order and with the labels of the figures.
GUIDES = {
    "relative-variance": "relative variance",
    "relative-mse": "relative MSE (derived)",
    "smape": "SMAPE",
    "dssim": "DSSIM",
    "ms-dssim": "MS-DSSIM (derived)",
    "shipped-variance": "relative variance, default limits",
    "shipped": "default (SMAPE, reducible)",
    "true-smape": "true SMAPE",
}


def change(rows: list[dict[str, Any]], guide: str, metric: str, base: str = "uniform") -> Array:
    """Changes against another guide of the same seed, one for each scene and seed that has both, in percent."""
    value = {(r["scene"], r["seed"], r["guide"]): r[metric] for r in rows}
    pairs = [(s, k) for s, k, g in value if g == guide and (s, k, base) in value]
    return np.array([100 * (value[s, k, guide] / value[s, k, base] - 1) for s, k in sorted(pairs)])


def matched(rows: list[dict[str, Any]], guides: list[str]) -> list[dict[str, Any]]:
    """Runs of the scenes and seeds that all of the guides have: rows of one table compare the same pictures."""
    runs: dict[tuple[str, int], set[str]] = {}
    for row in rows:
        runs.setdefault((row["scene"], row["seed"]), set()).add(row["guide"])
    complete = {key for key, found in runs.items() if found >= {"uniform", *guides}}
    return [row for row in rows if (row["scene"], row["seed"]) in complete and row["guide"] in ("uniform", *guides)]


def about(rows: list[dict[str, Any]]) -> str:
    """How many scenes and runs there are."""
    keys = {(row["scene"], row["seed"]) for row in rows}
    return f"{len({scene for scene, _ in keys})} scenes, {len(keys)} runs of each guide"


def mean_and_error(values: Array) -> tuple[float, float]:
    """Mean and its standard error; NaN of one value."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def figure_9(tables: list[list[dict[str, Any]]], path: pathlib.Path) -> None:
    """Bars: errors after denoising against uniform sampling, by guide; a row of panels for each set of runs."""
    size = (14, 3.8 * len(tables))
    figure, axes = pyplot.subplots(len(tables), len(ERRORS), figsize=size, layout="constrained", squeeze=False)
    for row, rows in zip(axes, tables, strict=True):
        guides = [guide for guide in GUIDES if len(change(rows, guide, "smape"))]
        for axis, (metric, label) in zip(row, ERRORS.items(), strict=True):
            for i, guide in enumerate(guides):
                mean, error = mean_and_error(change(rows, guide, metric))
                axis.barh(i, mean, xerr=error, color=f"C{list(GUIDES).index(guide)}", capsize=3)
            axis.axvline(0, color="black", linewidth=0.8)
            axis.set(
                xlabel=f"change of {label} [%]", yticks=[], title=label if metric != "relativeMse" else about(rows)
            )
            axis.invert_yaxis()
        row[0].set_yticks(range(len(guides)), [GUIDES[guide] for guide in guides])
    figure.suptitle(
        "Samples by guide against uniform sampling of the same seed, 64 samples per pixel: "
        "mean and standard error of runs"
    )
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def figure_19(work: pathlib.Path, path: pathlib.Path) -> None:
    """Denoised picture and the densities after 16 samples per pixel: default, predicted SMAPE, true SMAPE."""
    from matplotlib.colors import LogNorm

    shown = [scene for scene in SCENES if (work / scene / "maps-0.npz").exists()]
    titles = ("denoised, 16 spp", "default density", "predicted SMAPE", "true SMAPE")
    figure, axes = pyplot.subplots(len(shown), 4, figsize=(9, 2.2 * len(shown)), layout="constrained")
    for row, scene in zip(axes, shown, strict=True):
        with np.load(work / scene / "maps-0.npz") as maps:
            picture, true = maps["picture"], maps["true-smape"]
            densities = [maps["shipped"], maps["predicted-smape"], true / true.mean()]
        light = np.maximum(picture, 0) * 0.18 / max(1e-6, float(np.exp(np.log(picture.mean(-1) + 1e-4).mean())))
        row[0].imshow((light / (1 + light)) ** (1 / 2.2))
        for axis, density in zip(row[1:], densities, strict=True):
            image = axis.imshow(np.maximum(density, 1e-3), norm=LogNorm(0.1, 10), cmap="viridis")
        row[0].set_ylabel(scene)
        for axis in row:
            axis.set(xticks=[], yticks=[])
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    figure.colorbar(image, ax=axes[:, 1:], label="density of samples, mean 1", shrink=0.6)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def cell(values: Array) -> str:
    """Mean and standard error in percent."""
    if len(values) == 0:
        return ""
    mean, error = mean_and_error(values)
    return f"{mean:+.1f}" if np.isnan(error) else f"{mean:+.1f} ± {error:.1f}"


def markdown(rows: list[dict[str, Any]], tables: list[list[dict[str, Any]]], maps: list[dict[str, Any]]) -> str:
    """The tables."""
    lines = [
        "# Guiding metrics",
        "",
        "Change of the error after denoising against uniform sampling of the same seed, in percent, with 64",
        "samples per pixel: mean and standard error over runs. 96x96 pixels, references of 1024 samples per pixel.",
        "A table has only the scenes and seeds that all of its guides have, so that its rows compare the same",
        "pictures. Runs of one scene are not independent of each other: the standard errors are too small for",
        "what another scene would give.",
        "",
        "![figure 9](figure-9.png)",
        "",
    ]
    for table in tables:
        lines += [f"## {about(table)}", "", "| samples by | " + " | ".join(ERRORS.values()) + " |"]
        lines.append("|---" * (len(ERRORS) + 1) + "|")
        for guide, name in GUIDES.items():
            if len(change(table, guide, "smape")):
                lines.append(f"| {name} | " + " | ".join(cell(change(table, guide, m)) for m in ERRORS) + " |")
        lines.append("")
    lines += [
        "## Error head against relative variance",
        "",
        "The default against relative variance with the same limits, the same seed:",
        "",
    ]
    lines += ["| scene | runs | " + " | ".join(ERRORS.values()) + " |", "|---" * (len(ERRORS) + 2) + "|"]
    for scenes in (*((scene,) for scene in SCENES), SCENES):
        of = [row for row in rows if row["scene"] in scenes]
        values = [change(of, "shipped", m, "shipped-variance") for m in ERRORS]
        name = scenes[0] if len(scenes) == 1 else "**all runs**"
        lines.append(f"| {name} | {len(values[0])} | " + " | ".join(cell(v) for v in values) + " |")
    lines += ["", "## By scene", "", "Relative MSE; DSSIM.", ""]
    shown = ("relative-variance", "smape", "shipped-variance", "shipped", "true-smape")
    lines += ["| scene | seeds | " + " | ".join(GUIDES[g] for g in shown) + " |", "|---" * (len(shown) + 2) + "|"]
    for scene in SCENES:
        seeds = len({r["seed"] for r in rows if r["scene"] == scene})
        cells = []
        for guide in shown:
            of = [row for row in rows if row["scene"] == scene]
            mse, dssim = (change(of, guide, m) for m in ("relativeMse", "dssim"))
            cells.append(f"{cell(mse)}; {cell(dssim)} (n = {len(mse)})" if len(mse) else "")
        lines.append(f"| {scene} | {seeds} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Predicted and true maps",
        "",
        "After 16 samples per pixel, the first seed.",
        "",
        "![figure 19](figure-19.png)",
    ]
    metrics = ("smape", "dssim", "relative-mse", "ms-dssim", "relative-variance")
    lines += [
        "",
        "Rank correlation of the predicted with the true error, blocks of 8x8 pixels; of relative variance with",
        "true SMAPE:",
        "",
    ]
    lines += ["| scene | seeds | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 2) + "|"]
    for scene in SCENES:
        of = [m["correlations"] for m in maps if m["scene"] == scene]
        means = [f"{np.mean([c[metric] for c in of]):.2f}" for metric in metrics]
        lines.append(f"| {scene} | {len(of)} | " + " | ".join(means) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    work = parser.parse_args().work
    rows = [row for path in sorted(work.glob("*/*-[0-9]*.json")) for row in json.loads(path.read_text())]
    maps = []
    for path in sorted(work.glob("*/maps-*.npz")):
        with np.load(path) as kept:
            maps.append(json.loads(str(kept["about"])))
    results = HERE / "results"
    (results / "guiding.json").write_text(json.dumps({"rows": rows, "maps": maps}, indent=1) + "\n")
    common = [guide for guide in GUIDES if guide not in ("relative-mse", "ms-dssim", "true-smape")]
    tables = [matched(rows, list(GUIDES))]
    if about(matched(rows, common)) != about(tables[0]):
        tables.insert(0, matched(rows, common))
    (results / "guiding.md").write_text(markdown(rows, tables, maps))
    figure_9(tables, results / "figure-9.png")
    figure_19(work, results / "figure-19.png")


if __name__ == "__main__":
    main()
