"""What REST shows of each thing: the fields of WooCommerce 11.0.1, in its order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from leja.connectors.woocommerce.stand_in_catalogue import Catalogue
from leja.connectors.woocommerce.stand_in_pricing import line_tax, rate_totals
from leja.connectors.woocommerce.stand_in_shop import Record, Shop, number, php, shown

BILLING: Final = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode",
                  "country", "email", "phone")  # fmt: skip
SHIPPING: Final = tuple(field for field in BILLING if field != "email")
_OF_A_CUSTOMER: Final = ("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country",
                         "state", "email", "phone")  # fmt: skip
_ALL: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_SYMBOLS: Final = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥", "KES": "KSh", "UGX": "UGX", "NGN": "₦", "ZAR": "R"}
_EDITABLE: Final = frozenset({"pending", "on-hold", "auto-draft"})


class Shapes:
    """Makes the REST representation of stored things; ``decimals`` is the parameter ``dp``."""

    def __init__(self, shop: Shop, catalogue: Catalogue) -> None:
        self._shop, self._catalogue = shop, catalogue
        self._api = f"{shop.url}/wp-json/wc/v3"

    def _links(self, path: str, allow: Sequence[str] = tuple(_ALL)) -> Record:
        return {
            "self": [{"href": f"{self._api}/{path}", "targetHints": {"allow": list(allow)}}],
            "collection": [{"href": f"{self._api}/{path.rpartition('/')[0]}"}],
        }

    def _dates(self, row: Record, *names: str) -> Record:
        told: Record = {}
        for name in names:
            told[f"date_{name}"] = self._shop.local(row.get(name))
            told[f"date_{name}_gmt"] = gmt(row.get(name))
        return told

    # --- orders -----------------------------------------------------------------------------------------------------

    def order(self, order: Record, decimals: int | None = None) -> Record:
        """An order, with the short form of its refunds."""
        dp = self._shop.facts.decimals if decimals is None else decimals
        sums = order["totals"]
        return {
            "id": order["id"],
            "parent_id": 0,
            "status": order["status"],
            "currency": order["currency"],
            "version": order["version"],
            "prices_include_tax": order["prices_include_tax"],
            "date_created": self._shop.local(order["created"]),
            "date_modified": self._shop.local(order["modified"]),
            "discount_total": shown(sums["discount"], dp),
            "discount_tax": shown(sums["discount_tax"], dp),
            "shipping_total": shown(sums["shipping"], dp),
            "shipping_tax": shown(sums["shipping_tax"], dp),
            "cart_tax": shown(sums["cart_tax"], dp),
            "total": shown(sums["total"], dp),
            "total_tax": shown(sums["total_tax"], dp),
            "customer_id": order["customer_id"],
            "order_key": order["key"],
            "billing": {field: order["billing"].get(field, "") for field in BILLING},
            "shipping": {field: order["shipping"].get(field, "") for field in SHIPPING},
            "payment_method": order["payment_method"],
            "payment_method_title": order["payment_method_title"],
            "transaction_id": order["transaction_id"],
            "customer_ip_address": "",
            "customer_user_agent": "",
            "created_via": order["created_via"],
            "customer_note": order["customer_note"],
            "date_completed": self._shop.local(order["completed"]),
            "date_paid": self._shop.local(order["paid"]),
            "cart_hash": "",
            "number": order["number"],
            "meta_data": order["meta"],
            **self._lines(order, dp),
            "coupon_lines": [self._coupon_line(row, dp) for row in order["coupons"]],
            "refunds": [
                {"id": row["id"], "reason": row["reason"], "total": shown(-number(row["amount"]), dp),
                 "total_tax": shown(row["totals"]["total_tax"], dp)}
                for row in self._shop.refunds(order["id"])
            ],
            **self._of_the_order(order),
        }  # fmt: skip

    def _of_the_order(self, order: Record) -> Record:
        owed = number(order["totals"]["total"]) > 0
        links = self._links(f"orders/{order['id']}")
        actions = f"{self._api}/orders/{order['id']}/actions/email_templates"
        links["email_templates"] = [{"embeddable": True, "href": actions}]
        if order["customer_id"]:
            links["customer"] = [{"href": f"{self._api}/customers/{order['customer_id']}"}]
        pay = f"{self._shop.url}/checkout/order-pay/{order['id']}/?pay_for_order=true&key={order['key']}"
        return {
            "payment_url": pay,
            "is_editable": order["status"] in _EDITABLE,
            "needs_payment": order["status"] in ("pending", "failed") and owed,
            "needs_processing": self._catalogue.needs_processing(order),
            "date_created_gmt": gmt(order["created"]),
            "date_modified_gmt": gmt(order["modified"]),
            "date_completed_gmt": gmt(order["completed"]),
            "date_paid_gmt": gmt(order["paid"]),
            "currency_symbol": _SYMBOLS.get(order["currency"], order["currency"]),
            "_links": links,
        }

    def _lines(self, order: Record, dp: int) -> Record:
        of_kind: dict[str, list[Record]] = {"line": [], "shipping": [], "fee": []}
        for item in order["items"]:
            of_kind[item["kind"]].append(item)
        return {
            "line_items": [self._line(item, dp) for item in of_kind["line"]],
            "tax_lines": [self._tax_line(order, row, dp) for row in order["tax_items"]],
            "shipping_lines": [self._shipping(item, dp) for item in of_kind["shipping"]],
            "fee_lines": [self._fee(item, dp) for item in of_kind["fee"]],
        }

    def _line(self, item: Record, dp: int) -> Record:
        product = self._catalogue.product(item["variation_id"] or item["product_id"])
        quantity = number(item["quantity"]) or Decimal(1)
        return {
            "id": item["id"],
            "name": item["name"],
            "product_id": item["product_id"],
            "variation_id": item["variation_id"],
            "quantity": php(number(item["quantity"])),
            "tax_class": item["tax_class"],
            "subtotal": shown(item["subtotal"], dp),
            "subtotal_tax": shown(line_tax(item, self._shop.facts, "subtotal"), dp),
            "total": shown(item["total"], dp),
            "total_tax": shown(line_tax(item, self._shop.facts), dp),
            "taxes": self._taxes(item, dp),
            "meta_data": [self._item_meta(row) for row in item["meta"]],
            "sku": product["sku"] if product else None,
            "global_unique_id": "" if product else None,
            "price": php(number(item["total"]) / quantity),
            "image": {"id": "" if product else 0, "src": ""},
            "parent_name": None,
        }

    def _shipping(self, item: Record, dp: int) -> Record:
        return {
            "id": item["id"],
            "method_title": item["name"],
            "method_id": item["method_id"],
            "instance_id": item["instance_id"],
            "total": shown(item["total"], dp),
            "total_tax": shown(line_tax(item, self._shop.facts), dp),
            "taxes": self._taxes(item, dp),
            "tax_status": item["tax_status"],
            "meta_data": [self._item_meta(row) for row in item["meta"]],
        }

    def _fee(self, item: Record, dp: int) -> Record:
        return {
            "id": item["id"],
            "name": item["name"],
            "tax_class": item["tax_class"],
            "tax_status": item["tax_status"],
            "amount": "",
            "total": shown(item["total"], dp),
            "total_tax": shown(line_tax(item, self._shop.facts), dp),
            "taxes": self._taxes(item, dp),
            "meta_data": [self._item_meta(row) for row in item["meta"]],
        }

    def _taxes(self, item: Record, dp: int) -> list[Record]:
        return [
            {"id": int(key), "total": shown(tax["total"], dp),
             "subtotal": shown(tax["subtotal"], dp) if tax["subtotal"] else ""}
            for key, tax in item["taxes"].items()
        ]  # fmt: skip

    def _tax_line(self, order: Record, row: Record, dp: int) -> Record:
        sums = rate_totals(order, self._shop.facts).get(str(row["rate_id"]), {"tax": 0, "shipping": 0})
        return {
            "id": row["id"],
            "rate_code": row["code"],
            "rate_id": row["rate_id"],
            "label": row["label"],
            "compound": row["compound"],
            "tax_total": shown(sums["tax"], dp),
            "shipping_tax_total": shown(sums["shipping"], dp),
            "rate_percent": php(number(row["percent"])),
            "meta_data": [],
        }

    def _coupon_line(self, row: Record, dp: int) -> Record:
        return {
            "id": row["id"],
            "code": row["code"],
            "discount": shown(row["discount"], dp),
            "discount_tax": shown(row["discount_tax"], dp),
            "meta_data": [self._item_meta(meta) for meta in row["meta"]],
            "discount_type": row["type"],
            "nominal_amount": php(number(row["amount"])),
            "free_shipping": False,
        }

    def _item_meta(self, row: Record) -> Record:
        return {**row, "display_key": row["key"], "display_value": row["value"]}

    def refund(self, refund: Record, decimals: int | None = None, *, whole_shop: bool = False) -> Record:
        """A refund; ``whole_shop`` is the shape of ``/refunds``, which names the order."""
        dp = self._shop.facts.decimals if decimals is None else decimals
        path = f"orders/{refund['parent']}/refunds/{refund['id']}"
        links = self._links(path, ["GET", "DELETE"])
        links["up"] = [{"href": f"{self._api}/orders/{refund['parent']}"}]
        if whole_shop:
            links["refunded_by"] = [{"href": f"{self._shop.url}/wp-json/wp/v2/users/1", "embeddable": True}]
        lines = self._lines(refund, dp)
        return {
            "id": refund["id"],
            **({"parent_id": refund["parent"]} if whole_shop else {}),
            "date_created": self._shop.local(refund["created"]),
            "date_created_gmt": gmt(refund["created"]),
            "amount": shown(refund["amount"], dp),
            "reason": refund["reason"],
            "refunded_by": 1,
            "refunded_payment": refund["refunded_payment"],
            "meta_data": refund["meta"],
            "line_items": lines["line_items"],
            "shipping_lines": lines["shipping_lines"],
            "tax_lines": lines["tax_lines"],
            "fee_lines": lines["fee_lines"],
            "_links": links,
        }

    def note(self, note: Record) -> Record:
        """A note of an order."""
        links = self._links(f"orders/{note['order']}/notes/{note['id']}", ["GET", "DELETE"])
        links["up"] = [{"href": f"{self._api}/orders/{note['order']}"}]
        return {
            "id": note["id"],
            "author": note["author"],
            **self._dates(note, "created"),
            "note": note["note"],
            "customer_note": note["customer_note"],
            "_links": links,
        }

    # --- what orders are about --------------------------------------------------------------------------------------

    def product(self, row: Record, *, created: bool = False) -> Record:
        """A simple product; ``created`` is the answer to the request that made it, which tells two fields more."""
        others = [other["id"] for other in self._catalogue.products() if other["id"] != row["id"]]
        symbol = {"$": "&#36;", "£": "&pound;", "€": "&euro;", "¥": "&yen;"}
        unit = _SYMBOLS.get(self._shop.facts.currency, self._shop.facts.currency)
        html = (
            '<span class="woocommerce-Price-amount amount"><bdi><span class="woocommerce-Price-currencySymbol"'
            f' translate="no">{symbol.get(unit, unit)}</span>{row["price"]}</bdi></span>'
        )
        told = {
            "id": row["id"],
            "name": row["name"],
            "slug": row["slug"],
            "permalink": f"{self._shop.url}/product/{row['slug']}/",
            **self._dates(row, "created", "modified"),
            **_product_facts(row, created),
            "price_html": html if row["price"] else "",
            "related_ids": others[:5],
            "meta_data": row["meta"],
            "stock_status": "instock" if not row["manage_stock"] or row["stock"] > 0 else "outofstock",
            "has_options": False,
            "post_password": "",
            "global_unique_id": "",
        }
        if created:
            told["permalink_template"] = f"{self._shop.url}/product/%pagename%/"
            told["generated_slug"] = row["slug"]
        return {**told, "_links": self._links(f"products/{row['id']}")}

    def coupon(self, row: Record) -> Record:
        """A coupon."""
        return {
            "id": row["id"],
            "code": row["code"],
            "amount": shown(row["amount"], 2),
            "status": "publish",
            **self._dates(row, "created", "modified"),
            "discount_type": row["type"],
            "description": row["description"],
            "date_expires": None,
            "date_expires_gmt": None,
            "usage_count": row["used"],
            "individual_use": False,
            "product_ids": [],
            "excluded_product_ids": [],
            "usage_limit": None,
            "usage_limit_per_user": None,
            "limit_usage_to_x_items": None,
            "free_shipping": False,
            "product_categories": [],
            "excluded_product_categories": [],
            "exclude_sale_items": False,
            "minimum_amount": "0.00",
            "maximum_amount": "0.00",
            "email_restrictions": [],
            "used_by": [],
            "meta_data": [],
            "_links": self._links(f"coupons/{row['id']}"),
        }

    def customer(self, row: Record) -> Record:
        """A customer."""
        digest = row["avatar"]
        return {
            "id": row["id"],
            **self._dates(row, "created", "modified"),
            "email": row["email"],
            "first_name": row["first_name"],
            "last_name": row["last_name"],
            "role": "customer",
            "username": row["username"],
            "billing": {field: row["billing"].get(field, "") for field in _OF_A_CUSTOMER},
            "shipping": {field: row["shipping"].get(field, "") for field in _OF_A_CUSTOMER if field != "email"},
            "is_paying_customer": row["paying"],
            "avatar_url": f"https://secure.gravatar.com/avatar/{digest}?s=96&d=mm&r=g",
            "meta_data": row["meta"],
            "_links": self._links(f"customers/{row['id']}"),
        }

    def tax_rate(self, row: Record) -> Record:
        """A tax rate."""
        names = ("id", "country", "state", "postcode", "city", "rate", "name", "priority", "compound", "shipping",
                 "order", "class")  # fmt: skip
        return {
            **{name: row[name] for name in names},
            "postcodes": [],
            "cities": [],
            "_links": self._links(f"taxes/{row['id']}"),
        }

    def webhook(self, row: Record) -> Record:
        """A webhook; the secret and the count of failures are never shown."""
        names = ("id", "name", "status", "topic", "resource", "event", "hooks", "delivery_url")
        return {
            **{name: row[name] for name in names},
            **self._dates(row, "created", "modified"),
            "_links": self._links(f"webhooks/{row['id']}"),
        }


def _product_facts(row: Record, created: bool) -> Record:
    virtual = row["virtual"]
    return {
        "type": "simple", "status": "publish", "featured": False, "catalog_visibility": "visible", "description": "",
        "short_description": "", "sku": row["sku"], "price": row["price"], "regular_price": row["price"],
        "sale_price": "", "date_on_sale_from": None, "date_on_sale_from_gmt": None, "date_on_sale_to": None,
        "date_on_sale_to_gmt": None, "on_sale": False, "purchasable": bool(row["price"]), "total_sales": row["sold"],
        "virtual": virtual, "downloadable": row["downloadable"], "downloads": [], "download_limit": -1,
        "download_expiry": -1, "external_url": "", "button_text": "", "tax_status": row["tax_status"],
        "tax_class": row["tax_class"], "manage_stock": row["manage_stock"],
        "stock_quantity": row["stock"] if row["manage_stock"] else None, "backorders": "no",
        "backorders_allowed": False, "backordered": False, "low_stock_amount": None, "sold_individually": False,
        "weight": "", "dimensions": {"length": "", "width": "", "height": ""}, "shipping_required": not virtual,
        "shipping_taxable": not virtual, "shipping_class": "", "shipping_class_id": 0, "reviews_allowed": True,
        "average_rating": "0" if created else "0.00", "rating_count": 0, "upsell_ids": [], "cross_sell_ids": [],
        "parent_id": 0, "purchase_note": "",
        "categories": [{"id": 15, "name": "Uncategorized", "slug": "uncategorized"}], "brands": [], "tags": [],
        "images": [], "attributes": [], "default_attributes": [], "variations": [], "grouped_products": [],
        "menu_order": 0,
    }  # fmt: skip


def gmt(moment: int | None) -> str | None:
    """An instant in UTC, without a suffix, as REST writes it."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S")
