"""What can be done."""

import bpy

from . import compare, session
from .compositor import put_into_compositor
from .denoising import check_service
from .failure import Failure
from .half_renders import HalfRenders
from .messages import explain
from .passes import set_up_passes
from .preferences import connection_of
from .render_files import (
    has_composite,
    is_denoised_without_passes,
    load_result,
    result_path,
    save_render,
    temporary_folder,
)
from .shot import Pattern, Request, requests_of_shot
from .working import Working


class QUIETFRAME_OT_set_up_passes(bpy.types.Operator):
    bl_idname = "quietframe.set_up_passes"
    bl_label = "Set Up Passes"
    bl_description = "Turn on the passes that quietframe denoises by, and write them to OpenEXR MultiLayer"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        settings = context.scene.quietframe
        try:
            notes = set_up_passes(context.scene, settings.lights, settings.split)
        except Failure as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, ". ".join(["The passes are set up; render again", *notes]))
        return {"FINISHED"}


class QUIETFRAME_OT_denoise_render(Working, bpy.types.Operator):
    bl_idname = "quietframe.denoise_render"
    bl_label = "Denoise Render"
    bl_description = "Denoise the render that is there, by its passes"

    def prepare(self, context):
        session.task = None
        file = temporary_folder() / "render.exr"
        save_render(context.scene, file)
        if is_denoised_without_passes(file):
            raise Failure("Already denoised by Cycles and passes are missing: press Set Up Passes and render again")
        output, self.stays = result_path(context.scene, context.scene.quietframe.folder)
        self.denoise(context, [Request((file,), 0, None, output)])

    def finish(self, context):
        return _take_picture(self, self.requests[0].frames[0], self.requests[0].output)


class QUIETFRAME_OT_render_halves(Working, bpy.types.Operator):
    bl_idname = "quietframe.render_halves"
    bl_label = "Render and Denoise"
    bl_description = "Render twice with half of the samples, and denoise by their difference: better than by one render"

    def prepare(self, context):
        session.task = None
        # Whoever waits for two renders wants to know before that there is a service to send them to.
        connection_of(context)
        self.output, self.stays = result_path(context.scene, context.scene.quietframe.folder)
        self.halves = HalfRenders(context.scene)

    def continue_preparing(self, context, waiting):
        if waiting:
            self.halves.render()
        elif not self.halves.done:
            self.halves.advance()
        if self.halves.done:
            first, second = self.halves.files
            self.denoise(context, [Request((), 0, (first, second), self.output)])

    def drop(self):
        self.halves.end()

    def finish(self, context):
        return _take_picture(self, self.halves.files[0], self.output)


class QUIETFRAME_OT_denoise_shot(Working, bpy.types.Operator):
    bl_idname = "quietframe.denoise_shot"
    bl_label = "Denoise Shot"
    bl_description = "Denoise rendered frames on disk, each with those around it"

    def prepare(self, context):
        session.task = None
        scene, settings = context.scene, context.scene.quietframe
        output = _path_of(settings.output, "Output")
        requests = requests_of_shot(
            Pattern.of(_path_of(settings.shot or scene.render.frame_path(frame=scene.frame_current), "Frames")),
            Pattern.of(output),
            second_halves=Pattern.of(_path_of(settings.second_halves, "Halves")) if settings.second_halves else None,
            together=int(settings.together),
            first=scene.frame_start if settings.scene_range else None,
            last=scene.frame_end if settings.scene_range else None,
        )
        self.denoise(context, requests, settings.skip_done)

    def finish(self, context):
        first, last = self.requests[0], self.requests[-1]
        count = last.number - first.number + 1
        image = load_result(first.output, first.number, count)
        before = {request.number: request.frames[request.center] for request in self.requests}
        after = {request.number: request.output for request in self.requests}
        return _remember(self, image, before, after, first.number, count)


class QUIETFRAME_OT_use_in_compositor(bpy.types.Operator):
    bl_idname = "quietframe.use_in_compositor"
    bl_label = "Use in Compositor"
    bl_description = "Put the denoised result into the compositor, in place of the render's image"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, _context):
        return session.result is not None and session.result.image in bpy.data.images

    def execute(self, context):
        result = session.result
        put_into_compositor(context.scene, bpy.data.images[result.image], result.layer, result.first, result.count)
        return {"FINISHED"}


class QUIETFRAME_OT_compare(bpy.types.Operator):
    bl_idname = "quietframe.compare"
    bl_label = "Before and After"
    bl_description = "Show the render and the result side by side in the image editor"

    @classmethod
    def poll(cls, _context):
        return session.result is not None

    def execute(self, context):
        result = session.result
        number = min(result.after, key=lambda n: 0 if n is None else abs(n - context.scene.frame_current))
        try:
            compare.start(context.scene, result.before[number], result.after[number], result.layer)
        except (Failure, OSError) as error:
            session.message, session.notes = explain(error, ""), []
            self.report({"ERROR"}, session.message)
            return {"CANCELLED"}
        return {"FINISHED"}


class QUIETFRAME_OT_cancel(bpy.types.Operator):
    bl_idname = "quietframe.cancel"
    bl_label = "Cancel"
    bl_description = "Stop denoising; frames that are done stay"

    @classmethod
    def poll(cls, _context):
        return session.task is not None and session.is_busy()

    def execute(self, _context):
        session.cancel()
        return {"FINISHED"}


class QUIETFRAME_OT_test_connection(Working, bpy.types.Operator):
    bl_idname = "quietframe.test_connection"
    bl_label = "Test Connection"
    bl_description = "Ask the service whether it is there and takes the token"

    def prepare(self, context):
        session.task = None
        self.begin(context, check_service)


class QUIETFRAME_OT_start_service(Working, bpy.types.Operator):
    bl_idname = "quietframe.start_service"
    bl_label = "Start Local Service"
    bl_description = "Start the service of the bundle on this machine. It stops with Blender"

    def prepare(self, context):
        session.task = None
        connection = connection_of(context, local=True)
        self.start_task(lambda task: f"The service runs at {connection.start(task)}", connection.url)


class QUIETFRAME_OT_stop_service(bpy.types.Operator):
    bl_idname = "quietframe.stop_service"
    bl_label = "Stop Local Service"
    bl_description = "Stop the service on this machine"

    @classmethod
    def poll(cls, _context):
        return session.service.state != "stopped" and not session.is_busy()

    def execute(self, _context):
        session.service.stop()
        session.message, session.notes = "The service has stopped", []
        return {"FINISHED"}


def _path_of(path, name):
    if path.startswith("//") and not bpy.data.filepath:
        raise Failure(f"{name} lies beside a blend file that was never saved. Save it, or choose another place")
    return bpy.path.abspath(path)


def _take_picture(operator, render, path):
    notes = _remember(operator, load_result(path), {None: render}, {None: path})
    if not operator.stays:
        notes.append("The result is in a temporary folder; save the blend file to keep the next one beside it")
    return notes


def _remember(operator, image, before, after, first=None, count=1):
    """Keeps what Use in Compositor and Before and After take; returns notes for the user."""
    layer = next(iter(operator.layers), None)
    session.result = session.Result(image.name, layer, first, count, before, after)
    if not has_composite(after[first]):
        return []
    return [
        "The picture also has the layer Composite, which is as it was before: choose"
        f" {layer or 'the other layer'} in the header of the image editor"
    ]


OPERATORS = (
    QUIETFRAME_OT_set_up_passes,
    QUIETFRAME_OT_denoise_render,
    QUIETFRAME_OT_render_halves,
    QUIETFRAME_OT_denoise_shot,
    QUIETFRAME_OT_compare,
    QUIETFRAME_OT_use_in_compositor,
    QUIETFRAME_OT_start_service,
    QUIETFRAME_OT_stop_service,
    QUIETFRAME_OT_cancel,
    QUIETFRAME_OT_test_connection,
)
