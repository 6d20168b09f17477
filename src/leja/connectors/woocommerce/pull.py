"""Reading from the shop: whole orders with their refunds as events, for poll, backfill and fetch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from leja.connectors.contract import GONE_TOPIC, Gone, Origin, RawEvent, Session, Wanted
from leja.connectors.woocommerce.calls import PAGE, encoder, get, page
from leja.connectors.woocommerce.decoding import READ_AT, WHOLE
from leja.core.clock import utc
from leja.core.errors import Refused, Transient


def state_key(order_id: object, modified_gmt: object, body: bytes) -> str:
    """The key of one state of an order.

    The shop's clock has seconds, and within one an order may change twice: two bodies are two states, the same body is one.
    """
    return f"order/{order_id}/{modified_gmt}/{hashlib.sha256(body).hexdigest()[:16]}"


async def whole(session: Session, order: Mapping[str, Any], origin: Origin) -> RawEvent:
    """The order with its refunds, which it only mentions, as an event."""
    number = _number(order)
    refunds = await refunds_of(session, number) if order.get("refunds") else []
    body = encoder.encode({"order": order, "refunds": refunds})
    read_at = f"{utc(session.now()):%Y-%m-%dT%H:%M:%S.%fZ}"
    key = state_key(number, order.get("date_modified_gmt"), body)
    return RawEvent(key=key, topic=WHOLE, body=body, origin=origin, headers={READ_AT: read_at})


async def refunds_of(session: Session, number: int) -> list[Any]:
    """Every refund of an order."""
    found: list[Any] = []
    while True:
        listed = await page(
            session, f"/orders/{number}/refunds", {"offset": str(len(found)), "orderby": "id", "order": "asc"}
        )
        found += listed.rows
        if len(listed.rows) < PAGE:
            return found


async def fetch(session: Session, wanted: Sequence[Wanted]) -> tuple[RawEvent, ...]:
    """The wanted things as they are now. What is gone is said to be gone."""
    events: list[RawEvent] = []
    for one in wanted:
        if one.kind not in ("order", "sale", "refund"):
            raise Refused("woocommerce-wanted", f"a {one.kind} cannot be fetched from WooCommerce")
        number = one.external_id if one.kind != "refund" else await _order_of(session, one.external_id)
        order = await _order(session, number) if number else None
        if order is None:
            events.append(_gone(session, "refund" if one.kind == "refund" else "sale", one.external_id))
            continue
        events.append(await whole(session, order, "fetch"))
    return tuple(events)


async def _order(session: Session, number: str) -> Mapping[str, Any] | None:
    if not number.isdecimal():
        raise Refused("woocommerce-wanted", f"{number[:40]!r} is no number of an order")
    found = await get(session, f"/orders/{number}")
    return found if isinstance(found, dict) and "id" in found else None


async def _order_of(session: Session, refund: str) -> str:
    """The order that a refund belongs to; "" where it is no longer there."""
    if not refund.isdecimal():
        raise Refused("woocommerce-wanted", f"{refund[:40]!r} is no number of a refund")
    listed = await page(session, "/refunds", {"include": refund})
    for row in listed.rows:
        # A shop that ignores the filter must not pass another's refund off as this one.
        if isinstance(row, dict) and str(row.get("id")) == refund:
            return str(row.get("parent_id") or "")
    return ""


def _number(order: Mapping[str, Any]) -> int:
    number = order.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Transient("woocommerce-answer", "the shop listed an order without its number")
    return number


def _gone(session: Session, kind: str, external_id: str) -> RawEvent:
    now = session.now()
    gone = Gone(kind=kind, external_id=external_id, version="", found_at=now)
    key = f"gone/{kind}/{external_id}/{now.isoformat()}"
    return RawEvent(key=key, topic=GONE_TOPIC, body=encoder.encode(gone), origin="fetch")
