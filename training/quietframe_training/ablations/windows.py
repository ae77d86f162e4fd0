"""Cells of windows: figures 12 to 15 of Vogels et al. 2018, with a trained network and nothing trained here."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

import numpy as np

from ..evaluate_windows import Pipeline, denoise, oidn_of, shot
from ..losses import dssim, smape
from ..window_dataset import load_window
from .cells import Cell

# Slots of WINDOW_OFFSETS by frames of the window. Windows of an even length have one more frame before the center.
SYMMETRIC = {1: (), 2: (2,), 3: (2, 3), 4: (1, 2, 3), 5: (1, 2, 3, 4), 6: (0, 1, 2, 3, 4), 7: (0, 1, 2, 3, 4, 5)}
PAST = {2: (2,), 3: (1, 2), 4: (0, 1, 2)}
# Frames at the ends of a shot, whose windows are not whole.
REACH = 3
METRICS = {"smape": smape, "dssim": dssim}


@dataclass(frozen=True)
class WindowCells:
    """Makes the cells; `model` names the checkpoints of the pipeline in the settings."""

    pipeline: Pipeline
    model: str

    def _cell(self, name: str, path: pathlib.Path, make) -> Cell:
        return Cell(f"{name}-{path.stem}", {"model": self.model, "example": path.stem}, lambda _: make(path))

    def lengths(self, path: pathlib.Path) -> Cell:
        """Figures 13 to 15: the center of a sequence in windows of 1 to 7 frames, and of past frames only."""
        return self._cell("windows", path, self._lengths)

    def stability(self, path: pathlib.Path) -> Cell:
        """Figure 12: DSSIM between neighbors of a still shot, every frame of which has a seed of its own."""
        return self._cell("stability", path, self._stability)

    def _lengths(self, path: pathlib.Path) -> dict:
        window = load_window(path)
        reference = window.reference / window.exposure

        def score(picture):
            return {name: round(float(metric(picture, reference)), 6) for name, metric in METRICS.items()}

        symmetric = {n: score(denoise(self.pipeline, window, slots)) for n, slots in SYMMETRIC.items()}
        past = {n: score(denoise(self.pipeline, window, slots)) for n, slots in PAST.items()}
        noisy = score(window.center[:3] / window.exposure)
        oidn = score(oidn_of(window) / window.exposure)
        return {"renderer": window.renderer, "spp": window.spp, "noisy": noisy, "oidn": oidn,
                "symmetric": symmetric, "past": past}  # fmt: skip

    def _stability(self, path: pathlib.Path) -> dict:
        frames = [window for window, _ in shot(path)]
        result = {"frames": len(frames), "spp": frames[0].spp}
        for name, method in self._methods().items():
            pictures = [method(window) for window in frames[REACH : len(frames) - REACH]]
            pairs = list(zip(pictures, pictures[1:], strict=False))
            values = [float(dssim(b, a)) for a, b in pairs]
            difference = float(np.mean([float((b - a).abs().mean()) for a, b in pairs]))
            result[name] = {"dssim": round(float(np.mean(values)), 6), "deviation": round(float(np.std(values)), 6),
                            "difference": round(difference, 6)}  # fmt: skip
        return result

    def _methods(self):
        return {
            "noisy": lambda w: w.center[:3] / w.exposure,
            "oidn high": lambda w: oidn_of(w) / w.exposure,
            **{f"{n} frames": lambda w, n=n: denoise(self.pipeline, w, SYMMETRIC[n]) for n in (1, 3, 5, 7)},
        }
