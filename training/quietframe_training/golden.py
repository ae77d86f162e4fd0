"""Writes golden tensors of a bundle's network for the parity tests of the TypeScript engine.

    python -m quietframe_training.golden --checkpoint CHECKPOINT --out test/golden/kpcn

golden.json: {"source": ..., "tensors": {name: {"file", "shape"}}}; files are little-endian float32. `inputs` is the raw
[1,13,H,W] of features.py already exposed, `x` the bundle's 12 features of it; `level0..2` are the levels' denoised colours,
`output` is the composite.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import torch

from .export import BEAUTY_CHANNELS, load_network
from .features import component_features


def synthetic_inputs(height: int, width: int) -> torch.Tensor:
    """A small HDR picture with edges, texture, noise, a bright lamp and black corners, and its auxiliary buffers."""
    generator = torch.Generator().manual_seed(7)
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    albedo = torch.stack([0.5 + 0.4 * torch.sin(20 * x), 0.3 + 0.3 * (y > x), 0.6 * y + 0.1 * torch.cos(31 * y)]).clamp(0, 1)
    normal = torch.stack([torch.sin(3 * x), torch.cos(4 * y), torch.ones_like(x)])
    normal = normal / normal.norm(dim=0) * (x < 0.9)
    light = 0.4 + 0.5 * torch.exp(-((x - 0.5) ** 2 + (y - 0.4) ** 2) * 8) + 60 * ((x - 0.7) ** 2 + (y - 0.2) ** 2 < 0.002)
    noise = torch.rand(3, height, width, generator=generator)
    color = albedo * light * (0.2 - noise.log()) * (x + y > 0.15)
    variance = (color.mean(0, keepdim=True) * 0.5) ** 2
    return torch.cat([color, variance, albedo, 0.01 * albedo[:1], normal, 0.02 * noise[:1], torch.zeros(1, height, width)])


@torch.no_grad()
def golden_tensors(network, source: str, height: int = 40, width: int = 56) -> dict[str, torch.Tensor]:
    """Inputs, features and results of every stage."""
    inputs = synthetic_inputs(height, width)[None]
    ids = torch.tensor([network.architecture.sources.index(source)])
    output, levels, blend_weights = network(inputs, ids)
    x = component_features(inputs)
    features, detail = network.encode(x, ids)
    context, bandwidth, embedding = network.kernel_predictor(network.spatial_features(features), detail)
    tensors = {"inputs": inputs, "x": x[:, :BEAUTY_CHANNELS], "output": output, "blend_weight0": blend_weights[-1]}
    tensors["kernel_features"] = torch.cat([context, bandwidth, embedding], 1)
    return tensors | {f"level{i}": level for i, level in enumerate(levels)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--source", default="cycles")
    options = parser.parse_args()
    network, _ = load_network(options.checkpoint)
    options.out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, tensor in golden_tensors(network, options.source).items():
        (options.out / f"{name}.f32").write_bytes(tensor.numpy().astype("<f4").tobytes())
        entries[name] = {"file": f"{name}.f32", "shape": list(tensor.shape)}
    (options.out / "golden.json").write_text(json.dumps({"source": options.source, "tensors": entries}, indent=2) + "\n")


if __name__ == "__main__":
    main()
