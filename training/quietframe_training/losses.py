"""Losses and metrics. Pictures are [N,3,H,W], or [3,H,W] where no window is involved; scene-linear."""

from __future__ import annotations

import torch

SMAPE_EPSILON = 0.01

# SMAPE saturates: a pixel that is a hundred times too bright gets no gradient. The logarithm's gradient never vanishes.
FIREFLY_WEIGHT = 0.1
# Means of absolute errors forgive lost texture and mottled surfaces; what is seen of them is structure.
STRUCTURE_WEIGHT = 0.8


def smape_map(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Summands of Vogels et al. 2018, equation 2: |d-r| / (|d|+|r|+0.01), same shape as the inputs."""
    return (denoised - reference).abs() / (denoised.abs() + reference.abs() + SMAPE_EPSILON)


def smape(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Equation 2: mean over pixels and channels; gradients flow through the denominator."""
    return smape_map(denoised, reference).mean()


def log_error(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of log(0.1 + picture), negative values taken as 0."""
    return (torch.log(denoised.clamp(min=0) + 0.1) - torch.log(reference.clamp(min=0) + 0.1)).abs().mean()


def picture_loss(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """SMAPE with a share of DSSIM, and a log term that fireflies do not escape."""
    return (
        smape(denoised, reference)
        + STRUCTURE_WEIGHT * dssim(denoised, reference)
        + FIREFLY_WEIGHT * log_error(denoised, reference)
    )


def asymmetric_smape(denoised, reference, noisy, slope) -> torch.Tensor:
    """Equation 6: the loss times `slope` (lambda >= 1) where denoised and noisy lie on different sides of the reference."""
    opposite = (denoised - reference) * (reference - noisy) > 0
    return (smape_map(denoised, reference) * torch.where(opposite, slope, torch.ones_like(slope))).mean()


def relative_mse(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Mean of (d-r)^2 / (r^2 + 0.01)."""
    return ((denoised - reference).square() / (reference.square() + 0.01)).mean()


def tone_mapped_luminance(picture: torch.Tensor) -> torch.Tensor:
    """[N,3,H,W] or [3,H,W] -> [N,1,H,W] in (0,1): luminance L / (1 + L), to the power of 1/2.2.

    Its slope at 0 is infinite, so darkness ends at 1e-5.
    """
    weights = torch.tensor([0.2126, 0.7152, 0.0722], device=picture.device).view(3, 1, 1)
    luminance = (picture * weights).sum(-3, keepdim=True).clamp(min=1e-5)
    luminance = luminance if picture.dim() == 4 else luminance[None]
    return (luminance / (1 + luminance)) ** (1 / 2.2)


def dssim(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Mean (1 - SSIM) / 2 of tone-mapped luminance; 11x11 Gaussian window, sigma 1.5 (Wang et al. 2004)."""
    offset = torch.arange(-5, 6, dtype=torch.float32, device=denoised.device)
    row = torch.exp(-(offset**2) / (2 * 1.5**2))
    row = row / row.sum()
    window = (row[:, None] * row[None])[None, None]
    x, y = tone_mapped_luminance(denoised), tone_mapped_luminance(reference)

    def blur(z):
        return torch.nn.functional.conv2d(z, window)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return ((1 - ssim) / 2).mean()
