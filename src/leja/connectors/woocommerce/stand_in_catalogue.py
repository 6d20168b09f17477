"""Products, coupons, customers and tax rates of the stand-in."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from leja.connectors.woocommerce.stand_in_refusals import refused
from leja.connectors.woocommerce.stand_in_shop import Record, Shop, number

_COUPON_TYPES: Final = ("percent", "fixed_cart", "fixed_product")
_ADDRESS: Final = ("billing", "shipping")


class Catalogue:
    """Keeps what orders are about. ``save_…`` take the fields of a REST request, with the old row when one is changed."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._store = shop, shop.env.store

    def find(self, kind: str, key: int | str) -> Record | None:
        """The product, coupon, customer or tax_rate of that id."""
        row: Record | None = self._store.get(kind, key)
        return row

    def each(self, kind: str) -> list[Record]:
        """All of a kind, oldest first."""
        return self._store.each(kind)

    def remove(self, kind: str, key: int) -> None:
        """Deletes for good."""
        self._store.remove(kind, key)

    def _keep(self, kind: str, row: Record) -> Record:
        self._store.put(kind, row["id"], row, sort=f"{row['id']:012d}")
        return row

    # --- products ---------------------------------------------------------------------------------------------------

    def product(self, product_id: int) -> Record | None:
        """The product of that id, or None."""
        return self.find("product", product_id) if product_id else None

    def products(self) -> list[Record]:
        """All products."""
        return self.each("product")

    def by_sku(self, sku: str) -> Record | None:
        """The product of that SKU, or None."""
        return next((row for row in self.products() if row["sku"] == sku and sku), None)

    def save_product(self, given: Record, old: Record | None = None) -> Record:
        """Creates or changes a simple product."""
        sku = str(given.get("sku", old["sku"] if old else ""))
        twin = self.by_sku(sku)
        if twin and (old is None or twin["id"] != old["id"]):
            raise refused("product_invalid_sku", "Invalid or duplicated SKU.", 400,
                          extra={"resource_id": twin["id"], "unique_sku": f"{sku}-1"})  # fmt: skip
        now, name = self._shop.now(), str(given.get("name", old["name"] if old else "Product"))
        row = old or {
            "id": self._shop.post_id(), "slug": slug(name), "price": "", "created": now, "sold": 0, "meta": [],
            "manage_stock": False, "stock": 0, "virtual": False, "downloadable": False, "tax_class": "",
            "tax_status": "taxable",
        }  # fmt: skip
        row.update(name=name, sku=sku, modified=now)
        if "regular_price" in given:
            row["price"] = str(given["regular_price"])
        for field in ("manage_stock", "virtual", "downloadable", "tax_class", "tax_status"):
            row[field] = given.get(field, row[field])
        if given.get("stock_quantity") is not None:
            row["stock"] = int(number(given["stock_quantity"]))
        merge_meta(self._shop, row, given.get("meta_data", []), "product")
        return self._keep("product", row)

    def move_stock(self, product: Record, pieces: int) -> None:
        """Takes pieces in (or, negative, out); an order counts as sold."""
        product["stock"] += pieces
        product["modified"] = self._shop.now()
        self._keep("product", product)

    def count_sold(self, product: Record, pieces: int) -> None:
        """What the shop counts as sold of it."""
        product["sold"] += pieces
        self._keep("product", product)

    def needs_processing(self, order: Record) -> bool:
        """Whether somebody must send something: a line whose product is there and is no download."""
        for item in order["items"]:
            product = self.product(item.get("product_id", 0)) if item["kind"] == "line" else None
            if product and not (product["virtual"] and product["downloadable"]):
                return True
        return False

    # --- coupons, customers, tax rates ------------------------------------------------------------------------------

    def coupon(self, code: str) -> Record | None:
        """The coupon of that code, whatever its case."""
        return next((row for row in self.each("coupon") if row["code"] == code.lower()), None)

    def save_coupon(self, given: Record, old: Record | None = None) -> Record:
        """Creates or changes a coupon."""
        code = str(given.get("code", old["code"] if old else "")).lower()
        if not code:
            raise refused("woocommerce_rest_empty_coupon_code", "The coupon code cannot be empty.", 400)
        if old is None and self.coupon(code):
            raise refused("woocommerce_rest_coupon_code_already_exists", "The coupon code already exists", 400)
        kind = given.get("discount_type", old["type"] if old else "fixed_cart")
        if kind not in _COUPON_TYPES:
            raise refused("woocommerce_rest_invalid_discount_type", "Invalid discount type", 400)
        now = self._shop.now()
        row = old or {"id": self._shop.post_id(), "created": now, "used": 0, "amount": "0", "description": ""}
        row.update(code=code, type=kind, amount=str(given.get("amount", row["amount"])), modified=now)
        row["description"] = given.get("description", row["description"])
        return self._keep("coupon", row)

    def save_customer(self, given: Record, old: Record | None = None) -> Record:
        """Creates or changes a customer."""
        email = str(given.get("email", old["email"] if old else ""))
        if "@" not in email:
            raise refused("registration-error-invalid-email", "Please provide a valid email address.", 400)
        if any(row["email"] == email and row is not old and (not old or row["id"] != old["id"])
               for row in self.each("customer")):  # fmt: skip
            raise refused("registration-error-email-exists",
                          "An account is already registered with your email address.", 400)  # fmt: skip
        now = self._shop.now()
        row = old or {"id": self._store.next_number("user", 2), "created": now, "paying": False, "meta": [],
                      "username": given.get("username") or email.partition("@")[0], "first_name": "",
                      "last_name": "", "billing": {}, "shipping": {}}  # fmt: skip
        row.update(email=email, modified=now, avatar=hashlib.sha256(email.encode()).hexdigest())
        for field in ("first_name", "last_name"):
            row[field] = given.get(field, row[field])
        for field in _ADDRESS:
            row[field] = {**row[field], **given.get(field, {})}
        merge_meta(self._shop, row, given.get("meta_data", []), "customer")
        return self._keep("customer", row)

    def has_paid(self, customer_id: int) -> None:
        """Notes that a customer has paid an order."""
        if row := self.find("customer", customer_id):
            row.update(paying=True, modified=self._shop.now())
            self._keep("customer", row)

    def save_rate(self, given: Record, old: Record | None = None) -> Record:
        """Creates or changes a tax rate; a rate is text with four places."""
        row = old or {"id": self._store.next_number("tax_rate"), "country": "", "state": "", "postcode": "",
                      "city": "", "rate": "0.0000", "name": "Tax", "priority": 1, "compound": False,
                      "shipping": True, "order": 0, "class": "standard"}  # fmt: skip
        for field in row:
            if field != "id" and field in given:
                row[field] = given[field]
        row["rate"] = f"{number(row['rate']):.4f}"
        row["class"] = row["class"] or "standard"
        return self._keep("tax_rate", row)

    def rates(self) -> list[Record]:
        """All tax rates."""
        return self.each("tax_rate")

    def rate_code(self, row: Record) -> str:
        """The code that tax lines bear, such as ``US-CA-CA SALES TAX-1``."""
        parts = [row["country"], row["state"], row["name"].upper() or "TAX", str(row["priority"])]
        return "-".join(part for part in parts if part)


def slug(name: str) -> str:
    """A name as part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def merge_meta(shop: Shop, row: Record, given: list[Record], kind: str) -> None:
    """Meta data of a request: by id, else by key; a null value deletes, a new key is added."""
    for entry in given:
        value: Any = entry.get("value")
        found = next((old for old in row["meta"] if entry.get("id") and old["id"] == entry["id"]), None)
        found = found or next((old for old in row["meta"] if old["key"] == entry.get("key")), None)
        if value is None:
            row["meta"] = [old for old in row["meta"] if old is not found]
        elif found:
            found["value"] = value
        else:
            row["meta"].append(shop.meta(str(entry["key"]), value, kind))
