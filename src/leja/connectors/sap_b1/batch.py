"""A change set of Service Layer: several requests in one body, of which all happen or none.

Guide 1.26, 3.10: ``$batch`` is multipart/mixed, a change set a multipart of its own inside; Content-ID is mandatory in
OData 4. The answer is 200 whatever came of it: a change set that failed has one part, its first refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_BLANK: Final = re.compile(rb"\r?\n\r?\n")


class Request(msgspec.Struct, frozen=True):
    """A POST in a change set."""

    path: str
    body: bytes


class Part(msgspec.Struct, frozen=True):
    """The answer to one request."""

    status: int
    body: bytes


def change_set(name: str, requests: Sequence[Request]) -> tuple[str, bytes]:
    """Content type and body of a batch with one change set. ``name`` makes the boundaries, so equal things look equal."""
    outer, inner = f"batch_{name}", f"changeset_{name}"
    lines = [f"--{outer}", f"Content-Type: multipart/mixed;boundary={inner}", ""]
    parts = [line.encode() for line in lines]
    for number, request in enumerate(requests, start=1):
        head = [f"--{inner}", "Content-Type: application/http", "Content-Transfer-Encoding: binary",
                f"Content-ID: {number}", "", f"POST {request.path}", "Content-Type: application/json", ""]  # fmt: skip
        parts += [line.encode() for line in head]
        parts.append(request.body)
    parts += [f"--{inner}--".encode(), f"--{outer}--".encode(), b""]
    return f"multipart/mixed;boundary={outer}", b"\r\n".join(parts)


def answers(content_type: str, body: bytes) -> list[Part]:
    """The answers in a batch's answer, change sets unfolded; none where the body cannot be read."""
    return list(_parts(content_type, body))


def _parts(content_type: str, body: bytes) -> Iterator[Part]:
    match = _BOUNDARY.search(content_type)
    if match is None:
        return
    for piece in re.split(rb"(?:^|\r?\n)--" + re.escape(match.group(1).encode()), body)[1:]:
        if piece.startswith(b"--"):
            return
        head, _, content = _cut(piece)
        kind = re.search(rb"content-type:\s*([^\r\n]+)", head, re.IGNORECASE)
        if kind and kind.group(1).lower().startswith(b"multipart/mixed"):
            yield from _parts(kind.group(1).decode("latin-1"), content)
            continue
        status = _STATUS.search(content)
        if status is not None:
            yield Part(int(status.group(1)), _cut(content)[2].strip())


def _cut(text: bytes) -> tuple[bytes, bytes, bytes]:
    match = _BLANK.search(text)
    return (text, b"", b"") if match is None else (text[: match.start()], match.group(), text[match.end() :])
