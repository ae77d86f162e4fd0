"""What real shots have and plain scenes lack: fur, hair, fog, an open aperture, motion blur, and night.

Each is drawn for a share of the views, with a random generator of its own, after the scene has been built. `bpy` is
imported inside the functions.
"""

from __future__ import annotations

import math
import random

import numpy as np

from . import blender
from .cycles_motion import animate
from .example_format import log_uniform

SHARES = {"hair": 0.2, "fog": 0.2, "aperture": 0.5, "motion_blur": 0.2, "night": 0.1}
"""How many of the views have it; a sequence has no motion blur, which would take its motion vectors."""


def dress(rng: random.Random, scene, sequence: bool, size: int) -> list[str]:
    """Adds a random choice of `SHARES` to a built scene of `size` pixels; returns the tags of what was added."""
    tags = [tag for tag, share in SHARES.items() if rng.random() < share]
    if sequence and "motion_blur" in tags:
        tags.remove("motion_blur")
    if "hair" in tags:
        add_fur(rng) if rng.random() < 0.6 else add_strands(rng)
    if "fog" in tags:
        add_fog(rng, scene)
    if "night" in tags:
        make_night(rng, scene)
    camera = scene.camera.data
    camera.dof.use_dof = "aperture" in tags
    if camera.dof.use_dof:
        camera.dof.focus_distance = log_uniform(rng, 0.6, 3.0)
        camera.dof.aperture_fstop = log_uniform(rng, 0.4, 5.0)
    if "motion_blur" in tags:
        scene.render.use_motion_blur = True
        scene.render.motion_blur_shutter = rng.uniform(0.3, 1.0)
        pixel = 2.0 * 36 / camera.lens / size
        animate(rng, log_uniform(rng, 0.5, 4) * pixel, range(-1, 8))
    return tags


def hair_material(rng: random.Random):
    """Hair as Cycles shades it, by melanin or by color, or plain fibres."""
    import bpy

    tint = [rng.uniform(0.1, 0.9) for _ in range(3)]
    if rng.random() < 0.3:
        return blender.principled("fibres", Base_Color=tint, Roughness=rng.uniform(0.2, 0.9))
    material = bpy.data.materials.new("hair")
    material.use_nodes = True
    hair = material.node_tree.nodes.new("ShaderNodeBsdfHairPrincipled")
    hair.parametrization = rng.choice(["COLOR", "MELANIN"])
    values = {"Color": (*tint, 1.0), "Melanin": rng.uniform(0.05, 0.9)}
    values |= {"Roughness": rng.uniform(0.15, 0.5), "Random Color": rng.uniform(0, 0.6)}
    for name, value in values.items():
        if name in hair.inputs:
            hair.inputs[name].default_value = value
    output = material.node_tree.nodes["Material Output"]
    material.node_tree.links.new(hair.outputs[0], output.inputs["Surface"])
    return material


def add_curves(strands: np.ndarray, radius: float, material) -> None:
    """Hair curves; strands (n, points, 3) from root to tip, thinner towards the tip."""
    import bpy

    count, points, _ = strands.shape
    data = bpy.data.hair_curves.new("hair")
    data.add_curves([points] * count)
    data.points.foreach_set("position", np.ascontiguousarray(strands, np.float32).ravel())
    taper = np.linspace(1.0, 0.2, points, dtype=np.float32)
    data.points.foreach_set("radius", np.tile(radius * taper, count))
    data.materials.append(material)
    bpy.context.collection.objects.link(bpy.data.objects.new("hair", data))


def add_fur(rng: random.Random) -> None:
    """A ball covered with fur, short as felt or long, combed in one direction."""
    noise = np.random.default_rng(rng.randrange(1 << 30))
    radius, length = log_uniform(rng, 0.12, 0.35), log_uniform(rng, 0.03, 0.3)
    middle = np.array([rng.gauss(0, 0.35), rng.gauss(0, 0.35), radius])
    blender.add_sphere("ball", radius, middle, blender.principled("skin", Base_Color=(0.2, 0.12, 0.08), Roughness=0.8))
    outward = noise.normal(size=(rng.randint(3000, 15000), 1, 3))
    outward /= np.linalg.norm(outward, axis=2, keepdims=True)
    t = np.linspace(0, 1, 6)[None, :, None]
    comb = noise.normal(0, 0.6, 3) + noise.normal(0, 0.25, (len(outward), 1, 3))
    lengths = length * noise.uniform(0.6, 1.0, (len(outward), 1, 1))
    add_curves(
        middle + outward * radius + lengths * (outward * t + comb * t**2), log_uniform(rng, 0.0008, 0.004), hair_material(rng)
    )


def add_strands(rng: random.Random) -> None:
    """Long strands that hang over a head, waved."""
    noise = np.random.default_rng(rng.randrange(1 << 30))
    count, t = rng.randint(1500, 8000), np.linspace(0, 1, 16)[None, :, None]
    middle = np.array([rng.gauss(0, 0.3), rng.gauss(0, 0.3), rng.uniform(0.4, 0.9)])
    radius, length = rng.uniform(0.1, 0.2), rng.uniform(0.25, 0.7)
    blender.add_sphere("ball", radius, middle, blender.principled("skin", Base_Color=(0.5, 0.3, 0.22), Roughness=0.5))
    angle = noise.uniform(0, 2 * math.pi, (count, 1, 1))
    rise = noise.uniform(0.2, 1.0, (count, 1, 1))
    flat = np.sqrt(1 - rise**2)
    root = np.concatenate([np.cos(angle) * flat, np.sin(angle) * flat, rise], 2)
    curl = 0.02 * np.sin(2 * math.pi * (rng.uniform(0.5, 4) * t + noise.uniform(0, 1, (count, 1, 1))))
    out = root * radius * (1 + 0.5 * t) + curl * np.concatenate([np.sin(angle), -np.cos(angle), 0 * angle], 2)
    fall = np.array([0, 0, -1.0]) * length * t**1.3 * noise.uniform(0.7, 1.0, (count, 1, 1))
    add_curves(middle + out + fall, log_uniform(rng, 0.0006, 0.0025), hair_material(rng))


def add_fog(rng: random.Random, scene) -> None:
    """A homogeneous volume around scene and camera, from haze to thick fog, mostly forward scattering."""
    import bpy

    material = bpy.data.materials.new("fog")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.remove(nodes["Principled BSDF"])
    tint = rng.uniform(0.7, 1.0)
    volume = blender.node(
        material,
        "VolumeScatter",
        Color=(tint, tint, 1.0),
        Density=log_uniform(rng, 0.02, 0.5),
        Anisotropy=rng.uniform(0.0, 0.7),
    )
    material.node_tree.links.new(volume.outputs[0], nodes["Material Output"].inputs["Volume"])
    w, low, high = 4.0, -0.2, 3.5
    corners = [(x, y, z) for z in (low, high) for x, y in ((-w, -w), (w, -w), (w, w), (-w, w))]
    sides = [(i, (i + 1) % 4, (i + 1) % 4 + 4, i + 4) for i in range(4)]
    blender.add_mesh("fog", corners, [(3, 2, 1, 0), (4, 5, 6, 7), *sides], material, smooth=False)
    scene.cycles.volume_bounces = 2


def make_night(rng: random.Random, scene) -> None:
    """Dims the sky to little and lights the scene with a few small bright bulbs."""
    world = scene.world
    world.use_nodes = True
    blender.set_inputs(world, world.node_tree.nodes["Background"], Strength=log_uniform(rng, 0.003, 0.05))
    for _ in range(rng.randint(3, 15)):
        where = (rng.gauss(0, 1.0), rng.gauss(0, 1.0), rng.uniform(0.2, 1.6))
        warm = rng.random()
        blender.add_bulb(
            where, log_uniform(rng, 0.006, 0.03), log_uniform(rng, 0.5, 8), (1.0, 0.95 - 0.35 * warm, 1.0 - 0.75 * warm)
        )
