"""Render training views with Mitsuba 3: a second renderer's noise, and sequences with motion.

    python -m quietframe_training.generators.mitsuba_views --assets DIR --photos DIR --out DIR --count 100

Needs the packages mitsuba, trimesh, pillow and numpy, and for the default variant an LLVM library
(name it in DRJIT_LIBLLVM_PATH where it is not found; llvm 15 is known to crash on some scenes).
Seeds that exist are skipped and files are written atomically: stop and resume at any time.

A seed gives either one view at three noise levels that share a reference, files mi_SEED_sNN.npz
(NN = samples per pixel), or a sequence of seven frames at one noise level with a reference of the
centre frame, file mi_SEED_seq.npz.  Arrays, in the layout of `example_format`:
    color 3, albedo 3 (first hit), normal 3 (world space, shading), depth 1, motion 4 (sequences only)
    color_var, albedo_var, normal_var 1 each
    ref_color 3
"""

from __future__ import annotations

import argparse
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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

FRAMES = 7
FAR = 1e5
"""Distance that stands for infinity where the motion of a miss is computed."""


# Cameras and motion


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: position and target (3,) in the world, z up, and the horizontal field of view in degrees."""

    eye: np.ndarray
    target: np.ndarray
    fov: float

    def axes(self) -> np.ndarray:
        """Rows: right, down, forward; (3, 3)."""
        forward = self.target - self.eye
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def focal_length(self, size: int) -> float:
        """In pixels, for a square picture of `size` pixels."""
        return size / 2 / math.tan(math.radians(self.fov) / 2)

    def project(self, points: np.ndarray, size: int) -> np.ndarray:
        """World points (..., 3) to pixel positions (..., 2): x right, y down, the first pixel's centre at 0.5."""
        local = (points - self.eye) @ self.axes().T
        return local[..., :2] / local[..., 2:] * self.focal_length(size) + size / 2

    def directions(self, size: int) -> np.ndarray:
        """World directions through the pixel centres, not normalised: (size, size, 3)."""
        pixel = np.arange(size) + 0.5 - size / 2
        x, y = np.meshgrid(pixel, pixel)
        return np.stack([x, y, np.full_like(x, self.focal_length(size))], -1) @ self.axes()


def motion_to(position: np.ndarray, missed: np.ndarray, camera: Camera, other: Camera) -> np.ndarray:
    """Offset in pixels, y down, from where `camera` sees a point to where `other` sees it: (size, size, 2).

    position: (size, size, 3), what each pixel sees.  missed: (size, size, 1), true where that is infinitely far.
    """
    size = position.shape[0]
    far = camera.eye + FAR * camera.directions(size)
    points = np.where(missed, far, position)
    return other.project(points, size) - camera.project(points, size)


# Scenes


class SceneBuilder:
    """A random arrangement of assets as a dictionary for mitsuba.load_dict."""

    def __init__(self, rng: random.Random, assets: Path, photos: Path):
        import mitsuba

        self.mi, self.rng = mitsuba, rng
        self.transform = mitsuba.ScalarTransform4f
        self.models = sorted((assets / "models").glob("*.glb"))
        self.hdris = sorted((assets / "hdris").glob("*.hdr"))
        self.textures = sorted((assets / "materials").glob("*/*Color*"))
        self.photos = sorted(photos.rglob("*.jpg"))
        self.scene = {"type": "scene"}

    def add(self, value) -> None:
        """Put an object into the scene, under a name that is of no importance."""
        self.scene[f"object_{len(self.scene)}"] = value

    def rectangle(self, to_world, bsdf) -> None:
        self.add({"type": "rectangle", "to_world": to_world, "bsdf": bsdf})

    def plain_bsdf(self) -> dict:
        """Matte, glass, metal or plastic."""
        rng = self.rng
        color = {"type": "rgb", "value": [rng.uniform(0.05, 0.9) for _ in range(3)]}
        kind = rng.choices(["diffuse", "dielectric", "roughdielectric", "roughconductor", "roughplastic"], [7, 2, 1, 4, 6])[0]
        if kind == "dielectric":
            return {"type": kind}
        alpha = log_uniform(rng, 0.02, 0.4)
        if kind == "roughdielectric":
            return {"type": kind, "alpha": alpha}
        bsdf = {
            "diffuse": {"reflectance": color},
            "roughconductor": {"material": rng.choice(["Al", "Cu", "Au", "Cr"]), "alpha": alpha},
            "roughplastic": {"diffuse_reflectance": color, "alpha": alpha},
        }[kind]
        return {"type": "twosided", "bsdf": {"type": kind, **bsdf}}

    def surface_bsdf(self) -> dict:
        """For floors and walls: a photograph or a texture, matte or glossy; or a plain one."""
        rng, kind = self.rng, self.rng.random()
        if kind > 0.75:
            return self.plain_bsdf()
        path = rng.choice(self.photos if kind < 0.4 else self.textures)
        image = {"type": "bitmap", "filename": str(path), "to_uv": self.transform().scale(log_uniform(rng, 1, 8))}
        if rng.random() < 0.5:
            return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": image}}
        alpha = log_uniform(rng, 0.05, 0.4)
        return {"type": "twosided", "bsdf": {"type": "roughplastic", "diffuse_reflectance": image, "alpha": alpha}}

    def gltf_bsdf(self, material, has_uv: bool) -> dict:
        """Base colour, texture, roughness and metalness of a glTF material as `trimesh` gives it."""
        image = getattr(material, "baseColorTexture", None)
        if image is not None and has_uv:
            bitmap = self.mi.Bitmap(np.array(image.convert("RGB")))
            color = {"type": "bitmap", "bitmap": bitmap}
        else:
            factor = getattr(material, "baseColorFactor", None)
            rgb = np.asarray((200, 200, 200) if factor is None else factor, np.float64)[:3]
            rgb = rgb / 255 if rgb.max() > 1 else rgb
            color = {"type": "rgb", "value": np.clip(rgb, 0.01, 0.95).tolist()}
        roughness, metallic = (getattr(material, name, None) for name in ("roughnessFactor", "metallicFactor"))
        return {
            "type": "twosided",
            "bsdf": {
                "type": "principled",
                "base_color": color,
                "roughness": float(np.clip(0.6 if roughness is None else roughness, 0.05, 1)),
                "metallic": float(metallic or 0),
            },
        }

    def model(self, path: Path, size: float) -> None:
        """Every mesh of a glTF file, its largest side scaled to `size`, somewhere on the floor."""
        import trimesh

        rng = self.rng
        loaded = trimesh.load(path, force="scene")
        low, high = loaded.bounds
        centre = (low + high) / 2
        tilt = 90 if rng.random() < 0.85 else rng.uniform(0, 360)
        place = (
            self.transform()
            .translate([rng.gauss(0, 0.9), rng.gauss(0, 0.9), 0.0])
            .rotate([0, 0, 1], rng.uniform(0, 360))
            .rotate([1, 0, 0], tilt)
            .scale(size / max(float((high - low).max()), 1e-6))
            .translate([-centre[0], -low[1], -centre[2]])
        )
        matrix = np.array(place.matrix, np.float64)
        override = self.plain_bsdf() if rng.random() < 0.25 else None
        for mesh in loaded.dump(concatenate=False):
            if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
                self.add(self.mesh(mesh, matrix, override))

    def mesh(self, mesh, matrix: np.ndarray, override: dict | None):
        """A `trimesh` mesh, moved by a matrix (4, 4), as a Mitsuba one."""
        mi = self.mi
        vertices = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
        uv = getattr(mesh.visual, "uv", None)
        properties = mi.Properties()
        bsdf = override or self.gltf_bsdf(getattr(mesh.visual, "material", None), uv is not None)
        properties["bsdf"] = mi.load_dict(bsdf)
        count = (len(vertices), len(mesh.faces))
        new = mi.Mesh("mesh", *count, has_vertex_texcoords=uv is not None, props=properties)
        parameters = mi.traverse(new)
        parameters["vertex_positions"] = np.ascontiguousarray(vertices, np.float32).ravel()
        parameters["faces"] = np.ascontiguousarray(mesh.faces, np.uint32).ravel()
        if uv is not None:
            parameters["vertex_texcoords"] = np.ascontiguousarray(uv, np.float32).ravel()
        parameters.update()
        return new

    def room(self) -> None:
        """Walls and perhaps a ceiling, open towards -y."""
        rng, move = self.rng, self.transform
        w, d, h = rng.uniform(1.6, 3.2), rng.uniform(1.6, 3.2), rng.uniform(2.0, 3.0)
        wall = self.surface_bsdf()
        self.rectangle(move().translate([0, d, h / 2]).rotate([1, 0, 0], 90).scale([w, h / 2, 1]), wall)
        self.rectangle(move().translate([-w, 0, h / 2]).rotate([0, 1, 0], 90).scale([h / 2, d, 1]), wall)
        if rng.random() < 0.6:
            right = move().translate([w, 0, h / 2]).rotate([0, 1, 0], 90).scale([h / 2, d, 1])
            self.rectangle(right, self.surface_bsdf())
        if rng.random() < 0.7:
            self.rectangle(move().translate([0, 0, h]).scale([w, d, 1]), self.plain_bsdf())

    def lamp(self, radius: float) -> None:
        """A square lamp on a circle about the middle, aimed at it; the smaller, the brighter."""
        rng, angle = self.rng, self.rng.uniform(0, 6.28)
        origin = [radius * math.cos(angle), radius * math.sin(angle), rng.uniform(1.2, 1.9)]
        size = log_uniform(rng, 0.03, 0.5)
        radiance = [log_uniform(rng, 1, 20) / size**1.5 * rng.uniform(0.7, 1) for _ in range(3)]
        place = self.transform().look_at(origin=origin, target=[0, 0, 0.3], up=[0, 0, 1]).scale(size)
        emitter = {"type": "area", "radiance": {"type": "rgb", "value": radiance}}
        self.add({"type": "rectangle", "to_world": place, "emitter": emitter})

    def build(self):
        """The loaded scene."""
        rng, move = self.rng, self.transform
        self.rectangle(move().scale(6), self.surface_bsdf())
        indoors = rng.random() < 0.45
        if indoors:
            self.room()
        turned = move().rotate([0, 0, 1], rng.uniform(0, 360)).rotate([1, 0, 0], 90)
        hdri = str(rng.choice(self.hdris))
        self.add({"type": "envmap", "filename": hdri, "scale": log_uniform(rng, 0.3, 2.0), "to_world": turned})
        for path in rng.sample(self.models, min(len(self.models), rng.randint(3, 9))):
            self.model(path, log_uniform(rng, 0.3, 1.4))
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            self.lamp(1.3 if indoors else rng.uniform(1.5, 3.5))
        return self.mi.load_dict(self.scene)


def random_camera(rng: random.Random) -> Camera:
    """A camera within a few metres of the middle of the scene."""
    angle, distance = rng.uniform(0, 6.28), log_uniform(rng, 1.1, 2.8)
    eye = np.array([distance * math.cos(angle), distance * math.sin(angle), rng.uniform(0.15, 1.6)])
    target = np.array([rng.gauss(0, 0.35), rng.gauss(0, 0.35), rng.uniform(0.1, 0.8)])
    return Camera(eye, target, rng.uniform(12, 50))


def moving_cameras(rng: random.Random, centre: Camera, size: int, still: float = 0.0, frames: int = FRAMES) -> list[Camera]:
    """Poses about `centre` that move the picture by 0.3 to 8 pixels a frame, or, a share `still` of them, not at all.

    There are two more than frames: the first and the last only say where the motion of their neighbours leads.
    """

    def random_step() -> np.ndarray:
        direction = np.array([rng.gauss(0, 1) for _ in range(3)])
        return direction / np.linalg.norm(direction) * length * rng.random()

    distance = float(np.linalg.norm(centre.target - centre.eye))
    length = log_uniform(rng, 0.3, 8) * distance / centre.focal_length(size)
    if still > 0 and rng.random() < still:
        length = 0.0
    move, turn = random_step(), random_step()
    times = range(-(frames // 2) - 1, frames - frames // 2 + 1)
    return [Camera(centre.eye + t * move, centre.target + t * turn, centre.fov) for t in times]


# Rendering


class Renderer:
    """Renders a loaded scene; every render has a seed of its own."""

    def __init__(self, scene, size: int, first_seed: int):
        import mitsuba

        self.mi, self.scene, self.size = mitsuba, scene, size
        self.seed = first_seed
        self.integrator = mitsuba.load_dict(
            {
                "type": "aov",
                "aovs": "albedo:albedo,n:sh_normal,z:depth,p:position",
                "path": {"type": "path", "max_depth": 9},
            }
        )

    def __call__(self, camera: Camera, spp: int) -> dict[str, np.ndarray]:
        """Signals and guides (size, size, channels): color, albedo, normal, depth, position."""
        look = self.mi.ScalarTransform4f().look_at(origin=camera.eye.tolist(), target=camera.target.tolist(), up=[0, 0, 1])
        film = {
            "type": "hdrfilm",
            "width": self.size,
            "height": self.size,
            "pixel_format": "rgb",
            "rfilter": {"type": "box"},
        }
        sensor = self.mi.load_dict(
            {
                "type": "perspective",
                "fov": camera.fov,
                "to_world": look,
                "film": film,
                "sampler": {"type": "independent"},
            }
        )
        self.seed += 1
        image = self.mi.render(self.scene, sensor=sensor, integrator=self.integrator, spp=spp, seed=self.seed)
        planes = np.nan_to_num(np.array(image, np.float32), nan=0, posinf=6e4, neginf=0)
        names = {"color": 3, "albedo": 3, "normal": 3, "depth": 1, "position": 3}
        return dict(zip(names, np.split(planes, np.cumsum(list(names.values()))[:-1], -1), strict=True))


def noisy_arrays(a: dict[str, np.ndarray], b: dict[str, np.ndarray], exposure: float) -> dict[str, np.ndarray]:
    """The stored arrays, without the frame axis, of a noisy frame given as two half buffers."""
    out = {"color": to_half((a["color"] + b["color"]) / 2 * exposure, SIGNAL_BITS)}
    out |= {name: to_half((a[name] + b[name]) / 2, GUIDE_BITS) for name in ("albedo", "normal")}
    out["depth"] = to_half((a["depth"] + b["depth"]) / 2)
    for name, gain in (("color", exposure**2), ("albedo", 1.0), ("normal", 1.0)):
        out[f"{name}_var"] = to_half(half_buffer_variance(a[name], b[name]) * gain, VARIANCE_BITS)
    return out


def render_reference(render: Renderer, camera: Camera, exposure: float, options: argparse.Namespace):
    """Double the samples until the noise is small: (picture (h, w, 3), samples per pixel, relative error)."""
    spp = options.reference // 4
    colors = [render(camera, spp)["color"] * exposure for _ in range(4)]
    while True:
        picture = np.mean(colors, 0)
        variance = np.var(colors, 0, ddof=1).mean(-1, keepdims=True) / len(colors)
        error = relative_error(picture, variance)
        if error < options.goal or len(colors) >= 4 * options.most:
            break
        colors += [render(camera, spp)["color"] * exposure for _ in range(len(colors))]
    if error > options.max_error:
        raise Rejected(f"noisy reference ({error:.4f})")
    return picture, spp * len(colors), error


def render_sequence(
    render: Renderer, rng: random.Random, camera: Camera, spp: int, exposure: float, still: float, count: int = FRAMES
) -> dict:
    """The stored arrays, with the frame axis, of `count` frames about `camera`."""
    cameras = moving_cameras(rng, camera, render.size, still, count)
    frames = []
    for before, now, after in zip(cameras, cameras[1:], cameras[2:], strict=False):
        frame = noisy_arrays(render(now, spp // 2), render(now, spp // 2), exposure)
        seen = render(now, 1)
        missed = seen["depth"] == 0
        motion = [motion_to(seen["position"], missed, now, other) for other in (before, after)]
        frames.append(frame | {"motion": to_half(np.concatenate(motion, -1))})
    return {name: np.stack([f[name] for f in frames]) for name in frames[0]}


def render_seed(seed: int, options: argparse.Namespace) -> str:
    """Render the examples of one seed; writes the files and returns a line for the log."""
    import mitsuba

    rng = random.Random(f"mitsuba/{seed}")
    began = time.process_time()
    scene = SceneBuilder(rng, options.assets, options.photos).build()
    render = Renderer(scene, options.size, rng.randrange(1 << 20) * 1000)
    for attempt in range(6):
        camera = random_camera(rng)
        preview = render(camera, 8)
        try:
            check_view(preview["color"], preview["albedo"], preview["normal"], preview["depth"][..., 0] == 0)
            break
        except Rejected:
            if attempt == 5:
                raise
    exposure = exposure_for(rng, preview["color"])
    picture, reference_spp, error = render_reference(render, camera, exposure, options)
    reference = {"ref_color": to_half(picture, REFERENCE_BITS)[None]}
    meta = {
        "version": FORMAT_VERSION,
        "seed": seed,
        "family": "assets",
        "renderer": f"Mitsuba {mitsuba.__version__} {mitsuba.variant()}",
        "ref_spp": [reference_spp],
        "ref_error_before_cleaning": [round(error, 6)],
        "ref_cleaned": "no",
        "exposure": exposure,
        "size": options.size,
        "ref_frames": [0],
    }
    if rng.random() < options.sequences:
        spp = rng.choice([4, 8, 16, 32])
        count = options.frames
        arrays = render_sequence(render, rng, camera, spp, exposure, options.still, count) | reference
        meta |= {"kind": "sequence", "spp": spp, "frames": [t - count // 2 for t in range(count)]}
        save_example(options.out / f"mi_{seed:06d}_seq.npz", arrays, meta)
    else:
        for group in SPP_GROUPS:
            spp = rng.choice(group)
            frame = noisy_arrays(render(camera, spp // 2), render(camera, spp // 2), exposure)
            arrays = {name: array[None] for name, array in frame.items()} | reference
            meta |= {"kind": "single", "spp": spp, "frames": [0]}
            save_example(options.out / f"mi_{seed:06d}_s{spp:02d}.npz", arrays, meta)
    return f"saved {seed}, reference {reference_spp} spp, error {error:.4f}, {time.process_time() - began:.0f} CPU s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="folder with models/, hdris/ and materials/")
    parser.add_argument("--photos", type=Path, required=True, help="folder of .jpg photographs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--size", type=int, default=128, help="pixels along a side (128)")
    parser.add_argument("--reference", type=int, default=512, help="samples per pixel of a reference at first (512)")
    parser.add_argument("--most", type=int, default=4, help="at most this many times --reference (4)")
    parser.add_argument("--goal", type=float, default=0.004, help="relative squared error at which a reference is done")
    parser.add_argument("--max-error", type=float, default=0.02, help="relative squared error at which it is rejected")
    parser.add_argument("--sequences", type=float, default=0.2, help="share of seeds that become sequences (0.2)")
    parser.add_argument("--still", type=float, default=0.0, help="share of sequences whose camera stands still (0)")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"of a sequence ({FRAMES}); 24 still ones show stability")
    parser.add_argument("--variant", default="llvm_ad_rgb", help="or cuda_ad_rgb, scalar_rgb")
    options = parser.parse_args()

    import mitsuba

    mitsuba.set_variant(options.variant)
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.count):
        if existing(options.out, "mi", seed):
            continue
        try:
            print(render_seed(seed, options), flush=True)
        except Rejected as reason:
            print(f"rejected {seed}: {reason}", flush=True)
        except RuntimeError as error:  # a model or texture that Mitsuba cannot use
            print(f"failed {seed}: {error}", flush=True)


if __name__ == "__main__":
    main()
