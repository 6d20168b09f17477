"""A small shop that answers our own GraphQL questions from plain data: for what the pull does with pages and errors.

It knows questions by their operation name, not by their text; the text is held against the vendor's schema elsewhere.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from leja.connectors.contract import Context, Session
from leja.connectors.shopify import Settings
from leja.http.client import Http
from leja.http.pacing import Pacing

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Clock:
    """A clock whose sleep moves it."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def bag(amount: str, currency: str = "KES") -> dict[str, Any]:
    """A MoneyBag, the shop's side."""
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}


def connection(nodes: list[Any], more: str | None = None) -> dict[str, Any]:
    """One page of a connection."""
    return {"pageInfo": {"hasNextPage": more is not None, "endCursor": more}, "nodes": nodes}


def line(number: int, amount: str = "10.00") -> dict[str, Any]:
    """A line without tax."""
    return {
        "id": f"gid://shopify/LineItem/{number}", "sku": f"S{number}", "title": "Basket", "quantity": 1,
        "isGiftCard": False, "taxable": False, "requiresShipping": True, "product": {"id": "gid://shopify/Product/1"},
        "variant": {"id": "gid://shopify/ProductVariant/1"}, "originalTotalSet": bag(amount),
        "discountAllocations": [], "taxLines": [], "duties": [],
    }


def order(number: int, updated: str, *, lines: int = 1, total: str | None = None, **more: Any) -> dict[str, Any]:
    """An unpaid order of ``lines`` lines at 10.00."""
    total = total or f"{lines * 10}.00"
    return {
        "id": f"gid://shopify/Order/{number}", "name": f"#{number}", "createdAt": updated, "updatedAt": updated,
        "processedAt": updated, "cancelledAt": None, "test": False, "taxesIncluded": True, "currencyCode": "KES",
        "dutiesIncluded": False, "sourceName": "web", "retailLocation": None, "customer": None,
        "shippingAddress": None, "billingAddress": None, "totalPriceSet": bag(total), "totalTaxSet": bag("0.0"),
        "totalTipReceivedSet": bag("0.0"), "totalCashRoundingAdjustment": {"paymentSet": bag("0.0")}, "taxLines": [],
        "additionalFees": [], "lineItems": connection([line(number * 1000 + i) for i in range(lines)]),
        "shippingLines": connection([]), "transactions": [], "refunds": [], "fulfillments": [], **more,
    }


class Shop:
    """``orders`` sorted by change; ``faults`` are answers to give first; ``asked`` is every question that arrived."""

    def __init__(self, orders: list[dict[str, Any]] | None = None) -> None:
        self.orders = orders or []
        self.payouts: list[dict[str, Any]] = []
        self.payout_lines: list[dict[str, Any]] = []
        self.subscriptions: list[dict[str, Any]] = []
        self.faults: list[Any] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.most_orders = 250
        self.page = 250
        self.counts: Callable[[str], tuple[int, str]] = lambda _: (len(self.orders), "EXACT")

    async def app(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """The ASGI side."""
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        asked = json.loads(body)
        name = asked["query"].split()[1].partition("(")[0]
        self.asked.append((name, asked["variables"]))
        answer = self.faults.pop(0) if self.faults else self.answer(name, asked["variables"])
        if isinstance(answer, Exception):
            raise answer
        status, content = (answer, b"{}") if isinstance(answer, int) else (200, json.dumps(answer).encode())
        kind = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": kind})
        await send({"type": "http.response.body", "body": content})

    def answer(self, name: str, given: dict[str, Any]) -> Any:
        """The answer to one question."""
        data = getattr(self, f"_{name}")(given)
        if isinstance(data, dict) and "errors" in data:
            return data
        status = {"maximumAvailable": 1000, "currentlyAvailable": 900, "restoreRate": 50}
        return {"data": data, "extensions": {"cost": {"requestedQueryCost": 10, "throttleStatus": status}}}

    def _window(self, given: dict[str, Any], field: str) -> list[dict[str, Any]]:
        bounds = [part for part in given["filter"].split() if part]
        found = sorted(self.orders, key=lambda one: (one[field], one["id"]))
        for bound in bounds:
            text = bound.split("'")[1]
            found = [one for one in found if (one[field] >= text if ":>=" in bound else one[field] < text)]
        return found

    def _Orders(self, given: dict[str, Any]) -> Any:
        if given["first"] > self.most_orders:
            return {"errors": [{"message": "too dear", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
        field = "updatedAt" if given["sort"] == "UPDATED_AT" else "processedAt"
        return {"orders": self._page(self._window(given, field), given["first"], given["after"])}

    def _page(self, found: list[Any], first: int, after: str | None) -> dict[str, Any]:
        start = int(after or 0)
        end = start + min(first, self.page)
        return connection(copy.deepcopy(found[start:end]), str(end) if end < len(found) else None)

    def _OneOrder(self, given: dict[str, Any]) -> Any:
        found = [one for one in self.orders if one["id"] == given["id"]]
        return {"order": copy.deepcopy(found[0]) if found else None}

    def _OrderIds(self, given: dict[str, Any]) -> Any:
        return {"orders": self._page(self._window(given, "processedAt"), given["first"], given["after"])}

    def _MoreLines(self, given: dict[str, Any]) -> Any:
        if given["after"] == "a":
            return {"order": {"lineItems": connection([line(2)], "b")}}
        return {"order": {"lineItems": connection([line(3)])}}

    def _OrderOfRefund(self, given: dict[str, Any]) -> Any:
        return {"refund": {"order": {"id": self.orders[0]["id"]}}}

    def _Count(self, given: dict[str, Any]) -> Any:
        count, precision = self.counts(given["filter"])
        return {"ordersCount": {"count": count, "precision": precision}}

    def _Payouts(self, given: dict[str, Any]) -> Any:
        page = {"payouts": connection(copy.deepcopy(self.payouts))}
        return {"shopifyPaymentsAccount": page if self.payouts else None}

    def _OnePayout(self, given: dict[str, Any]) -> Any:
        return {"node": self.payouts[0]}

    def _PayoutLines(self, given: dict[str, Any]) -> Any:
        found = self._page(self.payout_lines, 2, given["after"])
        return {"shopifyPaymentsAccount": {"balanceTransactions": found}}

    def _Subscriptions(self, given: dict[str, Any]) -> Any:
        return {"webhookSubscriptions": self._page(self.subscriptions, 3, given["after"])}

    def _Subscribe(self, given: dict[str, Any]) -> Any:
        made = {"id": "s", "topic": given["topic"], "filter": None, "includeFields": [], **given["wanted"]}
        self.subscriptions.append(made)
        return {"webhookSubscriptionCreate": {"webhookSubscription": {"id": "s"}, "userErrors": []}}

    def _Repair(self, given: dict[str, Any]) -> Any:
        for one in self.subscriptions:
            if one["id"] == given["id"]:
                one.update(given["wanted"])
        return {"webhookSubscriptionUpdate": {"webhookSubscription": {"id": "s"}, "userErrors": []}}


def session(shop: Shop, clock: Clock, **settings: Any) -> Session:
    """A session with that shop."""
    pacing = Pacing(now=lambda: clock.now, sleep=clock.sleep)
    http = Http(
        base_url="https://lamu.myshopify.com", pacing=pacing, now=lambda: clock.now, sleep=clock.sleep,
        transport=httpx2.ASGITransport(shop.app),
    )
    given = Settings(shop="lamu.myshopify.com", **settings)
    context = Context(settings=given, zone="Africa/Nairobi", base_currency="KES")
    return Session(
        http=http, settings=given, base_url=http.base_url, tenant="", now=lambda: clock.now, context=context
    )


def run(test: Callable[[], Any]) -> Any:
    """Runs an async test."""
    return asyncio.run(test())
