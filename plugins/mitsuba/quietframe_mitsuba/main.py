"""The command line: `quietframe-mitsuba scene.xml -o out.exr --server http://localhost:8080 --budget 64`."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from typing import TextIO, get_args

import numpy as np
from quietframe import Client, QuietframeError
from quietframe.arrays import read_channels, write_channels

from .adaptive import Round, render_adaptively
from .film import Film
from .guides import Guide, Metric, RelativeVarianceGuide, ServiceGuide, UniformGuide, Weighting, halves_of
from .llvm import NoLlvm, choose_llvm
from .schedule import FIRST_SPP


class ProgressLine:
    """A bar with the time that is left on one line of a terminal; silent where there is none."""

    WIDTH = 30

    def __init__(self, stream: TextIO = sys.stderr):
        self._stream, self._start = stream, time.monotonic()

    def __call__(self, fraction: float, message: str) -> None:
        if not self._stream.isatty():
            return
        bar = ("#" * round(self.WIDTH * fraction)).ljust(self.WIDTH, ".")
        seconds = time.monotonic() - self._start
        left = f", {seconds * (1 - fraction) / fraction:.0f} s left" if fraction > 0 else ""
        self._stream.write(f"\r[{bar}] {100 * fraction:3.0f} % {message}{left}\x1b[K")
        self._stream.flush()

    def end(self) -> None:
        """Clears the line."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def output_channels(film: Film, denoised: dict[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """What is written: the denoised beauty where there is one, the noisy mean, guides, variance and samples."""
    mean = film.channels_of_half(0) | {
        name: film.mean("color")[..., c].astype(np.float32) for c, name in enumerate("RGB")
    }
    channels = {name: mean[name] for name in "RGB"}
    for layer, names in (("albedo", "RGB"), ("normal", "XYZ")):
        prefix = {"albedo": "albedo", "normal": "sh_normal"}[layer]
        for c, name in enumerate(names):
            channels[f"{prefix}.{name}"] = film.mean(layer)[..., c].astype(np.float32)
    if denoised is not None:
        channels |= {f"noisy.{name}": mean[name] for name in "RGB"}
        channels |= {name: denoised[name] for name in "RGB"}
    variance = film.variance()
    channels["variance.Y"] = np.where(np.isfinite(variance), variance, 0).astype(np.float32)
    channels["samples.spp"] = film.samples.astype(np.uint32)
    return channels


def guide_of(options: argparse.Namespace, client: Client) -> Guide:
    """The guide that the options name."""
    if options.guide == "uniform":
        return UniformGuide()
    if options.guide == "variance":
        return RelativeVarianceGuide()
    return ServiceGuide(client, target_smape=options.target, metric=options.metric, weighting=options.weighting)


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(prog="quietframe-mitsuba", description=__doc__)
    result.add_argument("scene", help="a scene file of Mitsuba 3, or cornell-box")
    result.add_argument("-o", "--output", type=pathlib.Path, required=True, help="OpenEXR file")
    result.add_argument("--server", default="http://localhost:8080", help="quietframe service")
    result.add_argument("--token", help="token for the service")
    result.add_argument("--budget", type=float, default=64.0, help="mean samples per pixel in all")
    result.add_argument("--first", type=float, default=FIRST_SPP, help="samples per pixel of the uniform first round")
    result.add_argument("--target", type=float, help="predicted mean SMAPE at which to stop")
    result.add_argument("--guide", choices=["error", "variance", "uniform"], default="error")
    result.add_argument("--metric", choices=get_args(Metric), default="smape", help="error that guides")
    result.add_argument(
        "--weighting",
        choices=get_args(Weighting),
        default="reducible",
        help="in proportion to the error that samples reduce, or to the error as in the paper",
    )
    result.add_argument("--variant", default="llvm_ad_rgb", help="variant of Mitsuba")
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--noisy", action="store_true", help="do not denoise the result")
    return result


def show(done: Round) -> None:
    """One line a round, on standard error."""
    predicted = "" if done.predicted_smape is None else f", predicted SMAPE before {done.predicted_smape:.4f}"
    fallback = "" if done.fallback is None else f", spread evenly: {done.fallback}"
    text = f"round {done.index + 1} of {done.rounds}: {done.spp:.2f} spp{predicted}{fallback}"
    # On a terminal it takes the place of the bar.
    print(f"\r{text}\x1b[K" if sys.stderr.isatty() else text, file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Renders; 0 when the file is written, denoised unless the service has failed."""
    options = parser().parse_args(arguments)
    try:
        choose_llvm(options.variant)
    except NoLlvm as error:
        print(f"quietframe-mitsuba: {error}", file=sys.stderr)
        return 1
    import mitsuba as mi

    mi.set_variant(options.variant)
    from .renderer import MitsubaRenderer

    description = mi.cornell_box() if options.scene == "cornell-box" else None
    scene = mi.load_dict(description) if description is not None else mi.load_file(options.scene)
    client = Client(options.server, token=options.token)
    renderer = MitsubaRenderer(scene, seed=options.seed)
    line = ProgressLine()
    outcome = render_adaptively(
        renderer, guide_of(options, client), options.budget, first_spp=options.first, progress=line, after_round=show
    )
    line.end()
    denoised = None
    if not options.noisy:
        try:
            denoised = read_channels(client.denoise(halves=halves_of(renderer.film)).exr)
        except QuietframeError as error:
            print(f"The result is not denoised: {error}", file=sys.stderr)
    options.output.write_bytes(write_channels(output_channels(renderer.film, denoised)))
    reached = ", target reached" if outcome.target_reached else ""
    print(f"{options.output}: {renderer.film.spp:.2f} samples per pixel{reached}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
