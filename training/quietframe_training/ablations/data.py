"""Views of the data folders by renderer, and the scores of a network on the validation views."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from ..dataset import View, load_example
from ..losses import dssim, smape
from ..network import Denoiser
from ..train import denoise_view

# The encoder of a network that does not know renderers apart.
SHARED = "shared"
# Blotches are what is left of an error in means of so many pixels a side.
BLOTCH = 8


@dataclass(frozen=True)
class Examples:
    """The views of training and validation."""

    training: list[View]
    validation: list[View]

    def of(self, renderer: str) -> Examples:
        """The views of one renderer."""
        return Examples(*([v for v in views if v.renderer == renderer] for views in (self.training, self.validation)))


def load_examples(data: list[pathlib.Path], validation: pathlib.Path) -> Examples:
    """The beauty of every example of the folders, without the components."""
    paths = sorted(path for folder in data for path in folder.glob("*.npz"))
    training = [view for path in paths for view in load_example(path, False)]
    return Examples(training, [v for path in sorted(validation.glob("*.npz")) for v in load_example(path, False)])


def shared(views: list[View]) -> list[View]:
    """The views as of one renderer, `SHARED`."""
    return [replace(view, renderer=SHARED) for view in views]


def subset(views: list[View], count: int | None, seed: int) -> list[View]:
    """`count` random views, all where it is none."""
    if count is None or count >= len(views):
        return views
    return [views[i] for i in sorted(np.random.default_rng(seed).choice(len(views), count, replace=False))]


def blotches(denoised: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """SMAPE of means of 8x8 pixels: the low frequencies of the error."""
    return smape(F.avg_pool2d(denoised, BLOTCH), F.avg_pool2d(reference, BLOTCH))


METRICS = {"smape": smape, "dssim": dssim, "blotches": blotches}


@torch.no_grad()
def scores(network: Denoiser, views: list[View], encoder: Callable[[View], str]) -> dict[str, dict]:
    """By renderer, the metrics of the denoised views and their ratios to those of the noisy ones, means over the views."""
    network.eval()
    sums: dict[str, dict[str, list[float]]] = {}
    for view in views:
        source = encoder(view)
        reference = view.reference / view.exposure
        pictures = {"": denoise_view(network, view.inputs(source), source), "noisy ": view.color}
        row = sums.setdefault(view.renderer, {})
        for prefix, picture in pictures.items():
            for name, metric in METRICS.items():
                row.setdefault(prefix + name, []).append(float(metric(picture / view.exposure, reference)))
    network.train()
    result = {}
    for renderer, row in sums.items():
        means = {name: float(np.mean(values)) for name, values in row.items()}
        relative = {f"relative {name}": means[name] / max(means[f"noisy {name}"], 1e-9) for name in METRICS}
        figures = {**{name: means[name] for name in METRICS}, **relative}
        result[renderer] = {"views": len(row["smape"]), **{name: round(value, 5) for name, value in figures.items()}}
    return result
