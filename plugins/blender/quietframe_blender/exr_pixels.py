"""Pixels of one layer of an OpenEXR file, which Blender does not give for files of several layers.

Scan lines without compression or with ZIP, as Set Up Passes has them written.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .failure import Failure

_MAGIC, _MULTIPART = 20000630, 0x1000
# Scan lines of a block by the number of the compression: none, ZIPS, ZIP.
_LINES = {0: 1, 2: 1, 3: 16}
_TYPES = {0: "<u4", 1: "<f2", 2: "<f4"}


@dataclass(frozen=True)
class _Part:
    #: Name and sample type of each channel, in the order of the file.
    channels: list[tuple[str, str]]
    compression: int
    width: int
    height: int
    top: int

    @property
    def blocks(self) -> int:
        return -(-self.height // _LINES[self.compression])


def read_layer(path: Path, names: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """The first layer of the names that is there, [height, width, 4] from the top down; alpha is 1 where there is none.

    Raises Failure for other files, and where no such layer is there.
    """
    content = path.read_bytes()
    try:
        parts, at, is_multipart = _headers(content)
        for name in names:
            for index, part in enumerate(parts):
                if {f"{name}.{c}" for c in "RGB"} <= {channel for channel, _ in part.channels}:
                    if part.compression not in _LINES:
                        raise Failure(
                            f"{path} is compressed by another codec than ZIP. Press Set Up Passes and render again"
                        )
                    begin = at + 8 * sum(each.blocks for each in parts[:index])
                    return _pixels(content, part, begin, is_multipart, name)
    except (struct.error, ValueError, IndexError, KeyError, zlib.error) as error:
        raise Failure(f"{path} is damaged or no file of Blender: {error}") from None
    raise Failure(f"{path} does not have the layer {names[0]}")


def _headers(content: bytes) -> tuple[list[_Part], int, bool]:
    """Parts, where the tables of offsets begin, and whether blocks begin with the number of their part."""
    magic, version = struct.unpack_from("<II", content)
    if magic != _MAGIC:
        raise ValueError("wrong magic number")
    at, parts = 8, []
    is_multipart = bool(version & _MULTIPART)
    while True:
        attributes: dict[str, bytes] = {}
        while content[at]:
            name, at = _text(content, at)
            _, at = _text(content, at)
            (size,) = struct.unpack_from("<I", content, at)
            attributes[name] = content[at + 4 : at + 4 + size]
            at += 4 + size
        at += 1
        if attributes:
            parts.append(_part(attributes))
        if not is_multipart or not attributes:
            return parts, at, is_multipart


def _part(attributes: dict[str, bytes]) -> _Part:
    listed, at = attributes["channels"], 0
    channels = []
    while listed[at]:
        name, at = _text(listed, at)
        channels.append((name, _TYPES[listed[at]]))
        at += 16
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    return _Part(channels, attributes["compression"][0], right - left + 1, bottom - top + 1, top)


def _text(content: bytes, at: int) -> tuple[str, int]:
    end = content.index(b"\0", at)
    return content[at:end].decode(), end + 1


def _pixels(content: bytes, part: _Part, table: int, is_multipart: bool, name: str) -> npt.NDArray[np.float32]:
    picture = np.ones((part.height, part.width, 4), np.float32)
    wanted = {f"{name}.{c}": index for index, c in enumerate("RGBA")}
    for offset in struct.unpack_from(f"<{part.blocks}Q", content, table):
        at = offset + 4 * is_multipart
        y, size = struct.unpack_from("<iI", content, at)
        first = y - part.top
        lines = min(_LINES[part.compression], part.height - first)
        block = _unpacked(content[at + 8 : at + 8 + size], part, lines)
        begin = 0
        for line in range(first, first + lines):
            for channel, kind in part.channels:
                samples: npt.NDArray[Any] = np.frombuffer(block, kind, part.width, begin)
                begin += samples.nbytes
                if channel in wanted:
                    picture[line, :, wanted[channel]] = samples
    return picture


def _unpacked(block: bytes, part: _Part, lines: int) -> bytes:
    size = lines * part.width * sum(np.dtype(kind).itemsize for _, kind in part.channels)
    # Blocks that would grow are stored as they are.
    if part.compression == 0 or len(block) == size:
        return block
    deltas = np.frombuffer(zlib.decompress(block), np.uint8)
    # Differences of bytes around 128, of which the first half are those at even places.
    halves = np.cumsum(deltas.astype(np.int64) - 128) + 128
    values = np.empty(len(deltas), np.uint8)
    half = (len(deltas) + 1) // 2
    values[0::2], values[1::2] = halves[:half] & 255, halves[half:] & 255
    return values.tobytes()
