"""The preview of renders: its filter from first principles, its derivative, its network."""

import pytest
import torch

from quietframe_training.pkn.cross_bilateral import DILATIONS, RANGES, average, average_reference, cross_bilateral
from quietframe_training.pkn.preview import MULTIPLE, PreviewNetwork, predict, preview, preview_features

SIZES = [(1, 1), (3, 9), (17, 8)]


def random(*shape, seed=1):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def constant_parameters(height, width, **values):
    """Every parameter the least of its range but those that are given, and no limit on fireflies."""
    given = {"firefly": RANGES["firefly"][1], **values}
    one = torch.tensor([given.get(name, low) for name, (low, _) in RANGES.items()])
    return one.view(1, -1, 1, 1).expand(1, -1, -(-height // 2), -(-width // 2))


SPREAD = {f"spread{i + 1}": 1.0 for i in range(len(DILATIONS))}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("distance", sorted(set(DILATIONS)))
def test_the_compiled_pass_and_its_derivative_are_those_of_the_definition(size, distance):
    inputs = [random(2, channels, *size, seed=channels) for channels in (3, 1, 6, 4)]
    inputs[3] = 3 * inputs[3]
    for i in (0, 1, 3):
        inputs[i].requires_grad_()
    received, wanted = average(*inputs, distance), average_reference(*inputs, distance)
    torch.testing.assert_close(received, wanted, atol=1e-5, rtol=1e-5)
    gradient = random(*received.shape, seed=9)
    variables = [inputs[i] for i in (0, 1, 3)]
    for a, b in zip(*(torch.autograd.grad(x, variables, gradient) for x in (received, wanted)), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_no_spread_is_the_identity_and_constants_stay(size):
    color, albedo, normal = (random(1, 3, *size, seed=seed) for seed in (1, 2, 3))
    identity = cross_bilateral(color, albedo, normal, constant_parameters(*size))
    torch.testing.assert_close(identity, color, atol=1e-5, rtol=1e-5)
    flat = torch.full_like(color, 0.7)
    surface = torch.full_like(color, 0.4)
    result = cross_bilateral(flat, surface, normal, constant_parameters(*size, normal=2.0, **SPREAD))
    torch.testing.assert_close(result, flat, atol=1e-5, rtol=1e-5)


def test_texture_of_the_albedo_survives_and_edges_of_normals_hold():
    height, width = 20, 24
    albedo = random(1, 3, height, width)
    color = 2 * (albedo + 0.05)
    texture = cross_bilateral(color, albedo, torch.zeros_like(albedo), constant_parameters(height, width, **SPREAD))
    torch.testing.assert_close(texture, color, atol=1e-4, rtol=1e-4)
    step = (torch.arange(width) >= 12).float().expand(1, 3, height, width)
    color = random(1, 3, height, width) + 100 * step
    sharp = cross_bilateral(color, torch.zeros_like(color), step, constant_parameters(height, width, normal=8.0, **SPREAD))
    assert sharp[..., :12].max() < 2 and sharp[..., 12:].min() > 99


def test_the_network_is_small_and_stays_in_range_for_every_size():
    torch.manual_seed(0)
    network = PreviewNetwork()
    assert sum(p.numel() for p in network.parameters()) < 20_000
    for height, width in [(1, 1), (5, 9), (16, 24)]:
        parameters = predict(network, random(1, 13, height, width))
        assert parameters.shape == (1, len(RANGES), -(-height // 2), -(-width // 2))
        for channel, (low, high) in zip(parameters[0], RANGES.values(), strict=True):
            assert channel.min() >= low and channel.max() <= high
        assert preview(network, random(1, 13, height, width)).shape == (1, 3, height, width)


def test_features_do_not_depend_on_what_is_outside_of_their_pixels():
    inputs = random(1, 13, MULTIPLE, 2 * MULTIPLE)
    features = preview_features(inputs)
    changed = inputs.clone()
    changed[..., :2, :2] += 1
    difference = (preview_features(changed) - features).abs().amax(1)[0]
    assert difference[0, 0] > 0 and difference.flatten()[1:].max() == 0


def test_every_weight_learns():
    torch.manual_seed(0)
    network = PreviewNetwork()
    preview(network, random(2, 13, 32, 32)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
