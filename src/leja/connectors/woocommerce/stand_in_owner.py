"""What the owner, the customers and the plugins of the shop do: the control actions of the stand-in, and its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec

from leja.connectors.woocommerce.stand_in_hooks import Hooks
from leja.connectors.woocommerce.stand_in_orders import Orders
from leja.connectors.woocommerce.stand_in_refunds import Refunds
from leja.connectors.woocommerce.stand_in_shop import Record, number, rounded, shown
from leja.core.money import from_text
from leja_sandbox.kit import Manner


class Placing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be said about an order that is placed.

    ``lines``: ``{"name", "price", "quantity", "sku", "product_id", "total", "subtotal", "tax_class", "virtual"}``; a
    product that is not there yet is made. ``shipping`` and ``fees``: ``{"title" or "name", "total", "tax_status"}``;
    a discount is often a negative fee. ``coupons``: codes, or ``{"code", "type", "amount"}`` which are made.
    ``country``, ``state``: the address. ``paid`` False leaves it pending. ``at`` (an instant with a zone) puts it into
    the past. ``number``: what a numbering plugin shows. ``webhooks``: normal, twice, stale, late (``delay`` seconds), lost.
    """

    lines: list[dict[str, Any]]
    shipping: list[dict[str, Any]] = []
    fees: list[dict[str, Any]] = []
    coupons: list[str | dict[str, Any]] = []
    currency: str | None = None
    country: str | None = None
    state: str = ""
    customer: dict[str, Any] | None = None
    paid: bool = True
    status: str | None = None
    payment_method: str = "stripe"
    transaction_id: str | None = None
    number: str | None = None
    meta: dict[str, Any] = {}
    at: str | None = None
    webhooks: Manner = "normal"
    delay: float = 60.0


class Owner:
    """Every action on an order answers with its figures, or raises ValueError with a sentence."""

    def __init__(self, orders: Orders, refunds: Refunds, hooks: Hooks) -> None:
        self._orders, self._refunds, self._hooks = orders, refunds, hooks
        self._shop, self._catalogue = orders.shop, orders.catalogue

    def place_order(self, lines: Sequence[Record], **given: Any) -> Record:
        """A customer orders; the arguments are the fields of ``Placing``."""
        wanted = msgspec.convert({"lines": lines, **given}, Placing)
        at = self._instant(wanted.at)
        address = {"country": wanted.country or self._shop.facts.country, "state": wanted.state}
        named = {**address, **(wanted.customer or {})}
        request: Record = {
            "billing": named,
            "shipping": {name: value for name, value in named.items() if name != "email"},
            "line_items": [self._line(row) for row in wanted.lines],
            "shipping_lines": [{"method_id": "flat_rate", "method_title": row.get("title", "Flat rate"), **row}
                               for row in wanted.shipping],
            "fee_lines": wanted.fees,
            "payment_method": wanted.payment_method,
            "payment_method_title": wanted.payment_method.replace("_", " ").title(),
            "meta_data": [{"key": key, "value": value} for key, value in wanted.meta.items()],
            "number": wanted.number,
        }  # fmt: skip
        if wanted.coupons:
            request["coupon_lines"] = [{"code": self._coupon(row)} for row in wanted.coupons]
        if wanted.currency:
            request["currency"] = wanted.currency
        if wanted.status:
            request["status"] = wanted.status
        elif wanted.paid:
            request["set_paid"] = True
            request["transaction_id"] = wanted.transaction_id or f"txn_{self._shop.letters(14)}"
        with self._told(wanted.webhooks, wanted.delay):
            return self._figures(self._orders.place(request, via="checkout", at=at))

    def place_orders(self, count: int, currency: str | None = None, days: int = 0, **given: Any) -> list[int]:
        """Many orders at once, each with one or two lines drawn from the seed, over the last ``days`` days."""
        made = []
        for _ in range(count):
            draw = self._shop.env.random
            lines = [
                {"name": f"Article {number_}", "sku": f"ART-{number_}", "quantity": draw.randint(1, 4),
                 "price": f"{draw.randint(99, 9999) / 100:.2f}"}
                for number_ in draw.sample(range(1, 40), draw.randint(1, 2))
            ]  # fmt: skip
            at = self._shop.now() - draw.randint(0, max(days, 0) * 86_400)
            told = {"at": f"{self._shop.local(at)}"} if days else {}
            made.append(self.place_order(lines, currency=currency, **told, **given)["id"])
        return made

    def pay(self, order: int | str, transaction_id: str | None = None, **told: Any) -> Record:
        """The gateway says that a pending order was paid."""
        found = self._orders.shop.must(order)
        with self._told(**told):
            self._orders.pay(found, transaction_id or f"txn_{self._shop.letters(14)}")
        return self._figures(found)

    def status(self, order: int | str, status: str, **told: Any) -> Record:
        """Moves an order to a status: completed, cancelled, on-hold, …"""
        found = self._shop.must(order)
        with self._told(**told):
            self._orders.to_status(found, status)
        return self._figures(found)

    def edit_order(
        self,
        order: int | str,
        add: Sequence[Record] = (),
        remove: Sequence[int] = (),
        fees: Sequence[Record] = (),
        note: str | None = None,
        currency: str | None = None,
        **told: Any,
    ) -> Record:
        """Adds lines and fees, removes lines by their ids, and computes the totals anew."""
        found = self._shop.must(order)
        given: Record = {"line_items": [self._line(row) for row in add]
                         + [{"id": id_, "product_id": None} for id_ in remove], "fee_lines": list(fees)}  # fmt: skip
        if note is not None:
            given["customer_note"] = note
        if currency is not None:
            given["currency"] = currency
        with self._told(**told):
            return self._figures(self._orders.change(found, given))

    def refund(
        self,
        order: int | str,
        lines: Sequence[Record] = (),
        amount: str | None = None,
        reason: str = "",
        restock: bool = True,
        through_gateway: bool = False,
        whole: bool = False,
        at: str | None = None,
        **told: Any,
    ) -> Record:
        """Refunds ``lines`` (``{"line": index or id, "quantity"}``, each with its share of price and tax), or a bare
        ``amount`` without lines, or with ``whole`` everything that is left, line by line."""
        found = self._shop.must(order)
        rows = [self._share(found, row) for row in (self._all_left(found) if whole else lines)]
        given: Record = {"reason": reason, "line_items": rows, "api_refund": through_gateway, "api_restock": restock}
        if whole:
            given["amount"] = str(self._refunds.left(found))
        elif amount is not None:
            given["amount"] = amount
        with self._told(**told):
            refund = self._refunds.create(found, given, at=self._instant(at))
        return {**self._figures(found), "refund_id": refund["id"], "refunded": shown(refund["amount"], 2)}

    def delete_refund(self, order: int | str, refund: int) -> Record:
        """Deletes a refund: no webhook tells it."""
        found, row = self._shop.must(order), self._shop.get(refund, refund=True)
        if row is None or row["parent"] != found["id"]:
            raise ValueError(f"there is no refund {refund} of order {order}")
        self._refunds.delete(found, row)
        return self._figures(found)

    def trash(self, order: int | str, **told: Any) -> Record:
        """Moves an order to the trash: ``order.deleted``."""
        found = self._shop.must(order)
        with self._told(**told):
            self._orders.trash(found)
        return self._figures(found)

    def restore(self, order: int | str, **told: Any) -> Record:
        """Takes an order out of the trash: ``order.restored``."""
        found = self._shop.must(order)
        with self._told(**told):
            self._orders.restore(found)
        return self._figures(found)

    def delete(self, order: int | str) -> Record:
        """Deletes an order for good: no webhook tells it."""
        found = self._shop.must(order)
        figures = self._figures(found)
        self._orders.delete(found)
        return figures

    def touch(self, order: int | str, webhook: bool = False, **told: Any) -> Record:
        """Looking at an order in the admin screens moved its ``date_modified`` (issue 41226); nothing else changes."""
        found = self._shop.must(order)
        self._shop.change(found)
        if webhook:
            with self._told(**told):
                self._orders.tell("woocommerce_update_order", found["id"])
        return self._figures(found)

    def report(self, by: str = "paid") -> Record:
        """The shop's own figures per day of its own zone, in minor units of ISO 4217 per currency: orders by the day on
        which they were paid (or ``created``) with their full totals and tax, refunds by theirs. What is unpaid, in the
        trash or deleted is left out."""
        days: dict[str, Record] = {}
        counts = {"orders": 0, "refunds": 0}
        for order in self._shop.select("parent = 0 AND status <> 'trash'", [], "created, id", -1):
            if order["paid"] is None:
                continue
            self._count(days, "orders", order[by], order["currency"], order["totals"]["total"])
            self._count(days, "tax", order[by], order["currency"], order["totals"]["total_tax"])
            counts["orders"] += 1
            for refund in self._shop.refunds(order["id"]):
                self._count(days, "refunds", refund["created"], refund["currency"], refund["amount"])
                counts["refunds"] += 1
        sums: dict[str, Record] = {"orders": {}, "refunds": {}}
        for row in days.values():
            for kind, sum_ in sums.items():
                for currency, minor in row[kind].items():
                    sum_[currency] = sum_.get(currency, 0) + minor
        return {"counts": counts, "sums": sums, "days": dict(sorted(days.items()))}

    # --- parts ------------------------------------------------------------------------------------------------------

    def _count(self, days: dict[str, Record], kind: str, moment: int, currency: str, amount: str) -> None:
        row = days.setdefault(self._shop.day(moment), {"orders": {}, "tax": {}, "refunds": {}})
        exact = from_text(shown(amount, self._shop.facts.decimals), currency).minor
        row[kind][currency] = row[kind].get(currency, 0) + exact

    @contextmanager
    def _told(self, webhooks: Manner = "normal", delay: float = 60.0) -> Iterator[None]:
        before = self._hooks.manner, self._hooks.delay
        self._hooks.manner, self._hooks.delay = webhooks, delay
        try:
            yield
        finally:
            self._hooks.manner, self._hooks.delay = before

    def _instant(self, text: str | None) -> int | None:
        return None if text is None else self._shop.instant(text)

    def _line(self, row: Record) -> Record:
        if "product_id" in row or "id" in row:
            return row
        found = self._catalogue.by_sku(str(row.get("sku", ""))) or next(
            (p for p in self._catalogue.products() if p["name"] == row.get("name") and not row.get("sku")), None
        )
        if found is None or ("price" in row and found["price"] != str(row["price"])):
            fields: Record = {name: row[name] for name in ("name", "sku", "tax_class", "virtual") if name in row}
            downloadable = {"downloadable": True} if row.get("virtual") else {}
            found = self._catalogue.save_product(
                {**fields, **downloadable, "regular_price": str(row["price"])}, found if row.get("sku") else None
            )
        kept: Record = {name: row[name] for name in ("quantity", "total", "subtotal") if name in row}
        return {"product_id": found["id"], **kept}

    def _coupon(self, row: str | Record) -> str:
        if isinstance(row, str):
            return row
        if self._catalogue.coupon(row["code"]) is None:
            self._catalogue.save_coupon(
                {"code": row["code"], "discount_type": row.get("type", "percent"), "amount": row["amount"]}
            )
        return str(row["code"])

    def _all_left(self, order: Record) -> list[Record]:
        back: dict[int, int] = {}
        for refund in self._shop.refunds(order["id"]):
            for item in refund["items"]:
                sold = int(next(row["value"] for row in item["meta"] if row["key"] == "_refunded_item_id"))
                back[sold] = back.get(sold, 0) - int(number(item.get("quantity", -1)))
        left = []
        for item in order["items"]:
            pieces = int(number(item.get("quantity", 1))) - back.get(item["id"], 0)
            if pieces > 0:
                left.append({"line": item["id"], "quantity": pieces})
        return left

    def _share(self, order: Record, row: Record) -> Record:
        """A line of a refund request: as many pieces' share of price and tax, rounded to the shop's decimals."""
        wanted = row["line"]
        item = next((i for at, i in enumerate(order["items"]) if wanted in (i["id"], at)), None)
        if item is None:
            raise ValueError(f"order {order['id']} has no line {wanted}")
        sold = number(item.get("quantity", 1)) or Decimal(1)
        share = number(row.get("quantity", sold)) / sold
        places = self._shop.facts.decimals
        return {
            "id": item["id"],
            "quantity": int(number(row.get("quantity", sold))) if item["kind"] == "line" else 0,
            "refund_total": str(rounded(number(item["total"]) * share, places)),
            "refund_tax": [
                {"id": int(key), "refund_total": str(rounded(number(tax["total"]) * share, places))}
                for key, tax in item["taxes"].items()
            ],
        }

    def _figures(self, order: Record) -> Record:
        places = self._shop.facts.decimals
        return {
            "id": order["id"],
            "number": order["number"],
            "status": order["status"],
            "currency": order["currency"],
            "total": shown(order["totals"]["total"], places),
            "total_tax": shown(order["totals"]["total_tax"], places),
            "left": shown(self._refunds.left(order), places),
            "paid": order["paid"] is not None,
            "item_ids": [item["id"] for item in order["items"]],
        }
