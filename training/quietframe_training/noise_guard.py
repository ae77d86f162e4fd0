"""Where a denoised picture differs from the noisy one by more than noise explains, the noisy one is the better."""

from __future__ import annotations

import torch
import torch.nn.functional as F

BLOCK = 4  # pixels on a side of the blocks that changes and variances are averaged in
DOUBT = 2.0  # a change is taken for an error of the denoiser as far as its square exceeds so many variances
EPSILON = 1e-2  # added to squared exposed brightness, which both are relative to
NOISE_RADIUS = 2  # blocks around one over which relative variances are averaged for outliers
OUTLIER_VARIANCE = 8.0  # the relative variance of an outlier is at least this many times the average of its surroundings


def denoised_share(noisy, variance, denoised):
    """How much of the denoised picture to take: noisy and denoised [3,H,W], variance [1,H,W], all exposed -> [1,H,W] in [0,1].

    E (c - d)^2 = variance + bias^2 for a denoised d that hardly depends on the one noisy pixel c. The best mixture
    takes variance / E (c - d)^2 of d (James and Stein 1961), here twice that much, since a few pixels only tell so
    much: squares and variances are averaged over blocks, and those over 3x3.  Lower bound: 0 as the variance vanishes.

    Two halves measure the variance of a pixel with one degree of freedom: where both are bright by chance, it is near
    zero. So a pixel that changes by more than its own brightness counts with at least eight times the mean relative
    variance of the surrounding 20x20 pixels.
    """
    square = denoised.mean(0, keepdim=True).square() + EPSILON
    change = (noisy - denoised).square().mean(0, keepdim=True)
    bright = noisy.square().mean(0, keepdim=True)
    relative = _averaged(_blocks((variance / (bright + EPSILON)).clamp(0, 1)), NOISE_RADIUS)
    outlier = (OUTLIER_VARIANCE * _pixels(relative, noisy)).clamp(max=1) * bright
    variance = torch.where(change > square, torch.maximum(variance, outlier), variance)
    expected, actual = _averaged(_blocks(torch.cat([variance / square, change / square])), 1)
    share = torch.where(actual > DOUBT * expected, DOUBT * expected / actual, 1.0)
    return _pixels(share[None], noisy)


def _blocks(planes):
    """Means of blocks: [C,H,W] -> [C,H/4,W/4], rounded up."""
    return F.avg_pool2d(planes[None], BLOCK, ceil_mode=True, count_include_pad=False)[0]


def _averaged(blocks, radius: int):
    """Means over the blocks within a radius, those at the border repeated: [C,h,w] -> [C,h,w]."""
    return F.avg_pool2d(F.pad(blocks[None], (radius,) * 4, mode="replicate"), 2 * radius + 1, 1)[0]


def _pixels(blocks, picture):
    """Bilinear interpolation of blocks: [C,h,w] -> [C,H,W], in the size of the picture."""
    _, height, width = picture.shape
    return F.interpolate(blocks[None], scale_factor=BLOCK, mode="bilinear", align_corners=False)[0][:, :height, :width]


def guarded(noisy, variance, denoised):
    """The mixture of `denoised_share`, in the units of the inputs: [3,H,W]."""
    return noisy + denoised_share(noisy, variance, denoised) * (denoised - noisy)
