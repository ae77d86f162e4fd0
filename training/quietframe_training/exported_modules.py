"""The modules of a bundle as its files have them: the network's, in forms that ONNX Runtime computes faster.

All but the first convolution of an encoder and the compositor's inputs are at half resolution.  Full-resolution tensors are
those after `pixel_unshuffle`: channel 4 c + 2 v + u is pixel (2 y + v, 2 x + u) of plane c.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

OPSET = 18


def pixel_unshuffled(convolution: nn.Conv2d) -> nn.Conv2d:
    """A 3x3 convolution [P,H,W] as a 4x4 one of stride 2 to [4P,H/2,W/2], equal to pixel_unshuffle of its result."""
    outputs, inputs = convolution.weight.shape[:2]
    weight = torch.zeros(outputs, 4, inputs, 4, 4)
    for dy in range(2):
        for dx in range(2):
            weight[:, 2 * dy + dx, :, dy : dy + 3, dx : dx + 3] = convolution.weight
    result = nn.Conv2d(inputs, 4 * outputs, 4, stride=2, padding=1)
    result.load_state_dict({"weight": weight.flatten(0, 1), "bias": convolution.bias.repeat_interleave(4)})
    return result


class HalfResolutionEncoder(nn.Module):
    """A source encoder whose detail [N,4P,H/2,W/2] is the pixel_unshuffle of the network's."""

    def __init__(self, encoder):
        super().__init__()
        self.first, self.second = encoder.first, encoder.second
        self.detail = HalfResolutionDetail(encoder.detail)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x)))), self.detail(x)


class HalfResolutionDetail(nn.Module):
    """The detail of an encoder as [N,4P,H/2,W/2]: no tensor but x is large.

    With the hidden layer at full resolution, encoders took 2.4 times as long as without one; like this 1.5 times.
    """

    def __init__(self, detail):
        super().__init__()
        self.linear = pixel_unshuffled(detail)
        if hasattr(detail, "hidden"):
            self.hidden, self.head = pixel_unshuffled(detail.hidden), of_each_pixel(detail.head)

    def forward(self, x):
        linear = self.linear(x)
        return linear + self.head(F.relu(self.hidden(x))) if hasattr(self, "hidden") else linear


def of_each_pixel(convolution: nn.Conv2d) -> nn.Conv2d:
    """A 1x1 convolution of pixels as one of cells, whose four pixels are channels of their own."""
    outputs, inputs = convolution.weight.shape[:2]
    weight = torch.zeros(outputs, 4, inputs, 4, 1, 1)
    for pixel in range(4):
        weight[:, pixel, :, pixel] = convolution.weight
    result = nn.Conv2d(4 * inputs, 4 * outputs, 1)
    weights = {"weight": weight.flatten(0, 1).flatten(1, 2), "bias": convolution.bias.repeat_interleave(4)}
    result.load_state_dict(weights)
    return result


class ActivatedSpatialFeatures(nn.Module):
    """Spatial features with the ReLU that the kernel predictor begins with.

    The pooling of single pixels changes nothing.  It is there for ONNX Runtime, which then keeps the skip connections in
    the layout of its convolutions from the first block on and adds them within the convolutions.
    """

    def __init__(self, spatial_features):
        super().__init__()
        self.blocks = spatial_features

    def forward(self, features):
        return F.relu(self.blocks(F.max_pool2d(features, 1)))


class HalfResolutionHead(nn.Module):
    """A head before pixel_shuffle and activations, which the fused kernel applies: [N,4P,H/2,W/2]."""

    def __init__(self, module):
        super().__init__()
        self.head = module.head

    def forward(self, spatial, detail=None):
        return self.head(spatial) if detail is None else self.head(spatial) + detail


class SplitSpecialization(nn.Module):
    """The specialisation with a convolution of its own for lambda.

    33 channels side by side fit no layout of ONNX Runtime's convolutions: without them it takes four fifths of the time.
    """

    def __init__(self, module):
        super().__init__()
        outputs, inputs = module.first.weight.shape[:2]
        self.spatial = nn.Conv2d(inputs - 1, outputs, 3, padding=1)
        self.log_lambda = nn.Conv2d(1, outputs, 3, padding=1, bias=False)
        of_features, of_lambda = module.first.weight.split((inputs - 1, 1), 1)
        self.spatial.load_state_dict({"weight": of_features, "bias": module.first.bias})
        self.log_lambda.load_state_dict({"weight": of_lambda})
        self.block, self.head = module.block, module.head

    def forward(self, spatial, log_lambda):
        x = self.block(F.relu(self.spatial(spatial) + self.log_lambda(log_lambda)))
        return F.relu(spatial + log_lambda * self.head(F.relu(x)))


class PaddedCompositor(nn.Module):
    """The scale compositor with a sixteenth channel of no weight: 15 fit no layout of ONNX Runtime's convolutions."""

    def __init__(self, compositor):
        super().__init__()
        weight = compositor.first.weight
        self.first = nn.Conv2d(16, len(weight), 3, padding=1)
        self.first.load_state_dict({"weight": F.pad(weight, (0, 0, 0, 0, 0, 1)), "bias": compositor.first.bias})
        self.second, self.head = compositor.second, compositor.head

    def forward(self, fine, coarse):
        pair = torch.cat([F.pixel_unshuffle(fine, 2), coarse, coarse[:, :1]], 1)
        x = torch.log1p(F.relu(pair))
        x = F.relu(self.second(F.relu(self.first(x))))
        return torch.sigmoid(F.pixel_shuffle(self.head(x), 2))
