"""The rounds of Vogels et al. 2018, section 5, counted as the service counts them."""

from __future__ import annotations

import math

FIRST_SPP = 16


def totals_of(budget_spp: float, pixels: int, first_spp: float = FIRST_SPP) -> list[int]:
    """Samples of all pixels after each round, as the service counts them.

    Raises ValueError for a budget or a first round of no samples.
    """
    budget = half_up(budget_spp * pixels)
    if budget < 1 or not first_spp > 0:
        raise ValueError(f"Expected samples above 0 for the budget but received {budget_spp} (first {first_spp})")
    totals: list[int] = []
    spp = first_spp
    while half_up(spp * pixels) < budget:
        total = max(1, half_up(spp * pixels))
        if total not in totals[-1:]:
            totals.append(total)
        spp *= 2
    return [*totals, budget] if budget not in totals else totals


def half_up(value: float) -> int:
    """The next whole number, of two the larger; Python's own takes the even one."""
    return math.floor(value + 0.5)
