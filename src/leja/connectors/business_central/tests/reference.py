"""The vendor's samples as answers: sales documents, journals, the chart's parts and batches; and its notification as an event."""

from __future__ import annotations

import json
from collections.abc import Iterator

from leja.connectors.business_central import wire
from leja.connectors.business_central.api import decoded
from leja.connectors.business_central.standing import sales_document
from leja.connectors.contract import Context, RawEvent

CONTEXT = Context(settings=None, zone="UTC")
SALES = {"salesinvoice": ("SalesInvoice", wire.Invoice), "salescreditmemo": ("SalesCreditMemo", wire.CreditMemo)}
# The page that a sample comes from -> what is read of such things.
SHAPES = {
    "account": wire.Account, "customer": wire.Customer, "taxgroup": wire.TaxGroup, "journal": wire.JournalBatch, "journalline": wire.Line,
    "customerpaymentjournal": wire.PaymentBatch, "customerpayment": wire.Line, "salesinvoiceline": wire.Line,
    "salescreditmemoline": wire.Line, "subscriptions": wire.Subscription,
}  # fmt: skip


def events(name: str, body: bytes) -> Iterator[RawEvent]:
    """Each notification of a delivery; decoding says that what it names is read back."""
    for one in json.loads(body)["body"].get("value", []):
        if "subscriptionId" in one and "changeType" in one:
            yield RawEvent(key="k", topic=one["resource"], body=json.dumps(one).encode())


def answers(name: str, body: bytes) -> Iterator[object]:
    """What is read in it."""
    said, kind = json.loads(body)["body"], name.partition("_")[0]
    content = json.dumps(said).encode()
    if kind in SALES:
        row = decoded(content, SALES[kind][1])
        yield sales_document(SALES[kind][0], row, "USD")
    elif kind in SHAPES:
        yield decoded(content, SHAPES[kind])
    elif "responses" in said:
        yield from decoded(content, wire.Parts).responses
