"""Random crops of photographs, one channel each."""

from __future__ import annotations

import pathlib

import numpy as np
import torch


def load_photograph(path: pathlib.Path) -> torch.Tensor:
    """[3,H,W] in [0,1], with the transfer function of the file."""
    from PIL import Image

    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1).float() / 255


class CropSampler:
    """Crops [N,1,size,size], flipped and turned, half of them inverted; a batch has one random contrast, a fifth to four.

    Contrast stands in for noise levels: the filters and the network see the picture in units of the noise only. Noise of 0.05
    to 0.1 is that of 0.025 to 0.25 all alike.
    """

    def __init__(self, folder: pathlib.Path, seed: int = 0):
        self.photographs = [load_photograph(path) for path in sorted(pathlib.Path(folder).glob("*.jpg"))]
        self.random = np.random.default_rng(seed)

    def batch(self, count: int, size: int) -> torch.Tensor:
        contrast = float(np.exp(self.random.uniform(np.log(0.2), np.log(4.0))))
        return torch.stack([self._crop(size) * contrast for _ in range(count)])

    def _crop(self, size: int) -> torch.Tensor:
        random = self.random
        photograph = self.photographs[random.integers(len(self.photographs))]
        channels, height, width = photograph.shape
        top, left = random.integers(height - size + 1), random.integers(width - size + 1)
        crop = photograph[random.integers(channels), top : top + size, left : left + size]
        crop = torch.rot90(crop, int(random.integers(4)))
        if random.random() < 0.5:
            crop = crop.flip(1)
        return (crop * float(random.choice((-1, 1)))).contiguous()[None]
