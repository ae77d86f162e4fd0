"""Sends frames to the service and writes what comes back."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .client import Answer, Client, Problem, QuietframeError
from .failure import Cancelled, Failure
from .messages import explain
from .shot import Request
from .task import Task

if TYPE_CHECKING:
    from .client.parameters import JobParameters

# Seconds between two looks at a job.
_PATIENCE = 0.2
# A service may let go of frames between their arrival and the request that names them.
_SENDINGS = 3
# Codes that every other frame would meet, too.
_FOR_ALL = ("unauthenticated", "unknown-model", "invalid-argument", "unknown-parameter", "not-found")


class Denoising:
    """Denoises frames one after the other with one service."""

    def __init__(
        self,
        task: Task,
        client: Client,
        url: str,
        parameters: JobParameters,
        layers: MutableSequence[str] | None = None,
    ):
        """layers: gets the name of each layer that was denoised."""
        self._task, self._client, self._url, self._parameters = task, client, url, parameters
        self._layers: MutableSequence[str] = [] if layers is None else layers
        # Neighbours are in many windows: each is read once as long as the service keeps it.
        self._digests: dict[Path, str] = {}
        self._sent: set[str] = set()
        self._warnings: dict[str, str] = {}

    def run(self, requests: Sequence[Request], skip_done: bool = False) -> str:
        """Writes all results; returns a message for the user.

        A frame that fails does not stop the others; raises Failure at the end where there was one, and
        at once where all would fail.
        """
        failures: list[str] = []
        skipped = 0
        for index, request in enumerate(requests):
            begin, end = index / len(requests), (index + 1) / len(requests)
            place = f"{request.label} ({index + 1} of {len(requests)})" if len(requests) > 1 else request.label
            if skip_done and _is_done(request):
                skipped += 1
                self._task.tell(end, f"Skipping {place}")
                continue
            try:
                answer = self._denoise(request, place, begin, end)
                self._task.check()
                _write(request.output, answer.exr)
            except Problem as problem:
                if len(requests) == 1 or problem.code in _FOR_ALL or not problem.code:
                    raise
                failures.append(f"{request.label}: {explain(problem, self._url)}")
            self._task.tell(end, f"Finished {place}")
        if failures:
            made = len(requests) - len(failures)
            raise Failure(f"{len(failures)} of {len(requests)} frames failed, {made} are done. First {failures[0]}")
        self._task.notes.extend(self._warnings.values())
        return _summary(requests, skipped)

    def _denoise(self, request: Request, place: str, begin: float, end: float) -> Answer:
        digests = self._send(request, place, begin)
        for sending in range(_SENDINGS):
            try:
                job = self._start(request, digests)
                break
            except Problem as problem:
                if problem.code != "missing-frames" or sending == _SENDINGS - 1:
                    raise
                self._sent.clear()
                digests = self._send(request, place, begin)
        try:
            self._follow(job, place, begin, end)
            answer = self._client.job_answer(job)
        except Cancelled:
            # The sleep of the task's client gives up at once; the service is asked only as far as it answers.
            with contextlib.suppress(QuietframeError, Cancelled):
                self._client.cancel_job(job)
            raise
        for warning in answer.report.get("warnings", []):
            self._warnings.setdefault(str(warning.get("code")), str(warning.get("message")))
        self._layers.extend(name for name in _layers_of(answer.report) if name not in self._layers)
        with contextlib.suppress(QuietframeError):
            self._client.cancel_job(job)
        return answer

    def _send(self, request: Request, place: str, progress: float) -> dict[Path, str]:
        for file in request.files:
            self._task.tell(progress, f"Sending {place}")
            if self._digests.get(file) not in self._sent:
                content = file.read_bytes()
                digest = self._digests[file] = hashlib.sha256(content).hexdigest()
                if digest not in self._sent:
                    self._sent.add(self._client.put_frame(content))
        return self._digests

    def _start(self, request: Request, digests: Mapping[Path, str]) -> str:
        halves = request.halves and (digests[request.halves[0]], digests[request.halves[1]])
        frames = [digests[file] for file in request.frames]
        center = request.center if len(frames) > 1 else None
        return self._client.start_job(frames, halves=halves or None, center=center, **self._parameters)

    def _follow(self, job: str, place: str, begin: float, end: float) -> None:
        while True:
            status = self._client.job(job)
            state, progress = status.get("state"), float(status.get("progress", 0))
            waiting = "Waiting for the service" if state == "queued" else f"Denoising {place}"
            self._task.tell(begin + (end - begin) * progress, waiting)
            if state == "cancelled":
                raise Problem(499, {"type": "urn:quietframe:problem:cancelled"})
            if state not in ("queued", "running"):
                return
            self._task.sleep(_PATIENCE)


def check_service(task: Task, client: Client) -> str:
    """Asks the service for its models, as a message for the user."""
    task.tell(0.0, "Asking the service")
    names = [f"{model.get('name')}@{model.get('version')}" for model in client.models()]
    if not names:
        raise Failure("The service answers, but has no model loaded. Its log tells more")
    return f"The service answers. Its models: {', '.join(names)}"


def _layers_of(report: Mapping[str, Any]) -> list[str]:
    """Layers of Blender that the result is in: `ViewLayer` of the channel `ViewLayer.Combined.R`."""
    channels = [
        str(use.get("channel")) for use in report.get("input", {}).get("channels", []) if use.get("usedAs") == "result"
    ]
    return list(dict.fromkeys(name.rsplit(".", 2)[0] for name in channels if name.count(".") > 1))


def _summary(requests: Sequence[Request], skipped: int) -> str:
    count = len(requests) - skipped
    several = f"{count} frame{'' if count == 1 else 's'}"
    done = f"Denoised {requests[0].label if len(requests) == 1 and not skipped else several}"
    return done + (f", {skipped} {'was' if skipped == 1 else 'were'} done already" if skipped else "")


def _is_done(request: Request) -> bool:
    """Whether the result is there, and newer than all that it is made from."""
    if not request.output.is_file():
        return False
    made = request.output.stat().st_mtime
    return all(file.stat().st_mtime < made for file in request.files)


def _write(path: Path, content: bytes) -> None:
    """Replaces the file as a whole: nobody ever sees half of a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
