"""Tables of the results as Markdown; cells without a result are left out."""

from __future__ import annotations

import datetime
import pathlib
import platform

import numpy as np
import torch

from .cells import Budget
from .single_frames import FRAMES, STRUCTURES

Results = dict[str, dict | None]


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean, and half of the range where there is more than one value."""
    return float(np.mean(values)), (max(values) - min(values)) / 2


def scored(results: Results, prefix: str, renderer: str, metric: str) -> list[float]:
    """A metric of all seeds of a cell."""
    found = [r for name, r in sorted(results.items()) if r is not None and name.rsplit("-s", 1)[0] == prefix]
    return [r["scores"][renderer][metric] for r in found if renderer in r["scores"]]


def cell_text(values: list[float], percent: bool = True) -> str:
    if not values:
        return ""
    mean, spread = mean_and_spread(values)
    text = (lambda v: f"{100 * v:.1f} %") if percent else (lambda v: f"{v:.4f}")
    return text(mean) + (f" ± {text(spread)}" if len(values) > 1 else "")


def rows(header: list[str], body: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in body), ""]


def table2(results: Results) -> list[str]:
    names = {
        "one-encoder-cycles": "Cycles only",
        "one-encoder-mitsuba": "Mitsuba only",
        "one-encoder-both": "both",
        "kernels-b6-k21-l3": "both, with encoders",
    }
    columns = [(r, m) for r in ("cycles", "mitsuba") for m in ("relative dssim", "relative smape")]
    body = [[label, *(cell_text(scored(results, name, *column)) for column in columns)] for name, label in names.items()]
    return rows(["trained on", *(f"{r.capitalize()}, {m.split()[1].upper()}" for r, m in columns)], body)


def figure11(results: Results) -> list[str]:
    body = []
    for frames in FRAMES:
        cells = [scored(results, f"{kind}-{frames or 'all'}", "mitsuba", m)
                 for m in ("relative dssim", "relative smape") for kind in ("encoder", "scratch")]  # fmt: skip
        body.append([str(frames or "all"), *map(cell_text, cells)])
    return rows(["frames", "encoder, DSSIM", "from scratch, DSSIM", "encoder, SMAPE", "from scratch, SMAPE"], body)


def figure16(results: Results) -> list[str]:
    body = []
    for blocks, kernel, levels in STRUCTURES:
        found = results.get(f"kernels-b{blocks}-k{kernel}-l{levels}-s0")
        if not found:
            continue
        means = {m: float(np.mean([s[m] for s in found["scores"].values()])) for m in ("smape", "dssim", "blotches")}
        body.append([str(blocks), str(kernel), str(levels), *(f"{means[m]:.4f}" for m in ("smape", "dssim", "blotches"))])
    return rows(["residual blocks", "kernel", "scales", "SMAPE", "DSSIM", "SMAPE of 8x8 means"], body)


def section8(results: Results) -> list[str]:
    names = {"kernels-b6-k21-l3": "kernels", "direct-b6-k21-l3": "direct"}
    body = [[label, *(cell_text(scored(results, name, r, m)) for r in ("cycles", "mitsuba")
                      for m in ("relative dssim", "relative smape"))] for name, label in names.items()]  # fmt: skip
    return rows(["prediction", "Cycles, DSSIM", "Cycles, SMAPE", "Mitsuba, DSSIM", "Mitsuba, SMAPE"], body)


def window_means(results: Results, metric: str) -> dict[str, float]:
    """Means over the sequences of the ratio to the single frame: by length, past lengths as `4p`, and `oidn`."""
    found = [r for r in results.values() if r]
    if not found:
        return {}
    ratios: dict[str, list[float]] = {}
    for r in found:
        base = r["symmetric"]["1"][metric]
        figures = {n: s[metric] for n, s in r["symmetric"].items()} | {f"{n}p": s[metric] for n, s in r["past"].items()}
        for name, value in (figures | {"oidn": r["oidn"][metric]}).items():
            ratios.setdefault(name, []).append(value / base)
    return {name: float(np.exp(np.mean(np.log(values)))) for name, values in ratios.items()}


def figure13(results: Results) -> list[str]:
    means = {m: window_means(results, m) for m in ("smape", "dssim")}
    if not means["smape"]:
        return []
    label = {"oidn": "OIDN high, single frame"}
    return rows(
        ["window", "SMAPE", "DSSIM"],
        [[label.get(n, n.replace("p", ", past only")), *(f"{means[m][n]:.3f}" for m in means)] for n in means["smape"]],
    )


def figure12(results: Results) -> list[str]:
    lines = []
    for name, r in results.items():
        if not r:
            continue
        lines += [f"`{name.removeprefix('stability-')}`, {r['frames']} frames with {r['spp']} samples per pixel:", ""]
        body = [[method, f"{s['dssim']:.4f} ± {s['deviation']:.4f}", f"{s['difference']:.4f}"]
                for method, s in r.items() if isinstance(s, dict)]  # fmt: skip
        lines += rows(["", "DSSIM of neighbors", "mean absolute difference"], body)
    return lines


def figure3(results: Results) -> list[str]:
    body = []
    for name, r in results.items():
        if r:
            t, u = r["trained"], r["untrained"]
            body.append([name.removeprefix("fusion-"), f"{u['smape']:.4f}", f"{t['smape']:.4f}", f"{t['dssim']:.4f}",
                         f"{t['flicker']:.4f}", f"{r['cost']['multiplyAddsPerPixel']}", f"{t['seconds']:.2f}"])  # fmt: skip
    header = ["kernels", "SMAPE untrained", "SMAPE", "DSSIM", "flicker", "multiply-adds a pixel", "CPU s a frame of 128x128"]
    return rows(header, body)


SECTIONS = {
    "table2": ("Table 2: encoders", table2, "Error relative to the noisy input, means over the validation frames."),
    "figure11": ("Figure 11: frames of a new renderer", figure11,
                 "Mitsuba for a network that was trained on Cycles. Error relative to the noisy input."),
    "figure12": ("Figure 12: stability of still shots", figure12,
                 "Frames differ only in their seeds. Mean over the pairs of neighbors, ± standard deviation."),
    "figure13": ("Figures 13 to 15: windows", figure13,
                 "Error of the center frame relative to the single frame, geometric means over the sequences."),
    "figure16": ("Figure 16: depth, kernel size and scales", figure16, "Means of both renderers."),
    "section8": ("Section 8: kernels against direct prediction", section8, "Error relative to the noisy input."),
    "figure3": ("Figure 3: joint and factored kernels of windows", figure3,
                "Windows of seven frames; single-frame modules locked, temporal ones trained from nothing."),
}  # fmt: skip


def write_report(folder: pathlib.Path, results: dict[str, Results], budget: Budget) -> None:
    """Writes ablations.md."""
    cells = [r for group in results.values() for r in group.values()]
    done = sum(r is not None for r in cells)
    date = datetime.date.today().isoformat()
    about = (
        f"{date}, {platform.machine()}, Python {platform.python_version()}, PyTorch {torch.__version__.split('+')[0]}. "
        f"{done} of {len(cells)} cells. Single frames: {budget.steps} steps of {budget.batch} patches of "
        f"{budget.patch}x{budget.patch}; windows: {budget.window_steps} steps of {budget.window_batch} windows of "
        f"{budget.patch}x{budget.patch}. ± is half of the range of the seeds. Lower is better."
    )
    lines = ["# Ablations", "", about, ""]
    for name, (title, table, text) in SECTIONS.items():
        if name in results and any(results[name].values()):
            lines += [f"## {title}", "", text, "", *table(results[name])]
    (folder / "ablations.md").write_text("\n".join(lines).rstrip() + "\n")
