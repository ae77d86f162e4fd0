"""numpy arrays as OpenEXR files and back; needs the packages numpy and OpenEXR."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenEXR

from .client import Client, Progress

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


def denoise_arrays(
    color: Array | Sequence[Array] | None,
    *,
    albedo: Array | Sequence[Array] | None = None,
    normal: Array | Sequence[Array] | None = None,
    motion: Array | Sequence[Array] | None = None,
    halves: tuple[Array, Array] | None = None,
    keep_noise: float = 1.0,
    progress: Progress | None = None,
    client: Client | None = None,
    **parameters: Any,
) -> npt.NDArray[np.float32]:
    """Denoises a picture, or the middle one of a window, and returns it as [height, width, 3].

    color: scene-linear [height, width, 3], or several of them in time order, or [frame, height, width, 3].
    albedo, normal: as color; albedo in [0, 1], normals of unit length in world or camera space.
    motion: for windows, offsets in pixels, y down, from each pixel to its place in the previous frame (2 channels),
    or in the previous and in the next one (4 channels).
    halves: two renders with half of the samples each, in place of a single color, which may be None and is not read.
    keep_noise: lambda in [1, 10]; higher keeps more of the picture, and of its noise.
    progress: called with the share that is done, up to 1.
    client: default is the service at QUIETFRAME_URL, or else on this machine at port 8080.
    Other parameters are those of `Client.denoise`.
    Raises ValueError for arrays of other shapes, and what `Client.denoise` raises.
    """
    guides = {name: _frames(each) for name, each in (("albedo", albedo), ("normal", normal), ("motion", motion))}
    colors = [np.asarray(half) for half in halves] if halves is not None else _frames(color)
    if len(colors) == 0 or (halves is not None and len(colors) != 2):
        raise ValueError("Expected a color or two halves but received neither")
    # Both halves have the same guides.
    count = 1 if halves is not None else len(colors)
    for name, frames in guides.items():
        if len(frames) not in (0, count):
            raise ValueError(f"Expected {count} frames for {name} but received {len(frames)}")
    files = []
    for index, each in enumerate(colors):
        at = 0 if halves is not None else index
        files.append(write_channels(_channels(each, {name: f[at] for name, f in guides.items() if len(f) > 0})))
    options: dict[str, Any] = {"progress": progress, **parameters}
    if guides["motion"]:
        options.setdefault("motion", "to-previous" if guides["motion"][0].shape[-1] == 2 else "to-both")
    if keep_noise != 1:
        options["lambda"] = keep_noise
    client = client or Client(os.environ.get("QUIETFRAME_URL", "http://127.0.0.1:8080"))
    if halves is not None:
        answer = client.denoise(halves=(files[0], files[1]), **options)
    else:
        answer = client.denoise(files if len(files) > 1 else files[0], **options)
    channels = read_channels(answer.exr)
    return np.stack([channels[name] for name in "RGB"], axis=-1).astype(np.float32)


#: Names and number of the channels of a layer.
_LAYERS = {"color": ("RGB",), "albedo": ("RGB",), "normal": ("XYZ",), "motion": ("XY", "XYZW")}


def _frames(frames: Array | Sequence[Array] | None) -> list[Array]:
    """Pictures [height, width, channel] in time order."""
    if frames is None:
        return []
    one = isinstance(frames, np.ndarray) and frames.ndim == 3
    return [np.asarray(each) for each in ([frames] if one else frames)]


def _channels(color: Array, guides: Mapping[str, Array]) -> dict[str, Array]:
    channels = {}
    for layer, picture in {"color": color, **guides}.items():
        names = next((n for n in _LAYERS[layer] if picture.ndim == 3 and len(n) == picture.shape[-1]), None)
        if names is None or picture.shape[:2] != color.shape[:2]:
            sizes = " or ".join(str(len(n)) for n in _LAYERS[layer])
            size = f"{color.shape[0]}, {color.shape[1]}" if color.ndim == 3 else "height, width"
            raise ValueError(f"Expected shape ({size}, {sizes}) for {layer} but received {picture.shape}")
        for index, name in enumerate(names):
            channels[name if layer == "color" else f"{layer}.{name}"] = picture[..., index]
    return channels


def _sample(array: Array) -> Array:
    kept = array.dtype in (np.float32, np.float16, np.uint32)
    return np.ascontiguousarray(array if kept else array.astype(np.float32))
