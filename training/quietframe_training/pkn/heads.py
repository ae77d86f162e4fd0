"""What can be predicted: the parameters of each filter, the degraded pictures it is trained on, and the filter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .gaussian import gaussian_rbf
from .network import ParameterNetwork, to_full_resolution
from .non_local_means import bilateral, non_local_means
from .photographs import CropSampler
from .polynomial import gaussian_blur, polynomial_deblur

# The networks see a picture in units of eight times the standard deviation of its noise.
INPUT_SCALE = 0.125
MULTIPLIER, SIGMA, CORRELATION, COEFFICIENT = (0.0, 4.0), (0.0, 4.0), (-1.0, 1.0), (-4.0, 4.0)
# Errors below a fiftieth of the range of a picture are not worth more.
ERROR_FLOOR = 0.02


@dataclass(frozen=True)
class Head:
    """Names and ranges of the parameters, channels of input, and the loss of a network on a random batch."""

    parameters: dict[str, tuple[float, float]]
    loss: Callable[[ParameterNetwork, CropSampler, int, int], torch.Tensor]
    channels: int = 1

    def network(self) -> ParameterNetwork:
        return ParameterNetwork(self.channels, list(self.parameters.values()))


def network_input(noisy: torch.Tensor, noise_sigma: torch.Tensor) -> torch.Tensor:
    """The picture in units of its noise: all that the best parameters depend on."""
    return INPUT_SCALE * noisy / noise_sigma


def mean_log_error(error: torch.Tensor) -> torch.Tensor:
    """Mean over crops of the logarithm of the mean squared error: the quantity whose mean over pictures PSNR is.

    A decibel counts the same in smooth and in textured crops; with the plain mean, textured ones outweigh the others.
    """
    return (error.square().mean((1, 2, 3)) + 1e-4).log().mean()


def _denoising(apply):
    """White Gaussian noise with a sigma uniform in [0.05, 0.1] as in the paper."""

    def loss(network, sampler, count, size):
        clean = sampler.batch(count, size)
        noise_sigma = 0.05 + 0.05 * torch.rand(count, 1, 1, 1)
        noisy = clean + noise_sigma * torch.randn_like(clean)
        denoised = apply(noisy, network(network_input(noisy, noise_sigma)), noise_sigma)
        return mean_log_error((denoised - clean) / noise_sigma)

    return loss


def _log_uniform(count: int, low: float, high: float) -> torch.Tensor:
    return torch.exp(torch.empty(count, 1, 1, 1).uniform_(math.log(low), math.log(high)))


def _deblurring(network, sampler, count, size):
    """One Gaussian blur of 0.5 to 2 px for the batch, and noise of 0.004 to 0.04."""
    clean = sampler.batch(count, size + 16)
    blur_sigma = float(torch.empty(()).uniform_(0.5, 2.0))
    noise_sigma = _log_uniform(count, 0.004, 0.04)
    blurred = gaussian_blur(clean, blur_sigma)[:, :, 8:-8, 8:-8]
    clean = clean[:, :, 8:-8, 8:-8]
    noisy = blurred + noise_sigma * torch.randn_like(blurred)
    parameters = network(torch.cat([network_input(noisy, noise_sigma), torch.full_like(noisy, blur_sigma)], 1))
    sharpened = polynomial_deblur(noisy, to_full_resolution(parameters, *noisy.shape[2:]), blur_sigma)
    return ((sharpened - clean) / (noise_sigma + ERROR_FLOOR)).square().mean()


FACTORS = (1.3, 1.8, 2.0, 3.0)


def _upsampling(network, sampler, count, size):
    """One factor for the batch, and noise of 0.004 to 0.1."""
    factor = FACTORS[int(torch.randint(len(FACTORS), ()))]
    low = 40  # whole pixels at every factor
    clean = sampler.batch(count, round(low * factor))
    noise_sigma = _log_uniform(count, 0.004, 0.1)
    small = F.interpolate(clean, (low, low), mode="bilinear", antialias=True, align_corners=False)
    noisy = small + noise_sigma * torch.randn_like(small)
    magnified = gaussian_rbf(noisy, network(network_input(noisy, noise_sigma)), factor, clean.shape[2:])
    return ((magnified - clean) / (noise_sigma + ERROR_FLOOR)).square().mean()


def _multiplied(denoise):
    return lambda x, parameters, sigma: denoise(x, to_full_resolution(parameters, *x.shape[2:]), sigma)


def _gaussian(x, parameters, _):
    return gaussian_rbf(x, parameters)


HEADS = {
    "non_local_means": Head({"multiplier": MULTIPLIER}, _denoising(_multiplied(non_local_means))),
    "bilateral": Head({"multiplier": MULTIPLIER}, _denoising(_multiplied(bilateral))),
    "isotropic_gaussian": Head({"sigma": SIGMA}, _denoising(_gaussian)),
    "anisotropic_gaussian": Head({"sigma1": SIGMA, "sigma2": SIGMA, "rho": CORRELATION}, _denoising(_gaussian)),
    "polynomial_deblur": Head({"b": COEFFICIENT, "c": COEFFICIENT, "d": COEFFICIENT}, _deblurring, channels=2),
    "rbf_upsample": Head({"sigma1": SIGMA, "sigma2": SIGMA, "rho": CORRELATION}, _upsampling),
}
