"""Windows as in Vogels et al. 2018, figure 3: one 21x21 kernel per noisy frame, and one softmax for all frames.

The shipped network factors these kernels (docs/training.md): first each frame's own 21x21 kernels, then 3x3 taps along motion.
A network whose `Architecture.neighbor_kernel_size` is its `kernel_size` works on the noisy frames instead. At run time the same
choice in the manifest selects `src/kpcn/joint-kernels.ts`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .kernel_apply import repositioned
from .network import Architecture, Denoiser, remodulate
from .window import WINDOW_OFFSETS


def joint_sums(context, taps, bandwidth, weight, embedding, other_embedding, picture, motion):
    """Sums over the kernels of the center's pixels in another frame, before any division.

    The logit of tap q for the pixel p whose content is at p + m in the other frame, relative to the center's own tap:

        z_pq = b_(q-p-m) + W_(q-p-m) . context_p - bandwidth_p |embedding_p - embedding_q|^2 + weight_p - b_0 - W_0 . context_p

    context [N,C,H,W], taps [C+1,K*K] (the bias last), bandwidth >= 0 and weight [N,1,H,W], embeddings [N,E,H,W], picture
    [N,P,H,W] of the other frame, motion [N,2,H,W] in pixels, rounded to whole ones. Returns sum exp(z) picture [N,P,H,W] and
    sum exp(z) [N,1,H,W]; 0 where p + m lies outside of the frame.
    """
    count, planes, height, width = embedding.shape
    size = round(taps.shape[1] ** 0.5)
    radius = size // 2
    rows, columns, _, inside = repositioned(motion)
    pixels = torch.cat([other_embedding, picture], 1).detach().permute(0, 2, 3, 1).flatten(0, 2)
    center = embedding.detach().permute(0, 2, 3, 1).unsqueeze(-2)
    relative = taps - taps[:, taps.shape[1] // 2 :][:, :1]
    positional = context.permute(0, 2, 3, 1) @ relative[:-1] + relative[-1] + weight.permute(0, 2, 3, 1)
    scale = bandwidth.permute(0, 2, 3, 1)
    first = torch.arange(count, device=motion.device).view(-1, 1, 1) * height
    across = (columns.unsqueeze(-1) + torch.arange(-radius, radius + 1, device=motion.device)).clamp(0, width - 1)
    total, norm = 0, 0
    for dy in range(size):
        at = ((first + (rows + dy - radius).clamp(0, height - 1)) * width).unsqueeze(-1) + across
        tap = pixels.index_select(0, at.flatten()).view(*at.shape, -1)
        distance = (tap[..., :planes] - center).square().sum(-1)
        z = positional[..., dy * size : (dy + 1) * size] - scale * distance
        w = torch.exp(z) * inside.unsqueeze(-1)
        total = total + (w.unsqueeze(-1) * tap[..., planes:]).sum(-2)
        norm = norm + w.sum(-1, keepdim=True)
    return total.permute(0, 3, 1, 2), norm.permute(0, 3, 1, 2)


def is_joint(a: Architecture) -> bool:
    """Whether the kernels in the other frames are as large as those of single frames, and work on noisy frames."""
    return a.neighbor_kernel_size == a.kernel_size


def denoiser_of(a: Architecture) -> Denoiser:
    """The network of an architecture, with random weights."""
    return JointDenoiser(a) if is_joint(a) else Denoiser(a)


class JointPredictor(nn.Module):
    """For each slot, the center last, what differs from the center's single-frame kernel: context, bandwidth, weight."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.channels = a.context_channels + 2
        self.head = nn.Conv2d(a.feature_channels, 4 * (len(WINDOW_OFFSETS) + 1) * self.channels, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, temporal):
        """temporal [N,F,h,w] -> per slot [N,C+2,H,W]."""
        return F.pixel_shuffle(self.head(temporal), 2).split(self.channels, 1)


class JointDenoiser(Denoiser):
    """`Denoiser` with the paper's temporal kernels; the modules of single frames are the same."""

    def __init__(self, architecture: Architecture):
        super().__init__(architecture)
        if not is_joint(architecture):
            size = architecture.kernel_size
            raise ValueError(f"Expected a neighbor_kernel_size of {size} but received {architecture.neighbor_kernel_size}")
        self.neighbor_predictor = JointPredictor(architecture)

    def windowed_scale(self, center, neighbors, log_lambda=None):
        """One level of a window -> denoised color of its center [N,3,H,W]; starts as the center's kernel on every frame."""
        context_channels = self.architecture.context_channels
        temporal = self.specialized(
            self.temporal_features(center.features.spatial, self.differences(center, neighbors)), log_lambda
        )
        base = F.pixel_shuffle(self.kernel_predictor.head(temporal), 2) + center.features.kernel_detail
        changes = self.neighbor_predictor(temporal)
        embedding, still = center.features.embedding, torch.zeros_like(base[:, :2])
        frames = [(len(WINDOW_OFFSETS), embedding, center.picture, still, None)]
        frames += [(n.slot, n.features.embedding, n.picture, n.motion, n.present) for n in neighbors]
        total, norm = 0, 0
        for slot, other, picture, motion, present in frames:
            context, bandwidth, weight = changes[slot].split((context_channels, 1, 1), 1)
            sums, weights = joint_sums(
                F.relu(base[:, :context_channels] + context), self.kernel_predictor.taps(),
                F.softplus(base[:, context_channels : context_channels + 1] + bandwidth),
                weight.clamp(max=4), embedding, other, picture, motion,
            )  # fmt: skip
            here = 1 if present is None else present.view(-1, 1, 1, 1)
            total, norm = total + here * sums, norm + here * weights
        joined = total / norm
        return remodulate(joined[:, :3], joined[:, 3:], center.picture[:, 3:], center.albedo_gate)
