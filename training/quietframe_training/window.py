"""Windows of frames: where the points of the centre frame are in the others.

Motion [N,2,H,W] is in pixels, x right and y down: what is at (column, row) of the centre frame is at
(column + m[0], row + m[1]) in the other one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

# Slots of the neighbours in a window of seven frames.
WINDOW_OFFSETS = (-3, -2, -1, 1, 2, 3)


def coarser_motion(motion: torch.Tensor) -> torch.Tensor:
    """The motion of the next coarser level, in its pixels: half of the 2x2 mean."""
    return F.avg_pool2d(motion, 2) / 2


def gather(features: torch.Tensor, motion: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples features [N,C,H,W] bilinearly at every pixel moved by motion [N,2,H,W], borders repeated.

    Returns them and a mask [N,1,H,W], 1 where the position is between the centres of the frame's outermost pixels.
    """
    height, width = features.shape[-2:]
    x = motion[:, 0] + torch.arange(width, device=motion.device)
    y = motion[:, 1] + torch.arange(height, device=motion.device)[:, None]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], -1)
    sampled = F.grid_sample(features, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return sampled, inside[:, None].to(features.dtype)


def chain_motion(steps) -> torch.Tensor:
    """Motion over several frames from that of each to the next: list of [N,2,H,W], the centre's first -> [N,2,H,W]."""
    total = steps[0]
    for step in steps[1:]:
        total = total + gather(step, total)[0]
    return total
