"""Whole samples for every pixel whose sum is exact, as the service allocates them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# The service's own: every pixel keeps a tenth of the mean, none gets more than sixteen times it.
FLOOR, CEILING = 0.1, 16.0


def even(height: int, width: int, total: int) -> npt.NDArray[np.int64]:
    """As many samples for every pixel; those left over are spread over the picture."""
    pixels = height * width
    steps = np.arange(pixels + 1, dtype=np.int64) * (total % pixels) // pixels
    return (total // pixels + np.diff(steps)).reshape(height, width)


def proportional(weights: Array, total: int) -> npt.NDArray[np.int64]:
    """`total` samples in proportion to weights [height, width], between floor and ceiling, by largest remainder.

    Weights of infinity get the ceiling.  Raises ValueError for weights that are negative or NaN.
    """
    if not np.all(weights >= 0):
        raise ValueError("Expected weights of at least 0 but received negative ones or NaN")
    w = np.asarray(weights, np.float64).ravel()
    finite = w[np.isfinite(w)]
    most = float(finite.max()) if finite.size else 0.0
    w = np.where(np.isfinite(w), w, 1e6 * most if most > 0 else 1.0)
    if not w.any():
        height, width = weights.shape
        return even(height, width, total)
    mean = total / w.size
    low, high = 0.0, (CEILING + 1) * mean / float(w[w > 0].min())
    for _ in range(200):
        scale = (low + high) / 2
        if np.clip(scale * w, FLOOR * mean, CEILING * mean).sum() > total:
            high = scale
        else:
            low = scale
    shares = np.clip(low * w, FLOOR * mean, CEILING * mean)
    counts = np.floor(shares).astype(np.int64)
    left = total - int(counts.sum())
    order = np.argsort(-(shares - counts), kind="stable")
    while left > 0:
        counts[order[:left]] += 1
        left -= min(left, w.size)
    return counts.reshape(weights.shape)


def dilated(weights: Array) -> Array:
    """The greatest weight of each pixel and its eight neighbours."""
    padded = np.pad(weights, 1, mode="edge")
    height, width = weights.shape
    shifted = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.asarray(np.max(shifted, 0))
