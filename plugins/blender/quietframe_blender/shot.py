"""Frames of a shot on disk, and which of them belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .failure import Failure


@dataclass(frozen=True)
class Pattern:
    """Files of a shot: a folder, and a name around a frame number of at least `digits` digits."""

    folder: Path
    before: str
    digits: int
    after: str

    @classmethod
    def of(cls, path: str) -> Pattern:
        """Reads `shot.####.exr`, or any frame's name, as `shot.0001.exr`; raises Failure where there is no number."""
        file = Path(path)
        found = list(re.finditer(r"#+", file.name)) or list(re.finditer(r"\d+", file.name.removesuffix(file.suffix)))
        if not found:
            raise Failure(
                f"{path or 'The name'} has no frame number. Choose one frame of the shot, or write #### for the number,"
                " as in shot.####.exr"
            )
        last = found[-1]
        return cls(file.parent, file.name[: last.start()], len(last[0]), file.name[last.end() :])

    def path(self, number: int) -> Path:
        return self.folder / f"{self.before}{number:0{self.digits}d}{self.after}"

    def numbers(self) -> list[int]:
        """Numbers of the frames that are there, rising."""
        named = re.compile(f"{re.escape(self.before)}(\\d{{{self.digits},}}){re.escape(self.after)}")
        if not self.folder.is_dir():
            raise Failure(f"The folder {self.folder} is not there")
        found = (named.fullmatch(file.name) for file in self.folder.iterdir())
        return sorted({int(match[1]) for match in found if match is not None and self.path(int(match[1])).is_file()})


@dataclass(frozen=True)
class Request:
    """Files of one frame to denoise, and where the result goes.

    frames: in time order; `center` is the index of the one that is denoised.
    halves: two renders of it with half of the samples each.
    """

    frames: tuple[Path, ...]
    center: int
    halves: tuple[Path, Path] | None
    output: Path
    number: int | None = None

    @property
    def label(self) -> str:
        return "the render" if self.number is None else f"frame {self.number}"

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read, once."""
        return tuple(dict.fromkeys(self.frames + (self.halves or ())))


def requests_of_shot(
    frames: Pattern,
    output: Pattern,
    *,
    second_halves: Pattern | None = None,
    together: int = 7,
    first: int | None = None,
    last: int | None = None,
) -> list[Request]:
    """A request for each frame from `first` to `last`; windows reach beyond them.

    together: most frames that one is denoised from, odd. Frames that are missing in between are left out of windows.
    second_halves: other halves of the samples; the frames themselves are the first.
    Raises Failure where there is nothing to do, a half is missing, or a result would replace what it is made from.
    """
    there = frames.numbers()
    asked = [n for n in there if (first is None or n >= first) and (last is None or n <= last)]
    if not asked:
        raise Failure(f"There is no frame like {frames.path(first or 1)} in the range. Render the shot first")
    halves = set(asked if second_halves is None else second_halves.numbers())
    missing = [n for n in asked if n not in halves]
    if second_halves is not None and missing:
        raise Failure(f"The second half of frame {missing[0]} is missing: {second_halves.path(missing[0])}")
    requests = [_request(n, there, frames, output, second_halves, together) for n in asked]
    read = {file.resolve() for request in requests for file in request.files}
    for request in requests:
        if request.output.resolve() in read:
            raise Failure(f"The result would replace a rendered frame: {request.output}. Choose another output")
    return requests


def _request(
    number: int,
    there: Sequence[int],
    frames: Pattern,
    output: Pattern,
    second_halves: Pattern | None,
    together: int,
) -> Request:
    reach = together // 2
    window = [n for n in there if abs(n - number) <= reach]
    path = frames.path(number)
    return Request(
        frames=tuple(frames.path(n) for n in window),
        center=window.index(number),
        halves=None if second_halves is None else (path, second_halves.path(number)),
        output=output.path(number),
        number=number,
    )
