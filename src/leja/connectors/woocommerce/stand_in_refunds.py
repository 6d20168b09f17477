"""Refunds of the stand-in: with lines or as a bare amount, through the gateway or by hand, with or without restocking."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from leja.connectors.woocommerce.stand_in_orders import Orders
from leja.connectors.woocommerce.stand_in_refusals import bare
from leja.connectors.woocommerce.stand_in_shop import Record, number

_FAILED: Final = "woocommerce_rest_cannot_create_order_refund"


class Refunds:
    """Makes and deletes refunds. ``gateways`` are the payment methods whose gateway pays back by itself."""

    def __init__(self, orders: Orders, gateways: Sequence[str]) -> None:
        self._orders, self._shop, self._gateways = orders, orders.shop, gateways
        orders.refund_rest = self._rest

    def left(self, order: Record) -> Decimal:
        """What of the order's total is not refunded yet."""
        done = sum((number(row["amount"]) for row in self._shop.refunds(order["id"])), Decimal(0))
        return number(order["totals"]["total"]) - done

    def create(self, order: Record, given: Record, *, lag: float = 0.0, at: int | None = None) -> Record:
        """A refund from the fields of a REST request. The plugin's own refusals come with status 500."""
        lines = [entry for entry in given.get("line_items") or [] if self._says_something(entry)]
        amount = number(given["amount"]) if given.get("amount") not in (None, "") else self._worth(lines)
        if amount < 0:
            raise bare("woocommerce_rest_invalid_order_refund", "Refund amount must be greater than zero.", 400)
        if amount > self.left(order):
            raise bare(_FAILED, "Invalid refund amount.", 500)
        through = given.get("api_refund", True) is not False
        if through and order["payment_method"] not in self._gateways:
            words = "does not support automatic refunds" if order["payment_method"] else "does not exist"
            raise bare(_FAILED, f"The payment gateway for this order {words}.", 500)
        whole = amount == self.left(order)
        refund = self._empty(order, amount, str(given.get("reason") or ""), through, at)
        for entry in lines:
            refund["items"].append(self._line(order, entry))
        self._orders.name_rates(refund, self._orders.catalogue.rates())
        refund["totals"]["total_tax"] = str(
            sum((number(t["total"]) for i in refund["items"] for t in i["taxes"].values()), Decimal(0))
        )
        refund["meta"].append(self._shop.meta("_refund_type", "full" if whole else "partial", "order"))
        for entry in given.get("meta_data") or []:
            refund["meta"].append(self._shop.meta(entry["key"], entry["value"], "order"))
        self._shop.keep(refund, lag=lag)
        if given.get("api_restock", True) is not False:
            self._restock(order, lines)
        self._settle(order, whole)
        return refund

    def delete(self, order: Record, refund: Record) -> None:
        """Deletes a refund: the order stays as it is, and version 11.0 tells no webhook."""
        self._shop.drop(refund["id"])
        self._shop.change(order)

    def _rest(self, order: Record) -> None:
        if (amount := self.left(order)) > 0:
            refund = self._empty(order, amount, "Order fully refunded.", False, None)
            refund["meta"].append(self._shop.meta("_refund_type", "full", "order"))
            self._shop.keep(refund)
            self._orders.tell("woocommerce_order_refunded", order["id"])

    def _settle(self, order: Record, whole: bool) -> None:
        self._orders.tell("woocommerce_order_refunded", order["id"])
        if whole and order["status"] != "refunded":
            order["status"] = "refunded"
            self._orders.tell("woocommerce_order_status_refunded", order["id"])
        self._shop.change(order)
        self._orders.tell("woocommerce_update_order", order["id"])

    def _empty(self, order: Record, amount: Decimal, reason: str, through: bool, at: int | None) -> Record:
        now = at if at is not None else self._shop.now()
        return {
            "id": self._shop.post_id(), "parent": order["id"], "status": "completed", "customer_id": 0,
            "created": now, "modified": now, "currency": order["currency"], "amount": str(amount), "reason": reason,
            "refunded_payment": through, "meta": [], "items": [], "tax_items": [], "totals": {"total_tax": "0"},
        }  # fmt: skip

    def _says_something(self, entry: Record) -> bool:
        return bool(number(entry.get("quantity")) or number(entry.get("refund_total")) or entry.get("refund_tax"))

    def _worth(self, lines: Sequence[Record]) -> Decimal:
        return sum(
            (number(e.get("refund_total")) + sum((number(t.get("refund_total")) for t in e.get("refund_tax") or []),
                                                 Decimal(0)) for e in lines),
            Decimal(0),
        )  # fmt: skip

    def _line(self, order: Record, entry: Record) -> Record:
        sold = next((item for item in order["items"] if item["id"] == entry.get("id")), None)
        if sold is None:
            raise bare(_FAILED, "Order item ID provided is not associated with order.", 500)
        total = str(-number(entry.get("refund_total")))
        taxes = {str(t["id"]): str(-number(t.get("refund_total"))) for t in entry.get("refund_tax") or []}
        item = {
            **{name: value for name, value in sold.items() if name not in ("meta", "taxes")},
            "id": self._shop.item_id(),
            "total": total,
            "subtotal": total,
            "taxes": {
                key: {"total": tax, "subtotal": tax if sold["kind"] == "line" else ""} for key, tax in taxes.items()
            },
            "meta": [self._shop.meta("_refunded_item_id", str(sold["id"]), "item")],
        }
        if sold["kind"] == "line":
            item["quantity"] = -int(number(entry.get("quantity")))
        return item

    def _restock(self, order: Record, lines: Sequence[Record]) -> None:
        for entry in lines:
            item = next(item for item in order["items"] if item["id"] == entry["id"])
            taken = next((row for row in item["meta"] if row["key"] == "_reduced_stock"), None)
            pieces = int(number(entry.get("quantity")))
            if taken is None or not pieces:
                continue
            taken["value"] = str(int(taken["value"]) - pieces)
            back = next((row for row in item["meta"] if row["key"] == "_restock_refunded_items"), None)
            if back is None:
                back = self._shop.meta("_restock_refunded_items", "0", "item")
                item["meta"].append(back)
            back["value"] = str(int(back["value"]) + pieces)
            self._orders.restock(item, pieces)
