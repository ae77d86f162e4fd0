"""Writes golden tensors of an auxiliary prefilter for the parity tests of the TypeScript engine.

    python -m quietframe_training.golden_prefilter --out test/golden/prefilter [--checkpoint runs/p/checkpoint.pt]

Without a checkpoint the weights are random.  The folder holds the exported module and its logits, golden.json with the
entries of a manifest and the cases, and per case `inputs` and `output`, auxiliaries [8,H,W] as little-endian float32:
albedo 3, variance 1, normal 3, variance 1.  Variances of the inputs of estimated cases are 0 and not used.
"""

from __future__ import annotations

import argparse
import copy
import json
import pathlib

import torch

from .auxiliary_prefilter import AuxiliaryPrefilter, PrefilterArchitecture, load_prefilter, prefiltered
from .export_prefilter import export_prefilter, manifest_entry

CASES = {"measured": (45, 61, True), "estimated": (45, 61, False), "small": (3, 9, True), "pixel": (1, 1, True)}


def random_prefilter(architecture: PrefilterArchitecture, seed: int = 5) -> AuxiliaryPrefilter:
    """Weights whose kernels, bandwidths and blend weights all differ from pixel to pixel."""
    torch.manual_seed(seed)
    prefilter = AuxiliaryPrefilter(architecture)
    with torch.no_grad():
        for name, weight in prefilter.named_parameters():
            if name.endswith("second.weight"):
                torch.nn.init.kaiming_normal_(weight)
        prefilter.head.weight.mul_(8)
        prefilter.detail.weight.mul_(2)
        prefilter.logits.weight.mul_(3)
    return prefilter.eval()


def synthetic_auxiliaries(height: int, width: int) -> torch.Tensor:
    """Texture, an edge, misses, noise that grows downwards, and a clean upper third: [8,H,W]."""
    generator = torch.Generator().manual_seed(3)
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    sigma = 0.3 * (y > 0.4) * y
    noise = sigma * torch.randn(6, height, width, generator=generator)
    albedo = torch.stack([0.5 + 0.4 * torch.sin(40 * x), 0.3 + 0.3 * (y > x), 0.6 * y + 0.1 * torch.cos(31 * y)])
    normal = torch.stack([torch.sin(3 * x), torch.cos(4 * y), torch.ones_like(x)])
    normal = normal / normal.norm(dim=0)
    hit = (x - 0.8).square() + (y - 0.7).square() > 0.01
    albedo, normal = (albedo + noise[:3]).clamp(0, 1) * hit, (normal + noise[3:]) * hit
    variance = (sigma.square() * hit)[None]
    return torch.cat([albedo, variance, normal, 1.5 * variance])


def write_golden(prefilter: AuxiliaryPrefilter, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    modules, cases = export_prefilter(prefilter, folder), {}
    double = copy.deepcopy(prefilter).double()
    for name, (height, width, measured) in CASES.items():
        inputs = synthetic_auxiliaries(height, width)
        if not measured:
            inputs[[3, 7]] = 0
        # In double precision: estimates of variances lose digits, as E[x^2] - E[x]^2.
        output = prefiltered(double, inputs.double(), measured).float()
        for kind, tensor in (("inputs", inputs), ("output", output)):
            (folder / f"{name}.{kind}.f32").write_bytes(tensor.contiguous().numpy().astype("<f4").tobytes())
        cases[name] = {"width": width, "height": height, "measured": measured}
    golden = {"auxiliaryPrefilter": manifest_entry(prefilter.architecture), "modules": modules, "cases": cases}
    (folder / "golden.json").write_text(json.dumps(golden, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path, help="of train_prefilter")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    architecture = PrefilterArchitecture(feature_channels=8, blocks=1, kernel_size=7, levels=3)
    write_golden(load_prefilter(options.checkpoint) if options.checkpoint else random_prefilter(architecture), options.out)


if __name__ == "__main__":
    main()
