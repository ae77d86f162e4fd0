"""What a renderer has seen of every pixel so far."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


class Film:
    """Sums over samples, pixel by pixel, in two halves that share no sample.

    Each pixel may have another number of samples; its own alternate between the halves.  Guides (albedo, normal) are
    averaged along with the colour.
    """

    #: Channels of a sample by layer.
    LAYERS = {"color": 3, "albedo": 3, "normal": 3}
    CHANNELS = sum(LAYERS.values())

    def __init__(self, width: int, height: int):
        if width < 1 or height < 1:
            raise ValueError(f"Expected 1 x 1 pixel or more for the film but received {width} x {height}")
        self.width, self.height = width, height
        #: Samples of each half, [2, height, width].
        self.counts: npt.NDArray[np.int64] = np.zeros((2, height, width), np.int64)
        #: Sums of the samples of each half, [2, channel, height, width].
        self.sums: npt.NDArray[np.float64] = np.zeros((2, self.CHANNELS, height, width))
        #: Sums of the squares of all samples, [4, height, width]: red, green, blue, luminance.
        self.squares: npt.NDArray[np.float64] = np.zeros((4, height, width))

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def samples(self) -> npt.NDArray[np.int64]:
        """Samples of each pixel, [height, width]."""
        samples: npt.NDArray[np.int64] = self.counts.sum(0)
        return samples

    @property
    def total(self) -> int:
        """Samples of all pixels."""
        return int(self.counts.sum())

    @property
    def spp(self) -> float:
        """Mean samples per pixel."""
        return self.total / self.pixels

    def add(self, counts: Array, sums: Array, squares: Array) -> None:
        """Adds the sums of new samples; shapes as the fields."""
        self.counts += counts
        self.sums += sums
        self.squares += squares

    def mean(self, layer: str = "color") -> Array:
        """Mean of all samples, [height, width, 3]; 0 where there are none."""
        sums = self.sums[:, self._channels(layer)].sum(0)
        return np.asarray(np.moveaxis(sums / np.maximum(self.samples, 1), 0, -1))

    def half(self, index: int, layer: str = "color") -> Array:
        """Mean of a half, [height, width, 3]; that of the other half where this one has no sample."""
        own, other = self.counts[index], self.counts[1 - index]
        sums = np.where(own > 0, self.sums[index, self._channels(layer)], self.sums[1 - index, self._channels(layer)])
        return np.asarray(np.moveaxis(sums / np.maximum(np.where(own > 0, own, other), 1), 0, -1))

    def variance(self) -> Array:
        """Variance of the mean luminance, [height, width]; infinite where fewer than two samples cannot tell."""
        return np.asarray(
            self._variance_of_sample(self.mean() @ LUMINANCE, self.squares[3]) / np.maximum(self.samples, 1)
        )

    def variance_of_half(self, index: int) -> Array:
        """Variance of the mean of a half, [height, width, 3], as all samples of the pixel tell it.

        Where there are fewer than two, as large as it is anywhere; 0 where no pixel has two.
        """
        of_sample = [self._variance_of_sample(self.mean()[..., c], self.squares[c]) for c in range(3)]
        own, other = self.counts[index], self.counts[1 - index]
        variance = np.stack(of_sample, -1) / np.maximum(np.where(own > 0, own, other), 1)[..., None]
        known = np.isfinite(variance)
        return np.asarray(np.where(known, variance, variance[known].max(initial=0)))

    def channels_of_half(self, index: int) -> dict[str, Array]:
        """A half as channels of an OpenEXR file with Mitsuba's names; `mse` is the variance of its colour."""
        names = {"color": ("R", "G", "B"), "albedo": ("albedo.R", "albedo.G", "albedo.B")}
        names["normal"] = ("sh_normal.X", "sh_normal.Y", "sh_normal.Z")
        channels = {
            name: self.half(index, layer)[..., c].astype(np.float32)
            for layer, channels in names.items()
            for c, name in enumerate(channels)
        }
        variance = self.variance_of_half(index)
        return channels | {f"mse.{name}": variance[..., c].astype(np.float32) for c, name in enumerate("RGB")}

    def _variance_of_sample(self, mean: Array, squares: Array) -> Array:
        """Unbiased, [height, width]; infinite where fewer than two samples cannot tell."""
        n = self.samples
        spread = np.maximum(squares - n * mean**2, 0)
        return np.asarray(np.where(n > 1, spread / np.maximum(n - 1, 1), np.inf))

    def _channels(self, layer: str) -> slice:
        first = 0
        for name, count in self.LAYERS.items():
            if name == layer:
                return slice(first, first + count)
            first += count
        raise KeyError(layer)
