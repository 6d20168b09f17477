"""Retail CSV as a source: how the file is written, its events, what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leja.connectors.contract import COST_LIST_TOPIC, Context, Decoded, FileShape, RawEvent
from leja.connectors.retail_csv import Settings, meaning, rows, shape
from leja.connectors.retail_csv.wire import INVOICE_TOPIC, UNREADABLE_TOPIC, invoice_decoder
from leja.core import strict_json
from leja.core.errors import Refused


def detect(sample: bytes, settings: Settings) -> FileShape:
    """How the file is written, as stated or as found in its head and some of its lines. Raises Refused ``file-...``."""
    return shape.detected(sample, settings)


def read_file(chunks: Iterable[bytes], file_name: str, settings: Settings) -> Iterator[RawEvent]:
    """One event per invoice, or per standing cost. What is not stated is found in the first chunk."""
    source = iter(chunks)
    head = next(source, b"")
    if not head:
        raise Refused("file-empty", f"the file {file_name} is empty")
    found = shape.detected(head[: head.rfind(b"\n") + 1] or head, settings)
    return rows.events(_with(head, source), found, settings.look_ahead_rows)


def decode(event: RawEvent, context: Context) -> Decoded:
    """The documents of an invoice. Raises Refused where a row cannot be read: the invoice waits as a whole."""
    if event.topic == COST_LIST_TOPIC:
        return Decoded(ignored="a standing cost: it was written to the cost list when the file was read")
    if event.topic == UNREADABLE_TOPIC:
        raise Refused("file-line-unreadable", event.headers.get("leja-unreadable", "a line of the file cannot be read"))
    if event.topic != INVOICE_TOPIC:
        return Decoded(ignored=f"a retail file holds no {event.topic!r}")
    invoice = strict_json.decode(event.body, invoice_decoder)
    return meaning.decoded(invoice, event.key.removeprefix("invoice/"), context)


def _with(head: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
