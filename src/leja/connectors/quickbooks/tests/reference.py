"""The vendor's samples as answers: documents with what they move, customers, refusals; and webhooks as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from leja.connectors.contract import Context, RawEvent
from leja.connectors.quickbooks.documents import Places, remote_document, state_of
from leja.connectors.quickbooks.faults import fault_in, outcome_of
from leja.connectors.quickbooks.read_back import POSTING
from leja.connectors.quickbooks.source import webhooks
from leja.connectors.quickbooks.wire import Record
from tests.connectors.reference import delivered

CONTEXT = Context(settings=None, zone="UTC")
PLACES = Places(items={}, receivable="84", home_currency="USD")
# A body to be created does not say what it is; its file does.
KINDS = {kind.lower(): kind for kind in (*POSTING, "Customer")}


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """A delivery in today's form; decoding says that it is read back."""
    return delivered(webhooks, body)


def answers(name: str, body: bytes) -> Iterator[object]:
    """What is read in it: what a refusal means, or each document and customer."""
    if (fault := fault_in(body)) is not None:
        yield outcome_of(fault, datetime(2026, 6, 1, tzinfo=UTC))
        return
    for kind, row in _records(name, json.loads(body)):
        record = msgspec.json.decode(json.dumps(row).encode(), type=Record)
        if kind == "Customer":
            yield remote_document(kind, record, "USD")
        elif kind in POSTING and (record.line or record.total_amt or record.doc_number):
            yield state_of(kind, record, PLACES)


def _records(name: str, said: Any) -> Iterator[tuple[str, Any]]:
    """Documents in an answer to a query or a capture, in a batch, or a whole body."""
    if isinstance(said, list):
        return
    for envelope in [said, *said.get("CDCResponse", []), *said.get("BatchItemRequest", [])]:
        for part in [envelope, *_listed(envelope.get("QueryResponse", {}))]:
            for kind in KINDS.values():
                yield from ((kind, row) for row in _listed(part.get(kind, [])))
    if "Line" in said or "DisplayName" in said:
        yield KINDS.get(name.partition("_")[0], ""), said


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
