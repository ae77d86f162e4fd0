"""The bound of joined windows; the cases of test/kpcn/window-bound.test.ts."""

import pytest
import torch

from quietframe_training.window_bound import bounded

AT = (..., 2, 3)


def lit(value, column=3):
    light = torch.full((1, 3, 4, 8), 0.1)
    light[..., 2, column] = value
    return light


def frame(value, motion=0.0, column=3):
    offsets = torch.zeros(1, 2, 4, 8)
    offsets[:, 0] = motion
    return lit(value, column), offsets


def test_a_light_of_one_other_frame_is_taken_down_to_twice_the_second_brightest():
    result = bounded(lit(20.0), lit(0.1), [frame(40.0), frame(0.2)])
    torch.testing.assert_close(result[AT], torch.full((1, 3), 0.4))
    assert result.amax() < 0.5


def test_lambda_leaves_more():
    torch.testing.assert_close(bounded(lit(20.0), lit(0.1), [frame(40.0)], 5.0)[AT], torch.full((1, 3), 1.0))


@pytest.mark.parametrize(
    ("center", "others"),
    [
        (0.1, [frame(30.0), frame(25.0)]),
        (0.1, [frame(30.0, 2.0, 5), frame(30.0, 1.6, 5)]),
        (12.0, [frame(40.0), frame(0.1)]),
        (20.0, [frame(0.1), frame(0.1)]),
        (20.0, [frame(40.0, float("nan"))]),
        (20.0, []),
    ],
)
def test_other_lights_are_kept(center, others):
    assert bounded(lit(20.0), lit(center), others)[AT].eq(20).all()
