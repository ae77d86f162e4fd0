"""The formulas of features, exposure, pyramid and losses on numbers worked out by hand."""

import math

import pytest
import torch

from quietframe_training.features import (
    auto_exposure,
    component_features,
    downsample_inputs,
    estimate_variance,
    firefly_gain,
    relative_variance,
)
from quietframe_training.losses import asymmetric_smape, dssim, picture_loss, smape
from quietframe_training.network import composite, downsample, upsample


def test_features_of_one_pixel():
    inputs = torch.zeros(1, 13, 1, 1)
    inputs[0, :, 0, 0] = torch.tensor([1.0, 2, 3, 0.4, 0.5, 0.5, 0.5, 10, 0, 0, 1, 0.1, 1])
    x = component_features(inputs)[0, :, 0, 0]
    torch.testing.assert_close(x[:3], torch.log(torch.tensor([2.0, 3, 4])))
    assert math.isclose(x[3], 0.4 / 4.0001, rel_tol=1e-5)
    assert x[7] == 1.0  # clamped
    assert math.isclose(x[11], 0.1 / (1 / 3 + 1e-4), rel_tol=1e-5)
    assert x[12] == 1.0


def test_relative_variance_of_a_black_pixel_is_finite():
    assert relative_variance(torch.zeros(1), torch.zeros(1)).item() == 0.0


def test_variance_of_a_coarser_level_is_a_quarter():
    coarse = downsample_inputs(torch.ones(1, 13, 4, 4))[0, :, 0, 0]
    assert coarse[[3, 7, 11]].tolist() == [0.25] * 3
    assert coarse[[0, 4, 8, 12]].tolist() == [1.0] * 4


def test_estimated_variance():
    assert estimate_variance(torch.full((1, 3, 5, 5), 2.0)).abs().max() < 1e-5
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.5 + 4
    assert 0.23 < float(estimate_variance(noise).mean()) < 0.27


@pytest.mark.parametrize("level", [0.01, 1.0, 50.0])
def test_exposure_brings_grey_to_the_key(level):
    assert auto_exposure(torch.full((3, 20, 33), level)) * level == pytest.approx(0.18, rel=1e-4)


def test_exposure_of_black_is_one():
    assert auto_exposure(torch.zeros(3, 8, 8)) == 1.0


def test_smape_is_equation_2():
    assert float(smape(torch.tensor([1.0]), torch.tensor([3.0]))) == pytest.approx(2 / 4.01)


def test_asymmetric_loss_penalises_the_far_side_only():
    reference, noisy, slope = torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0])
    near, far = torch.tensor([1.5]), torch.tensor([0.5])
    assert float(asymmetric_smape(near, reference, noisy, slope)) == pytest.approx(float(smape(near, reference)))
    assert float(asymmetric_smape(far, reference, noisy, slope)) == pytest.approx(3 * float(smape(far, reference)))


def test_dssim_of_a_batch_is_the_mean_and_black_pixels_have_a_gradient():
    torch.manual_seed(5)
    pictures, references = torch.rand(2, 2, 3, 20, 24)
    pictures[:, :, :6] = 0
    pictures.requires_grad_(True)
    batch = dssim(pictures, references)
    one_by_one = sum(dssim(p, r) for p, r in zip(pictures, references, strict=True)) / 2
    assert batch.item() == pytest.approx(one_by_one.item(), rel=1e-5)
    batch.backward()
    assert torch.isfinite(pictures.grad).all()
    assert pictures.grad[:, :, 10:].abs().sum() > 0


def test_the_loss_of_pictures_sees_lost_structure():
    """A checkerboard that has become grey costs more than one that is as far off everywhere."""
    board = (torch.arange(32)[:, None] + torch.arange(32)).remainder(2).float().expand(3, 32, 32) * 0.2 + 0.5
    grey, brighter = torch.full_like(board, 0.6), board + 0.1
    assert smape(brighter, board) < smape(grey, board) * 1.05
    assert picture_loss(grey, board) > 2 * picture_loss(brighter, board)


def test_dssim_of_equal_pictures_is_zero():
    picture = torch.rand(3, 32, 32)
    assert float(dssim(picture, picture)) == pytest.approx(0, abs=1e-5)
    assert float(dssim(picture, picture.flip(2))) > 0.05


def test_scale_composition():
    fine, coarse = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 4, 4)
    torch.testing.assert_close(downsample(upsample(coarse)), coarse)
    torch.testing.assert_close(composite(fine, coarse, torch.zeros(1, 1, 8, 8)), fine)
    torch.testing.assert_close(downsample(composite(fine, coarse, torch.ones(1, 1, 8, 8))), coarse)


def test_a_lone_firefly_is_dimmed_and_many_are_light():
    color, variance = torch.full((1, 3, 24, 24), 0.2), torch.full((1, 1, 24, 24), 1e-4)
    color[..., 12, 12], variance[..., 12, 12] = 50.0, 50.0**2
    gain = firefly_gain(color, variance)
    assert float(gain[0, 0, 12, 12] * 50) == pytest.approx(0.2, rel=1e-3) and int((gain < 1).sum()) == 1
    corner = torch.zeros_like(color)
    corner[..., 0, 0] = 1.0
    assert int((firefly_gain(0.2 + 50 * corner, corner[:, :1] * 50**2 + 1e-4) < 1).sum()) == 1
    small = (slice(None), slice(None), slice(7, 17), slice(7, 17))
    assert (firefly_gain(color[small], variance[small]) == 1).all()
    certain = variance.clone()
    certain[..., 12, 12] = 1.0  # 2 % noise: it is a lamp
    assert (firefly_gain(color, certain) == 1).all()
    color[..., ::4, ::4], variance[..., ::4, ::4] = 50.0, 50.0**2
    assert (firefly_gain(color, variance) == 1).all()
