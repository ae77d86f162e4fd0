"""Adaptive rendering with Mitsuba 3 and quietframe; `quietframe_mitsuba.renderer` alone needs Mitsuba."""

from .adaptive import Outcome, Renderer, Round, render_adaptively
from .film import Film
from .guides import Guide, Plan, RelativeVarianceGuide, ScheduledGuide, ServiceGuide, UniformGuide

__all__ = [
    "Film",
    "Guide",
    "Outcome",
    "Plan",
    "RelativeVarianceGuide",
    "Renderer",
    "Round",
    "ScheduledGuide",
    "ServiceGuide",
    "UniformGuide",
    "render_adaptively",
]
