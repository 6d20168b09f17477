"""The content of an imported file: unpacked, hashed, sampled and cut into lines, always streamed."""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

import msgspec

from leja.core.errors import Refused

CHUNK: Final = 64 * 1024
HEAD: Final = 128 * 1024
SAMPLE_LINES_MAX: Final = 20_000
LINE_MAX: Final = 8 * 1024 * 1024
_FOREIGN_LINE: Final = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n")
_MARK: Final = b"\xef\xbb\xbf"


class Surveyed(msgspec.Struct, frozen=True, kw_only=True):
    """What one reading of the whole file found: the digest of its content, a sample of whole lines, which form it
    has."""

    digest: bytes
    size: int
    sample: bytes
    form: Literal["json_lines", "table"]


def survey(path: Path) -> Surveyed:
    """Read the file once. Raises Refused ``file-absent``, ``file-truncated``, ``file-empty``."""
    digest, size, head = hashlib.sha256(), 0, b""
    lines: list[bytes] = []
    tail = b""
    for chunk in chunks(path):
        digest.update(chunk)
        size += len(chunk)
        if len(head) < HEAD:
            head += chunk
        elif len(lines) < SAMPLE_LINES_MAX:
            lines += _some_lines(chunk)
        tail = (tail + chunk)[-CHUNK:]
    if not head.strip():
        raise Refused("file-empty", f"the file {path.name} is empty")
    form: Literal["json_lines", "table"] = "json_lines" if head.removeprefix(_MARK).lstrip()[:1] == b"{" else "table"
    sample = head
    if size > len(head):
        sample = head[: head.rfind(b"\n") + 1] + b"".join(lines) + tail[tail.find(b"\n") + 1 :]
    return Surveyed(digest=digest.digest(), size=size, sample=sample, form=form)


def chunks(path: Path) -> Iterator[bytes]:
    """The content in pieces, unpacked if it is gzip. The first piece holds whole lines enough to judge the file by."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            source = cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if packed else raw
            size = HEAD
            while chunk := source.read(size):
                yield chunk
                size = CHUNK
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Refused("file-truncated", f"the file {path.name} cannot be unpacked: {error}") from None
    except OSError as error:
        raise Refused("file-absent", f"the file {path.name} cannot be read: {error.strerror}") from None


def lines(path: Path) -> Iterator[bytes | None]:
    """The content line by line without line ends; None for a line longer than ``LINE_MAX``, which is not held."""
    rest, too_long = b"", False
    for chunk in chunks(path):
        *whole, last = chunk.split(b"\n")
        for piece in whole:
            yield None if too_long else (rest + piece).removesuffix(b"\r")
            rest, too_long = b"", False
        rest += last
        if len(rest) > LINE_MAX:
            rest, too_long = b"", True
    if rest or too_long:
        yield None if too_long else rest


def _some_lines(chunk: bytes) -> list[bytes]:
    """One whole line of the chunk, and one with a byte that is not ASCII, if there is one."""
    start = chunk.find(b"\n") + 1
    end = chunk.find(b"\n", start) + 1
    found = [chunk[start:end]] if start and end else []
    if start and not chunk.isascii():
        foreign = _FOREIGN_LINE.search(chunk, start)
        if foreign:
            found.append(foreign.group())
    return found
