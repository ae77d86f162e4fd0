"""A still life for Mitsuba 3: wine glass, fur, checked linen, wood, tiles, fruit with bumps, polished and rough metal, wire.

It has what denoisers find hard beside each other: refraction, strands thinner than a pixel, textures of several scales,
contact shadows, and a background that is a little out of focus. Nothing but the textures and the environment map comes from
files (CC0). The camera slides to the right with `time`, one unit a frame.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

EYE, TARGET = np.array([0.02, -1.05, 0.36]), np.array([0.0, 0.05, 0.11])
STEP = np.array([0.006, 0.0, 0.0])
FIELD_OF_VIEW = 33.0
APERTURE_RADIUS, FOCUS = 0.004, 1.08


def camera_axes(time: float) -> tuple[np.ndarray, np.ndarray]:
    """Eye (3,) of the camera at a time, and its axes as rows: right, down, forward (3, 3)."""
    eye, target = EYE + time * STEP, TARGET + 0.4 * time * STEP
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right = right / np.linalg.norm(right)
    return eye, np.stack([right, np.cross(forward, right), forward])


def smooth(points, per_segment: int = 10) -> np.ndarray:
    """Catmull-Rom curve through points (n, d): (m, d)."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.arange(per_segment)[:, None] / per_segment
    segments = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate([*segments, p[-2:-1]])


class Scene:
    """Collects the objects of a `mitsuba.load_dict` scene."""

    def __init__(self, assets: Path, work: Path):
        import mitsuba

        self.mi, self.assets, self.work = mitsuba, assets, work
        self.move = mitsuba.ScalarTransform4f
        self.objects: dict = {"type": "scene"}

    def add(self, value) -> None:
        self.objects[f"object_{len(self.objects)}"] = value

    def texture(self, name: str, repeat: float, raw: bool = False) -> dict:
        """A texture of a material's folder: `Color`, `Roughness` or `Normal` is part of its name."""
        folder, _, kind = name.partition("/")
        path = next((self.assets / "materials" / folder).glob(f"*{kind}*"))
        return {"type": "bitmap", "filename": str(path), "to_uv": self.move().scale(repeat), "raw": raw}

    def rough(self, color, alpha: float) -> dict:
        color = {"type": "rgb", "value": color} if isinstance(color, list) else color
        return {"type": "twosided", "bsdf": {"type": "roughplastic", "diffuse_reflectance": color, "alpha": alpha}}

    def metal(self, material: str, alpha: float) -> dict:
        return {"type": "twosided", "bsdf": {"type": "roughconductor", "material": material, "alpha": alpha}}

    def bumpy(self, color: list, alpha: float, repeat: float, depth: float, seed: int) -> dict:
        """Plastic with a fine random relief: the peel of citrus."""
        cells = np.random.default_rng(seed).random((96, 192)).astype(np.float32)
        smooth_cells = sum(np.roll(cells, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
        relief = {"type": "bitmap", "bitmap": self.mi.Bitmap(smooth_cells[..., None]), "raw": True}
        relief["to_uv"] = self.move().scale(repeat)
        inside = {"type": "roughplastic", "diffuse_reflectance": {"type": "rgb", "value": color}, "alpha": alpha}
        return {"type": "twosided", "bsdf": {"type": "bumpmap", "relief": relief, "scale": depth, "bsdf": inside}}

    def mesh(self, vertices, faces, bsdf, uv=None) -> None:
        mi, properties = self.mi, self.mi.Properties()
        properties["bsdf"] = mi.load_dict(bsdf)
        new = mi.Mesh(
            "mesh", len(vertices), len(faces), has_vertex_normals=True, has_vertex_texcoords=uv is not None, props=properties
        )
        parameters = mi.traverse(new)
        parameters["vertex_positions"] = np.ascontiguousarray(vertices, np.float32).ravel()
        parameters["faces"] = np.ascontiguousarray(faces, np.uint32).ravel()
        if uv is not None:
            parameters["vertex_texcoords"] = np.ascontiguousarray(uv, np.float32).ravel()
        parameters.update()
        self.add(new)

    def lathe(self, profile, location, bsdf, steps: int = 128) -> None:
        """A solid of revolution about z; profile (n, 2) of radii and heights."""
        profile = np.asarray(profile, np.float64)
        n, turns = len(profile), np.linspace(0, 2 * math.pi, steps + 1)
        radius, height = profile[:, 0], np.broadcast_to(profile[:, 1], (steps + 1, n))
        vertices = np.stack([np.outer(np.cos(turns), radius), np.outer(np.sin(turns), radius), height], -1)
        uv = np.stack(np.broadcast_arrays(turns[:, None] / (2 * math.pi), np.linspace(0, 1, n)[None]), -1)
        i, j = np.meshgrid(np.arange(steps), np.arange(n - 1), indexing="ij")
        a, b = i * n + j, (i + 1) * n + j
        faces = np.concatenate([np.stack([a, b, b + 1], -1), np.stack([a, b + 1, a + 1], -1)]).reshape(-1, 3)
        self.mesh(vertices.reshape(-1, 3) + location, faces, bsdf, uv.reshape(-1, 2))

    def sphere(self, radius: float, center, bsdf) -> None:
        """As a mesh: bump maps need texture coordinates without the poles of the analytic sphere."""
        angles = np.linspace(-math.pi / 2, math.pi / 2, 65)
        self.lathe(np.stack([np.cos(angles), np.sin(angles)], -1) * radius, np.asarray(center), bsdf)

    def strands(self, name: str, strands, radii, bsdf) -> None:
        """Hair or wire: (n, points, 3) from root to tip, radii (points,)."""
        path = self.work / f"{name}.txt"
        lines = ("\n".join(f"{x:.6f} {y:.6f} {z:.6f} {r:.6f}" for (x, y, z), r in zip(s, radii, strict=True)) for s in strands)
        path.write_text("\n\n".join(lines) + "\n")
        self.add({"type": "bsplinecurve", "filename": str(path), "bsdf": bsdf})


def add_room(s: Scene) -> None:
    """A wooden table before a tiled wall, daylight from a window at the left."""
    wood = {"type": "roughplastic", "diffuse_reflectance": s.texture("wood-floor-43/Color", 2.2), "alpha": 0.22}
    s.add({"type": "rectangle", "to_world": s.move().translate([0, -0.7, 0]).scale([2, 1.25, 1]), "bsdf": wood})
    tiles = {"type": "roughplastic", "diffuse_reflectance": s.texture("tiles/Color", 3.0), "alpha": 0.12}
    wall = s.move().translate([0, 0.56, 1]).rotate([1, 0, 0], 90).scale([3, 1, 1])
    s.add({"type": "rectangle", "to_world": wall, "bsdf": {"type": "twosided", "bsdf": tiles}})
    turned = s.move().rotate([0, 0, 1], 125).rotate([1, 0, 0], 90)
    sky = str(s.assets / "hdris" / "st_fagans_interior_1k.hdr")
    s.add({"type": "envmap", "filename": sky, "scale": 0.5, "to_world": turned})
    place = s.move().look_at(origin=[-1.3, -0.55, 1.1], target=[0, 0.1, 0.05], up=[0, 0, 1]).scale(0.24)
    s.add(
        {
            "type": "rectangle",
            "to_world": place,
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": [19, 21, 24]}},
        }
    )
    s.add({"type": "sphere", "radius": 0.012, "center": [0.33, 0.22, 0.075],
           "emitter": {"type": "area", "radiance": {"type": "rgb", "value": [160, 92, 38]}}})  # fmt: skip


def add_glass(s: Scene) -> None:
    """A glass of red wine."""
    outside = [(0, 0), (0.034, 0.001), (0.036, 0.003), (0.012, 0.008), (0.0045, 0.02), (0.004, 0.06),
               (0.006, 0.085), (0.026, 0.1), (0.041, 0.135), (0.04, 0.17), (0.033, 0.215)]  # fmt: skip
    inside = [(0.0318, 0.215), (0.0388, 0.17), (0.0398, 0.135), (0.025, 0.1025), (0.0, 0.091)]
    place = np.array([-0.12, -0.02, 0.0006])
    s.lathe(np.concatenate([smooth(outside), smooth(inside)]), place, {"type": "dielectric", "int_ior": 1.5})
    wine = [(0.0, 0.0905), (0.0256, 0.1022), (0.0404, 0.135), (0.0405, 0.148)]
    red = {"type": "dielectric", "int_ior": 1.34, "specular_transmittance": {"type": "rgb", "value": [0.55, 0.03, 0.05]}}
    s.lathe(np.concatenate([smooth(wine), [(0.0, 0.148)]]), place, red)


def add_fruit(s: Scene) -> None:
    """Citrus in a glazed bowl on a checked napkin; one orange on the table."""
    x, y = np.meshgrid(np.linspace(-0.17, 0.17, 90), np.linspace(-0.13, 0.13, 70), indexing="ij")
    z = 0.004 + 0.0013 * (np.sin(31 * x + 9 * y) + np.sin(47 * y - 12 * x) + 0.5 * np.sin(90 * x + 60 * y))
    turn = np.array([[math.cos(0.35), -math.sin(0.35)], [math.sin(0.35), math.cos(0.35)]])
    flat = np.stack([x, y], -1).reshape(-1, 2) @ turn.T + (0.13, 0.02)
    index = np.arange(x.size).reshape(x.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    checks = {"type": "checkerboard", "color0": {"type": "rgb", "value": [0.72, 0.68, 0.6]},
              "color1": {"type": "rgb", "value": [0.4, 0.03, 0.035]}, "to_uv": s.move().scale([17, 13, 1])}  # fmt: skip
    uv = np.stack([(x + 0.17) / 0.34, (y + 0.13) / 0.26], -1).reshape(-1, 2)
    linen = {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": checks}}
    s.mesh(np.concatenate([flat, z.reshape(-1, 1)], 1), faces, linen, uv)
    outside = [(0, 0.006), (0.034, 0.006), (0.038, 0.01), (0.065, 0.03), (0.086, 0.06), (0.091, 0.075)]
    inside = [(0.0885, 0.0765), (0.083, 0.06), (0.062, 0.033), (0.03, 0.017), (0.0, 0.015)]
    profile = np.concatenate([smooth(outside), smooth(inside)])
    s.lathe(profile, np.array([0.115, 0.05, 0.004]), s.rough([0.015, 0.13, 0.17], 0.06))
    orange, lemon = [0.75, 0.22, 0.015], [0.8, 0.55, 0.03]
    for i, (center, radius, color) in enumerate([
        ((0.085, 0.035, 0.075), 0.036, orange), ((0.15, 0.085, 0.08), 0.035, orange), ((0.145, 0.02, 0.078), 0.031, lemon),
        ((0.1, 0.09, 0.088), 0.03, lemon), ((-0.02, -0.19, 0.0345), 0.034, orange),
    ]):  # fmt: skip
        s.sphere(radius, center, s.bumpy(color, 0.18, 3.0, 0.002, i))


def add_metal(s: Scene) -> None:
    """A polished steel ball, a copper jug and a lantern of thin wire around the bulb."""
    s.sphere(0.026, (0.09, -0.22, 0.026), s.metal("Cr", 0.03))
    jug = [(0, 0), (0.045, 0), (0.05, 0.006), (0.058, 0.04), (0.05, 0.09), (0.03, 0.125), (0.034, 0.15),
           (0.031, 0.15), (0.026, 0.125), (0.046, 0.09), (0.0, 0.01)]  # fmt: skip
    s.lathe(smooth(jug), np.array([-0.02, 0.28, 0]), s.metal("Cu", 0.16))
    arc, height, radius = np.linspace(-0.46 * math.pi, 0.46 * math.pi, 40), 0.085, 0.072
    meridians = []
    for angle in np.linspace(0, 2 * math.pi, 18, endpoint=False):
        r, z = radius * np.cos(arc), height + 1.12 * radius * np.sin(arc)
        meridians.append(np.stack([r * np.cos(angle), r * np.sin(angle), z], -1) + (0.33, 0.22, 0.0))
    s.strands("meridians", meridians, np.full(40, 0.0009), s.metal("Au", 0.2))


def add_fur(s: Scene) -> None:
    """A furry ball with combed strands, fine enough to be thinner than a pixel."""
    noise = np.random.default_rng(3)
    center, radius, length = np.array([-0.31, 0.05, 0.085]), 0.06, 0.036
    outward = noise.normal(size=(26000, 1, 3))
    outward /= np.linalg.norm(outward, axis=2, keepdims=True)
    t = np.linspace(0, 1, 6)[None, :, None]
    comb = np.array([0.35, -0.25, -0.75]) + noise.normal(0, 0.22, (len(outward), 1, 3))
    lengths = length * noise.uniform(0.6, 1.0, (len(outward), 1, 1))
    strands = center + outward * radius + lengths * (outward * t + comb * t**2)
    hair = {"type": "roughplastic", "diffuse_reflectance": {"type": "rgb", "value": [0.42, 0.25, 0.13]}, "alpha": 0.3}
    s.strands("fur", strands, np.linspace(0.00045, 0.0001, 6), {"type": "twosided", "bsdf": hair})
    s.sphere(radius, center, s.rough([0.12, 0.07, 0.04], 0.4))


def build(assets: Path, work: Path):
    """The loaded scene; `work` receives the files of its curves."""
    s = Scene(assets.resolve(), work.resolve())
    for part in (add_room, add_glass, add_fruit, add_metal, add_fur):
        part(s)
    return s.mi.load_dict(s.objects)
