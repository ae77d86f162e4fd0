"""Kernel prediction and application from first principles, and compiled against the definition."""

import math

import pytest
import torch

from quietframe_training import kernel_apply as ka

TAPS, SIZE = 25, 5


def random_inputs(context=3, embedding=4, height=7, width=6, size=SIZE):
    generator = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    padded = (height + size - 1, width + size - 1)
    return [
        normal(2, height, width, context).relu().requires_grad_(),
        normal(context + 1, size * size).requires_grad_(),
        normal(2, height, width).abs().requires_grad_(),
        normal(2, embedding, *padded).requires_grad_(),
        normal(2, 3, *padded),
    ]


@pytest.mark.parametrize("size", [5, 7, 13, 21])
def test_compiled_kernels_agree_with_the_definition(size):
    assert ka._compiled() is not None
    inputs = random_inputs(size=size)
    compiled, reference = ka.apply_kernels(*inputs), ka.apply_kernels_reference(*inputs)
    torch.testing.assert_close(compiled, reference, atol=1e-5, rtol=1e-5)
    grad = torch.randn_like(compiled)
    for a, b in zip(
        torch.autograd.grad(compiled, inputs[:4], grad), torch.autograd.grad(reference, inputs[:4], grad), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("apply", [ka.apply_kernels, ka.apply_kernels_reference])
def test_a_constant_picture_stays_constant(apply):
    *inputs, image = random_inputs()
    torch.testing.assert_close(apply(*inputs, torch.full_like(image, 3.5)), torch.full((2, 3, 7, 6), 3.5))


@pytest.mark.parametrize("apply", [ka.apply_kernels, ka.apply_kernels_reference])
def test_one_tap_shifts_the_picture(apply):
    context, taps, bandwidth, embedding, image = random_inputs()
    taps = torch.zeros_like(taps)
    taps[-1, 1 * SIZE + 3] = 60.0  # dy = -1, dx = +1
    shifted = apply(context, taps, torch.zeros_like(bandwidth), embedding, image)
    torch.testing.assert_close(shifted, image[:, :, 1:8, 3:9])


@pytest.mark.parametrize("apply", [ka.apply_kernels, ka.apply_kernels_reference])
def test_affinity_keeps_an_edge(apply):
    image = torch.zeros(1, 3, 12, 12)
    image[..., 6:] = 1.0
    context, taps = torch.zeros(1, 8, 8, 2), torch.zeros(3, TAPS)
    blurred = apply(context, taps, torch.zeros(1, 8, 8), image[:, :1], image)
    kept = apply(context, taps, torch.full((1, 8, 8), 50.0), image[:, :1], image)
    assert 0.1 < float(blurred[0, 0, 0, 3]) < 0.9
    torch.testing.assert_close(kept, image[:, :, 2:10, 2:10])


def test_output_lies_within_the_window():
    inputs = random_inputs()
    output, image = ka.apply_kernels(*inputs), inputs[4]
    windows = image.unfold(2, SIZE, 1).unfold(3, SIZE, 1).flatten(4)
    assert (output <= windows.amax(-1) + 1e-5).all() and (output >= windows.amin(-1) - 1e-5).all()


def test_border_repeats():
    padded = ka.pad_border(torch.arange(4.0).view(1, 1, 2, 2), 5)
    assert padded.shape == (1, 1, 6, 6) and padded[0, 0, 0, 0] == 0 and padded[0, 0, 5, 5] == 3


def neighbor_kernel(weight=0.0, sharpness=0.0, bandwidths=(0.0, 0.0), height=9, width=8):
    values = torch.tensor([weight, sharpness, *bandwidths]).view(1, 4, 1, 1)
    return values.expand(1, 4, height, width)


def window_frames():
    generator = torch.Generator().manual_seed(2)
    return torch.rand(3, 1, 6, 9, 8, generator=generator)


def test_a_flat_kernel_sums_up_the_taps_of_its_square():
    guide, other, image = window_frames()
    total, norm = ka.neighbor_sums(neighbor_kernel(1.5), 3, guide, other, image, torch.zeros(1, 2, 9, 8))
    squares = ka.pad_border(image, 3).unfold(2, 3, 1).unfold(3, 3, 1).sum((-1, -2))
    torch.testing.assert_close(total, math.exp(1.5) * squares)
    torch.testing.assert_close(norm, torch.full((1, 1, 9, 8), 9 * math.exp(1.5)))


def test_sharp_kernels_follow_the_motion_of_their_pixel_and_leave_out_what_is_outside():
    guide, other, image = window_frames()
    motion = torch.zeros(1, 2, 9, 8)
    motion[:, 0], motion[:, 1] = 2.4, -0.6  # rounds to +2 columns, -1 row
    total, norm = ka.neighbor_sums(neighbor_kernel(0, 80.0), 3, guide, other, image, motion)
    torch.testing.assert_close((total / norm)[..., 1:, :6], image[..., :8, 2:], rtol=1e-4, atol=1e-4)
    assert not norm[:, :, 0].any() and not norm[..., 6:].any() and norm[:, :, 1:, :6].all()


def test_a_tap_halfway_between_two_pixels_shares_its_weight():
    guide, other, image = window_frames()
    motion = torch.zeros(1, 2, 9, 8)
    motion[:, 0] = 0.4999
    total, norm = ka.neighbor_sums(neighbor_kernel(0, 50.0), 3, guide, other, image, motion)
    expected = (image[..., :-1] + image[..., 1:]) / 2
    torch.testing.assert_close((total / norm)[..., :-1], expected, rtol=0.02, atol=0.02)


def test_guides_keep_what_looks_different_out():
    guide, other, image = window_frames()
    still = torch.zeros(1, 2, 9, 8)
    for group in range(2):
        bandwidths = [0.0, 0.0]
        bandwidths[group] = 3.0
        _, norm = ka.neighbor_sums(neighbor_kernel(0, 1e3, bandwidths), 3, guide, other, image, still)
        planes = slice(3 * group, 3 * group + 3)
        distance = (guide[:, planes] - other[:, planes]).square().sum(1, keepdim=True)
        torch.testing.assert_close(norm, torch.exp(-3 * distance))
