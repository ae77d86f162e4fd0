"""What can be predicted: the parameters of each filter, the degraded pictures it is trained on, and the filter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .gaussian import gaussian_rbf, sharpened_rbf
from .network import ParameterNetwork, to_full_resolution
from .non_local_means import bilateral, non_local_means
from .photographs import CropSampler
from .polynomial import gaussian_blur, polynomial_deblur

# The networks see a picture in units of eight times the standard deviation of its noise.
INPUT_SCALE = 0.125
MULTIPLIER, SIGMA, CORRELATION, COEFFICIENT, SHARPNESS = (0.0, 4.0), (0.0, 4.0), (-1.0, 1.0), (-4.0, 4.0), (0.0, 4.0)
# Errors below 60 dB are not worth more.
ERROR_FLOOR = 1e-6


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


def log_error(error: torch.Tensor) -> torch.Tensor:
    """Logarithm of the mean squared error of a batch, of which PSNR is a multiple.

    The crops of a batch share noise and contrast and stand for one picture: as in a picture, edges and texture weigh more
    than smooth crops, and a decibel counts the same at every level of noise.
    """
    return (error.square().mean() + ERROR_FLOOR).log()


def _denoising(apply):
    """White Gaussian noise with a sigma uniform in [0.05, 0.1] as in the paper; contrast stands in for other levels."""

    def loss(network, sampler, count, size):
        clean = sampler.batch(count, size)
        noise_sigma = (0.05 + 0.05 * torch.rand(1, 1, 1, 1)).expand(count, 1, 1, 1)
        noisy = clean + noise_sigma * torch.randn_like(clean)
        denoised = apply(noisy, network(network_input(noisy, noise_sigma)), noise_sigma)
        return log_error((denoised - clean) / noise_sigma)

    return loss


def _log_uniform(low: float, high: float) -> torch.Tensor:
    return torch.exp(torch.empty(1, 1, 1, 1).uniform_(math.log(low), math.log(high)))


def _deblurring(network, sampler, count, size):
    """A Gaussian blur of 0.5 to 2 px, and noise of 0.004 to 0.04."""
    clean = sampler.batch(count, size + 16)
    blur_sigma = float(torch.empty(()).uniform_(0.5, 2.0))
    noise_sigma = _log_uniform(0.004, 0.04).expand(count, 1, 1, 1)
    blurred = gaussian_blur(clean, blur_sigma)[:, :, 8:-8, 8:-8]
    clean = clean[:, :, 8:-8, 8:-8]
    noisy = blurred + noise_sigma * torch.randn_like(blurred)
    parameters = network(torch.cat([network_input(noisy, noise_sigma), torch.full_like(noisy, blur_sigma)], 1))
    sharpened = polynomial_deblur(noisy, to_full_resolution(parameters, *noisy.shape[2:]), blur_sigma)
    return log_error(sharpened - clean)


FACTORS = (1.3, 1.8, 2.0, 3.0)
# Renders are means over the area of a pixel; photographs were resized in other ways.
SHRINKING = ("area", "bilinear", "bicubic")


def _upsampling(network, sampler, count, size):
    """Half of the batches have noise of 0.004 to 0.1; the others have none, and an estimate that takes texture for noise."""
    factor = FACTORS[int(torch.randint(len(FACTORS), ()))]
    low = 40  # whole pixels at every factor
    clean = sampler.batch(count, round(low * factor))
    noisy = bool(torch.rand(()) < 0.5)
    noise_sigma = (_log_uniform(0.004, 0.1) if noisy else _log_uniform(0.002, 0.03)).expand(count, 1, 1, 1)
    shrinking = SHRINKING[int(torch.randint(len(SHRINKING), ()))]
    antialias = {} if shrinking == "area" else {"antialias": True, "align_corners": False}
    small = F.interpolate(clean, (low, low), mode=shrinking, **antialias)
    small = small + noisy * noise_sigma * torch.randn_like(small)
    magnified = sharpened_rbf(small, network(network_input(small, noise_sigma)), factor, clean.shape[2:])
    return log_error(magnified - clean)


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
    "rbf_upsample": Head({"sigma1": SIGMA, "sigma2": SIGMA, "rho": CORRELATION, "sharpness": SHARPNESS}, _upsampling),
}
