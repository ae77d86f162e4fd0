"""The filter of the preview: an edge-avoiding a-trous cross-bilateral filter with parameters for every pixel.

Light is divided by the albedo, a sample that is far brighter than its neighbours is limited, and passes of nine taps at
growing distances average it (Dammertz et al. 2010).  A tap counts the less, the more its albedo, its normal and the logarithm
of its light differ from those of the pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..compiled_extension import compiled_extension
from .network import to_full_resolution

# Distance of the taps of every pass in pixels; the last pass mends the grid that those before leave.
DILATIONS = (1, 2, 4, 8, 1)
# Name -> (least, most), in the order of the channels of a map.
RANGES: dict[str, tuple[float, float]] = {
    "firefly": (1.0, 17.0),
    "albedo": (0.0, 16.0),
    "normal": (0.0, 8.0),
    **{f"color{i + 1}": (0.0, 8.0) for i in range(len(DILATIONS))},
    **{f"spread{i + 1}": (0.0, 4.0) for i in range(len(DILATIONS))},
}
# Added to the albedo before light is divided by it.
ALBEDO_EPSILON = 0.05
# Light below this counts as dark, and its noise as no difference.
DARKNESS = 0.05
LUMINANCE = (0.2126, 0.7152, 0.0722)
NEIGHBORS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def luminance(light: torch.Tensor) -> torch.Tensor:
    """[N,3,H,W] -> [N,1,H,W]."""
    red, green, blue = light.split(1, 1)
    return LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue


def log_light(light: torch.Tensor) -> torch.Tensor:
    """ln(1 + L / darkness) of the mean luminance L of 3x3 pixels: one noisy sample makes no edge. Border pixels repeat."""
    smooth = F.avg_pool2d(F.pad(luminance(light), (1,) * 4, mode="replicate"), 3, 1)
    return torch.log1p(smooth.clamp(min=0) / DARKNESS)


def shifted(x: torch.Tensor, distance: int) -> list[torch.Tensor]:
    """What the eight neighbours at a distance see; beyond the border of the picture its border pixels repeat."""
    height, width = x.shape[2:]
    padded = F.pad(x, (distance,) * 4, mode="replicate")
    corner = [(distance * (1 + dy), distance * (1 + dx)) for dy, dx in NEIGHBORS]
    return [padded[:, :, top : top + height, left : left + width] for top, left in corner]


def limit_fireflies(light: torch.Tensor, firefly: torch.Tensor) -> torch.Tensor:
    """Scales pixels whose luminance is above `firefly` times the mean of their eight neighbours' down to it."""
    own = luminance(light)
    limit = firefly * (torch.stack(shifted(own, 1)).mean(0).clamp(min=0) + 0.01)
    return light * torch.where(own > limit, limit / own.clamp(min=1e-6), 1.0)


def average_reference(light, guide, surface, parameters, distance: int) -> torch.Tensor:
    """`average` in plain PyTorch: the definition, and the path where there is no compiler."""
    albedo, normal = surface.split(3, 1)
    color_precision, albedo_precision, normal_precision, spread = parameters.split(1, 1)
    total, mean = torch.ones_like(guide), light
    taps = (shifted(picture, distance) for picture in (guide, light, albedo, normal))
    for g, x, a, n in zip(*taps, strict=True):
        exponent = color_precision * (g - guide).square()
        exponent = exponent + albedo_precision * (a - albedo).square().sum(1, keepdim=True)
        exponent = exponent + normal_precision * (n - normal).square().sum(1, keepdim=True)
        weight = spread * torch.exp(-exponent)
        total = total + weight
        mean = mean + weight * x
    return mean / total


def _compiled():
    return compiled_extension("cross_bilateral")


class _CompiledAverage(torch.autograd.Function):
    @staticmethod
    def forward(ctx, light, guide, surface, parameters, distance):
        light, guide, surface, parameters = (t.contiguous() for t in (light, guide, surface, parameters))
        mean, total = _compiled().forward(light, guide, surface, parameters, distance)
        ctx.save_for_backward(mean, total, light, guide, surface, parameters)
        ctx.distance = distance
        return mean

    @staticmethod
    def backward(ctx, gradient):
        of_light, of_guide, of_parameters = _compiled().backward(gradient, *ctx.saved_tensors, ctx.distance)
        return of_light, of_guide, None, of_parameters, None


def average(light, guide, surface, parameters, distance: int) -> torch.Tensor:
    """One pass: the mean of a pixel with weight 1 and eight neighbours with spread exp(-sum_g precision_g |difference_g|^2).

    Light [N,3,H,W]; guide [N,1,H,W] for the colour, surface [N,6,H,W] albedo and normal; parameters [N,4,H,W] the three
    precisions and the spread. Differentiable by light, guide and parameters.
    """
    if _compiled() is None:
        return average_reference(light, guide, surface, parameters, distance)
    padded = (F.pad(picture, (distance,) * 4, mode="replicate") for picture in (light, guide, surface))
    return _CompiledAverage.apply(*padded, parameters, distance)


def cross_bilateral(color: torch.Tensor, albedo: torch.Tensor, normal: torch.Tensor, parameters: torch.Tensor) -> torch.Tensor:
    """Filters colour [N,3,H,W] with albedo and normal [N,3,H,W] under parameters [N,13,ceil(H/2),ceil(W/2)] (`RANGES`).

    Colour is multiplied by the exposure.  Missing albedo or normals are 0.
    """
    full = dict(zip(RANGES, to_full_resolution(parameters, *color.shape[2:]).split(1, 1), strict=True))
    albedo = albedo.clamp(0, 1)
    base = albedo + ALBEDO_EPSILON
    surface = torch.cat([albedo, normal], 1)
    light = limit_fireflies(color / base, full["firefly"])
    for i, distance in enumerate(DILATIONS):
        precisions = torch.cat([full[name] for name in (f"color{i + 1}", "albedo", "normal")], 1).square()
        light = average(light, log_light(light), surface, torch.cat([precisions, full[f"spread{i + 1}"]], 1), distance)
    return light * base
