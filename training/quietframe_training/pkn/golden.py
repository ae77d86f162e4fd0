"""Writes golden tensors of the trained heads and of every filter for the parity tests of the TypeScript code.

    python -m quietframe_training.pkn.golden --run DIR --out test/golden/pkn

golden.json: {"noiseSigma", "blurSigma", "factor", "tensors": {name: {"file", "shape"}}}; files are little-endian float32.
`picture` is noisy, `<head>.parameters` what its network predicts for it, `<head>.output` what the filter makes of both.
The head of the preview has `cross_bilateral.inputs` of its own: the raw inputs of ../features.py, light multiplied by 1.
"""

from __future__ import annotations

import argparse
import json
import pathlib

import torch

from .export import load_head, load_preview
from .gaussian import gaussian_rbf, sharpened_rbf
from .heads import HEADS, network_input
from .network import pad_to_multiple, to_full_resolution
from .non_local_means import bilateral, non_local_means
from .polynomial import polynomial_deblur
from .preview import predict, preview

NOISE_SIGMA, BLUR_SIGMA, FACTOR = 0.07, 1.2, 1.8


def picture(height: int = 27, width: int = 37) -> torch.Tensor:
    """[1,1,H,W] of odd size with an edge, a texture, a ramp and noise."""
    generator = torch.Generator().manual_seed(3)
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    clean = 0.3 * x + 0.4 * (x + 2 * y > 1.3) + 0.1 * torch.sin(40 * x * y)
    return (clean + NOISE_SIGMA * torch.randn(height, width, generator=generator))[None, None]


def render(height: int = 51, width: int = 75) -> torch.Tensor:
    """Raw inputs [1,13,H,W] of odd size: two surfaces with different normals, a texture, noise and fireflies."""
    generator = torch.Generator().manual_seed(4)

    def noise(channels, scale):
        return scale * torch.randn(1, channels, height, width, generator=generator)

    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    side = (x + 0.5 * y > 0.8).float()
    albedo = torch.stack([0.2 + 0.6 * side, 0.5 + 0.3 * torch.sin(60 * x), 0.4 * y]) + noise(3, 0.02)[0]
    normal = torch.stack([0.6 * side, 0.3 * torch.ones_like(x), -1 + 0.2 * side]) + noise(3, 0.02)[0]
    light = (0.3 + 2 * x * side) * torch.exp(noise(3, 0.5)) + 40 * (noise(1, 1) > 2.5)
    variance = (0.25 * light.mean(1, keepdim=True)).square()
    error = torch.full_like(variance, 4e-4)
    return torch.cat([light * albedo.clamp(min=0), variance, albedo[None], error, normal[None], error, 0 * error], 1)


def apply_filter(head: str, x: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """The filter of a head on [1,1,H,W] with parameters [1,P,ceil(H/2),ceil(W/2)]."""
    full = to_full_resolution(parameters, *x.shape[2:])
    sigma = torch.full((1, 1, 1, 1), NOISE_SIGMA)
    return {
        "non_local_means": lambda: non_local_means(x, full, sigma),
        "bilateral": lambda: bilateral(x, full, sigma),
        "isotropic_gaussian": lambda: gaussian_rbf(x, parameters),
        "anisotropic_gaussian": lambda: gaussian_rbf(x, parameters),
        "polynomial_deblur": lambda: polynomial_deblur(x, full, BLUR_SIGMA),
        "rbf_upsample": lambda: sharpened_rbf(x, parameters, FACTOR),
    }[head]()


@torch.no_grad()
def golden_tensors(run: pathlib.Path) -> dict[str, torch.Tensor]:
    x = picture()
    height, width = x.shape[2:]
    tensors = {"picture": x}
    for name in HEADS:
        head, network, _ = load_head(run / f"{name}.pt")
        inputs = pad_to_multiple(network_input(x, torch.full((1, 1, 1, 1), NOISE_SIGMA)))
        if head.channels == 2:
            inputs = torch.cat([inputs, torch.full_like(inputs, BLUR_SIGMA)], 1)
        parameters = network(inputs)[:, :, : -(-height // 2), : -(-width // 2)]
        tensors[f"{name}.parameters"] = parameters
        tensors[f"{name}.output"] = apply_filter(name, x, parameters)
    network, _ = load_preview(run / "cross_bilateral.pt")
    inputs = render()
    tensors["cross_bilateral.inputs"] = inputs
    tensors["cross_bilateral.parameters"] = predict(network, inputs)
    tensors["cross_bilateral.output"] = preview(network, inputs)
    return tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    entries = {}
    for name, tensor in golden_tensors(options.run).items():
        file = f"{name}.f32"
        (options.out / file).write_bytes(tensor.contiguous().numpy().astype("<f4").tobytes())
        entries[name] = {"file": file, "shape": list(tensor.shape)}
    golden = {"noiseSigma": NOISE_SIGMA, "blurSigma": BLUR_SIGMA, "factor": FACTOR, "tensors": entries}
    (options.out / "golden.json").write_text(json.dumps(golden, indent=2) + "\n")


if __name__ == "__main__":
    main()
