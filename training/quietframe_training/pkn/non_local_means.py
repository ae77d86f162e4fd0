"""Non-local means with a signal sigma for every pixel; the bilateral filter is its case of 1x1 patches."""

from __future__ import annotations

import torch
import torch.nn.functional as F

WINDOW_RADIUS = 2
SPATIAL_SIGMA = 2.0
# Added to twice the squared multiplier, so that a multiplier of 0 is the identity rather than 0/0.
MULTIPLIER_EPSILON = 1e-12


def taps(radius: int) -> list[tuple[int, int]]:
    """(dy, dx) of a square window, row by row, without its centre."""
    span = range(-radius, radius + 1)
    return [(dy, dx) for dy in span for dx in span if (dy, dx) != (0, 0)]


class _NonLocalMeans(torch.autograd.Function):
    """The filter tap by tap, which keeps everything in a processor's cache, with its derivative by the multiplier m.

    With D the distance of a tap in units of the noise variance and E[.] the mean under the weights,
    dY/dm = 4 m / (2 m^2 + epsilon)^2 (E[x D] - E[x] E[D]).
    """

    @staticmethod
    def forward(ctx, x, multiplier, noise_sigma, patch, spatial_sigma):
        height, width = x.shape[2:]
        reach = patch // 2
        border = WINDOW_RADIUS + reach
        padded = F.pad(x, (border,) * 4, mode="replicate")
        rows, columns = height + 2 * reach, width + 2 * reach
        center = padded[:, :, WINDOW_RADIUS : WINDOW_RADIUS + rows, WINDOW_RADIUS : WINDOW_RADIUS + columns]
        falloff = -1 / (2 * multiplier**2 + MULTIPLIER_EPSILON)
        precision = 1 / noise_sigma**2
        total, mean, distance_mean, product_mean = torch.ones_like(x), x.clone(), torch.zeros_like(x), torch.zeros_like(x)
        for dy, dx in taps(WINDOW_RADIUS):
            top, left = WINDOW_RADIUS + dy, WINDOW_RADIUS + dx
            distance = (padded[:, :, top : top + rows, left : left + columns] - center).square_()
            if patch > 1:
                distance = F.avg_pool2d(distance, patch, 1)
            distance = distance.mul_(precision)
            weight = (distance * falloff).sub_((dy * dy + dx * dx) / (2 * spatial_sigma**2)).exp_()
            neighbor = padded[:, :, border + dy : border + dy + height, border + dx : border + dx + width]
            total += weight
            mean.addcmul_(weight, neighbor)
            weight.mul_(distance)
            distance_mean += weight
            product_mean.addcmul_(weight, neighbor)
        mean /= total
        covariance = product_mean.sub_(mean * distance_mean).div_(total)
        ctx.save_for_backward(4 * multiplier * falloff**2 * covariance)
        return mean

    @staticmethod
    def backward(ctx, gradient):
        (derivative,) = ctx.saved_tensors
        return None, (gradient * derivative), None, None, None


def non_local_means(x, multiplier, noise_sigma, patch: int = 3, spatial_sigma: float = SPATIAL_SIGMA) -> torch.Tensor:
    """Equations 1 to 3 on [N,1,H,W], with a 5x5 window; differentiable by the multiplier [N,1,H,W].

    The centre has weight 1, neighbour q of p exp(-|p-q|^2 / (2 spatial^2)) exp(-d_pq / (2 signal_p^2)): d is the mean squared
    difference of the patches around p and q, signal_p the multiplier at p times noise_sigma [N,1,1,1].  Beyond the border of
    the picture its border pixels repeat.
    """
    return _NonLocalMeans.apply(x, multiplier, noise_sigma, patch, spatial_sigma)


def bilateral(x, multiplier, noise_sigma, spatial_sigma: float = SPATIAL_SIGMA) -> torch.Tensor:
    """Non-local means with patches of one pixel."""
    return non_local_means(x, multiplier, noise_sigma, 1, spatial_sigma)
