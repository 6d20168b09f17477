"""The vendor's samples as answers: documents with what they move, the chart's parts, refusals; and webhooks as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from leja.connectors.contract import Context, RawEvent
from leja.connectors.xero.documents import COLLECTIONS, Places, remote_document, state_of
from leja.connectors.xero.faults import errors_of, outcome_of_status, refusal
from leja.connectors.xero.source import handshake, webhooks
from leja.connectors.xero.wire import Account, Currency, Organisation, Record, TaxRate
from leja.http.signatures import signed
from tests.connectors.reference import delivered

CONTEXT = Context(settings=None, zone="UTC")
PLACES = Places(known={}, receivable="610", payable="800", tax="820", rounding="860", home_currency="NZD")
PARTS = {"Accounts": Account, "TaxRates": TaxRate, "Organisations": Organisation, "Currencies": Currency}


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """A delivery with events in it; decoding says that they are read back."""
    return delivered(webhooks, body)


def answers(name: str, body: bytes) -> Iterator[object]:
    """What is read in it: what a refusal means, each document, contact and part of the chart."""
    said = json.loads(body)
    status = said.get("Status") if isinstance(said.get("Status"), int) else 400 if said.get("Type") == "ValidationException" else 200
    outcome = outcome_of_status(status, body, datetime(2026, 6, 1, tzinfo=UTC))
    yield from [outcome] if outcome is not None else []
    if said.get("events") == []:
        yield handshake({"x-xero-signature": signed("k", body)}, body, ("k",))
    for collection, rows in said.items():
        for row in rows if isinstance(rows, list) else []:
            yield from _read(collection, row)


def _read(collection: str, row: dict[str, Any]) -> Iterator[object]:
    content = json.dumps(row).encode()
    if collection in PARTS:
        yield msgspec.json.decode(content, type=PARTS[collection])
    elif collection in COLLECTIONS or collection == "Contacts":
        record = msgspec.json.decode(content, type=Record)
        if words := errors_of(record):
            yield refusal(words)
        else:
            yield remote_document(collection, record, "NZD") if collection == "Contacts" else state_of(collection, record, PLACES)
