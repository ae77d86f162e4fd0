"""Errors of pictures [height, width, 3], as docs/conventions.md defines them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def relative_mse(picture: Array, half_a: Array, half_b: Array) -> float:
    """Mean of (d - a)(d - b) / (r^2 + 0.01), r = (a + b) / 2.

    The halves of the reference are independent: their noise drops out on average, where that of one reference would be
    counted as the picture's.
    """
    reference = (half_a + half_b) / 2
    return float(np.mean((picture - half_a) * (picture - half_b) / (reference**2 + 0.01)))


def smape_map(picture: Array, reference: Array) -> Array:
    """|d - r| / (|d| + |r| + 0.01), mean over channels, [height, width]."""
    return np.mean(np.abs(picture - reference) / (np.abs(picture) + np.abs(reference) + 0.01), -1)


def exposure_of(reference: Array) -> float:
    """What brings the log-average luminance of the lit pixels to 0.18."""
    luminance = reference @ [0.2126, 0.7152, 0.0722]
    return float(0.18 / np.exp(np.log(luminance[luminance > 1e-6]).mean()))


def shown(picture: Array, exposure: float) -> Array:
    """Values for a screen in [0, 1]."""
    light = np.maximum(picture, 0) * exposure
    return np.asarray((light / (1 + light)) ** (1 / 2.2))


def dssim(picture: Array, reference: Array) -> float:
    """(1 - SSIM) / 2 of the shown luminance, both exposed as the reference; 11x11 Gaussian window of sigma 1.5."""
    exposure = exposure_of(reference)
    x, y = (shown(p @ np.array([0.2126, 0.7152, 0.0722]), exposure) for p in (picture, reference))
    row = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    row /= row.sum()

    def blur(z: Array) -> Array:
        for axis in (0, 1):
            z = np.apply_along_axis(lambda line: np.convolve(line, row, "valid"), axis, z)
        return z

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(((1 - ssim) / 2).mean())
