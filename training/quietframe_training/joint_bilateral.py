"""A well-tuned joint bilateral filter: the baseline that every learned denoiser has to beat.

Weights over a (2r+1)^2 window are Gaussians of the distance in space, in albedo, in normal and in log colour, the last
one measured between pictures that a small Gaussian has prefiltered, which keeps fireflies from protecting themselves.
The colours that are averaged are demodulated by the albedo, the strongest simple trick there is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .losses import smape


@dataclass(frozen=True)
class BilateralParameters:
    """Standard deviations; space in pixels, the others in the units of the buffer."""

    space: float = 4.0
    albedo: float = 0.1
    normal: float = 0.3
    color: float = 0.5
    demodulate: bool = True


def _gaussian_blur(x: torch.Tensor, sigma: float) -> torch.Tensor:
    radius = max(1, round(2 * sigma))
    offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
    row = torch.exp(-(offset**2) / (2 * sigma**2))
    row = (row / row.sum()).view(1, 1, 1, -1).repeat(x.shape[0], 1, 1, 1)
    x = F.conv2d(F.pad(x[None], (radius, radius, 0, 0), mode="replicate"), row, groups=x.shape[0])
    x = F.conv2d(F.pad(x, (0, 0, radius, radius), mode="replicate"), row.transpose(2, 3), groups=x.shape[1])
    return x[0]


def joint_bilateral(color, albedo, normal, p: BilateralParameters, radius: int = 10) -> torch.Tensor:
    """Noisy colour, albedo, normal [3,H,W] -> filtered colour [3,H,W]."""
    base = albedo + 0.05 if p.demodulate else torch.ones_like(albedo)
    light = color / base
    guide = torch.cat([
        _gaussian_blur(albedo, 0.7) / p.albedo,
        _gaussian_blur(normal, 0.7) / p.normal,
        _gaussian_blur(torch.log1p(light.clamp(min=0) * 10), 2.0) / p.color,
    ])  # fmt: skip
    height, width = color.shape[1:]
    padded_guide = F.pad(guide[None], (radius,) * 4, mode="replicate")[0]
    padded_light = F.pad(light[None], (radius,) * 4, mode="replicate")[0]
    total, weight_sum = torch.zeros_like(light), torch.zeros(1, height, width)
    for dy, dx in itertools.product(range(2 * radius + 1), repeat=2):
        window = (slice(None), slice(dy, dy + height), slice(dx, dx + width))
        space = ((dy - radius) ** 2 + (dx - radius) ** 2) / p.space**2
        distance = (padded_guide[window] - guide).square().sum(0, keepdim=True)
        weight = torch.exp(-0.5 * (distance + space))
        total += weight * padded_light[window]
        weight_sum += weight
    return total / weight_sum * base


def tune(views, rounds: int = 2) -> BilateralParameters:
    """Coordinate descent on the mean SMAPE of some views, one parameter after the other by factors of 1.6."""
    best = BilateralParameters()

    def score(p):
        return sum(float(smape(joint_bilateral(v.color, v.albedo, v.normal, p), v.reference)) for v in views)

    lowest = score(best)
    for _ in range(rounds):
        for name in ("space", "albedo", "normal", "color"):
            for factor in (1 / 1.6, 1.6):
                while True:
                    candidate = BilateralParameters(**{**best.__dict__, name: getattr(best, name) * factor})
                    value = score(candidate)
                    if value >= lowest or not 1e-3 < getattr(candidate, name) < 100:
                        break
                    best, lowest = candidate, value
        plain = BilateralParameters(**{**best.__dict__, "demodulate": not best.demodulate})
        if (value := score(plain)) < lowest:
            best, lowest = plain, value
    return best
