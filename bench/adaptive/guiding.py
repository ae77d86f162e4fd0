"""Figures 9 and 19 of Vogels et al. 2018: samples in proportion to each guiding metric, against uniform sampling.

    quietframe serve &
    python bench/adaptive/guiding.py --server http://localhost:8080 --work out/guiding
    python bench/adaptive/guiding_report.py --work out/guiding

All guides of a scene and seed share the samples of the first round.  Every run is one file of the work folder, and a
second start goes on after the last one; seeds are the outer loop, so that a stop leaves whole seeds of all scenes.
"""

from __future__ import annotations

import argparse
import copy
import json
import pathlib
import sys
from typing import Any

import mitsuba as mi
import numpy as np
import numpy.typing as npt
from quietframe import Client
from quietframe.arrays import read_channels

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples" / "adaptive"))

from quietframe_mitsuba import ServiceGuide, UniformGuide, render_adaptively  # noqa: E402
from quietframe_mitsuba.guides import Film, Guide, Plan, halves_of  # noqa: E402
from quietframe_mitsuba.renderer import MitsubaRenderer  # noqa: E402

from compare import denoised, reference_halves  # noqa: E402
from metrics import dssim, relative_mse, smape_map  # noqa: E402
from metrics_of_maps import ms_dssim, true_maps  # noqa: E402
from scenes import SCENES  # noqa: E402

Array = npt.NDArray[Any]
METRICS = ("relative-variance", "relative-mse", "smape", "dssim", "ms-dssim")
#: Guides beside the five metrics with weighting=error.
OTHERS = ("uniform", "shipped", "shipped-variance", "true-smape")
FIRST = 16


class TrueGuide:
    """In proportion to the true SMAPE of the denoised film, which needs the reference: figure 19, right."""

    def __init__(self, client: Client, reference: Array):
        self._client, self._reference = client, reference

    def plan(self, film: Film, budget: int) -> Plan:
        error = smape_map(denoised(self._client, film), self._reference)
        return Plan(proportional(error, budget))


def proportional(weights: Array, total: int) -> npt.NDArray[np.int64]:
    """Whole samples strictly in proportion to weights, by largest remainder."""
    shares = weights.ravel() / weights.sum() * total
    counts = np.floor(shares).astype(np.int64)
    order = np.argsort(-(shares - counts), kind="stable")
    counts[order[: total - counts.sum()]] += 1
    return counts.reshape(weights.shape)


def guide_of(name: str, client: Client, reference: Array) -> Guide:
    """The guide of a bar of figure 9."""
    if name == "uniform":
        return UniformGuide()
    if name == "true-smape":
        return TrueGuide(client, reference)
    if name == "shipped":
        return ServiceGuide(client)
    if name == "shipped-variance":
        return ServiceGuide(client, metric="relative-variance")
    return ServiceGuide(client, metric=name, weighting="error")


def rank_correlation(a: Array, b: Array) -> float:
    """Spearman's, of blocks of 8x8 pixels."""
    height, width = (8 * (n // 8) for n in a.shape)
    blocks = [m[:height, :width].reshape(height // 8, 8, width // 8, 8).mean((1, 3)).ravel() for m in (a, b)]
    ranks = [np.argsort(np.argsort(m)) for m in blocks]
    return float(np.corrcoef(*ranks)[0, 1])


def errors_of(picture: Array, halves: tuple[Array, Array]) -> dict[str, float]:
    """All figures of a denoised picture."""
    reference = (halves[0] + halves[1]) / 2
    return {
        "relativeMse": relative_mse(picture, *halves),
        "smape": float(smape_map(picture, reference).mean()),
        "dssim": dssim(picture, reference),
        "msDssim": ms_dssim(picture, reference),
    }


def first_round(scene: str, seed: int, options: argparse.Namespace, client: Client) -> MitsubaRenderer:
    """The renderer with its even first round; predicted and true maps of it are written beside the runs."""
    renderer = MitsubaRenderer(mi.load_dict(SCENES[scene](options.size)), seed=100_000 * (seed + 1))
    render_adaptively(renderer, UniformGuide(), FIRST)
    path = options.work / scene / f"maps-{seed}.npz"
    if path.exists():
        return renderer
    halves = references(scene, options)
    picture = denoised(client, renderer.film)
    true = true_maps(picture, (halves[0] + halves[1]) / 2)
    predicted = {}
    for metric in METRICS:
        maps = client.sample_map(
            halves=halves_of(renderer.film), budget=1, spp=renderer.film.spp, metric=metric, weighting="error"
        )
        predicted[metric] = read_channels(maps.exr)["samples.density"]
    shipped = read_channels(client.sample_map(halves=halves_of(renderer.film), budget=1, spp=FIRST).exr)
    correlations = {metric: rank_correlation(predicted[metric], true[metric]) for metric in true}
    correlations["relative-variance"] = rank_correlation(predicted["relative-variance"], true["smape"])
    about = {"scene": scene, "seed": seed, "correlations": correlations, "first": errors_of(picture, halves)}
    arrays = {f"predicted-{name}": value for name, value in predicted.items()}
    arrays |= {f"true-{name}": value for name, value in true.items()}
    np.savez(path, about=json.dumps(about), picture=picture, shipped=shipped["samples.density"], **arrays)
    return renderer


def references(scene: str, options: argparse.Namespace) -> tuple[Array, Array]:
    """The halves of the reference of a scene."""
    folder = options.work / scene
    folder.mkdir(parents=True, exist_ok=True)
    return reference_halves(mi.load_dict(SCENES[scene](options.size)), options.reference, folder)


def run(scene: str, seed: int, options: argparse.Namespace, client: Client) -> None:
    """All guides that are missing of a scene and a seed."""
    guides = [guide for guide in options.guides if not path_of(scene, seed, guide, options).exists()]
    if not guides:
        return
    halves = references(scene, options)
    start = first_round(scene, seed, options, client)
    for guide in guides:
        renderer = copy.copy(start)
        renderer.film = copy.deepcopy(start.film)
        rows: list[dict[str, Any]] = []
        last: dict[str, Array] = {}

        def measure(
            done: Any, guide: str = guide, rows: Any = rows, last: Any = last, renderer: Any = renderer
        ) -> None:
            if done.fallback is not None:
                raise RuntimeError(f"{scene}, {guide}: {done.fallback}")
            if round(done.spp) in options.budgets:
                picture = last["picture"] = denoised(client, renderer.film)
                row = {"scene": scene, "guide": guide, "seed": seed, "spp": round(done.spp)}
                rows.append(row | errors_of(picture, halves))

        budget = max(options.budgets)
        render_adaptively(renderer, guide_of(guide, client, (halves[0] + halves[1]) / 2), budget, after_round=measure)
        path = path_of(scene, seed, guide, options)
        np.savez(path.with_suffix(".npz"), samples=renderer.film.samples, **last)
        path.write_text(json.dumps(rows))
        print(scene, seed, guide, flush=True)


def path_of(scene: str, seed: int, guide: str, options: argparse.Namespace) -> pathlib.Path:
    """Where the rows of a run are kept."""
    folder: pathlib.Path = options.work / scene
    return folder / f"{guide}-{seed}.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://localhost:8080")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--scenes", nargs="+", choices=list(SCENES), default=list(SCENES))
    parser.add_argument("--guides", nargs="+", choices=[*OTHERS, *METRICS], default=[*OTHERS, *METRICS])
    parser.add_argument("--budgets", nargs="+", type=int, default=[64])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--size", type=int, default=96, help="pixels of a side")
    parser.add_argument("--reference", type=float, default=2048, help="mean samples per pixel of the references")
    parser.add_argument("--variant", default="llvm_ad_rgb")
    options = parser.parse_args()
    mi.set_variant(options.variant)
    client = Client(options.server)
    for seed in range(options.seeds):
        for scene in options.scenes:
            run(scene, seed, options, client)


if __name__ == "__main__":
    main()
