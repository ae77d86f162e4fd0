"""The network as a GPU runs it: one graph for a level of a single frame, one for the fusion of a window.

Both compute what `Denoiser.single_scale` and `Denoiser.windowed_scale` do, with operations that ONNX Runtime's WebGPU, CUDA
and TensorRT providers have.  They run the modules of the bundle, under the names of its files, so that the exported graphs need
no weights of their own (`export_gpu.py`).  docs/gpu.md describes blocks and stacks.

The CPU never stores a kernel; a graph has to.  Pixels come in blocks of 4 x 4, whose windows of 21 x 21 taps lie within the
same 6 x 6 blocks of keys.  Up to what is the same for all taps q of a pixel p, its logits are two products,

    z_pq = (context_p, 1) . (W_(q-p), b_(q-p))  +  (2 bandwidth_p e_p, -bandwidth_p) . (e_q, |e_q|^2)

and the result is the product of their softmax with the planes in those blocks.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from .exported_modules import ActivatedSpatialFeatures, HalfResolutionEncoder, HalfResolutionHead, SplitSpecialization
from .network import GUIDE_SCALE, Denoiser, albedo_gain, guide_planes
from .window import WINDOW_OFFSETS

BLOCK = 4
CELLS = BLOCK // 2  # side of a block at half resolution
BLOCK_PIXELS = BLOCK**2
BANDS = 8  # of rows of blocks, computed one after the other: only one band's logits exist at a time
OUTSIDE = -1e4  # logit of a tap that does not count: its exponential is 0


class WideConvolution(nn.Module):
    """A convolution with channels of zeros up to a multiple of four.

    With 9 or 33 channels, convolutions of ONNX Runtime 1.30 are wrong on WebGPU by as much as their values.
    """

    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.stride, self.padding = convolution.stride, convolution.padding
        self.further = -convolution.in_channels % 4

    def forward(self, x):
        weight = self.weight
        if self.further:
            x = F.pad(x, (0, 0, 0, 0, 0, self.further))
            weight = torch.cat([weight, *[0 * weight[:, :1]] * self.further], 1)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def widened(module: nn.Module) -> nn.Module:
    """A copy of a module with wide convolutions."""
    if isinstance(module, nn.Conv2d):
        return WideConvolution(module)
    module = copy.deepcopy(module)
    for name, child in module.named_children():
        setattr(module, name, widened(child))
    return module


class Blocks:
    """How the pixels of an area, and what their kernels reach, lie in blocks. Cells are those of 2 x 2 pixels."""

    def __init__(self, cells, kernel_size: int):
        height, width = cells.shape[2:]
        self.radius = kernel_size // 2
        self.reach = -(-(kernel_size + BLOCK - 1) // BLOCK)  # blocks in a row that a block's windows reach
        # Whole blocks, and as many rows of them in every band.
        self.below, self.right = -height % (BANDS * CELLS), -width % CELLS
        self.rows, self.columns = (height + self.below) // CELLS, (width + self.right) // CELLS

    def _blocks(self, cells, channels: int, ones: int):
        """[1,4C,h/2,w/2] -> [C,2,2,rows,2,columns,2]: row and column in the cell, then the cell's in the block."""
        padded = F.pad(cells, (0, self.right, 0, self.below, 0, 4 * ones), value=1.0)
        return padded.reshape(channels + ones, 2, 2, self.rows, CELLS, self.columns, CELLS)

    def contexts(self, cells, channels: int):
        """Cells [1,4C,h/2,w/2] -> [16,bands,rows,columns,C+1], the last of the channels 1."""
        blocks = self._blocks(cells, channels, 1).permute(4, 1, 6, 2, 3, 5, 0)
        return blocks.reshape(BLOCK_PIXELS, BANDS, -1, self.columns, channels + 1)

    def queries(self, cells, channels: int):
        """Cells [1,4C,h/2,w/2] -> [bands,rows,columns,16,C]."""
        blocks = self._blocks(cells, channels, 0).permute(3, 5, 4, 1, 6, 2, 0)
        return blocks.reshape(BANDS, -1, self.columns, BLOCK_PIXELS, channels)

    def _key_blocks(self, pixels):
        """All blocks that kernels reach, [C,key rows,4,key columns,4]; the border of the picture repeats."""
        after = BLOCK * (self.reach - 1) - self.radius
        pads = (self.radius, after + 2 * self.right, self.radius, after + 2 * self.below)
        padded = F.pad(pixels, pads, mode="replicate")
        return padded.reshape(pixels.shape[1], self.rows + self.reach - 1, BLOCK, self.columns + self.reach - 1, BLOCK)

    def _beside(self, value, along: int, axis: int):
        """What lies 0 to reach - 1 blocks further along a dimension, side by side in dimension `axis`."""
        last = self.reach - 1
        return torch.cat([_sliced(value, along, shift, shift - last or None) for shift in range(self.reach)], axis)

    def _banded(self, blocks):
        return blocks.reshape(BANDS, -1, *blocks.shape[1:])

    def keys(self, pixels, channels: int):
        """Pixels [1,C,h,w] -> with the blocks above and below, [bands,rows,key columns,C,taps/reach]."""
        blocks = self._key_blocks(pixels).permute(1, 3, 0, 2, 4)
        blocks = blocks.reshape(*blocks.shape[:2], channels, BLOCK_PIXELS)
        return self._banded(self._beside(blocks, 0, 3))

    def samples(self, pixels):
        """Pixels [1,P,h,w] -> [bands,rows,key columns,taps/reach,P]."""
        blocks = self._key_blocks(pixels).permute(1, 3, 2, 4, 0)
        blocks = blocks.reshape(*blocks.shape[:2], BLOCK_PIXELS, -1)
        return self._banded(self._beside(blocks, 0, 2))

    def across(self, band, axis: int):
        """A band with the blocks to the left and right: [rows,key columns,...] -> [rows,columns,...]."""
        return self._beside(band, 1, axis)

    def picture(self, blocks, like):
        """[rows,columns,16,P] -> [1,P,h,w], of the size of `like`."""
        split = blocks.reshape(self.rows, self.columns, BLOCK, BLOCK, -1).permute(4, 0, 2, 1, 3)
        whole = split.reshape(1, -1, BLOCK * self.rows, BLOCK * self.columns)
        return whole[:, :, : like.shape[2], : like.shape[3]]

    def taps(self, logits, kernel_size: int):
        """The layer of logits [K*K,C+1] for every pixel of a block, [16,1,C+1,taps], in the order of `keys`."""
        inside = torch.ones_like(logits[:, :1])
        taps = torch.cat([logits, inside], 1).t().reshape(-1, kernel_size, kernel_size)
        side = BLOCK * self.reach
        taps = torch.stack([F.pad(taps, (left, side - kernel_size - left)) for left in range(BLOCK)])
        taps = torch.stack([F.pad(taps, (0, 0, top, side - kernel_size - top)) for top in range(BLOCK)])
        weights, bias, inside = taps.flatten(0, 1).split((logits.shape[1] - 1, 1, 1), 1)
        taps = torch.cat([weights, bias + OUTSIDE * (1 - inside)], 1)
        taps = taps.reshape(BLOCK_PIXELS, -1, self.reach, BLOCK, self.reach, BLOCK)
        return taps.permute(0, 1, 4, 2, 3, 5).reshape(BLOCK_PIXELS, 1, -1, side**2)


def _sliced(value, axis: int, begin: int, end: int | None):
    return value[(slice(None),) * axis + (slice(begin, end),)]


class FrameGraph(nn.Module):
    """A level of a single frame (figure 2): features, lambda, kernels by a softmax (equation 4), weighted sums (equation 3).

    x           [1,13,h,w]      `component_features`; h and w even
    planes      [1,P,h,w]       color 3, albedo 3 (zeros where there is none), further planes
    log_lambda  [1,1,h/2,w/2]   zeros for lambda = 1, at which specialization is the identity

    filtered          [1,P,h,w]      the planes after the kernels
    gain              [1,3,h,w]      what the albedo gate multiplies filtered colors by
    gate              [1,1,h,w]      the albedo gate
    spatial           [1,F,h/2,w/2]  features at lambda = 1
    coarse_embedding  [1,E,h/2,w/2]  means of the embedding of cells
    """

    INPUTS = ("x", "planes", "log_lambda")
    OUTPUTS = ("filtered", "gain", "gate", "spatial", "coarse_embedding")

    def __init__(self, network: Denoiser, source: str):
        super().__init__()
        self.architecture = network.architecture
        self.source_encoder = widened(HalfResolutionEncoder(network.source_encoder[source]))
        self.spatial_features = widened(ActivatedSpatialFeatures(network.spatial_features))
        self.kernel_embedding = widened(HalfResolutionHead(network.kernel_embedding))
        self.loss_specialization = widened(SplitSpecialization(network.loss_specialization))
        self.kernel_predictor = widened(HalfResolutionHead(network.kernel_predictor))
        self.kernel_logits = nn.Parameter(network.kernel_predictor.taps().T.detach().clone())

    def forward(self, x, planes, log_lambda):
        a = self.architecture
        features, detail = self.source_encoder(x)
        kernel_detail, embedding_detail = detail.split((4 * a.kernel_channels, 4 * a.embedding_channels), 1)
        spatial = self.spatial_features(features)
        embedding = self.kernel_embedding(spatial, embedding_detail)
        kernels = self.kernel_predictor(self.loss_specialization(spatial, log_lambda), kernel_detail)
        context, bandwidth, gate = kernels.split((4 * a.context_channels, 4, 4), 1)
        filtered = self.filtered(planes, F.relu(context), F.softplus(bandwidth), embedding)
        gate = F.pixel_shuffle(torch.sigmoid(gate), 2)
        gain = albedo_gain(filtered[:, 3:6], planes[:, 3:6], gate)
        cells = embedding.reshape(a.embedding_channels, 4, *embedding.shape[2:])
        return filtered, gain, gate, spatial, cells.mean(1, keepdim=True).reshape(1, a.embedding_channels, *embedding.shape[2:])

    def filtered(self, planes, context, bandwidth, embedding):
        """What `apply_kernels` makes of planes [1,P,h,w]; the others are cells [1,4C,h/2,w/2]."""
        a = self.architecture
        channels, size = a.embedding_channels, embedding.shape[2:]
        # The mean over the area changes no distance; without it the squares are small and cancel less.
        cells = embedding.reshape(channels, 4, *size)
        cells = cells - cells.mean((1, 2, 3), keepdim=True)
        queries = torch.cat([2 * bandwidth * cells, -bandwidth]).reshape(1, 4 * (channels + 1), *size)
        pixels = F.pixel_shuffle(cells.reshape(1, 4 * channels, *size), 2)
        keys = torch.cat([pixels, (pixels * pixels).sum(1, keepdim=True)], 1)

        blocks = Blocks(context, a.kernel_size)
        taps = blocks.taps(self.kernel_logits, a.kernel_size)
        contexts, queries = blocks.contexts(context, a.context_channels), blocks.queries(queries, channels + 1)
        keys, samples = blocks.keys(keys, channels + 1), blocks.samples(planes)
        bands = []
        for band in range(BANDS):
            affinity = queries[band] @ blocks.across(keys[band], 3)
            positional = (contexts[:, band] @ taps).permute(1, 2, 0, 3)
            bands.append(torch.softmax(affinity + positional, 3) @ blocks.across(samples[band], 2))
        return blocks.picture(torch.cat(bands), planes)


class FrameStack:
    """Values of frames of one size that lie below each other, [1,C,N h',w'], to be fetched."""

    def __init__(self, stack, numbers):
        """numbers int32 [1,N,1,1]: 0, 1, ..."""
        channels, width = stack.shape[1], stack.shape[3]
        height = stack.reshape(channels, numbers.shape[1], -1, width).shape[2]
        self.flat = stack.reshape(channels, -1)
        self.last_row, self.last_column = _scalar(height - 1, torch.float32), _scalar(width - 1, torch.float32)
        self.stride = _scalar(width, torch.int32)
        self.tops = numbers * _scalar(height, torch.int32)

    def row(self, y):
        """The nearest row that the frames have."""
        return torch.clamp(y, _scalar(0.0, torch.float32), self.last_row)

    def column(self, x):
        return torch.clamp(x, _scalar(0.0, torch.float32), self.last_column)

    def begins(self, rows):
        """Where rows [1,N,h,w] begin."""
        return (rows.to(torch.int32) + self.tops) * self.stride

    def fetch(self, begins, columns):
        """[C,N,h,w]: indices are integers of 32 bits, because floats cannot tell the pixels of six large frames apart."""
        at = begins + columns.to(torch.int32)
        return self.flat.index_select(1, at.flatten()).reshape(self.flat.shape[0], *at.shape[1:])

    def of(self, other):
        """The same for another stack of this size."""
        result = object.__new__(FrameStack)
        result.__dict__.update(self.__dict__, flat=other.reshape(other.shape[1], -1))
        return result


def _scalar(value, dtype):
    """A number, or a size that is known when the graph runs, as a tensor."""
    return torch.as_tensor(value).to(dtype)


def _by_frame(value, count):
    """The two channels of [1,2,N h,w] by frame, [1,N,h,w] each."""
    return value.reshape(2, count, -1, value.shape[3]).split(1, 0)


class WindowGraph(nn.Module):
    """The fusion of a level of a window (figure 3): differences along motion, temporal features, lambda, kernels, one softmax.

    It works for any number N of other frames.  What it needs of them comes as regions of one size, h' x w' with both even,
    below each other in one tensor.

        planes            [1,P,h,w]        of the center as the others see it: color 3, albedo 3 or zeros, further planes
        own               [1,P,h,w]        of the center for its lambda
        gate              [1,1,h,w]        its albedo gate; zeros give no texture back
        spatial           [1,F,h/2,w/2]    its features
        embedding         [1,E,h/2,w/2]    means of the embedding of cells
        log_lambda        [1,1,h/2,w/2]    zeros for lambda = 1
        other_planes      [1,P,N h',w']
        other_embeddings  [1,E,N h'/2,w'/2]
        motion            [1,2,N h,w]      from each pixel of the center to its place in the frames, in pixels; finite
        columns, rows     [1,N,1,w], [1,N,h,1]  where those of the area are in the regions
        cell_places       [1,2,N h/2,w/2]  the place of each cell of the area in the regions, in cells; -1 for nowhere
        numbers           [1,N,1,1]        of the frames: 0, 1, ...
        slots             [1,N,1,1]        of the frames
        order             [1,6,1,1]        for each slot the number of its frame; N where there is none
        exposure          [1,1,1,1]

        fused  [1,P,h,w]  the planes of the window
        gain   [1,3,h,w]  what the albedo gate multiplies fused colors by

    Taps beyond a region repeat its border: regions end where their frame does, or where nothing is needed any more. A pixel
    whose place is outside of a region is not looked for in that frame.
    """

    # fmt: off
    INPUTS = ("planes", "own", "gate", "spatial", "embedding", "log_lambda", "other_planes", "other_embeddings", "motion",
              "columns", "rows", "cell_places", "numbers", "slots", "order", "exposure")
    # fmt: on
    OUTPUTS = ("fused", "gain")

    def __init__(self, network: Denoiser):
        super().__init__()
        self.architecture = network.architecture
        self.temporal_features = widened(network.temporal_features)
        self.loss_specialization = widened(SplitSpecialization(network.loss_specialization))
        self.neighbor_predictor = widened(HalfResolutionHead(network.neighbor_predictor))

    # fmt: off
    def forward(self, planes, own, gate, spatial, embedding, log_lambda, other_planes, other_embeddings, motion, columns,
                rows, cell_places, numbers, slots, order, exposure):
        # fmt: on
        numbers, slots, order = (t.to(torch.int32) for t in (numbers, slots.flatten(), order.flatten()))
        guides, other_guides = (guide_planes(t[:, :3] * exposure, t[:, 3:6]) for t in (planes, other_planes))
        cells, other_cells = (
            torch.cat([e, GUIDE_SCALE * F.avg_pool2d(g, 2)], 1)
            for e, g in ((embedding, guides), (other_embeddings, other_guides))
        )
        temporal = self.temporal_features(spatial, self.differences(cells, other_cells, cell_places, numbers, order))
        kernels = self.kernels(self.loss_specialization(temporal, log_lambda), slots)
        places = (columns, rows, motion)
        fused = self.fused(kernels, numbers, places, own, FrameStack(other_planes, numbers), guides, other_guides)
        return fused, albedo_gain(fused[:, 3:6], planes[:, 3:6], gate)

    def differences(self, center, others, places, numbers, order):
        """How the guides of the slots differ from the center's; masks last: [1,6(G+1),h/2,w/2]."""
        stack = FrameStack(others, numbers)
        x, y = _by_frame(places, numbers.shape[1])
        left, top = stack.column(x.floor()), stack.row(y.floor())
        right = stack.column(left + 1)

        def row(begins):
            first = stack.fetch(begins, left)
            return first + (x - left) * (stack.fetch(begins, right) - first)

        upper, lower = row(stack.begins(top)), row(stack.begins(stack.row(top + 1)))
        mask = (x + 1).clamp(0, 1)
        away = (upper + (y - top) * (lower - upper) - center.transpose(0, 1)).abs() * mask
        # Slots without a frame get one of zeros.
        away, mask = (F.pad(t, (0, 0, 0, 0, 0, 1)).index_select(1, order) for t in (away, mask))
        return torch.cat([away.transpose(0, 1).reshape(1, -1, *away.shape[2:]), mask], 1)

    def kernels(self, temporal, slots):
        """Weight, sharpness and minus the bandwidths of light and albedo in the units of `guide_planes`, [1,N,h,w] each."""
        predicted = self.neighbor_predictor(temporal)
        size = predicted.shape[2:]
        cells = predicted.reshape(len(WINDOW_OFFSETS), -1, *size).index_select(0, slots)
        weight, sharpness, light, albedo = (t.transpose(0, 1) for t in F.pixel_shuffle(cells, 2).split(1, 1))
        light, albedo = (-(GUIDE_SCALE**2) * F.softplus(t) for t in (light, albedo))
        return weight.clamp(OUTSIDE, 4), F.softplus(sharpness), light, albedo

    def fused(self, kernels, numbers, places, own, others, guides, other_guides):
        """The planes of the center, of weight 1, and of the taps of all kernels, weighted: [1,P,h,w]."""
        weight, sharpness, light, albedo = kernels
        columns, rows, motion = places
        motion = _by_frame(motion, numbers.shape[1])
        whole = [(m + 0.5).floor() for m in motion]
        x, y = columns + whole[0], rows + whole[1]
        rest = [m - w for m, w in zip(motion, whole, strict=True)]
        outside = (x - others.column(x)).abs() + (y - others.row(y)).abs()
        base = weight + OUTSIDE * outside
        size = self.architecture.neighbor_kernel_size
        offsets = range(-(size // 2), size // 2 + 1)
        scales = torch.cat([light] * 3 + [albedo] * 3)
        guide, other_guides = guides.transpose(0, 1), others.of(other_guides)
        tap_columns = [others.column(x + offset) for offset in offsets]
        from_x, from_y = ([sharpness * (offset - r) * (offset - r) for offset in offsets] for r in rest)
        total, norm = own.transpose(0, 1), 1.0
        for i, dy in enumerate(offsets):
            begins = others.begins(others.row(y + dy))
            for j, column in enumerate(tap_columns):
                away = other_guides.fetch(begins, column) - guide
                unlike = (away * away * scales).sum(0, keepdim=True)
                # A weight is at most e^4 and the center's is 1: no maximum has to be subtracted.
                weights = torch.exp(base - from_y[i] - from_x[j] + unlike)
                total = total + (others.fetch(begins, column) * weights).sum(1, keepdim=True)
                norm = norm + weights.sum(1, keepdim=True)
        return (total / norm).transpose(0, 1)
