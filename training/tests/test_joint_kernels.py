"""Windows with the kernels of the paper: jointly normalized, on noisy frames."""

from dataclasses import replace

import onnxruntime
import pytest
import torch

from quietframe_training.export import export_bundle, load_network
from quietframe_training.golden import synthetic_window
from quietframe_training.joint_kernels import JointDenoiser, denoiser_of, joint_sums
from quietframe_training.kernel_apply import apply_kernels_reference, pad_border
from quietframe_training.network import Architecture
from quietframe_training.train import save_checkpoint
from quietframe_training.window_dataset import prepare

SMALL = Architecture(feature_channels=8, blocks=2, kernel_size=5, compositor_channels=4, neighbor_kernel_size=5)


def test_joint_kernels_of_one_still_frame_are_those_of_single_frames():
    generator = torch.Generator().manual_seed(1)

    def rand(*shape):
        return torch.rand(*shape, generator=generator)

    context, taps, bandwidth = rand(1, 3, 9, 8), rand(4, 25), rand(1, 1, 9, 8)
    embedding, picture, still = rand(1, 2, 9, 8), rand(1, 6, 9, 8), torch.zeros(1, 2, 9, 8)
    sums, weights = joint_sums(context, taps, bandwidth, 0 * bandwidth, embedding, embedding, picture, still)
    wanted = apply_kernels_reference(
        context.permute(0, 2, 3, 1), taps, bandwidth[:, 0], pad_border(embedding, 5), pad_border(picture, 5)
    )
    torch.testing.assert_close(sums / weights, wanted)
    moved = torch.tensor([1.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 9, 8)
    shifted, mass = joint_sums(context, taps, bandwidth, 0 * bandwidth, embedding, embedding.roll((-2, 1), (2, 3)),
                               picture.roll((-2, 1), (2, 3)), moved)  # fmt: skip
    inside = (..., slice(4, 7), slice(2, 5))
    torch.testing.assert_close((shifted / mass)[inside], wanted[inside])
    assert float(mass[0, 0, 0, 0]) == 0  # two pixels above the frame


def test_joint_kernels_have_the_size_of_single_frames():
    with pytest.raises(ValueError, match="neighbor_kernel_size of 5"):
        JointDenoiser(replace(SMALL, neighbor_kernel_size=3))


def test_a_window_begins_as_the_kernel_of_its_center_on_every_frame(tmp_path):
    torch.manual_seed(3)
    network = denoiser_of(SMALL).eval()
    window = prepare(network, synthetic_window(24, 32), "cycles")
    still = [
        [replace(n, features=c.features, picture=c.picture, motion=0 * n.motion) for n in level]
        for level, c in zip(window.neighbors, window.center, strict=True)
    ]
    alone, fused = network.denoise(window.center)[0], network.denoise(window.center, still)[0]
    torch.testing.assert_close(fused, alone)


def test_a_bundle_has_their_predictor_and_loads_again(tmp_path):
    torch.manual_seed(3)
    network = denoiser_of(SMALL).eval()
    torch.nn.init.normal_(network.neighbor_predictor.head.weight)
    folder = tmp_path / "kpcn" / "1"
    export_bundle(network, folder, "kpcn", 1, "test", {})
    assert not (folder / "window_graph.onnx").exists()
    temporal = torch.rand(1, 8, 6, 8)
    session = onnxruntime.InferenceSession(folder / "neighbor_predictor.onnx", providers=["CPUExecutionProvider"])
    (changes,) = session.run(None, {"temporal": temporal.numpy()})
    wanted = torch.cat(network.neighbor_predictor(temporal), 1)
    torch.testing.assert_close(torch.nn.functional.pixel_shuffle(torch.from_numpy(changes), 2), wanted)
    checkpoint = tmp_path / "checkpoint.pt"
    save_checkpoint(checkpoint, average=network.state_dict(), architecture=SMALL.as_dict())
    loaded, _ = load_network(checkpoint)
    assert isinstance(loaded, JointDenoiser)
