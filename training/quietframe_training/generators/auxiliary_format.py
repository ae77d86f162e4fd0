"""Examples of noisy and clean auxiliary buffers, for training the auxiliary prefilter.

An example is one compressed .npz of float16 arrays, row 0 at the top, and `meta`, a JSON string:
    draws (D, H, W, 6)     albedo 3 and normal 3 of D independent renders of meta["spp_per_draw"] samples per pixel each
    reference (H, W, 6)    the same buffers at meta["ref_spp"] samples per pixel
Means of random subsets of the draws are noisy buffers of any sample count, and the means of their two halves measure
the variance, so that one view serves every noise level (`auxiliary_dataset.py`). Where meta["measured"] is false they do not.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from .example_format import Rejected, to_half

AUXILIARY_FORMAT_VERSION = 1
DRAWS = 16
DRAW_BITS, REFERENCE_BITS = 8, 10
ALBEDO_LIMIT = 1.0
"""Albedo is clamped to [0, 1] before it is averaged: emitters write their radiance there."""

MIN_NOISE = 2e-3
"""Mean absolute error of two draws below which a view has nothing to teach."""


def stacked(albedo: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Albedo and normal (H, W, 3) of one render as (H, W, 6), finite and in range."""
    return np.concatenate([np.clip(np.nan_to_num(albedo), 0, ALBEDO_LIMIT), np.clip(np.nan_to_num(normal), -1, 1)], -1)


def check_auxiliaries(draws: np.ndarray, reference: np.ndarray) -> None:
    """Raise Rejected for a view that is nearly noise-free or nearly empty."""
    if np.abs(draws[0] - reference).mean() < MIN_NOISE:
        raise Rejected("hardly any noise")
    if (np.abs(reference).sum(-1) < 1e-3).mean() > 0.7:
        raise Rejected("mostly background")


def save_auxiliaries(path: Path, draws: np.ndarray, reference: np.ndarray, meta: dict) -> None:
    """Write an example so that the file appears only when it is complete."""
    partial = path.with_suffix(".part")
    meta = {"version": AUXILIARY_FORMAT_VERSION, **meta}
    with open(partial, "wb") as file:
        np.savez_compressed(
            file, meta=np.array(json.dumps(meta)), draws=to_half(draws, DRAW_BITS), reference=to_half(reference, REFERENCE_BITS)
        )
    os.replace(partial, path)
