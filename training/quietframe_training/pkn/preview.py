"""What the network of the preview sees of a frame, and the network: parameters of `cross_bilateral` at half resolution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .cross_bilateral import ALBEDO_EPSILON, DARKNESS, RANGES, cross_bilateral, luminance
from .network import pad_to_multiple

FEATURES = 16
# The network pools to an eighth of the resolution.
MULTIPLE = 8
# What the network starts from everywhere, as a share of the range of each parameter.
START = {"firefly": 0.5, "albedo": 0.4, "normal": 0.3, "color": 0.4, "spread": 0.2}
LOG_SCALE = 0.25
NOISE_EPSILON = 0.02
MAX_NOISE = 4.0
DEVIATION_EPSILON = 1e-6


def _deviation(mean: torch.Tensor, mean_square: torch.Tensor) -> torch.Tensor:
    variance = (mean_square - mean.square()).sum(1, keepdim=True).clamp(min=0)
    return (variance + DEVIATION_EPSILON).sqrt()


def preview_features(inputs: torch.Tensor) -> torch.Tensor:
    """Raw inputs [N,13,H,W] of ../features.py, H and W even, colour exposed -> [N,16,H/2,W/2], means of 2x2 pixels of

    ln(1 + light / darkness) / 4 of three channels; above and below it the brightest and darkest luminance; colour's standard
    error over its luminance; albedo 3, its deviation among the four pixels, its standard error; normal likewise.
    """
    color, color_variance, albedo, albedo_variance, normal, normal_variance, _ = inputs.split((3, 1, 3, 1, 3, 1, 1), 1)
    albedo = albedo.clamp(0, 1)
    light = (color / (albedo + ALBEDO_EPSILON)).clamp(min=0)
    brightness = LOG_SCALE * torch.log1p(luminance(light) / DARKNESS)
    mean_brightness = F.avg_pool2d(brightness, 2)
    noise = color_variance.sqrt() / (luminance(color).clamp(min=0) + NOISE_EPSILON)
    mean_albedo, mean_normal = F.avg_pool2d(albedo, 2), F.avg_pool2d(normal, 2)
    return torch.cat(
        [
            F.avg_pool2d(LOG_SCALE * torch.log1p(light / DARKNESS), 2),
            F.max_pool2d(brightness, 2) - mean_brightness,
            mean_brightness + F.max_pool2d(-brightness, 2),
            F.avg_pool2d(noise.clamp(max=MAX_NOISE), 2),
            mean_albedo,
            _deviation(mean_albedo, F.avg_pool2d(albedo.square(), 2)),
            F.avg_pool2d(albedo_variance, 2).sqrt(),
            mean_normal,
            _deviation(mean_normal, F.avg_pool2d(normal.square(), 2)),
            F.avg_pool2d(normal_variance, 2).sqrt(),
        ],
        1,
    )


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")


class PreviewNetwork(nn.Module):
    """Features [N,16,H/2,W/2], H and W multiples of 8 -> parameters [N,13,H/2,W/2] in their ranges. 17 525 weights."""

    def __init__(self, detail: int = 16, width: int = 24):
        super().__init__()
        self.half_resolution = _convolution(FEATURES, detail)
        self.quarter_resolution = _convolution(detail, width)
        self.eighth_resolution = _convolution(width, width)
        self.merge_quarter = _convolution(width, width)
        self.merge_half = nn.Conv2d(detail + width, width, 1)
        self.head = nn.Conv2d(width, len(RANGES), 1)
        with torch.no_grad():
            self.head.weight *= 0.3
            self.head.bias.copy_(torch.logit(torch.tensor([START[name.rstrip("123456789")] for name in RANGES])))
        low, high = torch.tensor(list(RANGES.values())).T
        self.register_buffer("low", low.view(1, -1, 1, 1), persistent=False)
        self.register_buffer("high", high.view(1, -1, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = F.relu(self.half_resolution(x))
        quarter = F.relu(self.quarter_resolution(F.avg_pool2d(half, 2)))
        eighth = F.relu(self.eighth_resolution(F.avg_pool2d(quarter, 2)))
        quarter = F.relu(self.merge_quarter(quarter + F.interpolate(eighth, scale_factor=2.0, mode="nearest")))
        # A 1x1 layer of both side by side, of which the coarser half is computed where it is coarse.
        fine, coarse = self.merge_half.weight.split((half.shape[1], quarter.shape[1]), 1)
        coarse = F.interpolate(F.conv2d(quarter, coarse), scale_factor=2.0, mode="nearest")
        merged = F.relu(F.conv2d(half, fine, self.merge_half.bias) + coarse)
        return self.low + (self.high - self.low) * torch.sigmoid(self.head(merged))


def predict(network: PreviewNetwork, inputs: torch.Tensor) -> torch.Tensor:
    """Raw inputs [N,13,H,W] of any size -> parameters [N,13,ceil(H/2),ceil(W/2)]."""
    height, width = inputs.shape[2:]
    parameters = network(preview_features(pad_to_multiple(inputs, MULTIPLE)))
    return parameters[:, :, : -(-height // 2), : -(-width // 2)]


def preview(network: PreviewNetwork, inputs: torch.Tensor) -> torch.Tensor:
    """Raw inputs [N,13,H,W] -> denoised colour [N,3,H,W]."""
    color, albedo, normal = inputs[:, :3], inputs[:, 4:7], inputs[:, 8:11]
    return cross_bilateral(color, albedo, normal, predict(network, inputs))
