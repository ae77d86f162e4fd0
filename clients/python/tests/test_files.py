"""Files in every form, and the typed report."""

from __future__ import annotations

import io
import json

import pytest
from test_client import GOOD, client_of, start  # noqa: F401

from quietframe.files import content_of

EVENTS = {"content-type": "text/event-stream"}


def test_takes_bytes_paths_and_files(tmp_path):
    path = tmp_path / "in.exr"
    path.write_bytes(b"exr")
    with open(path, "rb") as file:
        for form in (b"exr", bytearray(b"exr"), path, str(path), file, io.BytesIO(b"exr")):
            assert content_of(form) == b"exr"
    for wrong in (7, None, io.StringIO("exr")):
        with pytest.raises(TypeError, match="Expected an OpenEXR file as bytes, path or file opened in binary mode"):
            content_of(wrong)
    with pytest.raises(FileNotFoundError):
        content_of(tmp_path / "none.exr")


def test_sends_paths_and_lambda(start, tmp_path):  # noqa: F811
    path = tmp_path / "in.exr"
    path.write_bytes(b"exr")
    service = start(GOOD)
    client, _ = client_of(service)
    client.denoise(path, lambda_=2.5)
    assert service.requests[-1][1:2] == ("/farm/v1/denoise?lambda=2.5",)
    assert service.requests[-1][3] == b"exr"
    client.denoise([path, str(path)], lambda_map=io.BytesIO(b"map"))
    body = service.requests[-1][3]
    assert body.count(b'name="frame"') == 2
    assert b'name="lambda"' in body


def test_progress_of_a_frame(start):  # noqa: F811
    lines = [(1, {"progress": 0.5}), (2, {"progress": 0.25}), (3, {"progress": 1, "state": "done"})]
    events = "".join(f"id: {i}\nevent: {'end' if i == 3 else 'progress'}\ndata: {json.dumps(d)}\n\n" for i, d in lines)
    service = start(
        (201, {}, b""),
        (202, {}, b'{"id": "j1"}'),
        (200, EVENTS, events.encode()),
        (200, {}, b'{"model": "kpcn"}'),
        (200, {}, b"denoised"),
        (204, {}, b""),
    )
    client, _ = client_of(service)
    seen = []
    answer = client.denoise(b"exr", progress=seen.append, lambda_=2, outputs="color")
    assert (answer.report, answer.exr) == ({"model": "kpcn"}, b"denoised")
    assert seen == [0.5, 0.5, 0.99, 1.0]
    asked = json.loads(service.requests[1][3])
    assert asked["lambda"] == "2"
    assert len(asked["frames"]) == 1
    assert service.requests[-1][:2] == ("DELETE", "/farm/v1/jobs/j1")
