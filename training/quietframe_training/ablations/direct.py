"""Direct prediction (Vogels et al. 2018, section 8): the same network with colors instead of kernels at its end."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..network import Architecture, Denoiser


class DirectDenoiser(Denoiser):
    """Encoder, trunk, scales and compositor as `Denoiser`; the last layer predicts log(1 + color) of every pixel."""

    def __init__(self, architecture: Architecture):
        super().__init__(architecture)
        self.color_head = nn.Conv2d(architecture.feature_channels, 4 * 3, 1)

    def single_scale(self, level, log_lambda=None):
        """One level of one frame -> (denoised color [N,3,H,W] >= 0, albedo gate 0)."""
        predicted = F.pixel_shuffle(self.color_head(level.features.spatial), 2) + level.features.kernel_detail[:, :3]
        return torch.expm1(F.softplus(predicted)), torch.zeros_like(level.flag)
