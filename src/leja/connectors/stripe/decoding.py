"""An event to documents, or to what must be read before it can be decided on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from leja.connectors.contract import GONE_TOPIC, Context, Decoded, Gone, RawEvent, Wanted
from leja.connectors.stripe.billing import decode_credit_note, decode_dispute, decode_invoice
from leja.connectors.stripe.charges import decode_charge, decode_refund
from leja.connectors.stripe.payouts import decode_movement, decode_payout, decode_topup
from leja.connectors.stripe.reading import decoded, moment, settings_of, strict, version
from leja.connectors.stripe.wire import Answer, Event, Named
from leja.core.errors import LejaError, Refused
from leja.documents.document import from_facts

OBJECT: Final = "object/"
_READERS: Final[Mapping[str, Callable[[Answer, Context], Decoded]]] = {
    "charge": decode_charge, "refund": decode_refund, "payout": decode_payout, "topup": decode_topup, "dispute": decode_dispute,
    "invoice": decode_invoice, "credit_note": decode_credit_note, "balance_transaction": decode_movement,
}  # fmt: skip
# Beginning of an event's type -> what to read; the first that fits.
_WANTED: Final = (
    ("charge.refunded", "refunds"), ("charge.refund.", "refund"), ("charge.dispute.", "dispute"), ("charge.", "charge"),
    ("refund.", "refund"), ("payment_intent.succeeded", "payment_intent"), ("payout.", "payout"), ("topup.", "topup"),
    ("invoice.created", ""), ("invoice.deleted", ""), ("invoice.upcoming", ""), ("invoice.finalization_failed", ""), ("invoice.", "invoice"),
    ("invoice_payment.paid", "paid"), ("credit_note.", "credit_note"), ("checkout.session.completed", "checkout"),
    ("checkout.session.async_payment_succeeded", "checkout"),
)  # fmt: skip
_QUIET: Final = frozenset({"charge.pending", "charge.expired", "payout.created", "topup.created", "topup.failed", "topup.canceled"})
_TYPE: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+\Z")


def decode(event: RawEvent, context: Context) -> Decoded:
    """What an event means. Pure; raises Refused for what cannot be read."""
    try:
        if event.topic.startswith(OBJECT):
            return _object(event, context)
        return _gone(event) if event.topic == GONE_TOPIC else _told(event, context)
    except LejaError:
        raise
    except (ValueError, OverflowError, ArithmeticError, RecursionError) as error:
        raise Refused("stripe-value", f"{event.topic[:80]}: a value is out of any range: {type(error).__name__}") from error


def _object(event: RawEvent, context: Context) -> Decoded:
    reader = _READERS.get(event.topic.removeprefix(OBJECT))
    if reader is None:
        raise Refused("stripe-topic", f"{event.topic[:80]!r} is no topic that is known here")
    return reader(strict(event.body, Answer), context)


def _told(event: RawEvent, context: Context) -> Decoded:
    """A webhook or an event of the list: the object is read, as it is by then; a dispute's own snapshot says when it ended."""
    told = strict(event.body, Event)
    kind = told.type.removeprefix("v1.")
    if not _TYPE.match(kind):
        raise Refused("stripe-topic", f"{told.type[:80]!r} is no type of event")
    wanted = "" if kind in _QUIET else next((name for start, name in _WANTED if kind.startswith(start)), "")
    if not wanted:
        return Decoded(ignored=f"{kind} says nothing about sales or money that another event does not say")
    if wanted in ("invoice", "credit_note", "paid") and (context.duty == "payments" or not settings_of(context).invoices):
        return Decoded(ignored="invoices are not read by this connection")
    if told.data is None:
        if told.related_object is None:
            raise Refused("stripe-topic", f"{kind} names nothing that could be read")
        return _thin(wanted, told.related_object.id)
    if wanted == "dispute":
        return decode_dispute(_snapshot(told), context)
    named: Named = decoded(told.data.object, Named)
    return _read_what_it_names(wanted, named)


def _snapshot(told: Event) -> Answer:
    assert told.data is not None
    if not isinstance(told.created, int):
        raise Refused("json-shape", f"{told.type} does not say when it happened")
    closed = told.created if told.type.endswith(".closed") else None
    return Answer(seen=version(moment(told.created)), object=told.data.object, closed=closed)


def _thin(wanted: str, name: str) -> Decoded:
    kind = {"checkout": "", "paid": "invoice_payment"}.get(wanted, wanted)
    if not kind or not name:
        return Decoded(ignored="the payment itself is told by another event")
    return Decoded(wanted=(Wanted(kind=kind, external_id=name),))


def _read_what_it_names(wanted: str, named: Named) -> Decoded:
    kind, name = wanted, named.id
    if wanted == "payment_intent":
        kind, name = ("charge", named.latest_charge) if named.latest_charge else (wanted, name)
    elif wanted == "paid":
        kind, name = "payment_intent", (named.payment or {}).get("payment_intent") or ""
    elif wanted == "checkout":
        kind, name = "payment_intent", named.payment_intent or ""
    if not name:
        return Decoded(ignored="no money moved through Stripe by it")
    return Decoded(wanted=(Wanted(kind=kind, external_id=name),))


def _gone(event: RawEvent) -> Decoded:
    """A thing that the proof no longer finds: its last document, withdrawn."""
    gone = decoded(event.body, Gone)
    if not gone.facts:
        return Decoded(ignored=f"{gone.kind} {gone.external_id} is gone and was never booked")
    document = from_facts(gone.facts.encode())
    header = replace(document.header, withdrawn=True, version=max(version(gone.found_at), f"{document.header.version}+gone"))
    return Decoded(documents=(replace(document, header=header),))
