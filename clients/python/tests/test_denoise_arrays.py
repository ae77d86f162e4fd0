"""Arrays in one call: what is sent, and against a real service at QUIETFRAME_URL where there is one."""

from __future__ import annotations

import os

import numpy as np
import pytest

import quietframe
from quietframe.arrays import read_channels, write_channels
from quietframe.client import Answer

HEIGHT, WIDTH = 40, 48


class Service:
    """Takes the place of a client and answers with what it was sent, halved."""

    def denoise(self, frame=(), *, halves=None, **parameters):
        self.frames, self.parameters = frame, parameters
        self.halves = halves and [read_channels(half) for half in halves]
        first = halves[0] if halves else frame[0] if isinstance(frame, list) else frame
        sent = read_channels(first)
        return Answer(write_channels({**sent, **{c: sent[c] / 2 for c in "RGB"}}), {})


def noisy(seed=0, channels=3):
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, channels)).astype(np.float64)


def test_a_picture_with_guides():
    service, color = Service(), noisy()
    result = quietframe.denoise_arrays(
        color, albedo=noisy(1), normal=noisy(2), keep_noise=2, alpha="copy", client=service
    )
    assert (result.dtype, result.shape) == (np.float32, (HEIGHT, WIDTH, 3))
    np.testing.assert_allclose(result, color / 2, rtol=1e-6)
    sent = read_channels(service.frames)
    np.testing.assert_allclose(sent["albedo.G"], noisy(1)[..., 1], rtol=1e-6)
    np.testing.assert_allclose(sent["normal.Z"], noisy(2)[..., 2], rtol=1e-6)
    assert service.parameters == {"progress": None, "lambda": 2, "alpha": "copy"}


@pytest.mark.parametrize(("channels", "convention"), [(2, "to-previous"), (4, "to-both")])
def test_a_window_with_motion(channels, convention):
    service = Service()
    quietframe.denoise_arrays(
        np.stack([noisy(n) for n in range(3)]), motion=[noisy(n, channels) for n in range(3)], client=service
    )
    assert len(service.frames) == 3
    assert service.parameters["motion"] == convention
    assert sorted(n for n in read_channels(service.frames[2]) if "motion" in n) == sorted(
        f"motion.{c}" for c in "XYZW"[:channels]
    )


def test_halves():
    service = Service()
    quietframe.denoise_arrays(None, halves=(noisy(0), noisy(1)), albedo=noisy(2), client=service)
    for index, half in enumerate(service.halves):
        np.testing.assert_allclose(half["R"], noisy(index)[..., 0], rtol=1e-6)
        np.testing.assert_allclose(half["albedo.R"], noisy(2)[..., 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"color": None}, "a color or two halves"),
        ({"color": np.zeros((4, 5))}, r"\(height, width, 3\) for color"),
        ({"color": np.zeros((4, 5, 4))}, "for color"),
        (
            {"color": np.zeros((4, 5, 3)), "albedo": np.zeros((5, 4, 3))},
            r"\(4, 5, 3\) for albedo but received \(5, 4, 3\)",
        ),
        ({"color": np.zeros((4, 5, 3)), "motion": np.zeros((4, 5, 3))}, r"\(4, 5, 2 or 4\) for motion"),
        ({"color": [np.zeros((4, 5, 3))] * 2, "normal": np.zeros((4, 5, 3))}, "Expected 2 frames for normal"),
    ],
)
def test_other_shapes(arguments, words):
    with pytest.raises(ValueError, match=words):
        quietframe.denoise_arrays(**arguments, client=Service())


def test_nothing_else_is_there():
    with pytest.raises(AttributeError, match="nothing"):
        quietframe.nothing  # noqa: B018


@pytest.mark.skipif("QUIETFRAME_URL" not in os.environ, reason="needs a service")
def test_a_real_service():
    x = np.linspace(0, 1, WIDTH)
    clean = np.broadcast_to(x[None, :, None], (HEIGHT, WIDTH, 3))
    rng = np.random.default_rng(3)
    half_a, half_b = (clean + rng.normal(0, 0.2, clean.shape) for _ in range(2))
    albedo, normal = np.full(clean.shape, 0.5), np.broadcast_to([0.0, 0.0, 1.0], clean.shape)
    seen = []
    for result in (
        quietframe.denoise_arrays(half_a, albedo=albedo, normal=normal, progress=seen.append),
        quietframe.denoise_arrays(None, halves=(half_a, half_b), albedo=albedo, normal=normal),
        quietframe.denoise_arrays([half_b, half_a, half_b], motion=[np.zeros((HEIGHT, WIDTH, 4))] * 3),
    ):
        assert (result.dtype, result.shape) == (np.float32, (HEIGHT, WIDTH, 3))
        assert np.abs(result - clean).mean() < 0.5 * np.abs(half_a - clean).mean()
    assert seen == sorted(seen)
    assert seen[-1] == 1
    answer = quietframe.Client(os.environ["QUIETFRAME_URL"]).denoise(
        write_channels({c: half_a[..., i] for i, c in enumerate("RGB")}), lambda_=2, outputs="color,error"
    )
    # Every key of a real report has its type.
    assert set(answer.report) <= set(quietframe.Report.__annotations__)
    assert answer.report["lambda"] == 2
