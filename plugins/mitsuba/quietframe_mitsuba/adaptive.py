"""The loop of Vogels et al. 2018, section 5: an even round, then rounds that double the samples where a guide says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .allocation import even
from .film import Film
from .guides import Guide, ScheduledGuide
from .schedule import FIRST_SPP, totals_of


class Renderer(Protocol):
    """What renders samples of chosen pixels."""

    film: Film

    def sample(self, counts: npt.NDArray[np.int64], progress: Callable[[float], None] | None = None) -> None:
        """Adds counts[y, x] samples to each pixel of the film."""


@dataclass(frozen=True)
class Round:
    """What is known after a round."""

    index: int
    rounds: int
    #: Mean samples per pixel so far.
    spp: float
    #: Mean error predicted before the round, where the guide predicts any.
    predicted_smape: float | None
    #: Why its samples were spread evenly, where they were to be guided.
    fallback: str | None


@dataclass(frozen=True)
class Outcome:
    """How a picture was rendered; its samples are in the renderer's film."""

    rounds: list[Round] = field(default_factory=list)
    #: Whether it ended before the budget because the predicted error was at most the target.
    target_reached: bool = False


class Progress(Protocol):
    """Told how far the rendering is."""

    def __call__(self, fraction: float, message: str) -> None:
        """fraction of the budget in [0, 1]."""


def render_adaptively(
    renderer: Renderer,
    guide: Guide,
    budget_spp: float,
    *,
    first_spp: float = FIRST_SPP,
    progress: Progress | None = None,
    after_round: Callable[[Round], Any] | None = None,
) -> Outcome:
    """Renders until the budget is spent or the guide says that the target is reached.

    budget_spp: mean samples per pixel in all.  Samples that the film has already count.
    after_round: called with every round when its samples are in the film.
    """
    film = renderer.film
    totals = totals_of(budget_spp, film.pixels, first_spp)
    outcome: list[Round] = []
    if isinstance(guide, ScheduledGuide):
        guide.begin(budget_spp, first_spp)
    for index, total in enumerate(totals):
        wanted = total - film.total
        if wanted <= 0:
            continue
        plan = None if film.total == 0 else guide.plan(film, wanted)
        if plan is not None and plan.target_reached:
            return Outcome(outcome, target_reached=True)
        counts = even(film.height, film.width, wanted) if plan is None else plan.counts
        message = f"round {index + 1} of {len(totals)}"
        before = film.total

        def report(fraction: float, before: int = before, wanted: int = wanted, message: str = message) -> None:
            if progress is not None:
                progress((before + fraction * wanted) / totals[-1], message)

        renderer.sample(counts, report)
        done = Round(
            index,
            len(totals),
            film.spp,
            None if plan is None else plan.predicted_smape,
            None if plan is None else plan.fallback,
        )
        outcome.append(done)
        if after_round is not None:
            after_round(done)
    return Outcome(outcome)
