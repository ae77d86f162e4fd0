"""Kernel prediction and application from first principles, and compiled against the definition."""

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
    grads = [torch.randn_like(output) for output in compiled]
    for a, b in zip(
        torch.autograd.grad(compiled, inputs[:4], grads), torch.autograd.grad(reference, inputs[:4], grads), strict=True
    ):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("apply", [ka.apply_kernels, ka.apply_kernels_reference])
def test_a_constant_picture_stays_constant(apply):
    *inputs, image = random_inputs()
    torch.testing.assert_close(apply(*inputs, torch.full_like(image, 3.5))[0], torch.full((2, 3, 7, 6), 3.5))


@pytest.mark.parametrize("apply", [ka.apply_kernels, ka.apply_kernels_reference])
def test_one_tap_shifts_the_picture(apply):
    context, taps, bandwidth, embedding, image = random_inputs()
    taps = torch.zeros_like(taps)
    taps[-1, 1 * SIZE + 3] = 60.0  # dy = -1, dx = +1
    shifted = apply(context, taps, torch.zeros_like(bandwidth), embedding, image)[0]
    torch.testing.assert_close(shifted, image[:, :, 1:8, 3:9])


@pytest.mark.parametrize("apply", [ka.apply_kernels, ka.apply_kernels_reference])
def test_affinity_keeps_an_edge(apply):
    image = torch.zeros(1, 3, 12, 12)
    image[..., 6:] = 1.0
    context, taps = torch.zeros(1, 8, 8, 2), torch.zeros(3, TAPS)
    blurred = apply(context, taps, torch.zeros(1, 8, 8), image[:, :1], image)[0]
    kept = apply(context, taps, torch.full((1, 8, 8), 50.0), image[:, :1], image)[0]
    assert 0.1 < float(blurred[0, 0, 0, 3]) < 0.9
    torch.testing.assert_close(kept, image[:, :, 2:10, 2:10])


def test_output_lies_within_the_window():
    inputs = random_inputs()
    output, image = ka.apply_kernels(*inputs)[0], inputs[4]
    windows = image.unfold(2, SIZE, 1).unfold(3, SIZE, 1).flatten(4)
    assert (output <= windows.amax(-1) + 1e-5).all() and (output >= windows.amin(-1) - 1e-5).all()


def test_border_repeats():
    padded = ka.pad_border(torch.arange(4.0).view(1, 1, 2, 2), 5)
    assert padded.shape == (1, 1, 6, 6) and padded[0, 0, 0, 0] == 0 and padded[0, 0, 5, 5] == 3


def neighbor_inputs(size=SIZE, height=9, width=8):
    generator = torch.Generator().manual_seed(2)
    shape = (1, height, width)
    context, taps = torch.rand(*shape, 3, generator=generator), torch.randn(4, size**2, generator=generator)
    embedding = torch.randn(2, 1, 4, height, width, generator=generator)
    return context, taps, torch.rand(*shape, generator=generator), embedding[0], embedding[1]


def test_a_neighbor_without_motion_is_filtered_as_the_centre_is():
    context, taps, bandwidth, center, _ = neighbor_inputs()
    image = torch.rand(1, 3, 9, 8)
    padded = (ka.pad_border(center, SIZE), ka.pad_border(image, SIZE))
    expected = ka.apply_kernels(context, taps, bandwidth, *padded)
    found = ka.apply_neighbor_kernels(context, taps, bandwidth, center, center, image, torch.zeros(1, 2, 9, 8))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_kernels_follow_the_motion_of_their_pixel_and_leave_out_what_is_outside():
    context, taps, bandwidth, center, embedding = neighbor_inputs()
    taps = torch.zeros_like(taps)
    taps[-1, TAPS // 2] = 60.0  # the middle tap alone
    image = torch.rand(1, 3, 9, 8)
    motion = torch.zeros(1, 2, 9, 8)
    motion[:, 0], motion[:, 1] = 2.4, -0.6  # rounds to +2 columns, -1 row
    arguments = (context, taps, torch.zeros_like(bandwidth), center, embedding, image, motion)
    filtered, log_sum = ka.apply_neighbor_kernels(*arguments)
    torch.testing.assert_close(filtered[..., 1:, :6], image[..., :8, 2:])
    assert torch.isneginf(log_sum[:, 0]).all() and torch.isneginf(log_sum[:, :, 6:]).all()
    assert torch.isfinite(log_sum[:, 1:, :6]).all()


def test_frames_share_one_softmax():
    context, taps, bandwidth, center, embedding = neighbor_inputs()
    ones, zeros = torch.ones(1, 1, 9, 8), torch.zeros(1, 1, 9, 8)
    still = torch.zeros(1, 2, 9, 8)

    def weight_of(frame):
        parts = [
            ka.apply_neighbor_kernels(context, taps, bandwidth, center, e, ones if i == frame else zeros, still)
            for i, e in enumerate((center, embedding))
        ]
        return ka.join_frames(*zip(*parts, strict=True))

    torch.testing.assert_close(weight_of(0) + weight_of(1), ones)
    assert (weight_of(1) > 0).all()
