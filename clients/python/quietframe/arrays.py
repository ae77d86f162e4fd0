"""numpy arrays as OpenEXR files and back; needs the packages numpy and OpenEXR."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenEXR

Array = npt.NDArray[Any]


def write_channels(channels: Mapping[str, Array], attributes: Mapping[str, str] | None = None) -> bytes:
    """Channels [height, width] by full name, as `albedo.R`, as the bytes of a file of one part.

    float32, float16 and uint32 are written as they are, all else as float32.
    Raises ValueError where there are none, or their sizes differ.
    """
    planes = {name: _sample(array) for name, array in channels.items()}
    sizes = {array.shape for array in planes.values()}
    if len(sizes) != 1 or len(next(iter(sizes))) != 2:
        raise ValueError(f"Expected channels of one size [height, width] but received {sorted(sizes)}")
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **(attributes or {})}
    file = OpenEXR.File(header, {name: OpenEXR.Channel(array) for name, array in planes.items()})
    handle, path = tempfile.mkstemp(suffix=".exr")
    os.close(handle)
    try:
        file.write(path)
        with open(path, "rb") as written:
            return written.read()
    finally:
        os.unlink(path)


def read_channels(exr: bytes) -> dict[str, Array]:
    """Channels [height, width] of the first part of a file, by full name, with their sample types."""
    part = OpenEXR.File(io.BytesIO(exr), separate_channels=True).parts[0]
    return {name: np.asarray(channel.pixels) for name, channel in part.channels.items()}


def _sample(array: Array) -> Array:
    kept = array.dtype in (np.float32, np.float16, np.uint32)
    return np.ascontiguousarray(array if kept else array.astype(np.float32))
