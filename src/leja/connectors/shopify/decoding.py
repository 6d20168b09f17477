"""An event to documents: which shape it has, and what a topic can mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from msgspec.structs import replace

from leja.connectors.contract import GONE_TOPIC, Context, Decoded, Gone, RawEvent, Wanted
from leja.connectors.shopify import graphql, graphql_wire, payouts, rest, wire
from leja.connectors.shopify.meaning import day_of, documents_of
from leja.connectors.shopify.reading import external, read, version
from leja.core.clock import instant
from leja.core.errors import LejaError, Refused
from leja.core.money import zero
from leja.documents.document import from_facts
from leja.documents.header import Header
from leja.documents.sale import Sale

ORDER_NODE: Final = "graphql/order"
PAYOUT_NODE: Final = "graphql/payout"
_ORDER_TOPICS: Final = frozenset(
    f"orders/{what}"
    for what in ("create", "paid", "updated", "edited", "cancelled", "fulfilled", "partially_fulfilled")
)
_POINTS_AT_ORDER: Final = ("order_transactions/", "refunds/", "fulfillments/", "order_edits/", "returns/")
_NOT_OURS: Final = ("app/", "customers/", "shop/", "inventory_", "products/", "disputes/", "bulk_operations/",
                    "tender_transactions/", "draft_orders/")


def decode(event: RawEvent, context: Context) -> Decoded:
    """What an event means. Pure; raises Refused for what cannot be read."""
    try:
        return _decode(event, context)
    except LejaError:
        raise
    except (ValueError, OverflowError, ArithmeticError) as error:
        raise Refused("shopify-value", f"{event.topic}: a value is out of any range: {type(error).__name__}") from error


def _decode(event: RawEvent, context: Context) -> Decoded:
    topic = event.topic.lower()
    if topic in _ORDER_TOPICS:
        return _order(event, context)
    if topic == ORDER_NODE:
        order, unread = read(event.body, graphql_wire.Order)
        with _named(order.name):
            documents, ties = documents_of(graphql.facts_of(order), context)
        return Decoded(documents=documents, unread=unread, ties=ties)
    if topic == PAYOUT_NODE:
        return payouts.decode(event.body, context)
    if topic == "orders/delete":
        return Decoded(documents=(_deleted(event, context),))
    if topic == GONE_TOPIC:
        return _gone(event)
    if topic.startswith(_POINTS_AT_ORDER):
        thin = read(event.body, wire.Thin)[0]
        if thin.order_id is None:
            return Decoded(ignored=f"{topic} names no order")
        return Decoded(wanted=(Wanted(kind="order", external_id=external(thin.order_id)),))
    if topic.startswith(_NOT_OURS):
        return Decoded(ignored=f"{topic} says nothing about sales or money")
    raise Refused("shopify-topic", f"{event.topic[:80]!r} is no topic that is known here")


def _order(event: RawEvent, context: Context) -> Decoded:
    order, unread = read(event.body, wire.Order)
    with _named(order.name):
        if rest.must_be_fetched(order):
            return Decoded(wanted=(Wanted(kind="order", external_id=str(order.id)),), unread=unread)
        documents, ties = documents_of(rest.facts_of(order), context)
    return Decoded(documents=documents, unread=unread, ties=ties)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Says in a refusal which order it is about, as the merchant calls it."""
    try:
        yield
    except LejaError as error:
        if name not in error.message:
            error.message = f"order {name}: {error.message}"
        raise


def _deleted(event: RawEvent, context: Context) -> Sale:
    """An order that was deleted: the body holds the id alone, the time stands in a header."""
    thin = read(event.body, wire.Thin)[0]
    at = event.headers.get("x-shopify-triggered-at") or event.headers.get("shopify-triggered-at")
    if not at:
        raise Refused("shopify-topic", "orders/delete came without the time it was triggered at")
    moment = instant(at)
    header = Header(
        external_id=external(thin.id),
        version=version(at, "2"),
        occurred_at=moment,
        business_day=day_of(moment, "", context),
        currency=context.base_currency,
        withdrawn=True,
    )
    return Sale(header=header, lines=(), total=zero(context.base_currency))


def _gone(event: RawEvent) -> Decoded:
    """A thing that the proof no longer finds: its last document, withdrawn."""
    gone = read(event.body, Gone)[0]
    if not gone.facts:
        return Decoded(ignored=f"{gone.kind} {gone.external_id} is gone and was never booked")
    try:
        document = from_facts(gone.facts.encode())
    except msgspec.MsgspecError as error:
        raise Refused("json-shape", f"the last facts of {gone.kind} {gone.external_id} are unreadable") from error
    stamp = f"{version(gone.found_at.isoformat(), '2')}"
    header = replace(document.header, withdrawn=True, version=max(stamp, f"{document.header.version}+gone"))
    return Decoded(documents=(replace(document, header=header),))
