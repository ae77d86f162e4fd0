from __future__ import annotations

import numpy as np
import pytest

from quietframe.arrays import read_channels, write_channels


def test_round_trip_keeps_values_and_types():
    rng = np.random.default_rng(0)
    channels = {
        "R": rng.random((5, 3), np.float32) * 1e4,
        "albedo.R": rng.random((5, 3)).astype(np.float16),
        "samples.spp": rng.integers(0, 2**32 - 1, (5, 3), np.uint32, endpoint=True),
    }
    read = read_channels(write_channels(channels, {"generatedBy": "Mitsuba"}))
    assert set(read) == set(channels)
    for name, array in channels.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


def test_other_types_become_float():
    read = read_channels(write_channels({"Y": np.arange(6).reshape(2, 3)}))
    assert read["Y"].dtype == np.float32
    np.testing.assert_array_equal(read["Y"], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("sizes", [[], [(2, 3), (3, 2)], [(2, 3, 4)]])
def test_refuses_channels_of_other_sizes(sizes):
    with pytest.raises(ValueError, match="one size"):
        write_channels({str(i): np.zeros(size, np.float32) for i, size in enumerate(sizes)})
