"""The single-frame multi-scale denoiser (Vogels et al. 2018, figures 2 and 4), module by module.

Modules have the names of the paper and of the bundle.  Everything after the first convolution of the trunk runs at half
resolution; a full-resolution `detail` path of one convolution gives the kernels back their sharpness.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from .features import component_features, downsample_inputs
from .kernel_apply import apply_kernels, pad_border

INPUT_CHANNELS = 13


@dataclass(frozen=True)
class Architecture:
    """Widths and depths; saved in checkpoints and manifests."""

    feature_channels: int = 32
    blocks: int = 6
    context_channels: int = 8
    embedding_channels: int = 8
    kernel_size: int = 21
    levels: int = 3
    compositor_channels: int = 16
    sources: tuple[str, ...] = field(default=("cycles", "mitsuba", "generic", "color"))

    @property
    def head_channels(self) -> int:
        """Context, one bandwidth, embedding."""
        return self.context_channels + 1 + self.embedding_channels

    def as_dict(self) -> dict:
        return asdict(self)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions bypassed by a skip connection (figure 2, right)."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x):
        return x + self.second(F.relu(self.first(x)))


class SourceEncoder(nn.Module):
    """Two convolutions per render source: [N,13,H,W] -> features [N,F,H/2,W/2] and detail [N,head,H,W]."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.first = nn.Conv2d(INPUT_CHANNELS, a.feature_channels, 4, stride=2, padding=1)
        self.second = nn.Conv2d(a.feature_channels, a.feature_channels, 3, padding=1)
        self.detail = nn.Conv2d(INPUT_CHANNELS, a.head_channels, 3, padding=1)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x)))), self.detail(x)


class SpatialFeatures(nn.Sequential):
    """Residual blocks at half resolution: [N,F,H/2,W/2] -> the same shape."""

    def __init__(self, a: Architecture):
        super().__init__(*(ResidualBlock(a.feature_channels) for _ in range(a.blocks)))


class KernelPredictor(nn.Module):
    """Features and detail -> context [N,C,H,W] >= 0, bandwidth [N,1,H,W] > 0, embedding [N,E,H,W]; and the logits layer."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.split = (a.context_channels, 1, a.embedding_channels)
        self.head = nn.Conv2d(a.feature_channels, 4 * a.head_channels, 1)
        self.logits = nn.Linear(a.context_channels, a.kernel_size**2)
        radius = a.kernel_size // 2
        offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
        with torch.no_grad():  # starts as a Gaussian of 4 px, which is already a denoiser
            self.logits.weight.mul_(0.3)
            self.logits.bias.copy_(-((offset[:, None] ** 2 + offset[None] ** 2) / (2 * 4.0**2)).reshape(-1))

    def taps(self):
        """The 1x1 logits layer as [C+1,K*K], the bias last."""
        return torch.cat([self.logits.weight.t(), self.logits.bias[None]])

    def forward(self, features, detail):
        context, bandwidth, embedding = (F.pixel_shuffle(self.head(F.relu(features)), 2) + detail).split(self.split, 1)
        return F.relu(context), F.softplus(bandwidth), embedding


class ScaleCompositor(nn.Module):
    """Shallow CNN -> blend weight in (0,1) of the coarser scale for every fine pixel (figure 4, right)."""

    def __init__(self, a: Architecture):
        super().__init__()
        c = a.compositor_channels
        self.first = nn.Conv2d(15, c, 3, padding=1)
        self.second = nn.Conv2d(c, c, 3, padding=1)
        self.head = nn.Conv2d(c, 4, 1)

    def forward(self, fine, coarse):
        """fine [N,3,H,W], coarse [N,3,H/2,W/2] -> blend weight [N,1,H,W]."""
        pair = torch.cat([F.pixel_unshuffle(fine, 2), coarse], 1)
        x = torch.log1p(F.relu(pair))
        x = F.relu(self.second(F.relu(self.first(x))))
        return torch.sigmoid(F.pixel_shuffle(self.head(x), 2))


def downsample(x):
    """D: the 2x2 mean."""
    return F.avg_pool2d(x, 2)


def upsample(x):
    """U: nearest neighbour, a factor of two."""
    return x.repeat_interleave(2, -1).repeat_interleave(2, -2)


def composite(fine, coarse, blend_weight):
    """Equation 5: o = f - w U D f + w U c."""
    return fine + blend_weight * upsample(coarse - downsample(fine))


class Denoiser(nn.Module):
    """All modules of the single-frame multi-scale network."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = a = architecture
        self.source_encoder = nn.ModuleDict({source: SourceEncoder(a) for source in a.sources})
        self.spatial_features = SpatialFeatures(a)
        self.kernel_predictor = KernelPredictor(a)
        self.scale_compositor = ScaleCompositor(a)

    def single_scale(self, inputs, source_ids):
        """One level: raw inputs [N,13,H,W] (features.py) -> denoised colour [N,3,H,W]."""
        x = component_features(inputs)
        features, detail = self.encode(x, source_ids)
        context, bandwidth, embedding = self.kernel_predictor(self.spatial_features(features), detail)
        size = self.architecture.kernel_size
        colors = pad_border(inputs[:, :3], size)
        return apply_kernels(
            context.permute(0, 2, 3, 1), self.kernel_predictor.taps(), bandwidth[:, 0], pad_border(embedding, size), colors
        )

    def encode(self, x, source_ids):
        """Every example through the encoder of its own source; source_ids [N] index `architecture.sources`."""
        outputs = {}
        for index in source_ids.unique().tolist():
            which = (source_ids == index).nonzero()[:, 0]
            encoder = self.source_encoder[self.architecture.sources[index]]
            for position, pair in zip(which.tolist(), zip(*encoder(x[which]), strict=True), strict=True):
                outputs[position] = pair
        features, detail = zip(*(outputs[i] for i in range(len(x))), strict=True)
        return torch.stack(features), torch.stack(detail)

    def forward(self, inputs, source_ids):
        """inputs [N,13,H,W] with H and W multiples of 2^levels -> (composited, denoised per level, blend weights)."""
        pyramid = [inputs]
        for _ in range(self.architecture.levels - 1):
            pyramid.append(downsample_inputs(pyramid[-1]))
        denoised = [self.single_scale(level, source_ids) for level in pyramid]
        output, blend_weights = denoised[-1], []
        for fine in reversed(denoised[:-1]):
            blend_weights.append(self.scale_compositor(fine, output))
            output = composite(fine, output, blend_weights[-1])
        return output, denoised, blend_weights
