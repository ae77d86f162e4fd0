"""Adds an auxiliary prefilter to a bundle: auxiliary_prefilter.onnx, its logits, and its entries in model.json.

    python -m quietframe_training.export_prefilter --checkpoint runs/p/checkpoint.pt --bundle models/kpcn/2

A prefilter that the bundle has is replaced.  `golden_prefilter` writes the tensors of the parity tests.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib

import onnx
import torch
import torch.nn.functional as F
from torch import nn

from .auxiliary_prefilter import (
    EXPLAINED_ESTIMATE,
    EXPLAINED_NOISE,
    INPUT_CHANNELS,
    LOG_BANDWIDTH_LIMIT,
    AuxiliaryPrefilter,
    PrefilterArchitecture,
    load_prefilter,
)
from .export import OPSET
from .exported_modules import pixel_unshuffled

MODULE = "auxiliary_prefilter"
LOGITS = "auxiliary_prefilter_logits"


def feature_radius(a: PrefilterArchitecture) -> int:
    """How far, in pixels of a level, kernel features depend on the input; the same sum as `export.feature_radius`."""
    return 2 + 2 * (1 + 2 * a.blocks) + 2


def _rows(convolution: nn.Conv2d, begin: int, end: int) -> nn.Conv2d:
    """Some of the outputs of a convolution."""
    c = convolution
    part = nn.Conv2d(c.in_channels, end - begin, c.kernel_size, stride=c.stride, padding=c.padding)
    part.load_state_dict({"weight": c.weight[begin:end], "bias": c.bias[begin:end]})
    return part


class HalfResolutionPrefilter(nn.Module):
    """Kernel features [N,4(C+2),H/2,W/2] and embedding [N,4E,H/2,W/2] before pixel_shuffle and activations,
    but for the exponential of the bandwidth, which is within the module.

    Two heads rather than one that is split: every output is written once, where the fused kernel reads it.
    """

    def __init__(self, prefilter: AuxiliaryPrefilter):
        super().__init__()
        self.first, self.second, self.blocks = prefilter.first, prefilter.second, prefilter.blocks
        kernels = 4 * prefilter.architecture.kernel_channels
        outputs = prefilter.head.out_channels
        detail = pixel_unshuffled(prefilter.detail)
        self.heads = nn.ModuleList(_rows(prefilter.head, *span) for span in ((0, kernels), (kernels, outputs)))
        self.details = nn.ModuleList(_rows(detail, *span) for span in ((0, kernels), (kernels, outputs)))

    def forward(self, x):
        features = F.relu(self.blocks(F.relu(self.second(F.relu(self.first(x))))))
        kernels, embedding = (head(features) + detail(x) for head, detail in zip(self.heads, self.details, strict=True))
        context, log_bandwidth, blend = kernels.split((kernels.shape[1] - 8, 4, 4), 1)
        bandwidth = torch.exp(log_bandwidth.clamp(max=LOG_BANDWIDTH_LIMIT))
        return torch.cat([context, bandwidth, blend], 1), embedding


def export_prefilter(prefilter: AuxiliaryPrefilter, folder: pathlib.Path) -> dict[str, dict]:
    """Writes the module and the logits; returns their entries in the manifest's `modules`."""
    outputs = ["kernel_features", "embedding"]
    axes = {name: {2: "half_height", 3: "half_width"} for name in outputs} | {"x": {2: "height", 3: "width"}}
    path = folder / f"{MODULE}.onnx"
    module = HalfResolutionPrefilter(prefilter).eval()
    torch.onnx.export(module, (torch.rand(1, INPUT_CHANNELS, 16, 24),), path, input_names=["x"], output_names=outputs,
                      dynamic_axes=axes, opset_version=OPSET, dynamo=False)  # fmt: skip
    onnx.checker.check_model(str(path))
    logits = prefilter.taps().T.detach()
    (folder / f"{LOGITS}.f32").write_bytes(logits.numpy().astype("<f4").tobytes())
    entries = {}
    for name, file in ((MODULE, path.name), (LOGITS, f"{LOGITS}.f32")):
        entries[name] = {"file": file, "sha256": hashlib.sha256((folder / file).read_bytes()).hexdigest()}
    entries[LOGITS]["shape"] = list(logits.shape)
    return entries


def manifest_entry(a: PrefilterArchitecture) -> dict:
    """The manifest's `auxiliaryPrefilter`."""
    return {
        "featureChannels": a.feature_channels,
        "blocks": a.blocks,
        "contextChannels": a.context_channels,
        "embeddingChannels": a.embedding_channels,
        "kernelSize": a.kernel_size,
        "levels": a.levels,
        "receptiveRadius": feature_radius(a),
        "explainedNoise": EXPLAINED_NOISE,
        "explainedEstimate": EXPLAINED_ESTIMATE,
    }


def add_to_bundle(prefilter: AuxiliaryPrefilter, bundle: pathlib.Path) -> None:
    """Writes the module into a bundle's folder and adds it to the manifest."""
    manifest = json.loads((bundle / "model.json").read_text())
    manifest["modules"].update(export_prefilter(prefilter, bundle))
    manifest["auxiliaryPrefilter"] = manifest_entry(prefilter.architecture)
    (bundle / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True, help="of train_prefilter")
    parser.add_argument("--bundle", type=pathlib.Path, required=True, help="models/<name>/<version>")
    options = parser.parse_args()
    add_to_bundle(load_prefilter(options.checkpoint), options.bundle)


if __name__ == "__main__":
    main()
