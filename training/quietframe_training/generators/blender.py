"""What the Cycles generators share: scene settings, image materials, and reading Blender's EXR files.

`bpy` is imported inside the functions, so that this module can be imported, and its pure parts
tested, without Blender.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

PASSES = (
    "use_pass_z",
    "use_pass_vector",
    "use_pass_diffuse_direct",
    "use_pass_diffuse_indirect",
    "use_pass_diffuse_color",
)

CHANNEL_ORDER = "RGBAXYZW"


def new_scene(threads: int):
    """Empty the session and set up Cycles for plain, unbiased path tracing.

    The noise must be honest: no adaptive sampling, no clamping, no denoiser, and Sobol tables
    instead of blue noise, because blue noise correlates the errors of neighbouring pixels.

    threads: render threads, at least 1.  Returns the `bpy` scene.
    """
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.edit.keyframe_new_interpolation_type = "LINEAR"
    scene = bpy.context.scene
    scene.world = bpy.data.worlds.new("World")

    scene.render.engine = "CYCLES"
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.render.use_persistent_data = True
    scene.render.use_stamp = False

    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = False
    cycles.use_light_tree = True
    cycles.use_animated_seed = False
    cycles.use_auto_tile = False
    cycles.sampling_pattern = "TABULATED_SOBOL"
    cycles.sample_clamp_direct = cycles.sample_clamp_indirect = 0.0
    cycles.pixel_filter_type, cycles.filter_width = "BLACKMAN_HARRIS", 1.5
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 8, 3, 4
    cycles.transmission_bounces, cycles.transparent_max_bounces = 8, 8

    layer = scene.view_layers[0]
    for name in PASSES:
        setattr(layer, name, True)
    layer.cycles.denoising_store_passes = True

    image = scene.render.image_settings
    image.media_type = "MULTI_LAYER_IMAGE"
    image.file_format = "OPEN_EXR_MULTILAYER"
    image.color_depth, image.exr_codec = "32", "NONE"
    return scene


def render_to(path: Path, seed: int, spp: int, frame: int) -> None:
    """Render one frame of the current scene into a 32-bit multi-layer EXR file.

    The file appears only when it is complete.
    """
    import bpy

    scene = bpy.context.scene
    scene.frame_set(frame)
    scene.cycles.seed, scene.cycles.samples = seed, spp
    partial = path.with_name(f"partial-{path.name}")
    scene.render.filepath = str(partial)
    bpy.ops.render.render(write_still=True)
    partial.replace(path)


def read_passes(path: Path) -> dict[str, np.ndarray]:
    """All passes of a multi-layer EXR file as {pass name: (height, width, channels) float32}.

    The name of the view layer is dropped; channels come in the order R G B A or X Y Z W.
    """
    import OpenEXR

    planes: dict[str, dict[str, np.ndarray]] = {}
    with OpenEXR.File(str(path), separate_channels=True) as file:
        for part in file.parts:
            for name, channel in part.channels.items():
                layer, _, component = name.rpartition(".")
                planes.setdefault(layer.partition(".")[2], {})[component] = np.asarray(channel.pixels)
    return {
        name: np.stack([parts[c] for c in sorted(parts, key=CHANNEL_ORDER.find)], -1).astype(np.float32)
        for name, parts in planes.items()
    }


def principled(name: str, **inputs):
    """A new Principled BSDF material.

    Keyword names are input names with '_' for a space; a value is a number, a colour (r, g, b), or
    an output socket of another node of the same material (see `node`).
    """
    import bpy

    material = bpy.data.materials.new(name)
    material.use_nodes = True
    set_inputs(material, material.node_tree.nodes["Principled BSDF"], **inputs)
    return material


def set_inputs(material, node, **inputs) -> None:
    """Set or link inputs of `node`; names and values as for `principled`."""
    for name, value in inputs.items():
        socket = node.inputs[name.replace("_", " ")]
        if hasattr(value, "is_output"):
            material.node_tree.links.new(value, socket)
        elif socket.type == "RGBA" and len(value) == 3:
            socket.default_value = (*value, 1.0)
        else:
            socket.default_value = value


def node(material, kind: str, **inputs):
    """Add a shader node (`kind` without 'ShaderNode') and set its inputs as `set_inputs` does."""
    new = material.node_tree.nodes.new("ShaderNode" + kind)
    set_inputs(material, new, **inputs)
    return new


def image_texture(material, path: Path, scale: float, *, data: bool = False, flat: bool = False):
    """Colour socket of an image projected onto the object from its three axes.

    scale: repetitions per unit of length.  data: the values are numbers, not sRGB colours.
    flat: project along z only, which halves the cost of a scene of large planes.
    """
    import bpy

    texture = node(
        material,
        "TexImage",
        Vector=node(material, "Mapping", Vector=node(material, "TexCoord").outputs["Object"], Scale=(scale,) * 3).outputs[0],
    )
    texture.image = bpy.data.images.load(str(path), check_existing=True)
    if not flat:
        texture.projection, texture.projection_blend = "BOX", 0.2
    if data:
        texture.image.colorspace_settings.name = "Non-Color"
    return texture.outputs["Color"]


def texture_set_material(folder: Path, scale: float, *, bump: float = 0.6, flat: bool = False):
    """Material of a PBR texture set: files whose names hold Color, Roughness, Normal, Metalness.

    scale: repetitions per unit of length.  bump: strength of the normal map, 0 to 1.
    flat: as for `image_texture`.
    """
    material = principled(folder.name)
    bsdf = material.node_tree.nodes["Principled BSDF"]
    sockets = {"Color": "Base_Color", "Roughness": "Roughness", "Metalness": "Metallic"}
    for word, socket in sockets.items():
        for path in sorted(folder.glob(f"*{word}*"))[:1]:
            image = image_texture(material, path, scale, data=word != "Color", flat=flat)
            set_inputs(material, bsdf, **{socket: image})
    for path in sorted(folder.glob("*Normal*"))[:1]:
        image = image_texture(material, path, scale, data=True, flat=flat)
        normal = node(material, "NormalMap", Strength=bump, Color=image)
        set_inputs(material, bsdf, Normal=normal.outputs[0])
    return material


def light_world(path: Path, strength: float, turn: float) -> None:
    """Light the scene with an environment map, turned by `turn` radians about the vertical axis."""
    import bpy

    world = bpy.context.scene.world
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    coordinates = node(world, "TexCoord").outputs["Generated"]
    mapping = node(world, "Mapping", Vector=coordinates, Rotation=(0, 0, turn))
    environment = node(world, "TexEnvironment", Vector=mapping.outputs[0])
    environment.image = bpy.data.images.load(str(path), check_existing=True)
    set_inputs(world, background, Color=environment.outputs[0], Strength=strength)


def add_mesh(name: str, vertices, faces, material, *, smooth: bool = True):
    """A new mesh object from vertices (n, 3) and faces (lists of indices), normals made to point outwards."""
    import bmesh
    import bpy

    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(map(float, v)) for v in vertices], [], [tuple(f) for f in faces])
    edit = bmesh.new()
    edit.from_mesh(mesh)
    bmesh.ops.remove_doubles(edit, verts=edit.verts, dist=1e-6)
    bmesh.ops.recalc_face_normals(edit, faces=edit.faces)
    edit.to_mesh(mesh)
    edit.free()
    if smooth:
        mesh.shade_smooth()
    mesh.materials.append(material)
    new = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(new)
    return new


def add_sphere(name: str, radius: float, location, material):
    """A smooth sphere, poles up and down."""
    angles = np.linspace(-math.pi / 2, math.pi / 2, 33)
    profile = np.stack([np.cos(angles), np.sin(angles)], -1) * radius
    sphere = add_lathe(name, profile, material, steps=64)
    sphere.location = location
    return sphere


def add_lathe(name: str, profile, material, *, steps: int = 96):
    """A solid of revolution about z.  profile: (n, 2) radii and heights, from one end to the other."""
    profile = np.asarray(profile, np.float64)
    turns = np.linspace(0, 2 * math.pi, steps, endpoint=False)
    radius, height = profile[:, 0], np.broadcast_to(profile[:, 1], (steps, len(profile)))
    vertices = np.stack([np.outer(np.cos(turns), radius), np.outer(np.sin(turns), radius), height], -1)
    n = len(profile)
    faces = [
        (i * n + j, (i + 1) % steps * n + j, (i + 1) % steps * n + j + 1, i * n + j + 1)
        for i in range(steps)
        for j in range(n - 1)
    ]
    return add_mesh(name, vertices.reshape(-1, 3), faces, material)


def add_wires(name: str, wires, radius: float, material, *, cyclic: bool = False):
    """Round wires of constant radius as one object.  wires: arrays (n, 3) of points."""
    import bpy

    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", radius, 3
    for points in wires:
        spline = curve.splines.new("POLY")
        spline.points.add(len(points) - 1)
        spline.points.foreach_set("co", np.c_[np.asarray(points), np.ones(len(points))].ravel())
        spline.use_cyclic_u = cyclic
    curve.materials.append(material)
    new = bpy.data.objects.new(name, curve)
    bpy.context.collection.objects.link(new)
    return new


def add_lamp(kind: str, location, target, power: float, color, size: float):
    """A lamp aimed at `target`.  power: watts.  size: metres across (AREA) or radius (POINT, SPOT)."""
    import bpy
    from mathutils import Vector

    data = bpy.data.lights.new(kind.lower(), kind)
    data.energy, data.color = power, color
    if kind == "AREA":
        data.size = size
    else:
        data.shadow_soft_size = size
    lamp = bpy.data.objects.new(kind.lower(), data)
    lamp.location = location
    if kind != "POINT":
        lamp.rotation_euler = (Vector(target) - Vector(location)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.collection.objects.link(lamp)
    return lamp


def add_bulb(location, radius: float, power: float, color):
    """A glowing ball that is sampled well: a point lamp, and a sphere that shows it to the camera.

    Light tree and all, a sphere of emitting triangles is far noisier than a lamp of the same shape.
    power: watts.  Returns (lamp, sphere); the sphere's radiance is the lamp's, P / (4 pi^2 r^2).
    """
    lamp = add_lamp("POINT", location, location, power, color, radius)
    lamp.visible_camera = lamp.visible_transmission = False
    glow = principled("glow", Base_Color=(0, 0, 0), Emission_Color=color, Specular_IOR_Level=0.0)
    strength = power / (2 * math.pi * radius) ** 2
    set_inputs(glow, glow.node_tree.nodes["Principled BSDF"], Emission_Strength=strength)
    glow.cycles.emission_sampling = "NONE"
    sphere = add_sphere("glow", radius, location, glow)
    sphere.visible_diffuse = sphere.visible_glossy = sphere.visible_shadow = False
    return lamp, sphere


def add_camera(lens: float):
    """The scene's camera, `lens` in millimetres on a sensor 36 mm wide."""
    import bpy

    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width, data.sensor_fit = lens, 36, "HORIZONTAL"
    data.clip_start, data.clip_end = 0.01, 500
    camera = bpy.data.objects.new("camera", data)
    bpy.context.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    return camera


def aim(camera, eye, target) -> None:
    """Put the camera at `eye`, looking at `target`, upright."""
    from mathutils import Vector

    camera.location = eye
    camera.rotation_euler = (Vector(target) - Vector(eye)).to_track_quat("-Z", "Y").to_euler()
