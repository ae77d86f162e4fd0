"""Kernel prediction: logits, softmax and application (Vogels et al. 2018, equations 3 and 4).

The logit of tap q in the K x K neighbourhood of pixel p is the sum of a positional and an affinity term:

    z_pq = b_(q-p) + W_(q-p) . context_p  -  bandwidth_p * |embedding_p - embedding_q|^2

The positional term alone is a network's last 1x1 layer as in the paper. With few channels it spans only smooth kernel
shapes; the affinity term (Isik et al. 2021) cuts them along edges and texture to the pixel, at the price of E
multiply-adds a tap.  Beyond the border of the picture colours and embeddings repeat the border pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .compiled_extension import compiled_extension


def pad_border(x: torch.Tensor, kernel_size: int) -> torch.Tensor:
    """Repeats the border pixels of x [N,C,H,W] by the radius of the kernel on every side."""
    radius = kernel_size // 2
    return F.pad(x, (radius,) * 4, mode="replicate")


def _compiled():
    return compiled_extension("kernel_apply", "-fopenmp")


def _runs_compiled(context: torch.Tensor) -> bool:
    """Whether the C++ passes, which are of single precision, can run."""
    return context.device.type == "cpu" and context.dtype == torch.float32 and _compiled() is not None


class _CompiledApply(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *inputs):
        inputs = [t.contiguous() for t in inputs]
        filtered, weights = _compiled().forward(*inputs)
        ctx.save_for_backward(weights, *inputs)
        return filtered

    @staticmethod
    def backward(ctx, grad):
        return (*_compiled().backward(grad.contiguous(), *ctx.saved_tensors), None)


def _logits(context, taps, bandwidth, embedding):
    _, height, width, _ = context.shape
    size = round(taps.shape[1] ** 0.5)
    radius = size // 2
    positional = context @ taps[:-1] + taps[-1]
    center = embedding[:, :, radius : radius + height, radius : radius + width]

    def row_logits(dy):
        rows = embedding[:, :, dy : dy + height].unfold(3, size, 1)
        distance = (rows - center.unsqueeze(-1)).square().sum(1)
        return positional[..., dy * size : (dy + 1) * size] - bandwidth.unsqueeze(-1) * distance

    return torch.cat([row_logits(dy) for dy in range(size)], -1)


def apply_kernels_reference(context, taps, bandwidth, embedding, image):
    """The same as `apply_kernels` in plain PyTorch: the definition, and the path for GPUs.

    Loops over rows of taps so that no tensor with K*K times the colours is ever held.
    """
    size = round(taps.shape[1] ** 0.5)
    height = context.shape[1]
    logits = _logits(context, taps, bandwidth, embedding)
    weights = torch.softmax(logits, -1)
    filtered = 0
    for dy in range(size):
        rows = image[:, :, dy : dy + height].unfold(3, size, 1)
        filtered = filtered + (weights[..., dy * size : (dy + 1) * size].unsqueeze(1) * rows).sum(-1)
    return filtered


def apply_kernels(context, taps, bandwidth, embedding, image):
    """Logits, their softmax over the taps (equation 4), and the weighted sum of the colours (equation 3).

    context [N,H,W,C], taps [C+1,K*K] (W with the bias b as its last row; tap index dy * K + dx), bandwidth [N,H,W] >= 0,
    embedding [N,E,H+K-1,W+K-1] and image [N,P,H+K-1,W+K-1] padded by `pad_border`.  Returns the filtered image [N,P,H,W].
    No gradient flows to the image.
    """
    run = _CompiledApply.apply if _runs_compiled(context) else apply_kernels_reference
    return run(context, taps, bandwidth, embedding, image.detach())


@torch.no_grad()
def kernel_weights(context, taps, bandwidth, embedding):
    """The weights of `apply_kernels`: [N,H,W,K*K], each pixel's sum to 1."""
    if _runs_compiled(context):
        inputs = (context, taps, bandwidth, embedding, embedding[:, :1])
        return _compiled().forward(*(t.contiguous() for t in inputs))[1]
    return torch.softmax(_logits(context, taps, bandwidth, embedding), -1)


@torch.no_grad()
def filtered_variance(weights, variance):
    """The variance of weighted means of independent pixels, sum w^2 v: weights [N,H,W,K*K], variance [N,P,H,W] -> [N,P,H,W]."""
    _, height, width, taps = weights.shape
    size = round(taps**0.5)
    padded = pad_border(variance, size)
    total = torch.zeros_like(variance)
    for tap in range(taps):
        dy, dx = divmod(tap, size)
        total += weights[..., tap].square().unsqueeze(1) * padded[:, :, dy : dy + height, dx : dx + width]
    return total


def repositioned(motion):
    """The pixel of another frame that a centre pixel's kernel is placed on, and how far it is from the true place.

    motion [N,2,H,W] -> rows, columns [N,H,W] whole numbers, rest [N,2,H,W] in [-0.5, 0.5], inside [N,H,W] where the pixel
    lies within the frame.
    """
    height, width = motion.shape[-2:]
    whole = torch.floor(motion + 0.5)
    columns = torch.arange(width, device=motion.device) + whole[:, 0].long()
    rows = torch.arange(height, device=motion.device)[:, None] + whole[:, 1].long()
    return rows, columns, motion - whole, (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)


def neighbor_sums(kernel, size, guide, neighbor_guide, picture, motion):
    """Sums over a kernel of the centre frame's pixels that is repositioned in another frame, before any division.

    The logit of tap q for the pixel p whose content is at p + m in the other frame:

        z_pq = weight_p - sharpness_p |q - p - m|^2 - sum_g bandwidth_pg |guide_pg - guide_qg|^2

    kernel [N,2+G,H,W]: weight, sharpness >= 0, bandwidths >= 0 of the groups of guide planes, three planes each. size: taps
    on a side. guide, neighbor_guide [N,3G,H,W]; picture [N,P,H,W] of the other frame; motion [N,2,H,W] in pixels. Returns
    sum exp(z) picture [N,P,H,W] and sum exp(z) [N,1,H,W]; 0 where p + m lies outside of the frame. No gradient flows to
    guides and picture.
    """
    count, _, height, width = picture.shape
    guides = guide.shape[1]
    rows, columns, rest, inside = repositioned(motion)
    weight, sharpness, bandwidths = kernel[:, 0], kernel[:, 1], kernel[:, 2:].permute(0, 2, 3, 1)
    # Pixel by pixel, so that a tap is one piece of memory: three times as fast as plane by plane.
    pixels = torch.cat([neighbor_guide, picture], 1).detach().permute(0, 2, 3, 1).flatten(0, 2)
    center = guide.detach().permute(0, 2, 3, 1)
    first = torch.arange(count, device=motion.device).view(-1, 1, 1) * height
    total, norm = 0, 0
    for dy in range(-(size // 2), size // 2 + 1):
        for dx in range(-(size // 2), size // 2 + 1):
            at = (first + (rows + dy).clamp(0, height - 1)) * width + (columns + dx).clamp(0, width - 1)
            tap = pixels.index_select(0, at.flatten()).view(*at.shape, -1)
            away = (dx - rest[:, 0]).square() + (dy - rest[:, 1]).square()
            distance = (tap[..., :guides] - center).square().unflatten(-1, (-1, 3)).sum(-1)
            z = weight - sharpness * away - (bandwidths * distance).sum(-1)
            w = (torch.exp(z) * inside).unsqueeze(-1)
            total, norm = total + w * tap[..., guides:], norm + w
    return total.permute(0, 3, 1, 2), norm.permute(0, 3, 1, 2)
