"""Where a denoised picture differs from the noisy one by more than noise explains, the noisy one is the better."""

from __future__ import annotations

import torch
import torch.nn.functional as F

BLOCK = 4  # pixels on a side of the blocks that changes and variances are averaged in
DOUBT = 2.0  # a change is taken for an error of the denoiser as far as its square exceeds so many variances
EPSILON = 1e-2  # added to squared exposed brightness, which both are relative to


def denoised_share(noisy, variance, denoised):
    """How much of the denoised picture to take: noisy and denoised [3,H,W], variance [1,H,W], all exposed -> [1,H,W] in [0,1].

    E (c - d)^2 = variance + bias^2 for a denoised d that hardly depends on the one noisy pixel c. The best mixture
    takes variance / E (c - d)^2 of d (James and Stein 1961), here twice that much, since a few pixels only tell so
    much: squares and variances are averaged over blocks, and those over 3x3.  Lower bound: 0 as the variance vanishes.
    """
    _, height, width = noisy.shape
    square = denoised.mean(0, keepdim=True).square() + EPSILON
    change = (noisy - denoised).square().mean(0, keepdim=True)
    means = F.avg_pool2d(torch.cat([variance / square, change / square])[None], BLOCK, ceil_mode=True, count_include_pad=False)
    expected, actual = F.avg_pool2d(F.pad(means, (1, 1, 1, 1), mode="replicate"), 3, 1)[0]
    share = torch.where(actual > DOUBT * expected, DOUBT * expected / actual, 1.0)
    share = F.interpolate(share[None, None], scale_factor=BLOCK, mode="bilinear", align_corners=False)
    return share[0, :, :height, :width]


def guarded(noisy, variance, denoised):
    """The mixture of `denoised_share`, in the units of the inputs: [3,H,W]."""
    return noisy + denoised_share(noisy, variance, denoised) * (denoised - noisy)
