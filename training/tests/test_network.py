"""The assembled network: constants, sizes, receptive field, export."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F

from quietframe_training.export import compositor_radius, export_bundle, feature_radius
from quietframe_training.golden import golden_tensors, synthetic_inputs, synthetic_window
from quietframe_training.network import Architecture, Denoiser, remodulate
from quietframe_training.train import denoise_view
from quietframe_training.window import chain_motion
from quietframe_training.window_dataset import augment, prepare

SMALL = Architecture(feature_channels=8, blocks=2, kernel_size=5, compositor_channels=4)
BRANCHED = replace(SMALL, blocks=3, quarter_blocks=1, quarter_channels=8, detail_hidden_channels=4)


@pytest.fixture(params=[SMALL, BRANCHED], ids=["half", "quarter"])
def network(request):
    torch.manual_seed(3)
    network = Denoiser(request.param)
    for parameter in network.parameters():  # second convolutions start at zero
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.mark.parametrize("size", [(1, 1), (9, 3), (16, 24), (21, 37)])
def test_any_size_and_a_constant_stays_constant(network, size):
    inputs = torch.rand(13, *size)
    inputs[:3], inputs[4:7] = 0.7, 0.3
    output = denoise_view(network, inputs, "cycles")
    torch.testing.assert_close(output, torch.full((3, *size), 0.7))


def test_kernel_features_depend_on_no_more_than_the_declared_radius(network):
    inputs = synthetic_inputs(96, 96)[None]
    changed = inputs.clone()
    changed[..., 48, 48] += 1.0
    ids = torch.zeros(1, dtype=torch.long)

    def run(raw):
        frame = network.frame_features(raw, ids)
        kernel = network.kernel_predictor(frame.spatial, frame.kernel_detail)
        return torch.cat([kernel.context, kernel.bandwidth, kernel.albedo_gate, frame.embedding], 1)

    rows, columns = (run(inputs) != run(changed)).any(1)[0].nonzero(as_tuple=True)
    reach = int(torch.maximum((rows - 48).abs(), (columns - 48).abs()).max())
    # The pixel is the second of its cells, of four pixels with the branch.
    assert reach <= feature_radius(network.architecture) <= reach + 4


@pytest.mark.parametrize("place", [40, 41, 42, 43])
def test_tiles_at_whole_cells_have_the_features_of_the_picture(network, place):
    """Wherever the tile lies, when the area around it begins at a multiple of four pixels."""
    ids = torch.zeros(1, dtype=torch.long)
    inputs = synthetic_inputs(90, 94)[None]
    radius = feature_radius(network.architecture)
    begin, end = max((place - radius) // 4 * 4, 0), min(-(-(place + 8 + radius) // 4) * 4, 90)
    whole = network.frame_features(inputs, ids)
    part = network.frame_features(inputs[:, :, begin:end], ids)
    tile = slice(place - begin, place + 8 - begin)
    torch.testing.assert_close(part.embedding[:, :, tile], whole.embedding[:, :, place : place + 8])


def test_branches_begin_without_an_effect():
    torch.manual_seed(3)
    plain, branched = Denoiser(replace(BRANCHED, quarter_blocks=0, detail_hidden_channels=0)), Denoiser(BRANCHED)
    branched.load_state_dict(plain.state_dict(), strict=False)
    ids, inputs = torch.zeros(1, dtype=torch.long), synthetic_inputs(24, 40)[None]
    torch.testing.assert_close(branched(inputs, ids)[0], plain(inputs, ids)[0])


def test_blend_weights_depend_on_no_more_than_the_declared_radius(network):
    fine, coarse = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 32, 32)
    changed = fine.clone()
    changed[..., 32, 32] += 1.0
    difference = network.scale_compositor(fine, coarse) != network.scale_compositor(changed, coarse)
    rows, columns = difference[0, 0].nonzero(as_tuple=True)
    assert int(torch.maximum((rows - 32).abs(), (columns - 32).abs()).max()) <= compositor_radius(network.architecture)


def test_exported_modules_agree_with_the_network(network, tmp_path):
    export_bundle(network, tmp_path / "kpcn" / "1", "kpcn", 1, "test", {})
    folder = tmp_path / "kpcn" / "1"

    def run(name, **feeds):
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
        return session.run(None, feeds)

    tensors = {k: v.detach().numpy() for k, v in golden_tensors(network, "mitsuba").items()}
    features, detail = run("source_encoder.mitsuba", x=tensors["x"])
    kernel_detail, embedding_detail = np.split(detail, [4 * SMALL.kernel_channels], 1)
    (spatial,) = run("spatial_features", features=features)
    np.testing.assert_allclose(spatial, tensors["spatial0"], atol=1e-5)
    (embedding,) = run("kernel_embedding", spatial=spatial, detail=embedding_detail)
    np.testing.assert_allclose(F.pixel_shuffle(torch.from_numpy(embedding), 2), tensors["embedding0"], atol=1e-5)
    (kernel_features,) = run("kernel_predictor", spatial=spatial, detail=kernel_detail)
    context, bandwidth, gate = F.pixel_shuffle(torch.from_numpy(kernel_features), 2).split((8, 1, 1), 1)
    planes = torch.cat([context.relu(), F.softplus(bandwidth), gate.sigmoid()], 1)
    np.testing.assert_allclose(planes, tensors["kernel_features0"], atol=1e-5)
    differences = tensors["differences0"]
    (temporal,) = run("temporal_features", spatial=spatial, differences=differences)
    expected = network.temporal_features(torch.from_numpy(spatial), torch.from_numpy(differences))
    np.testing.assert_allclose(temporal, expected.detach(), atol=1e-5)
    log_lambda = np.full((1, 1, *temporal.shape[2:]), 0.4, np.float32)
    (specialized,) = run("loss_specialization", spatial=temporal, log_lambda=log_lambda)
    np.testing.assert_allclose(
        specialized, network.loss_specialization(expected, torch.from_numpy(log_lambda)).detach(), atol=1e-5
    )
    (neighbor_features,) = run("neighbor_predictor", temporal=temporal)
    np.testing.assert_allclose(neighbor_features, tensors["neighbor_features0"], atol=1e-5)
    logits = np.fromfile(folder / "kernel_logits.f32", "<f4").reshape(25, 9)
    np.testing.assert_array_equal(logits[:, :8], network.kernel_predictor.logits.weight.detach().numpy())
    (blend_weight,) = run("scale_compositor", fine=tensors["level0"], coarse=tensors["level1"])
    expected = network.scale_compositor(*(torch.from_numpy(tensors[level]) for level in ("level0", "level1")))
    np.testing.assert_allclose(blend_weight, expected.detach(), atol=1e-5)
    assert blend_weight.shape == tensors["blend_weight0"].shape and 0 <= blend_weight.min() <= blend_weight.max() <= 1


def test_constants_stay_constant_whatever_the_window_lambda_and_albedo(network):
    window = synthetic_window(24, 32)
    for inputs in (window.center, *window.neighbors.values()):
        inputs[:3], inputs[4:7] = 0.7, 0.3
    window = replace(window, gains=dict.fromkeys(window.gains, 1.0))
    prepared = prepare(network, window, "cycles")
    output = network.denoise(prepared.center, prepared.neighbors, torch.full((1, 1, 24, 32), 0.6))[0]
    torch.testing.assert_close(output, torch.full((1, 3, 24, 32), 0.7))


def test_a_lambda_of_one_and_absent_neighbors_change_nothing(network):
    window = synthetic_window(24, 32)
    prepared = prepare(network, window, "cycles")
    alone = network.denoise(prepared.center)[0]
    torch.testing.assert_close(network.denoise(prepared.center, log_lambda=torch.zeros(1, 1, 24, 32))[0], alone)
    outside = [[replace(n, motion=n.motion + 1000) for n in level] for level in prepared.neighbors]
    assert not network.differences(prepared.center[0], outside[0]).any()
    torch.testing.assert_close(network.denoise(prepared.center, outside)[0], alone)
    filtered = network.denoise(prepared.center, prepared.neighbors)[0]
    assert (filtered - alone).abs().max() > 1e-3


def test_the_albedo_gate_gives_texture_back():
    albedo = torch.rand(1, 3, 8, 8) + 0.1
    flat = albedo.mean((2, 3), keepdim=True).expand_as(albedo)
    light = 2.0
    full, none = torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    textured = remodulate(light * (flat + 0.01), flat, albedo, full)
    torch.testing.assert_close(textured, light * (albedo + 0.01))
    torch.testing.assert_close(remodulate(light * flat, flat, albedo, none), light * flat)


def test_motion_chains_along_its_own_path():
    """A picture that zooms by 1.1 a frame about its corner: two steps are a zoom of 1.21."""
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    step = 0.1 * torch.stack([x, y])[None]
    twice = chain_motion([step, step])
    torch.testing.assert_close(twice[..., :30, :30], (0.21 * torch.stack([x, y])[None])[..., :30, :30])


@pytest.mark.parametrize("seed", range(6))
def test_turned_windows_keep_their_motion(seed):
    """Every neighbour is the centre moved by a whole number of pixels; so it must be after turning and mirroring."""
    center = torch.rand(13, 16, 16)
    motion = torch.zeros(2, 16, 16)
    motion[0], motion[1] = 2, -3
    window = replace(synthetic_window(16, 16), center=center, neighbors={3: center.roll((-3, 2), (1, 2))}, motion={3: motion})
    turned = augment(window, np.random.default_rng(seed), fireflies=0)
    dx, dy = (int(v) for v in turned.motion[3][:, 0, 0])
    torch.testing.assert_close(turned.neighbors[3].roll((-dy, -dx), (1, 2)), turned.center)
