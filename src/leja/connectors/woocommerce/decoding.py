"""An event to documents: which shape it has, and what a topic can mean."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from leja.connectors.contract import GONE_TOPIC, Context, Decoded, Gone, RawEvent, Wanted
from leja.connectors.woocommerce.meaning import documents_of, unread_meta
from leja.connectors.woocommerce.reading import read, version
from leja.connectors.woocommerce.wire import Order, Told, Whole
from leja.core.clock import utc
from leja.core.errors import LejaError, Refused
from leja.documents.document import from_facts

WHOLE: Final = "rest/order"
READ_AT: Final = "leja-read-at"
_ORDER_TOPICS: Final = ("order.created", "order.updated", "order.restored")
_NOT_OURS: Final = ("product.", "customer.", "coupon.")


def decode(event: RawEvent, context: Context) -> Decoded:
    """What an event means. Pure; raises Refused for what cannot be read."""
    try:
        return _decode(event, context)
    except LejaError:
        raise
    except (ValueError, OverflowError, ArithmeticError) as error:
        words = f"{event.topic[:40]}: a value is out of any range: {type(error).__name__}"
        raise Refused("woocommerce-value", words) from error


def _decode(event: RawEvent, context: Context) -> Decoded:
    topic = event.topic.lower()
    if topic == WHOLE:
        return _whole(event, context)
    if topic == GONE_TOPIC:
        return _gone(event)
    if topic in _ORDER_TOPICS:
        return _told(event, context)
    if topic == "order.deleted":
        # Trashed or gone for good: its body is the id alone, so the shop is asked which, and since when.
        return _wanted(read(event.body, Told)[0].id, topic)
    if topic.startswith("action."):
        return _wanted(read(event.body, Told)[0].arg, topic)
    if topic.startswith(_NOT_OURS):
        return Decoded(ignored=f"{topic} says nothing about sales or money")
    raise Refused("woocommerce-topic", f"{event.topic[:80]!r} is no topic that is known here")


def _wanted(number: object, topic: str) -> Decoded:
    if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
        return Decoded(ignored=f"{topic} names no order")
    return Decoded(wanted=(Wanted(kind="order", external_id=str(number)),))


def _told(event: RawEvent, context: Context) -> Decoded:
    """A webhook's body: the order as it stood when the shop's queue ran, or a signed error if it was gone by then."""
    if read(event.body, Told)[0].id is None:
        return Decoded(ignored="the order was gone when its webhook was sent; what is gone the proof finds by its id")
    order, unread = read(event.body, Order)
    if order.refunds:
        return Decoded(wanted=(Wanted(kind="order", external_id=str(order.id)),), unread=unread)
    documents, ties = documents_of(order, (), context, version(order.date_modified_gmt, "0"))
    return Decoded(documents=documents, unread=(*unread, *unread_meta(order, (), context)), ties=ties)


def _whole(event: RawEvent, context: Context) -> Decoded:
    whole, unread = read(event.body, Whole)
    order, refunds = whole.order, whole.refunds
    # Two states may bear one second: the one that was read later is the later one.
    stamp = version(order.date_modified_gmt, f"1/{event.headers.get(READ_AT, '')}")
    documents, ties = documents_of(order, refunds, context, stamp)
    return Decoded(documents=documents, unread=(*unread, *unread_meta(order, refunds, context)), ties=ties)


def _gone(event: RawEvent) -> Decoded:
    """A thing that its shop no longer has: its last document, withdrawn."""
    gone = read(event.body, Gone)[0]
    if not gone.facts:
        return Decoded(ignored=f"{gone.kind} {gone.external_id} is gone and was never booked")
    try:
        document = from_facts(gone.facts.encode())
    except msgspec.MsgspecError as error:
        raise Refused("json-shape", f"the last facts of {gone.kind} {gone.external_id} are unreadable") from error
    stamp = f"{utc(gone.found_at):%Y-%m-%dT%H:%M:%SZ}/2"
    header = replace(document.header, withdrawn=True, version=max(stamp, f"{document.header.version}+gone"))
    return Decoded(documents=(replace(document, header=header),))
