"""A farm's worker: the built `quietframe` and the renderer that stands in for Blender, both on the path of commands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "dist" / "cli" / "main.js"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def worker_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The value of PATH on a worker."""
    folder = tmp_path_factory.mktemp("bin")
    for name, words in {
        "quietframe": f'node "{MAIN}"',
        "blender": f'"{sys.executable}" "{ROOT / "test/farms/blender"}"',
    }.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def run(worker_path: str) -> Run:
    """Runs a command on the worker; its output, errors among it, is `stdout`."""

    def call(*words: str | Path, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in words],
            cwd=cwd,
            env={**os.environ, "PATH": worker_path, "QUIETFRAME_THREADS": "1", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    return call


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory, worker_path: str) -> Path:
    """A folder with the frames 1 to 5 of a shot, as noisy.0001.exr."""
    folder = tmp_path_factory.mktemp("noisy")
    scene = folder / "scene.blend"
    scene.touch()
    words = ["blender", "--background", scene, "--render-output", folder / "noisy.####", "--render-anim"]
    subprocess.run(
        [*map(str, words), "--frame-start", "1", "--frame-end", "5"],
        env={**os.environ, "PATH": worker_path},
        check=True,
    )
    return folder
