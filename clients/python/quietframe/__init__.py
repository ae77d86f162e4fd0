"""Client of the quietframe service; the standard library is all that it needs."""

from .client import Answer, Client
from .errors import Problem, QuietframeError, Unavailable

__all__ = ["Answer", "Client", "Problem", "QuietframeError", "Unavailable"]
