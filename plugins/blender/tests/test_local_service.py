"""A service as a process of this machine: found, started, and ended with its caller."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import textwrap
import time

import pytest
from quietframe_blender.failure import Cancelled, Failure
from quietframe_blender.local_service import LocalService, find_program
from quietframe_blender.task import Task

SERVICE = """
import http.server, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

assert sys.argv[1:] == ["serve", "--host", "127.0.0.1", "--port", "0", "--stop-with-input"], sys.argv
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("quietframe listening on http://127.0.0.1:%d" % server.server_port, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "quietframe-1"
    folder.mkdir()
    (folder / "service.py").write_text(SERVICE)
    program = folder / "quietframe"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder}/service.py" "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.fixture
def service():
    service = LocalService()
    yield service
    service.stop()


def task():
    return Task(lambda _: "", "")


def test_starts_once_and_stops(bundle, service):
    assert (service.state, service.url) == ("stopped", "")
    url = service.ensure(task(), bundle / "quietframe")
    assert service.ensure(task(), bundle / "quietframe") == url == service.url
    assert service.state == "running"
    process = service._process
    service.stop()
    assert process.poll() == 0
    assert service.state == "stopped"
    service.stop()


def test_ends_with_a_caller_that_is_killed(bundle, tmp_path):
    script = f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from quietframe_blender.local_service import LocalService
        from quietframe_blender.task import Task
        service = LocalService()
        service.ensure(Task(lambda _: "", ""), Path({str(bundle / "quietframe")!r}))
        print(service._process.pid, flush=True)
        sys.stdin.read()
    """
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(caller.stdout.readline())
    caller.kill()
    caller.communicate()
    while is_alive(pid):
        time.sleep(0.05)


def is_alive(pid):
    run = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return run.stdout.strip() not in ("", "Z")


def test_cancelled_while_it_starts(tmp_path, service):
    program = tmp_path / "quietframe"
    program.write_text("#!/bin/sh\nexec cat\n")
    program.chmod(0o755)
    cancelled = task()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        service.ensure(cancelled, program)
    assert service.state == "stopped"


def test_says_why_it_ended(tmp_path, service):
    program = tmp_path / "quietframe"
    program.write_text('#!/bin/sh\necho "quietframe: no models"\necho \'{"level":30}\'\n')
    program.chmod(0o755)
    with pytest.raises(Failure, match="ended at its start. quietframe: no models"):
        service.ensure(task(), program)
    program.chmod(0o644)
    with pytest.raises(Failure, match="cannot be started"):
        service.ensure(task(), program)


def test_finds_the_program(bundle, tmp_path, monkeypatch):
    installed = tmp_path / "installed"
    assert find_program(str(bundle), installed) == bundle / "quietframe"
    assert find_program(str(bundle / "quietframe"), installed) == bundle / "quietframe"
    archive = tmp_path / "quietframe-1.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(bundle, bundle.name)
    program = find_program(str(archive), installed)
    assert program.read_text() == (bundle / "quietframe").read_text()
    assert program.stat().st_mode & 0o111
    # Unpacked once.
    (program.parent / "mark").touch()
    assert (find_program(str(archive), installed).parent / "mark").exists()
    monkeypatch.setenv("PATH", str(bundle))
    assert find_program("", installed) == bundle / "quietframe"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match="not on this machine"):
        find_program("", installed)


def test_archives_that_are_none(tmp_path):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"half of an archive")
    with pytest.raises(Failure, match="not a bundle, or is damaged"):
        find_program(str(archive), tmp_path / "installed")
    with tarfile.open(archive, "w:gz") as file:
        file.add(__file__, "else/file")
    with pytest.raises(Failure, match="no quietframe for this system"):
        find_program(str(archive), tmp_path / "installed")
    with pytest.raises(Failure, match="There is no quietframe in"):
        find_program(str(tmp_path / "nothing"), tmp_path / "installed")
