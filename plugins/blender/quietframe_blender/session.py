"""The work that is going on, and what came of the last; one at a time."""

from .task import Task

task: Task | None = None
# While Blender renders what is to be denoised.
preparing = False
message = ""
# Name of the last result among the pictures of Blender, first frame number of a sequence, number of frames.
result = None


def is_busy():
    return preparing or (task is not None and task.state == "running")


def cancel():
    if task is not None:
        task.cancel()
