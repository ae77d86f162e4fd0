"""Failures in the words of somebody who uses Blender: what happened, and what to do about it."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import urllib.parse

from .client import Problem, QuietframeError, Unavailable
from .failure import Failure

# Characters of what the service says that fit into a message.
_LONGEST_DETAIL = 80
_PREFERENCES = "Preferences > Add-ons > quietframe"


def explain(error: BaseException, url: str) -> str:
    """Message for the user; never a stack trace."""
    if isinstance(error, Failure):
        return str(error)
    if isinstance(error, Unavailable):
        return _explain_silence(error.__cause__, url)
    if isinstance(error, Problem):
        return _explain_problem(error, url)
    if isinstance(error, QuietframeError):
        return f"What answers at {url} is not a quietframe service of this version. Check the address in {_PREFERENCES}"
    if isinstance(error, OSError):
        return _explain_file(error)
    if isinstance(error, MemoryError):
        return "This machine has not enough memory left for the frames"
    return f"Something unexpected went wrong in the add-on: {type(error).__name__}: {error}"


def details_of(error: BaseException) -> str:
    """What the service said itself; empty where it said nothing."""
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    return str(cause) if isinstance(cause, Problem) else ""


def without_service(url: str) -> str:
    """Message for an address that is none."""
    return (
        f"{url!r} is not the address of a service. It is like http://127.0.0.1:8080 or https://denoise.example.com; set"
        f" it in {_PREFERENCES}"
    )


def is_on_this_machine(url: str) -> bool:
    """Whether the address is one that never leaves this machine; raises ValueError where it has no host."""
    host = urllib.parse.urlsplit(url).hostname
    if host is None:
        raise ValueError(f"Expected a host for url but received {url!r}")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _explain_silence(cause: BaseException | None, url: str) -> str:
    if isinstance(cause, Problem):
        return _explain_problem(cause, url)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The certificate of {url} is not trusted by this machine: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"{url} does not speak https. Try http:// instead, in {_PREFERENCES}"
    if isinstance(cause, socket.gaierror):
        return f"There is no machine of the name in {url}. Check the address in {_PREFERENCES}, and the network"
    if isinstance(cause, ConnectionRefusedError):
        return f"No service runs at {url}. Press Start Local Service, or check the address in {_PREFERENCES}"
    if isinstance(cause, TimeoutError):
        return f"{url} does not answer. The network or the service is down, or a firewall is in between"
    return f"The connection to {url} was lost and could not be made again. Try once more, or look at the service's log"


def _explain_problem(problem: Problem, url: str) -> str:
    detail = details_of(problem)
    # Lists of channels are shown when they are asked for.
    brief = f": {detail}" if len(detail) <= _LONGEST_DETAIL else ""
    if problem.status in (401, 403):
        return f"The service at {url} does not accept the token, or needs one. Enter it in {_PREFERENCES}"
    told = {
        "missing-layer": "The render lacks a pass. Press Set Up Passes and render again",
        "mismatched-frames": (
            "Frames that belong together differ in size or passes. Render them with the same settings, or set"
            " Frames Together to 1"
        ),
        "malformed-exr": f"A file is damaged or was not written to its end{brief}. Render that frame again",
        "unsupported-exr": f"A file cannot be read{brief}. Render to OpenEXR MultiLayer with the codec ZIP",
        "too-large": (
            f"The frame is larger than the service allows{brief}. Lower Frames Together or the resolution, or run a"
            " service with more memory"
        ),
        "missing-frames": (
            "The service does not keep frames long enough for all of them. Lower Frames Together, or start the service"
            " with a larger frame cache (QUIETFRAME_FRAME_CACHE)"
        ),
        "unknown-model": f"The service does not have this model{brief}. Choose another Quality",
        "too-many-requests": f"Your share of the service is used up{brief}. Try later",
        "overloaded": f"The service at {url} is busy with other work. Try later",
        "deadline-exceeded": f"The service at {url} was too slow to finish in time. Try later",
        "cancelled": "The service has cancelled the work, as it does when it is stopped. Try again",
    }.get(problem.code)
    if told is not None:
        return told
    if not problem.code:
        return (
            f"What answers at {url} is not a quietframe service, or a proxy before it fails (HTTP {problem.status})."
            f" Check the address in {_PREFERENCES}"
        )
    if problem.status in (404, 405):
        return f"The service at {url} does not know this request; it may be older than the add-on{brief}"
    if problem.status >= 500:
        return f"The service at {url} has failed{brief}. Its log tells more"
    return f"The service refuses the request{brief}"


def _explain_file(error: OSError) -> str:
    name = error.filename or "a file"
    if isinstance(error, FileNotFoundError):
        return f"{name} is not there"
    if isinstance(error, PermissionError):
        return f"{name} may not be read or written. Choose another folder, or change its permissions"
    return f"{name} could not be read or written: {error.strerror or error}"
