"""Scores the preview on validation scenes against the same filter with the best parameters for the whole picture.

    python -m quietframe_training.pkn.evaluate_preview --checkpoint FILE --validation DIR --tune DIR --out bench/pkn/results

Writes preview.json and preview.md, in SMAPE: the noisy picture; the filter with one set of parameters that is best for some
training scenes together; with the best set for each scene, found with its reference at hand, which nobody has who denoises;
with the predicted ones. Best sets that preview.json has from an earlier run, of the same filter, are kept.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import torch

from ..dataset import View, load_example
from ..losses import dssim, smape
from .cross_bilateral import RANGES, cross_bilateral
from .export import load_preview
from .preview import START, preview

STEPS = 60
RATE = 0.15


def _filtered(view: View, shares: torch.Tensor) -> torch.Tensor:
    """The filter with the same parameters everywhere, `shares` of their ranges before the sigmoid."""
    low, high = torch.tensor(list(RANGES.values())).T
    height, width = view.color.shape[1:]
    parameters = (low + (high - low) * torch.sigmoid(shares)).view(1, -1, 1, 1)
    parameters = parameters.expand(1, -1, -(-height // 2), -(-width // 2))
    return cross_bilateral(view.color[None], view.albedo[None], view.normal[None], parameters)[0]


def best_parameters(views: list[View], start: torch.Tensor | None = None) -> tuple[torch.Tensor, float]:
    """Gradient descent on the mean SMAPE of some views: the best shares, and their SMAPE."""
    if start is None:
        start = torch.logit(torch.tensor([START[name.rstrip("123456789")] for name in RANGES]))
    shares = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([shares], lr=RATE)
    best, lowest = start, float("inf")
    for _ in range(STEPS):
        total = 0.0
        optimizer.zero_grad()
        for view in views:
            loss = smape(_filtered(view, shares), view.reference) / len(views)
            loss.backward()
            total += loss.item()
        if total < lowest:
            best, lowest = shares.detach().clone(), total
        optimizer.step()
    return best, lowest


def score(picture: torch.Tensor, view: View) -> dict[str, float]:
    """In the units of the file."""
    d, r = picture / view.exposure, view.reference / view.exposure
    return {"smape": float(smape(d, r)), "dssim": float(dssim(d, r))}


def markdown(scenes: list[dict]) -> str:
    names = ["noisy", "tuned", "best", "predicted"]
    lines = [
        "| scene | spp | noisy | one set for all scenes | best set for the scene | predicted | gain over the best set |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in scenes:
        values = [row["scores"][name]["smape"] for name in names]
        gain = 1 - values[3] / values[2]
        cells = [row["scene"], str(row["spp"]), *(f"{value:.4f}" for value in values), f"{100 * gain:.1f} %"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--validation", type=pathlib.Path, required=True)
    parser.add_argument("--tune", type=pathlib.Path, required=True, help="training examples for the one set of parameters")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    network, state = load_preview(options.checkpoint)
    path = options.out / "preview.json"
    earlier = json.loads(path.read_text()) if path.exists() else {}
    if earlier.get("parameters") != list(RANGES):
        earlier = {}
    known = {row["scene"]: row for row in earlier.get("scenes", [])}
    if "tuned" in earlier:
        tuned = torch.tensor(earlier["tuned"])
    else:
        tuned, _ = best_parameters([load_example(p, False)[0] for p in sorted(options.tune.glob("*_s04.npz"))[::5][:8]])
    options.out.mkdir(parents=True, exist_ok=True)
    scenes = []
    for file in sorted(options.validation.glob("*.npz")):
        view = load_example(file, False)[0]
        with torch.no_grad():
            predicted = preview(network, view.inputs()[None])[0]
            scores = {"noisy": score(view.color, view), "tuned": score(_filtered(view, tuned), view)}
        if file.stem in known:
            scores["best"] = known[file.stem]["scores"]["best"]
        else:
            shares, _ = best_parameters([view], tuned)
            scores["best"] = score(_filtered(view, shares), view)
        scores["predicted"] = score(predicted, view)
        scenes.append({"scene": file.stem, "spp": view.spp, "scores": scores})
        result = {"steps": state["steps"], "parameters": list(RANGES), "tuned": tuned.tolist(), "scenes": scenes}
        path.write_text(json.dumps(result, indent=1) + "\n")
    (options.out / "preview.md").write_text(markdown(scenes))


if __name__ == "__main__":
    main()
