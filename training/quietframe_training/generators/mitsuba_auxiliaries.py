"""Render noisy and clean albedo and normals with Mitsuba 3: the training data of the auxiliary prefilter.

    python -m quietframe_training.generators.mitsuba_auxiliaries --assets DIR --photos DIR --out DIR --count 100

Needs the packages mitsuba, trimesh, pillow and numpy, and for the default variant an LLVM library, as `mitsuba_views`
does. A seed gives one file, mi_SEED.npz, in the layout of `auxiliary_format`. The buffers are those of Mitsuba's `aov`
integrator: diffuse reflectance and shading normal of the first hit. Every ray has its own lens sample and time; they are
generated here, because Mitsuba's cameras have no shutter. Half of the views have an aperture, 40 % motion blur, half
foliage.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .auxiliary_format import DRAWS, check_auxiliaries, save_auxiliaries, stacked
from .example_format import Rejected, log_uniform
from .mitsuba_views import Camera, SceneBuilder, random_camera

SPP_CHOICES = (1, 1, 2, 4)
CHUNK = 16
"""Samples of every pixel that are traced at once."""


@dataclass(frozen=True)
class Lens:
    """A thin lens and a shutter: radius and focus distance in the world, movement of eye and target while it is open."""

    radius: float
    focus: float
    move: np.ndarray
    turn: np.ndarray


def random_lens(rng: random.Random, camera: Camera, size: int) -> Lens:
    """Half of the lenses have an aperture that blurs up to some ten pixels, 40 % of the shutters blur by movement."""
    distance = float(np.linalg.norm(camera.target - camera.eye))
    pixel = distance / camera.focal_length(size)

    def step(share: float, pixels: float) -> np.ndarray:
        if rng.random() > share:
            return np.zeros(3)
        direction = np.array([rng.gauss(0, 1) for _ in range(3)])
        return direction / np.linalg.norm(direction) * log_uniform(rng, 1, pixels) * pixel

    radius = log_uniform(rng, 3, 40) * pixel if rng.random() < 0.5 else 0.0
    moving = rng.random() < 0.4
    return Lens(radius, distance * log_uniform(rng, 0.5, 2), step(moving, 12), step(moving, 12))


def rays(camera: Camera, lens: Lens, size: int, samples: int, noise: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Origins and directions, both (size * size * samples, 3), `samples` in a row for each pixel."""
    count = size * size * samples
    pixel = np.repeat(np.arange(size * size), samples)
    film = np.stack([pixel % size, pixel // size], -1) + noise.random((count, 2)) - size / 2
    axes = camera.axes()
    shutter = noise.random((count, 1)) - 0.5
    local = np.concatenate([film / camera.focal_length(size), np.ones((count, 1))], -1)
    turn, radius = noise.random(count) * 2 * math.pi, lens.radius * np.sqrt(noise.random(count))
    aperture = np.stack([np.cos(turn) * radius, np.sin(turn) * radius, np.zeros(count)], -1)
    # A camera that turns by a small angle sees the target move: its rays move by the same amount at that distance.
    distance = np.linalg.norm(camera.target - camera.eye)
    direction = (local * lens.focus - aperture) @ axes + shutter * lens.turn * (lens.focus / distance)
    origin = camera.eye + aperture @ axes + shutter * lens.move
    return origin, direction / np.linalg.norm(direction, axis=-1, keepdims=True)


class AuxiliaryScene(SceneBuilder):
    """A scene of `mitsuba_views`, half of the time with foliage."""

    def build(self):
        if self.rng.random() < 0.5:
            for _ in range(self.rng.randint(1, 3)):
                self.foliage()
        return super().build()

    def foliage(self) -> None:
        """A tuft of thin triangles, each a blade or leaf."""
        mi, rng = self.mi, self.rng
        noise = np.random.default_rng(rng.randrange(1 << 30))
        count = rng.randint(100, 1500)
        foot = np.array([rng.gauss(0, 0.6), rng.gauss(0, 0.6), 0]) + noise.normal(0, (0.3, 0.3, 0), (count, 3))
        tip = foot + noise.normal((0, 0, 0.3), (0.12, 0.12, 0.12), (count, 3)) * log_uniform(rng, 0.5, 2)
        side = noise.normal(0, 1, (count, 3)) * log_uniform(rng, 0.002, 0.02)
        vertices = np.stack([foot - side, foot + side, tip], 1).reshape(-1, 3)
        properties = mi.Properties()
        color = {"type": "rgb", "value": [rng.uniform(0.05, 0.8) for _ in range(3)]}
        properties["bsdf"] = mi.load_dict({"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": color}})
        mesh = mi.Mesh("foliage", 3 * count, count, props=properties)
        parameters = mi.traverse(mesh)
        parameters["vertex_positions"] = vertices.astype(np.float32).ravel()
        parameters["faces"] = np.arange(3 * count, dtype=np.uint32)
        parameters.update()
        self.add(mesh)


class AuxiliaryRenderer:
    """Means of albedo and normal of the first hit."""

    def __init__(self, scene, camera: Camera, lens: Lens, size: int, seed: int):
        import mitsuba

        self.mi, self.scene, self.camera, self.lens, self.size = mitsuba, scene, camera, lens, size
        self.noise = np.random.default_rng(seed)

    def __call__(self, spp: int) -> np.ndarray:
        """Albedo 3 and normal 3 at `spp` samples per pixel: (size, size, 6)."""
        parts = [min(CHUNK, spp - begin) for begin in range(0, spp, CHUNK)]
        return sum(self.trace(samples) * samples for samples in parts) / spp

    def trace(self, samples: int) -> np.ndarray:
        mi = self.mi
        origin, direction = rays(self.camera, self.lens, self.size, samples, self.noise)
        ray = mi.Ray3f(mi.Point3f(*origin.T.astype(np.float32)), mi.Vector3f(*direction.T.astype(np.float32)))
        hit = self.scene.ray_intersect(ray)
        seen = hit.is_valid()
        albedo = hit.bsdf(ray).eval_diffuse_reflectance(hit, seen)
        planes = [np.where(np.array(seen), np.array(c), 0) for v in (albedo, hit.sh_frame.n) for c in (v.x, v.y, v.z)]
        mean = np.stack(planes, -1).reshape(self.size, self.size, samples, 6)
        return stacked(mean[..., :3], mean[..., 3:]).mean(2)


def render_seed(seed: int, options: argparse.Namespace) -> str:
    """Render the example of one seed; writes the file and returns a line for the log."""
    import mitsuba

    rng = random.Random(f"mitsuba auxiliaries/{seed}")
    began = time.process_time()
    scene = AuxiliaryScene(rng, options.assets, options.photos).build()
    for attempt in range(8):
        camera = random_camera(rng)
        lens = random_lens(rng, camera, options.size)
        render = AuxiliaryRenderer(scene, camera, lens, options.size, rng.randrange(1 << 30))
        spp = rng.choice(SPP_CHOICES)
        draws = np.stack([render(spp) for _ in range(DRAWS)])
        try:
            check_auxiliaries(draws, draws.mean(0))
            break
        except Rejected:
            if attempt == 7:
                raise
    meta = {
        "seed": seed,
        "renderer": f"Mitsuba {mitsuba.__version__} {mitsuba.variant()}",
        "spp_per_draw": spp,
        "ref_spp": options.reference,
        "aperture": lens.radius > 0,
        "motion_blur": bool(np.abs(lens.move).max() > 0 or np.abs(lens.turn).max() > 0),
    }
    save_auxiliaries(options.out / f"mi_{seed:06d}.npz", draws, render(options.reference), meta)
    return f"saved {seed}, {spp} spp a draw, {time.process_time() - began:.0f} CPU s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="folder with models/, hdris/ and materials/")
    parser.add_argument("--photos", type=Path, required=True, help="folder of .jpg photographs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, default=128, help="pixels along a side (128)")
    parser.add_argument("--reference", type=int, default=256, help="samples per pixel of a reference (256)")
    parser.add_argument("--variant", default="llvm_ad_rgb", help="or cuda_ad_rgb, scalar_rgb")
    options = parser.parse_args()

    import mitsuba

    mitsuba.set_variant(options.variant)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.count):
        if (options.out / f"mi_{seed:06d}.npz").exists():
            continue
        try:
            print(render_seed(seed, options), flush=True)
        except Rejected as reason:
            print(f"rejected {seed}: {reason}", flush=True)
        except RuntimeError as error:  # a model or texture that Mitsuba cannot use
            print(f"failed {seed}: {error}", flush=True)


if __name__ == "__main__":
    main()
