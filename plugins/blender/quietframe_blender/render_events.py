"""Renders that are denoised when they are done, where the scene says so."""

import contextlib

import bpy
from bpy.app.handlers import persistent

from . import session

# Seconds before another look at a render that is still being finished.
_PATIENCE = 0.2
_frames = 0


@persistent
def _on_init(*_):
    global _frames
    _frames = 0


@persistent
def _on_frame(*_):
    global _frames
    _frames += 1


@persistent
def _on_complete(scene, *_):
    # The halves that the add-on renders itself are denoised in any case.
    if not scene.quietframe.after_render or session.is_busy():
        return
    operator = "denoise_shot" if _frames > 1 else "denoise_render"
    if bpy.app.background:
        _denoise(operator, "EXEC_DEFAULT")
    else:
        bpy.app.timers.register(lambda: _later(operator), first_interval=_PATIENCE)


def _later(operator):
    if bpy.app.is_job_running("RENDER"):
        return _PATIENCE
    window = next(iter(bpy.context.window_manager.windows), None)
    if window is not None:
        with bpy.context.temp_override(window=window):
            _denoise(operator, "INVOKE_DEFAULT")
    return None


def _denoise(operator, how):
    # A failure is in the panel; the render itself has succeeded.
    with contextlib.suppress(RuntimeError):
        getattr(bpy.ops.quietframe, operator)(how)


_HANDLERS = (("render_init", _on_init), ("render_post", _on_frame), ("render_complete", _on_complete))


def register_handlers():
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister_handlers():
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
