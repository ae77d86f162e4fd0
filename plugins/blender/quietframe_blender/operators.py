"""What can be done: each runs without blocking when a person asks, and to its end when a script does."""

import bpy

from . import session
from .compositor import put_into_compositor
from .denoising import Denoising, check_service
from .failure import Cancelled, Failure
from .half_renders import HalfRenders
from .messages import explain
from .passes import set_up_passes
from .preferences import client_of, preferences_of
from .render_files import has_composite, load_result, result_path, save_render, temporary_folder
from .settings import parameters_of
from .shot import Pattern, Request, requests_of_shot
from .task import Task

_SECONDS = 0.2


class _Working:
    """An operator whose work runs in a thread, which `prepare` or, later, `continue_preparing` starts."""

    @classmethod
    def poll(cls, _context):
        return not session.is_busy()

    def execute(self, context):
        try:
            self.prepare(context)
            while session.task is None:
                self.continue_preparing(context, waiting=True)
            session.task.join()
        except (Failure, Cancelled, OSError) as error:
            return self._fail(error)
        return self._end(context)

    def invoke(self, context, _event):
        try:
            self.prepare(context)
        except (Failure, OSError) as error:
            return self._fail(error)
        manager = context.window_manager
        self._timer = manager.event_timer_add(_SECONDS, window=context.window)
        session.preparing = session.task is None
        manager.progress_begin(0, 100)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        outcome = self.advance(context)
        return outcome or {"PASS_THROUGH"}

    def advance(self, context):
        """One look at the work; the operator's result once it has ended."""
        try:
            if session.task is None:
                self.continue_preparing(context, waiting=False)
        except (Failure, Cancelled, OSError) as error:
            self._clear(context)
            return self._fail(error)
        _redraw(context)
        if session.task is None:
            return None
        context.window_manager.progress_update(session.task.progress * 100)
        if session.task.state == "running":
            return None
        self._clear(context)
        return self._end(context)

    def cancel(self, _context):
        """Blender ends it, as it does when another file is opened."""
        session.preparing = False
        session.cancel()
        self.drop()

    def drop(self):
        """Gives up what was prepared."""

    def continue_preparing(self, context, waiting):
        """Brings the task nearer, where `prepare` did not start it."""

    def finish(self, context):
        """What happens with the result; returns notes for the user."""
        return ()

    def begin(self, context, work):
        """Starts `work(task, client, url)` in a thread."""
        url = preferences_of(context).url.strip()
        client = client_of(context, lambda seconds: task.sleep(seconds))
        task = Task(lambda task: work(task, client, url), url)
        session.task = task
        task.start()

    def denoise(self, context, requests, skip_done=False):
        parameters = parameters_of(context.scene.quietframe)
        self.requests = requests
        layers = self.layers = []
        self.begin(
            context,
            lambda task, client, url: Denoising(task, client, url, parameters, layers).run(requests, skip_done),
        )

    def _end(self, context):
        task = session.task
        if task.state == "done":
            try:
                notes = self.finish(context)
            except (Failure, RuntimeError, OSError) as error:
                return self._fail(error)
            return self._say("INFO", ". ".join((task.message, *notes)))
        return self._say("WARNING" if task.state == "cancelled" else "ERROR", task.message)

    def _fail(self, error):
        text = "Cancelled" if isinstance(error, Cancelled) else explain(error, "")
        return self._say("WARNING" if isinstance(error, Cancelled) else "ERROR", text)

    def _say(self, kind, text):
        session.message = text
        self.report({kind}, text)
        return {"FINISHED"} if kind == "INFO" else {"CANCELLED"}

    def _clear(self, context):
        session.preparing = False
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        _redraw(context)


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


class QUIETFRAME_OT_denoise_render(_Working, bpy.types.Operator):
    bl_idname = "quietframe.denoise_render"
    bl_label = "Denoise Render"
    bl_description = "Denoise the render that is there, by its passes"

    def prepare(self, context):
        session.task = None
        file = temporary_folder() / "render.exr"
        save_render(context.scene, file)
        output, self.stays = result_path(context.scene, context.scene.quietframe.folder)
        self.denoise(context, [Request((file,), 0, None, output)])

    def finish(self, context):
        return _take_picture(self, self.requests[0].output)


class QUIETFRAME_OT_render_halves(_Working, bpy.types.Operator):
    bl_idname = "quietframe.render_halves"
    bl_label = "Render and Denoise"
    bl_description = "Render twice with half of the samples, and denoise by their difference: better than by one render"

    def prepare(self, context):
        session.task = None
        # Whoever waits for two renders wants to know before that there is a service to send them to.
        client_of(context, lambda _: None)
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
        return _take_picture(self, self.output)


class QUIETFRAME_OT_denoise_shot(_Working, bpy.types.Operator):
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
        return _remember(self, image, first.output, first.number, count)


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


class QUIETFRAME_OT_test_connection(_Working, bpy.types.Operator):
    bl_idname = "quietframe.test_connection"
    bl_label = "Test Connection"
    bl_description = "Ask the service whether it is there and takes the token"

    def prepare(self, context):
        session.task = None
        self.begin(context, lambda task, client, _: check_service(task, client))


def _path_of(path, name):
    if path.startswith("//") and not bpy.data.filepath:
        raise Failure(f"{name} lies beside a blend file that was never saved. Save it, or choose another place")
    return bpy.path.abspath(path)


def _take_picture(operator, path):
    notes = _remember(operator, load_result(path), path)
    if not operator.stays:
        notes.append("The result is in a temporary folder; save the blend file to keep the next one beside it")
    return notes


def _remember(operator, image, path, first=None, count=1):
    """Keeps what Use in Compositor takes; returns notes for the user."""
    layer = next(iter(operator.layers), None)
    session.result = session.Result(image.name, layer, first, count)
    if not has_composite(path):
        return []
    return [
        "The picture also has the layer Composite, which is as it was before: choose"
        f" {layer or 'the other layer'} in the header of the image editor"
    ]


def _redraw(context):
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("PROPERTIES", "IMAGE_EDITOR", "PREFERENCES"):
                area.tag_redraw()


OPERATORS = (
    QUIETFRAME_OT_set_up_passes,
    QUIETFRAME_OT_denoise_render,
    QUIETFRAME_OT_render_halves,
    QUIETFRAME_OT_denoise_shot,
    QUIETFRAME_OT_use_in_compositor,
    QUIETFRAME_OT_cancel,
    QUIETFRAME_OT_test_connection,
)
