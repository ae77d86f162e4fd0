"""The work that is going on, and what came of the last; one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .local_service import LocalService
from .task import Task


@dataclass(frozen=True)
class Result:
    """A denoised picture or sequence.

    image: its name among the pictures of Blender. layer: the one that was denoised, where it is known.
    first, count: frame numbers of a sequence. before, after: files of the render and of the result, a sequence's
    by the number of the frame.
    """

    image: str
    layer: str | None
    first: int | None
    count: int
    before: Mapping[int | None, Path]
    after: Mapping[int | None, Path]


task: Task | None = None
# While Blender renders what is to be denoised.
preparing = False
message = ""
# What is shown with the message when it is asked for.
notes: list[str] = []
service = LocalService()
result: Result | None = None


def is_busy():
    return preparing or (task is not None and task.state == "running")


def cancel():
    if task is not None:
        task.cancel()
