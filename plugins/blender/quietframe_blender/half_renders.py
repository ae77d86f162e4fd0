"""Two renders with half of the samples each: their difference tells the noise, better than any estimate."""

import contextlib

import bpy

from .failure import Cancelled, Failure
from .render_files import save_render, temporary_folder

# Far from the seeds that anybody sets by hand.
_OTHER_SEED = 104729
# Looks at a render that neither runs nor tells how it ended before it counts as stopped.
_LOOKS = 10


class HalfRenders:
    """Renders the current frame twice. Restores the settings of the scene when it ends, however it does."""

    def __init__(self, scene):
        if scene.render.engine != "CYCLES":
            raise Failure("quietframe denoises renders of Cycles. Set Render Properties > Render Engine to Cycles")
        if scene.camera is None:
            raise Failure("The scene has no camera. Add one, and make it the active camera")
        self.files = []
        self._scene, self._folder = scene, temporary_folder()
        self._kept = scene.cycles.samples, scene.cycles.seed, scene.render.use_compositing
        self._outcome = None
        self._idle = 0
        scene.cycles.samples = max(1, (self._kept[0] + 1) // 2)
        # What the compositor makes of half a render is of no use to anybody.
        scene.render.use_compositing = False
        bpy.app.handlers.render_complete.append(self._on_complete)
        bpy.app.handlers.render_cancel.append(self._on_cancel)

    @property
    def done(self):
        return len(self.files) == 2

    def render(self):
        """Renders all of it; Blender waits meanwhile."""
        try:
            while not self.done:
                self._begin("EXEC_DEFAULT")
                self._keep()
        finally:
            self.end()

    def advance(self):
        """Goes on while Blender does other things; to be called again and again until `done`.

        Raises Failure, or Cancelled when the user has stopped the render; then it has ended.
        """
        try:
            if self._outcome == "cancelled" or self._idle > _LOOKS:
                raise Cancelled
            if bpy.app.is_job_running("RENDER"):
                self._idle = 0
            elif self._outcome is None:
                self._begin("INVOKE_DEFAULT")
            elif self._outcome == "complete":
                self._keep()
            else:
                self._idle += 1
        except BaseException:
            self.end()
            raise
        if self.done:
            self.end()

    def end(self):
        if self._on_complete in bpy.app.handlers.render_complete:
            bpy.app.handlers.render_complete.remove(self._on_complete)
            bpy.app.handlers.render_cancel.remove(self._on_cancel)
            # The scene is gone where another file was opened meanwhile.
            with contextlib.suppress(ReferenceError):
                samples, seed, compositing = self._kept
                self._scene.cycles.samples, self._scene.cycles.seed = samples, seed
                self._scene.render.use_compositing = compositing

    def _begin(self, how):
        self._outcome = "running" if how == "INVOKE_DEFAULT" else "complete"
        if self.files:
            self._scene.cycles.seed = (self._kept[1] + _OTHER_SEED) % 2**31
        try:
            begun = bpy.ops.render.render(how)
        except RuntimeError as error:
            raise Failure(f"The render failed. Blender says: {str(error).strip()}") from None
        if begun == {"CANCELLED"}:
            raise Failure("Blender did not begin to render. Wait until another render has ended, and try again")

    def _keep(self):
        path = self._folder / f"half_{len(self.files)}.exr"
        save_render(self._scene, path)
        self.files.append(path)
        self._outcome = None

    def _on_complete(self, *_):
        self._outcome = "complete"

    def _on_cancel(self, *_):
        self._outcome = "cancelled"
