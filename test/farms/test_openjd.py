"""The job bundles of deploy/openjd, run by Open Job Description's own command line."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, Run

BUNDLES = ROOT / "deploy" / "openjd"


def openjd(run: Run, bundle: str, *words: str, **parameters: object) -> str:
    given = [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]
    done = run("openjd", "run", BUNDLES / bundle / "template.yaml", *given, *words)
    assert done.returncode == 0, done.stdout
    return done.stdout


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("bundle", ["denoise", "render-and-denoise"])
def test_a_bundle_is_valid_and_takes_the_values_beside_it(run: Run, bundle: str) -> None:
    template, values = BUNDLES / bundle / "template.yaml", BUNDLES / bundle / "parameter_values.yaml"
    checked = run("openjd", "check", template)
    assert checked.returncode == 0, checked.stdout
    given = {value["name"]: value["value"] for value in yaml.safe_load(values.read_text())["parameterValues"]}
    words = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
    summary = run("openjd", "summary", template, *words)
    assert summary.returncode == 0, summary.stdout
    assert "Total tasks: " in summary.stdout


def test_denoises_chunks_and_reports_progress(run: Run, noisy: Path, tmp_path: Path) -> None:
    log = openjd(
        run,
        "denoise",
        **{"InputFolder": noisy, "OutputFolder": tmp_path / "clean", "Frames": "1-5", "FramesPerTask": 3, "Window": 3},
        Options="--lambda 2 --alpha copy",
    )
    assert names(tmp_path / "clean") == [f"clean.000{frame}.exr" for frame in range(1, 6)]
    assert re.findall(r"Frames\(CHUNK\[INT\]\) = (\S+)", log) == ["1-3", "4-5"]
    assert re.findall(r"openjd_progress: (\S+)", log) == ["0.0", "33.3", "66.7", "100.0", "0.0", "50.0", "100.0"]
    assert "openjd_status: 3 of 3 frames denoised" in log
    # A task that runs again has nothing to do.
    again = openjd(
        run,
        "denoise",
        **{"InputFolder": noisy, "OutputFolder": tmp_path / "clean", "Frames": "1-5:2", "Window": 3},
        Options="--lambda 2 --alpha copy",
    )
    assert again.count("0 denoised, 1 already done") == 3


def test_a_failed_task_says_why(run: Run, noisy: Path, tmp_path: Path) -> None:
    parameters = {"InputFolder": noisy, "OutputFolder": tmp_path, "Frames": "9"}
    words = [word for name, value in parameters.items() for word in ("-p", f"{name}={value}")]
    done = run("openjd", "run", BUNDLES / "denoise" / "template.yaml", *words)
    assert done.returncode != 0
    assert 'openjd_fail: Expected numbers of frames that exist for --frames but received "9-9"' in done.stdout


def test_renders_all_frames_before_it_denoises_them(run: Run, tmp_path: Path) -> None:
    scene = tmp_path / "scene.blend"
    scene.touch()
    log = openjd(
        run,
        "render-and-denoise",
        "--step",
        "Denoise",
        "--run-dependencies",
        **{"Scene": scene, "OutputFolder": tmp_path, "Frames": "-1-3", "FramesPerRender": 2, "FramesPerTask": 3},
        Window=3,
    )
    assert names(tmp_path / "clean") == [
        *("clean.-0001.exr", "clean.0000.exr", "clean.0001.exr", "clean.0002.exr", "clean.0003.exr"),
    ]
    assert log.rindex("Fra:3 Saved") < log.index("openjd_progress: 0.0")
    inspected = run("quietframe", "inspect", tmp_path / "clean" / "clean.-0001.exr")
    assert inspected.returncode == 0 and "64 x 48" in inspected.stdout, inspected.stdout


def test_lines_of_progress_are_for_sessions_and_for_who_asks(run: Run, noisy: Path, tmp_path: Path) -> None:
    def lines(*words: str, **env: str) -> int:
        result = tmp_path / "c.####.exr"
        done: subprocess.CompletedProcess[str] = run(
            "quietframe", "sequence", noisy / "noisy.####.exr", "-o", result, "--frames", "1", *words, **env
        )
        assert done.returncode == 0, done.stdout
        return done.stdout.count("openjd_progress: ")

    session = {"OPENJD_SESSION_WORKING_DIR": str(tmp_path)}
    window = ("--window", "1", "--force")
    assert lines(*window) == 0
    assert lines(*window, **session) == 2
    assert lines(*window, "--progress", "openjd") == 2
    assert lines(*window, "--progress", "bar", **session) == 0
