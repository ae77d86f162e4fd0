"""Exports a checkpoint as a bundle: model.json and one ONNX file per module (see docs/training.md).

python -m quietframe_training.export --checkpoint runs/a/checkpoint.pt --out models/kpcn/1 [--notes notes.json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

from .network import INPUT_CHANNELS, Architecture, Denoiser

OPSET = 18


def load_network(checkpoint: pathlib.Path) -> tuple[Denoiser, dict]:
    """The averaged weights of a checkpoint, and the checkpoint."""
    state = torch.load(checkpoint, map_location="cpu")
    architecture = {k: tuple(v) if isinstance(v, list) else v for k, v in state["architecture"].items()}
    network = Denoiser(Architecture(**architecture))
    network.load_state_dict(state["average"])
    return network.eval(), state


# Features that a bundle's encoders see.  The thirteenth, the irradiance flag, is 0 for a beauty: its weights are left out.
BEAUTY_CHANNELS = INPUT_CHANNELS - 1


def _beauty(convolution: nn.Conv2d) -> nn.Conv2d:
    """The same convolution without the irradiance flag."""
    c = convolution
    result = nn.Conv2d(BEAUTY_CHANNELS, c.out_channels, c.kernel_size, c.stride, c.padding)
    result.load_state_dict({"weight": c.weight[:, :BEAUTY_CHANNELS], "bias": c.bias})
    return result


def _pixel_unshuffled(convolution: nn.Conv2d) -> nn.Conv2d:
    """A 3x3 convolution [P,H,W] as a 4x4 one of stride 2 to [4P,H/2,W/2], equal to pixel_unshuffle of its result."""
    outputs, inputs = convolution.weight.shape[:2]
    weight = torch.zeros(outputs, 4, inputs, 4, 4)
    for dy in range(2):
        for dx in range(2):
            weight[:, 2 * dy + dx, :, dy : dy + 3, dx : dx + 3] = convolution.weight
    result = nn.Conv2d(inputs, 4 * outputs, 4, stride=2, padding=1)
    result.load_state_dict({"weight": weight.flatten(0, 1), "bias": convolution.bias.repeat_interleave(4)})
    return result


class HalfResolutionEncoder(nn.Module):
    """A source encoder whose detail [N,4P,H/2,W/2] is the pixel_unshuffle of the network's: no tensor but x is large."""

    def __init__(self, encoder):
        super().__init__()
        self.first, self.second = _beauty(encoder.first), encoder.second
        self.detail = _pixel_unshuffled(_beauty(encoder.detail))

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x)))), self.detail(x)


class ActivatedSpatialFeatures(nn.Module):
    """Spatial features with the ReLU that the kernel predictor begins with.

    The pooling of single pixels changes nothing.  It is there for ONNX Runtime, which then keeps the skip connections in
    the layout of its convolutions from the first block on and adds them within the convolutions.
    """

    def __init__(self, spatial_features):
        super().__init__()
        self.blocks = spatial_features

    def forward(self, features):
        return F.relu(self.blocks(F.max_pool2d(features, 1)))


class HalfResolutionHead(nn.Module):
    """The kernel predictor before pixel_shuffle, ReLU and softplus, which the fused kernel applies: [N,4P,H/2,W/2]."""

    def __init__(self, predictor):
        super().__init__()
        self.head = predictor.head

    def forward(self, spatial, detail):
        return self.head(spatial) + detail


def feature_radius(a: Architecture) -> int:
    """How far, in pixels, kernel features at a pixel depend on the input; rounded up to an even number.

    The first convolution reaches 2 px (4x4, stride 2); every 3x3 convolution at half resolution adds 2 px; a pixel's
    features stem from the half-resolution sample that covers it, one more.
    """
    return 2 + 2 * (1 + 2 * a.blocks) + 2


def compositor_radius(_: Architecture) -> int:
    """The same for the blend weight: two 3x3 convolutions at half resolution."""
    return 2 * 2 + 2


def _export(module, arguments, inputs, outputs, path):
    axes = {name: {2: "height", 3: "width"} for name in (*inputs, *outputs)}
    for name in inputs + outputs:  # two resolutions meet in one graph
        if name in ("features", "detail", "spatial", "kernel_features", "coarse"):
            axes[name] = {2: "half_height", 3: "half_width"}
    torch.onnx.export(module.eval(), arguments, path, input_names=inputs, output_names=outputs, dynamic_axes=axes,
                      opset_version=OPSET, dynamo=False)  # fmt: skip
    onnx.checker.check_model(str(path))


def export_modules(network: Denoiser, folder: pathlib.Path) -> dict[str, dict]:
    """Writes every module and returns the manifest's `modules`."""
    a = network.architecture
    folder.mkdir(parents=True, exist_ok=True)
    x = torch.rand(1, BEAUTY_CHANNELS, 16, 24)
    features, detail = torch.rand(1, a.feature_channels, 8, 12), torch.rand(1, 4 * a.head_channels, 8, 12)
    for source, encoder in network.source_encoder.items():
        encoder = HalfResolutionEncoder(encoder)
        _export(encoder, (x,), ["x"], ["features", "detail"], folder / f"source_encoder.{source}.onnx")
    spatial_features = ActivatedSpatialFeatures(network.spatial_features)
    _export(spatial_features, (features,), ["features"], ["spatial"], folder / "spatial_features.onnx")
    head = HalfResolutionHead(network.kernel_predictor)
    _export(head, (features, detail), ["spatial", "detail"], ["kernel_features"], folder / "kernel_predictor.onnx")
    pair = (torch.rand(1, 3, 16, 24), torch.rand(1, 3, 8, 12))
    _export(network.scale_compositor, pair, ["fine", "coarse"], ["blend_weight"], folder / "scale_compositor.onnx")
    layer = network.kernel_predictor.logits
    logits = np.concatenate([layer.weight.detach().numpy(), layer.bias.detach().numpy()[:, None]], 1).astype("<f4")
    (folder / "kernel_logits.f32").write_bytes(logits.tobytes())

    modules = {}
    for path in sorted([*folder.glob("*.onnx"), folder / "kernel_logits.f32"]):
        modules[path.stem] = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    modules["kernel_logits"]["shape"] = list(logits.shape)
    return modules


def export_bundle(network: Denoiser, folder: pathlib.Path, name: str, version: int, description: str, training: dict):
    """Writes a whole bundle."""
    a = network.architecture
    manifest = {
        "formatVersion": 2,
        "name": name,
        "version": version,
        "description": description,
        "license": "Apache-2.0",
        "architecture": {
            "inputChannels": BEAUTY_CHANNELS,
            "featureChannels": a.feature_channels,
            "blocks": a.blocks,
            "contextChannels": a.context_channels,
            "embeddingChannels": a.embedding_channels,
            "kernelSize": a.kernel_size,
            "levels": a.levels,
            "compositorChannels": a.compositor_channels,
        },
        "receptiveRadius": {"features": feature_radius(a), "compositor": compositor_radius(a)},
        "sources": list(a.sources),
        "modules": export_modules(network, folder),
        "training": training,
    }
    (folder / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="models/<name>/<version>")
    parser.add_argument("--notes", type=pathlib.Path, help="JSON for the manifest's `training`")
    options = parser.parse_args()
    network, state = load_network(options.checkpoint)
    training = json.loads(options.notes.read_text()) if options.notes else {}
    training = {"steps": state["step"], **training}
    description = "Single-frame multi-scale kernel-predicting denoiser (Vogels et al. 2018) with affinity kernels."
    export_bundle(network, options.out, options.out.parent.name, int(options.out.name), description, training)


if __name__ == "__main__":
    main()
