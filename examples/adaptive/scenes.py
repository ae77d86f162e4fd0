"""Scenes for the comparison, small descriptions that need no files.  Each is hard in a part of the picture."""

from __future__ import annotations

import random
from typing import Any

import mitsuba as mi

Scene = dict[str, Any]


def _look(origin: list[float], target: list[float], fov: float, size: int, **more: Any) -> Scene:
    film = {"type": "hdrfilm", "width": size, "height": size, "rfilter": {"type": "box"}}
    to_world = mi.ScalarTransform4f().look_at(origin=origin, target=target, up=[0, 1, 0])
    sampler = {"type": "independent"}
    return {"type": "perspective", "fov": fov, "to_world": to_world, "film": film, "sampler": sampler, **more}


def _diffuse(*color: float) -> Scene:
    return {"type": "diffuse", "reflectance": {"type": "rgb", "value": list(color)}}


def _metal(roughness: float, material: str = "Al") -> Scene:
    return {"type": "roughconductor", "material": material, "alpha": roughness}


def _light(*radiance: float) -> Scene:
    return {"type": "area", "radiance": {"type": "rgb", "value": list(radiance)}}


def _sphere(center: list[float], radius: float, **more: Any) -> Scene:
    return {"type": "sphere", "center": center, "radius": radius, **more}


def _box(center: list[float], half: list[float], **more: Any) -> Scene:
    to_world = mi.ScalarTransform4f().translate(center).scale(half)
    return {"type": "cube", "to_world": to_world, **more}


def _checker(a: float, b: float, scale: float) -> Scene:
    texture = {
        "type": "checkerboard",
        "color0": {"type": "rgb", "value": [a, a, 0.9 * a]},
        "color1": {"type": "rgb", "value": [b, 0.9 * b, 0.8 * b]},
        "to_uv": mi.ScalarTransform4f().scale([scale, scale, 1]),
    }
    return {"type": "diffuse", "reflectance": texture}


def _floor(bsdf: Scene, size: float = 10) -> Scene:
    to_world = mi.ScalarTransform4f().rotate([1, 0, 0], -90).scale([size, size, 1])
    return {"type": "rectangle", "to_world": to_world, "bsdf": bsdf}


def _scene(sensor: Scene, depth: int = 9, **shapes: Scene) -> Scene:
    return {"type": "scene", "integrator": {"type": "path", "max_depth": depth}, "sensor": sensor, **shapes}


def cornell(size: int) -> Scene:
    """The Cornell box of the mitsuba package."""
    scene = mi.cornell_box()
    scene["sensor"]["film"] |= {"width": size, "height": size, "rfilter": {"type": "box"}}
    return dict(scene)


def focus(size: int) -> Scene:
    """Balls of many colours behind and before the focal plane, small lamps among them: blur beside sharp edges."""
    rng = random.Random(4)
    shapes: dict[str, Scene] = {"floor": _floor(_checker(0.6, 0.25, 24), 14)}
    for i in range(44):
        x, z = rng.uniform(-4.5, 4.5), rng.uniform(-9, 2.6)
        radius = rng.uniform(0.15, 0.42)
        shapes[f"ball{i}"] = _sphere([x, radius, z], radius, bsdf=_diffuse(*(rng.uniform(0.1, 0.9) for _ in range(3))))
    for i in range(9):
        lamp = _light(*(rng.uniform(20, 70) for _ in range(3)))
        shapes[f"lamp{i}"] = _sphere(
            [rng.uniform(-4, 4), rng.uniform(0.6, 2.4), rng.uniform(-9, 0)], 0.07, emitter=lamp
        )
    shapes["sky"] = {"type": "constant", "radiance": {"type": "rgb", "value": [0.25, 0.3, 0.4]}}
    sensor = _look([0, 1.6, 6], [0, 0.6, 0], 42, size, type="thinlens", aperture_radius=0.16, focus_distance=6.1)
    return _scene(sensor, **shapes)


def metals(size: int) -> Scene:
    """Balls from mirror to matt metal under two lamps: highlights of every width on a quiet ground."""
    shapes: dict[str, Scene] = {"floor": _floor(_diffuse(0.5, 0.5, 0.5))}
    for i, (roughness, material) in enumerate([(0.06, "Al"), (0.12, "Au"), (0.2, "Cu"), (0.35, "Al"), (0.5, "Au")]):
        shapes[f"ball{i}"] = _sphere([-2.2 + 1.1 * i, 0.5, -0.3 * (i % 2)], 0.5, bsdf=_metal(roughness, material))
    shapes["left"] = _sphere([-3, 4, 2], 0.35, emitter=_light(40, 36, 28))
    shapes["right"] = _sphere([3.5, 2.5, 3], 0.3, emitter=_light(26, 30, 38))
    shapes["sky"] = {"type": "constant", "radiance": {"type": "rgb", "value": [0.12, 0.13, 0.16]}}
    return _scene(_look([0, 1.9, 5.6], [0, 0.45, 0], 40, size), **shapes)


def doorway(size: int) -> Scene:
    """A room that a narrow door lights: half of the picture sees light after several bounces only."""
    wall = _diffuse(0.75, 0.73, 0.68)
    shapes = {
        "floor": _floor(_checker(0.55, 0.3, 12), 6),
        "ceiling": _box([0, 3.05, 0], [6, 0.05, 6], bsdf=wall),
        "back": _box([0, 1.5, -4], [6, 1.5, 0.05], bsdf=_diffuse(0.35, 0.5, 0.7)),
        "left": _box([-3, 1.5, 0], [0.05, 1.5, 6], bsdf=_diffuse(0.7, 0.4, 0.3)),
        "front": _box([0, 1.5, 6], [6, 1.5, 0.05], bsdf=wall),
        # The wall between the rooms, with a gap.
        "wall0": _box([1.4, 1.5, -2.6], [0.06, 1.5, 1.4], bsdf=wall),
        "wall1": _box([1.4, 1.5, 3.2], [0.06, 1.5, 2.9], bsdf=wall),
        "right": _box([5, 1.5, 0], [0.05, 1.5, 6], bsdf=wall),
        "lamp": _box([3.2, 2.7, -0.6], [0.7, 0.05, 0.7], emitter=_light(24, 21, 17)),
        "ball": _sphere([-0.6, 0.6, -1.2], 0.6, bsdf=_metal(0.15)),
        "cube": _box([-1.7, 0.4, 0.3], [0.4, 0.4, 0.4], bsdf=_diffuse(0.8, 0.75, 0.3)),
    }
    return _scene(_look([-0.8, 1.5, 4.6], [-0.2, 1.1, -1.5], 58, size), depth=12, **shapes)


def shade(size: int) -> Scene:
    """A lawn of thin blades before a bright sky, and a pavilion's shadow: fine geometry beside flat areas."""
    rng = random.Random(8)
    shapes: dict[str, Scene] = {"floor": _floor(_diffuse(0.3, 0.33, 0.2), 30)}
    for i in range(150):
        x, z = rng.uniform(-2.6, 2.6), rng.uniform(-0.5, 2.4)
        tip = [x + rng.uniform(-0.15, 0.15), rng.uniform(0.25, 0.7), z + rng.uniform(-0.15, 0.15)]
        bsdf = {"type": "twosided", "bsdf": _diffuse(rng.uniform(0.1, 0.3), rng.uniform(0.35, 0.6), 0.12)}
        shapes[f"blade{i}"] = {"type": "cylinder", "p0": [x, 0, z], "p1": tip, "radius": 0.012, "bsdf": bsdf}
    for i in range(5):
        post = _box([-1.6 + 0.8 * i, 0.8, -2.2], [0.05, 0.8, 0.05], bsdf=_diffuse(0.7, 0.68, 0.62))
        shapes[f"post{i}"] = post
    shapes["roof"] = _box([0, 1.65, -3], [2, 0.06, 1.3], bsdf=_diffuse(0.6, 0.3, 0.22))
    shapes["back"] = _box([0, 0.8, -4], [2, 0.8, 0.05], bsdf=_diffuse(0.75, 0.72, 0.65))
    shapes["bowl"] = _sphere([0.3, 0.35, -2.9], 0.35, bsdf=_metal(0.08, "Au"))
    shapes["sun"] = _sphere([30, 42, 25], 2.2, emitter=_light(900, 820, 660))
    shapes["sky"] = {"type": "constant", "radiance": {"type": "rgb", "value": [0.35, 0.5, 0.8]}}
    return _scene(_look([0.6, 1.1, 4.6], [0, 0.7, -1], 44, size), **shapes)


def plates(size: int) -> Scene:
    """Veach's plates: metal from glossy to matt, lamps from small to large."""
    shapes: dict[str, Scene] = {
        "floor": _floor(_diffuse(0.35, 0.35, 0.35)),
        "back": _box([0, 3, -3.2], [8, 4, 0.05], bsdf=_diffuse(0.3, 0.3, 0.34)),
    }
    for i, roughness in enumerate([0.02, 0.06, 0.14, 0.3]):
        angle = [-52, -38, -27, -18][i]
        place = mi.ScalarTransform4f().translate([0, 0.25 + 0.28 * (3 - i), -1.6 + 0.95 * i])
        to_world = place.rotate([1, 0, 0], angle).scale([2.2, 0.42, 1])
        plate = {"type": "twosided", "bsdf": _metal(roughness)}
        shapes[f"plate{i}"] = {"type": "rectangle", "to_world": to_world, "bsdf": plate}
    for i, radius in enumerate([0.04, 0.12, 0.3, 0.6]):
        power = 1.1 / radius**2
        color = [(1, 0.75, 0.5), (0.7, 1, 0.7), (0.6, 0.75, 1), (1, 0.9, 0.8)][i]
        center = [-2.4 + 1.6 * i, 3.2, -1.8]
        shapes[f"lamp{i}"] = _sphere(center, radius, emitter=_light(*(power * c for c in color)))
    return _scene(_look([0, 2.3, 6.6], [0, 1.2, -1], 46, size), **shapes)


SCENES = {scene.__name__: scene for scene in (cornell, focus, metals, doorway, shade, plates)}
