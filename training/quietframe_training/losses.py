"""Losses and metrics. Pictures are [N,3,H,W], scene-linear."""

from __future__ import annotations

import torch

SMAPE_EPSILON = 0.01


def smape_map(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Summands of Vogels et al. 2018, equation 2: |d-r| / (|d|+|r|+0.01), same shape as the inputs."""
    return (denoised - reference).abs() / (denoised.abs() + reference.abs() + SMAPE_EPSILON)


def smape(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Equation 2: mean over pixels and channels; gradients flow through the denominator."""
    return smape_map(denoised, reference).mean()


def asymmetric_smape(denoised, reference, noisy, slope) -> torch.Tensor:
    """Equation 6: the loss times `slope` (lambda >= 1) where denoised and noisy lie on different sides of the reference."""
    opposite = (denoised - reference) * (reference - noisy) > 0
    return (smape_map(denoised, reference) * torch.where(opposite, slope, torch.ones_like(slope))).mean()


def relative_mse(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Mean of (d-r)^2 / (r^2 + 0.01)."""
    return ((denoised - reference).square() / (reference.square() + 0.01)).mean()
