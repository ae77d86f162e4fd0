"""Pixels of files that OpenEXR has written."""

from __future__ import annotations

import numpy as np
import OpenEXR
import pytest
from quietframe_blender.exr_pixels import read_layer
from quietframe_blender.failure import Failure

HEIGHT, WIDTH = 37, 11


@pytest.fixture
def planes():
    rng = np.random.default_rng(1)
    names = [f"{layer}.{c}" for layer in ("V.Combined", "V.Noisy Image") for c in "RGBA"]
    colors = {name: rng.random((HEIGHT, WIDTH), np.float32) for name in names}
    return colors | {"V.Depth.Z": np.ones((HEIGHT, WIDTH), np.float32)}


def parts_of(planes, compression, kind=np.float32):
    header = {"compression": compression, "type": OpenEXR.scanlineimage}
    layers = dict.fromkeys(name.rpartition(".")[0] for name in planes)
    for layer in layers:
        channels = {n: p.astype(kind) for n, p in planes.items() if n.rpartition(".")[0] == layer}
        yield OpenEXR.Part(dict(header), channels, name=layer)


@pytest.mark.parametrize("compression", [OpenEXR.NO_COMPRESSION, OpenEXR.ZIPS_COMPRESSION, OpenEXR.ZIP_COMPRESSION])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("several", [False, True])
def test_reads_a_layer(tmp_path, planes, compression, kind, several):
    path = tmp_path / "a.exr"
    if several:
        OpenEXR.File(list(parts_of(planes, compression, kind))).write(str(path))
    else:
        header = {"compression": compression, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header, {name: plane.astype(kind) for name, plane in planes.items()}).write(str(path))
    picture = read_layer(path, ("V.Nothing", "V.Noisy Image"))
    expected = np.stack([planes[f"V.Noisy Image.{c}"] for c in "RGBA"], axis=-1).astype(kind)
    np.testing.assert_array_equal(picture, expected)


def test_a_layer_without_alpha_is_opaque(tmp_path, planes):
    path = tmp_path / "a.exr"
    del planes["V.Combined.A"]
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, planes).write(str(path))
    assert np.all(read_layer(path, ("V.Combined",))[..., 3] == 1)


def test_other_files(tmp_path, planes):
    path = tmp_path / "a.exr"
    path.write_bytes(b"no picture at all")
    with pytest.raises(Failure, match="no file of Blender"):
        read_layer(path, ("V.Combined",))
    OpenEXR.File({"compression": OpenEXR.PIZ_COMPRESSION}, planes).write(str(path))
    with pytest.raises(Failure, match="another codec than ZIP"):
        read_layer(path, ("V.Combined",))
    with pytest.raises(Failure, match="does not have the layer Other"):
        read_layer(path, ("Other",))
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION}, planes).write(str(path))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Failure, match="damaged"):
        read_layer(path, ("V.Combined",))
