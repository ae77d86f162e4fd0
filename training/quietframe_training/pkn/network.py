"""The network of figure 4: a few 3x3 convolutions with pooling, then a 1x1 head with one channel a parameter."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")


class ParameterNetwork(nn.Module):
    """[N,inputs,H,W], H and W multiples of 4 -> parameters [N,len(ranges),H/2,W/2], each within its (low, high) range.

    Averages of rectified filters are local energies, which is what tells noise from texture, hence average pooling.
    """

    def __init__(self, inputs: int, ranges: list[tuple[float, float]], detail: int = 16, width: int = 24):
        super().__init__()
        self.full_resolution = _convolution(inputs, detail)
        self.half_resolution = _convolution(detail, width)
        self.quarter_resolution = nn.ModuleList([_convolution(width, width), _convolution(width, width)])
        self.merge = _convolution(width, width)
        self.head = nn.Conv2d(width, len(ranges), 1)
        low, high = torch.tensor(ranges).T
        self.register_buffer("low", low.view(1, -1, 1, 1), persistent=False)
        self.register_buffer("high", high.view(1, -1, 1, 1), persistent=False)

    @torch.no_grad()
    def project(self):
        """Makes the filters of the first layer sum to 0 over the picture: only differences tell noise from texture."""
        weight = self.full_resolution.weight
        weight[:, :1] -= weight[:, :1].mean((2, 3), keepdim=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = F.relu(self.half_resolution(F.avg_pool2d(F.relu(self.full_resolution(x)), 2)))
        quarter = F.avg_pool2d(half, 2)
        for layer in self.quarter_resolution:
            quarter = F.relu(layer(quarter))
        merged = F.relu(self.merge(half + F.interpolate(quarter, scale_factor=2.0, mode="nearest")))
        return self.low + (self.high - self.low) * torch.sigmoid(self.head(merged))


def pad_to_multiple(x: torch.Tensor, multiple: int = 4) -> torch.Tensor:
    """Repeats the border on the right and at the bottom."""
    height, width = x.shape[2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def positions(count: int, factor: float = 1.0) -> torch.Tensor:
    """Where the pixels of a picture magnified by `factor` lie in the original, pixel 0 at 0."""
    return (torch.arange(count) + 0.5) / factor - 0.5


def at_positions(parameters: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Bilinear values of [N,C,h,w] at the grid of rows x columns; beyond the border its values repeat."""

    def along(values, where, axis):
        last = values.shape[axis] - 1
        where = where.clamp(0, last)
        low = where.floor().long()
        weight = (where - low).view(-1, 1) if axis == 2 else where - low
        a, b = values.index_select(axis, low), values.index_select(axis, (low + 1).clamp(max=last))
        return a + weight * (b - a)

    return along(along(parameters, rows, 2), columns, 3)


def to_full_resolution(parameters: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Half-resolution parameters at every pixel: pixel x lies at (x + 1/2) / 2 - 1/2 among them."""
    return at_positions(parameters, positions(height, 2.0), positions(width, 2.0))
