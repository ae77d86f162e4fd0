"""The passes of Cycles that a frame is denoised by."""

from .failure import Failure


def set_up_passes(scene, with_lights, with_split):
    """Turns on passes in all view layers that are rendered, and sets the output to files that hold them.

    Returns notes for the user. Raises Failure for other engines.
    """
    if scene.render.engine != "CYCLES":
        raise Failure("quietframe denoises renders of Cycles. Set Render Properties > Render Engine to Cycles")
    notes = []
    for layer in (layer for layer in scene.view_layers if layer.use):
        # Albedo, normals and depth as seen through mirrors and glass, and without noise of their own.
        layer.cycles.denoising_store_passes = True
        layer.use_pass_vector = True
        if with_split or with_lights:
            layer.use_pass_diffuse_direct = layer.use_pass_diffuse_indirect = layer.use_pass_diffuse_color = True
    if with_lights and not any(len(layer.lightgroups) for layer in scene.view_layers):
        notes.append("There are no light groups; add some in View Layer Properties > Light Groups if you need them")
    if scene.render.use_motion_blur:
        notes.append("With motion blur Cycles writes no motion vectors; motion between frames is estimated instead")
    if scene.cycles.use_denoising:
        scene.cycles.use_denoising = False
        notes.append("The denoiser of Cycles is off now")
    # The same noise in every frame would be taken for part of the picture.
    scene.cycles.use_animated_seed = True
    use_multilayer(scene.render.image_settings)
    return notes


def has_passes(scene):
    """Whether the next render has what it is denoised by, and Cycles leaves it as it is."""
    layers = [layer for layer in scene.view_layers if layer.use]
    return (
        scene.render.engine == "CYCLES"
        and not scene.cycles.use_denoising
        and all(layer.cycles.denoising_store_passes and layer.use_pass_vector for layer in layers)
    )


def use_multilayer(image_settings):
    """OpenEXR MultiLayer with all passes, in full precision and without loss."""
    if hasattr(image_settings, "media_type"):  # Blender 5
        image_settings.media_type = "MULTI_LAYER_IMAGE"
    image_settings.file_format = "OPEN_EXR_MULTILAYER"
    image_settings.color_depth = "32"
    image_settings.exr_codec = "ZIP"
