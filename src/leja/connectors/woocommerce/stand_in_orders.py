"""Orders: placed, changed, paid and moved from status to status, through REST or by the owner's hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from leja.connectors.woocommerce.stand_in_catalogue import Catalogue, merge_meta
from leja.connectors.woocommerce.stand_in_pricing import (
    add_up,
    apply_coupons,
    rates_for,
    tax_lines,
    without_tax,
)
from leja.connectors.woocommerce.stand_in_refusals import invalid, refused
from leja.connectors.woocommerce.stand_in_shop import Record, Shop, number, php

STATUSES: Final = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
CURRENCIES: Final = re.findall(
    "[A-Z]{3}",
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTC BTN BWP BYR BYN BZD CAD "
    "CDF CHF CLP CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP GHS GIP GMD GNF GTQ "
    "GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR IRT ISK JEP JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK "
    "LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN "
    "PGK PHP PKR PLN PRB PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SOS SRD SSP STN SYP SZL THB TJS TMT "
    "TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VEF VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW",
)
_TEXTS: Final = ("payment_method", "payment_method_title", "transaction_id", "customer_note")
_RECALCULATED: Final = ("billing", "shipping", "line_items", "shipping_lines", "fee_lines", "coupon_lines")
_TAKES_STOCK: Final = ("processing", "completed", "on-hold")
_GIVES_BACK: Final = ("cancelled", "pending")
_LINES: Final = (("line_items", "line"), ("shipping_lines", "shipping"), ("fee_lines", "fee"))
Tell = Callable[[str, int], None]


def one_of(names: Sequence[str]) -> str:
    """Names as WordPress lists them: ``A, B, and C``."""
    return f"{', '.join(names[:-1])}, and {names[-1]}"


class Orders:
    """``tell(hook, id)`` is called for every action hook that fires; ``refund_rest`` when an order is set to refunded.

    Both are set by those who build them.
    """

    tell: Tell
    refund_rest: Callable[[Record], None]

    def __init__(self, shop: Shop, catalogue: Catalogue, statuses: Sequence[str] = ()) -> None:
        self.shop, self.catalogue, self.statuses = shop, catalogue, (*STATUSES, *statuses)

    # --- placing and changing ---------------------------------------------------------------------------------------

    def place(self, given: Record, *, via: str = "rest-api", at: int | None = None, lag: float = 0.0) -> Record:
        """A new order from the fields of a REST request. ``at`` puts it into the past."""
        self._check(given)
        order = self._empty(given, via, at if at is not None else self.shop.now())
        self._write(order, given)
        self._priced(order, given)
        self.tell("woocommerce_new_order", order["id"])
        self.tell("woocommerce_update_order", order["id"])
        self.shop.keep(order, lag=lag)
        if given.get("status"):
            self._to_status(order, given["status"], at)
        if given.get("set_paid") is True:
            self._pay(order, given.get("transaction_id"), at)
        self.shop.keep(order, lag=lag)
        return order

    def change(self, order: Record, given: Record) -> Record:
        """Changes an order; items, addresses or coupons make its totals be computed anew."""
        self._check(given)
        self._write(order, given)
        if any(name in given for name in _RECALCULATED):
            self._priced(order, given)
        self.tell("woocommerce_update_order", order["id"])
        if given.get("status"):
            self._to_status(order, given["status"])
        if given.get("set_paid") is True and order["status"] in ("pending", "failed"):
            self._pay(order, given.get("transaction_id"))
        self.shop.change(order)
        return order

    def pay(self, order: Record, transaction_id: str | None = None, at: int | None = None) -> None:
        """The gateway says that it was paid."""
        self.tell("woocommerce_update_order", order["id"])
        self._pay(order, transaction_id, at)
        self.shop.change(order)

    def to_status(self, order: Record, status: str) -> None:
        """Moves an order to a status."""
        self.change(order, {"status": status})

    def trash(self, order: Record) -> None:
        """Moves to the trash: the one deletion that a webhook tells."""
        order["before_trash"], order["status"] = order["status"], "trash"
        self.shop.change(order)
        self.tell("woocommerce_trash_order", order["id"])

    def restore(self, order: Record) -> None:
        """Back from the trash."""
        order["status"] = order.pop("before_trash", "pending")
        self.shop.change(order)
        self.tell("woocommerce_untrash_order", order["id"])

    def delete(self, order: Record) -> None:
        """Deletes for good: orders in tables of their own fire no hook that a webhook hears."""
        self.shop.drop(order["id"])

    # --- parts ------------------------------------------------------------------------------------------------------

    def _check(self, given: Record) -> None:
        if "currency" in given and given["currency"] not in CURRENCIES:
            raise invalid({"currency": f"currency is not one of {one_of(CURRENCIES)}."}, "rest_not_in_enum")
        if given.get("status") and given["status"] not in self.statuses:
            raise invalid({"status": f"status is not one of {one_of(self.statuses)}."}, "rest_not_in_enum")
        if (customer := given.get("customer_id")) and not self.catalogue.find("customer", customer):
            raise refused("woocommerce_rest_invalid_customer_id", "Customer ID is invalid.", 400)
        for name, _ in _LINES:
            if name in given and not isinstance(given[name], list):
                raise invalid({name: f"{name} is not of type array."}, "rest_invalid_type")

    def _empty(self, given: Record, via: str, now: int) -> Record:
        order_id = self.shop.post_id()
        return {
            "id": order_id,
            "parent": 0,
            "number": str(given.get("number") or order_id),
            "status": "pending",
            "currency": given.get("currency", self.shop.facts.currency),
            "version": self.shop.facts.version,
            "prices_include_tax": self.shop.facts.prices_include_tax,
            "created": now,
            "modified": now,
            "completed": None,
            "paid": None,
            "customer_id": 0,
            "key": f"wc_order_{self.shop.letters(13)}",
            "billing": {},
            "shipping": {},
            **dict.fromkeys(_TEXTS, ""),
            "created_via": via,
            "meta": [],
            "items": [],
            "tax_items": [],
            "coupons": [],
        }

    def _write(self, order: Record, given: Record) -> None:
        for field in ("billing", "shipping"):
            order[field] = {**order[field], **(given.get(field) or {})}
        for field in _TEXTS:
            if given.get(field) is not None:
                order[field] = str(given[field])
        if given.get("customer_id") is not None:
            order["customer_id"] = given["customer_id"]
        order["currency"] = given.get("currency", order["currency"])
        merge_meta(self.shop, order, given.get("meta_data") or [], "order")
        for name, kind in _LINES:
            for entry in given.get(name) or []:
                self._item(order, kind, entry)

    def _item(self, order: Record, kind: str, entry: Record) -> None:
        old = next((i for i in order["items"] if entry.get("id") and i["id"] == entry["id"]), None)
        if entry.get("id") and old is None:
            raise refused(
                "woocommerce_rest_invalid_item_id", "Order item ID provided is not associated with order.", 400
            )
        names = {"line": "product_id", "shipping": "method_id", "fee": "name"}
        if old and (entry.get(names[kind], "") is None or entry.get("quantity") == 0):
            order["items"].remove(old)
            return
        item = old or self._new_item(kind, entry)
        if old is None:
            order["items"].append(item)
        if "name" in entry and entry["name"] is not None:
            item["name"] = str(entry["name"])
        for field in ("tax_class", "tax_status", "quantity", "method_id", "instance_id"):
            if field in entry and field in item:
                item[field] = entry[field]
        self._amounts(item, entry)
        merge_meta(self.shop, item, entry.get("meta_data") or [], "item")

    def _amounts(self, item: Record, entry: Record) -> None:
        for field in ("subtotal", "total"):
            if entry.get(field) not in (None, ""):
                try:
                    item[field] = str(number(entry[field]))
                except ValueError:
                    raise invalid({field: f"{field} is not of type string."}, "rest_invalid_type") from None
        if item["kind"] == "line" and abs(number(item["subtotal"])) < abs(number(item["total"])):
            item["subtotal"] = item["total"]

    def _new_item(self, kind: str, entry: Record) -> Record:
        item: Record = {"id": self.shop.item_id(), "kind": kind, "name": str(entry.get("name") or ""), "total": "0",
                        "subtotal": "0", "tax_class": "", "tax_status": "taxable", "taxes": {}, "meta": []}  # fmt: skip
        if kind == "shipping":
            item.update(method_id="", instance_id="", name=str(entry.get("method_title") or ""))
            return item
        if kind == "fee":
            return item
        if not entry.get("product_id") and not entry.get("sku") and not entry.get("variation_id"):
            raise refused("woocommerce_rest_required_product_reference", "Product ID or SKU is required.", 400)
        by_sku = self.catalogue.by_sku(str(entry.get("sku") or ""))
        product = by_sku or self.catalogue.product(int(entry.get("product_id") or 0))
        item.update(product_id=product["id"] if product else 0, variation_id=0, quantity=entry.get("quantity", 1))
        if product:
            item.update(name=product["name"], tax_class=product["tax_class"], tax_status=product["tax_status"])
            price = number(product["price"]) * number(item["quantity"])
            if self.shop.facts.prices_include_tax and product["tax_status"] == "taxable":
                home = (self.shop.facts.country, self.shop.facts.state)
                price = without_tax(price, rates_for(self.catalogue.rates(), product["tax_class"], home))
            item.update(total=str(price), subtotal=str(price))
        return item

    def _priced(self, order: Record, given: Record) -> None:
        rates, facts = self.catalogue.rates(), self.shop.facts
        tax_lines(order, rates, facts)
        self.name_rates(order, rates)
        if "coupon_lines" in given:
            self._coupons(order, given["coupon_lines"] or [])
            apply_coupons(order, rates, facts)
            tax_lines(order, rates, facts)
        add_up(order, facts)

    def name_rates(self, order: Record, rates: Sequence[Record]) -> None:
        """Keeps one tax line per rate that any line bears; those that are there keep their ids."""
        by_id = {str(row["id"]): row for row in rates}
        borne = list(dict.fromkeys(key for item in order["items"] for key in item["taxes"]))
        kept = {str(row["rate_id"]): row for row in order["tax_items"]}
        order["tax_items"] = [
            kept.get(key)
            or {"id": self.shop.item_id(), "rate_id": int(key), "code": self.catalogue.rate_code(by_id[key]),
                "label": by_id[key]["name"], "compound": by_id[key]["compound"], "percent": by_id[key]["rate"]}
            for key in borne
        ]  # fmt: skip

    def _coupons(self, order: Record, given: Sequence[Record]) -> None:
        order["coupons"] = []
        for entry in given:
            if entry.get("id"):
                raise refused("woocommerce_rest_coupon_item_id_readonly", "Coupon item ID is readonly.", 400)
            coupon = self.catalogue.coupon(str(entry.get("code") or ""))
            if coupon is None:
                raise refused("woocommerce_rest_invalid_coupon", f'Coupon "{entry.get("code")}" does not exist!', 400)
            info = [coupon["id"], coupon["code"], coupon["type"], php(number(coupon["amount"]))]
            told = msgspec.json.Encoder(decimal_format="number").encode(info).decode()
            order["coupons"].append({
                "id": self.shop.item_id(), "code": coupon["code"], "type": coupon["type"],
                "amount": coupon["amount"], "discount": "0", "discount_tax": "0",
                "meta": [self.shop.meta("coupon_info", told, "item")],
            })  # fmt: skip

    # --- status, payment, stock -------------------------------------------------------------------------------------

    def _pay(self, order: Record, transaction_id: str | None, at: int | None = None) -> None:
        if order["status"] not in ("on-hold", "pending", "failed", "cancelled"):
            return
        order["paid"] = order["paid"] or (at if at is not None else self.shop.now())
        if transaction_id:
            order["transaction_id"] = transaction_id
        self._to_status(order, "processing" if self.catalogue.needs_processing(order) else "completed", at)
        self.tell("woocommerce_payment_complete", order["id"])

    def _to_status(self, order: Record, status: str, at: int | None = None) -> None:
        if status == order["status"]:
            return
        order["status"], now = status, at if at is not None else self.shop.now()
        paid_by = ("processing", "completed") if self.catalogue.needs_processing(order) else ("completed",)
        if order["paid"] is None and status in paid_by:
            order["paid"] = now
        if status == "completed":
            order["completed"] = now
        if order["paid"] is not None and order["customer_id"]:
            self.catalogue.has_paid(order["customer_id"])
        if status in _TAKES_STOCK:
            self._reduce_stock(order)
        if status in _GIVES_BACK:
            self._give_back(order)
        if status == "refunded":
            self.refund_rest(order)
        self.tell(f"woocommerce_order_status_{status}", order["id"])

    def _reduce_stock(self, order: Record) -> None:
        for item in order["items"]:
            product = self.catalogue.product(item.get("product_id", 0)) if item["kind"] == "line" else None
            if product is None or any(row["key"] == "_reduced_stock" for row in item["meta"]):
                continue
            pieces = int(number(item["quantity"]))
            if not order.get("counted"):
                self.catalogue.count_sold(product, pieces)
            if product["manage_stock"]:
                self.catalogue.move_stock(product, -pieces)
                item["meta"].append(self.shop.meta("_reduced_stock", str(pieces), "item"))
                self.tell("woocommerce_update_product", product["id"])
        order["counted"] = True

    def _give_back(self, order: Record) -> None:
        for item in order["items"]:
            for row in [row for row in item["meta"] if row["key"] == "_reduced_stock"]:
                self.restock(item, int(row["value"]))
                item["meta"].remove(row)

    def restock(self, item: Record, pieces: int) -> None:
        """Puts pieces of a line back on the shelf."""
        product = self.catalogue.product(item["product_id"])
        if product and product["manage_stock"] and pieces:
            self.catalogue.move_stock(product, pieces)
            self.tell("woocommerce_update_product", product["id"])
