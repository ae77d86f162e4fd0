from __future__ import annotations

import io

import numpy as np
import pytest
from fakes import NoiseRenderer
from quietframe.arrays import read_channels, write_channels

from quietframe_mitsuba import Film
from quietframe_mitsuba.allocation import dilated, even, proportional
from quietframe_mitsuba.main import ProgressLine, output_channels


def rendered(counts):
    renderer = NoiseRenderer(width=counts.shape[1], height=counts.shape[0])
    renderer.sample(counts)
    return renderer.film


def test_halves_share_the_samples_of_each_pixel():
    film = rendered(np.array([[4, 5], [1, 0]]))
    np.testing.assert_array_equal(film.counts[0], [[2, 3], [1, 0]])
    np.testing.assert_array_equal(film.counts[1], [[2, 2], [0, 0]])
    assert film.total == 10 and film.spp == 2.5
    # A pixel with one sample has it in both halves, one without any is black.
    np.testing.assert_array_equal(film.half(0)[1, 0], film.half(1)[1, 0])
    np.testing.assert_array_equal(film.mean()[1, 1], 0)


def test_variance_is_that_of_the_mean():
    spread = []
    for seed in range(200):
        renderer = NoiseRenderer(width=9, height=1, seed=seed)
        renderer.sample(np.full((1, 9), 8))
        spread.append((renderer.film.variance()[0], renderer.film.mean()[0, :, 0]))
    estimated = np.mean([v for v, _ in spread], 0)
    measured = np.var([m for _, m in spread], 0, ddof=1)
    np.testing.assert_allclose(estimated, (0.05 * np.arange(9)) ** 2 / 8, rtol=0.2, atol=1e-9)
    np.testing.assert_allclose(measured[1:], estimated[1:], rtol=0.4)


def test_variance_of_too_few_samples_is_unknown():
    assert np.isinf(rendered(np.array([[1, 0]])).variance()).all()


def test_variances_of_the_halves_are_of_all_samples():
    film = rendered(np.array([[8, 9, 6]] * 4))
    first, second = film.variance_of_half(0), film.variance_of_half(1)
    # As the service joins them: a quarter of the sum is the variance of the mean of both.
    both = (first + second).mean(-1) / 4
    np.testing.assert_allclose(both[:, [0, 2]], film.variance()[:, [0, 2]], rtol=1e-6, atol=1e-12)
    # Five samples vary less in their mean than four.
    np.testing.assert_allclose(first[:, 1] * 5, second[:, 1] * 4, rtol=1e-6)


def test_variances_of_halves_tell_colours_apart():
    film = Film(1, 1)
    for red in (0.0, 2.0, 0.0, 2.0):
        half = film.total % 2
        counts, sums = np.zeros((2, 1, 1), np.int64), np.zeros((2, Film.CHANNELS, 1, 1))
        counts[half], sums[half, 0] = 1, red
        film.add(counts, sums, np.array([red**2, 0, 0, (0.2126 * red) ** 2]).reshape(4, 1, 1))
    # Of samples 0 and 2 the variance is 4 / 3, of the mean of two of them half as much.
    np.testing.assert_allclose(film.variance_of_half(0)[0, 0], [2 / 3, 0, 0])


def test_unknown_variances_count_as_the_largest():
    film = rendered(np.array([[1, 0, 6, 6]]))
    variance = film.variance_of_half(1)
    assert np.isfinite(variance).all()
    np.testing.assert_array_equal(variance[0, :2], variance.max())
    np.testing.assert_array_equal(rendered(np.array([[1, 0]])).variance_of_half(0), 0)
    assert film.channels_of_half(0)["mse.G"].dtype == np.float32


def test_refuses_films_without_pixels():
    with pytest.raises(ValueError, match="for the film"):
        Film(0, 4)


@pytest.mark.parametrize("total", [0, 1, 7, 35, 36, 1000])
def test_even_counts_add_up_and_differ_by_one(total):
    counts = even(5, 7, total)
    assert counts.sum() == total
    assert counts.max() - counts.min() <= 1


def test_proportional_counts_add_up():
    rng = np.random.default_rng(1)
    for total in (1, 36, 1000, 12345):
        for weights in (rng.random((6, 6)), rng.random((6, 6)) ** 8, np.zeros((6, 6)), np.full((6, 6), np.inf)):
            counts = proportional(weights, total)
            assert counts.sum() == total
            assert counts.min() >= 0
    counts = proportional(np.array([[1.0, 2.0, 3.0]]), 600)
    np.testing.assert_array_equal(counts, [[100, 200, 300]])
    with pytest.raises(ValueError, match="negative"):
        proportional(np.array([[1.0, np.nan]]), 10)


def test_dilation_reaches_the_neighbours():
    weights = np.zeros((5, 5))
    weights[2, 2] = 1
    np.testing.assert_array_equal(dilated(weights)[1:4, 1:4], 1)
    assert dilated(weights).sum() == 9


def test_output_has_everything():
    film = rendered(np.full((3, 4), 3))
    clean = {name: np.full((3, 4), 0.5, np.float32) for name in "RGB"}
    read = read_channels(write_channels(output_channels(film, clean)))
    np.testing.assert_array_equal(read["R"], 0.5)
    np.testing.assert_allclose(read["noisy.G"], film.mean()[..., 1], rtol=1e-6)
    np.testing.assert_array_equal(read["samples.spp"], 3)
    np.testing.assert_allclose(read["sh_normal.Z"], 1)
    assert "variance.Y" in read and "albedo.B" in read
    assert "noisy.R" not in output_channels(film, None)


def test_progress_line_is_silent_without_a_terminal():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    quiet, loud = io.StringIO(), Terminal()
    for stream in (quiet, loud):
        line = ProgressLine(stream)
        line(0.5, "round 1 of 2")
        line.end()
    assert quiet.getvalue() == ""
    assert " 50 % round 1 of 2" in loud.getvalue()
