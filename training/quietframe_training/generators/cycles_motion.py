"""Movement of Cycles scenes, and the motion of their pixels in the layout of `example_format`.

`bpy` is imported inside the functions, so that the arithmetic can be tested without Blender.
"""

from __future__ import annotations

import random

import numpy as np

from .example_format import log_uniform

VECTOR_TO_OFFSET = np.array([1, -1, -1, 1], np.float32)
"""Cycles' Vector pass holds (previous - current, current - next) with y up."""

STYLES = {"camera": 3, "objects": 2, "camera and objects": 3, "lamps": 1, "camera and lamps": 1}
"""What moves, with relative weights. Light that moves over things at rest has no motion that vectors could tell."""

MOST_PIXELS = 10.0


def background_motion(orientations: list[np.ndarray], lens: float, size: int) -> np.ndarray:
    """Offsets of infinitely far points from the second of three frames into the first and the third: (size, size, 4).

    Cycles' own vectors are wrong by some ten percent there.  orientations: camera to world, (3, 3) each.  lens:
    millimetres on a sensor of 36 mm.
    """
    pixel = np.arange(size) + 0.5 - size / 2
    x, y = np.meshgrid(pixel, pixel)
    focal_length = lens / 36 * size
    world = np.stack([x, -y, np.full_like(x, -focal_length)], -1) @ orientations[1].T
    offsets = []
    for other in (orientations[0], orientations[2]):
        seen = world @ other
        projected = np.stack([seen[..., 0], -seen[..., 1]], -1) / -seen[..., 2:] * focal_length
        offsets.append(projected - np.stack([x, y], -1))
    return np.concatenate(offsets, -1)


def motion_of(passes: dict[str, np.ndarray], far: float, background: np.ndarray) -> np.ndarray:
    """Motion in pixels, y down, from the passes of one frame: (h, w, 4); `background` where depth is beyond `far`."""
    motion = passes["Vector"] * VECTOR_TO_OFFSET
    motion = np.where(passes["Depth"][..., :1] > far, background, motion)
    return np.where(np.abs(motion) < 1e-3, 0.0, motion)


def animate(rng: random.Random, pixel: float, frames: range) -> str:
    """Keyframe uniform movement of camera, objects or lamps about the middle of `frames`; returns what moves.

    pixel: size of a pixel in the world at the distance that the camera looks at.  The picture moves by a third of a
    pixel to MOST_PIXELS a frame.
    """
    import bpy

    def move(thing, length: float, spin: float) -> None:
        direction = np.array([rng.gauss(0, 1) for _ in range(3)])
        step = direction / np.linalg.norm(direction) * length * rng.uniform(0.3, 1.0)
        turn = np.array([rng.gauss(0, 1) for _ in range(3)]) * spin
        place, angle = np.array(thing.location), np.array(thing.rotation_euler)
        for frame in (frames[0], frames[-1]):
            t = frame - (frames[0] + frames[-1]) / 2
            thing.location, thing.rotation_euler = place + t * step, angle + t * turn
            thing.keyframe_insert("location", frame=frame)
            thing.keyframe_insert("rotation_euler", frame=frame)

    style = rng.choices(list(STYLES), list(STYLES.values()))[0]
    length = log_uniform(rng, 0.33, MOST_PIXELS) * pixel
    if "camera" in style:
        move(bpy.context.scene.camera, length, 0.2 * length)
    things = [o for o in bpy.data.objects if o.name.startswith(("root", "ball"))]
    if "objects" in style:
        for thing in rng.sample(things, min(len(things), rng.randint(2, 8))):
            move(thing, length, log_uniform(rng, 0.003, 0.1))
    if "lamps" in style:
        for lamp in (o for o in bpy.data.objects if o.type == "LIGHT" and o.data.type != "POINT"):
            move(lamp, 5 * length, 0.0)
    return style
