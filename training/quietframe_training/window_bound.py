"""A joined window is never far brighter than its frames say: one of them alone makes no firefly."""

from __future__ import annotations

import torch

SLACK = 2.0  # times the second brightest of the frames, which their edges and their noise need


def bounded(joined, center, neighbors, lambda_: float = 1.0):
    """The joined light [N,3,H,W], where it is brighter than the bound scaled down to it.

    The bound is the centre's single-frame result, or twice the second brightest of all frames, the centre among them,
    times lambda: `center` [N,3,H,W] and `neighbors`, (light [N,3,H,W], motion [N,2,H,W]) each, of the finest level.
    Lights that stand still or follow the motion are in two frames; one that only the centre has is in its own result.
    What one other frame has alone is a sample that hit a lamp by chance, or a lamp that has moved on.
    """
    values = [center.sum(1, keepdim=True)]
    values += [nearest(light.sum(1, keepdim=True), motion) for light, motion in neighbors]
    if len(values) == 1:
        return joined
    second = torch.stack(values).topk(2, 0).values[1]
    bound = lambda_ * torch.maximum(values[0], SLACK * second)
    total = joined.sum(1, keepdim=True)
    return joined * torch.where(total > bound, bound / total.clamp(min=1e-30), 1.0)


def nearest(plane, motion):
    """The pixel [N,1,H,W] nearest to where motion leads; 0 where that is not in the frame."""
    n, _, height, width = plane.shape
    x = torch.floor(motion[:, :1] + 0.5) + torch.arange(width, device=motion.device)
    y = torch.floor(motion[:, 1:] + 0.5) + torch.arange(height, device=motion.device)[:, None]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    index = torch.where(inside, y * width + x, 0).long()
    return torch.where(inside, plane.reshape(n, -1).gather(1, index.reshape(n, -1)).reshape(plane.shape), 0.0)
