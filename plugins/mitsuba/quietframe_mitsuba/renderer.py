"""Mitsuba 3, sampling pixels as often as it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
import numpy.typing as npt

from .film import LUMINANCE, Film

# Samples that are traced at a time: bounds the memory, and is where a cancelled render ends.
BATCH = 1 << 20
AOVS = "albedo:albedo,sh_normal:sh_normal"


class MitsubaRenderer:
    """Renders a scene into a film, pixel by pixel, with independent random numbers for every sample.

    A variant with a wavefront (`llvm_ad_rgb`, `cuda_ad_rgb`) must be set before.  The scene's integrator (a path tracer
    where `integrator` is None and it has none) gives the colour; albedo and normals come beside it.  Pixels are boxes:
    no filter spreads noise between them.
    """

    def __init__(self, scene: Any, *, sensor: int = 0, integrator: Any = None, seed: int = 0, batch: int = BATCH):
        self._scene = scene
        self._sensor = scene.sensors()[sensor]
        inner = integrator or scene.integrator() or mi.load_dict({"type": "path", "max_depth": 9})
        self._integrator = mi.load_dict({"type": "aov", "aovs": AOVS, "inner": inner})
        names = list(self._integrator.aov_names())
        self._planes = [names.index(name) for name in _plane_names(names)]
        width, height = self._sensor.film().crop_size()
        self.film = Film(int(width), int(height))
        self._seed, self._batch = seed, batch

    def sample(self, counts: npt.NDArray[np.int64], progress: Callable[[float], None] | None = None) -> None:
        """Adds counts[y, x] samples to each pixel.

        Every batch is in the film as soon as it is traced: an exception in between loses none of them.
        """
        film = self.film
        if counts.shape != (film.height, film.width) or counts.min() < 0:
            raise ValueError(f"Expected counts of at least 0 for {film.width} x {film.height} pixels")
        flat = counts.ravel()
        ends = np.cumsum(flat)
        total = int(ends[-1])
        for begin in range(0, total, self._batch):
            index = np.arange(begin, min(begin + self._batch, total))
            self._trace(np.searchsorted(ends, index, side="right"))
            if progress is not None:
                progress(min(begin + self._batch, total) / total)

    def _trace(self, pixel: npt.NDArray[np.int64]) -> None:
        """One sample for each entry; a pixel's entries follow each other."""
        film = self.film
        first = np.searchsorted(pixel, pixel, side="left")
        before = film.samples.ravel()[pixel]
        half = (np.arange(len(pixel)) - first + before) % 2
        slot = half * film.pixels + pixel

        self._seed += 1
        sampler = mi.load_dict({"type": "independent"})
        sampler.seed(self._seed, len(pixel))
        p = mi.UInt32(pixel.astype(np.uint32))
        position = mi.Point2f(mi.Float(p % film.width), mi.Float(p // film.width)) + sampler.next_2d()
        size = mi.Point2f(film.width, film.height)
        ray, weight = self._sensor.sample_ray_differential(
            0.0, sampler.next_1d(), position / size, sampler.next_2d(), True
        )
        color, valid, planes = self._integrator.sample(self._scene, sampler, ray, None, True)
        rgb = mi.unpolarized_spectrum(weight * color)
        values = [rgb[c] for c in range(3)] + [planes[i] for i in self._planes]

        index = mi.UInt32(slot.astype(np.uint32))
        sums = [_summed(value, index, 2 * film.pixels) for value in values]
        luminance = sum(float(w) * rgb[c] for c, w in enumerate(LUMINANCE))
        squares = [_summed(value * value, p, film.pixels) for value in (*values[:3], luminance)]
        dr.eval(sums, squares)
        shape = (film.height, film.width)
        film.add(
            np.bincount(slot, minlength=2 * film.pixels).reshape(2, *shape),
            np.stack([np.array(s, np.float64).reshape(2, *shape) for s in sums], 1),
            np.stack([np.array(s, np.float64).reshape(shape) for s in squares]),
        )


def _plane_names(names: list[str]) -> list[str]:
    """Albedo and normal, whatever order the integrator has them in."""
    wanted = [f"albedo.{c}" for c in "RGB"] + [f"sh_normal.{c}" for c in "XYZ"]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise ValueError(f"Expected planes {wanted} of the integrator but received {names}")
    return wanted


def _summed(value: Any, index: Any, size: int) -> Any:
    """Sums of values by index; what is not finite counts as 0."""
    target = dr.zeros(mi.Float, size)
    dr.scatter_reduce(dr.ReduceOp.Add, target, dr.select(dr.isfinite(value), value, 0.0), index)
    return target
