"""Anisotropic Gaussian kernels at the pixels (denoising) or anywhere between them (upsampling by any factor)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from .network import at_positions, positions
from .polynomial import gaussian_blur

DENOISE_RADIUS = 4
UPSAMPLE_RADIUS = 3
# Bounds that keep the covariance invertible; a Gaussian of sigma 0.1 has no weight but at its centre.
MIN_SIGMA = 0.1
MAX_CORRELATION = 0.99
# Of the blur whose difference to the picture sharpens it; its window is 7x7.
SHARPENING_SIGMA = 0.7


def precision_matrix(parameters: torch.Tensor) -> torch.Tensor:
    """[N,3,h,w] of sigma1 (along x), sigma2 (along y), rho, or [N,1,h,w] of one sigma -> [N,3,h,w] of xx, xy, yy.

    The inverse of equation 12, with sigmas in pixels.
    """
    if parameters.shape[1] == 1:
        parameters = torch.cat([parameters, parameters, torch.zeros_like(parameters)], 1)
    sigma1, sigma2, rho = parameters.split(1, 1)
    sigma1, sigma2 = sigma1.clamp(min=MIN_SIGMA), sigma2.clamp(min=MIN_SIGMA)
    rho = rho.clamp(-MAX_CORRELATION, MAX_CORRELATION)
    scale = 1 / (1 - rho**2)
    return torch.cat([scale / sigma1**2, -rho * scale / (sigma1 * sigma2), scale / sigma2**2], 1)


class _GaussianRbf(torch.autograd.Function):
    """Tap by tap, with its derivative by the precision: dY/dP_k = -1/2 (E[x k] - E[x] E[k]), k = dx^2, 2 dx dy, dy^2."""

    @staticmethod
    def forward(ctx, x, precision, rows, columns, radius):
        y0, x0 = (rows + 0.5).floor(), (columns + 0.5).floor()
        fy, fx = (y0 - rows).view(-1, 1), (x0 - columns).view(1, -1)
        padded = F.pad(x, (radius,) * 4, mode="replicate")
        y_index, x_index = y0.long(), x0.long()
        xx, xy, yy = precision.split(1, 1)
        span = range(-radius, radius + 1)

        def exponent(dy, dx):
            return (xx * (fx + dx) ** 2 + 2 * xy * ((fx + dx) * (fy + dy)) + yy * (fy + dy) ** 2).mul_(-0.5)

        largest = torch.full_like(xx, -math.inf)
        if bool(fy.any()) or bool(fx.any()):
            for dy in span:
                for dx in span:
                    largest = torch.maximum(largest, exponent(dy, dx))
        else:
            largest = torch.zeros_like(xx)
        total, mean = torch.zeros_like(xx), 0
        k_means, kx_means = [torch.zeros_like(xx) for _ in range(3)], [0, 0, 0]
        for dy in span:
            taken = padded.index_select(2, (y_index + dy + radius).clamp(0, padded.shape[2] - 1))
            for dx in span:
                neighbor = taken.index_select(3, (x_index + dx + radius).clamp(0, padded.shape[3] - 1))
                weight = exponent(dy, dx).sub_(largest).exp_()
                weighted = weight * neighbor
                total += weight
                mean = mean + weighted
                for i, k in enumerate(((fx + dx) ** 2, 2 * (fx + dx) * (fy + dy), (fy + dy) ** 2)):
                    k_means[i].addcmul_(weight, k.expand_as(weight))
                    kx_means[i] = kx_means[i] + weighted * k
        mean /= total
        scale = -0.5 / total
        ctx.save_for_backward(*((kx - mean * k) * scale for kx, k in zip(kx_means, k_means, strict=True)))
        return mean

    @staticmethod
    def backward(ctx, gradient):
        parts = [(gradient * derivative).sum(1, keepdim=True) for derivative in ctx.saved_tensors]
        return None, torch.cat(parts, 1), None, None, None


def gaussian_rbf(x, parameters, factor: float = 1.0, size=None, radius: int | None = None) -> torch.Tensor:
    """[N,C,H,W] magnified by `factor` to `size`; differentiable by the parameters, which lie at half the resolution of x.

    Output pixel X lies at (X + 1/2) / factor - 1/2 of the input.  It is the mean of the (2 radius + 1)^2 input pixels around
    it under exp(-1/2 d^T P d) (equation 11); the precision matrix P is interpolated bilinearly.
    """
    height, width = size or (round(x.shape[2] * factor), round(x.shape[3] * factor))
    rows, columns = positions(height, factor), positions(width, factor)
    precision = at_positions(precision_matrix(parameters), (rows - 0.5) / 2, (columns - 0.5) / 2)
    radius = radius or (DENOISE_RADIUS if factor == 1 else UPSAMPLE_RADIUS)
    return _GaussianRbf.apply(x, precision, rows, columns, radius)


def sharpened_rbf(x, parameters, factor: float = 1.0, size=None) -> torch.Tensor:
    """`gaussian_rbf` of x + sharpness (x - blur(x)), an unsharp mask: Gaussian weights alone cannot sharpen.

    parameters [N,4,h,w]: the three of the Gaussians, and the sharpness, which is interpolated bilinearly at the new pixels.
    Sharpening leaves the range of the 3x3 input pixels around no further than the Gaussians do, so that edges get no halo.
    """
    shapes, sharpness = parameters[:, :3], parameters[:, 3:]
    detail = x - gaussian_blur(x, SHARPENING_SIGMA)
    smooth, detail = gaussian_rbf(torch.cat([x, detail], 1), shapes, factor, size, UPSAMPLE_RADIUS).split(1, 1)
    height, width = smooth.shape[2:]
    rows, columns = positions(height, factor), positions(width, factor)
    amount = at_positions(sharpness, (rows - 0.5) / 2, (columns - 0.5) / 2)
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")

    def nearest(values):
        return values.index_select(2, (rows + 0.5).floor().long()).index_select(3, (columns + 0.5).floor().long())

    high, low = nearest(F.max_pool2d(padded, 3, 1)), nearest(-F.max_pool2d(-padded, 3, 1))
    return torch.minimum(torch.maximum(smooth + amount * detail, torch.minimum(low, smooth)), torch.maximum(high, smooth))
