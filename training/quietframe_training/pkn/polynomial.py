"""Polynomial reblurring (Delbracio et al. 2020; Wronski 2021, section 4.2) with coefficients for every pixel."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F


def gaussian_taps(sigma: float) -> torch.Tensor:
    """Normalised weights at -r..r, r = ceil(3 sigma)."""
    radius = math.ceil(3 * sigma)
    taps = torch.exp(-(torch.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    return taps / taps.sum()


def gaussian_blur(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """B of equation 13 on [N,1,H,W]; beyond the border its pixels repeat."""
    taps = gaussian_taps(sigma)
    radius = len(taps) // 2
    x = F.conv2d(F.pad(x, (radius, radius, 0, 0), mode="replicate"), taps.view(1, 1, 1, -1))
    return F.conv2d(F.pad(x, (0, 0, radius, radius), mode="replicate"), taps.view(1, 1, -1, 1))


def polynomial_deblur(x: torch.Tensor, coefficients: torch.Tensor, sigma: float) -> torch.Tensor:
    """Equation 13: (a I + b B + c B^2 + d B^3) x with coefficients b, c, d [N,3,H,W] and a = 1 - b - c - d (equation 14)."""
    b, c, d = coefficients.split(1, 1)
    once = gaussian_blur(x, sigma)
    twice = gaussian_blur(once, sigma)
    thrice = gaussian_blur(twice, sigma)
    return x + b * (once - x) + c * (twice - x) + d * (thrice - x)
