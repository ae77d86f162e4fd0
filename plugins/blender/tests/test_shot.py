"""Frames on disk: which are there, which belong together, and where results go."""

from __future__ import annotations

import pytest
from quietframe_blender.failure import Failure
from quietframe_blender.shot import Pattern, requests_of_shot


@pytest.fixture
def shot(tmp_path):
    for n in (1, 2, 3, 4, 6, 10000):
        (tmp_path / f"take2.{n:04d}.exr").write_bytes(b"x")
    (tmp_path / "take2.0005.png").write_bytes(b"x")
    (tmp_path / "take2.007.exr").write_bytes(b"x")
    (tmp_path / "take2.0008.exr").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["take2.####.exr", "take2.0003.exr"])
def test_finds_frames_by_pattern_or_by_one_of_them(shot, name):
    pattern = Pattern.of(str(shot / name))
    assert pattern.numbers() == [1, 2, 3, 4, 6, 10000]
    assert pattern.path(12) == shot / "take2.0012.exr"


@pytest.mark.parametrize("name", ["", "shot.exr", "shot.mp4"])
def test_names_without_number(name):
    with pytest.raises(Failure, match="no frame number"):
        Pattern.of(name)


def test_windows_hold_what_is_near(shot):
    frames, output = Pattern.of(str(shot / "take2.####.exr")), Pattern.of(str(shot / "clean/c.##.exr"))
    requests = requests_of_shot(frames, output, together=5, first=2, last=9)
    assert [r.number for r in requests] == [2, 3, 4, 6]
    windows = [[int(f.name.split(".")[1]) for f in r.frames] for r in requests]
    assert windows == [[1, 2, 3, 4], [1, 2, 3, 4], [2, 3, 4, 6], [4, 6]]
    assert [window[r.center] for window, r in zip(windows, requests, strict=True)] == [2, 3, 4, 6]
    assert requests[0].output == shot / "clean/c.02.exr"
    assert requests[0].halves is None


def test_halves_belong_to_their_frame(shot, tmp_path):
    second = tmp_path / "b"
    second.mkdir()
    for n in (1, 2):
        (second / f"b.{n}.exr").write_bytes(b"y")
    frames, halves = Pattern.of(str(shot / "take2.####.exr")), Pattern.of(str(second / "b.#.exr"))
    output = Pattern.of(str(shot / "c.#.exr"))
    request = requests_of_shot(frames, output, second_halves=halves, together=1, last=2)[1]
    assert request.halves == (shot / "take2.0002.exr", second / "b.2.exr")
    assert request.files == request.halves
    with pytest.raises(Failure, match="second half of frame 3 is missing"):
        requests_of_shot(frames, output, second_halves=halves)


def test_never_replaces_renders(shot):
    frames = Pattern.of(str(shot / "take2.####.exr"))
    with pytest.raises(Failure, match="replace a rendered frame"):
        requests_of_shot(frames, frames)


def test_nothing_to_do(shot):
    frames, output = Pattern.of(str(shot / "take2.####.exr")), Pattern.of(str(shot / "c.#.exr"))
    with pytest.raises(Failure, match="no frame like"):
        requests_of_shot(frames, output, first=20, last=30)
    with pytest.raises(Failure, match="not there"):
        requests_of_shot(Pattern.of(str(shot / "none/f.#.exr")), output)
