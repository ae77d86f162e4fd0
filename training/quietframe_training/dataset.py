"""Reads rendered examples (.npz, see docs/training.md) into raw inputs and references, and cuts augmented patches.

A *view* is one frame at one noise level with every array this package uses, as float32 [C,H,W]:
colour, colour variance, albedo, albedo variance, normal, normal variance, reference, and, where the renderer splits
them, diffuse irradiance and specular with their variances and references.
"""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass, replace

import numpy as np
import torch

from .auxiliary_prefilter import prefiltered
from .features import auto_exposure, estimate_variance, firefly_gain

ESTIMATED = ("generic", "color")
"""Encoders of frames without measured variances."""


@dataclass(frozen=True)
class CleanAuxiliaries:
    """What the auxiliary prefilter makes of albedo and normals: [8,H,W], albedo 3, variance 1, normal 3, variance 1."""

    measured: torch.Tensor  # by measured variances
    estimated: torch.Tensor  # by variances that were estimated from 3x3 pixels

    def seen_by(self, source: str) -> torch.Tensor:
        return self.estimated if source in ESTIMATED else self.measured


@dataclass(frozen=True)
class View:
    """One noisy frame and its reference; all [C,H,W] float32, light multiplied by the view's auto-exposure."""

    name: str
    renderer: str  # "cycles", "mitsuba" or "luxcore"
    spp: int
    color: torch.Tensor
    color_variance: torch.Tensor
    albedo: torch.Tensor
    albedo_variance: torch.Tensor
    normal: torch.Tensor
    normal_variance: torch.Tensor
    reference: torch.Tensor
    exposure: float
    flag: float = 0.0
    beauty: bool = True  # the whole picture, not a component of it
    clean: CleanAuxiliaries | None = None
    guides_measured: bool = True  # whether the variances of albedo and normals are those of these buffers

    def inputs(self, source: str | None = None) -> torch.Tensor:
        """Raw inputs [13,H,W] of features.py; where a prefilter has run, with what it made for an encoder (the renderer's)."""
        flag = torch.full_like(self.color_variance, self.flag)
        if self.clean is None:
            auxiliaries = torch.cat([self.albedo, self.albedo_variance, self.normal, self.normal_variance])
        else:
            auxiliaries = self.clean.seen_by(source or self.renderer)
        return torch.cat([self.color, self.color_variance, auxiliaries, flag])


def _exposed(view: View) -> View:
    scale = auto_exposure(view.color)
    return replace(
        view,
        color=view.color * scale,
        color_variance=view.color_variance * scale**2,
        reference=view.reference * scale,
        exposure=scale,
    )


def renderer_of(meta: dict, split: bool) -> str:
    """The renderer of an example: LuxCore names itself; of the others, Cycles splits the picture into components."""
    if meta.get("renderer", "").startswith("LuxCore"):
        return "luxcore"
    return "cycles" if split else "mitsuba"


def has_guide_variances(names) -> bool:
    """Whether the arrays of an example hold the variance of its guides: older Cycles files have that of another albedo."""
    return "diffuse" not in names or "denoise_albedo_var" in names


def encoder_of(renderer: str, sources) -> str:
    """The encoder for frames of a renderer: its own, or `generic` where there is none, as in the service."""
    return renderer if renderer in sources else "generic"


VARIANCE_ENCODER = "mitsuba"
"""Reads measured frames of renderers without an encoder behind the prefilter; noisy guides and variances together do harm."""


def encoder_for(view: View, sources) -> str:
    """The encoder for a view with measured variances."""
    if view.renderer not in sources and view.clean is not None and VARIANCE_ENCODER in sources:
        return VARIANCE_ENCODER
    return encoder_of(view.renderer, sources)


def load_example(path: pathlib.Path, components: bool = True, prefilter=None) -> list[View]:
    """The centre frame of an example: its beauty, and with `components` its irradiance and specular where they exist.

    With a prefilter (`AuxiliaryPrefilter`) its auxiliaries are read clean.
    """
    with np.load(path) as file:
        meta = json.loads(str(file["meta"]))
        center, reference = meta["frames"].index(0), meta["ref_frames"].index(0)

        def frame(name, index=center):
            return torch.from_numpy(np.ascontiguousarray(np.moveaxis(file[name][index].astype(np.float32), -1, 0)))

        split = "diffuse" in file.files
        if split:
            diffuse, albedo, specular = frame("diffuse"), frame("albedo"), frame("specular")
            guide = frame("denoise_albedo").clamp(0, 1)
            guide_variance = frame("denoise_albedo_var" if "denoise_albedo_var" in file.files else "albedo_var")
            color = diffuse * albedo + specular
            refs = {k: frame(f"ref_{k}", reference) for k in ("diffuse", "specular", "albedo")}
            target = refs["diffuse"] * refs["albedo"] + refs["specular"]
        else:
            guide, color, target = frame("albedo"), frame("color"), frame("ref_color", reference)
            guide_variance = frame("albedo_var")
        base = View(
            path.stem, renderer_of(meta, split), meta["spp"], color, frame("color_var"), guide, guide_variance,
            frame("normal"), frame("normal_var"), target, 1.0,
        )  # fmt: skip
        base = behind(prefilter, replace(base, guides_measured=has_guide_variances(file.files)))
        views = [_exposed(base)]
        if split and components:
            part = replace(base, beauty=False)
            irradiance = replace(part, color=diffuse, color_variance=frame("diffuse_var"), reference=refs["diffuse"], flag=1.0)
            gloss = replace(part, color=specular, color_variance=frame("specular_var"), reference=refs["specular"])
            surface = replace(part, color=albedo, color_variance=frame("albedo_var"), reference=refs["albedo"])
            views += [_exposed(v) for v in (irradiance, gloss, surface) if float(v.reference.mean()) > 1e-3]
        return views


def load_folders(folders, components: bool = True) -> list[View]:
    """Every example of the folders, sorted by path."""
    paths = sorted(p for folder in folders for p in pathlib.Path(folder).glob("*.npz"))
    return [view for path in paths for view in load_example(path, components)]


def seen_by(inputs: torch.Tensor, source: str) -> torch.Tensor:
    """What an encoder gets of inputs [13,H,W]: `generic` has no variances, `color` nothing but colour.

    Both get the colour variance that `estimate_variance` makes of the colour. Where variances are real, fireflies are
    dimmed. Doing it twice changes nothing more.
    """
    inputs = inputs.clone()
    if source not in ESTIMATED:
        gain = firefly_gain(inputs[None, :3], inputs[None, 3:4])[0]
        inputs[:3] *= gain
        inputs[3:4] *= gain.square()
    else:
        inputs[3:4] = estimate_variance(inputs[None, :3])[0]
        inputs[7], inputs[11] = 0.0, 0.0
        if source == "color":
            inputs[4:12] = 0.0
    return inputs


def behind(prefilter, view: View) -> View:
    """A view with the guides that a prefilter (`AuxiliaryPrefilter`) makes; as it is without one."""
    if prefilter is None:
        return view
    noisy = torch.cat([view.albedo, view.albedo_variance, view.normal, view.normal_variance])
    estimated = prefiltered(prefilter, noisy, False)
    measured = prefiltered(prefilter, noisy, True) if view.guides_measured else estimated
    return replace(view, clean=CleanAuxiliaries(measured, estimated))


def cleaned(prefilter, inputs: torch.Tensor, source: str, guides_measured: bool = True) -> torch.Tensor:
    """Inputs [13,H,W] with the auxiliaries that an encoder gets from a prefilter; as they are without one."""
    if prefilter is None or source == "color":
        return inputs
    auxiliaries = prefiltered(prefilter, inputs[4:12], guides_measured and source not in ESTIMATED)
    return torch.cat([inputs[:4], auxiliaries, inputs[12:]])


def with_less_noise(inputs: torch.Tensor, reference: torch.Tensor, share: float) -> torch.Tensor:
    """Inputs [13,H,W] as 1 / share^2 times the samples would have made their colour; the other buffers stay as they are."""
    inputs = inputs.clone()
    inputs[:3] = reference + share * (inputs[:3] - reference)
    inputs[3] *= share**2
    return inputs


def add_fireflies(inputs: torch.Tensor, rng: np.random.Generator) -> None:
    """Puts a few very bright samples into colour [13,H,W], in place, with the variance that half buffers would see.

    A sample of value v in one of two halves adds v/2 to their mean and (v/2)^2 to the variance of the mean. Half of
    them are seen emitters, which the albedo buffer shows as well: a network that has never met those keeps them.
    """
    height, width = inputs.shape[1:]
    count = int(rng.integers(1, max(2, height * width // 800)))
    rows, columns = (torch.from_numpy(rng.integers(0, n, count)) for n in (height, width))
    tint = torch.from_numpy(rng.uniform(0.5, 1, (3, count)).astype(np.float32))
    value = tint * torch.from_numpy(np.exp(rng.uniform(np.log(0.5), np.log(300), count)).astype(np.float32))
    inputs[:3, rows, columns] += value
    inputs[3, rows, columns] += value.square().mean(0)
    if inputs[4:7].abs().max() > 0 and rng.random() < 0.5:
        change = torch.from_numpy(rng.uniform(0, 1, (3, count)).astype(np.float32)) * (1 - inputs[4:7, rows, columns]).clamp(
            min=0
        )
        inputs[4:7, rows, columns] += change
        inputs[7, rows, columns] += change.square().mean(0)


class PatchSampler:
    """Random augmented patches. Every patch is seen by the encoder of its renderer, or by a poorer one; or all by `only`.

    Inputs with less noise (`with_less_noise`) were tried for a quarter of them: the noise of the references, which such
    inputs share and no variance tells of, was learnt as detail. With 256 samples per pixel DSSIM was 0.0123, without
    0.0048, against a reference of 2048. A guard keeps converged pictures instead (noise_guard.py).
    """

    def __init__(self, views, sources, size=96, seed=0, poorer=0.35, components=0.2, fireflies=0.2, only=None):
        self.sources, self.size, self.poorer = list(sources), size, poorer
        self.random = np.random.default_rng(seed)
        self.views, self.fireflies, self.only = views, fireflies, only
        weights = np.array([self._weight(v, components) for v in views])
        renderers = np.array([v.renderer for v in views])
        for renderer in set(renderers):  # renderers are balanced, however many views there are of each
            weights[renderers == renderer] /= weights[renderers == renderer].sum()
        self.probability = weights / weights.sum()

    @staticmethod
    def _weight(view: View, components: float) -> float:
        # Low sample counts are what users send most and where the networks differ.
        noise = {2: 1.0, 4: 1.0, 8: 0.9, 16: 0.8, 32: 0.7, 64: 0.6}.get(view.spp, 0.7)
        return noise * (1.0 if view.beauty else components)

    def _corner(self, view: View) -> tuple[int, int]:
        """One of four random corners, by the spread of the reference's logarithm (importance, Bako et al. 2017)."""
        height, width = view.reference.shape[1:]
        corners, scores = [], []
        for _ in range(4):
            y, x = (int(self.random.integers(0, n - self.size + 1)) for n in (height, width))
            patch = view.reference[:, y : y + self.size, x : x + self.size]
            corners.append((y, x))
            scores.append(float(torch.log1p(patch.clamp(min=0)).std()) + 0.05)
        return corners[self.random.choice(4, p=np.array(scores) / sum(scores))]

    def patch(self) -> tuple[torch.Tensor, torch.Tensor, int]:
        """(inputs [13,S,S], reference [3,S,S], source index)."""
        return self.patch_of(self.view())

    def view(self) -> View:
        """A random view."""
        return self.views[self.random.choice(len(self.views), p=self.probability)]

    def patch_of(self, view: View) -> tuple[torch.Tensor, torch.Tensor, int]:
        """A patch of a view, as `patch` gives it."""
        rng = self.random
        y, x = self._corner(view)
        window = (slice(None), slice(y, y + self.size), slice(x, x + self.size))
        source = self.only or encoder_of(view.renderer, self.sources)
        if not self.only and rng.random() < self.poorer:
            source = "color" if rng.random() < 0.3 else "generic"
        inputs, reference = view.inputs(source)[window].clone(), view.reference[window].clone()

        order = torch.from_numpy(rng.permutation(3))
        gain = torch.from_numpy(np.exp2(rng.normal(0, 0.25, 3)).astype(np.float32) * np.float32(2 ** rng.normal(0, 1)))
        gain = gain.view(3, 1, 1)
        inputs[0:3] = inputs[order] * gain
        inputs[3] *= gain.square().mean()
        inputs[4:7] = inputs[4:7][order]
        reference = reference[order] * gain
        if rng.random() < self.fireflies:
            add_fireflies(inputs, rng)
        rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))  # camera and world space, any handedness
        inputs[8:11] = torch.einsum("ij,jhw->ihw", torch.from_numpy(rotation.astype(np.float32)), inputs[8:11])

        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        inputs, reference = (torch.rot90(t, turns, (1, 2)) for t in (inputs, reference))
        if mirror:
            inputs, reference = inputs.flip(2), reference.flip(2)
        return seen_by(inputs, source).contiguous(), reference.contiguous(), self.sources.index(source)

    def batch(self, count: int):
        """(inputs [N,13,S,S], references [N,3,S,S], source ids [N])."""
        inputs, references, ids = zip(*(self.patch() for _ in range(count)), strict=True)
        return torch.stack(inputs), torch.stack(references), torch.tensor(ids)
