"""Files of a request, in whatever form they are given."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .multipart import form

EXR = "image/x-exr"


class Readable(Protocol):
    """A file that was opened for reading bytes."""

    def read(self) -> bytes:
        """All that is left of it."""


#: The bytes of an OpenEXR file, its path, or the opened file.
File = bytes | bytearray | str | os.PathLike[str] | Readable


def content_of(file: object) -> bytes:
    """The bytes of a file; raises TypeError for what is none, OSError where it cannot be read."""
    if isinstance(file, bytes | bytearray):
        return bytes(file)
    if isinstance(file, str | os.PathLike):
        return Path(file).read_bytes()
    content = file.read() if hasattr(file, "read") else None
    if not isinstance(content, bytes):
        kind = type(file).__name__ if content is None else f"a file of {type(content).__name__}"
        raise TypeError(f"Expected an OpenEXR file as bytes, path or file opened in binary mode but received {kind}")
    return content


@dataclass(frozen=True)
class Files:
    """The files of one request."""

    frames: Sequence[bytes]
    halves: tuple[bytes, bytes] | None
    lambda_map: bytes | None
    guide: bytes | None = None

    @staticmethod
    def of(
        frame: File | Sequence[File],
        halves: tuple[File, File] | None,
        lambda_map: File | None,
        guide: File | None = None,
    ) -> Files:
        """Reads all; raises ValueError where there is no frame, TypeError and OSError as `content_of`."""
        is_several = isinstance(frame, Sequence) and not isinstance(frame, bytes | bytearray | str)
        given: Sequence[Any] = frame if is_several else [frame]  # type: ignore[assignment]
        if not given and halves is None:
            raise ValueError("Expected a frame or two half buffers but received neither")
        return Files(
            [content_of(each) for each in given],
            None if halves is None else (content_of(halves[0]), content_of(halves[1])),
            None if lambda_map is None else content_of(lambda_map),
            None if guide is None else content_of(guide),
        )

    def all(self) -> list[bytes]:
        others = [each for each in (self.lambda_map, self.guide) if each is not None]
        return [*self.frames, *(self.halves or ()), *others]

    def body(self) -> tuple[str, bytes]:
        """Content type and body of a request that sends them: a file as it is, several as a form."""
        if len(self.all()) == 1 and self.frames:
            return EXR, self.frames[0]
        named = [("frame", each) for each in self.frames]
        if self.halves is not None:
            named += [("half_a", self.halves[0]), ("half_b", self.halves[1])]
        if self.lambda_map is not None:
            named.append(("lambda", self.lambda_map))
        if self.guide is not None:
            named.append(("guide", self.guide))
        return form(named)

    def digests(self) -> dict[str, Any]:
        """The object that names them by digest."""

        def digest(file: bytes) -> str:
            return hashlib.sha256(file).hexdigest()

        named: dict[str, Any] = {"frames": [digest(each) for each in self.frames]}
        if self.halves is not None:
            named["halves"] = [digest(each) for each in self.halves]
        if self.lambda_map is not None:
            named["lambda"] = digest(self.lambda_map)
        if self.guide is not None:
            named["guide"] = digest(self.guide)
        return named
