"""Make auxiliary examples of views that were rendered for the denoiser, with OIDN's own prefilter as the reference.

    python -m quietframe_training.generators.oidn_auxiliaries --data DIR [DIR ...] --out DIR

Needs the package pyoidn. Such a reference is no better than OIDN's prefilter: these examples add materials and noise that the
rendered ones lack, and should be the minority. Of each example only the mean and the variance of two halves are known: the
halves are made anew, with a random sign for each pixel.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from ..dataset import load_example
from ..oidn import oidn_prefilter
from .auxiliary_format import save_auxiliaries


def halves(mean: np.ndarray, variance: np.ndarray, noise: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures (H, W, 3) with this mean whose half-buffer variance, averaged over channels, is `variance` (H, W, 1)."""
    direction = noise.normal(size=mean.shape)
    direction /= np.sqrt(np.mean(direction**2, -1, keepdims=True))
    step = direction * np.sqrt(variance)
    return mean + step, mean - step


def convert(path: Path, out: Path, number: int) -> None:
    view = load_example(path, components=False)[0]
    noise = np.random.default_rng(number)
    pairs, references = [], []
    for name in ("albedo", "normal"):
        mean = getattr(view, name).clamp(-1, 1)
        mean = mean.clamp(min=0) if name == "albedo" else mean
        variance = getattr(view, f"{name}_variance").permute(1, 2, 0).numpy()
        pairs.append(halves(mean.permute(1, 2, 0).numpy(), variance, noise))
        references.append(oidn_prefilter(mean, name).permute(1, 2, 0).numpy())
    draws = np.stack([np.concatenate([albedo, normal], -1) for albedo, normal in zip(*pairs, strict=True)])
    meta = {"seed": number, "renderer": view.renderer, "spp_per_draw": view.spp // 2, "ref_spp": 0, "source": path.stem,
            "reference": "OIDN high, prefilter", "measured": view.guides_measured}  # fmt: skip
    save_auxiliaries(out / f"oi_{number:06d}.npz", draws, np.concatenate(references, -1), meta)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted(p for folder in options.data for p in folder.glob("*.npz"))):
        convert(path, options.out, number)


if __name__ == "__main__":
    main()
