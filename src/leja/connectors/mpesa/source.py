"""M-Pesa as a source. Each verb is told where it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leja.connectors.contract import Context, Decoded, FileShape, RawEvent
from leja.connectors.mpesa import Settings, meaning, shape, statement
from leja.connectors.mpesa.callbacks import handshake, nudges
from leja.connectors.mpesa.pull import fetch, poll, subscribe
from leja.connectors.mpesa.wire import (
    GAP_TOPIC,
    PULLED_TOPIC,
    ROW_TOPIC,
    UNREADABLE_TOPIC,
    gap_decoder,
    plain_object,
    row_decoder,
)
from leja.core import strict_json
from leja.core.errors import NeedsReview, Refused

__all__ = ["decode", "detect", "fetch", "handshake", "nudges", "poll", "read_file", "subscribe"]


def detect(sample: bytes, settings: Settings) -> FileShape:
    """How a statement is written, as stated or as found. Raises Refused ``file-...``."""
    return shape.detected(sample, settings)


def read_file(chunks: Iterable[bytes], file_name: str, settings: Settings) -> Iterator[RawEvent]:
    """One event per row of an organisation statement. What is not stated is found in the first chunk."""
    source = iter(chunks)
    head = next(source, b"")
    if not head:
        raise Refused("file-empty", f"the file {file_name} is empty")
    found = shape.detected(head[: head.rfind(b"\n") + 1] or head, settings)
    return statement.events(_with(head, source), found, settings)


def decode(event: RawEvent, context: Context) -> Decoded:
    """The document of a receipt or row. Raises Refused for what cannot be read, NeedsReview ``mpesa-gap``."""
    if event.topic == PULLED_TOPIC:
        return meaning.pulled(plain_object(event.body), context)
    if event.topic == ROW_TOPIC:
        return meaning.stated(strict_json.decode(event.body, row_decoder), context)
    if event.topic == GAP_TOPIC:
        since = strict_json.decode(event.body, gap_decoder).since
        raise NeedsReview(
            "mpesa-gap", f"M-Pesa was not asked from {since[:40]} on for so long that it no longer tells all receipts of that time.",
            remedy="Import the organisation statement of those days, then dismiss this.",
        )  # fmt: skip
    if event.topic == UNREADABLE_TOPIC:
        raise Refused("file-line-unreadable", event.headers.get("leja-unreadable", "a line of the file cannot be read"))
    return Decoded(ignored=f"M-Pesa tells no {event.topic[:60]!r}")


def _with(head: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
