"""Requests to a quietframe service over HTTP."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import secrets
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import Problem, QuietframeError, Unavailable, problem_of
from .multipart import form, parts_of_mixed

EXR = "image/x-exr"
_REPORT_AND_FILE = "multipart/mixed"
Parameter = str | int | float
# An answer may ask for more patience than anybody has.
_LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Answer:
    """A file and the report on how it was made."""

    exr: bytes
    report: dict[str, Any]


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
        self._secure = parts.scheme == "https"
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._token, self._timeout = token, timeout
        self._attempts, self._first_wait, self._sleep = attempts, first_wait, sleep

    def denoise(
        self,
        frame: bytes | Sequence[bytes] = (),
        *,
        halves: tuple[bytes, bytes] | None = None,
        **parameters: Parameter | None,
    ) -> Answer:
        """Denoises a frame, or the centre of a window of frames in time order, or two half buffers.

        Parameters are those of `POST /v1/denoise`; underscores stand for hyphens, as in `target_smape=0.02`.
        Raises Problem when the request is refused, Unavailable when there is no answer.
        """
        return self._work("/v1/denoise", frame, halves, parameters)

    def sample_map(
        self,
        frame: bytes | Sequence[bytes] = (),
        *,
        halves: tuple[bytes, bytes] | None = None,
        **parameters: Parameter | None,
    ) -> Answer:
        """Predicts the error that is left in a frame, and plans a `budget` of samples by it.

        The file has the channels `error.SMAPE`, `error.DSSIM`, `samples.density` and `samples.spp`; the report has
        `predictedError`, `samples` and, with `target_smape`, `target`. Raises as `denoise`.
        """
        return self._work("/v1/sample-map", frame, halves, parameters)

    def models(self) -> list[dict[str, Any]]:
        """The models that the service has loaded."""
        response = self._request("GET", "/v1/models", {}, b"")
        models = _object_of(response.body).get("models")
        if not isinstance(models, list):
            raise QuietframeError("Expected a list of models for the answer but received something else")
        return models

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

    def start_job(
        self,
        frames: Sequence[str] = (),
        *,
        halves: tuple[str, str] | None = None,
        center: int | None = None,
        **parameters: Parameter | None,
    ) -> str:
        """Asks for a frame, or the centre of a window, whose result is fetched later; returns the id of the job.

        Files are named by the digests that `put_frame` returned. Raises Problem `missing-frames` where the service has
        let go of some, with their digests as `missing` in its document.
        """
        asked: dict[str, Any] = {name.replace("_", "-"): str(v) for name, v in parameters.items() if v is not None}
        asked["frames"] = list(frames)
        if halves is not None:
            asked["halves"] = list(halves)
        if center is not None:
            asked["center"] = center
        # An attempt whose answer was lost does not start a second job.
        headers = {"content-type": "application/json", "idempotency-key": secrets.token_hex(16)}
        response = self._request("POST", "/v1/jobs", headers, json.dumps(asked).encode())
        return str(_object_of(response.body).get("id"))

    def job(self, job: str) -> dict[str, Any]:
        """State of a job (`queued`, `running`, `done`, `failed`, `cancelled`), `progress` in [0, 1] and `frames`."""
        return _object_of(self._request("GET", f"/v1/jobs/{job}", {}, b"").body)

    def job_answer(self, job: str, index: int = 0) -> Answer:
        """Result of a frame of a job; raises its Problem where it failed, `not-finished` where it is not done."""
        path = f"/v1/jobs/{job}/results/{index}"
        report = self._request("GET", path, {"accept": "application/json"}, b"")
        return Answer(
            exr=self._request("GET", path, {"accept": EXR}, b"").body,
            report=_object_of(report.body),
        )

    def cancel_job(self, job: str) -> None:
        """Cancels a job; one that has ended is forgotten by the service."""
        self._request("DELETE", f"/v1/jobs/{job}", {}, b"")

    def _work(
        self,
        path: str,
        frame: bytes | Sequence[bytes],
        halves: tuple[bytes, bytes] | None,
        parameters: Mapping[str, Parameter | None],
    ) -> Answer:
        frames = [frame] if isinstance(frame, bytes) else list(frame)
        if not frames and halves is None:
            raise ValueError("Expected a frame or two half buffers but received neither")
        if len(frames) == 1 and halves is None:
            content_type, body = EXR, frames[0]
        else:
            named = [("frame", each) for each in frames]
            if halves is not None:
                named += [("half_a", halves[0]), ("half_b", halves[1])]
            content_type, body = form(named)
        given = {name.replace("_", "-"): str(value) for name, value in parameters.items() if value is not None}
        query = f"?{urllib.parse.urlencode(given)}" if given else ""
        headers = {"content-type": content_type, "accept": _REPORT_AND_FILE}
        response = self._request("POST", path + query, headers, body)
        parts = parts_of_mixed(response.headers.get("content-type", ""), response.body)
        if len(parts) != 2:
            raise QuietframeError("Expected a report and a file for the answer but received something else")
        return Answer(exr=parts[1], report=json.loads(parts[0]))

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
        raise Unavailable(f"No answer after {self._attempts} attempts: {failure}") from failure

    def _wait(self, attempt: int, failure: Exception) -> float:
        asked = failure.document.get("retryAfter") if isinstance(failure, Problem) else None
        try:
            wait = float(asked) if asked is not None else self._first_wait * 2 ** (attempt - 1)
        except (TypeError, ValueError):
            wait = self._first_wait * 2 ** (attempt - 1)
        # Clients that were refused together do not come back together.
        return min(max(wait, 0.0), _LONGEST_WAIT) * random.uniform(1.0, 1.25)

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> _Response:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        own = {} if self._token is None else {"authorization": f"Bearer {self._token}"}
        try:
            connection.request(method, self._prefix + path, body=body or None, headers={**headers, **own})
            response = connection.getresponse()
            content = response.read()
            return _Response(response.status, {k.lower(): v for k, v in response.getheaders()}, content)
        finally:
            connection.close()


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise QuietframeError("Expected a JSON object for the answer but received something else")
    return document
