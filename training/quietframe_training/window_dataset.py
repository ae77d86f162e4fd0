"""Windows of rendered frames: read, augmented, and turned into what the locked single-frame network says about them."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass, replace

import numpy as np
import torch

from .dataset import add_fireflies, cleaned, has_guide_variances, seen_by
from .features import auto_exposure
from .network import Denoiser, LevelOfFrame, LevelOfNeighbor
from .window import WINDOW_OFFSETS, chain_motion, coarser_motion


@dataclass(frozen=True)
class Window:
    """A centre frame and those about it, all [C,H,W] float32; every frame in its own auto-exposure."""

    name: str
    renderer: str
    spp: int
    center: torch.Tensor  # raw inputs [13,H,W] of features.py
    neighbors: dict[int, torch.Tensor]  # by slot of WINDOW_OFFSETS, raw inputs
    gains: dict[int, float]  # by slot, from the frame's exposure to the centre's
    motion: dict[int, torch.Tensor]  # by slot [2,H,W], from the centre's pixels
    reference: torch.Tensor  # [3,H,W] in the centre's exposure
    exposure: float
    guides_measured: bool = True  # whether the variances of albedo and normals are those of these buffers

    def only(self, slots) -> Window:
        """The window without the neighbours of other slots."""
        kept = {s: self.neighbors[s] for s in slots if s in self.neighbors}
        return replace(self, neighbors=kept)


def _frame_inputs(arrays, index: int) -> tuple[torch.Tensor, float]:
    """Raw inputs [13,H,W] of a frame in its auto-exposure, and that."""

    def planes(name):
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(arrays[name][index].astype(np.float32), -1, 0)))

    if "diffuse" in arrays:
        color = planes("diffuse") * planes("albedo") + planes("specular")
        guide = planes("denoise_albedo").clamp(0, 1)
        guide_variance = planes("denoise_albedo_var" if "denoise_albedo_var" in arrays else "albedo_var")
    else:
        color, guide, guide_variance = planes("color"), planes("albedo"), planes("albedo_var")
    scale = auto_exposure(color)
    variance = planes("color_var")
    rest = [guide, guide_variance, planes("normal"), planes("normal_var"), torch.zeros_like(variance)]
    return torch.cat([color * scale, variance * scale**2, *rest]), scale


def load_window(path: pathlib.Path) -> Window:
    """All frames of an example; a window without neighbours where it has one frame or no motion."""
    with np.load(path) as file:
        return window_of({name: file[name] for name in file.files}, path.stem)


@dataclass(frozen=True)
class Shot:
    """The window of an example and, where it has a frame after the centre, the window about that."""

    window: Window
    next: Window | None
    to_previous: torch.Tensor | None  # motion of the next frame into the centre [2,H,W]


def load_shot(path: pathlib.Path) -> Shot:
    """An example for training. The next window has no reference of its own: that of the centre stands in.

    Where lamps move, frames differ rightly by more than motion tells, and none is taken.
    """
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    window = window_of(arrays, path.stem)
    meta = json.loads(str(arrays["meta"]))
    if 1 not in meta["frames"] or not window.neighbors or "lamps" in meta.get("moves", ""):
        return Shot(window, None, None)
    later = arrays | {"meta": np.array(json.dumps(meta | {"frames": [f - 1 for f in meta["frames"]]}))}
    after = window_of(later, path.stem)
    return Shot(window, after, after.motion[WINDOW_OFFSETS.index(-1)])


def window_of(arrays: dict[str, np.ndarray], name: str) -> Window:
    """The window about the frame that `meta` calls 0."""
    meta = json.loads(str(arrays["meta"]))
    frames, middle = meta["frames"], meta["frames"].index(0)
    center, exposure = _frame_inputs(arrays, middle)
    split = "diffuse" in arrays
    index = meta["ref_frames"].index(0) if 0 in meta["ref_frames"] else 0
    names = ("ref_diffuse", "ref_albedo", "ref_specular") if split else ("ref_color",)
    parts = [torch.from_numpy(np.moveaxis(arrays[n][index].astype(np.float32), -1, 0).copy()) for n in names]
    reference = parts[0] * parts[1] + parts[2] if split else parts[0]
    neighbors, gains, motion = {}, {}, {}
    if len(frames) > 1 and meta.get("motion_valid", True):
        vectors = torch.from_numpy(np.moveaxis(arrays["motion"].astype(np.float32), -1, 1).copy())
        for slot, offset in enumerate(WINDOW_OFFSETS):
            if offset not in frames:
                continue
            neighbors[slot], scale = _frame_inputs(arrays, middle + offset)
            gains[slot] = exposure / scale
            direction = slice(0, 2) if offset < 0 else slice(2, 4)
            way = range(0, offset, -1 if offset < 0 else 1)
            motion[slot] = chain_motion([vectors[middle + t, direction][None] for t in way])[0]
    renderer = "cycles" if split else "mitsuba"
    measured = has_guide_variances(arrays)
    return Window(name, renderer, meta["spp"], center, neighbors, gains, motion, reference * exposure, exposure, measured)


def _turn_motion(motion: torch.Tensor, turns: int, mirror: bool) -> torch.Tensor:
    """Motion of a picture that is turned by quarter turns, counter-clockwise, and then perhaps mirrored."""
    motion = torch.rot90(motion, turns, (1, 2))
    x, y = motion
    for _ in range(turns):
        x, y = y, -x
    motion = torch.stack([x, y])
    return motion.flip(2) * torch.tensor([-1.0, 1.0]).view(2, 1, 1) if mirror else motion


def augment(window: Window, rng: np.random.Generator, fireflies: float = 0.15) -> Window:
    """Turns, mirrors, tints; consistent over the window's frames."""
    order = torch.from_numpy(rng.permutation(3))
    tint = torch.from_numpy(np.exp2(rng.normal(0, 0.25, 3)).astype(np.float32)).view(3, 1, 1)
    level = float(2 ** rng.normal(0, 0.7))
    rotation = torch.from_numpy(np.linalg.qr(rng.normal(size=(3, 3)))[0].astype(np.float32))
    turns, mirror = int(rng.integers(4)), bool(rng.integers(2))

    def turn(x):
        x = torch.rot90(x, turns, (1, 2))
        return x.flip(2) if mirror else x

    def change(inputs):
        inputs = inputs.clone()
        inputs[0:3] = inputs[order] * tint * level
        inputs[3] *= (tint * level).square().mean()
        inputs[4:7] = inputs[4:7][order]
        inputs[8:11] = torch.einsum("ij,jhw->ihw", rotation, inputs[8:11])
        if rng.random() < fireflies:
            add_fireflies(inputs, rng)
        return turn(inputs).contiguous()

    return replace(
        window,
        center=change(window.center),
        neighbors={slot: change(x) for slot, x in window.neighbors.items()},
        motion={slot: _turn_motion(m, turns, mirror).contiguous() for slot, m in window.motion.items()},
        reference=turn(window.reference[order] * tint * level).contiguous(),
    )


@dataclass(frozen=True)
class PreparedWindow:
    """A window as the locked modules see it, every tensor with a leading 1."""

    center: list[LevelOfFrame]
    neighbors: list[list[LevelOfNeighbor]]  # per level
    noisy: torch.Tensor
    reference: torch.Tensor

    def only(self, slots) -> PreparedWindow:
        kept = [[n for n in level if n.slot in slots] for level in self.neighbors]
        return replace(self, neighbors=kept if any(kept) else [])


@torch.no_grad()
def prepare(network: Denoiser, window: Window, source: str, prefilter=None) -> PreparedWindow:
    """Features and estimates of all frames and levels through one encoder; sides must be multiples of 2^levels.

    With a prefilter (`AuxiliaryPrefilter`), behind it.
    """
    index = torch.tensor([network.architecture.sources.index(source)])
    center = network.levels_of_frame(
        seen_by(cleaned(prefilter, window.center, source, window.guides_measured), source)[None], index
    )
    if window.neighbors:
        center = network.estimated(center)
    neighbors = [[] for _ in center]
    for slot, inputs in sorted(window.neighbors.items()):
        seen = seen_by(cleaned(prefilter, inputs, source, window.guides_measured), source)
        frame = network.estimated(network.levels_of_frame(seen[None], index, torch.tensor([window.gains[slot]])))
        motion = window.motion[slot][None]
        for level, f in zip(neighbors, frame, strict=True):
            level.append(LevelOfNeighbor(**vars(f), slot=slot, motion=motion, present=torch.tensor([True])))
            motion = coarser_motion(motion)
    return PreparedWindow(center, neighbors if window.neighbors else [], window.center[None, :3], window.reference[None])
