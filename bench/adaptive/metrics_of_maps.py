"""Error maps of the guiding metrics against a reference, and MS-DSSIM, as docs/adaptive.md defines them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from metrics import exposure_of, shown, smape_map

Array = npt.NDArray[Any]
SCALE_EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def blur(values: Array) -> Array:
    """11x11 Gaussian of sigma 1.5; at the border the part of the window inside the picture, renormalized."""
    row = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    for axis in (0, 1):
        weights = np.convolve(np.ones(values.shape[axis]), row)[5:-5]
        values = np.apply_along_axis(lambda line: np.convolve(line, row)[5:-5], axis, values)
        values = values / np.expand_dims(weights, 1 - axis)
    return values


def similarity(x: Array, y: Array) -> tuple[Array, Array]:
    """The luminance term of SSIM and its contrast and structure, pixel by pixel."""
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mx * my + c1) / (mx * mx + my * my + c1), (2 * cov + c2) / (vx + vy + c2)


def scales(picture: Array, reference: Array) -> list[tuple[Array, Array]]:
    """SSIM's terms at five scales, the finest first."""
    exposure = exposure_of(reference)
    x, y = (shown(p @ LUMINANCE, exposure) for p in (picture, reference))
    terms = []
    for _ in SCALE_EXPONENTS:
        terms.append(similarity(x, y))
        x, y = (halved(p) for p in (x, y))
    return terms


def halved(picture: Array) -> Array:
    """Means of 2x2 pixels; an odd last row or column is left out."""
    height, width = (2 * (n // 2) for n in picture.shape)
    return np.asarray(picture[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3)))


def ms_dssim(picture: Array, reference: Array) -> float:
    """(1 - MS-SSIM) / 2, Wang et al. 2003, equation 7: contrast and structure of all scales, luminance of the last."""
    terms = scales(picture, reference)
    similar = max(0.0, float(terms[-1][0].mean())) ** SCALE_EXPONENTS[-1]
    for (_, structure), exponent in zip(terms, SCALE_EXPONENTS, strict=True):
        similar *= max(0.0, float(structure.mean())) ** exponent
    return (1 - similar) / 2


def true_maps(picture: Array, reference: Array) -> dict[str, Array]:
    """The errors of every pixel by metric, [height, width]."""
    terms = scales(picture, reference)
    height, width = picture.shape[:2]
    multi = np.ones((height, width))
    for j, ((luminance, structure), exponent) in enumerate(zip(terms, SCALE_EXPONENTS, strict=True)):
        term = structure * (luminance if j == len(terms) - 1 else 1)
        large = np.kron(term, np.ones((2**j, 2**j)))
        large = np.pad(large, [(0, height - large.shape[0]), (0, width - large.shape[1])], mode="edge")
        multi *= np.maximum(large, 0) ** exponent
    return {
        "smape": smape_map(picture, reference),
        "dssim": (1 - terms[0][0] * terms[0][1]) / 2,
        "relative-mse": np.mean((picture - reference) ** 2 / (reference**2 + 0.01), -1),
        "ms-dssim": (1 - multi) / 2,
    }
