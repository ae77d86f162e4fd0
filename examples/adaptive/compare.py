"""Renders a scene with the samples spread evenly, by relative variance, and by predicted error, and measures all three.

    python examples/adaptive/compare.py doorway --server http://localhost:8080 --out out/adaptive

Equal total samples, the same first round; every round is denoised and compared with a reference.  Writes a table
(JSON), a plot of the errors over the rounds, and pictures of reference, sample maps, errors and results.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

import mitsuba as mi
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from quietframe import Client
from quietframe.arrays import read_channels
from quietframe_mitsuba import Guide, RelativeVarianceGuide, Round, ServiceGuide, UniformGuide, render_adaptively
from quietframe_mitsuba.guides import halves_of

from metrics import dssim, exposure_of, relative_mse, shown, smape_map

Array = npt.NDArray[Any]
SIZE = 128
GUIDES = ("uniform", "variance", "error")


def guide_of(name: str, client: Client) -> Guide:
    """The guide of a curve."""
    return {"uniform": UniformGuide(), "variance": RelativeVarianceGuide(), "error": ServiceGuide(client)}[name]


def denoised(client: Client, film: Any) -> Array:
    """The film after the service has denoised its halves, [height, width, 3]."""
    channels = read_channels(client.denoise(halves=halves_of(film)).exr)
    return np.stack([channels[name] for name in "RGB"], -1).astype(np.float64)


def reference_halves(scene: Any, spp: float, folder: pathlib.Path) -> tuple[Array, Array]:
    """Two independent halves of a reference, kept in the folder for the next time."""
    from quietframe_mitsuba.renderer import MitsubaRenderer

    path = folder / f"reference-{spp:g}.npz"
    if not path.exists():
        renderer = MitsubaRenderer(scene, seed=1_000_000)
        render_adaptively(renderer, RelativeVarianceGuide(), spp, first_spp=64)
        np.savez(path, a=renderer.film.half(0), b=renderer.film.half(1))
    with np.load(path) as kept:
        return kept["a"], kept["b"]


def compare(
    name: str,
    client: Client,
    *,
    budget: float,
    reference_spp: float,
    folder: pathlib.Path,
    seeds: int = 1,
) -> Any:
    """Rows of figures, one for each guide, seed and round; each guide's runs are kept in the folder, `GUIDE.npz`."""
    from scenes import SCENES

    folder.mkdir(parents=True, exist_ok=True)
    scene = mi.load_dict(SCENES[name](SIZE))
    a, b = reference_halves(scene, reference_spp, folder)
    rows: list[dict[str, Any]] = []
    results: dict[str, Array] = {}
    counts: dict[str, Array] = {}
    for guide in GUIDES:
        path = folder / f"{guide}.npz"
        if not path.exists():
            run_guide(name, scene, guide, client, budget, (a, b), seeds, path)
        with np.load(path) as kept:
            rows += json.loads(str(kept["rows"]))
            results[guide], counts[guide] = kept["picture"], kept["samples"]
    (folder / "rounds.json").write_text(json.dumps(rows, indent=1) + "\n")
    sheet((a + b) / 2, results, counts, folder / "pictures.png")
    return rows


def run_guide(
    name: str,
    scene: Any,
    guide: str,
    client: Client,
    budget: float,
    halves: tuple[Array, Array],
    seeds: int,
    path: pathlib.Path,
) -> None:
    """Renders with a guide, from every seed; rows of figures and the last picture go to the path."""
    from quietframe_mitsuba.renderer import MitsubaRenderer

    reference = (halves[0] + halves[1]) / 2
    rows: list[dict[str, Any]] = []
    last: dict[str, Array] = {}
    for seed in range(seeds):
        renderer = MitsubaRenderer(scene, seed=10_000 * (seed + 1))

        def measure(done: Round, seed: int = seed, renderer: Any = renderer) -> None:
            picture = denoised(client, renderer.film)
            last.update(picture=picture, samples=renderer.film.samples)
            row = {"scene": name, "guide": guide, "seed": seed, "spp": done.spp, "fallback": done.fallback}
            row |= {"relativeMse": relative_mse(picture, *halves), "dssim": dssim(picture, reference)}
            rows.append(row | {"smape": float(smape_map(picture, reference).mean())})

        render_adaptively(renderer, guide_of(guide, client), budget, after_round=measure)
    np.savez(path, rows=json.dumps(rows), **last)


def sheet(reference: Array, results: dict[str, Array], counts: dict[str, Array], path: pathlib.Path) -> None:
    """Above: reference and sample maps (black to white: 0 to 4 times the mean); below: errors (times 8) and results."""
    exposure = exposure_of(reference)

    def tile(picture: Array, label: str) -> Image.Image:
        image = Image.fromarray((255 * np.clip(picture, 0, 1)).astype(np.uint8)).convert("RGB")
        image = image.resize((2 * SIZE, 2 * SIZE), Image.Resampling.NEAREST)
        ImageDraw.Draw(image).text((4, 4), label, fill="white", stroke_width=1, stroke_fill="black")
        return image

    rows = [[tile(shown(reference, exposure), "reference")], [tile(np.zeros((SIZE, SIZE)), "error x 8")], []]
    rows[2].append(tile(np.zeros((SIZE, SIZE)), "denoised"))
    for guide in GUIDES:
        samples = counts[guide]
        rows[0].append(tile(samples / samples.mean() / 4, f"samples: {guide}"))
        rows[1].append(tile(8 * smape_map(results[guide], reference), f"SMAPE x 8: {guide}"))
        rows[2].append(tile(shown(results[guide], exposure), guide))
    whole = Image.new("RGB", (2 * SIZE * (len(GUIDES) + 1), 2 * SIZE * len(rows)))
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            whole.paste(image, (2 * SIZE * x, 2 * SIZE * y))
    whole.save(path)


def plot(rows: Any, path: pathlib.Path) -> None:
    """Errors over the rounds, relative to uniform sampling of as many samples."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, StrMethodFormatter

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    names = {"relativeMse": "relative MSE", "dssim": "DSSIM"}
    guides = {"uniform": "uniform samples", "variance": "by relative variance", "error": "by the service"}
    for axis, (metric, name) in zip(axes, names.items(), strict=True):
        for guide in GUIDES:
            by_spp: dict[float, list[float]] = {}
            for row in rows:
                if row["guide"] == guide:
                    by_spp.setdefault(round(row["spp"], 3), []).append(row[metric])
            axis.plot(list(by_spp), [np.mean(v) for v in by_spp.values()], "o-", label=guides.get(guide, guide))
        axis.set(xscale="log", yscale="log", xlabel="samples per pixel", ylabel=f"{name} after denoising")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_xticks(list(by_spp), [f"{spp:g}" for spp in by_spp])
        axis.minorticks_off()
    axes[0].legend()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", help="a name of scenes.py")
    parser.add_argument("--server", default="http://localhost:8080")
    parser.add_argument("--budget", type=float, default=256, help="mean samples per pixel")
    parser.add_argument("--reference", type=float, default=2048, help="mean samples per pixel of the reference")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--variant", default="llvm_ad_rgb")
    options = parser.parse_args()
    mi.set_variant(options.variant)
    folder = options.out / options.scene
    rows = compare(
        options.scene,
        Client(options.server),
        budget=options.budget,
        reference_spp=options.reference,
        folder=folder,
    )
    plot(rows, folder / "rounds.png")
    for row in rows:
        print(f"{row['guide']:9} {row['spp']:7.1f} spp  relMSE {row['relativeMse']:.6f}  DSSIM {row['dssim']:.5f}")


if __name__ == "__main__":
    main()
