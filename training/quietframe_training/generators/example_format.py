"""The training examples on disk, and the arithmetic that all generators share.

An example is one compressed .npz of float16 arrays with the layout (frame, row, column, channel),
row 0 at the top, and `meta`, a JSON string.  See `dataset.py` for what the training reads.

* Light is linear and scaled by meta["exposure"].
* `*_var` is the variance of the mean of two half buffers, averaged over channels.
* `motion`, in pixels, x to the right and y down: what is at (column, row) of frame t is at
  (column + m[0], row + m[1]) in frame t-1 and at (column + m[2], row + m[3]) in frame t+1.
"""

from __future__ import annotations

import json
import math
import os
import random
from pathlib import Path

import numpy as np

FORMAT_VERSION = 2
HALF_MAX = float(np.finfo(np.float16).max)
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)

SPP_GROUPS = ((4,), (8, 16), (32, 64))
"""Every single view is rendered at one noise level of each group."""

SIGNAL_BITS, GUIDE_BITS, REFERENCE_BITS, VARIANCE_BITS = 8, 8, 9, 4
"""Bits of mantissa kept: noise needs few, and a variance estimated from two values hardly any."""


class Rejected(Exception):
    """The scene or the view is not worth rendering; draw another."""


def log_uniform(rng: random.Random, low: float, high: float) -> float:
    """A random number whose logarithm is uniform between those of `low` and `high`."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Rec. 709 luminance of linear colour (..., 3): (...)."""
    return rgb @ LUMA


def half_buffer_variance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Variance of (a + b) / 2, averaged over channels: (..., channels) twice -> (..., 1).

    For independent a and b of equal variance v, E[(a - b)^2] = 2 v, and that of the mean is v / 2.
    """
    return np.mean(np.square(a - b), -1, keepdims=True) / 4


def relative_error(color: np.ndarray, variance: np.ndarray) -> float:
    """Expected relative squared error of a picture (h, w, 3) with variance of the mean (h, w, 1).

    A pixel counts at most 0.25, so that a few bright outliers do not decide.
    """
    return float(np.minimum(variance[..., 0] / (np.square(luminance(color)) + 0.01), 0.25).mean())


def to_half(array: np.ndarray, bits: int = 10) -> np.ndarray:
    """float16, saturated, with the mantissa rounded to `bits` of its 10 bits: the zeros compress well."""
    half = np.clip(np.nan_to_num(array), -HALF_MAX, HALF_MAX).astype(np.float16)
    drop = 10 - bits
    if drop <= 0:
        return half
    raw = half.view(np.uint16).astype(np.uint32)
    sign = raw & 0x8000
    largest = 0x7BFF >> drop << drop
    rounded = ((raw & 0x7FFF) + (1 << (drop - 1))) >> drop << drop
    return (sign | np.minimum(rounded, largest)).astype(np.uint16).view(np.float16)


def exposure_for(rng: random.Random, color: np.ndarray) -> float:
    """A factor that brings the median luminance of a preview to a random 0.08 to 0.45."""
    return log_uniform(rng, 0.08, 0.45) / max(float(np.median(luminance(color))), 1e-6)


def check_view(color: np.ndarray, albedo: np.ndarray, normal: np.ndarray, missed: np.ndarray) -> None:
    """Raise Rejected for a preview that is black, burnt out, mostly background, or plain.

    color, albedo, normal: (h, w, 3).  missed: (h, w), true where no surface is seen.
    """
    light = luminance(color)
    median = float(np.median(light))
    if not np.isfinite(median) or median < 1e-4:
        raise Rejected("black")
    if np.mean(light > 8 * median) > 0.25:
        raise Rejected("burnt out")
    if missed.mean() > 0.5:
        raise Rejected("mostly background")
    guides = np.concatenate([np.clip(albedo, 0, 1), normal], -1)
    detail = np.abs(np.diff(guides, axis=0)).sum(-1).mean() + np.abs(np.diff(guides, axis=1)).sum(-1).mean()
    if detail < 0.12:
        raise Rejected("plain")


def save_example(path: Path, arrays: dict[str, np.ndarray], meta: dict) -> None:
    """Write an example so that the file appears only when it is complete."""
    partial = path.with_suffix(".part")
    with open(partial, "wb") as file:
        np.savez_compressed(file, meta=np.array(json.dumps(meta)), **arrays)
    os.replace(partial, path)


def load_example(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and metadata of an example."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name != "meta"}, json.loads(str(file["meta"]))


def existing(out: Path, prefix: str, seed: int) -> bool:
    """Whether `out` has an example of this seed already."""
    return any(out.glob(f"{prefix}_{seed:06d}_*.npz"))
