"""Tells Blender the classes of the add-on."""

import bpy

from . import compare, session
from .operators import OPERATORS
from .panel import PANELS
from .preferences import QuietframePreferences
from .render_events import register_handlers, unregister_handlers
from .settings import QuietframeSettings

CLASSES = (QuietframePreferences, QuietframeSettings, *OPERATORS, *PANELS)


def register_all():
    for each in CLASSES:
        bpy.utils.register_class(each)
    register_handlers()
    bpy.types.Scene.quietframe = bpy.props.PointerProperty(type=QuietframeSettings)


def unregister_all():
    unregister_handlers()
    session.cancel()
    session.service.stop()
    compare.forget()
    session.preparing = False
    del bpy.types.Scene.quietframe
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
