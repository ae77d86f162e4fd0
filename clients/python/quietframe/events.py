"""Server-sent events (WHATWG HTML, section 9.2) of the service, whose data is JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event: its id, its name, and the object that is its data."""

    id: str
    name: str
    data: dict[str, Any]


def events_of(lines: Iterable[bytes]) -> Iterator[Event]:
    """Events of a stream of lines; one that is cut off is none."""
    fields: dict[str, str] = {}
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        if line == "":
            if "data" in fields:
                yield Event(fields.get("id", "0"), fields.get("event", "message"), json.loads(fields["data"]))
            fields = {}
            continue
        name, _, value = line.partition(":")
        # A line that begins with a colon only keeps the connection alive.
        if name:
            fields[name] = value.removeprefix(" ")
