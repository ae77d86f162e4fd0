"""Bodies of several parts; their contents are binary and stay as they are."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence


def form(parts: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Content type and body of a `multipart/form-data` of OpenEXR files with these names."""
    boundary = secrets.token_hex(16)
    pieces = []
    for name, content in parts:
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.exr"\r\n'
            "Content-Type: image/x-exr\r\n\r\n"
        )
        pieces += [head.encode(), content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)


def parts_of_mixed(content_type: str, body: bytes) -> list[bytes]:
    """Contents of the parts of a `multipart/mixed` body, in order; none where the type has no boundary."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    if found is None:
        return []
    boundary = b"--" + found[1].encode()
    contents = []
    at = body.find(boundary)
    while at >= 0:
        begin = body.find(b"\r\n\r\n", at)
        end = body.find(b"\r\n" + boundary, at + len(boundary))
        if begin < 0 or end < 0:
            break
        contents.append(body[begin + 4 : end])
        at = end + 2
    return contents
