"""A stand-in of Shopify: one shop, its Admin API (GraphQL and legacy REST), its webhooks and its merchant.

Written from the vendor's published facts alone. Settings (``Environment.settings``), with their defaults:

  shop              "leja-sandbox.myshopify.com"; name "Leja sandbox"; currency "GBP"; zone "Europe/London"
  access_token      "shpat_sandbox": a token of a custom app, there from the start; scopes: everything that is read
  client_id         "sandbox-client"; client_secret "shpss_sandbox" (signs webhooks and the OAuth call-back)
  must_expire       False; True: OAuth gives only tokens of sixty minutes with rotating refresh tokens
  points_per_second 100 (plan Standard); the bucket holds twenty times that; cost_factor 1.0 makes queries dearer
  rest_bucket 40, rest_per_second 2
  webhook_compress  1000: the four hours of retries shrink to 14 seconds
  payments          True: the shop has Shopify Payments; fee_rate "0.029", fee_flat 30 minor units
  bulk_seconds      0.0: how long a bulk operation takes

Control, in process (``stand_in.control.call(name, **arguments)``) or ``POST /_control/<name>``: place_order,
place_orders, capture, void, fulfil, refund, settle_refund, edit_order, touch, cancel, delete, payout, payout_status,
balance_entry, location, send_again, report, orders, subscriptions, revoke_tokens, expire_tokens, and those of
every stand-in. Their arguments are those of ``Placing``, ``Merchant`` and ``Payouts``. ``webhooks`` on each: normal,
twice, stale, late, lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from leja.connectors.shopify.stand_in_bulk import Bulk
from leja.connectors.shopify.stand_in_doors import Doors
from leja.connectors.shopify.stand_in_graphql import Compiled, load_schema
from leja.connectors.shopify.stand_in_hooks import Hooks
from leja.connectors.shopify.stand_in_merchant import Merchant
from leja.connectors.shopify.stand_in_orders import Orders, Record, Shop, totals
from leja.connectors.shopify.stand_in_payments import PaymentsAccount
from leja.connectors.shopify.stand_in_payouts import Payouts
from leja.connectors.shopify.stand_in_rest import Shapes
from leja_sandbox.kit import Environment, StandIn, StandInSpec, TokenBook

_DEFAULTS: Final[Mapping[str, Any]] = {
    "shop": "leja-sandbox.myshopify.com",
    "name": "Leja sandbox",
    "currency": "GBP",
    "zone": "Europe/London",
    "access_token": "shpat_sandbox",
    "scopes": "read_orders,read_all_orders,read_products,read_locations,read_customers,read_shopify_payments",
    "client_id": "sandbox-client",
    "client_secret": "shpss_sandbox",
    "must_expire": False,
    "points_per_second": 100,
    "cost_factor": 1.0,
    "rest_bucket": 40,
    "rest_per_second": 2,
    "webhook_compress": 1000.0,
    "payments": True,
    "fee_rate": "0.029",
    "fee_flat": 30,
    "bulk_seconds": 0.0,
}
_HOUR: Final = 3600.0


class Compiler:
    """Compiles documents against the stand-in's schema."""

    def __init__(self) -> None:
        self.schema = load_schema()

    def __call__(self, query: str, variables: dict[str, Any] | None = None, operation: str | None = None) -> Compiled:
        """A document that is ready to run. Raises DocumentRefused."""
        return Compiled(self.schema, query, variables or {}, operation)


def build(env: Environment) -> StandIn:
    """The stand-in on its environment."""
    settings = {**_DEFAULTS, **env.settings}
    shop = Shop(
        domain=settings["shop"],
        name=settings["name"],
        currency=settings["currency"],
        zone=settings["zone"],
        fee_rate=Decimal(settings["fee_rate"]),
        fee_flat=int(settings["fee_flat"]),
        payments=bool(settings["payments"]),
    )
    stand_in, orders, compiler = StandIn(env), Orders(env, shop), Compiler()
    shapes, payouts = Shapes(orders), Payouts(orders)
    hooks = Hooks(env, orders, shapes, settings["client_secret"], float(settings["webhook_compress"]))
    payments = PaymentsAccount(payouts, shop.currency, shop.zone, shop.payments)
    bulk = Bulk(orders, compiler, env.public_url, float(settings["bulk_seconds"]))
    books = _books(env, settings)
    doors = Doors(env, orders, shapes, hooks, payouts, payments, bulk, books, compiler, settings)
    stand_in.router, stand_in.error, stand_in.webhooks = doors.router(), doors.error, hooks.queue
    stand_in.fault_free = ("/_bulk/",)
    _controls(stand_in, Merchant(orders, hooks, payouts), orders, hooks, payouts, books["expiring"])
    with env.store.transaction():
        if env.store.get("oauth_access", settings["access_token"]) is None:
            books["lasting"].issue("custom-app", settings["scopes"], access=settings["access_token"])
    return stand_in


def _books(env: Environment, settings: Mapping[str, Any]) -> dict[str, TokenBook]:  # noqa: ARG001
    # Both books keep their grants in the same records: either can check a token of the other.
    return {
        "expiring": TokenBook(
            env, access_seconds=_HOUR, refresh_seconds=30 * 24 * _HOUR, grace_until_used=True, prefix="shpat_"
        ),
        "lasting": TokenBook(env, access_seconds=None, prefix="shpat_"),
    }


def _controls(
    stand_in: StandIn, merchant: Merchant, orders: Orders, hooks: Hooks, payouts: Payouts, tokens: TokenBook
) -> None:
    control = stand_in.control
    for name in ("place_order", "place_orders", "capture", "void", "fulfil", "refund", "settle_refund", "edit_order",
                 "touch", "cancel", "delete"):  # fmt: skip
        control.action(name)(getattr(merchant, name))
    control.action("payout")(payouts.make_payout)
    control.action("payout_status")(payouts.set_status)
    control.action("balance_entry")(payouts.add)
    control.action("revoke_tokens")(tokens.revoke)
    control.action("expire_tokens")(tokens.expire)
    control.action("subscriptions")(hooks.subscriptions)
    control.action("report")(lambda: report(orders))

    @control.action("send_again")
    def send_again(order: int | str, topic: str = "orders/updated") -> None:
        hooks.send_again(orders.must(order), topic)

    @control.action("location")
    def location(name: str) -> Record:
        row: Record = {"id": orders.ids(1)[0], "name": name, "created_at": orders.now()}
        orders.env.store.put("location", row["id"], row, sort=f"{row['id']:020d}")
        return row

    @control.action("orders")
    def listed() -> list[Record]:
        return [{"id": row["id"], "name": row["name"]} for row in orders.select("1 = 1", [], "id", -1)]


def report(orders: Orders) -> Record:
    """The shop's own figures per business day: orders by ``processed_at`` with totals as they stand now (edits
    included), refunds by theirs with the money that went back; all in minor units."""
    zone = ZoneInfo(orders.shop.zone)
    days: dict[str, Record] = {}
    sums: dict[str, dict[str, int]] = {"orders": {}, "refunds": {}}
    counts = {"orders": 0, "refunds": 0}

    def add(kind: str, moment: float, currency: str, amount: int) -> None:
        day = datetime.fromtimestamp(moment, zone).date().isoformat()
        row = days.setdefault(day, {"orders": 0, "refunds": 0, "order_sums": {}, "refund_sums": {}})
        row[kind] += 1
        place = row["order_sums" if kind == "orders" else "refund_sums"]
        place[currency] = place.get(currency, 0) + amount
        sums[kind][currency] = sums[kind].get(currency, 0) + amount
        counts[kind] += 1

    for order in orders.select("1 = 1", [], "processed, id", -1):
        add("orders", order["processed_at"], order["currency"], totals(order)["total"])
        moved = {t["id"]: t["minor"] for t in order["transactions"] if t["status"] == "success"}
        for refund in order["refunds"]:
            amount = sum(moved.get(id_, 0) for id_ in refund["transaction_ids"])
            add("refunds", refund["processed_at"], order["currency"], amount)
    return {"counts": counts, "sums": sums, "days": dict(sorted(days.items()))}


STAND_IN = StandInSpec(slug="shopify", build=build)
