"""What a worker runs: the command of docs/farms.md, or of a file in deploy/, with the farm's own signs replaced."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, Run

PAGE = ROOT / "docs" / "farms.md"


def in_page(pattern: str) -> str:
    found = re.search(pattern, PAGE.read_text().replace("\\\n", " "))
    assert found is not None, pattern
    return found[1]


def deadline() -> str:
    words = in_page(r'-arguments "([^"]+)"').replace("<STARTFRAME>", "2").replace("<ENDFRAME>", "3")
    return f"quietframe {words}"


def qube() -> str:
    return in_page(r'"(quietframe[^"]+)"').replace("QB_FRAME_START", "2").replace("QB_FRAME_END", "3")


def tractor() -> str:
    text = (ROOT / "deploy/tractor/quietframe.alf").read_text()
    command = re.search(r"RemoteCmd \{(.+?)\}", text)
    assert command is not None and text.count("{") == text.count("}")
    return command[1].replace("1001-1100", "1-4").replace("$i/10", "2/2")


def afanasy() -> str:
    block = json.loads((ROOT / "deploy/afanasy/quietframe.json").read_text())["job"]["blocks"][0]
    numbers = iter("23")
    return re.sub("@#@", lambda _: next(numbers), block["command"])


def royal_render() -> str:
    command = in_page(r"CommandLine= (.+)")
    for sign, value in {"<Scene>": "noisy.%04d.exr", "<SeqStart>": "2", "<SeqEnd>": "3"}.items():
        command = command.replace(sign, value)
    return command


@pytest.mark.parametrize(
    ("command", "frames"),
    [(deadline, "23"), (qube, "23"), (tractor, "34"), (afanasy, "23"), (royal_render, "23")],
)
def test_the_command_of_a_worker_denoises_its_frames(
    run: Run, noisy: Path, tmp_path: Path, command: Callable[[], str], frames: str
) -> None:
    for frame in noisy.glob("*.exr"):
        (tmp_path / frame.name).symlink_to(frame)
    words = shlex.split(command().replace("/shots/sq010/", ""))
    assert not [word for word in words if re.search(r"[<>@$]", word)], words
    done = run(*words, "--window", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in tmp_path.glob("clean.*")) == [f"clean.000{frame}.exr" for frame in frames]
