"""How much of the oracle's gain of table 1 (Wronski 2021) a prediction can reach: the best map that does not know the noise.

    python -m quietframe_training.pkn.evaluate_bound --photos DIR --out bench/pkn/results/bound.json

The oracle of the paper optimizes its multipliers for one noisy picture, so that they fit the noise as well as the picture. Here
the same descent optimizes them once so, and once with new noise in every step; both maps then filter the same noisy picture.
The second map knows the clean picture and not the noise. Figures are gains in dB over the best single multiplier, means over
the photographs (the middle 128x128 pixels, green).
"""

from __future__ import annotations

import argparse
import json
import pathlib

import torch

from .network import to_full_resolution
from .non_local_means import non_local_means
from .photographs import load_photograph

SIGMAS = (0.025, 0.05, 0.1, 0.2)
SIZE = 128
SINGLE = [round(0.3 + 0.1 * i, 1) for i in range(13)]


def psnr(picture: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Of each picture of a batch, in dB."""
    return -10 * torch.log10((picture - clean).square().mean((1, 2, 3)))


def filtered(noisy, multipliers, sigma: float) -> torch.Tensor:
    """Non-local means with multipliers [N,1,H/2,W/2]."""
    return non_local_means(noisy, to_full_resolution(multipliers, *noisy.shape[2:]), torch.full((1, 1, 1, 1), sigma))


def best_map(clean, noisy, sigma: float, fresh: bool, steps: int) -> torch.Tensor:
    """Multipliers by gradient descent on the squared error, for one noisy picture or with fresh noise in every step."""
    size = (len(clean), 1, clean.shape[2] // 2, clean.shape[3] // 2)
    logarithm = torch.full(size, 0.75).log().requires_grad_()
    optimizer = torch.optim.Adam([logarithm], betas=(0.8, 0.95))
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.15 * (1 - step / steps) + 0.01
        picture = clean + sigma * torch.randn_like(clean) if fresh else noisy
        loss = ((filtered(picture, logarithm.exp().clamp(max=4), sigma) - clean) / sigma).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return logarithm.detach().exp().clamp(max=4)


def gains(clean: torch.Tensor, sigma: float, steps: int = 70) -> dict[str, float]:
    """Gains of both maps over the best single multiplier of each picture, for clean pictures [N,1,H,W]."""
    noisy = clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(5))
    torch.manual_seed(0)
    with torch.no_grad():
        single = torch.stack([psnr(filtered(noisy, torch.full_like(noisy[..., ::2, ::2], m), sigma), clean) for m in SINGLE])
    result = {}
    for name, fresh in (("knows the noise", False), ("does not know the noise", True)):
        picture = filtered(noisy, best_map(clean, noisy, sigma, fresh, steps), sigma)
        result[name] = round(float((psnr(picture, clean) - single.max(0).values).mean()), 3)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=pathlib.Path, required=True, help="folder of PNG photographs")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    photographs = [load_photograph(path)[1:2] for path in sorted(options.photos.glob("*.png"))]

    def middle(picture):
        top, left = ((n - SIZE) // 2 for n in picture.shape[1:])
        return picture[:, top : top + SIZE, left : left + SIZE]

    clean = torch.stack([middle(p) for p in photographs])
    report = [{"sigma": sigma, **gains(clean, sigma)} for sigma in SIGMAS]
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
