"""Denoises the files of a shot with a quietframe service: for the Python of Houdini, Gaffer or another host.

Needs the package clients/python (the standard library is all that it needs) and Python 3.10.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from quietframe import Client, Problem

Progress = Callable[[float], object]
PLACEHOLDER = re.compile(r"#+")


def frame_path(pattern: str, frame: int) -> Path:
    """shot.####.exr and 7 are shot.0007.exr."""
    name, count = PLACEHOLDER.subn(lambda run: str(frame).zfill(len(run[0])), pattern)
    if count != 1:
        raise ValueError(f"Expected one run of # for the files but received {pattern}")
    return Path(name)


def put(client: Client, path: Path) -> str:
    try:
        return client.put_frame(path.read_bytes())
    except Problem as problem:
        raise RuntimeError(f"{path}: {problem}") from problem


def denoise_files(
    source: str,
    result: str,
    first: int,
    last: int,
    *,
    url: str = "http://127.0.0.1:8080",
    token: str | None = None,
    window: int = 7,
    progress: Progress = lambda share: None,
    **parameters: str,
) -> list[Path]:
    """Denoises the frames first to last, each with its neighbors, and writes the results; returns their paths.

    `source` and `result` have #### for the frame number; `parameters` are those of POST /v1/denoise. Frames that fail
    are named in the error, after the others are written.
    """
    frames = range(first, last + 1)
    client = Client(url, token=token)
    digests = [put(client, frame_path(source, frame)) for frame in frames]
    job = client.start_sequence(digests, window=window, **parameters)
    for state in client.follow_job(job):
        progress(state["progress"])
    written, failures = [], []
    for index, frame in enumerate(frames):
        path = frame_path(result, frame)
        try:
            answer = client.job_answer(job, index)
        except Problem as problem:
            failures.append(f"frame {frame}: {problem}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answer.exr)
        written.append(path)
    if failures:
        raise RuntimeError("; ".join(failures))
    return written
