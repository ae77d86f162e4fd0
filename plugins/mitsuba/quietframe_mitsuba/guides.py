"""Who says where the next samples go."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from quietframe import Client, QuietframeError
from quietframe.arrays import read_channels, write_channels

from .allocation import dilated, even, proportional
from .film import LUMINANCE, Film
from .schedule import totals_of


@dataclass(frozen=True)
class Plan:
    """Samples to add to each pixel."""

    #: [height, width], sums to the budget.
    counts: npt.NDArray[np.int64]
    #: Mean error that is predicted to be left after denoising, before these samples.
    predicted_smape: float | None = None
    #: Whether that is at most the target.
    target_reached: bool = False
    #: Why the samples are spread evenly, where they were to be guided.
    fallback: str | None = None


Metric = Literal["smape", "dssim", "relative-mse", "relative-variance", "ms-dssim"]
#: The part of the error that samples reduce, or the error itself as in the paper.
Weighting = Literal["reducible", "error"]


class Guide(Protocol):
    """Plans the samples of a round."""

    def plan(self, film: Film, budget: int) -> Plan:
        """Shares out `budget` samples over the pixels of a film that has some already."""


@runtime_checkable
class ScheduledGuide(Protocol):
    """A guide that follows the schedule of a rendering."""

    def begin(self, budget_spp: float, first_spp: float) -> None:
        """Called before the first round, with mean samples per pixel in all and of the first round."""


class UniformGuide:
    """As many samples everywhere."""

    def plan(self, film: Film, budget: int) -> Plan:
        return Plan(even(film.height, film.width, budget))


class RelativeVarianceGuide:
    """In proportion to the relative variance of the noisy mean: what adaptive samplers do that know of no denoiser."""

    def plan(self, film: Film, budget: int) -> Plan:
        brightness = film.mean() @ LUMINANCE
        relative = film.variance() / (brightness**2 + 1e-4)
        return Plan(proportional(dilated(np.clip(relative, 0, 1)), budget))


class ServiceGuide:
    """In proportion to the errors that a quietframe service predicts.

    A service that does not answer, or answers nonsense, costs no samples: the client asks again as often as it is set
    to, then the round is spread evenly, and the next round asks anew.

    Between `begin` and the end of its schedule the service keeps count: the guide posts the loop state of the last
    answer back. A film with samples of another schedule asks for a budget instead.
    """

    LOOP_VERSION = 1

    def __init__(
        self,
        client: Client,
        *,
        target_smape: float | None = None,
        metric: Metric = "smape",
        weighting: Weighting = "reducible",
    ):
        self._client, self._target, self._metric, self._weighting = client, target_smape, metric, weighting
        self._schedule: tuple[float, float] | None = None
        self._state: dict[str, Any] = {}

    def begin(self, budget_spp: float, first_spp: float) -> None:
        self._schedule, self._state = (budget_spp, first_spp), {}

    def plan(self, film: Film, budget: int) -> Plan:
        try:
            return self._ask(film, budget)
        except (QuietframeError, OSError, ValueError, KeyError, RuntimeError) as error:
            return Plan(even(film.height, film.width, budget), fallback=str(error))

    def _ask(self, film: Film, budget: int) -> Plan:
        answer = self._client.sample_map(
            halves=halves_of(film),
            **self._amount(film, budget),
            spp=film.spp,
            target_smape=self._target,
            metric=self._metric,
            weighting=self._weighting,
        )
        error = answer.report.get("predictedError", {})
        reached = bool(answer.report.get("target", {}).get("reached", False))
        # A loop that has ended adds nothing.
        wanted = 0 if reached and "loop" in answer.report else budget
        counts = checked_map(read_channels(answer.exr)["samples.spp"], film, wanted)
        self._state = dict(answer.report.get("loop", {}).get("state", {}))
        return Plan(counts, error.get("smape"), reached)

    def _amount(self, film: Film, budget: int) -> dict[str, Any]:
        """What is asked for: the next round of the loop, or a budget where the film is on no round of it."""
        if self._schedule is None:
            return {"budget": budget / film.pixels}
        totals = totals_of(self._schedule[0], film.pixels, self._schedule[1])
        if (film.total, film.total + budget) not in zip(totals, totals[1:], strict=False):
            return {"budget": budget / film.pixels}
        # A round that the service did not plan is one of the schedule, too.
        if self._state.get("totalSamples") != film.total:
            self._state = {"version": self.LOOP_VERSION, "budgetSpp": self._schedule[0], "firstSpp": self._schedule[1]}
            self._state |= {"width": film.width, "height": film.height, "totalSamples": film.total}
        return {"loop": json.dumps(self._state)}


def halves_of(film: Film) -> tuple[bytes, bytes]:
    """The halves of a film as OpenEXR files."""
    attributes = {"generatedBy": "Mitsuba 3"}
    first, second = (write_channels(film.channels_of_half(index), attributes) for index in (0, 1))
    return first, second


def checked_map(counts: npt.NDArray[Any], film: Film, budget: int) -> npt.NDArray[np.int64]:
    """The map as integers. Raises ValueError when it is of another size or sum."""
    if counts.shape != (film.height, film.width):
        raise ValueError(f"Expected a map of {film.width} x {film.height} pixels but received {counts.shape[::-1]}")
    whole: npt.NDArray[np.int64] = np.nan_to_num(counts, nan=-1).astype(np.int64)
    if int(whole.sum()) != budget or whole.min() < 0 or not np.array_equal(whole, counts):
        raise ValueError(f"Expected {budget} samples in the map but received {counts.sum()}")
    return whole
