"""Reads examples of auxiliary buffers (generators/auxiliary_format.py) and cuts augmented patches of any noise level."""

from __future__ import annotations

import json
import pathlib
from dataclasses import dataclass

import numpy as np
import torch

from .auxiliary_prefilter import with_estimated_variances


@dataclass(frozen=True)
class AuxiliaryView:
    """Independent renders of albedo and normal, and their reference; float16, channels first."""

    name: str
    draws: np.ndarray  # [D,6,H,W]
    reference: np.ndarray  # [6,H,W]
    noise: float  # mean absolute error of two draws
    measured: bool  # whether the draws tell the variance

    @property
    def size(self) -> tuple[int, int]:
        return self.reference.shape[1:]


def load_auxiliaries(path: pathlib.Path) -> AuxiliaryView:
    with np.load(path) as file:
        meta = json.loads(str(file["meta"]))
        draws = np.ascontiguousarray(np.moveaxis(file["draws"], -1, 1))
        reference = np.ascontiguousarray(np.moveaxis(file["reference"], -1, 0))
    pair = draws[:2].astype(np.float32).mean(0)
    return AuxiliaryView(path.stem, draws, reference, float(np.abs(pair - reference).mean()), meta.get("measured", True))


def mean_of_halves(draws: np.ndarray) -> np.ndarray:
    """An even number of draws [2n,6,H,W] -> albedo 3, variance 1, normal 3, variance 1 of their mean: [8,H,W].

    The variance is that of two half buffers, mean_c((A-B)^2)/4, as renderers' halves measure it.
    """
    half = len(draws) // 2
    a, b = draws[:half].mean(0, dtype=np.float32), draws[half:].mean(0, dtype=np.float32)
    mean, square = (a + b) / 2, (a - b) ** 2 / 4
    return np.concatenate([mean[:3], square[:3].mean(0, keepdims=True), mean[3:], square[3:].mean(0, keepdims=True)]).astype(
        np.float32
    )


class AuxiliarySampler:
    """Random augmented patches; views are drawn by their noise, because most patches of renders have almost none."""

    def __init__(self, views, size: int = 64, seed: int = 0, estimated: float = 0.4, single: float = 0.1):
        self.views, self.size, self.estimated, self.single = views, size, estimated, single
        self.random = np.random.default_rng(seed)
        weight = np.array([view.noise + 0.03 for view in views])
        self.probability = weight / weight.sum()

    def _corner(self, view: AuxiliaryView) -> tuple[slice, slice]:
        """The noisiest of three random corners, or any of them."""
        rng, best, most = self.random, None, -1.0
        for _ in range(3):
            y, x = (int(rng.integers(0, n - self.size + 1)) for n in view.size)
            window = (slice(y, y + self.size), slice(x, x + self.size))
            noise = float(np.abs(view.draws[0][(slice(None), *window)].astype(np.float32)
                                 - view.reference[(slice(None), *window)]).mean()) * rng.random()  # fmt: skip
            if noise > most:
                best, most = window, noise
        return best

    def patch(self) -> tuple[torch.Tensor, torch.Tensor, float]:
        """(auxiliaries [8,S,S], reference [6,S,S], 1 where the variances are measured)."""
        rng = self.random
        view = self.views[rng.choice(len(self.views), p=self.probability)]
        window = self._corner(view)
        count = 2 * int(rng.choice([1, 2, 4, 8], p=[0.35, 0.3, 0.2, 0.15]))
        chosen = rng.permutation(len(view.draws))[: min(count, len(view.draws))]
        auxiliaries = torch.from_numpy(mean_of_halves(view.draws[(chosen, slice(None), *window)]))
        reference = torch.from_numpy(view.reference[(slice(None), *window)].astype(np.float32))

        order = torch.from_numpy(rng.permutation(3))
        gain = torch.from_numpy(rng.uniform(0.3, 1, 3).astype(np.float32)).view(3, 1, 1)
        auxiliaries[:3] = auxiliaries[:3][order] * gain
        reference[:3] = reference[:3][order] * gain
        auxiliaries[3] *= gain.square().mean()
        rotation = torch.from_numpy(np.linalg.qr(rng.normal(size=(3, 3)))[0].astype(np.float32))
        auxiliaries[4:7] = torch.einsum("ij,jhw->ihw", rotation, auxiliaries[4:7])
        reference[3:] = torch.einsum("ij,jhw->ihw", rotation, reference[3:])
        if rng.random() < self.single:  # one of the buffers is missing
            missing = (slice(0, 4), slice(0, 3)) if rng.random() < 0.3 else (slice(4, 8), slice(3, 6))
            auxiliaries[missing[0]], reference[missing[1]] = 0, 0
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        auxiliaries, reference = (torch.rot90(t, turns, (1, 2)) for t in (auxiliaries, reference))
        if mirror:
            auxiliaries, reference = auxiliaries.flip(2), reference.flip(2)
        measured = view.measured and rng.random() >= self.estimated
        if not measured:
            auxiliaries = with_estimated_variances(auxiliaries[None])[0]
        return auxiliaries.contiguous(), reference.contiguous(), float(measured)

    def batch(self, count: int):
        """(auxiliaries [N,8,S,S], references [N,6,S,S], measured [N,1,1,1])."""
        auxiliaries, references, measured = zip(*(self.patch() for _ in range(count)), strict=True)
        return torch.stack(auxiliaries), torch.stack(references), torch.tensor(measured).view(-1, 1, 1, 1)
