"""Types of the parameters of requests. `npm run build:docs` writes this file from the table of the service."""

from __future__ import annotations

from typing import Literal, TypedDict


class DenoiseParameters(TypedDict, total=False):
    """Parameters of `denoise`; lists are texts with commas between."""

    lambda_: float | None
    model: str | None
    prefilter: Literal["auto", "on", "off"] | None
    alpha: Literal["auto", "copy", "denoise"] | None
    components: Literal["beauty", "split"] | None
    wrap: Literal["auto", "x", "none"] | None
    aovs: str | None
    region: str | None
    upscale: float | None
    deblur: float | Literal["auto"] | None
    strength: float | None
    source: str | None
    encoder: str | None
    layer: str | None
    motion: str | None
    view: str | None
    spp: float | None
    center: int | None
    outputs: str | None
    pixels: str | None
    budget: float | None
    loop: str | None
    min: int | None
    max: int | None
    min_layer: str | None
    max_layer: str | None
    tile: int | None
    metric: Literal["smape", "dssim", "relative-mse", "relative-variance", "ms-dssim"] | None
    weighting: Literal["reducible", "error"] | None
    target_smape: float | None


class SampleMapParameters(TypedDict, total=False):
    """Parameters of `sample_map`."""

    lambda_: float | None
    model: str | None
    prefilter: Literal["auto", "on", "off"] | None
    wrap: Literal["auto", "x", "none"] | None
    source: str | None
    encoder: str | None
    layer: str | None
    motion: str | None
    view: str | None
    spp: float | None
    center: int | None
    budget: float | None
    loop: str | None
    min: int | None
    max: int | None
    min_layer: str | None
    max_layer: str | None
    tile: int | None
    metric: Literal["smape", "dssim", "relative-mse", "relative-variance", "ms-dssim"] | None
    weighting: Literal["reducible", "error"] | None
    target_smape: float | None


class JobParameters(TypedDict, total=False):
    """Parameters of `start_job` and `start_sequence`."""

    lambda_: float | None
    model: str | None
    prefilter: Literal["auto", "on", "off"] | None
    alpha: Literal["auto", "copy", "denoise"] | None
    components: Literal["beauty", "split"] | None
    wrap: Literal["auto", "x", "none"] | None
    aovs: str | None
    region: str | None
    upscale: float | None
    deblur: float | Literal["auto"] | None
    strength: float | None
    source: str | None
    encoder: str | None
    layer: str | None
    motion: str | None
    view: str | None
    spp: float | None
    outputs: str | None
    pixels: str | None
    budget: float | None
    loop: str | None
    min: int | None
    max: int | None
    min_layer: str | None
    max_layer: str | None
    tile: int | None
    metric: Literal["smape", "dssim", "relative-mse", "relative-variance", "ms-dssim"] | None
    weighting: Literal["reducible", "error"] | None
    target_smape: float | None
