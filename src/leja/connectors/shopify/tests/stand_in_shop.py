"""How the tests of the stand-in ask it things, and an order that has everything."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from leja_sandbox.kit import StandIn

TOKEN = {"X-Shopify-Access-Token": "shpat_sandbox"}
VAT = [{"title": "VAT", "rate": "0.2"}]
GRAPHQL = "/admin/api/2026-10/graphql.json"


def call(
    shop: StandIn, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> httpx2.Response:
    """One request in process."""

    async def asked() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=shop.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.request(method, path, json=body, headers=TOKEN if headers is None else headers)

    return asyncio.run(asked())


def query(shop: StandIn, text: str, **variables: Any) -> dict[str, Any]:
    """The whole answer to a document."""
    return call(shop, "POST", GRAPHQL, {"query": text, "variables": variables}).json()


def rich(shop: StandIn) -> dict[str, Any]:
    """An order with everything: discounts, taxes, tip, gift card, shipping, refunds, an edit."""
    place = shop.control.call("location", name="Market Street")
    made = shop.control.call(
        "place_order",
        lines=[
            {"title": "Basket", "sku": "B1", "price": "12.50", "quantity": 3, "taxes": VAT, "discount": "1.00"},
            {"title": "Gift card", "kind": "gift_card", "price": "10.00"},
            {"title": "Tip", "kind": "tip", "price": "2.00"},
            {"title": "Standard", "kind": "shipping", "price": "4.00", "taxes": VAT},
        ],
        discounts=[{"code": "TEN", "amount": "3.75"}],
        customer={"first_name": "Ada", "last_name": "Obi"},
        email="ada@example.com",
        country="GB",
        location_id=place["id"],
        source_name="pos",
    )
    shop.control.call("refund", order=made["name"], lines=[{"line": 0, "quantity": 1}], shipping="1.00", amount="10.00")
    shop.control.call("edit_order", order=made["name"], add=[{"title": "More", "price": "5.00"}], pay=True)
    return made
