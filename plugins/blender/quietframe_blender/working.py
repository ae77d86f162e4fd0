"""Work that does not block when a person asks for it, and runs to its end when a script does."""

from . import session
from .denoising import Denoising
from .failure import Cancelled, Failure
from .messages import explain
from .preferences import connection_of
from .settings import parameters_of
from .task import Task

_SECONDS = 0.2


class Working:
    """An operator whose work runs in a thread, which `prepare` or, later, `continue_preparing` starts."""

    @classmethod
    def poll(cls, _context):
        return not session.is_busy()

    def execute(self, context):
        try:
            self.prepare(context)
            # Renders that belong to the work are not denoised for themselves.
            session.preparing = session.task is None
            while session.task is None:
                self.continue_preparing(context, waiting=True)
            session.task.join()
        except (Failure, Cancelled, OSError) as error:
            return self._fail(error)
        finally:
            session.preparing = False
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
        """Starts `work(task, client)` in a thread."""
        connection = connection_of(context)
        self.start_task(lambda task: work(task, connection.open(task)), connection.url)

    def start_task(self, work, url):
        session.task = Task(work, url)
        session.task.start()

    def denoise(self, context, requests, skip_done=False):
        parameters = parameters_of(context.scene.quietframe)
        self.requests = requests
        layers = self.layers = []
        self.begin(
            context,
            lambda task, client: Denoising(task, client, task.url, parameters, layers).run(requests, skip_done),
        )

    def _end(self, context):
        task = session.task
        if task.state == "done":
            try:
                notes = self.finish(context)
            except (Failure, RuntimeError, OSError) as error:
                return self._fail(error)
            return self._say("INFO", task.message, (*notes, *task.notes))
        return self._say("WARNING" if task.state == "cancelled" else "ERROR", task.message, task.notes)

    def _fail(self, error):
        text = "Cancelled" if isinstance(error, Cancelled) else explain(error, "")
        return self._say("WARNING" if isinstance(error, Cancelled) else "ERROR", text)

    def _say(self, kind, text, notes=()):
        session.message, session.notes = text, list(notes)
        self.report({kind}, text)
        return {"FINISHED"} if kind == "INFO" else {"CANCELLED"}

    def _clear(self, context):
        session.preparing = False
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        _redraw(context)


def _redraw(context):
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("PROPERTIES", "IMAGE_EDITOR", "PREFERENCES"):
                area.tag_redraw()
