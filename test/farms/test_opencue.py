"""The layer of deploy/opencue in the job that OpenCue's own library makes of it."""

import os
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import outline
import outline.cuerun
import pytest
from outline.modules.shell import Shell

from conftest import ROOT, Run

sys.path.insert(0, str(ROOT / "deploy" / "opencue"))
from quietframe_outline import denoise_layer, main  # noqa: E402

EXPECTED = Path(__file__).parent / "opencue-job.xml"


def job_of(text: str) -> ElementTree.Element:
    """The job in a specification, without who submits it."""
    root = ElementTree.fromstring(text[text.index("<spec>") :])
    for name in ("user", "uid", "facility"):
        root.remove(root.find(name))
    ElementTree.indent(root)
    return root


def test_a_job_that_renders_and_denoises_is_the_committed_one() -> None:
    job = outline.Outline("sq010", show="demo", shot="sq010")
    render = Shell("render", command=["render", "#IFRAME#"], range="1001-1100")
    job.add_layer(render)
    names = ("/shots/sq010/noisy.####.exr", "/shots/sq010/clean.####.exr")
    options = ["--aovs", "all", "--report", "it's done.json"]
    job.add_layer(denoise_layer("denoise", *names, "1001-1100", options=options, after=render))
    launcher = outline.cuerun.OutlineLauncher(job, nomail=True)
    made = ElementTree.tostring(job_of(launcher.serialize(use_pycuerun=False)), encoding="unicode")
    assert made.strip() == EXPECTED.read_text().strip()


def test_the_command_of_a_chunk_denoises_its_frames(
    run: Run, noisy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(noisy / "noisy.####.exr"), str(tmp_path / "c.####.exr")]
    main([*names, "1-5", "--chunk", "2", "--cores", "1", "--print", "--options", "--window 1"])
    command = job_of(capsys.readouterr().out).findtext("job/layers/layer/cmd")
    assert command is not None and shlex.split(command, comments=True)[:3] == ["quietframe", "sequence", names[0]]
    for chunk in ("1-2", "3-3", "1-5x4"):
        done = run("sh", "-c", command.replace("#FRAMESPEC#", chunk))
        assert done.returncode == 0, done.stdout
    assert sorted(os.listdir(tmp_path)) == ["c.0001.exr", "c.0002.exr", "c.0003.exr", "c.0005.exr"]
