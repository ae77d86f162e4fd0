"""Renders of Blender as files, and denoised files as pictures of Blender."""

import contextlib
import tempfile
from pathlib import Path

import bpy

from .failure import Failure
from .passes import use_multilayer

# In the order in which they can be set again: each allows what the next may be.
_FORMAT = ("media_type", "file_format", "color_mode", "color_depth", "exr_codec", "compression", "quality")


@contextlib.contextmanager
def multilayer_format(scene):
    """Sets the output format to OpenEXR MultiLayer as long as it lasts."""
    settings = scene.render.image_settings
    kept = {name: getattr(settings, name) for name in _FORMAT if hasattr(settings, name)}
    use_multilayer(settings)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(settings, name, value)


def save_render(scene, path):
    """Writes the last render with all of its passes; raises Failure where there is none."""
    picture = bpy.data.images.get("Render Result")
    nothing = "There is no render yet. Render the picture (F12) first"
    if picture is None:
        raise Failure(nothing)
    Path(path).unlink(missing_ok=True)
    try:
        with multilayer_format(scene):
            picture.save_render(str(path), scene=scene)
    except RuntimeError as error:
        raise Failure(f"{nothing}. Blender says: {str(error).strip()}") from None
    if not Path(path).is_file():
        raise Failure(nothing)


def temporary_folder():
    """A new folder that goes when Blender ends."""
    return Path(tempfile.mkdtemp(prefix="quietframe-", dir=bpy.app.tempdir))


def result_path(scene, folder):
    """Where the denoised picture of the current frame goes, and whether it is there to stay."""
    if folder.startswith("//") and not bpy.data.filepath:
        return temporary_folder() / f"{scene.name}.{scene.frame_current:04d}.exr", False
    name = bpy.path.clean_name(Path(bpy.data.filepath).stem or scene.name)
    return Path(bpy.path.abspath(folder)) / f"{name}.{scene.frame_current:04d}.exr", True


def has_composite(path):
    """Whether a file of Blender also holds what the compositor made."""
    return _names_channel(path, b"Composite.Combined.")


def is_denoised_without_passes(path):
    """Whether Cycles has denoised a render, which then has the noisy image too, and wrote no passes for it."""
    return _names_channel(path, b"Noisy Image.") and not _names_channel(path, b"Denoising Albedo.")


def _names_channel(path, name):
    # OpenEXR files name their channels at the head.
    with open(path, "rb") as file:
        return name in file.read(65536)


def load_result(path, first=None, count=1):
    """The denoised file as a picture of Blender, and in an image editor if one is open.

    first, count: frame numbers of a sequence, whose first file it is.
    """
    image = bpy.data.images.load(str(path), check_existing=True)
    image.name = "Denoised"
    image.source = "SEQUENCE" if count > 1 else "FILE"
    # As the render is seen; Blender shows other files without the view transform of the scene.
    image.use_view_as_render = True
    image.reload()
    show(image, first, count)
    return image


def show(image, first=None, count=1):
    """Shows it in all image editors that show a render or nothing, a sequence by the frame of the scene."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                space = area.spaces.active
                if (
                    space.image is None
                    or space.image.type == "RENDER_RESULT"
                    or space.image.name.startswith(("Denoised", "Before and After"))
                ):
                    space.image = image
                    if count > 1:
                        user = space.image_user
                        user.frame_duration, user.frame_start, user.frame_offset = count, first, first - 1
                        user.use_auto_refresh = True
