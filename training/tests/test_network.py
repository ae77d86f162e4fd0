"""The assembled network: constants, sizes, receptive field, export."""

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F

from quietframe_training.export import compositor_radius, export_bundle, feature_radius
from quietframe_training.features import component_features
from quietframe_training.golden import golden_tensors, synthetic_inputs
from quietframe_training.network import Architecture, Denoiser
from quietframe_training.train import denoise_view

SMALL = Architecture(feature_channels=8, blocks=2, kernel_size=5, compositor_channels=4)


@pytest.fixture
def network():
    torch.manual_seed(3)
    network = Denoiser(SMALL)
    for parameter in network.parameters():  # second convolutions start at zero
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.mark.parametrize("size", [(1, 1), (9, 3), (16, 24), (21, 37)])
def test_any_size_and_a_constant_stays_constant(network, size):
    inputs = torch.rand(13, *size)
    inputs[:3] = 0.7
    output = denoise_view(network, inputs, "cycles")
    torch.testing.assert_close(output, torch.full((3, *size), 0.7))


def test_kernel_features_depend_on_no_more_than_the_declared_radius(network):
    inputs = synthetic_inputs(96, 96)[None]
    changed = inputs.clone()
    changed[..., 48, 48] += 1.0
    ids = torch.zeros(1, dtype=torch.long)

    def run(raw):
        features, detail = network.encode(component_features(raw), ids)
        return torch.cat(network.kernel_predictor(network.spatial_features(features), detail), 1)

    rows, columns = (run(inputs) != run(changed)).any(1)[0].nonzero(as_tuple=True)
    reach = int(torch.maximum((rows - 48).abs(), (columns - 48).abs()).max())
    assert reach <= feature_radius(SMALL) <= reach + 4


def test_blend_weights_depend_on_no_more_than_the_declared_radius(network):
    fine, coarse = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 32, 32)
    changed = fine.clone()
    changed[..., 32, 32] += 1.0
    difference = network.scale_compositor(fine, coarse) != network.scale_compositor(changed, coarse)
    rows, columns = difference[0, 0].nonzero(as_tuple=True)
    assert int(torch.maximum((rows - 32).abs(), (columns - 32).abs()).max()) <= compositor_radius(SMALL)


def test_exported_modules_agree_with_the_network(network, tmp_path):
    export_bundle(network, tmp_path / "kpcn" / "1", "kpcn", 1, "test", {})
    folder = tmp_path / "kpcn" / "1"

    def run(name, **feeds):
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
        return session.run(None, feeds)

    tensors = {k: v.detach().numpy() for k, v in golden_tensors(network, "mitsuba").items()}
    features, detail = run("source_encoder.mitsuba", x=tensors["x"])
    (spatial,) = run("spatial_features", features=features)
    (kernel_features,) = run("kernel_predictor", spatial=spatial, detail=detail)
    planes = F.pixel_shuffle(torch.from_numpy(kernel_features), 2)
    planes[:, :8], planes[:, 8] = planes[:, :8].relu(), F.softplus(planes[:, 8])
    np.testing.assert_allclose(planes, tensors["kernel_features"], atol=1e-5)
    logits = np.fromfile(folder / "kernel_logits.f32", "<f4").reshape(25, 9)
    np.testing.assert_array_equal(logits[:, :8], network.kernel_predictor.logits.weight.detach().numpy())
    (blend_weight,) = run("scale_compositor", fine=tensors["level0"], coarse=tensors["level1"])
    assert blend_weight.shape == tensors["blend_weight0"].shape and 0 <= blend_weight.min() <= blend_weight.max() <= 1
