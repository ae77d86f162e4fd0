"""Procedural Kernel Networks: filters from first principles, their derivatives, the network and its training."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

from quietframe_training.pkn.evaluate_bound import gains
from quietframe_training.pkn.export import export_head, load_head
from quietframe_training.pkn.gaussian import gaussian_rbf, precision_matrix, sharpened_rbf
from quietframe_training.pkn.heads import HEADS
from quietframe_training.pkn.import_bundle import import_bundle
from quietframe_training.pkn.network import ParameterNetwork, at_positions, pad_to_multiple, positions, to_full_resolution
from quietframe_training.pkn.non_local_means import SPATIAL_SIGMA, bilateral, non_local_means
from quietframe_training.pkn.polynomial import gaussian_blur, gaussian_taps, polynomial_deblur

SIZES = [(1, 1), (3, 9), (11, 8)]
SIGMA = torch.full((1, 1, 1, 1), 0.1)


def random(*shape, seed=1):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def naive_non_local_means(x, multiplier, noise_sigma, patch):
    """The definition: differentiable, one tap after the other."""
    reach = patch // 2
    padded = F.pad(x, (2 + reach,) * 4, mode="replicate")
    height, width = x.shape[2:]

    def window(dy, dx):
        return padded[:, :, 2 + reach + dy :, 2 + reach + dx :][:, :, :height, :width]

    weights, values = [], []
    for dy in range(-2, 3):
        for dx in range(-2, 3):
            span = [(v, u) for v in range(-reach, reach + 1) for u in range(-reach, reach + 1)]
            distance = sum((window(dy + v, dx + u) - window(v, u)) ** 2 for v, u in span) / len(span)
            falloff = (dy * dy + dx * dx) / (2 * SPATIAL_SIGMA**2)
            weights.append(torch.exp(-falloff - distance / (2 * (multiplier * noise_sigma) ** 2)))
            values.append(window(dy, dx))
    weights, values = torch.cat(weights, 1), torch.cat(values, 1)
    return (weights * values).sum(1, keepdim=True) / weights.sum(1, keepdim=True)


@pytest.mark.parametrize(("apply", "patch"), [(non_local_means, 3), (bilateral, 1)])
@pytest.mark.parametrize("size", SIZES)
def test_non_local_means_and_its_derivative_are_those_of_the_definition(apply, patch, size):
    x = random(2, 1, *size)
    multiplier = (0.5 + 3 * random(2, 1, *size, seed=2)).requires_grad_()
    received, wanted = apply(x, multiplier, SIGMA), naive_non_local_means(x, multiplier, SIGMA, patch)
    torch.testing.assert_close(received, wanted, atol=1e-5, rtol=1e-5)
    gradient = random(2, 1, *size, seed=3)
    (a,) = torch.autograd.grad(received, multiplier, gradient)
    (b,) = torch.autograd.grad(wanted, multiplier, gradient)
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("apply", [non_local_means, bilateral])
def test_a_multiplier_of_0_is_the_identity_and_constants_stay(apply):
    x = random(1, 1, 9, 12)
    torch.testing.assert_close(apply(x, torch.zeros_like(x), SIGMA), x)
    constant = torch.full_like(x, 0.4)
    torch.testing.assert_close(apply(constant, torch.full_like(x, 3.0), SIGMA), constant)


def shape_map(sigma1, sigma2, rho, height, width):
    return torch.tensor([sigma1, sigma2, rho]).view(1, 3, 1, 1).repeat(1, 1, -(-height // 2), -(-width // 2))


@pytest.mark.parametrize("size", SIZES)
def test_gaussians_with_sigmas_of_0_are_the_identity(size):
    x = random(1, 1, *size)
    torch.testing.assert_close(gaussian_rbf(x, shape_map(0.0, 0.0, 0.0, *size)), x)
    nearest = F.interpolate(x, scale_factor=3, mode="nearest")
    torch.testing.assert_close(gaussian_rbf(x, shape_map(0.0, 0.0, 0.0, *size), 3.0), nearest, atol=1e-5, rtol=1e-5)


def test_precision_is_the_inverse_of_the_covariance():
    s1, s2, rho = 1.5, 0.6, -0.7
    xx, xy, yy = precision_matrix(shape_map(s1, s2, rho, 2, 2)).flatten().tolist()
    covariance = torch.tensor([[s1 * s1, rho * s1 * s2], [rho * s1 * s2, s2 * s2]])
    torch.testing.assert_close(torch.tensor([[xx, xy], [xy, yy]]) @ covariance, torch.eye(2), atol=1e-5, rtol=1e-5)


def test_one_sigma_is_the_isotropic_gaussian():
    x = random(1, 1, 12, 10)
    both = gaussian_rbf(x, shape_map(1.2, 1.2, 0.0, 12, 10))
    torch.testing.assert_close(gaussian_rbf(x, torch.full((1, 1, 6, 5), 1.2)), both)
    impulse = torch.zeros(1, 1, 11, 11)
    impulse[..., 5, 5] = 1
    blurred = gaussian_rbf(impulse, torch.full((1, 1, 6, 6), 0.9))
    assert float(blurred[..., 5, 6] / blurred[..., 5, 5]) == pytest.approx(math.exp(-1 / (2 * 0.81)), rel=1e-5)


@pytest.mark.parametrize("factor", [1.0, 1.3, 3.0])
def test_the_derivative_of_gaussians_is_that_of_differences(factor):
    x = random(1, 1, 6, 8).double()
    parameters = torch.tensor([1.1, 0.7, 0.3]).double().view(1, 3, 1, 1) + 0.1 * random(1, 3, 3, 4, seed=2).double()

    def function(p):
        return gaussian_rbf(x, p, factor)

    assert torch.autograd.gradcheck(function, parameters.requires_grad_(), eps=1e-5, atol=1e-4)


@pytest.mark.parametrize("factor", [1.3, 1.8, 3.0])
def test_upsampling_keeps_constants(factor):
    for height, width in SIZES:
        result = gaussian_rbf(torch.full((1, 1, height, width), 0.3), shape_map(0.9, 0.4, 0.8, height, width), factor)
        assert result.shape[2:] == (round(height * factor), round(width * factor))
        torch.testing.assert_close(result, torch.full_like(result, 0.3))


def test_polynomial_reblurring():
    x = random(1, 1, 14, 17)
    zeros = torch.zeros(1, 3, 14, 17)
    torch.testing.assert_close(polynomial_deblur(x, zeros, 1.0), x)
    once, twice = zeros.clone(), zeros.clone()
    once[:, 0], twice[:, 1] = 1, 1
    blurred = gaussian_blur(x, 1.0)
    torch.testing.assert_close(polynomial_deblur(x, once, 1.0), blurred)
    torch.testing.assert_close(polynomial_deblur(x, twice, 1.0), gaussian_blur(blurred, 1.0))
    constant = torch.full_like(x, 0.6)
    torch.testing.assert_close(polynomial_deblur(constant, 8 * random(1, 3, 14, 17) - 4, 1.0), constant, atol=1e-5, rtol=1e-5)
    assert len(gaussian_taps(1.1)) == 9


def test_half_resolution_parameters_lie_between_their_pixels():
    line = torch.tensor([0.0, 1.0, 2.0]).view(1, 1, 1, 3)
    wanted = torch.tensor([0.0, 0.25, 0.75, 1.25, 1.75, 2.0])
    torch.testing.assert_close(to_full_resolution(line, 1, 6).flatten(), wanted)
    torch.testing.assert_close(at_positions(line, torch.zeros(1), positions(6, 2.0)).flatten(), wanted)


@pytest.mark.parametrize("name", HEADS)
def test_networks_are_small_and_stay_within_their_ranges(name):
    head = HEADS[name]
    network = head.network()
    assert sum(p.numel() for p in network.parameters()) < 20_000
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(30)
        parameters = network(random(1, head.channels, 16, 20))
    assert parameters.shape == (1, len(head.parameters), 8, 10)
    for values, (low, high) in zip(parameters[0], head.parameters.values(), strict=True):
        assert float(values.min()) >= low and float(values.max()) <= high


def test_projected_networks_see_differences_only():
    network = ParameterNetwork(1, [(0.0, 4.0)])
    x = random(1, 1, 12, 8)
    assert not torch.allclose(network(x), network(x + 5), atol=1e-4)
    network.project()
    torch.testing.assert_close(network(x), network(x + 5), atol=1e-4, rtol=1e-4)


def test_padding_repeats_the_border():
    padded = pad_to_multiple(random(1, 1, 5, 7))
    assert padded.shape[2:] == (8, 8)
    torch.testing.assert_close(padded[..., 7, :7], padded[..., 4, :7])


class Stripes:
    """In place of photographs: stripes beside a flat half."""

    def batch(self, count, size):
        x = torch.arange(size).float()
        stripes = 0.5 + 0.4 * torch.sin(x) * (x < size / 2)
        return stripes.view(1, 1, 1, -1).repeat(count, 1, size, 1)


@pytest.mark.parametrize("name", HEADS)
def test_a_few_steps_lower_the_loss(name):
    torch.manual_seed(0)
    network = HEADS[name].network()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(10):
        torch.manual_seed(7)
        loss = HEADS[name].loss(network, Stripes(), 1, 24)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.project()
        losses.append(loss.item())
    assert min(losses[5:]) < losses[0] - 1e-3


def test_a_map_that_knows_the_noise_gains_more_than_one_that_does_not():
    x = torch.arange(32) / 32
    clean = (0.5 + 0.3 * torch.sin(40 * x * x) * (x > 0.5)).view(1, 1, 1, -1).repeat(1, 1, 32, 1)
    found = gains(clean, 0.1, steps=30)
    assert found["knows the noise"] > found["does not know the noise"] > 0


def test_sharpening_is_bounded_and_off_at_0():
    edge = (torch.arange(16) > 7).float().view(1, 1, 1, -1).repeat(1, 1, 8, 1)
    shapes = shape_map(0.6, 0.6, 0.0, 8, 16)
    smooth = gaussian_rbf(edge, shapes, 2.0)

    def sharpened(amount):
        return sharpened_rbf(edge, torch.cat([shapes, torch.full_like(shapes[:, :1], amount)], 1), 2.0)

    torch.testing.assert_close(sharpened(0.0), smooth)
    wanted = (torch.arange(32) > 15).float()
    assert float((sharpened(2.0) - wanted).abs().mean()) < 0.5 * float((smooth - wanted).abs().mean())
    assert float(sharpened(4.0).min()) >= 0 and float(sharpened(4.0).max()) <= 1


def test_a_bundle_becomes_checkpoints_with_the_parameters_of_today(tmp_path):
    folder = tmp_path / "pkn" / "1"
    torch.manual_seed(0)
    earlier = ParameterNetwork(1, list(HEADS["rbf_upsample"].parameters.values())[:3]).eval()
    folder.mkdir(parents=True)
    export_head(HEADS["rbf_upsample"], earlier, folder / "rbf_upsample.onnx")
    manifest = {"heads": {"rbf-upsample": {"file": "rbf_upsample.onnx"}}, "training": {"steps": {"rbf-upsample": 500}}}
    (folder / "model.json").write_text(json.dumps(manifest))
    import_bundle(folder, tmp_path / "run")
    _, network, state = load_head(tmp_path / "run" / "rbf_upsample.pt")
    assert state["steps"] == 500
    x = random(1, 1, 16, 16)
    torch.testing.assert_close(network(x)[:, :3], earlier(x))
    assert 0 < float(network(x)[:, 3].max()) < 1
