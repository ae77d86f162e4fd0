"""Where it is found: Render Properties, and the sidebar of the image editor."""

import textwrap

import bpy

from . import session


def _draw_state(layout):
    if session.preparing and session.task is None:
        layout.label(text="Rendering; Esc in the render window stops it")
    elif session.is_busy():
        row = layout.row()
        row.progress(factor=session.task.progress, text=session.task.text)
        row.operator("quietframe.cancel", text="", icon="X")
    elif session.message:
        column = layout.column(align=True)
        for line in textwrap.wrap(session.message, 60):
            column.label(text=line)


class QUIETFRAME_PT_render(bpy.types.Panel):
    bl_label = "quietframe"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self.layout, context.scene.quietframe
        layout.use_property_split = True
        for name in ("model", "keep", "lights", "split", "denoise_alpha", "folder"):
            layout.prop(settings, name)
        layout.operator("quietframe.set_up_passes")
        layout.operator("quietframe.denoise_render")
        layout.operator("quietframe.render_halves")
        layout.operator("quietframe.use_in_compositor")
        _draw_state(layout)


class QUIETFRAME_PT_shot(bpy.types.Panel):
    bl_label = "Shot"
    bl_parent_id = "QUIETFRAME_PT_render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self.layout, context.scene.quietframe
        layout.use_property_split = True
        for name in ("shot", "second_halves", "output", "together", "scene_range", "skip_done"):
            layout.prop(settings, name)
        layout.operator("quietframe.denoise_shot")


class QUIETFRAME_PT_image(bpy.types.Panel):
    bl_label = "quietframe"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "quietframe"

    def draw(self, _context):
        self.layout.operator("quietframe.denoise_render")
        self.layout.operator("quietframe.use_in_compositor")
        _draw_state(self.layout)


PANELS = (QUIETFRAME_PT_render, QUIETFRAME_PT_shot, QUIETFRAME_PT_image)
