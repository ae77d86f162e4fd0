"""Renders the files of this folder with Radiance, which writes no OpenEXR: its values become channels of a file here.

Run: `pip install pyradiance==1.3.1 OpenEXR numpy && python make.py`.

A room with two spheres and a lamp, lit indirectly with few ambient rays, so that it is noisy. Every camera ray is traced with
`rtrace`: its value, its shading normal, and the name of its material, whose reflectance is the albedo. Radiance is a renderer
that the product has no table for.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import OpenEXR
import pyradiance

HERE = Path(__file__).parent
WIDTH, HEIGHT = 64, 48
#: Two half buffers, and what they would become.
FILES = {"a": 8, "b": 8, "reference": 512}
ALBEDO = {
    "wall": (0.7, 0.7, 0.65),
    "red": (0.6, 0.1, 0.08),
    "blue": (0.1, 0.15, 0.5),
    "mirror": (0.9, 0.9, 0.9),
    "lamp": (1.0, 1.0, 1.0),
}
SCENE = """
void light lamp 0 0 3 40 36 30
void plastic wall 0 0 5 0.7 0.7 0.65 0 0
void plastic red 0 0 5 0.6 0.1 0.08 0.02 0.1
void plastic blue 0 0 5 0.1 0.15 0.5 0 0
void metal mirror 0 0 5 0.9 0.9 0.9 0.9 0.05
lamp sphere bulb 0 0 4 -0.6 -0.6 1.7 0.15
red sphere ball 0 0 4 -0.4 0.3 -0.55 0.45
mirror sphere silver 0 0 4 0.55 0.5 -0.6 0.4
"""
VIEW = [
    "-vtv",
    "-vp",
    "0",
    "-2.6",
    "0.1",
    "-vd",
    "0",
    "1",
    "-0.08",
    "-vu",
    "0",
    "0",
    "1",
    "-vh",
    "56",
    "-vv",
    "43",
]
LAYERS = {
    "color": ["R", "G", "B"],
    "albedo": ["albedo.R", "albedo.G", "albedo.B"],
    "normal": ["N.X", "N.Y", "N.Z"],
}
NOISY = ["-ab", "2", "-ad", "6", "-as", "0", "-aa", "0", "-lw", "1e-4", "-dj", "1"]


def room() -> bytes:
    """The scene: a box that is open to the camera, of which one wall is blue."""
    walls = []
    corners = [(x, y, z) for z in (-1, 2) for y in (-3, 1.5) for x in (-1.5, 1.5)]
    for material, name, indices in (
        ("wall", "floor", (0, 1, 3, 2)),
        ("wall", "ceiling", (4, 6, 7, 5)),
        ("wall", "back", (2, 3, 7, 6)),
        ("blue", "left", (0, 2, 6, 4)),
        ("red", "right", (1, 5, 7, 3)),
    ):
        points = " ".join(str(value) for index in indices for value in corners[index])
        walls.append(f"{material} polygon {name} 0 0 12 {points}")
    return (SCENE + "\n".join(walls)).encode()


def trace(
    rays: bytes, octree: Path, fields: str, parameters: list[str]
) -> list[list[str]]:
    """What `rtrace` says about rays: a row of words for each."""
    text = pyradiance.rtrace(
        rays, octree, header=False, outspec=fields, uncorrelated=True, params=parameters
    )
    return [line.split() for line in text.decode().splitlines() if line.strip()]


def render(octree: Path, seed: int, samples: int) -> dict[str, np.ndarray]:
    """Means of color, albedo and normal over the samples of every pixel, [H,W,3] each."""
    random = np.random.default_rng(seed)
    sums = {
        name: np.zeros((HEIGHT, WIDTH, 3)) for name in ("color", "albedo", "normal")
    }
    for _ in range(samples):
        # The position of a sample within its pixel, and its rays, which Radiance draws by their number: shuffled, they differ.
        at = np.indices((HEIGHT, WIDTH))[::-1].reshape(2, -1).T + random.random(
            (HEIGHT * WIDTH, 2)
        )
        order = random.permutation(len(at))
        places = "\n".join(f"{x:.5f} {HEIGHT - y:.5f}" for x, y in at[order]) + "\n"
        rays = pyradiance.vwrays(
            pixpos=places.encode(), view=VIEW, xres=WIDTH, yres=HEIGHT
        )
        rows = trace(rays, octree, "vnm", NOISY)
        values = np.array([row[:6] for row in rows], dtype=float)
        albedo = np.array([ALBEDO.get(row[6], (0, 0, 0)) for row in rows])
        pixels = np.empty((len(order), 9))
        pixels[order] = np.concatenate([values[:, :3], albedo, values[:, 3:]], 1)
        for name, part in zip(
            sums, np.split(pixels.reshape(HEIGHT, WIDTH, 9), 3, axis=2), strict=True
        ):
            sums[name] += part / samples
    return sums


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        octree = Path(temporary) / "scene.oct"
        octree.write_bytes(pyradiance.oconv(stdin=room(), warning=False))
        for seed, (file, samples) in enumerate(FILES.items()):
            picture = render(octree, seed, samples)
            channels = {}
            for layer, names in LAYERS.items():
                for index, name in enumerate(
                    names if file != "reference" or layer == "color" else []
                ):
                    channels[name] = picture[layer][..., index].astype(np.float32)
            header = {
                "compression": OpenEXR.ZIP_COMPRESSION,
                "type": OpenEXR.scanlineimage,
                "Software": "Radiance",
            }
            OpenEXR.File(header, channels).write(str(HERE / f"{file}.exr"))


if __name__ == "__main__":
    main()
