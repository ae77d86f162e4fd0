"""The thread and its requests against a service that is scripted."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from quietframe_blender.client import Answer, Problem, Unavailable
from quietframe_blender.denoising import Denoising, check_service
from quietframe_blender.shot import Request
from quietframe_blender.task import Task

URL = "http://farm:8080"


def problem(code, status=422):
    return Problem(status, {"type": f"urn:quietframe:problem:{code}", "detail": "Expected X"})


class Service:
    """Keeps frames, lets go of them when told to, and denoises by writing which files a job had."""

    def __init__(self):
        self.kept, self.puts, self.jobs, self.cancelled = set(), [], {}, []
        self.problems = {}
        self.forget = 0
        self.states = [{"state": "queued"}, {"state": "running", "progress": 0.5}, {"state": "done", "progress": 1}]
        self.looks = {}
        self.on_look = lambda: None

    def models(self):
        return [{"name": "kpcn", "version": "1"}]

    def put_frame(self, content):
        digest = hashlib.sha256(content).hexdigest()
        self.kept.add(digest)
        self.puts.append(content)
        return digest

    def start_job(self, frames=(), *, halves=None, center=None, **parameters):
        if self.forget:
            self.forget -= 1
            self.kept.clear()
        if not {*frames, *(halves or ())} <= self.kept:
            raise problem("missing-frames", 404)
        job = f"j{len(self.jobs)}"
        self.jobs[job] = (tuple(frames), halves, center, parameters)
        return job

    def job(self, job):
        self.on_look()
        look = self.looks[job] = self.looks.get(job, -1) + 1
        return self.states[min(look, len(self.states) - 1)]

    def job_answer(self, job):
        if job in self.problems:
            raise self.problems[job]
        uses = [{"channel": f"View.Layer.Combined.{c}", "usedAs": "result"} for c in "RGB"]
        uses.append({"channel": "Other.Combined.R", "usedAs": "color"})
        warnings = [{"code": "no-normals", "message": "No normals"}]
        return Answer(exr=job.encode(), report={"warnings": warnings, "input": {"channels": uses}})

    def cancel_job(self, job):
        self.cancelled.append(job)


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def shot(tmp_path):
    files = [tmp_path / f"{n}.exr" for n in range(3)]
    for n, file in enumerate(files):
        file.write_bytes(b"frame %d" % n)
    return [Request(tuple(files), n, None, tmp_path / f"out/{n}.exr", number=n) for n in range(3)]


def run(service, requests, parameters=None, **options):
    task = Task(lambda task: Denoising(task, service, URL, parameters or {}).run(requests, **options), URL)
    task.sleep = lambda _: task.check()
    task.start()
    task.join()
    return task


def test_writes_results_and_sends_each_frame_once(service, shot):
    task = run(service, shot, {"model": "kpcn", "lambda": 2.0})
    assert (task.state, task.progress) == ("done", 1.0)
    assert (task.message, task.notes) == ("Denoised 3 frames", ["No normals"])
    assert [r.output.read_bytes() for r in shot] == [b"j0", b"j1", b"j2"]
    assert service.puts == [b"frame 0", b"frame 1", b"frame 2"]
    frames, halves, center, parameters = service.jobs["j2"]
    assert (len(frames), halves, center, parameters) == (3, None, 2, {"model": "kpcn", "lambda": 2.0})
    assert [file.name for file in shot[0].output.parent.iterdir() if file.name.startswith(".")] == []


def test_tells_which_layers_are_denoised_and_reads_each_file_once(service, shot, monkeypatch):
    layers, read, read_bytes = [], [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path.name), read_bytes(path))[1])
    task = Task(lambda task: Denoising(task, service, URL, {}, layers).run(shot), URL)
    task.start()
    task.join()
    assert (task.state, layers) == ("done", ["View.Layer"])
    assert read == ["0.exr", "1.exr", "2.exr"]


def test_halves_go_as_halves(service, tmp_path, shot):
    files = shot[0].frames
    request = Request((), 0, (files[0], files[1]), tmp_path / "r.exr")
    assert run(service, [request]).message.startswith("Denoised the render")
    digests = tuple(hashlib.sha256(file.read_bytes()).hexdigest() for file in files[:2])
    assert service.jobs["j0"][:3] == ((), digests, None)


def test_sends_again_what_the_service_let_go(service, shot):
    service.forget = 2
    assert run(service, shot[:1]).state == "done"
    assert len(service.puts) == 9


def test_gives_up_on_a_cache_that_is_too_small(service, shot):
    service.forget = 99
    task = run(service, shot[:1])
    assert task.state == "failed"
    assert "QUIETFRAME_FRAME_CACHE" in task.message


def test_a_frame_that_fails_does_not_stop_the_others(service, shot):
    service.problems["j1"] = problem("mismatched-frames")
    task = run(service, shot)
    assert task.state == "failed"
    assert task.message.startswith("1 of 3 frames failed, 2 are done. First frame 1: Frames that belong")
    assert [r.output.exists() for r in shot] == [True, False, True]


@pytest.mark.parametrize("error", [problem("unauthenticated", 401), Unavailable("gone")])
def test_what_all_frames_would_meet_stops_at_once(service, shot, error):
    service.problems["j0"] = error
    assert run(service, shot).state == "failed"
    assert len(service.jobs) == 1


def test_cancel_ends_at_once_and_frees_the_service(service, shot):
    service.states = [{"state": "running", "progress": 0.5}]
    looked = threading.Event()
    service.on_look = looked.set
    task = Task(lambda task: Denoising(task, service, URL, {}).run(shot), URL)
    task.start()
    assert looked.wait(60)
    task.cancel()
    assert (task.state, task.message) == ("cancelled", "Cancelled")
    task.join()
    assert task.state == "cancelled"
    assert service.cancelled == ["j0"]
    assert not shot[0].output.exists()


def test_a_job_that_the_service_cancelled(service, shot):
    service.states = [{"state": "cancelled"}]
    task = run(service, shot[:1])
    assert task.state == "failed"
    assert "Try again" in task.message


def test_progress_never_falls(service, shot):
    seen = []
    service.on_look = lambda: seen.append(task.progress)
    task = Task(lambda task: Denoising(task, service, URL, {}).run(shot), URL)
    task.start()
    task.join()
    assert seen == sorted(seen)
    assert len(set(seen)) > 3


def test_skips_what_is_done(service, shot):
    run(service, shot[:1])
    made = shot[0].output.stat().st_mtime
    for file in shot[0].frames:
        os.utime(file, (made - 10, made - 10))
    task = run(service, shot[:2], skip_done=True)
    assert task.message.startswith("Denoised 1 frame, 1 was done already")
    assert len(service.jobs) == 2


def test_a_missing_file_is_told(service, tmp_path):
    task = run(service, [Request((tmp_path / "gone.exr",), 0, None, tmp_path / "o.exr")])
    assert task.state == "failed"
    assert "gone.exr is not there" in task.message


def test_asks_for_models(service):
    task = Task(lambda task: check_service(task, service), URL)
    task.start()
    task.join()
    assert task.message == "The service answers. Its models: kpcn@1"
