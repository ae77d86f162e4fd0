"""Every failure ends in words that say what to do."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import pytest
from quietframe_blender.client import Problem, QuietframeError, Unavailable
from quietframe_blender.failure import Failure
from quietframe_blender.messages import details_of, explain, is_on_this_machine, without_service

URL = "http://farm:8080"
ERRORS = Path(__file__).resolve().parents[3] / "src/errors.ts"


def silence(cause):
    error = Unavailable("No answer")
    error.__cause__ = cause
    return explain(error, URL)


def problem(code, status=422, detail="Expected X"):
    return Problem(status, {"type": f"urn:quietframe:problem:{code}", "detail": detail})


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(), "No service runs at"),
        (socket.gaierror(), "no machine of the name"),
        (TimeoutError(), "does not answer"),
        (ssl.SSLError(), "does not speak https"),
        (ConnectionResetError(), "connection to http://farm:8080 was lost"),
        (None, "connection to http://farm:8080 was lost"),
        (problem("overloaded", 503), "busy"),
        (Problem(502, {}), "proxy"),
    ],
)
def test_silence(cause, words):
    assert words in silence(cause)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("unauthenticated", 401, "token"),
        ("missing-layer", 422, "Set Up Passes"),
        ("mismatched-frames", 422, "Frames Together"),
        ("malformed-exr", 422, "Render that frame again"),
        ("too-large", 413, "resolution"),
        ("missing-frames", 404, "QUIETFRAME_FRAME_CACHE"),
        ("not-found", 404, "older than the add-on"),
        ("internal", 500, "log"),
        ("invalid-argument", 400, "Expected X"),
    ],
)
def test_problems(code, status, words):
    assert words in explain(problem(code, status), URL)


def test_lists_of_channels_are_details():
    channels = ", ".join(f"ViewLayer.Pass {n}.R" for n in range(30))
    for code in ("missing-layer", "mismatched-frames", "unsupported-exr", "invalid-argument"):
        error = problem(code, detail=f"Expected a layer but received {channels}")
        assert len(explain(error, URL)) < 200
        assert "Pass 7" not in explain(error, URL)
        assert channels in details_of(error)
    assert details_of(Failure("As it is")) == ""


def test_every_code_of_the_service_has_words():
    codes = re.findall(r"^  '?([a-z-]+)'?: \{", ERRORS.read_text(), re.MULTILINE)
    assert "missing-layer" in codes and "internal" in codes
    for code in codes:
        status = int(re.search(rf"'?{code}'?: {{\s*status: (\d+)", ERRORS.read_text())[1])
        text = explain(problem(code, status), URL)
        assert len(text) > 30
        assert "urn:" not in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Failure("As it is"), "As it is"),
        (QuietframeError("odd"), "not a quietframe service"),
        (FileNotFoundError(2, "No", "a.exr"), "a.exr is not there"),
        (PermissionError(13, "No", "a.exr"), "a.exr may not be"),
        (OSError(28, "No space left on device", "a.exr"), "No space left"),
        (MemoryError(), "memory"),
        (ZeroDivisionError("x"), "unexpected"),
    ],
)
def test_failures_here(error, words):
    assert words in explain(error, URL)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.5", True),
        ("http://[::1]:8080", True),
        ("http://192.168.0.2:8080", False),
        ("https://127.0.0.1.example.com", False),
    ],
)
def test_what_leaves_this_machine(url, here):
    assert is_on_this_machine(url) is here


def test_addresses_that_are_none():
    with pytest.raises(ValueError, match="host"):
        is_on_this_machine("localhost:8080")
    assert "http://127.0.0.1:8080" in without_service("x")
