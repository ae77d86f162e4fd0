"""The auxiliary prefilter: takes the noise out of albedo and normals before the network is guided by them.

A small kernel predictor after Vogels et al. 2018, equations 3 and 4. One kernel a pixel filters all six planes, because an
edge of either buffer counts for both; its weights are convex, so that normals of a blurred edge stay as short as they
are, and misses stay zero.  Two or three pyramid levels share the weights and are composited by equation 5, with the
kernel predictor's gate as the blend weight:

    o = f + w U(c - D f),    result = a + s (o - a),    s = min(1, c v / |o - a|^2)

s takes back what noise does not explain, v and |o - a|^2 being means over 5x5 pixels: fine texture of many samples stays, and
what is known to be clean comes back bit for bit.  c is 2 for measured variances and 0.1 for estimated ones, which count
structure as noise: with 2, textures of clean buffers without variances would be softened.  The variance
that is left, sum w^2 v of a kernel's weights, goes with the result: the network behind still learns how far to trust it.
"""

from __future__ import annotations

import pathlib
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .features import estimate_variance
from .kernel_apply import apply_kernels, filtered_variance, kernel_weights, pad_border
from .network import ResidualBlock, downsample, gaussian_logits, upsample

INPUT_CHANNELS = 9
# A variance of two halves has one degree of freedom: the network sees its mean over 5x5 pixels ...
VARIANCE_WINDOW = 5
# ... as log(1 + v / 1e-6) / log(1e6), 0 to 1: a standard deviation of 1/1000 is as far from 0 as one of 1/700 is from 1/1000.
CLEAN_VARIANCE = 1e-6
VARIANCE_RANGE = 13.8
# How many times its variance noise may have changed a buffer by: measured variances are uncertain, as those of two halves ...
EXPLAINED_NOISE = 2.0
# ... and 3x3 sample variances are mostly structure where buffers are clean.
EXPLAINED_ESTIMATE = 0.1
# Bandwidths span six orders of magnitude, as variances do: their logarithm is predicted.
LOG_BANDWIDTH_LIMIT = 12.0
FIRST_LOG_BANDWIDTH = 11.0


@dataclass(frozen=True)
class PrefilterArchitecture:
    """Widths and depths; saved in checkpoints and manifests."""

    feature_channels: int = 16
    blocks: int = 2
    context_channels: int = 4
    embedding_channels: int = 4
    kernel_size: int = 7
    levels: int = 3

    def as_dict(self) -> dict:
        return asdict(self)

    @property
    def kernel_channels(self) -> int:
        """Context, bandwidth, blend weight: what is predicted about the kernel of a pixel."""
        return self.context_channels + 2


def mean_variance(auxiliaries: torch.Tensor) -> torch.Tensor:
    """Variances of albedo and normal [N,2,H,W], averaged by `window_mean`."""
    return window_mean(variances_of(auxiliaries))


def window_mean(planes: torch.Tensor) -> torch.Tensor:
    """Means over the 5x5 pixels about each pixel that lie within the picture."""
    return F.avg_pool2d(planes, VARIANCE_WINDOW, 1, VARIANCE_WINDOW // 2, count_include_pad=False)


def prefilter_features(auxiliaries: torch.Tensor, variance: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
    """What the network sees: albedo 3, log variance 1, normal 3, log variance 1, whether variances are measured 1.

    auxiliaries [N,8,H,W]: albedo 3, variance 1, normal 3, variance 1; variance [N,2,H,W] by `mean_variance`; measured
    [N,1,1,1], 1 or 0. -> [N,9,H,W].
    """
    of_albedo, of_normal = (torch.log1p(variance / CLEAN_VARIANCE) / VARIANCE_RANGE).split(1, 1)
    flag = measured.expand(-1, 1, *variance.shape[2:])
    return torch.cat([auxiliaries[:, :3], of_albedo, auxiliaries[:, 4:7], of_normal, flag], 1)


def with_estimated_variances(auxiliaries: torch.Tensor) -> torch.Tensor:
    """Auxiliaries [N,8,H,W] with the 3x3 sample variances in the place of measured ones."""
    albedo, normal = auxiliaries[:, :3], auxiliaries[:, 4:7]
    return torch.cat([albedo, estimate_variance(albedo), normal, estimate_variance(normal)], 1)


def planes_of(auxiliaries: torch.Tensor) -> torch.Tensor:
    """Albedo and normal [N,6,H,W] of auxiliaries [N,8,H,W]."""
    return torch.cat([auxiliaries[:, :3], auxiliaries[:, 4:7]], 1)


def variances_of(auxiliaries: torch.Tensor) -> torch.Tensor:
    """Their variances [N,2,H,W]."""
    return auxiliaries[:, [3, 7]]


def explained_share(variance: torch.Tensor, change: torch.Tensor, measured: torch.Tensor | float) -> torch.Tensor:
    """s in [0, 1] for albedo and normal: how much of a change [N,6,H,W] noise of `mean_variance` [N,2,H,W] explains: [N,2,H,W].

    A change that is all noise has the noise's variance; EXPLAINED_NOISE times that is allowed where variances are measured
    ([N,1,1,1] or a number, 1 or 0), EXPLAINED_ESTIMATE times where they are estimated.
    """
    allowed = EXPLAINED_ESTIMATE + (EXPLAINED_NOISE - EXPLAINED_ESTIMATE) * measured
    square = change.detach().square()
    power = window_mean(torch.cat([square[:, :3].mean(1, keepdim=True), square[:, 3:].mean(1, keepdim=True)], 1))
    return (allowed * variance / power.clamp(min=1e-12)).clamp(0, 1)


class AuxiliaryPrefilter(nn.Module):
    """Trunk and heads; kernels by equations 3 and 4, levels by equation 5; see the top of the file."""

    def __init__(self, architecture: PrefilterArchitecture):
        super().__init__()
        self.architecture = a = architecture
        f, outputs = a.feature_channels, a.kernel_channels + a.embedding_channels
        self.first = nn.Conv2d(INPUT_CHANNELS, f, 4, stride=2, padding=1)
        self.second = nn.Conv2d(f, f, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(f) for _ in range(a.blocks)))
        self.head = nn.Conv2d(f, 4 * outputs, 1)
        self.detail = nn.Conv2d(INPUT_CHANNELS, outputs, 3, padding=1)
        self.logits = nn.Linear(a.context_channels, a.kernel_size**2)
        with torch.no_grad():
            self.logits.weight.mul_(0.3)
            self.logits.bias.copy_(gaussian_logits(a.kernel_size, 2.0))
            self.head.weight.mul_(0.1)
            self._begin_as_bilateral()

    def _begin_as_bilateral(self):
        """Begins as a bilateral filter of albedo and normal whose bandwidth is the inverse of their variance."""
        a, center = self.architecture, (1, 1)
        bandwidth, embedding = a.context_channels, a.kernel_channels
        self.detail.weight[bandwidth:].mul_(0.1)
        self.detail.weight[bandwidth][:, center[0], center[1]] = 0.0
        for variance in (3, 7):
            self.detail.weight[bandwidth, variance, center[0], center[1]] = -VARIANCE_RANGE / 2
        self.detail.bias[bandwidth] = FIRST_LOG_BANDWIDTH
        for i, plane in zip(range(embedding, embedding + a.embedding_channels), (0, 1, 2, 4, 5, 6), strict=False):
            self.detail.weight[i, plane, center[0], center[1]] = 1.0

    def taps(self):
        """The 1x1 logits layer as [C+1,K*K], the bias last."""
        return torch.cat([self.logits.weight.t(), self.logits.bias[None]])

    def kernels(self, x):
        """Features [N,9,H,W] -> context, bandwidth, blend weight before their activations, and embedding."""
        features = F.relu(self.blocks(F.relu(self.second(F.relu(self.first(x))))))
        y = F.pixel_shuffle(self.head(features), 2) + self.detail(x)
        a = self.architecture
        context, log_bandwidth, blend, embedding = y.split((a.context_channels, 1, 1, a.embedding_channels), 1)
        return context, torch.exp(log_bandwidth.clamp(max=LOG_BANDWIDTH_LIMIT)), blend, embedding

    def level(self, auxiliaries, measured, residual: bool):
        """One level -> (filtered planes [N,6,H,W], blend weight of the coarser level [N,1,H,W], variances left [N,2,H,W])."""
        context, bandwidth, blend, embedding = self.kernels(
            prefilter_features(auxiliaries, mean_variance(auxiliaries), measured)
        )
        size = self.architecture.kernel_size
        kernel = (F.relu(context).permute(0, 2, 3, 1), self.taps(), F.softplus(bandwidth)[:, 0], pad_border(embedding, size))
        filtered = apply_kernels(*kernel, pad_border(planes_of(auxiliaries), size))
        left = filtered_variance(kernel_weights(*kernel), variances_of(auxiliaries)) if residual else None
        return filtered, torch.sigmoid(blend), left

    def forward(self, auxiliaries, measured, residual: bool = False):
        """auxiliaries [N,8,H,W], sides multiples of 2^levels; measured [N,1,1,1] -> albedo and normal [N,6,H,W].

        With `residual` the pair of these and the variances that are left [N,2,H,W]: between levels they are blended like
        the planes, which is more than is left where the levels share pixels.
        """
        scale = auxiliaries.new_tensor([1, 1, 1, 0.25, 1, 1, 1, 0.25]).view(1, 8, 1, 1)
        planes, variances, noise = planes_of(auxiliaries), variances_of(auxiliaries), mean_variance(auxiliaries)
        levels = []
        for _ in range(self.architecture.levels):
            levels.append(self.level(auxiliaries, measured, residual))
            auxiliaries = downsample(auxiliaries) * scale
        output, _, left = levels[-1]
        for fine, weight, fine_left in reversed(levels[:-1]):
            output = fine + weight * upsample(output - downsample(fine))
            left = torch.lerp(fine_left, upsample(left), weight) if residual else None
        share = explained_share(noise, output - planes, measured)
        output = planes + share.repeat_interleave(3, 1) * (output - planes)
        return (output, torch.lerp(variances, left, share)) if residual else output


@torch.no_grad()
def prefiltered(network: AuxiliaryPrefilter, auxiliaries: torch.Tensor, measured: bool) -> torch.Tensor:
    """Auxiliaries [8,H,W] of any size -> the same without noise, with the variances that are left: [8,H,W]."""
    multiple = 2**network.architecture.levels
    height, width = auxiliaries.shape[1:]
    padded = F.pad(auxiliaries[None], (0, -width % multiple, 0, -height % multiple), mode="replicate")
    if not measured:
        padded = with_estimated_variances(padded)
    flag = torch.full((1, 1, 1, 1), float(measured))
    planes, left = network(padded, flag, residual=True)
    clean = torch.cat([planes[:, :3], left[:, :1], planes[:, 3:], left[:, 1:]], 1)
    return clean[0, :, :height, :width]


def load_prefilter(checkpoint: pathlib.Path) -> AuxiliaryPrefilter:
    """The averaged weights of a checkpoint."""
    state = torch.load(checkpoint, map_location="cpu")
    network = AuxiliaryPrefilter(PrefilterArchitecture(**state["architecture"]))
    network.load_state_dict(state["average"])
    return network.eval()
