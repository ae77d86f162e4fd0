"""The graphs for GPUs: parity with the network, and what their files hold."""

import json
from dataclasses import replace
from functools import lru_cache

import onnx
import onnxruntime
import pytest
import torch

from quietframe_training import auxiliary_prefilter, export_prefilter, network
from quietframe_training.auxiliary_prefilter import PrefilterArchitecture
from quietframe_training.export import export_bundle
from quietframe_training.features import component_features
from quietframe_training.golden import synthetic_inputs
from quietframe_training.gpu_graphs import FrameGraph, WindowGraph
from quietframe_training.network import Architecture, Denoiser, LevelOfFrame, LevelOfNeighbor, downsample
from quietframe_training.window import WINDOW_OFFSETS, coarser_motion

SMALL = Architecture(feature_channels=8, blocks=2, kernel_size=5, compositor_channels=4)
LARGE = replace(SMALL, feature_channels=12, kernel_size=21)
BRANCHED = replace(SMALL, quarter_blocks=1, quarter_channels=8, detail_hidden_channels=4)
FAR = 1e6
# What ONNX Runtime's providers for WebGPU, CUDA and TensorRT have, and the arithmetic of sizes, which runs on the CPU.
# fmt: off
OPERATIONS = {
    "Abs", "Add", "AveragePool", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "DepthToSpace", "Div", "Exp",
    "Floor", "Gather", "Log", "MatMul", "MaxPool", "Mod", "Mul", "Neg", "Pad", "ReduceMean", "ReduceSum", "Relu", "Reshape",
    "Shape", "Sigmoid", "Slice", "Softmax", "Softplus", "Split", "Squeeze", "Sub", "Transpose", "Unsqueeze",
}
# fmt: on


def random_network(architecture):
    torch.manual_seed(3)
    network = Denoiser(architecture)
    for parameter in network.parameters():  # second convolutions and heads start at zero
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


@pytest.fixture(scope="module", params=[SMALL, LARGE, BRANCHED], ids=["5x5", "21x21", "quarter"])
def bundle(request, tmp_path_factory):
    network = random_network(request.param)
    folder = tmp_path_factory.mktemp("kpcn") / "1"
    export_bundle(network, folder, "kpcn", 1, "test", {})
    return network, folder


@lru_cache
def session_of(folder, name, source):
    """A graph of a bundle with the encoder of a source."""
    options = onnxruntime.SessionOptions()
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".onnx", ".f32")}
    if source:
        files["source_encoder.onnx"] = files[f"source_encoder.{source}.onnx"]
    buffers = list(files.values())
    options.add_external_initializers_from_files_in_memory(list(files), buffers, [len(buffer) for buffer in buffers])
    return onnxruntime.InferenceSession(files[f"{name}.onnx"], options, providers=["CPUExecutionProvider"])


def run(folder, name, feeds, source=""):
    session = session_of(folder, name, source)
    names = [output.name for output in session.get_outputs()]
    feeds = {key: value.detach().numpy() for key, value in feeds.items()}
    return dict(zip(names, map(torch.from_numpy, session.run(None, feeds)), strict=True))


def assert_close(received, wanted):
    """To 1e-4, relative to values above 1."""
    torch.testing.assert_close(received, wanted, atol=1e-4, rtol=1e-4)


def level_of(network, height, width, source, seed=0, irradiance=False):
    """A level of a frame."""
    inputs = synthetic_inputs(height, width)[None]
    inputs[:, :3] = inputs[:, :3].roll((seed, -2 * seed), (2, 3)) * (1 + 0.1 * seed)
    inputs[:, 12] = float(irradiance)
    ids = torch.tensor([network.architecture.sources.index(source)])
    picture = torch.cat([inputs[:, :3], inputs[:, 4:7]], 1)
    return inputs, LevelOfFrame(picture, inputs[:, 12:13], network.frame_features(inputs, ids))


@torch.no_grad()
@pytest.mark.parametrize("size", [(2, 2), (6, 10), (26, 34), (32, 16), (54, 62)])
@pytest.mark.parametrize("source", ["cycles", "color"])
def test_a_frame_is_filtered_as_the_network_does(bundle, size, source):
    network, folder = bundle
    inputs, level = level_of(network, *size, source)
    further = torch.rand(1, 2, *size)
    for log_lambda in (None, torch.rand(1, 1, *size)):
        wanted, gate = network.single_scale(level, log_lambda)
        logs = torch.zeros(1, 1, size[0] // 2, size[1] // 2) if log_lambda is None else downsample(log_lambda)
        feeds = {"x": component_features(inputs), "planes": torch.cat([level.picture, further], 1), "log_lambda": logs}
        received = run(folder, "frame_graph", feeds, source)
        assert_close(received["filtered"][:, :3] * received["gain"], wanted)
        assert_close(received["gate"], gate)
        assert received["filtered"].shape[1] == 8
    assert_close(received["spatial"], level.features.spatial)
    assert_close(received["coarse_embedding"], downsample(level.features.embedding))


@torch.no_grad()
def test_encoders_differ(bundle):
    network, folder = bundle
    inputs, level = level_of(network, 16, 16, "cycles")
    feeds = {"x": component_features(inputs), "planes": level.picture, "log_lambda": torch.zeros(1, 1, 8, 8)}
    spatial = [run(folder, "frame_graph", feeds, source)["spatial"] for source in network.architecture.sources]
    assert all((spatial[0] - other).abs().max() > 1e-3 for other in spatial[1:])


@torch.no_grad()
def test_without_an_albedo_the_gain_is_one(bundle):
    network, folder = bundle
    inputs, level = level_of(network, 10, 14, "color")
    planes = torch.cat([level.picture[:, :3], torch.zeros(1, 3, 10, 14)], 1)
    feeds = {"x": component_features(inputs), "planes": planes, "log_lambda": torch.zeros(1, 1, 5, 7)}
    received = run(folder, "frame_graph", feeds, "color")
    assert (received["gain"] == 1).all()
    assert (received["filtered"][:, 3:] == 0).all()


def window_feeds(network, center, neighbors, log_lambda, own):
    """What `WindowStack` makes of a window whose regions are whole frames."""
    height, width = center.estimate.shape[2:]
    places = []
    for n in neighbors:
        motion = coarser_motion(n.motion)
        x, y = motion[:, 0] + torch.arange(width // 2), motion[:, 1] + torch.arange(height // 2)[:, None]
        inside = (x >= 0) & (x <= width // 2 - 1) & (y >= 0) & (y <= height // 2 - 1)
        places.append(torch.where(inside, torch.stack([x, y], 1).transpose(0, 1), torch.tensor(-1.0)).transpose(0, 1))
    count = len(neighbors)
    slots = [n.slot for n in neighbors]
    order = [slots.index(slot) if slot in slots else count for slot in range(len(WINDOW_OFFSETS))]

    def numbers(values):
        return torch.tensor(values, dtype=torch.float32).view(1, -1, 1, 1)

    return {
        "planes": center.picture_of_estimate,
        "own": torch.cat([own, center.picture[:, 3:]], 1),
        "gate": center.albedo_gate,
        "spatial": center.features.spatial,
        "embedding": downsample(center.features.embedding),
        "log_lambda": torch.zeros(1, 1, height // 2, width // 2) if log_lambda is None else downsample(log_lambda),
        "other_planes": torch.cat([n.picture_of_estimate for n in neighbors], 2),
        "other_embeddings": torch.cat([downsample(n.features.embedding) for n in neighbors], 2),
        "motion": torch.cat([n.motion for n in neighbors], 2),
        "columns": torch.arange(width, dtype=torch.float32).expand(1, count, 1, width).contiguous(),
        "rows": torch.arange(height, dtype=torch.float32)[:, None].expand(1, count, height, 1).contiguous(),
        "cell_places": torch.cat(places, 2),
        "numbers": numbers(list(range(count))),
        "slots": numbers(slots),
        "order": numbers(order),
        "exposure": numbers([1.0]),
    }


@torch.no_grad()
@pytest.mark.parametrize("size", [(2, 4), (18, 26), (30, 14)])
@pytest.mark.parametrize("slots", [[2], [4, 1], [5, 0, 3], [0, 1, 2, 3], [0, 1, 2, 4, 5], [0, 1, 2, 3, 4, 5]], ids=len)
def test_a_window_is_fused_as_the_network_does(bundle, size, slots):
    network, folder = bundle
    (center,) = network.estimated([level_of(network, *size, "mitsuba")[1]])
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing="ij")
    neighbors = []
    for slot in slots:
        (frame,) = network.estimated([level_of(network, *size, "mitsuba", seed=slot + 1)[1]])
        motion = torch.stack([4.3 * torch.sin(x / 5 + slot), 2.9 * torch.cos(y / 3) - slot / 2])[None]
        neighbors.append(LevelOfNeighbor(**vars(frame), slot=slot, motion=motion, present=torch.tensor([True])))
    for log_lambda in (None, torch.rand(1, 1, *size)):
        wanted = network.windowed_scale(center, neighbors, log_lambda)
        own = center.estimate if log_lambda is None else network.single_scale(center, log_lambda)[0]
        received = run(folder, "window_graph", window_feeds(network, center, neighbors, log_lambda, own))
        assert_close(received["fused"][:, :3] * received["gain"], wanted)
        assert size == (2, 4) or (wanted - own).abs().max() > 1e-2  # the other frames count


def test_the_manifest_has_the_constants_of_the_network(bundle):
    manifest = json.loads((bundle[1] / "model.json").read_text())
    constants = {"albedoEpsilon": network.ALBEDO_EPSILON, "maxAlbedoRatio": network.MAX_ALBEDO_RATIO}
    assert manifest["constants"] == {**constants, "guideScale": network.GUIDE_SCALE}
    entry = export_prefilter.manifest_entry(PrefilterArchitecture())
    explained = (auxiliary_prefilter.EXPLAINED_NOISE, auxiliary_prefilter.EXPLAINED_ESTIMATE)
    assert (entry["explainedNoise"], entry["explainedEstimate"]) == explained


def test_graphs_hold_no_weights_and_operations_that_devices_have(bundle):
    _, folder = bundle
    for name, inputs in (("frame_graph", FrameGraph.INPUTS), ("window_graph", WindowGraph.INPUTS)):
        path = folder / f"{name}.onnx"
        graph = onnx.load(path, load_external_data=False).graph
        assert {node.op_type for node in graph.node} <= OPERATIONS
        assert [entry.name for entry in graph.input] == list(inputs)
        assert all(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.initializer)
        assert path.stat().st_size < 2**16


def test_export_writes_the_same_files_again(bundle, tmp_path):
    network, folder = bundle
    export_bundle(network, tmp_path / "1", "kpcn", 1, "test", {})
    names = sorted(path.name for path in folder.iterdir())
    assert {"frame_graph.onnx", "window_graph.onnx"} < set(names)
    assert [name for name in names if (tmp_path / "1" / name).read_bytes() != (folder / name).read_bytes()] == []


def test_a_network_without_training_is_exported(tmp_path):
    torch.manual_seed(1)
    export_bundle(Denoiser(SMALL).eval(), tmp_path / "1", "kpcn", 1, "test", {})  # its weights are equal in places
    graph = onnx.load(tmp_path / "1" / "window_graph.onnx", load_external_data=False).graph
    assert len(graph.initializer) == len(list(WindowGraph(Denoiser(SMALL)).parameters()))


def test_conv_inputs_come_in_groups_of_four(bundle):
    """ONNX Runtime's WebGPU convolutions of 9, 13 or 33 channels are wrong."""
    network, _ = bundle
    graphs = (FrameGraph(network, "cycles"), WindowGraph(network))
    convolutions = [m for graph in graphs for m in graph.modules() if hasattr(m, "further")]
    assert len(convolutions) > 15
    assert not [m for graph in graphs for m in graph.modules() if isinstance(m, torch.nn.Conv2d)]
    assert all((m.weight.shape[1] + m.further) % 4 == 0 for m in convolutions)
    assert any(m.further for m in convolutions)
