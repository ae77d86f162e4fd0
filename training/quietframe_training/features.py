"""Inputs of a component and the 13 features of the network.

Raw inputs [N,13,H,W] are linear, so that a pyramid can be built of them:
    colour 3, colour variance 1, albedo 3, albedo variance 1, normal 3, normal variance 1, irradiance flag 1
Variances are of the mean, averaged over channels.  `component_features` turns them into what the network sees.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

VARIANCE_CHANNELS = (3, 7, 11)
# Keeps relative variances finite in black pixels; far below any visible signal after auto-exposure to 0.18.
RELATIVE_EPSILON = 1e-4


def relative_variance(variance: torch.Tensor, mean_square: torch.Tensor) -> torch.Tensor:
    """Variance of the mean over the squared mean, clamped to [0, 1] (Vogels et al. 2018, section 6.1)."""
    return (variance / (mean_square + RELATIVE_EPSILON)).clamp(0, 1)


def component_features(inputs: torch.Tensor) -> torch.Tensor:
    """log(1+colour) 3, relative variance 1, log(1+albedo) 3, relative variance 1, normal 3, relative variance 1, flag 1."""
    color, color_variance, albedo, albedo_variance, normal, normal_variance, flag = inputs.split((3, 1, 3, 1, 3, 1, 1), 1)
    return torch.cat(
        [
            torch.log1p(color.clamp(min=0)),
            relative_variance(color_variance, color.mean(1, keepdim=True).square()),
            torch.log1p(albedo.clamp(min=0)),
            relative_variance(albedo_variance, albedo.mean(1, keepdim=True).square()),
            normal,
            relative_variance(normal_variance, normal.square().mean(1, keepdim=True)),
            flag,
        ],
        1,
    )


def downsample_inputs(inputs: torch.Tensor) -> torch.Tensor:
    """The next coarser level: 2x2 means; a mean of four has a quarter of the variance."""
    coarse = F.avg_pool2d(inputs, 2)
    scale = torch.ones(inputs.shape[1], 1, 1, device=inputs.device)
    scale[list(VARIANCE_CHANNELS)] = 0.25
    return coarse * scale


def estimate_variance(color: torch.Tensor) -> torch.Tensor:
    """Stand-in for a missing colour variance [N,1,H,W]: the 3x3 sample variance of each channel, averaged.

    It sees texture as noise, which the encoders that are fed with it learn to tell apart.  Border pixels repeat.
    """
    padded = F.pad(color, (1, 1, 1, 1), mode="replicate")
    mean = F.avg_pool2d(padded, 3, 1)
    square = F.avg_pool2d(padded.square(), 3, 1)
    return ((square - mean.square()).clamp(min=0) * (9 / 8)).mean(1, keepdim=True)


# A firefly is this many times as bright as the second brightest of its eight neighbours ...
FIREFLY_CONTRAST = 8.0
# ... and as the mean of the 11x11 pixels about it without those: where such samples are many, they are the light ...
FIREFLY_RARITY = 40.0
# ... and its noise has at least this share of its brightness: it is in one half of the samples alone.
FIREFLY_NOISE = 0.5


def firefly_gain(color: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
    """What colour [N,3,H,W] of known variance of the mean [N,1,H,W] is multiplied by: 1, or less for a firefly: [N,1,H,W].

    A kernel can hardly average a pixel away that differs from all others in everything, and SMAPE does not mind if it
    stays. So such a pixel is dimmed to the second brightest of its neighbours, in all layers of light alike. Pictures
    smaller than the 11x11 pixels have none: nothing tells there what is rare.
    """
    mean = color.clamp(min=0).mean(1, keepdim=True)
    height, width = mean.shape[2:]
    if min(height, width) < 11:
        return torch.ones_like(mean)
    padded = F.pad(mean, (1, 1, 1, 1))
    around = [padded[..., y : y + height, x : x + width] for y in range(3) for x in range(3) if (y, x) != (1, 1)]
    second = torch.stack(around).topk(2, 0).values[1]

    def ring_sum(x):
        return F.avg_pool2d(x, 11, 1, 5) * 121 - F.avg_pool2d(x, 3, 1, 1) * 9

    wide = ring_sum(mean) / ring_sum(torch.ones_like(mean)).clamp(min=1)
    isolated = mean > torch.maximum(FIREFLY_CONTRAST * second, FIREFLY_RARITY * wide)
    noisy = variance > (FIREFLY_NOISE * mean).square()
    return torch.where(isolated & noisy, second / mean.clamp(min=RELATIVE_EPSILON), torch.ones_like(mean))


EXPOSURE_KEY = 0.18
EXPOSURE_BLOCK = 16


def auto_exposure(color: torch.Tensor) -> float:
    """Scale that brings the log-average luminance of [3,H,W] to 0.18, from means of 16x16 blocks brighter than 1e-8.

    A statistic of the whole picture, taken before any tiling; 1 for a black picture.
    """
    luminance = (color.clamp(min=0) * torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)).sum(0)[None, None]
    blocks = F.avg_pool2d(luminance, EXPOSURE_BLOCK, ceil_mode=True, count_include_pad=False)
    lit = blocks[blocks > 1e-8].double()
    return float(EXPOSURE_KEY / torch.exp2(torch.log2(lit).mean())) if lit.numel() else 1.0
