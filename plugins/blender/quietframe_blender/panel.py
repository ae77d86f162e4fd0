"""Where it is found: Render Properties, and the sidebar of the image editor."""

import textwrap

import bpy

from . import compare, session
from .passes import has_passes
from .preferences import draw_service

_COLUMNS = 60


def _draw_steps(layout, context):
    """What is done with a render, in its order; the same everywhere."""
    scene, settings = context.scene, context.scene.quietframe
    layout.operator("quietframe.set_up_passes", icon="CHECKMARK" if has_passes(scene) else "ERROR")
    column = layout.column(align=True)
    column.operator("quietframe.denoise_render")
    column.operator("quietframe.render_halves")
    layout.prop(settings, "after_render")
    column = layout.column(align=True)
    column.operator("quietframe.compare")
    if compare.is_shown():
        column.prop(settings, "wipe", slider=True)
    column.operator("quietframe.use_in_compositor")
    draw_service(layout)
    _draw_state(layout, settings)


def _draw_state(layout, settings):
    if session.preparing and session.task is None:
        layout.label(text="Rendering; Esc in the render window stops it")
    elif session.is_busy():
        row = layout.row()
        row.progress(factor=session.task.progress, text=session.task.text)
        row.operator("quietframe.cancel", text="", icon="X")
    elif session.message:
        _draw_text(layout, session.message)
        if session.notes:
            icon = "TRIA_DOWN" if settings.show_notes else "TRIA_RIGHT"
            layout.prop(settings, "show_notes", text=f"Notes ({len(session.notes)})", icon=icon, emboss=False)
            for note in session.notes if settings.show_notes else ():
                _draw_text(layout.box(), note)


def _draw_text(layout, text):
    column = layout.column(align=True)
    for line in textwrap.wrap(text, _COLUMNS):
        column.label(text=line)


class QUIETFRAME_PT_render(bpy.types.Panel):
    bl_label = "Quietframe"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        _draw_steps(self.layout, context)


class QUIETFRAME_PT_settings(bpy.types.Panel):
    bl_label = "Settings"
    bl_parent_id = "QUIETFRAME_PT_render"
    bl_space_type = "PROPERTIES"
    bl_region_type = "WINDOW"
    bl_context = "render"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context):
        layout, settings = self.layout, context.scene.quietframe
        layout.use_property_split = True
        for name in ("model", "keep", "lights", "split", "denoise_alpha", "folder"):
            layout.prop(settings, name)


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
    bl_label = "Quietframe"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Quietframe"

    def draw(self, context):
        _draw_steps(self.layout, context)


PANELS = (QUIETFRAME_PT_render, QUIETFRAME_PT_settings, QUIETFRAME_PT_shot, QUIETFRAME_PT_image)
