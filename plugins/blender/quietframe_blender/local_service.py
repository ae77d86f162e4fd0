"""A service on this machine: a process that ends with Blender."""

from __future__ import annotations

import atexit
import collections
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path
from typing import Literal

from .client import Client
from .failure import Cancelled, Failure
from .task import Task

_PROGRAM = "quietframe.cmd" if sys.platform == "win32" else "quietframe"
_PREFERENCES = "Preferences > Add-ons > quietframe > Bundle"
# Seconds between two looks at a service that starts, and those that it gets to end.
_PATIENCE, _GRACE = 0.1, 10.0


def find_program(bundle: str, installed: Path) -> Path:
    """The program that starts a service.

    bundle: the archive of a bundle, its folder, or the program; empty for the one on the path.
    installed: folder where archives are unpacked, once each.
    Raises Failure where there is none.
    """
    if not bundle:
        found = shutil.which("quietframe")
        if found is None:
            raise Failure(f"quietframe is not on this machine. Choose its bundle in {_PREFERENCES}")
        return Path(found)
    path = Path(bundle)
    if path.name.endswith((".tar.gz", ".tgz")) and path.is_file():
        path = _unpack(path, installed)
    program = path / _PROGRAM if path.is_dir() else path
    if not program.is_file():
        raise Failure(f"There is no quietframe in {bundle}. Choose its bundle in {_PREFERENCES}")
    return program


class LocalService:
    """At most one process. Its methods may be called from several threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._url = ""
        self._ready = False
        self._lines: collections.deque[str] = collections.deque(maxlen=20)
        self._lock = threading.Lock()
        atexit.register(self.stop)

    @property
    def state(self) -> Literal["stopped", "starting", "running"]:
        if self._process is None or self._process.poll() is not None:
            return "stopped"
        return "running" if self._ready else "starting"

    @property
    def url(self) -> str:
        """Its address; empty unless it is running."""
        return self._url if self.state == "running" else ""

    def ensure(self, task: Task, program: Path) -> str:
        """Starts the service where it does not run, on a free port, and returns its address once it takes work.

        Raises Failure where it ends before, Cancelled when the task is.
        """
        with self._lock:
            if self.state != "running":
                self._begin(program)
                try:
                    self._wait(task)
                except (Failure, Cancelled):
                    self._end()
                    raise
        return self._url

    def stop(self) -> None:
        """Ends the process, and returns when it has ended."""
        with self._lock:
            self._end()

    def _begin(self, program: Path) -> None:
        self._end()
        self._lines.clear()
        self._url, self._ready = "", False
        try:
            self._process = subprocess.Popen(
                # Its input ends with Blender, even where Blender crashes.
                [str(program), "serve", "--host", "127.0.0.1", "--port", "0", "--stop-with-input"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise Failure(f"{program} cannot be started: {error.strerror or error}") from None
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="quietframe-log", daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Reads what it prints to the end: a pipe that nobody reads would stop it."""
        assert process.stdout is not None
        for line in process.stdout:
            found = re.match(r"quietframe listening on (http://\S+)", line)
            if found is not None:
                self._url = found[1]
            self._lines.append(line.strip())

    def _wait(self, task: Task) -> None:
        while True:
            task.tell(0.0, "Starting the service")
            process = self._process
            if process is None or process.poll() is not None:
                if self._reader is not None:
                    self._reader.join(_GRACE)
                reason = next((line for line in reversed(self._lines) if not line.startswith("{")), "")
                raise Failure(f"The service on this machine has ended at its start. {reason}".strip())
            if self._url and Client(self._url, timeout=5.0).is_ready():
                self._ready = True
                return
            task.sleep(_PATIENCE)

    def _end(self) -> None:
        process, self._process = self._process, None
        self._ready = False
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None and self._reader is not None:
            self._reader.join(_GRACE)
            process.stdout.close()


def _unpack(archive: Path, installed: Path) -> Path:
    """Folder of the unpacked archive. Another file of the same name is another bundle."""
    status = archive.stat()
    target = installed / f"{archive.name.removesuffix('.tar.gz')}-{status.st_size}-{int(status.st_mtime)}"
    if not target.is_dir():
        installed.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=installed))
        try:
            with tarfile.open(archive) as file:
                file.extractall(partial, filter="data")
            os.replace(partial, target)
        except (tarfile.TarError, EOFError):
            raise Failure(f"{archive} is not a bundle, or is damaged") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    folders = [each for each in target.iterdir() if (each / _PROGRAM).is_file()]
    if len(folders) != 1:
        raise Failure(f"There is no quietframe for this system in {archive}")
    return folders[0]
