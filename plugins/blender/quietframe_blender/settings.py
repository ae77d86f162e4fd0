"""What of a scene is denoised, and how; stored with the scene."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from . import compare


class QuietframeSettings(bpy.types.PropertyGroup):
    model: EnumProperty(
        name="Quality",
        items=(
            ("kpcn", "Final", "The best result"),
            ("pkn", "Preview", "A quick look"),
        ),
    )
    after_render: BoolProperty(
        name="Denoise after Render",
        description="Denoise each render when it is done, and an animation as a shot",
        default=False,
    )
    wipe: FloatProperty(
        name="Border",
        description="Left of it is the render, right of it the result",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=lambda settings, _context: compare.move(settings.wipe),
    )
    show_notes: BoolProperty(name="Notes", description="Show what the service remarks on the frames", default=False)
    keep: FloatProperty(
        name="Keep Noise",
        description="1 gives the least error; higher keeps more of the render, and of its noise",
        default=1.0,
        min=1.0,
        max=10.0,
    )
    lights: BoolProperty(
        name="Light Groups and Lobes",
        description="Denoise light groups and light passes, too, so that they still add up to the picture",
        default=False,
    )
    split: BoolProperty(
        name="Split Diffuse",
        description="Denoise diffuse light without the colour of surfaces: keeps textures, takes three times as long",
        default=False,
    )
    denoise_alpha: BoolProperty(
        name="Denoise Alpha", description="Filter the alpha channel like the colour", default=False
    )
    folder: StringProperty(
        name="Results",
        description="Folder for denoised renders. Of a file that was never saved they go to a temporary folder",
        default="//quietframe/",
        subtype="DIR_PATH",
    )
    shot: StringProperty(
        name="Frames",
        description="Rendered frames, OpenEXR MultiLayer: any of them, or #### for the frame number",
        subtype="FILE_PATH",
    )
    second_halves: StringProperty(
        name="Second Halves",
        description="The same frames rendered with another seed, if there are any: their difference tells the noise",
        subtype="FILE_PATH",
    )
    output: StringProperty(
        name="Output",
        description="Denoised frames; #### stands for the frame number",
        default="//quietframe/frame.####.exr",
        subtype="FILE_PATH",
    )
    together: EnumProperty(
        name="Frames Together",
        description="How many frames one is denoised from: more are steadier, and take longer",
        items=[(str(n), str(n), "") for n in (1, 3, 5, 7)],
        default="7",
    )
    scene_range: BoolProperty(
        name="Frame Range of the Scene",
        description="Denoise the frames from Start to End alone",
        default=True,
    )
    skip_done: BoolProperty(
        name="Skip What Is Done",
        description="Keep results that are newer than their frames, whatever settings they were made with",
        default=False,
    )


def parameters_of(settings):
    """Parameters of requests to the service."""
    parameters = {"model": settings.model}
    if settings.keep > 1:
        parameters["lambda"] = round(settings.keep, 4)
    if settings.lights:
        parameters["aovs"] = "all"
    if settings.split:
        parameters["components"] = "split"
    if settings.denoise_alpha:
        parameters["alpha"] = "denoise"
    return parameters
