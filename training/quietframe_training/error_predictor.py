"""The error-predicting network (Vogels et al. 2018, section 5): noisy and denoised picture -> error of every pixel.

It sees what any denoiser was given and what it made of it, never its insides, so that it can be trained again for another
one in minutes.  The trunk runs at half resolution; the module computes its own features, so that whoever runs it has
nothing to keep in step with.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .losses import smape_map, tone_mapped_luminance
from .network import ResidualBlock

# Planes of the output.
ERROR_CHANNELS = ("SMAPE", "DSSIM")
# Planes of the input, see `error_inputs`.
INPUT_PLANES = (3, 3, 1, 3, 3)
FEATURE_PLANES = 3 + 3 + 1 + 1 + 3 + 3
# Black pixels have a relative deviation too; the same as SMAPE's.
DARK = 0.01


@dataclass(frozen=True)
class ErrorArchitecture:
    """Width and depth; saved in checkpoints."""

    channels: int = 16
    blocks: int = 6

    def as_dict(self) -> dict:
        return asdict(self)


def error_inputs(color, denoised, variance, albedo, normal) -> torch.Tensor:
    """Noisy colour 3, denoised colour 3, variance of the noisy mean 1, albedo 3, normal 3 -> [...,13,H,W].

    Light is exposed (`auto_exposure` of the noisy colour), its variance by the square of that.  Guides that the denoiser
    did not have are 0.
    """
    return torch.cat([color, denoised, variance, albedo, normal], -3)


def error_features(x: torch.Tensor) -> torch.Tensor:
    """Inputs [N,13,H,W] -> [N,14,H,W], all of the order of 1: log(1+noisy) 3, log(1+denoised) 3, SMAPE between the two 1,
    d / (1 + d) of the noise's deviation d relative to the denoised brightness 1, albedo 3, normal 3."""
    noisy, denoised, variance, albedo, normal = x.split(INPUT_PLANES, 1)
    noisy, denoised = noisy.clamp(min=0), denoised.clamp(min=0)
    deviation = variance.clamp(min=0).sqrt() / (denoised.mean(1, keepdim=True) + DARK)
    moved = smape_map(noisy, denoised).mean(1, keepdim=True)
    return torch.cat([torch.log1p(noisy), torch.log1p(denoised), moved, deviation / (1 + deviation), albedo, normal], 1)


class ErrorPredictor(nn.Module):
    """Inputs [N,13,H,W] of `error_inputs`, H and W even -> errors [N,2,H,W] in [0,1], planes as ERROR_CHANNELS.

    `scale` is set when training ends: an L1 loss finds medians, and their mean is below the mean error.
    """

    def __init__(self, architecture: ErrorArchitecture):
        super().__init__()
        self.architecture = a = architecture
        self.first = nn.Conv2d(FEATURE_PLANES, a.channels, 4, stride=2, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(a.channels) for _ in range(a.blocks)))
        self.head = nn.Conv2d(a.channels, 4 * len(ERROR_CHANNELS), 1)
        self.register_buffer("scale", torch.ones(1, len(ERROR_CHANNELS), 1, 1))
        nn.init.constant_(self.head.bias, -3.0)

    def forward(self, x):
        trunk = self.blocks(F.relu(self.first(error_features(x))))
        errors = torch.sigmoid(F.pixel_shuffle(self.head(F.relu(trunk)), 2))
        return (errors * self.scale).clamp(max=1)


def receptive_radius(a: ErrorArchitecture) -> int:
    """How far, in pixels, an error depends on the inputs: the first convolution reaches 2 px, every further 3x3 one at half
    resolution adds 2, and an error stems from the half-resolution sample that covers its pixel."""
    return 2 + 2 * 2 * a.blocks + 2


def dssim_map(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """(1 - SSIM) / 2 around every pixel of [3,H,W] pictures, [1,H,W] in [0,1], as `losses.dssim`; at the border the part
    of the window inside the picture, renormalised."""
    offset = torch.arange(-5, 6, dtype=torch.float32)
    row = torch.exp(-(offset**2) / (2 * 1.5**2))
    x, y = tone_mapped_luminance(denoised), tone_mapped_luminance(reference)

    def blur(z):
        for shape in ((1, 1, 11, 1), (1, 1, 1, 11)):
            padding = (shape[2] // 2, shape[3] // 2)
            weights = F.conv2d(torch.ones_like(z), row.view(shape), padding=padding)
            z = F.conv2d(z, row.view(shape), padding=padding) / weights
        return z

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return ((1 - ssim) / 2).clamp(0, 1)[0]


def true_errors(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """What the network learns to predict: [2,H,W] of exposed pictures [3,H,W]."""
    return torch.cat([smape_map(denoised, reference).mean(0, keepdim=True), dssim_map(denoised, reference)])


def in_units_of_file(errors: torch.Tensor, denoised: torch.Tensor, exposure: float) -> torch.Tensor:
    """Errors [2,H,W] of exposed pictures -> of the pictures as they are in the file: the 0.01 of SMAPE's denominator is not
    exposed there.  The reference is taken to be as bright as `denoised` [3,H,W], which is exposed."""
    brightness = 2 * denoised.abs()
    ratio = ((brightness + DARK) / (brightness + DARK * exposure)).mean(0, keepdim=True)
    return torch.cat([(errors[:1] * ratio).clamp(max=1), errors[1:]])
