"""Requests to a quietframe service over HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import random
import secrets
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from .errors import Problem, QuietframeError, Unavailable, problem_of
from .events import Event, events_of
from .files import EXR, File, Files
from .multipart import parts_of_mixed
from .reports import JobState, Model, Report

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .parameters import DenoiseParameters, JobParameters, SampleMapParameters

JSON = "application/json"
_REPORT_AND_FILE = "multipart/mixed"
Progress = Callable[[float], object]
# An answer may ask for more patience than anybody has.
_LONGEST_WAIT = 60.0
# Times that files are sent to a service whose cache may be too small for them.
_ROUNDS = 3


@dataclass(frozen=True)
class Answer:
    """A file and the report on how it was made."""

    exr: bytes
    report: Report


@dataclass(frozen=True)
class _Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """One service, reached with a connection for every request. Safe to use from several threads.

    url: as `http://host:8080`, or `https://…`; a path is kept as a prefix.
    token: sent as a bearer token where it is given.
    timeout: seconds without a byte after which a connection counts as lost.
    attempts: how often a request is sent at most while the service is away or busy.
    first_wait: seconds before the second attempt; doubled for each further one, unless the service names a time.
    sleep: waits; replaced in tests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 600.0,
        attempts: int = 4,
        first_wait: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"Expected http://HOST or https://HOST for url but received {url!r}")
        if attempts < 1:
            raise ValueError(f"Expected 1 or more for attempts but received {attempts}")
        # Names and passwords belong into no message.
        self._url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._secure = parts.scheme == "https"
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._token, self._timeout = token, timeout
        self._attempts, self._first_wait, self._sleep = attempts, first_wait, sleep

    def denoise(
        self,
        frame: File | Sequence[File] = (),
        *,
        halves: tuple[File, File] | None = None,
        lambda_map: File | None = None,
        guide: File | None = None,
        keep: bool = False,
        progress: Progress | None = None,
        **parameters: Unpack[DenoiseParameters],
    ) -> Answer:
        """Denoises a frame, or the centre of a window of frames in time order, or two half buffers.

        Files are bytes, paths, or files opened in binary mode. Parameters are those of `POST /v1/denoise`, as
        `upscale=2` or `encoder="generic"`. Underscores stand for hyphens, as in `target_smape=0.02`, and one at the end
        for nothing, as in `lambda_=2`. `lambda_map` is a file with the slope of the loss of each pixel, `guide`
        the frame at the size that `upscale` makes, for its albedo and normals.
        With `keep` the files stay in the service's cache, addressed by digest, so that a sliding window sends each
        frame once.
        `progress` is called with the share of the work that is done, up to 1; the files then stay in the cache, too.
        Raises Problem when the request is refused, Unavailable when there is no answer, OSError where a file is not
        readable.
        """
        files = Files.of(frame, halves, lambda_map, guide)
        if progress is not None:
            return self._work_with_progress(files, progress, parameters)
        return self._work("/v1/denoise", files, keep, parameters)

    def sample_map(
        self,
        frame: File | Sequence[File] = (),
        *,
        halves: tuple[File, File] | None = None,
        lambda_map: File | None = None,
        keep: bool = False,
        **parameters: Unpack[SampleMapParameters],
    ) -> Answer:
        """Predicts the error that is left in a frame, and plans a `budget` of samples by it.

        The file has the channels `error.SMAPE`, `error.DSSIM`, `samples.density` and `samples.spp`; the report has
        `predictedError`, `samples` and, with `target_smape`, `target`. The rest is as for `denoise`.
        """
        return self._work("/v1/sample-map", Files.of(frame, halves, lambda_map), keep, parameters)

    def models(self) -> list[Model]:
        """The models that the service has loaded."""
        response = self._request("GET", "/v1/models", {}, b"")
        models = _object_of(response.body).get("models")
        if not isinstance(models, list):
            raise QuietframeError("Expected a list of models for the answer but received something else")
        return cast("list[Model]", models)

    def is_ready(self) -> bool:
        """Whether the service takes work now; asks once."""
        try:
            return self._send("GET", "/healthz/ready", {}, b"").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def put_frame(self, frame: bytes) -> str:
        """Leaves a frame with the service, for requests that name it by the digest, which is returned."""
        digest = hashlib.sha256(frame).hexdigest()
        self._request("PUT", f"/v1/frames/{digest}", {"content-type": EXR}, frame)
        return digest

    def has_frame(self, digest: str) -> bool:
        """Whether the service keeps a frame; it may let go of it at any time."""
        try:
            self._request("HEAD", f"/v1/frames/{digest}", {}, b"")
        except Problem as problem:
            if problem.status != 404:
                raise
            return False
        return True

    def delete_frame(self, digest: str) -> None:
        """Lets the service forget a frame; raises Problem `not-found` where it does not keep it."""
        self._request("DELETE", f"/v1/frames/{digest}", {}, b"")

    def start_job(
        self,
        frames: Sequence[str] = (),
        *,
        halves: tuple[str, str] | None = None,
        center: int | None = None,
        **parameters: Unpack[JobParameters],
    ) -> str:
        """Asks for a frame, or the centre of a window, whose result is fetched later; returns the id of the job.

        Files are named by the digests that `put_frame` returned. Raises Problem `missing-frames` where the service has
        let go of some, with their digests as `missing` in its document.
        """
        asked: dict[str, Any] = {**_given(parameters), "frames": list(frames)}
        if halves is not None:
            asked["halves"] = list(halves)
        if center is not None:
            asked["center"] = center
        return self._start(asked)

    def start_sequence(self, frames: Sequence[str], *, window: int = 7, **parameters: Unpack[JobParameters]) -> str:
        """Asks for all frames of a shot, in time order, each with its neighbours; returns the id of the job.

        `window` is how many frames are denoised together: 1, 3, 5 or 7. The rest is as for `start_job`.
        """
        return self._start({**_given(parameters), "sequence": list(frames), "window": window})

    def jobs(self) -> list[JobState]:
        """The jobs of this caller that the service knows, without their frames."""
        jobs = _object_of(self._request("GET", "/v1/jobs", {}, b"").body).get("jobs")
        if not isinstance(jobs, list):
            raise QuietframeError("Expected a list of jobs for the answer but received something else")
        return cast("list[JobState]", jobs)

    def job(self, job: str) -> JobState:
        """State of a job (`queued`, `running`, `done`, `failed`, `cancelled`), `progress` in [0, 1] and `frames`."""
        return cast(JobState, _object_of(self._request("GET", f"/v1/jobs/{job}", {}, b"").body))

    def follow_job(self, job: str) -> Iterator[JobState]:
        """States of a job as they change, the last when it has ended; connections that are lost are made again.

        Each has `state`, `progress`, which never falls, and the `frames` that have changed since the one before.
        Raises as `job`, and Unavailable when no attempt brings anything new.
        """
        seen, failures = "0", 0
        while True:
            failure: Exception | None = None
            try:
                for event in self._events(f"/v1/jobs/{job}/events", seen):
                    seen, failures = event.id, 0
                    yield cast(JobState, event.data)
                    if event.name == "end":
                        return
            except (OSError, http.client.HTTPException) as error:
                failure = error
            except Problem as problem:
                if not problem.may_pass:
                    raise
                failure = problem
            failures += 1
            if failures >= self._attempts:
                raise self._unavailable("event", failure) from failure
            self._sleep(self._wait(failures, failure))

    def job_answer(self, job: str, index: int = 0) -> Answer:
        """Result of a frame of a job; raises its Problem where it failed, `not-finished` where it is not done."""
        path = f"/v1/jobs/{job}/results/{index}"
        report = self._request("GET", path, {"accept": "application/json"}, b"")
        return Answer(
            exr=self._request("GET", path, {"accept": EXR}, b"").body,
            report=cast(Report, _object_of(report.body)),
        )

    def cancel_job(self, job: str) -> None:
        """Cancels a job; one that has ended is forgotten by the service."""
        self._request("DELETE", f"/v1/jobs/{job}", {}, b"")

    def _start(self, asked: Mapping[str, Any]) -> str:
        # An attempt whose answer was lost does not start a second job.
        headers = {"content-type": JSON, "idempotency-key": secrets.token_hex(16)}
        response = self._request("POST", "/v1/jobs", headers, json.dumps(asked).encode())
        return str(_object_of(response.body).get("id"))

    def _work(self, path: str, files: Files, keep: bool, parameters: Mapping[str, object]) -> Answer:
        given = _given(parameters)
        address = f"{path}?{urllib.parse.urlencode(given)}" if given else path
        if keep:
            response = self._named(address, files)
        else:
            content_type, body = files.body()
            response = self._request("POST", address, {"content-type": content_type, "accept": _REPORT_AND_FILE}, body)
        parts = parts_of_mixed(response.headers.get("content-type", ""), response.body)
        if len(parts) != 2:
            raise QuietframeError("Expected a report and a file for the answer but received something else")
        return Answer(exr=parts[1], report=cast(Report, json.loads(parts[0])))

    def _work_with_progress(self, files: Files, progress: Progress, parameters: Mapping[str, object]) -> Answer:
        """The same as a job, which says how far it is."""
        for each in files.all():
            self.put_frame(each)
        asked = {**_given(parameters), **files.digests()}
        if "center" in asked:
            asked["center"] = int(asked["center"])
        job = self._start(asked)
        try:
            reached = 0.0
            for state in self.follow_job(job):
                # The end is told once the result is here.
                reached = max(reached, min(float(state.get("progress", 0.0)), 0.99))
                progress(reached)
            answer = self.job_answer(job)
        finally:
            # A job that still runs is cancelled, one that has ended forgotten.
            with contextlib.suppress(QuietframeError):
                self.cancel_job(job)
        progress(1.0)
        return answer

    def _named(self, address: str, files: Files) -> _Response:
        """Names files by digest, and sends those that the service lacks: in several rounds where it keeps only few."""
        known = {hashlib.sha256(file).hexdigest(): file for file in files.all()}
        headers = {"content-type": JSON, "accept": _REPORT_AND_FILE}
        body = json.dumps(files.digests()).encode()
        for _ in range(_ROUNDS):
            try:
                return self._request("POST", address, headers, body)
            except Problem as problem:
                missing = [digest for digest in problem.document.get("missing") or [] if digest in known]
                if problem.code != "missing-frames" or not missing:
                    raise
                failure = problem
            for digest in missing:
                self.put_frame(known[digest])
        raise failure

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Response:
        """Sends until there is an answer that stays."""
        failure: Exception | None = None
        for attempt in range(self._attempts):
            if failure is not None:
                self._sleep(self._wait(attempt, failure))
            try:
                response = self._send(method, path, headers, body)
            except (OSError, http.client.HTTPException) as error:
                failure = error
                continue
            if response.status < 300:
                return response
            problem = problem_of(response.status, response.body)
            if not problem.may_pass:
                raise problem
            problem.document.setdefault("retryAfter", response.headers.get("retry-after"))
            failure = problem
        raise self._unavailable("answer", failure) from failure

    def _unavailable(self, what: str, failure: Exception | None) -> Unavailable:
        times = "1 attempt" if self._attempts == 1 else f"{self._attempts} attempts"
        return Unavailable(f"No {what} from {self._url} after {times}: {failure or 'the connection ended'}")

    def _wait(self, attempt: int, failure: Exception | None) -> float:
        asked = failure.document.get("retryAfter") if isinstance(failure, Problem) else None
        try:
            wait = float(asked) if asked is not None else self._first_wait * 2 ** (attempt - 1)
        except (TypeError, ValueError):
            wait = self._first_wait * 2 ** (attempt - 1)
        # Clients that were refused together do not come back together.
        return min(max(wait, 0.0), _LONGEST_WAIT) * random.uniform(1.0, 1.25)

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Response:
        connection = self._connect()
        try:
            # A service that refuses an upload may answer before it has read it all, and close: the answer is there.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._prefix + path, body=body or None, headers=self._signed(headers))
            response = connection.getresponse()
            content = response.read()
            return _Response(response.status, {k.lower(): v for k, v in response.getheaders()}, content)
        finally:
            connection.close()

    def _events(self, path: str, seen: str) -> Iterator[Event]:
        """Server-sent events after the one with the id `seen`, until the connection ends."""
        connection = self._connect()
        try:
            headers = {"accept": "text/event-stream", "last-event-id": seen}
            connection.request("GET", self._prefix + path, headers=self._signed(headers))
            response = connection.getresponse()
            if response.status >= 300:
                raise problem_of(response.status, response.read())
            yield from events_of(response)
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout)

    def _signed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {**headers, **({} if self._token is None else {"authorization": f"Bearer {self._token}"})}


def _given(parameters: Mapping[str, object]) -> dict[str, str]:
    """Parameters as the service names them, without those that are None."""
    return {name.rstrip("_").replace("_", "-"): str(value) for name, value in parameters.items() if value is not None}


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise QuietframeError("Expected a JSON object for the answer but received something else")
    return document
