"""Render training views and sequences with Cycles: real models, textures, photographs and lights in random scenes.

    python -m quietframe_training.generators.cycles_views --assets DIR --photos DIR --out DIR --count 100

Needs the packages bpy, numpy and OpenEXR.  A seed gives either one view at three noise levels that share a reference,
files cy_SEED_sNN.npz (NN = samples per pixel), or a sequence of seven frames at one noise level with a reference of the
centre frame, file cy_SEED_seq.npz.  Seeds that exist are skipped, files are written atomically, and every seed is
rendered by a process of its own with a time limit.

Arrays, in the layout of `example_format`; picture = diffuse * albedo + specular, noisy and reference alike:
    diffuse 3          irradiance: diffuse light without albedo
    albedo 3           diffuse albedo
    specular 3         all other light
    normal 3           camera space, averaged over samples, 0 for a miss
    denoise_albedo 3   albedo of what is seen, through mirrors and glass too
    depth 1            distance from the camera, 0 for a miss
    motion 4           sequences only
    color_var, diffuse_var, specular_var, albedo_var, denoise_albedo_var, normal_var 1 each
    ref_diffuse, ref_specular, ref_albedo 3 each
"""

from __future__ import annotations

import argparse
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from . import blender
from .cycles_extras import dress
from .cycles_motion import animate, background_motion, motion_of
from .example_format import (
    FORMAT_VERSION,
    GUIDE_BITS,
    REFERENCE_BITS,
    SIGNAL_BITS,
    SPP_GROUPS,
    VARIANCE_BITS,
    Rejected,
    check_view,
    existing,
    exposure_for,
    half_buffer_variance,
    log_uniform,
    relative_error,
    save_example,
    to_half,
)

CENTRE, FRAMES = 3, 7
REFERENCE_PARTS = 4
ATTEMPTS = 4
FOG_SAMPLES = 2
"""Times as many samples for references of fog, which is noisier."""
FAR = 1e5
"""Cycles gives misses a depth of 1e10; no surface of these scenes is farther than this."""

LIGHTS = ("color", "diffuse", "specular")


# From passes to arrays


def split_light(passes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Signals and guides of one render, from Cycles' passes."""
    color = passes["Combined"][..., :3]
    albedo = passes["Diffuse Color"]
    diffuse = passes["Diffuse Direct"] + passes["Diffuse Indirect"]
    depth = passes["Denoising Depth"][..., :1]
    return {
        "color": color,
        "diffuse": diffuse,
        "albedo": albedo,
        "specular": color - diffuse * albedo,
        "normal": passes["Denoising Normal"],
        "denoise_albedo": passes["Denoising Albedo"],
        "depth": np.where(depth < FAR, depth, 0.0),
    }


def merge(buffers: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Average equally long renders.

    Diffuse light is averaged with its albedo and divided by the averaged albedo, so that
    diffuse * albedo + specular remains the picture.
    """
    mean = {name: np.mean([b[name] for b in buffers], 0) for name in buffers[0]}
    light = np.mean([b["diffuse"] * b["albedo"] for b in buffers], 0)
    safe = np.maximum(mean["albedo"], 1e-6)
    mean["diffuse"] = np.where(mean["albedo"] > 1e-6, light / safe, 0.0)
    return mean


def noisy_arrays(a: dict[str, np.ndarray], b: dict[str, np.ndarray], exposure: float) -> dict[str, np.ndarray]:
    """The stored arrays, without the frame axis, of a noisy view given as two half buffers."""
    mean = merge([a, b])
    out = {name: to_half(mean[name] * exposure, SIGNAL_BITS) for name in ("diffuse", "specular")}
    out |= {name: to_half(mean[name], GUIDE_BITS) for name in ("albedo", "normal", "denoise_albedo", "depth")}
    for name in (*LIGHTS, "albedo", "denoise_albedo", "normal"):
        gain = exposure**2 if name in LIGHTS else 1.0
        out[f"{name}_var"] = to_half(half_buffer_variance(a[name], b[name]) * gain, VARIANCE_BITS)
    return out


def reference_arrays(parts: list[dict[str, np.ndarray]], exposure: float) -> tuple[dict[str, np.ndarray], float]:
    """The stored reference, and its estimated relative squared error, from independent renders."""
    mean = merge(parts)
    colors = np.stack([p["color"] for p in parts]) * exposure
    variance = colors.var(0, ddof=1).mean(-1, keepdims=True) / len(parts)
    arrays = {f"ref_{name}": to_half(mean[name] * exposure, REFERENCE_BITS) for name in ("diffuse", "specular")}
    arrays["ref_albedo"] = to_half(mean["albedo"], REFERENCE_BITS)
    return arrays, relative_error(colors.mean(0), variance)


# Scenes


class Assets:
    """Paths of everything a scene can draw from."""

    def __init__(self, assets: Path, photos: Path):
        self.models = sorted((assets / "models").glob("*.glb"))
        self.hdris = sorted((assets / "hdris").glob("*.hdr"))
        self.texture_sets = sorted(p for p in (assets / "materials").iterdir() if p.is_dir())
        self.photos = sorted(photos.rglob("*.jpg"))


def color(rng: random.Random) -> tuple[float, float, float]:
    """A random reflectance, grey now and then."""
    value = rng.uniform(0.03, 0.9)
    if rng.random() < 0.25:
        return (value, value, value)
    tint = [rng.random() for _ in range(3)]
    return tuple(value * t / max(tint) for t in tint)


PATTERNS = {
    "TexNoise": {"Detail": 4.0},
    "TexVoronoi": {},
    "TexBrick": {},
    "TexChecker": {},
    "TexWave": {"Distortion": 3.0},
    "TexMagic": {"Distortion": 1.5},
}


def pattern(rng: random.Random, material, low, high):
    """Colour socket of a procedural pattern between two colours."""
    kind = rng.choice(list(PATTERNS))
    coordinates = blender.node(material, "TexCoord").outputs["Object"]
    turn = tuple(rng.uniform(0, 6.28) for _ in range(3))
    mapping = blender.node(material, "Mapping", Vector=coordinates, Rotation=turn)
    texture = blender.node(material, kind, Vector=mapping.outputs[0], Scale=log_uniform(rng, 2, 40), **PATTERNS[kind])
    ramp = blender.node(material, "ValToRGB", Fac=texture.outputs[0])
    for element, value, position in zip(ramp.color_ramp.elements, (low, high), (0.35, 0.65), strict=True):
        element.color, element.position = (*value, 1.0), position
    return ramp.outputs[0]


def plain_material(rng: random.Random):
    """A material without images: matte, plastic, lacquer, metal, glass, cloth or skin."""
    kind = rng.choices(["matte", "plastic", "lacquer", "metal", "glass", "cloth", "skin"], [3, 2, 1, 2, 1.2, 1, 0.6])[0]
    inputs = {"Base_Color": color(rng), "Roughness": rng.uniform(0.4, 1.0)}
    if kind == "plastic":
        inputs["Roughness"] = log_uniform(rng, 0.03, 0.4)
    elif kind == "lacquer":
        inputs |= {"Coat_Weight": 1.0, "Coat_Roughness": rng.uniform(0, 0.15)}
    elif kind == "metal":
        inputs |= {"Metallic": 1.0, "Roughness": log_uniform(rng, 0.01, 0.5)}
    elif kind == "glass":
        inputs |= {"Transmission_Weight": 1.0, "IOR": rng.uniform(1.2, 1.7)}
        inputs["Roughness"] = 0.0 if rng.random() < 0.6 else rng.uniform(0.02, 0.3)
        inputs["Base_Color"] = tuple(0.6 + 0.4 * c for c in color(rng))
    elif kind == "cloth":
        inputs |= {"Sheen_Weight": 1.0, "Sheen_Roughness": rng.uniform(0.2, 0.6)}
    elif kind == "skin":
        inputs |= {"Subsurface_Weight": 1.0, "Subsurface_Scale": log_uniform(rng, 0.01, 0.1)}
    material = blender.principled(kind, **inputs)
    bsdf = material.node_tree.nodes["Principled BSDF"]
    if kind != "glass" and rng.random() < 0.5:
        blender.set_inputs(material, bsdf, Base_Color=pattern(rng, material, color(rng), color(rng)))
    if rng.random() < 0.2:
        height = pattern(rng, material, (0, 0, 0), (1, 1, 1))
        bump = blender.node(material, "Bump", Height=height, Distance=log_uniform(rng, 0.002, 0.02))
        blender.set_inputs(material, bsdf, Normal=bump.outputs[0])
    return material


def photo_material(rng: random.Random, assets: Assets, scale: float, emission: float = 0.0):
    """A photograph repeated `scale` times per unit of length; with emission, a lit screen."""
    material = blender.principled("photo", Roughness=rng.uniform(0.1, 0.9))
    image = blender.image_texture(material, rng.choice(assets.photos), scale, flat=emission > 0)
    bsdf = material.node_tree.nodes["Principled BSDF"]
    blender.set_inputs(material, bsdf, Base_Color=image)
    if emission:
        blender.set_inputs(material, bsdf, Emission_Color=image, Emission_Strength=emission)
    return material


def surface_material(rng: random.Random, assets: Assets):
    """A material for floors and walls."""
    kind = rng.random()
    if kind < 0.35:
        return blender.texture_set_material(rng.choice(assets.texture_sets), log_uniform(rng, 0.3, 2), bump=rng.random())
    if kind < 0.7:
        return photo_material(rng, assets, log_uniform(rng, 0.15, 1.5))
    return plain_material(rng)


def rectangle(name: str, half_width: float, half_height: float, location, turn, material):
    """A rectangle in the plane z = 0 of its own space, then turned (Euler angles) and moved."""
    w, h = half_width, half_height
    new = blender.add_mesh(name, [(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)], [(0, 1, 2, 3)], material)
    new.location, new.rotation_euler = location, turn
    return new


def add_room(rng: random.Random, assets: Assets) -> float:
    """Walls, perhaps a ceiling, pictures and screens; returns the half width."""
    w, depth, h = rng.uniform(1.5, 3.2), rng.uniform(1.5, 3.2), rng.uniform(1.9, 3.0)
    wall = surface_material(rng, assets)
    rectangle("back", w, h / 2, (0, depth, h / 2), (math.pi / 2, 0, 0), wall)
    rectangle("left", h / 2, depth, (-w, 0, h / 2), (0, math.pi / 2, 0), wall)
    if rng.random() < 0.6:
        rectangle("right", h / 2, depth, (w, 0, h / 2), (0, math.pi / 2, 0), surface_material(rng, assets))
    if rng.random() < 0.6:
        rectangle("ceiling", w, depth, (0, 0, h), (0, 0, 0), plain_material(rng))
    for _ in range(rng.randint(0, 4)):
        size = rng.uniform(0.2, 0.6)
        place = (rng.uniform(-0.8, 0.8) * w, depth - 0.02, rng.uniform(0.5, h - 0.4))
        material = photo_material(rng, assets, 1 / (2.8 * size), rng.choice([0.0, 0.0, 1.0, 4.0]))
        rectangle("picture", 1.4 * size, size, place, (math.pi / 2, 0, 0), material)
    return w


def add_model(rng: random.Random, assets: Assets, path: Path, size: float) -> None:
    """Import a glTF model, its largest side scaled to `size`, and stand it somewhere on the floor.

    Some keep their own materials; those that say nothing of metal are metal by the rules of glTF,
    which is seldom meant, so most are made dielectric.
    """
    import bpy
    from mathutils import Vector

    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(path))
    new = [o for o in bpy.data.objects if o not in before]
    bpy.context.view_layer.update()
    corners = np.array([o.matrix_world @ Vector(c) for o in new if o.type == "MESH" for c in o.bound_box])
    if not len(corners):
        return
    low, high = corners.min(0), corners.max(0)
    root = bpy.data.objects.new("root", None)
    bpy.context.collection.objects.link(root)
    foot = Vector(((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]))
    for o in new:
        if o.parent is None:
            world = o.matrix_world.copy()
            world.translation -= foot
            o.parent = root
            o.matrix_world = world
    root.scale = (size / max(float((high - low).max()), 1e-6),) * 3
    root.location = (rng.gauss(0, 0.5), rng.gauss(0, 0.5), 0 if rng.random() < 0.85 else rng.uniform(0, 1))
    upright = rng.random() < 0.85
    root.rotation_euler = tuple(0 if upright and axis < 2 else rng.uniform(0, 6.28) for axis in range(3))
    meshes = [o.data for o in new if o.type == "MESH"]
    if rng.random() < 0.5:
        photo = rng.random() < 0.35
        material = photo_material(rng, assets, log_uniform(rng, 0.5, 3) / size) if photo else plain_material(rng)
        for mesh in meshes:
            mesh.materials.clear()
            mesh.materials.append(material)
    elif rng.random() < 0.8:
        for material in {m for mesh in meshes for m in mesh.materials if m and m.node_tree}:
            for shader in material.node_tree.nodes:
                if shader.type == "BSDF_PRINCIPLED" and not shader.inputs["Metallic"].is_linked:
                    blender.set_inputs(material, shader, Metallic=0.0)


def add_thin_things(rng: random.Random) -> None:
    """Grass, wire cages or loose cables: what is thinner than a pixel or nearly so."""
    kind = rng.choice(["grass", "cage", "cables"])
    noise = np.random.default_rng(rng.randrange(1 << 30))
    centre = np.array([rng.gauss(0, 0.5), rng.gauss(0, 0.5), 0.0])
    radius = log_uniform(rng, 0.0008, 0.006)
    if kind == "grass":
        count, t = rng.randint(80, 500), np.linspace(0, 1, 7)[:, None]
        foot = centre + noise.normal(0, (0.2, 0.2, 0), (count, 3))
        lean = noise.normal(0, (0.12, 0.12, 0), (count, 3))
        height = noise.uniform(0.15, 0.5, (count, 1, 1)) * np.array([0, 0, 1.0])
        wires = foot[:, None] + lean[:, None] * t**2 + height * t
    elif kind == "cage":
        t = np.linspace(0, 2 * math.pi, 60)
        size, count = rng.uniform(0.15, 0.45), rng.randint(5, 20)
        ring = np.stack([np.cos(t), np.zeros_like(t), np.sin(t)], -1) * size
        turns = np.linspace(0, math.pi, count, endpoint=False)
        axes = np.stack([np.cos(turns), np.sin(turns), np.zeros(count)], -1)
        wires = centre + (0, 0, size) + ring[:, :1] * axes[:, None] + ring[:, 2:] * np.array([0, 0, 1.0])
    else:
        count, t = rng.randint(3, 14), np.linspace(0, 1, 40)[:, None]
        start, end = noise.uniform((-1.5, -1.5, 0.4), (1.5, 1.5, 1.6), (2, count, 1, 3))
        wires = start + (end - start) * t - np.array([0, 0, 0.5]) * t * (1 - t)
    blender.add_wires(kind, wires, radius, plain_material(rng))


def lamp_color(rng: random.Random) -> tuple[float, float, float]:
    """From candle light to blue sky, saturated now and then."""
    if rng.random() < 0.15:
        return color(rng)
    warm = rng.random()
    return (1.0, 0.95 - 0.35 * warm, 1.0 - 0.75 * warm) if rng.random() < 0.7 else (0.75, 0.87, 1.0)


def add_lights(rng: random.Random, assets: Assets, reach: float) -> None:
    """An environment map or a faint grey sky, and up to a dozen lamps, large, small or tiny."""
    if rng.random() < 0.75:
        blender.light_world(rng.choice(assets.hdris), log_uniform(rng, 0.2, 2.0), rng.uniform(0, 6.28))
    else:
        import bpy

        world = bpy.context.scene.world
        world.use_nodes = True
        blender.set_inputs(world, world.node_tree.nodes["Background"], Color=(0.6, 0.7, 0.8), Strength=0.1)
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        angle = rng.uniform(0, 6.28)
        where = (reach * math.cos(angle), reach * math.sin(angle), rng.uniform(0.9, 1.8))
        aim_at = (rng.gauss(0, 0.3), rng.gauss(0, 0.3), 0.3)
        kind = rng.choice(["AREA", "AREA", "SPOT"])
        blender.add_lamp(kind, where, aim_at, log_uniform(rng, 5, 200), lamp_color(rng), log_uniform(rng, 0.02, 1.0))
    if rng.random() < 0.35:
        tint = lamp_color(rng)
        for _ in range(rng.randint(1, 9)):
            where = (rng.gauss(0, 0.8), rng.gauss(0, 0.8), rng.uniform(0.1, 1.4))
            blender.add_bulb(where, log_uniform(rng, 0.008, 0.04), log_uniform(rng, 0.3, 8), tint)


def place_camera(rng: random.Random) -> None:
    """A camera that looks at the middle of the scene with nothing right before its lens."""
    import bpy
    from mathutils import Vector

    camera = blender.add_camera(log_uniform(rng, 28, 95))
    graph = bpy.context.evaluated_depsgraph_get()
    for _ in range(40):
        angle, distance = rng.uniform(math.pi, 2 * math.pi), log_uniform(rng, 1.1, 2.9)
        eye = Vector((distance * math.cos(angle), distance * math.sin(angle), rng.uniform(0.15, 1.5)))
        target = Vector((rng.gauss(0, 0.35), rng.gauss(0, 0.35), rng.uniform(0.1, 0.8)))
        hit, location, *_ = bpy.context.scene.ray_cast(graph, eye, (target - eye).normalized())
        if not hit or (location - eye).length > 0.5:
            break
    else:
        raise Rejected("no free view")
    blender.aim(camera, eye, target)


def build_scene(rng: random.Random, assets: Assets, size: int, threads: int):
    """A random scene with its camera; returns the `bpy` scene."""
    scene = blender.new_scene(threads)
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    caustics = rng.random() < 0.35
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = caustics
    rectangle("floor", 7, 7, (0, 0, 0), (0, 0, rng.uniform(0, 6.28)), surface_material(rng, assets))
    reach = min(1.4, 0.8 * add_room(rng, assets)) if rng.random() < 0.55 else rng.uniform(1.4, 3.0)
    for path in rng.sample(assets.models, min(len(assets.models), rng.randint(6, 16))):
        add_model(rng, assets, path, log_uniform(rng, 0.15, 0.9))
    for _ in range(rng.choice([0, 1, 1, 2, 4])):
        radius = log_uniform(rng, 0.05, 0.3)
        where = (rng.gauss(0, 0.6), rng.gauss(0, 0.6), radius)
        blender.add_sphere("ball", radius, where, plain_material(rng))
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        add_thin_things(rng)
    add_lights(rng, assets, reach)
    place_camera(rng)
    return scene


# Rendering


def far_motion(frame: int, size: int) -> np.ndarray:
    """`background_motion` of the scene's camera about `frame`, which becomes the current one."""
    import bpy

    scene = bpy.context.scene
    orientations = []
    for each in (frame - 1, frame, frame + 1):
        scene.frame_set(each)
        orientations.append(np.array(scene.camera.matrix_world.to_3x3()))
    scene.frame_set(frame)
    return background_motion(orientations, scene.camera.data.lens, size)


def render_view(seed: int, attempt: int, options: argparse.Namespace) -> str:
    """Render a view or a sequence, reference first; writes its files and returns a line for the log.

    Raises Rejected where another attempt should be made.
    """
    import bpy

    rng = random.Random(f"cycles/{seed}/{attempt}")
    began = time.process_time()
    build_scene(rng, Assets(options.assets, options.photos), options.size, options.threads)
    seeds = iter(range(rng.randrange(1 << 20) * 1000, 1 << 31))

    with tempfile.TemporaryDirectory() as folder:

        def render(spp: int, frame: int = CENTRE) -> dict[str, np.ndarray]:
            path = Path(folder) / "render.exr"
            blender.render_to(path, next(seeds), spp, frame)
            passes = {name: np.nan_to_num(plane) for name, plane in blender.read_passes(path).items()}
            return split_light(passes) | {"motion": motion_of(passes, FAR, far_motion(frame, options.size))}

        kind = "sequence" if rng.random() < options.sequences else "single"
        tags = dress(random.Random(f"dress/{seed}/{attempt}"), bpy.context.scene, kind == "sequence", options.size)
        preview = render(8)
        check_view(preview["color"], preview["denoise_albedo"], preview["normal"], preview["depth"][..., 0] == 0)
        exposure = exposure_for(rng, preview["color"])
        if kind == "sequence":
            seen = preview["depth"][preview["depth"] > 0]
            pixel = float(np.median(seen)) * 36 / bpy.context.scene.camera.data.lens / options.size
            moves = animate(rng, pixel, range(-1, FRAMES + 1))
        quality = FOG_SAMPLES if "fog" in tags else 1
        parts = [render(quality * options.reference // REFERENCE_PARTS) for _ in range(REFERENCE_PARTS)]
        reference, error = reference_arrays(parts, exposure)
        if error > options.max_error:
            raise Rejected(f"noisy reference ({error:.4f})")
        meta = {
            "version": FORMAT_VERSION,
            "seed": seed,
            "attempt": attempt,
            "kind": kind,
            "family": "assets",
            "renderer": f"Cycles, Blender {bpy.app.version_string}",
            "tags": tags,
            "ref_spp": [quality * options.reference],
            "ref_error_before_cleaning": [round(error, 6)],
            "ref_cleaned": "no",
            "exposure": exposure,
            "size": options.size,
            "ref_frames": [0],
        }
        if kind == "sequence":
            spp = rng.choice([4, 8, 16, 32])
            frames = []
            for frame in range(FRAMES):
                a, b = render(spp // 2, frame), render(spp // 2, frame)
                frames.append(noisy_arrays(a, b, exposure) | {"motion": to_half(a["motion"])})
            arrays = {name: np.stack([f[name] for f in frames]) for name in frames[0]}
            arrays |= {name: array[None] for name, array in reference.items()}
            meta |= {"spp": spp, "frames": [t - CENTRE for t in range(FRAMES)], "moves": moves}
            save_example(options.out / f"cy_{seed:06d}_seq.npz", arrays, meta)
        else:
            for group in SPP_GROUPS:
                spp = rng.choice(group)
                arrays = noisy_arrays(render(spp // 2), render(spp // 2), exposure) | reference
                meta |= {"spp": spp, "frames": [0]}
                path = options.out / f"cy_{seed:06d}_s{spp:02d}.npz"
                save_example(path, {name: array[None] for name, array in arrays.items()}, meta)
    return f"saved {seed} ({kind}), reference error {error:.4f}, {time.process_time() - began:.0f} CPU s"


def render_seed(seed: int, options: argparse.Namespace) -> None:
    """Render one view in this process, with other scenes where the first are rejected."""
    for attempt in range(ATTEMPTS):
        try:
            print(render_view(seed, attempt, options), flush=True)
            return
        except Rejected as reason:
            print(f"rejected {seed}, attempt {attempt}: {reason}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="folder with models/, hdris/ and materials/")
    parser.add_argument("--photos", type=Path, required=True, help="folder of .jpg photographs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, default=128, help="pixels along a side (128)")
    parser.add_argument("--reference", type=int, default=256, help="samples per pixel of the reference (256)")
    parser.add_argument("--sequences", type=float, default=0.2, help="share of seeds that become sequences (0.2)")
    parser.add_argument("--max-error", type=float, default=0.03, help="largest relative squared error of a reference")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=900, help="seconds of wall time for one seed (900)")
    parser.add_argument("--one", action="store_true", help="render --first-seed alone, in this process")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.one:
        return render_seed(options.first_seed, options)
    for seed in range(options.first_seed, options.first_seed + options.count):
        if existing(options.out, "cy", seed):
            continue
        command = [sys.executable, "-m", __spec__.name, *sys.argv[1:], "--one", "--first-seed", str(seed)]
        try:
            subprocess.run(command, timeout=options.timeout, check=False)
        except subprocess.TimeoutExpired:
            print(f"gave up {seed} after {options.timeout:.0f} s", flush=True)


if __name__ == "__main__":
    main()
