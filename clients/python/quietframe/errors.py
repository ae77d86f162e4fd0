"""What can go wrong with a request."""

from __future__ import annotations

import json
from typing import Any

_PREFIX = "urn:quietframe:problem:"


class QuietframeError(Exception):
    """Any failure of a request."""


class Unavailable(QuietframeError):
    """The service could not be reached, or had no capacity, as often as it was asked."""


class Problem(QuietframeError):
    """The service has refused the request (RFC 9457).

    `code` is stable, as `invalid-argument`; `status` is that of HTTP; `document` is the whole answer, with the
    `parameter`, `frame` or `layer` that it is about.
    """

    def __init__(self, status: int, document: dict[str, Any]):
        self.status = status
        self.document = document
        self.code = str(document.get("type", "")).removeprefix(_PREFIX)
        super().__init__(str(document.get("detail", f"HTTP status {status}")))

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (408, 429, 502, 503, 504)


def problem_of(status: int, body: bytes) -> Problem:
    """The problem of an answer; proxies answer in other formats."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    return Problem(status, document if isinstance(document, dict) else {})
