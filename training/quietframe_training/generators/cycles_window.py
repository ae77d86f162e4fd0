"""Render the example window: seven consecutive noisy frames of a still life, and a clean centre frame.

    python -m quietframe_training.generators.cycles_window --assets DIR --work DIR --out examples/window

Needs the packages bpy, numpy and OpenEXR.  The raw 32-bit renders are kept in --work and not made
again, so that the program can be stopped at any time and the reference can be refined later by a
larger --reference.  --out receives the passes a denoiser uses, under Blender's own names, as half
floats:

    frame.0001.exr ... frame.0007.exr   --spp samples per pixel; the centre frame is the mean of its halves
    half_a.0004.exr, half_b.0004.exr    two independent renders of the centre frame, --spp / 2 each,
                                        with the passes of diffuse light too
    reference.0004.exr                  colour only, --reference samples per pixel
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from . import blender
from .example_format import to_half

FRAMES = range(1, 8)
CENTRE = 4
REFERENCE_STEP = 64
FRAME_PASSES = {"Combined": 7, "Denoising Albedo": 8, "Denoising Normal": 8, "Denoising Depth": 9, "Vector": 9}
HALF_PASSES = FRAME_PASSES | {"Diffuse Direct": 7, "Diffuse Indirect": 7, "Diffuse Color": 8}
REFERENCE_PASSES = {"Combined": 10}
"""Passes of each kind of file, with the bits of mantissa that are kept: noise needs few, and zeros compress.

The frames of the window go without the diffuse passes, which would nearly double their size.
"""


def smooth(points, per_segment: int = 8) -> np.ndarray:
    """Catmull-Rom curve through points (n, d): (m, d)."""
    p = np.asarray(points, np.float64)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.arange(per_segment)[:, None] / per_segment
    segments = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate([*segments, p[-2:-1]])


def glass_material(name: str, color, ior: float):
    """Glass whose shadow is a tint.

    Caustics through thin glass are not worth their noise in a reference of a few hundred samples.
    """
    material = blender.principled(name)
    tree = material.node_tree
    tree.nodes.clear()
    glass = blender.node(material, "BsdfGlass", Color=color, IOR=ior, Roughness=0.0)
    clear = blender.node(material, "BsdfTransparent", Color=color)
    is_shadow = blender.node(material, "LightPath").outputs["Is Shadow Ray"]
    mix = blender.node(material, "MixShader", Fac=is_shadow)
    tree.links.new(glass.outputs[0], mix.inputs[1])
    tree.links.new(clear.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], blender.node(material, "OutputMaterial").inputs["Surface"])
    return material


def bumpy_material(name: str, scale: float, distance: float, **inputs):
    """Principled material with a fine procedural relief: citrus peel, stoneware."""
    material = blender.principled(name, **inputs)
    coordinates = blender.node(material, "TexCoord").outputs["Object"]
    noise = blender.node(material, "TexNoise", Vector=coordinates, Scale=scale, Detail=2.0)
    bump = blender.node(material, "Bump", Height=noise.outputs[0], Strength=0.5, Distance=distance)
    blender.set_inputs(material, material.node_tree.nodes["Principled BSDF"], Normal=bump.outputs[0])
    return material


def gingham_material():
    """Red and white checked linen: the mean of two sets of hard stripes."""
    material = blender.principled("gingham", Roughness=0.9, Specular_IOR_Level=0.1)
    coordinates = blender.node(material, "TexCoord").outputs["Object"]

    def arithmetic(operation: str, *values):
        new = blender.node(material, "Math")
        new.operation = operation
        for socket, value in zip(new.inputs, values, strict=False):
            if hasattr(value, "is_output"):
                material.node_tree.links.new(value, socket)
            else:
                socket.default_value = value
        return new.outputs[0]

    def stripes(axis: str):
        wave = blender.node(material, "TexWave", Vector=coordinates, Scale=11.0)
        wave.bands_direction = axis
        return arithmetic("GREATER_THAN", wave.outputs["Fac"], 0.5)

    mean = arithmetic("MULTIPLY", arithmetic("ADD", stripes("X"), stripes("Y")), 0.5)
    ramp = blender.node(material, "ValToRGB", Fac=mean)
    ramp.color_ramp.elements[0].color = (0.78, 0.74, 0.66, 1)
    ramp.color_ramp.elements[1].color = (0.42, 0.02, 0.025, 1)
    blender.set_inputs(material, material.node_tree.nodes["Principled BSDF"], Base_Color=ramp.outputs[0])
    return material


def add_room(assets: Path) -> None:
    """Wooden table before a tiled wall, daylight from a window at the left."""
    wood = blender.texture_set_material(assets / "materials/wood-floor-43", 1.3, flat=True)
    tiles = blender.texture_set_material(assets / "materials/tiles", 0.75, flat=True)
    quad = [(0, 1, 2, 3)]
    blender.add_mesh("table", [(-2, -2, 0), (2, -2, 0), (2, 0.52, 0), (-2, 0.52, 0)], quad, wood)
    wall = blender.add_mesh("wall", [(-3, -1, 0), (3, -1, 0), (3, 2, 0), (-3, 2, 0)], quad, tiles)
    wall.location, wall.rotation_euler = (0, 0.55, 0), (math.pi / 2, 0, 0)
    blender.light_world(assets / "hdris/st_fagans_interior_1k.hdr", 0.35, 2.2)
    blender.add_lamp("AREA", (-1.3, -0.5, 1.1), (0, 0.1, 0.05), 32, (0.82, 0.91, 1.0), 0.55)


def add_glass() -> None:
    """A glass of red wine; the wine reaches a little into the glass, so that no air is between."""
    outside = [(0, 0), (0.034, 0.001), (0.036, 0.003), (0.012, 0.008), (0.0045, 0.02), (0.004, 0.06),
               (0.006, 0.085), (0.026, 0.1), (0.041, 0.135), (0.04, 0.17), (0.033, 0.215)]  # fmt: skip
    inside = [(0.0318, 0.215), (0.0388, 0.17), (0.0398, 0.135), (0.025, 0.1025), (0.0, 0.091)]
    profile = np.concatenate([smooth(outside), smooth(inside)])
    location = (-0.095, 0.0, 0.0005)
    blender.add_lathe("glass", profile, glass_material("glass", (0.97, 0.985, 0.98), 1.5)).location = location
    wine = [(0.0, 0.0905), (0.0256, 0.1022), (0.0404, 0.135), (0.0405, 0.148)]
    surface = np.concatenate([smooth(wine), [(0.0, 0.148)]])
    blender.add_lathe("wine", surface, glass_material("wine", (0.45, 0.015, 0.03), 1.34)).location = location


def add_fruit(assets: Path) -> None:
    """Citrus in a glazed bowl on a checked napkin; one orange rolls over the table."""
    x, y = np.meshgrid(np.linspace(-0.17, 0.17, 60), np.linspace(-0.13, 0.13, 50), indexing="ij")
    z = 0.003 + 0.0012 * (np.sin(31 * x + 9 * y) + np.sin(47 * y - 12 * x) + 0.5 * np.sin(90 * x + 60 * y))
    index = np.arange(x.size).reshape(x.shape)
    faces = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    napkin = blender.add_mesh("napkin", vertices, faces.tolist(), gingham_material())
    napkin.location, napkin.rotation_euler = (0.1, 0.06, 0), (0, 0, 0.35)

    glaze = blender.principled("glaze", Base_Color=(0.015, 0.13, 0.17), Roughness=0.12, Coat_Weight=0.6)
    outside = [(0, 0.006), (0.034, 0.006), (0.038, 0.01), (0.065, 0.03), (0.086, 0.06), (0.091, 0.075)]
    inside = [(0.0885, 0.0765), (0.083, 0.06), (0.062, 0.033), (0.03, 0.017), (0.0, 0.015)]
    bowl = blender.add_lathe("bowl", np.concatenate([smooth(outside), smooth(inside)]), glaze)
    bowl.location = (0.085, 0.1, 0)

    orange = bumpy_material("orange", 330.0, 0.0006, Base_Color=(0.8, 0.22, 0.015), Roughness=0.35)
    lemon = bumpy_material("lemon", 300.0, 0.0007, Base_Color=(0.83, 0.55, 0.03), Roughness=0.32)
    blender.add_sphere("orange", 0.036, (0.055, 0.085, 0.073), orange)
    blender.add_sphere("orange", 0.035, (0.118, 0.135, 0.077), orange)
    shape = smooth([(0, -0.041), (0.006, -0.038), (0.02, -0.026), (0.0275, 0), (0.02, 0.026), (0.006, 0.038), (0, 0.041)])
    for location, turn in (((0.118, 0.075, 0.085), (1.2, 0.2, 0.9)), ((0.065, 0.14, 0.09), (1.5, 0.3, -0.5))):
        fruit = blender.add_lathe("lemon", shape, lemon)
        fruit.location, fruit.rotation_euler = location, turn

    radius = 0.034
    rolling = blender.add_sphere("orange", radius, (0, 0, 0), orange)
    for frame in (0, 8):
        way = 0.005 * (frame - CENTRE)
        rolling.location, rolling.rotation_euler = (-0.225 + way, -0.1, radius), (0, way / radius, 0)
        rolling.keyframe_insert("location", frame=frame)
        rolling.keyframe_insert("rotation_euler", frame=frame)


def add_metal(assets: Path) -> None:
    """A polished steel ball, a copper pot and a brass candlestick."""
    steel = blender.principled("steel", Base_Color=(0.62, 0.63, 0.64), Metallic=1.0, Roughness=0.04)
    blender.add_sphere("ball", 0.027, (0.055, -0.135, 0.027), steel)
    brass = blender.texture_set_material(assets / "materials/gold", 6.0, bump=0.2)
    stick = [(0, 0), (0.046, 0), (0.048, 0.006), (0.03, 0.014), (0.011, 0.024), (0.009, 0.05), (0.018, 0.06),
             (0.009, 0.07), (0.007, 0.12), (0.013, 0.15), (0.008, 0.158), (0.023, 0.172), (0.025, 0.178),
             (0.013, 0.177), (0.0, 0.176)]  # fmt: skip
    blender.add_lathe("candlestick", smooth(stick, 5), brass).location = (-0.02, 0.27, 0)
    wax = blender.principled("wax", Base_Color=(0.85, 0.8, 0.68), Roughness=0.5)
    candle = [(0, 0), (0.0105, 0), (0.0105, 0.11), (0.009, 0.113), (0, 0.111)]
    blender.add_lathe("candle", candle, wax).location = (-0.02, 0.27, 0.176)


def add_lantern() -> None:
    """A turning cage of thin brass wire around a small bright bulb."""
    import bpy

    wire = blender.principled("wire", Base_Color=(0.8, 0.5, 0.2), Metallic=1.0, Roughness=0.25)
    axle = bpy.data.objects.new("axle", None)
    bpy.context.collection.objects.link(axle)
    axle.location = (0.29, 0.13, 0.0)
    turn = np.linspace(0, 2 * math.pi, 72, endpoint=False)
    arc = np.linspace(-0.46 * math.pi, 0.46 * math.pi, 40)
    radius, height = 0.072, 0.085
    meridians, rings = [], []
    for angle in np.linspace(0, 2 * math.pi, 14, endpoint=False):
        r, z = radius * np.cos(arc), height + 1.12 * radius * np.sin(arc)
        meridians.append(np.stack([r * np.cos(angle), r * np.sin(angle), z], -1))
    for latitude in (-0.42, -0.22, 0.0, 0.22, 0.42):
        r, z = radius * math.cos(latitude * math.pi), height + 1.12 * radius * math.sin(latitude * math.pi)
        rings.append(np.stack([r * np.cos(turn), r * np.sin(turn), np.full_like(turn, z)], -1))
    blender.add_wires("meridians", meridians, 0.0009, wire).parent = axle
    blender.add_wires("rings", rings, 0.0011, wire, cyclic=True).parent = axle
    base = [(0, 0), (0.03, 0), (0.03, 0.006), (0.011, 0.009), (0.011, 0.05), (0, 0.05)]
    blender.add_lathe("socket", base, wire).parent = axle
    for part in blender.add_bulb((0, 0, 0.064), 0.013, 1.9, (1.0, 0.58, 0.25)):
        part.parent = axle
    for frame in (0, 8):
        axle.rotation_euler = (0, 0, 0.035 * (frame - CENTRE))
        axle.keyframe_insert("rotation_euler", frame=frame)


def add_string_of_lights() -> None:
    """A thin cable along the wall with lamps the size of peas."""
    cable = blender.principled("cable", Base_Color=(0.02, 0.025, 0.02), Roughness=0.5)
    x = np.linspace(-0.62, 0.72, 120)
    z = 0.268 + 0.055 * np.cos(x * 9.5) + 0.02 * x
    points = np.stack([x, np.full_like(x, 0.53), z], -1)
    blender.add_wires("cable", [points], 0.0016, cable)
    for p in points[6::14]:
        blender.add_bulb(p - (0, 0.004, 0.006), 0.0045, 0.09, (1.0, 0.72, 0.38))


def add_vase() -> None:
    """A glazed vase with dry grass: stems thinner than a pixel, ears of small grains."""
    glaze = bumpy_material("stoneware", 60.0, 0.0015, Base_Color=(0.55, 0.5, 0.42), Roughness=0.28)
    outside = [
        (0, 0),
        (0.033, 0),
        (0.036, 0.005),
        (0.05, 0.05),
        (0.045, 0.1),
        (0.02, 0.15),
        (0.017, 0.165),
        (0.025, 0.182),
    ]
    inside = [(0.0225, 0.182), (0.0145, 0.165), (0.016, 0.15)]
    blender.add_lathe("vase", np.concatenate([smooth(outside), smooth(inside)]), glaze).location = (-0.25, 0.2, 0)
    straw = blender.principled("straw", Base_Color=(0.52, 0.36, 0.14), Roughness=0.7)
    ear = blender.principled("ear", Base_Color=(0.62, 0.33, 0.16), Roughness=0.8)
    rng = np.random.default_rng(5)
    stems, grains = [], []
    for _ in range(17):
        angle, lean, length = rng.uniform(0, 2 * math.pi), rng.uniform(0.02, 0.12), rng.uniform(0.15, 0.24)
        t = np.linspace(0, 1, 14)[:, None]
        way = np.array([math.cos(angle), math.sin(angle), 0.0])
        start = np.array([-0.25, 0.2, 0.15]) + 0.008 * way
        stem = start + way * lean * t**2 + np.array([0, 0, length]) * t
        stems.append(stem)
        end = stem[-1] - stem[-2]
        for k in range(16):
            spiral = 2.4 * k
            side = 0.0042 * np.array([math.cos(spiral), math.sin(spiral), 0.0])
            grains.append(stem[-1] + end * (k / 7 - 1.2) + side)
    blender.add_wires("stems", stems, 0.0007, straw)
    diamond = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 2.2), (0, 0, -2.2)]) * 0.0026
    corners = [(a, b, c) for a in (0, 1) for b in (2, 3) for c in (4, 5)]
    vertices = np.concatenate([diamond + g for g in grains])
    faces = [tuple(6 * i + v for v in f) for i in range(len(grains)) for f in corners]
    blender.add_mesh("ears", vertices, faces, ear, smooth=False)


def build_scene(assets: Path, width: int, height: int, threads: int) -> None:
    """The whole still life with its camera, which slides to the right over frames 1 to 7."""
    scene = blender.new_scene(threads)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.frame_start, scene.frame_end = FRAMES[0], FRAMES[-1]
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    add_room(assets)
    add_glass()
    add_fruit(assets)
    add_metal(assets)
    add_lantern()
    add_string_of_lights()
    add_vase()
    camera = blender.add_camera(49)
    camera.data.dof.use_dof = True
    camera.data.dof.focus_distance, camera.data.dof.aperture_fstop = 0.97, 9.0
    for frame in (0, 8):
        way = 0.006 * (frame - CENTRE)
        blender.aim(camera, (0.02 + way, -0.95, 0.33), (0.02 + 0.3 * way, 0.06, 0.115))
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)


def render_missing(work: Path, spp: int, reference: int) -> dict[str, list[Path]]:
    """Render what is not in `work` yet; {output name: its raw files, to be averaged}.

    Every render has a seed of its own: no two of them share random numbers.
    """
    plan = {f"frame.{f:04d}": [(f, spp, 100 + f)] for f in FRAMES if f != CENTRE}
    plan |= {f"half_{h}.{CENTRE:04d}": [(CENTRE, spp // 2, seed)] for h, seed in (("a", 201), ("b", 202))}
    plan[f"reference.{CENTRE:04d}"] = [(CENTRE, REFERENCE_STEP, 1000 + i) for i in range(reference // REFERENCE_STEP)]
    raw = {}
    for name, renders in plan.items():
        raw[name] = [work / f"raw.{frame}.{samples}.{seed}.exr" for frame, samples, seed in renders]
        for path, (frame, samples, seed) in zip(raw[name], renders, strict=True):
            if not path.exists():
                blender.render_to(path, seed, samples, frame)
    return raw


def read_channels(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """{layer: {channel: plane}} of a file, in its own order."""
    import OpenEXR

    layers: dict[str, dict[str, np.ndarray]] = {}
    with OpenEXR.File(str(path), separate_channels=True) as file:
        for part in file.parts:
            for name, channel in part.channels.items():
                layers.setdefault(name.rpartition(".")[0], {})[name] = np.asarray(channel.pixels, np.float64)
    return layers


def write_channels(out: Path, layers: dict[str, dict[str, np.ndarray]]) -> None:
    """Write a file like one of Blender's: one part for every pass, channels called 'ViewLayer.Pass.C'."""
    import OpenEXR

    header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
    parts = [OpenEXR.Part(header | {"name": layer}, planes) for layer, planes in layers.items()]
    OpenEXR.File(parts).write(str(out))


def mean_of_halves(half_a: Path, half_b: Path, out: Path) -> None:
    """Write the frame that two finished half buffers make up: the mean of each pass of a frame, to the nearest half.

    Vectors are those of the first: both halves have the same shutter, and motion is not noise.
    """
    a, b = read_channels(half_a), read_channels(half_b)
    means = {}
    for layer, planes in a.items():
        name = layer.partition(".")[2]
        if name in FRAME_PASSES:
            other = planes if name == "Vector" else b[layer]
            means[layer] = {n: to_half((plane + other[n]) / 2) for n, plane in planes.items()}
    write_channels(out, means)


def passes_of(name: str) -> dict[str, int]:
    """{pass: mantissa bits} of an output file, by its name."""
    return {"frame": FRAME_PASSES, "half_a": HALF_PASSES, "half_b": HALF_PASSES, "reference": REFERENCE_PASSES}[
        name.partition(".")[0]
    ]


def pack(raw: list[Path], out: Path, passes: dict[str, int]) -> None:
    """Average raw renders and write the chosen passes, {pass: mantissa bits}, as half floats.

    A miss, whose depth Blender writes as 1e10, becomes the largest half float.
    """
    sums: dict[str, dict[str, np.ndarray]] = {}
    for path in raw:
        for layer, channels in read_channels(path).items():
            if layer.partition(".")[2] in passes:
                planes = sums.setdefault(layer, {})
                for name, plane in channels.items():
                    planes[name] = planes.get(name, 0.0) + plane / len(raw)
    packed = {}
    for name, bits in passes.items():
        layer = next(layer for layer in sums if layer.partition(".")[2] == name)
        packed[layer] = {n: to_half(plane, bits) for n, plane in sums[layer].items()}
    write_channels(out, packed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="folder with hdris/ and materials/")
    parser.add_argument("--work", type=Path, required=True, help="folder for the raw renders")
    parser.add_argument("--out", type=Path, required=True, help="folder for the finished files")
    parser.add_argument("--spp", type=int, default=4, help="samples per pixel of a noisy frame (4)")
    parser.add_argument("--reference", type=int, default=1024, help="samples per pixel of the reference (1024)")
    parser.add_argument("--size", type=int, nargs=2, default=(480, 270), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.spp < 2 or options.spp % 2:
        parser.error(f"Expected an even number of at least 2 for --spp but received {options.spp}")
    if options.reference < REFERENCE_STEP or options.reference % REFERENCE_STEP:
        parser.error(f"Expected a multiple of {REFERENCE_STEP} for --reference but received {options.reference}")
    for folder in (options.work, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    build_scene(options.assets.resolve(), *options.size, options.threads)
    for name, raw in render_missing(options.work.resolve(), options.spp, options.reference).items():
        pack(raw, options.out / f"{name}.exr", passes_of(name))
    half_a, half_b, frame = (options.out / f"{name}.{CENTRE:04d}.exr" for name in ("half_a", "half_b", "frame"))
    mean_of_halves(half_a, half_b, frame)


if __name__ == "__main__":
    main()
