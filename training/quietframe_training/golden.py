"""Writes golden tensors of a bundle's network for the parity tests of the TypeScript engine.

    python -m quietframe_training.golden --checkpoint CHECKPOINT --out test/golden/kpcn

With --random a network of that architecture and random weights is taken, and written to --bundle:

    python -m quietframe_training.golden --random '{"feature_channels": 8, "blocks": 2, "kernel_size": 5,
        "neighbor_kernel_size": 5, "compositor_channels": 4, "quarter_blocks": 1, "quarter_channels": 8,
        "detail_hidden_channels": 4}' --size 24 32 --bundle test/golden/joint-bundle/kpcn/1 --out test/golden/joint-network

golden.json: {"source": ..., "tensors": {name: {"file", "shape"}}}; files are little-endian float32. `inputs` is the raw
[1,13,H,W] of features.py already exposed, `x` the features of it; `spatial0`, `embedding0`, `kernel_features0` belong to
level 0 (the last before pixel_shuffle and activations are in the ONNX modules; here context, bandwidth and albedo gate
are activated); `level0..2` are the levels' denoised colours, `output` is the composite, `guarded` that after
`noise_guard.py` with 0.3 times the variance. `irradiance` is the composite with the flag set, `output_lambda` with
`log_lambda` = log(lambda)/log(10). For windows, `neighbor_inputs` [2,13,H,W] are the frames of slots 1 and 3 (offsets -2
and +1), in their own exposures, `neighbor_gain` [2] brings their colour to the centre's, `neighbor_motion` [2,2,H,W] leads
to them;
`differences0` is level 0's second input of temporal_features, `neighbor_features0` what neighbor_predictor makes of its
output, `window_level0` the level's denoised colour,
`window_output` the composite, `window_output_lambda` with the lambda map.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import torch
import torch.nn.functional as F

from .export import export_bundle, load_network
from .features import component_features
from .joint_kernels import denoiser_of
from .network import Architecture, Denoiser
from .noise_guard import guarded
from .window_dataset import Window, prepare


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


def synthetic_window(height: int, width: int) -> Window:
    """A centre frame, and two others whose content has moved: smoothly, beyond the border, and by fractions of a pixel."""
    center = synthetic_inputs(height, width)
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    motion = {1: torch.stack([-6.3 + 3 * y, 2.2 - 4 * x]), 3: torch.stack([2.6 * x, 1.4 + 0 * y])}
    noise = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(11))
    neighbors = {}
    for i, (slot, shift) in enumerate(((1, (-5, 0)), (3, (1, 1)))):
        frame = center.roll(shift[::-1], (1, 2)).clone()
        frame[:3] *= 1.2 * (0.5 + noise[i])
        neighbors[slot] = frame
    return Window("golden", "cycles", 4, center, neighbors, {1: 0.8, 3: 1 / 1.2}, motion, center[:3], 1.0)


GUARDED_VARIANCE = 0.3  # of that of the inputs, which is too large for the guard to act


@torch.no_grad()
def golden_tensors(network, source: str, height: int = 40, width: int = 56) -> dict[str, torch.Tensor]:
    """Inputs, features and results of every stage."""
    window = synthetic_window(height, width)
    inputs = window.center[None]
    ids = torch.tensor([network.architecture.sources.index(source)])
    output, levels, blend_weights = network(inputs, ids)
    first = network.frame_features(inputs, ids)
    kernel = network.kernel_predictor(first.spatial, first.kernel_detail)
    log_lambda = torch.linspace(0, 1, width).expand(1, 1, height, width).contiguous()
    irradiance = torch.cat([inputs[:, :12], torch.ones_like(inputs[:, 12:])], 1)
    prepared = prepare(network, window, source)
    window_output, window_levels, _ = network.denoise(prepared.center, prepared.neighbors)
    slots = sorted(window.neighbors)
    differences = network.differences(prepared.center[0], prepared.neighbors[0])
    temporal = network.temporal_features(prepared.center[0].features.spatial, differences)
    return {
        "inputs": inputs,
        "x": component_features(inputs),
        "spatial0": first.spatial,
        "embedding0": first.embedding,
        "kernel_features0": torch.cat([kernel.context, F.softplus(kernel.bandwidth), kernel.albedo_gate], 1),
        **{f"level{i}": level for i, level in enumerate(levels)},
        "blend_weight0": blend_weights[-1],
        "output": output,
        "guarded": guarded(inputs[0, :3], GUARDED_VARIANCE * inputs[0, 3:4], output[0]),
        "irradiance": network(irradiance, ids)[0],
        "log_lambda": log_lambda,
        "output_lambda": network(inputs, ids, log_lambda)[0],
        "neighbor_inputs": torch.stack([window.neighbors[s] for s in slots]),
        "neighbor_gain": torch.tensor([window.gains[s] for s in slots]),
        "neighbor_motion": torch.stack([window.motion[s] for s in slots]),
        "differences0": differences,
        "neighbor_features0": network.neighbor_predictor.head(temporal),
        "window_level0": window_levels[0],
        "window_output": window_output,
        "window_output_lambda": network.denoise(prepared.center, prepared.neighbors, log_lambda)[0],
    }


def random_network(architecture: Architecture) -> Denoiser:
    """A network none of whose parts is without effect."""
    torch.manual_seed(3)
    network = denoiser_of(architecture)
    for parameter in network.parameters():  # second convolutions and heads start at zero
        if parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    network = parser.add_mutually_exclusive_group(required=True)
    network.add_argument("--checkpoint", type=pathlib.Path)
    network.add_argument("--random", type=json.loads, help="JSON of changed Architecture fields")
    parser.add_argument("--bundle", type=pathlib.Path, help="where to export a random network")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--source", default="cycles")
    parser.add_argument("--size", type=int, nargs=2, default=(40, 56), metavar=("HEIGHT", "WIDTH"))
    options = parser.parse_args()
    network = load_network(options.checkpoint)[0] if options.checkpoint else random_network(Architecture(**options.random))
    if options.bundle:
        export_bundle(network, options.bundle, "kpcn", 1, "A tiny network with random weights, for tests.", {})
    options.out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, tensor in golden_tensors(network, options.source, *options.size).items():
        (options.out / f"{name}.f32").write_bytes(tensor.numpy().astype("<f4").tobytes())
        entries[name] = {"file": f"{name}.f32", "shape": list(tensor.shape)}
    (options.out / "golden.json").write_text(json.dumps({"source": options.source, "tensors": entries}, indent=2) + "\n")


if __name__ == "__main__":
    main()
