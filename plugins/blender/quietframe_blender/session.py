"""The work that is going on, and what came of the last; one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from .task import Task


@dataclass(frozen=True)
class Result:
    """A denoised picture or sequence.

    image: its name among the pictures of Blender. layer: the one that was denoised, where it is known.
    first, count: frame numbers of a sequence.
    """

    image: str
    layer: str | None
    first: int | None
    count: int


task: Task | None = None
# While Blender renders what is to be denoised.
preparing = False
message = ""
result: Result | None = None


def is_busy():
    return preparing or (task is not None and task.state == "running")


def cancel():
    if task is not None:
        task.cancel()
