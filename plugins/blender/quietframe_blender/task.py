"""Work in a thread of its own, so that Blender goes on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from .failure import Cancelled
from .messages import details_of, explain

State = Literal["running", "done", "failed", "cancelled"]


class Task:
    """One piece of work, which ends as `done`, `failed` or `cancelled` and then never changes.

    Only the work's thread changes `text` and `progress`; Blender's thread looks at them. What is cancelled ends at once
    for the user; its thread notices at the next step, and nothing that it does later counts.
    """

    def __init__(self, work: Callable[[Task], str], url: str):
        """work: gets the task, and returns the message for the user; url: see there."""
        self.progress = 0.0
        self.text = "Starting"
        #: Remarks on the result, which are shown when they are asked for.
        self.notes: list[str] = []
        #: Of the service, for messages; the work may find out.
        self.url = url
        self._work = work
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._state: State = "running"
        self._message = ""
        self._thread = threading.Thread(target=self._run, name="quietframe", daemon=True)

    @property
    def state(self) -> State:
        return self._state

    @property
    def message(self) -> str:
        """What to tell the user, once the work has ended."""
        return self._message

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Waits until the thread has ended."""
        self._thread.join()

    def cancel(self) -> None:
        self._cancelled.set()
        self._end("cancelled", "Cancelled")

    def tell(self, progress: float, text: str) -> None:
        """Reports a step from the thread of the work; raises Cancelled where there should be no further one."""
        self.check()
        self.progress, self.text = max(self.progress, progress), text

    def check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Waits, but no longer than until the work is cancelled, and raises Cancelled then."""
        self._cancelled.wait(seconds)
        self.check()

    def _run(self) -> None:
        try:
            message = self._work(self)
        except Cancelled:
            self._end("cancelled", "Cancelled")
        # A thread that dies silently would leave the user waiting for ever.
        except Exception as error:
            self.notes.extend(filter(None, [details_of(error)]))
            self._end("failed", explain(error, self.url))
        else:
            self.progress = 1.0
            self._end("done", message)

    def _end(self, state: State, message: str) -> None:
        with self._lock:
            if self._state == "running":
                self._message = message
                self._state = state
