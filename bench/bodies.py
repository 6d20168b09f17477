"""Real bodies: orders are placed in the shop's stand-in, and what it would send is caught."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import httpx2
import msgspec

from leja.connectors.contract import RawEvent
from leja_sandbox.server import SandboxServer

PATTERN = 1000  # so many different orders; beyond that they repeat under new ids
CUSTOMERS: tuple[dict[str, Any], ...] = ({}, {}, {"customer": {"id": 7000001}}, {"customer": {"id": 7000002}})
NEVER = 10**9
API = "2026-10"
SUBSCRIBE = (
    'mutation { webhookSubscriptionCreate(topic: ORDERS_CREATE, webhookSubscription: {uri: "http://127.0.0.1:9/", format: JSON})'
    " { userErrors { message } } }"
)


class Sent(msgspec.Struct, frozen=True):
    """A body as the shop sends it, with its topic."""

    body: bytes
    topic: str


def orders(count: int, seed: int) -> list[Sent]:
    """``orders/create`` of so many orders of one to six lines, with tax, some with discount, shipping and customer."""
    random = Random(seed)
    pattern = _placed([_order(random, at) for at in range(min(count, PATTERN))], seed)
    return [renamed(pattern[at % PATTERN], at // PATTERN) for at in range(count)]


def events(sent: list[Sent], origin: str = "webhook") -> list[RawEvent]:
    """The bodies as events of the inbox."""
    return [
        RawEvent(key=f"{one.topic}/{at}", topic=one.topic, body=one.body, headers={"x-shopify-topic": one.topic}, origin=origin)  # type: ignore[arg-type]
        for at, one in enumerate(sent)
    ]


def _placed(wanted: list[dict[str, Any]], seed: int) -> list[Sent]:
    with SandboxServer(slugs=["shopify:shop"], seed=seed) as sandbox:
        answer = httpx2.post(
            f"{sandbox.url('shop')}/admin/api/{API}/graphql.json", headers={"X-Shopify-Access-Token": "shpat_sandbox"},
            json={"query": SUBSCRIBE}, trust_env=False)
        if answer.status_code != 200 or '"userErrors":[]' not in answer.text.replace(" ", ""):
            raise RuntimeError(f"the stand-in does not take the subscription: {answer.text[:300]}")
        stand_in = sandbox.stand_in("shop")
        stand_in.control.call("place_orders", orders=wanted)
        rows = stand_in.env.store.execute("SELECT topic, body FROM outgoing ORDER BY id")
        return [Sent(bytes(body), str(topic)) for topic, body in rows]


def _order(random: Random, at: int) -> dict[str, Any]:
    rate = random.choice(("0.2", "0.2", "0.05", "0"))
    lines: list[dict[str, Any]] = [
        {"title": f"Basket {item}", "sku": f"B{item}", "price": f"{random.randint(150, 9999) / 100:.2f}",
         "quantity": random.randint(1, 4), "taxes": [{"title": "VAT", "rate": rate}]}
        for item in (random.randint(1, 400) for _ in range(random.randint(1, 6)))
    ]
    if random.random() < 0.5:
        lines.append({"kind": "shipping", "title": "Post", "price": "3.95", "taxes": [{"title": "VAT", "rate": "0.2"}]})
    when = f"2026-05-{1 + at % 28:02}T{8 + at % 12:02}:{at % 60:02}:00Z"
    discounts = [{"code": "SPRING", "amount": "1.00"}] if random.random() < 0.2 else []
    return {"lines": lines, "created_at": when, "processed_at": when, "taxes_included": True, "discounts": discounts,
            "fulfil": False, "webhooks": "late", "delay": NEVER, **random.choice(CUSTOMERS)}


def renamed(sent: Sent, round_: int) -> Sent:
    """The same order under another id: everything that starts with the order's id follows it."""
    if round_ == 0:
        return sent
    head = msgspec.json.decode(sent.body, type=_Id)
    old, new = str(head.id).encode(), str(head.id + round_ * 10**13).encode()
    return Sent(sent.body.replace(old, new), sent.topic)


class _Id(msgspec.Struct):
    id: int


class _Totals(msgspec.Struct):
    id: int
    created_at: str
    total_price: str
    total_tax: str


def summary(sent: Sent) -> tuple[str, str, str, str, str]:
    """Day, id, total, tax and net of an order, as a CSV would say them."""
    told = msgspec.json.decode(sent.body, type=_Totals)
    net = Decimal(told.total_price) - Decimal(told.total_tax)
    return told.created_at[:10], str(told.id), told.total_price, told.total_tax, str(net)
