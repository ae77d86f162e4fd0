"""Reports of the service as types. Keys are there where they apply; docs/api.md describes them."""

from __future__ import annotations

from typing import Any, TypedDict


class Warning(TypedDict, total=False):
    """Something about the input that makes the result worse."""

    code: str
    message: str
    layer: str
    frame: str


class ChannelUse(TypedDict):
    """A channel of the file, and its role."""

    channel: str
    usedAs: str


class Input(TypedDict, total=False):
    """How the file was read."""

    width: int
    height: int
    parts: int
    source: str
    view: str
    views: list[str]
    samplesPerPixel: float
    halfBuffers: bool
    neighbors: list[int]
    channels: list[ChannelUse]


class PredictedError(TypedDict, total=False):
    """Mean predicted errors of the picture."""

    smape: float
    dssim: float


class Samples(TypedDict, total=False):
    """The plan of the next samples."""

    metric: str
    weighting: str
    varianceOrigin: str
    budgetSpp: float
    total: int
    leastSpp: int
    mostSpp: int


class LoopState(TypedDict):
    """What to post as `loop` after the next round, as JSON."""

    version: int
    budgetSpp: float
    firstSpp: float
    width: int
    height: int
    totalSamples: int


class Loop(TypedDict, total=False):
    """Where the loop of an adaptive render stands."""

    done: bool
    reason: str
    round: int
    rounds: int
    totalSamples: int
    addSamples: int
    state: LoopState


class Target(TypedDict, total=False):
    """Whether the target of the error is reached."""

    smape: float
    reached: bool


Report = TypedDict(
    "Report",
    {
        "model": str,
        "version": int,
        "encoder": str,
        "device": str,
        "executionProvider": str,
        "simd": str,
        "exposure": float,
        "lambda": float,
        "lambdaMap": str,
        "center": int,
        "frames": int,
        "windowUsed": int,
        "fireflies": int,
        "prefilter": str,
        "predictedError": PredictedError,
        "samples": Samples,
        "loop": Loop,
        "target": Target,
        "finish": dict[str, Any],
        "tiles": int,
        "seconds": float,
        "features": dict[str, int],
        "decoded": dict[str, int],
        "input": Input,
        "varianceOrigin": str,
        "components": str,
        "wrap": str,
        "kernels": list[dict[str, Any]],
        "motion": str,
        "aovs": list[str],
        "sanitized": dict[str, dict[str, int]],
        "warnings": list[Warning],
        "stages": dict[str, float],
    },
    total=False,
)
"""How a frame was denoised, or its samples planned."""


class FrameState(TypedDict, total=False):
    """A frame of a job."""

    index: int
    state: str
    progress: float


class JobState(TypedDict, total=False):
    """A job: `queued`, `running`, `done`, `failed` or `cancelled`, and its progress in [0, 1]."""

    id: str
    state: str
    progress: float
    frames: list[FrameState]


class Model(TypedDict, total=False):
    """A model that the service has loaded."""

    name: str
    version: int
    device: str
