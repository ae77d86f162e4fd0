"""Plots of the results; cells without a result are left out."""

from __future__ import annotations

import pathlib

import numpy as np

from .report import Results, scored, window_means
from .single_frames import FRAMES


def _axes():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    axes.grid(True, alpha=0.3)
    return figure, axes


def _save(figure, path: pathlib.Path) -> None:
    from matplotlib import pyplot

    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _with_range(axes, x, values: list[list[float]], label: str, **style) -> None:
    """A line of means; error bars from the least to the largest of the seeds."""
    means = [float(np.mean(v)) for v in values]
    below = [m - min(v) for m, v in zip(means, values, strict=True)]
    above = [max(v) - m for m, v in zip(means, values, strict=True)]
    axes.errorbar(x, means, yerr=[below, above], label=label, capsize=3, marker="o", **style)


def figure11(results: Results, path: pathlib.Path) -> None:
    figure, axes = _axes()
    for kind, label in (("encoder", "encoder of a locked network"), ("scratch", "whole network from scratch")):
        found = [(i, scored(results, f"{kind}-{n or 'all'}", "mitsuba", "relative dssim")) for i, n in enumerate(FRAMES)]
        found = [(i, values) for i, values in found if values]
        if found:
            _with_range(axes, [i for i, _ in found], [[100 * v for v in values] for _, values in found], label)
    axes.set_xticks(range(len(FRAMES)), [str(n or "all") for n in FRAMES])
    axes.set(xlabel="frames of the new renderer", ylabel="DSSIM relative to the input (%)", title="Adaptation to Mitsuba")
    axes.legend()
    _save(figure, path)


def section8(results: Results, path: pathlib.Path) -> None:
    figure, axes = _axes()
    steps: list[int] = []
    for prefix, label in (("kernels-b6-k21-l3", "kernel prediction"), ("direct-b6-k21-l3", "direct prediction")):
        runs = [r["convergence"] for name, r in results.items() if r and name.rsplit("-s", 1)[0] == prefix]
        if not runs:
            continue
        steps = [entry["step"] for entry in runs[0]]
        values = [[float(np.mean([s["smape"] for s in run[i]["scores"].values()])) for run in runs] for i in range(len(steps))]
        _with_range(axes, steps, values, label)
    axes.set(xlabel="training steps", ylabel="SMAPE on validation frames", title="Convergence", xscale="log", yscale="log")
    axes.set_xticks(steps, [str(step) for step in steps])
    axes.tick_params(axis="x", which="minor", labelbottom=False)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend()
    _save(figure, path)


def figure15(results: Results, path: pathlib.Path) -> None:
    figure, axes = _axes()
    for i, metric in enumerate(("smape", "dssim")):
        means = window_means(results, metric)
        lengths = [n for n in means if n.isdigit()]
        past = ["1", *(n for n in means if n.endswith("p"))]
        for names, style, label in ((lengths, "o-", "around the frame"), (past, "s--", "past only")):
            x = [int(n.rstrip("p")) for n in names]
            axes.plot(x, [means[n] for n in names], f"C{i}{style}", label=f"{metric.upper()}, {label}")
    axes.set(xlabel="frames in the window", ylabel="error relative to the single frame", title="Windows")
    axes.legend()
    _save(figure, path)


def figure12(results: Results, path: pathlib.Path) -> None:
    figure, axes = _axes()
    found = {name.removeprefix("stability-"): r for name, r in results.items() if r}
    methods = [name for name, s in next(iter(found.values())).items() if isinstance(s, dict)]
    width = 0.8 / len(found)
    for i, (shot, r) in enumerate(found.items()):
        at = np.arange(len(methods)) + (i - (len(found) - 1) / 2) * width
        label = f"{shot}, {r['spp']} samples per pixel"
        axes.bar(at, [r[m]["dssim"] for m in methods], width, yerr=[r[m]["deviation"] for m in methods], capsize=2, label=label)
    names = {"oidn high": "OIDN high", "1 frames": "1 frame"}
    axes.set_xticks(range(len(methods)), [names.get(method, method) for method in methods])
    axes.set(ylabel="DSSIM of neighboring frames", title="Stability of a still shot", yscale="log")
    axes.legend()
    _save(figure, path)


def figure16(results: Results, path: pathlib.Path) -> None:
    figure, axes = _axes()
    for levels, style in ((1, "s--"), (3, "o-")):
        for color, metric, label in (("C0", "smape", "SMAPE"), ("C1", "blotches", "SMAPE of 8x8 means")):
            found = [(b, results.get(f"kernels-b{b}-k21-l{levels}-s0")) for b in (2, 6, 12)]
            values = [(b, float(np.mean([s[metric] for s in r["scores"].values()]))) for b, r in found if r]
            if values:
                scales = "1 scale" if levels == 1 else f"{levels} scales"
                axes.plot(*zip(*values, strict=True), style, color=color, label=f"{label}, {scales}")
    axes.set(xlabel="residual blocks", ylabel="error on validation frames", title="Depth and scales, kernels of 21x21")
    axes.legend()
    _save(figure, path)


PLOTS = {
    "figure11": ("figure11.png", figure11),
    "figure12": ("figure12.png", figure12),
    "figure13": ("figure15.png", figure15),
    "figure16": ("figure16.png", figure16),
    "section8": ("section8.png", section8),
}


def draw_plots(folder: pathlib.Path, results: dict[str, Results]) -> None:
    """Writes a PNG for every group that has a plot and a result."""
    for name, (file, draw) in PLOTS.items():
        if name in results and any(results[name].values()):
            draw(results[name], folder / file)
