"""Render noisy and clean albedo and normals with Cycles: the training data of the auxiliary prefilter.

    python -m quietframe_training.generators.cycles_auxiliaries --assets DIR --photos DIR --out DIR --count 100

Needs the packages bpy, numpy and OpenEXR. A seed gives one file, cy_SEED.npz, in the layout of `auxiliary_format`. The buffers
need no light: diffuse bounces are off, and only mirrors and glass are followed, so that a view costs 10 to 20 CPU
seconds with its reference. Half of the views have an aperture, and half motion blur of camera or objects.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from . import blender
from .auxiliary_format import DRAWS, check_auxiliaries, save_auxiliaries, stacked
from .cycles_motion import animate
from .cycles_views import CENTRE, Assets, build_scene
from .example_format import Rejected, log_uniform

ATTEMPTS = 3
SPP_CHOICES = (1, 2, 4)


def blur(rng: random.Random, scene, size: int) -> dict:
    """Opens the aperture of half of the views and moves half of them; returns what was done, for the metadata."""
    done = {"aperture": rng.random() < 0.5, "motion_blur": rng.random() < 0.5}
    camera = scene.camera.data
    camera.dof.use_dof = done["aperture"]
    if done["aperture"]:
        camera.dof.focus_distance = log_uniform(rng, 0.5, 3.0)
        camera.dof.aperture_fstop = log_uniform(rng, 0.15, 3.0)
    scene.render.use_motion_blur = done["motion_blur"]
    if done["motion_blur"]:
        scene.render.motion_blur_shutter = rng.uniform(0.3, 1.0)
        pixel = 2.0 * 36 / camera.lens / size
        done["moves"] = animate(rng, log_uniform(rng, 1, 8) * pixel, range(-1, 2 * CENTRE + 2))
    return done


def without_light(scene) -> None:
    """Albedo and normals do not depend on light: put it out, and follow mirrors and glass alone."""
    import bpy

    for lamp in [o for o in bpy.data.objects if o.type == "LIGHT"]:
        bpy.data.objects.remove(lamp)
    scene.world.use_nodes = False
    scene.world.color = (0, 0, 0)
    cycles = scene.cycles
    cycles.max_bounces, cycles.diffuse_bounces = 6, 0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    layer = scene.view_layers[0]
    for name in ("use_pass_vector", "use_pass_diffuse_direct", "use_pass_diffuse_indirect", "use_pass_diffuse_color"):
        setattr(layer, name, False)


def render_view(seed: int, attempt: int, options: argparse.Namespace) -> str:
    """Render one view; writes its file and returns a line for the log. Raises Rejected where another should be made."""
    import bpy

    rng = random.Random(f"cycles auxiliaries/{seed}/{attempt}")
    began = time.process_time()
    scene = build_scene(rng, Assets(options.assets, options.photos), options.size, options.threads)
    done = blur(rng, scene, options.size)
    without_light(scene)
    spp = rng.choice(SPP_CHOICES)
    seeds = iter(range(rng.randrange(1 << 20) * 1000, 1 << 31))
    with tempfile.TemporaryDirectory() as folder:

        def render(samples: int) -> np.ndarray:
            path = Path(folder) / "render.exr"
            blender.render_to(path, next(seeds), samples, CENTRE)
            passes = blender.read_passes(path)
            return stacked(passes["Denoising Albedo"], passes["Denoising Normal"])

        draws = np.stack([render(spp) for _ in range(DRAWS)])
        check_auxiliaries(draws, draws.mean(0))
        parts = 4
        reference = np.mean([render(options.reference // parts) for _ in range(parts)], 0)
        meta = {
            "seed": seed,
            "renderer": f"Cycles, Blender {bpy.app.version_string}",
            "spp_per_draw": spp,
            "ref_spp": options.reference,
            **done,
        }
        save_auxiliaries(options.out / f"cy_{seed:06d}.npz", draws, reference, meta)
    return f"saved {seed}, {spp} spp a draw, {time.process_time() - began:.0f} CPU s"


def render_seed(seed: int, options: argparse.Namespace) -> None:
    """Render one view in this process, with other scenes where the first are rejected."""
    for attempt in range(ATTEMPTS):
        try:
            print(render_view(seed, attempt, options), flush=True)
            return
        except Rejected as reason:
            print(f"rejected {seed}/{attempt}: {reason}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="folder with models/, hdris/ and materials/")
    parser.add_argument("--photos", type=Path, required=True, help="folder of .jpg photographs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, default=128, help="pixels along a side (128)")
    parser.add_argument("--reference", type=int, default=256, help="samples per pixel of a reference (256)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=300, help="seconds of wall time for one seed (300)")
    parser.add_argument("--one", action="store_true", help="render --first-seed alone, in this process")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.one:
        return render_seed(options.first_seed, options)
    for seed in range(options.first_seed, options.first_seed + options.count):
        if (options.out / f"cy_{seed:06d}.npz").exists():
            continue
        command = [sys.executable, "-m", __spec__.name, *sys.argv[1:], "--one", "--first-seed", str(seed)]
        try:
            subprocess.run(command, timeout=options.timeout, check=False)
        except subprocess.TimeoutExpired:
            print(f"gave up {seed} after {options.timeout:.0f} s", flush=True)


if __name__ == "__main__":
    main()
