"""The examples for Nuke, Houdini and Gaffer with a real service, and a stand-in for Nuke's module."""

import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MAIN, ROOT

HOSTS = ROOT / "examples" / "hosts"
sys.path[:0] = [str(HOSTS), str(ROOT / "clients" / "python")]
from quietframe_files import denoise_files, frame_path  # noqa: E402


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    words = ["node", str(MAIN), "serve", "--port", "0", "--log", "error"]
    env = {**os.environ, "QUIETFRAME_THREADS": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=env, text=True) as process:
        assert process.stdout is not None
        url = re.search(r"http://\S+", process.stdout.readline())
        assert url is not None
        yield url[0].rstrip("/")
        process.terminate()


def test_denoises_the_files_of_a_shot(service: str, noisy: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    source, result = str(noisy / "noisy.####.exr"), str(tmp_path / "out" / "clean.####.exr")
    options = {"url": service, "window": 3, "progress": shares.append, "lambda": "2"}
    written = denoise_files(source, result, 2, 3, **options)
    assert [path.name for path in written] == ["clean.0002.exr", "clean.0003.exr"]
    assert all(path.read_bytes()[:4] == b"v/1\x01" for path in written)
    assert shares == sorted(shares) and shares[-1] == 1


def test_names_frames_that_fail_and_writes_the_others(service: str, noisy: Path, tmp_path: Path) -> None:
    for frame in (1, 2):
        (tmp_path / f"n.{frame}.exr").write_bytes((noisy / f"noisy.000{frame}.exr").read_bytes())
    (tmp_path / "n.3.exr").write_bytes((noisy / "noisy.0003.exr").read_bytes()[:-4000] + bytes(4000))
    with pytest.raises(RuntimeError, match="^frame 3: ") as failure:
        denoise_files(str(tmp_path / "n.#.exr"), str(tmp_path / "c.#.exr"), 1, 3, url=service)
    assert ";" not in str(failure.value)
    assert sorted(path.name for path in tmp_path.glob("c.*")) == ["c.1.exr", "c.2.exr"]
    (tmp_path / "n.2.exr").write_bytes(b"no picture")
    with pytest.raises(RuntimeError, match="n.2.exr: Expected the number 20000630"):
        denoise_files(str(tmp_path / "n.#.exr"), str(tmp_path / "c.#.exr"), 1, 3, url=service)
    with pytest.raises(ValueError, match="one run of #"):
        frame_path("still.exr", 1)


class Knob:
    def __init__(self, value: object = None) -> None:
        self.held = value

    def value(self) -> object:
        return self.held

    def evaluate(self) -> object:
        return self.held

    def setValue(self, value: object) -> None:  # noqa: N802 (Nuke's name)
        self.held = value

    def execute(self) -> None:
        self.held = "executed"


class Node(dict):
    def __missing__(self, name: str) -> Knob:
        self[name] = Knob()
        return self[name]

    def name(self) -> str:
        return "quietframe1"

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def test_the_button_of_the_gizmo_writes_denoises_and_reads(service: str, noisy: Path, tmp_path: Path) -> None:
    gizmo = (HOSTS / "quietframe.gizmo").read_text()
    inner = {name: Node() for name in re.findall(r"^  name (\w+)$", gizmo, re.M)}
    messages: list[str] = []
    nuke = types.ModuleType("nuke")

    def execute(write: Node, first: int, last: int) -> None:
        for frame in range(first, last + 1):
            name = write["file"].value().replace("####", f"{frame:04d}")
            Path(name).write_bytes((noisy / f"noisy.{frame:04d}.exr").read_bytes())

    task = types.SimpleNamespace(setProgress=lambda percent: None)
    vars(nuke).update(
        toNode=inner.__getitem__, execute=execute, message=messages.append, ProgressTask=lambda name: task
    )
    sys.modules["nuke"] = nuke
    import quietframe_nuke

    knobs = re.findall(r"^ addUserKnob \{\d+ (\w+)", gizmo, re.M)
    assert {"url", "token", "folder", "first", "last", "window", "lambda", "denoise"} <= set(knobs)
    assert "quietframe_nuke.denoise(nuke.thisNode())" in gizmo
    values = {"url": service, "token": "", "folder": str(tmp_path), "first": 1, "last": 2, "window": "3", "lambda": 1.0}
    node = Node({name: Knob(value) for name, value in values.items()})
    quietframe_nuke.denoise(node)
    assert messages == []
    assert inner["Switch1"]["which"].value() == 1 and inner["Read1"]["last"].value() == 2
    assert frame_path(inner["Read1"]["file"].value(), 2).exists()
    inner["Switch1"]["which"].setValue(0)
    node["url"].setValue("not a service")
    quietframe_nuke.denoise(node)
    node["folder"].setValue("")
    quietframe_nuke.denoise(node)
    assert len(messages) == 2 and messages[1] == "Choose a folder for the files"
    assert inner["Switch1"]["which"].value() == 0
