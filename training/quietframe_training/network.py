"""The multi-scale denoiser of windows of frames (Vogels et al. 2018, figures 2 to 4 and 8), module by module.

Modules have the names of the paper and of the bundle.  Everything after the first convolution of the trunk runs at half
resolution or a quarter; a shallow full-resolution `detail` path gives the kernels back their sharpness.  What belongs to
a frame alone (`FrameFeatures`) is apart from what belongs to its kernels, so that windows and other lambdas reuse it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from torch import nn

from .features import component_features, downsample_inputs
from .kernel_apply import apply_kernels, neighbor_sums, pad_border
from .window import WINDOW_OFFSETS, coarser_motion, gather

INPUT_CHANNELS = 13
ALBEDO_EPSILON = 0.01
MAX_ALBEDO_RATIO = 8.0
GUIDE_SCALE = 8.0  # a difference of 1/8 in logarithm or albedo counts as 1


@dataclass(frozen=True)
class Architecture:
    """Widths and depths; saved in checkpoints and manifests."""

    feature_channels: int = 32
    blocks: int = 6
    context_channels: int = 8
    embedding_channels: int = 8
    kernel_size: int = 21
    levels: int = 3
    compositor_channels: int = 16
    temporal_blocks: int = 1
    neighbor_kernel_size: int = 3
    quarter_blocks: int = 0
    quarter_channels: int = 64
    detail_hidden_channels: int = 0
    sources: tuple[str, ...] = field(default=("cycles", "mitsuba", "generic", "color"))

    @property
    def kernel_channels(self) -> int:
        """Context, one bandwidth, one albedo gate: what is predicted about the kernel of a pixel."""
        return self.context_channels + 2

    @property
    def detail_channels(self) -> int:
        return self.kernel_channels + self.embedding_channels

    @property
    def guide_channels(self) -> int:
        """Planes by which frames of a window are compared: the embedding, denoised colour, albedo."""
        return self.embedding_channels + 6

    def as_dict(self) -> dict:
        return asdict(self)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions bypassed by a skip connection (figure 2, right)."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x):
        return x + self.second(F.relu(self.first(x)))


class SourceEncoder(nn.Module):
    """Two convolutions per render source: [N,13,H,W] -> features [N,F,H/2,W/2] and detail [N,P,H,W]."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.first = nn.Conv2d(INPUT_CHANNELS, a.feature_channels, 4, stride=2, padding=1)
        self.second = nn.Conv2d(a.feature_channels, a.feature_channels, 3, padding=1)
        self.detail = Detail(a)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x)))), self.detail(x)


class Detail(nn.Conv2d):
    """What gives kernels their sharpness: one 3x3 convolution of the pixels, and perhaps what a hidden layer adds to it.

    Hair and fine textures are thinner than the two pixels of a feature; without the hidden layer kernels tell them apart by a
    linear function of the inputs alone.
    """

    def __init__(self, a: Architecture):
        super().__init__(INPUT_CHANNELS, a.detail_channels, 3, padding=1)
        if a.detail_hidden_channels:
            self.hidden = nn.Conv2d(INPUT_CHANNELS, a.detail_hidden_channels, 3, padding=1)
            self.head = nn.Conv2d(a.detail_hidden_channels, a.detail_channels, 1)
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)

    def forward(self, x):
        linear = super().forward(x)
        return linear + self.head(F.relu(self.hidden(x))) if hasattr(self, "hidden") else linear


class SpatialFeatures(nn.Sequential):
    """Residual blocks at half resolution, and perhaps a branch at a quarter: [N,F,H/2,W/2] -> the same shape."""

    def __init__(self, a: Architecture):
        super().__init__(*(ResidualBlock(a.feature_channels) for _ in range(a.blocks)))
        self.depth = a.blocks
        if a.quarter_blocks:
            self.quarter = QuarterResolution(a)

    def forward(self, x):
        if not hasattr(self, "quarter"):
            return super().forward(x)
        blocks = [self[i] for i in range(self.depth)]
        for block in blocks[: self.depth // 2]:
            x = block(x)
        seen = self.quarter(x)
        for block in blocks[self.depth // 2 :]:
            x = block(x)
        return x + seen


class QuarterResolution(nn.Module):
    """Residual blocks at a quarter of the resolution, wider: [N,F,H/2,W/2] -> what they add, of the same shape.

    A block here sees as far as two at half resolution and costs as much as one with half of its channels.
    """

    def __init__(self, a: Architecture):
        super().__init__()
        self.down = nn.Conv2d(a.feature_channels, a.quarter_channels, 2, stride=2)
        self.blocks = nn.Sequential(*(ResidualBlock(a.quarter_channels) for _ in range(a.quarter_blocks)))
        self.up = nn.Conv2d(a.quarter_channels, 4 * a.feature_channels, 1)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x):
        height, width = x.shape[2:]
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        x = F.relu(self.blocks(F.relu(self.down(x))))
        return F.pixel_shuffle(self.up(x), 2)[..., :height, :width]


class TemporalFeatures(nn.Module):
    """Features of the centre, and how the others differ from it, -> features that know the window (figure 3)."""

    def __init__(self, a: Architecture):
        super().__init__()
        f, differences = a.feature_channels, len(WINDOW_OFFSETS) * (a.guide_channels + 1)
        self.reduce = nn.Conv2d(f + differences, f, 1)
        self.blocks = nn.Sequential(*(ResidualBlock(f) for _ in range(a.temporal_blocks)))
        self.head = nn.Conv2d(f, f, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, spatial, differences):
        """spatial [N,F,h,w] of the centre, differences [N,6(G+1),h,w] (`Denoiser.differences`) -> [N,F,h,w] >= 0."""
        x = self.blocks(F.relu(self.reduce(torch.cat([spatial, differences], 1))))
        return F.relu(spatial + self.head(F.relu(x)))


class LossSpecialization(nn.Module):
    """Features -> features for a lambda (section 4.3, figure 8). At lambda = 1 they are the same, so that 1 needs no module."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.first = nn.Conv2d(a.feature_channels + 1, a.feature_channels, 3, padding=1)
        self.block = ResidualBlock(a.feature_channels)
        self.head = nn.Conv2d(a.feature_channels, a.feature_channels, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, spatial, log_lambda):
        """spatial [N,F,h,w], log_lambda [N,1,h,w] = log(lambda) / log(10) -> [N,F,h,w] >= 0."""
        x = self.block(F.relu(self.first(torch.cat([spatial, log_lambda], 1))))
        return F.relu(spatial + log_lambda * self.head(F.relu(x)))


class KernelEmbedding(nn.Module):
    """Spatial features and detail of a frame -> what its pixels are compared by: [N,E,H,W]."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.head = nn.Conv2d(a.feature_channels, 4 * a.embedding_channels, 1)

    def forward(self, spatial, detail):
        return F.pixel_shuffle(self.head(spatial), 2) + detail


@dataclass(frozen=True)
class Kernel:
    """What is predicted about the kernel of every pixel."""

    context: torch.Tensor  # [N,C,H,W] >= 0
    bandwidth: torch.Tensor  # [N,1,H,W], before softplus
    albedo_gate: torch.Tensor  # [N,1,H,W] in (0,1)


class KernelPredictor(nn.Module):
    """Spatial features and detail -> kernels; and the logits layer that spreads their context over the taps."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.context_channels = a.context_channels
        self.head = nn.Conv2d(a.feature_channels, 4 * a.kernel_channels, 1)
        self.logits = nn.Linear(a.context_channels, a.kernel_size**2)
        with torch.no_grad():  # starts as a Gaussian of 4 px, which is already a denoiser
            self.logits.weight.mul_(0.3)
            self.logits.bias.copy_(gaussian_logits(a.kernel_size, 4.0))

    def forward(self, spatial, detail) -> Kernel:
        x = F.pixel_shuffle(self.head(spatial), 2) + detail
        context, bandwidth, gate = x.split((self.context_channels, 1, 1), 1)
        return Kernel(F.relu(context), bandwidth, torch.sigmoid(gate))

    def taps(self):
        """The 1x1 logits layer as [C+1,K*K], the bias last."""
        return torch.cat([self.logits.weight.t(), self.logits.bias[None]])


class NeighborPredictor(nn.Module):
    """The kernel predictors of the other frames: for each slot weight, sharpness and two bandwidths (`neighbor_sums`)."""

    CHANNELS = 4

    def __init__(self, a: Architecture):
        super().__init__()
        slots = len(WINDOW_OFFSETS)
        self.head = nn.Conv2d(a.feature_channels, 4 * slots * self.CHANNELS, 1)
        with torch.no_grad():  # starts as the mean of the frames where they look alike
            self.head.weight.mul_(0.1)
            start = torch.tensor([0.0, 1.0, 0.5, 0.5])
            self.head.bias.copy_(start.repeat(slots).repeat_interleave(4))

    def forward(self, temporal):
        """temporal [N,F,h,w] -> per slot [N,4,H,W]."""
        return [self.activate(x) for x in F.pixel_shuffle(self.head(temporal), 2).split(self.CHANNELS, 1)]

    @staticmethod
    def activate(x):
        """The weight is at most e^4 of the centre's; the others are positive."""
        return torch.cat([x[:, :1].clamp(max=4), F.softplus(x[:, 1:])], 1)


def gaussian_logits(kernel_size: int, sigma: float) -> torch.Tensor:
    """Logarithm of a Gaussian over the taps: [K*K]."""
    offset = torch.arange(kernel_size, dtype=torch.float32) - kernel_size // 2
    return -((offset[:, None] ** 2 + offset[None] ** 2) / (2 * sigma**2)).reshape(-1)


def albedo_gain(filtered_albedo, albedo, gate):
    """What the albedo gate multiplies a filtered color by: 1 + g ((a + e) / (K a + e) - 1), the ratio within [1/8, 8].

    K c / K a estimates the irradiance of a kernel's footprint (a ratio estimator); times a it is the picture again. The
    gate keeps it from where colour does not follow albedo: gloss, glass, noisy albedo.  All [N,3,H,W], gate [N,1,H,W].
    """
    ratio = (albedo + ALBEDO_EPSILON) / (filtered_albedo + ALBEDO_EPSILON)
    return 1 + gate * (ratio.clamp(1 / MAX_ALBEDO_RATIO, MAX_ALBEDO_RATIO) - 1)


def remodulate(filtered, filtered_albedo, albedo, gate):
    """Gives back the texture that a kernel has averaged away. All [N,3,H,W], gate [N,1,H,W]."""
    return filtered * albedo_gain(filtered_albedo, albedo, gate)


def guide_planes(color, albedo):
    """What pixels of two frames are compared by, before GUIDE_SCALE: log(1 + color) and albedo, [N,3,H,W] each -> [N,6,H,W]."""
    return torch.cat([torch.log1p(F.relu(color)), albedo], 1)


class ScaleCompositor(nn.Module):
    """Shallow CNN -> blend weight in (0,1) of the coarser scale for every fine pixel (figure 4, right)."""

    def __init__(self, a: Architecture):
        super().__init__()
        c = a.compositor_channels
        self.first = nn.Conv2d(15, c, 3, padding=1)
        self.second = nn.Conv2d(c, c, 3, padding=1)
        self.head = nn.Conv2d(c, 4, 1)

    def forward(self, fine, coarse):
        """fine [N,3,H,W], coarse [N,3,H/2,W/2] -> blend weight [N,1,H,W]."""
        pair = torch.cat([F.pixel_unshuffle(fine, 2), coarse], 1)
        x = torch.log1p(F.relu(pair))
        x = F.relu(self.second(F.relu(self.first(x))))
        return torch.sigmoid(F.pixel_shuffle(self.head(x), 2))


def downsample(x):
    """D: the 2x2 mean."""
    return F.avg_pool2d(x, 2)


def upsample(x):
    """U: nearest neighbour, a factor of two."""
    return x.repeat_interleave(2, -1).repeat_interleave(2, -2)


def composite(fine, coarse, blend_weight):
    """Equation 5: o = f - w U D f + w U c."""
    return fine + blend_weight * upsample(coarse - downsample(fine))


@dataclass(frozen=True)
class FrameFeatures:
    """What a level of a frame is for every kernel that reads it; independent of lambda and of other frames."""

    spatial: torch.Tensor  # [N,F,H/2,W/2] >= 0
    kernel_detail: torch.Tensor  # [N,C+2,H,W]
    embedding: torch.Tensor  # [N,E,H,W]


@dataclass(frozen=True)
class LevelOfFrame:
    """A level of a frame as its kernels see it."""

    picture: torch.Tensor  # colour and albedo [N,6,H,W], colour in the exposure of the centre frame
    flag: torch.Tensor  # [N,1,H,W]
    features: FrameFeatures


@dataclass(frozen=True)
class EstimatedLevel(LevelOfFrame):
    """A level of a frame of a window, with what its own kernels make of it at lambda = 1."""

    estimate: torch.Tensor  # [N,3,H,W]
    albedo_gate: torch.Tensor  # [N,1,H,W]

    @property
    def picture_of_estimate(self):
        """What the kernels of other frames see: [N,6,H,W]."""
        return torch.cat([self.estimate, self.picture[:, 3:]], 1)

    @property
    def guide(self):
        """What pixels of two frames are compared by, logarithms of colour and albedo: [N,6,H,W]."""
        return GUIDE_SCALE * guide_planes(self.estimate, self.picture[:, 3:])

    @property
    def coarse_guide(self):
        """What their neighbourhoods are compared by: [N,E+6,H/2,W/2]."""
        return downsample(torch.cat([self.features.embedding, self.guide], 1))


@dataclass(frozen=True)
class LevelOfNeighbor(EstimatedLevel):
    """A level of another frame of the window."""

    slot: int  # index into WINDOW_OFFSETS
    motion: torch.Tensor  # [N,2,H,W] in pixels of the level, from the centre's pixels into this frame
    present: torch.Tensor  # [N] bool: examples whose window has this frame


class Denoiser(nn.Module):
    """All modules of the network."""

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.architecture = a = architecture
        self.source_encoder = nn.ModuleDict({source: SourceEncoder(a) for source in a.sources})
        self.spatial_features = SpatialFeatures(a)
        self.temporal_features = TemporalFeatures(a)
        self.loss_specialization = LossSpecialization(a)
        self.kernel_embedding = KernelEmbedding(a)
        self.kernel_predictor = KernelPredictor(a)
        self.neighbor_predictor = NeighborPredictor(a)
        self.scale_compositor = ScaleCompositor(a)

    def frame_features(self, inputs, source_ids) -> FrameFeatures:
        """One level of frames: raw inputs [N,13,H,W] (features.py) -> their features."""
        features, detail = self.encode(component_features(inputs), source_ids)
        a = self.architecture
        kernel_detail, embedding_detail = detail.split((a.kernel_channels, a.embedding_channels), 1)
        spatial = F.relu(self.spatial_features(features))
        return FrameFeatures(spatial, kernel_detail, self.kernel_embedding(spatial, embedding_detail))

    def single_scale(self, level: LevelOfFrame, log_lambda=None):
        """One level of one frame -> (denoised colour [N,3,H,W], albedo gate [N,1,H,W]) (figures 2 and 8)."""
        spatial = self.specialized(level.features.spatial, log_lambda)
        kernel = self.kernel_predictor(spatial, level.features.kernel_detail)
        size = self.architecture.kernel_size
        filtered = apply_kernels(
            kernel.context.permute(0, 2, 3, 1), self.kernel_predictor.taps(), F.softplus(kernel.bandwidth)[:, 0],
            pad_border(level.features.embedding, size), pad_border(level.picture, size),
        )  # fmt: skip
        gate = kernel.albedo_gate * (1 - level.flag)  # irradiance has no albedo in it
        return remodulate(filtered[:, :3], filtered[:, 3:], level.picture[:, 3:], gate), gate

    def windowed_scale(self, center: EstimatedLevel, neighbors, log_lambda=None):
        """One level of a window -> denoised colour of its centre [N,3,H,W] (figure 3).

        The paper's kernels over a window, factored: the kernel in another frame is that frame's own 21x21 kernels after a
        small one that is predicted here, repositioned along motion. One softmax joins all frames; the centre's logit is 0.
        """
        own = center.estimate if log_lambda is None else self.single_scale(center, log_lambda)[0]
        temporal = self.temporal_features(center.features.spatial, self.differences(center, neighbors))
        kernels = self.neighbor_predictor(self.specialized(temporal, log_lambda))
        size = self.architecture.neighbor_kernel_size
        total, norm = torch.cat([own, center.picture[:, 3:]], 1), 1
        for n in neighbors:
            sums, weights = neighbor_sums(kernels[n.slot], size, center.guide, n.guide, n.picture_of_estimate, n.motion)
            present = n.present.view(-1, 1, 1, 1)
            total, norm = total + present * sums, norm + present * weights
        joined = total / norm
        return remodulate(joined[:, :3], joined[:, 3:], center.picture[:, 3:], center.albedo_gate)

    def specialized(self, spatial, log_lambda):
        """Features for log_lambda [N,1,H,W]; None stands for lambda = 1."""
        return spatial if log_lambda is None else self.loss_specialization(spatial, downsample(log_lambda))

    def differences(self, center: EstimatedLevel, neighbors):
        """How the guides of the slots, gathered along motion, differ from the centre's; masks last: [N,6(G+1),h,w]."""
        guide = center.coarse_guide
        differences = [torch.zeros_like(guide)] * len(WINDOW_OFFSETS)
        masks = [torch.zeros_like(guide[:, :1])] * len(WINDOW_OFFSETS)
        for neighbor in neighbors:
            gathered, inside = gather(neighbor.coarse_guide, coarser_motion(neighbor.motion))
            masks[neighbor.slot] = inside * neighbor.present.view(-1, 1, 1, 1)
            differences[neighbor.slot] = (gathered - guide).abs() * masks[neighbor.slot]
        return torch.cat([*differences, *masks], 1)

    def encode(self, x, source_ids):
        """Every example through the encoder of its own source; source_ids [N] index `architecture.sources`."""
        outputs = {}
        for index in source_ids.unique().tolist():
            which = (source_ids == index).nonzero()[:, 0]
            encoder = self.source_encoder[self.architecture.sources[index]]
            for position, pair in zip(which.tolist(), zip(*encoder(x[which]), strict=True), strict=True):
                outputs[position] = pair
        features, detail = zip(*(outputs[i] for i in range(len(x))), strict=True)
        return torch.stack(features), torch.stack(detail)

    def levels_of_frame(self, inputs, source_ids, gain=None) -> list[LevelOfFrame]:
        """inputs [N,13,H,W] with H and W multiples of 2^levels -> its levels, fine to coarse.

        gain [N] brings the colour from the frame's own exposure, in which features are made, to that of the centre.
        """
        levels = []
        for _ in range(self.architecture.levels):
            color = inputs[:, :3] if gain is None else inputs[:, :3] * gain.view(-1, 1, 1, 1)
            picture = torch.cat([color, inputs[:, 4:7]], 1)
            levels.append(LevelOfFrame(picture, inputs[:, 12:13], self.frame_features(inputs, source_ids)))
            inputs = downsample_inputs(inputs)
        return levels

    def forward(self, inputs, source_ids, log_lambda=None):
        """One frame: inputs [N,13,H,W], log_lambda [N,1,H,W] -> (composited, denoised per level, blend weights)."""
        return self.denoise(self.levels_of_frame(inputs, source_ids), log_lambda=log_lambda)

    @torch.no_grad()
    def estimated(self, levels) -> list[EstimatedLevel]:
        """Levels of a frame with their estimates, as windows need them."""
        return [EstimatedLevel(x.picture, x.flag, x.features, *self.single_scale(x)) for x in levels]

    def denoise(self, center, neighbors=(), log_lambda=None):
        """Levels of the centre frame, per level the neighbours -> (composited, denoised per level, blend weights)."""
        denoised = []
        for level, frame in enumerate(center):
            if neighbors:
                denoised.append(self.windowed_scale(frame, neighbors[level], log_lambda))
            else:
                denoised.append(self.single_scale(frame, log_lambda)[0])
            log_lambda = None if log_lambda is None else downsample(log_lambda)
        return self.composite(denoised)

    def composite(self, denoised):
        """Denoised levels, fine to coarse -> (composited, the levels, blend weights from coarse to fine)."""
        output, blend_weights = denoised[-1], []
        for fine in reversed(denoised[:-1]):
            blend_weights.append(self.scale_compositor(fine, output))
            output = composite(fine, output, blend_weights[-1])
        return output, denoised, blend_weights
