"""The render before and after, side by side in one picture with a border that can be moved."""

import bpy
import numpy as np

from .exr_pixels import read_layer
from .failure import Failure
from .render_files import show

NAME = "Before and After"
# Pixels of both pictures, [height, width, 4], from the bottom up, as Blender has them.
_pictures = None


def start(scene, before, after, layer):
    """Shows the picture; raises Failure where the files cannot be compared.

    before, after: files of the render and of the result. layer: name of the view layer.
    """
    global _pictures
    noisy = read_layer(before, (f"{layer}.Noisy Image", f"{layer}.Combined"))
    pictures = noisy[::-1], read_layer(after, (f"{layer}.Combined",))[::-1]
    if pictures[0].shape != pictures[1].shape:
        raise Failure("The render has another size than the result. Denoise it again")
    _pictures = pictures
    height, width = pictures[0].shape[:2]
    image = bpy.data.images.get(NAME)
    if image is None or tuple(image.size) != (width, height):
        if image is not None:
            bpy.data.images.remove(image)
        image = bpy.data.images.new(NAME, width, height, alpha=True, float_buffer=True)
    image.use_view_as_render = True
    move(scene.quietframe.wipe)
    show(image)


def is_shown():
    return _pictures is not None and bpy.data.images.get(NAME) is not None


def move(share):
    """Puts the border at a share of the width: the render is left of it, the result right."""
    if not is_shown():
        return
    before, after = _pictures
    width = before.shape[1]
    column = round(share * width)
    mixed = np.concatenate((before[:, :column], after[:, column:]), axis=1)
    if 0 < column < width:
        mixed[:, column - 1 : column + 1] = (1.0, 1.0, 1.0, 1.0)
    image = bpy.data.images[NAME]
    image.pixels.foreach_set(mixed.ravel())
    image.update()


def forget():
    global _pictures
    _pictures = None
