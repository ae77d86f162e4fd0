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
