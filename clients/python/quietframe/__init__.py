"""Client of the quietframe service; the standard library is all that it needs, but for arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .client import Answer, Client
from .errors import Problem, QuietframeError, Unavailable
from .reports import Report

if TYPE_CHECKING:
    from .arrays import denoise_arrays

__all__ = ["Answer", "Client", "Problem", "QuietframeError", "Report", "Unavailable", "denoise_arrays"]


def __getattr__(name: str) -> Any:
    # numpy and OpenEXR are loaded, and needed, by those who use arrays.
    if name == "denoise_arrays":
        from .arrays import denoise_arrays

        return denoise_arrays
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
