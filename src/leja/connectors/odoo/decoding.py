"""An event to documents: which shape it has, and what it means. Pure, total over what may be sent."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from leja.connectors.contract import GONE_TOPIC, Context, Decoded, Gone, RawEvent
from leja.connectors.odoo.documents import MOVE, PAYMENT
from leja.connectors.odoo.meaning import invoiced, ordered, paid
from leja.connectors.odoo.tills import rung_up
from leja.connectors.odoo.wire import MoveEvent, OrderEvent, PaymentEvent, TillEvent
from leja.core import strict_json
from leja.core.clock import utc
from leja.core.errors import LejaError, Refused
from leja.documents.document import from_facts

ORDER: Final = "sale.order"
TILL: Final = "pos.order"
READ_AT: Final = "leja-read-at"
T = TypeVar("T")


def decode(event: RawEvent, context: Context) -> Decoded:
    """What an event means. Raises Refused for what cannot be read."""
    try:
        return _decode(event, context)
    except LejaError:
        raise
    except (ValueError, OverflowError, ArithmeticError) as error:
        words = f"{event.topic[:40]}: a value is out of any range: {type(error).__name__}"
        raise Refused("odoo-shape", words) from error


def _decode(event: RawEvent, context: Context) -> Decoded:
    read_at = event.headers.get(READ_AT, "")
    if event.topic == ORDER:
        return ordered(read(event.body, OrderEvent), context, read_at)
    if event.topic == MOVE:
        return invoiced(read(event.body, MoveEvent), context, read_at)
    if event.topic == PAYMENT:
        return paid(read(event.body, PaymentEvent), context, read_at)
    if event.topic == TILL:
        return rung_up(read(event.body, TillEvent), context, read_at)
    if event.topic == GONE_TOPIC:
        return _gone(event)
    raise Refused("odoo-topic", f"{event.topic[:80]!r} is no topic that is known here")


def read(body: bytes, shape: type[T]) -> T:
    """The body in its shape. Raises Refused ``json-...`` or ``odoo-shape``."""
    strict_json.check(body)
    whole: Any = shape
    try:
        found: T = msgspec.json.decode(body, type=whole)
    except msgspec.MsgspecError as error:
        raise Refused("odoo-shape", f"the body has another shape than Odoo's: {error}") from None
    return found


def _gone(event: RawEvent) -> Decoded:
    """A thing that is no longer there: its last document, withdrawn."""
    gone = read(event.body, Gone)
    if not gone.facts:
        return Decoded(ignored=f"{gone.kind} {gone.external_id} is gone and was never booked")
    try:
        document = from_facts(gone.facts.encode())
    except msgspec.MsgspecError as error:
        raise Refused("odoo-shape", f"the last facts of {gone.kind} {gone.external_id} are unreadable") from error
    stamp = f"{utc(gone.found_at):%Y-%m-%dT%H:%M:%SZ}/2"
    header = replace(document.header, withdrawn=True, version=max(stamp, f"{document.header.version}+gone"))
    return Decoded(documents=(replace(document, header=header),))
