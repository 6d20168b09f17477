"""Reading from the shop: complete orders and payouts as events, for poll, backfill and fetch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leja.connectors.contract import GONE_TOPIC, Gone, Origin, RawEvent, Session, Wanted
from leja.connectors.shopify import queries
from leja.connectors.shopify.calls import ask, at, encoder, next_page, pages
from leja.connectors.shopify.decoding import ORDER_NODE, PAYOUT_NODE
from leja.connectors.shopify.payouts import STATES
from leja.connectors.shopify.reading import external, version
from leja.core.errors import Refused, Transient

PAGE_SIZES: Final = (25, 10, 4, 1)
MANY: Final = 20
MOST: Final = 250
PAYMENTS: Final = ("shopifyPaymentsAccount",)


async def order_page(
    session: Session, filter_text: str, sort: str, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of complete orders, as large as the cost limit allows, and the cursor of the next."""
    for size in PAGE_SIZES:
        asked = {"first": size, "many": MANY, "after": after, "filter": filter_text, "sort": sort}
        try:
            data = await ask(session, queries.ORDERS, asked)
        except Refused as refusal:
            if refusal.code != "shopify-query-cost" or size == PAGE_SIZES[-1]:
                raise
            continue
        connection = at(data, ("orders",)) or {}
        found = [await completed(session, node) for node in connection.get("nodes") or ()]
        return found, next_page(connection)
    raise Refused("shopify-query-cost", "not even one order fits into the cost limit")


async def completed(session: Session, order: dict[str, Any]) -> dict[str, Any]:
    """The order with every page of its nested lists."""
    if any(len(order.get(name) or ()) >= MANY for name in ("transactions", "refunds", "fulfillments")):
        data = await ask(session, queries.ONE_ORDER, {"id": order["id"], "many": MOST})
        order = at(data, ("order",)) or order
        if any(len(order.get(name) or ()) >= MOST for name in ("transactions", "refunds", "fulfillments")):
            raise Refused("shopify-page-missing", f"order {order.get('name')} has more parts than can be asked for")
    await _rest(session, order["lineItems"], queries.MORE_LINES, order["id"], ("order", "lineItems"))
    for refund in order.get("refunds") or ():
        path = ("refund", "refundLineItems")
        await _rest(session, refund["refundLineItems"], queries.MORE_REFUND_LINES, refund["id"], path)
    for one in order.get("fulfillments") or ():
        path = ("node", "fulfillmentLineItems")
        await _rest(session, one["fulfillmentLineItems"], queries.MORE_FULFILLED, one["id"], path)
    return order


async def _rest(session: Session, connection: dict[str, Any], query: str, owner: str, path: Sequence[str]) -> None:
    after = next_page(connection)
    if after is None:
        return
    async for node in pages(session, query, {"id": owner}, path, after=after):
        connection["nodes"].append(node)
    connection["pageInfo"] = {"hasNextPage": False, "endCursor": None}


def order_event(order: Mapping[str, Any], origin: Origin, *, key_suffix: str = "") -> RawEvent:
    """A complete order as an event: (id, updated at) is its key."""
    key = f"order/{external(order['id'])}/{version(order['updatedAt'], '1')}{key_suffix}"
    return RawEvent(key=key, topic=ORDER_NODE, body=encoder.encode(order), origin=origin)


async def payout_event(session: Session, payout: Mapping[str, Any], origin: Origin) -> RawEvent:
    """A payout with all its balance transactions: (id, state) is its key."""
    number = external(payout["id"])
    asked = {"first": 100, "filter": f"payments_transfer_id:{payout['legacyResourceId']}"}
    path = (*PAYMENTS, "balanceTransactions")
    lines = [
        line async for line in pages(session, queries.PAYOUT_LINES, asked, path)
        # A filter that the vendor ignores would bring in every other payout's lines.
        if external((line.get("associatedPayout") or {}).get("id") or payout["id"]) == number
    ]
    body = encoder.encode({"payout": payout, "transactions": lines})
    return RawEvent(key=f"payout/{number}/{payout['status']}", topic=PAYOUT_NODE, body=body, origin=origin)


async def payout_page(
    session: Session, filter_text: str, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of payouts that have left, and the cursor of the next; none where the shop has no Shopify Payments."""
    data = await ask(session, queries.PAYOUTS, {"first": 50, "after": after, "filter": filter_text})
    connection = at(data, (*PAYMENTS, "payouts"))
    if connection is None:
        return [], None
    left = [node for node in connection.get("nodes") or () if STATES.get(str(node.get("status")), 1)]
    return left, next_page(connection)


async def fetch(session: Session, wanted: Sequence[Wanted]) -> tuple[RawEvent, ...]:
    """The wanted things, complete, as they are now. What is gone is said to be gone."""
    events: list[RawEvent] = []
    seen: set[str] = set()
    for one in wanted:
        if one.kind == "payout":
            events += await _fetch_payout(session, one.external_id)
            continue
        gid = await _order_gid(session, one)
        if gid not in seen:
            seen.add(gid)
            events.append(await _fetch_order(session, gid))
    return tuple(events)


async def _order_gid(session: Session, one: Wanted) -> str:
    if one.kind in ("order", "sale"):
        return f"gid://shopify/Order/{external(one.external_id)}"
    if one.kind != "refund":
        raise Refused("shopify-wanted", f"a {one.kind} cannot be fetched from Shopify")
    data = await ask(session, queries.ORDER_OF_REFUND, {"id": f"gid://shopify/Refund/{external(one.external_id)}"})
    order = at(data, ("refund", "order"))
    if order is None:
        raise Transient("shopify-answer", f"refund {one.external_id} is not there yet")
    return str(order["id"])


async def _fetch_order(session: Session, gid: str) -> RawEvent:
    data = await ask(session, queries.ONE_ORDER, {"id": gid, "many": MANY})
    order = at(data, ("order",))
    now = session.now()
    if order is not None:
        return order_event(await completed(session, order), "fetch", key_suffix=f"/fetched/{now.isoformat()}")
    gone = Gone(kind="sale", external_id=external(gid), version="", found_at=now)
    key = f"gone/{external(gid)}/{now.isoformat()}"
    return RawEvent(key=key, topic=GONE_TOPIC, body=encoder.encode(gone), origin="fetch")


async def _fetch_payout(session: Session, number: str) -> list[RawEvent]:
    gid = f"gid://shopify/ShopifyPaymentsPayout/{external(number)}"
    payout = at(await ask(session, queries.ONE_PAYOUT, {"id": gid}), ("node",))
    return [await payout_event(session, payout, "fetch")] if payout else []
