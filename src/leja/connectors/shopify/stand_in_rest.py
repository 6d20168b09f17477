"""The REST shapes of the stand-in, which webhooks carry too: field for field those of the vendor's 2026-07 samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from leja.connectors.shopify.stand_in_orders import (
    Orders,
    Record,
    discount,
    financial_status,
    fulfilled,
    fulfilment_status,
    minor,
    outstanding,
    plain,
    presented,
    received,
    short,
    totals,
)


class Shapes:
    """Renders stored orders as the vendor's REST resources."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def order(self, order: Record) -> Record:
        """The whole order, as ``orders/...`` webhooks and ``orders/{id}.json`` carry it."""
        bag, shipped = _bags(order), fulfilled(order)
        return {
            **self._head(order),
            **self._amounts(order, bag),
            "billing_address": order["address"],
            "customer": self._customer(order),
            "discount_applications": [_application(row) for row in order["applications"]],
            "fulfillments": [self.fulfilment(order, row) for row in order["fulfilments"]],
            "line_items": [line_item(order, line, bag, shipped) for line in order["lines"]],
            "payment_terms": None,
            "refunds": [self.refund(order, row) for row in order["refunds"]],
            "shipping_address": order["address"],
            "shipping_lines": [_shipping_line(order, line, bag) for line in order["shipping"]],
        }

    def _head(self, order: Record) -> Record:
        local, token = self._orders.local, f"{order['id']:032x}"
        return {
            "id": order["id"],
            "admin_graphql_api_id": f"gid://shopify/Order/{order['id']}",
            "app_id": 580111 if order["source_name"] == "web" else 129785,
            "browser_ip": None,
            "buyer_accepts_marketing": False,
            "cancel_reason": order["cancel_reason"],
            "cancelled_at": local(order["cancelled_at"]),
            "cart_token": None,
            "checkout_id": order["id"] + 7,
            "checkout_token": token,
            "client_details": None,
            "closed_at": local(order["closed_at"]),
            "confirmation_number": f"C{order['number']:08d}",
            "confirmed": True,
            "contact_email": order["email"],
            "created_at": local(order["created_at"]),
            "currency": order["currency"],
            "customer_locale": "en",
            "device_id": None,
            "discount_codes": order["discount_codes"],
            "duties_included": False,
            "email": order["email"] or "",
            "estimated_taxes": False,
            "financial_status": financial_status(order),
            "fulfillment_status": fulfilment_status(order),
            "landing_site": None,
            "landing_site_ref": None,
            "location_id": order["location_id"],
            "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
            "merchant_of_record_app_id": None,
            "name": order["name"],
            "note": order["note"],
            "note_attributes": [],
            "number": order["number"] - 1000,
            "order_number": order["number"],
            "order_status_url": f"https://{self._orders.shop.domain}/1/orders/{token}/authenticate?key=none",
            "payment_gateway_names": list(dict.fromkeys(t["gateway"] for t in order["transactions"])),
            "phone": None,
            "po_number": None,
            "presentment_currency": order["presentment"],
            "processed_at": local(order["processed_at"]),
            "reference": None,
            "referring_site": None,
            "source_identifier": None,
            "source_name": order["source_name"],
            "source_url": None,
            "tags": order["tags"],
            "tax_exempt": False,
            "taxes_included": order["taxes_included"],
            "test": order["test"],
            "token": token,
            "total_weight": 0,
            "updated_at": local(order["updated_at"]),
            "user_id": None,
        }

    def _amounts(self, order: Record, bag: Callable[[int], Record]) -> Record:
        sums = totals(order)
        shape: Record = {}
        for name, key in (
            ("current_subtotal_price", "current_subtotal"),
            ("current_total_discounts", "current_discounts"),
            ("current_total_price", "current_total"),
            ("current_total_tax", "current_tax"),
            ("subtotal_price", "subtotal"),
            ("total_discounts", "discounts"),
            ("total_line_items_price", "line_items"),
            ("total_price", "total"),
            ("total_tax", "tax"),
        ):
            shape[name] = plain(sums[key], order["currency"])
            shape[f"{name}_set"] = bag(sums[key])
        return {
            **shape,
            "current_total_additional_fees_set": None,
            "current_total_duties_set": None,
            "original_total_additional_fees_set": None,
            "original_total_duties_set": None,
            "tax_lines": _order_taxes(order, bag),
            "total_cash_rounding_payment_adjustment_set": bag(order["rounding"]),
            "total_cash_rounding_refund_adjustment_set": bag(0),
            "total_outstanding": plain(outstanding(order), order["currency"]),
            "total_shipping_price_set": bag(sums["shipping_gross"]),
            "total_tip_received": plain(sums["tips"], order["currency"]),
        }

    def _customer(self, order: Record) -> Record | None:
        who = order["customer"]
        if who is None:
            return None
        return {
            "id": who["id"],
            "email": order["email"],
            "created_at": self._orders.local(order["created_at"]),
            "updated_at": self._orders.local(order["created_at"]),
            "first_name": who["first_name"],
            "last_name": who["last_name"],
            "state": "disabled",
            "note": None,
            "verified_email": True,
            "multipass_identifier": None,
            "tax_exempt": False,
            "phone": None,
            "email_marketing_consent": None,
            "sms_marketing_consent": None,
            "tags": "",
            "currency": order["presentment"],
            "tax_exemptions": [],
            "admin_graphql_api_id": f"gid://shopify/Customer/{who['id']}",
        }

    def fulfilment(self, order: Record, row: Record) -> Record:
        """A fulfilment inside its order."""
        lines, bag = {line["id"]: line for line in order["lines"]}, _bags(order)
        shipped = fulfilled(order)
        return {
            "id": row["id"],
            "admin_graphql_api_id": f"gid://shopify/Fulfillment/{row['id']}",
            "created_at": self._orders.local(row["created_at"]),
            "location_id": row["location_id"],
            "name": row["name"],
            "order_id": order["id"],
            "origin_address": {},
            "receipt": {},
            "service": "manual",
            "shipment_status": None,
            "status": row["status"],
            "tracking_company": None,
            "tracking_number": None,
            "tracking_numbers": [],
            "tracking_url": None,
            "tracking_urls": [],
            "updated_at": self._orders.local(row["created_at"]),
            # The quantity inside a fulfilment is what this parcel holds.
            "line_items": [
                {**line_item(order, lines[part["line_id"]], bag, shipped), "quantity": part["quantity"]}
                for part in row["lines"]
            ],
        }

    def refund(self, order: Record, row: Record) -> Record:
        """A refund, as ``refunds/create`` and the order carry it."""
        bag, local = _bags(order), self._orders.local
        return {
            "id": row["id"],
            "admin_graphql_api_id": f"gid://shopify/Refund/{row['id']}",
            "created_at": local(row["created_at"]),
            "note": row["note"],
            "order_id": order["id"],
            "processed_at": local(row["processed_at"]),
            "restock": row["restock"],
            "total_additional_fees_set": bag(0),
            "total_duties_set": bag(0),
            "user_id": None,
            "return": None,
            "refund_shipping_lines": [_refund_shipping(order, line, bag) for line in row["shipping"]],
            "order_adjustments": [self._adjustment(order, row, line, bag) for line in row["adjustments"]],
            "transactions": [
                self.transaction(order, t) for t in order["transactions"] if t["id"] in row["transaction_ids"]
            ],
            "refund_line_items": [_refund_line(order, line, bag) for line in row["lines"]],
            "duties": [],
            "additional_fees": [],
        }

    def _adjustment(self, order: Record, refund: Record, row: Record, bag: Callable[[int], Record]) -> Record:
        return {
            "id": row["id"],
            "admin_graphql_api_id": f"gid://shopify/OrderAdjustment/{row['id']}",
            "order_id": order["id"],
            "refund_id": refund["id"],
            "amount": plain(row["minor"], order["currency"]),
            "tax_amount": plain(row["tax"], order["currency"]),
            "kind": row["kind"],
            "reason": "Shipping refund" if row["kind"] == "shipping_refund" else "Refund discrepancy",
            "amount_set": bag(row["minor"]),
            "tax_amount_set": bag(row["tax"]),
        }

    def transaction(self, order: Record, row: Record) -> Record:
        """A transaction, as ``order_transactions/create`` and ``transactions.json`` carry it.

        Its amount is in the customer's currency where the shop presents prices in one.
        """
        open_amount = max(0, order_uncaptured(order))
        return {
            "id": row["id"],
            "admin_graphql_api_id": f"gid://shopify/OrderTransaction/{row['id']}",
            "order_id": order["id"],
            "kind": row["kind"],
            "gateway": row["gateway"],
            "status": row["status"],
            "message": None,
            "created_at": self._orders.local(row["created_at"]),
            "test": order["test"],
            "authorization": f"auth-{row['id']}",
            "location_id": order["location_id"],
            "user_id": None,
            "parent_id": row["parent_id"],
            "processed_at": self._orders.local(row["processed_at"]),
            "device_id": None,
            "error_code": row["error_code"],
            "source_name": order["source_name"],
            "receipt": {},
            "currency_exchange_adjustment": None,
            "amount": plain(presented(row["minor"], order), order["presentment"]),
            "currency": order["presentment"],
            "payment_id": f"{order['name']}.{row['ordinal']}",
            # The vendor writes ``currency`` here and ``currency_code`` everywhere else.
            "total_unsettled_set": {
                "presentment_money": _unsettled(presented(open_amount, order), order["presentment"]),
                "shop_money": _unsettled(open_amount, order["currency"]),
            },
            "manual_payment_gateway": row["gateway"] in ("manual", "cash", "bank_deposit"),
            "amount_rounding": None,
        }


def order_uncaptured(order: Record) -> int:
    """Authorised and not yet captured."""
    held = sum(t["minor"] for t in order["transactions"] if t["kind"] == "authorization" and t["status"] == "success")
    return held - received(order) if held else 0


def _unsettled(amount: int, currency: str) -> Record:
    return {"amount": short(amount, currency), "currency": currency}


def _bags(order: Record) -> Callable[[int], Record]:
    shop, customer = order["currency"], order["presentment"]

    def bag(amount: int) -> Record:
        if shop == customer:
            both = {"amount": plain(amount, shop), "currency_code": shop}
            return {"shop_money": both, "presentment_money": both}
        return {
            "shop_money": {"amount": plain(amount, shop), "currency_code": shop},
            "presentment_money": {"amount": plain(presented(amount, order), customer), "currency_code": customer},
        }

    return bag


def _application(row: Record) -> Record:
    shape = {
        "target_type": row["target_type"],
        "type": row["type"],
        "value": row["value"],
        "value_type": row["value_type"],
        "allocation_method": row["allocation_method"],
        "target_selection": "all",
    }
    return {**shape, ("code" if row["type"] == "discount_code" else "title"): row["title"]}


def _allocation(row: Record, order: Record, bag: Callable[[int], Record]) -> Record:
    return {
        "amount": plain(row["minor"], order["currency"]),
        "amount_set": bag(row["minor"]),
        "discount_application_index": row["index"],
    }


def tax_lines(thing: Record, order: Record, bag: Callable[[int], Record]) -> list[Record]:
    """The taxes of a line or a shipping line."""
    return [
        {
            "channel_liable": row["channel_liable"],
            "price": plain(row["minor"], order["currency"]),
            "price_set": bag(row["minor"]),
            "rate": Decimal(row["rate"]),
            "title": row["title"],
        }
        for row in thing["taxes"]
    ]


def _order_taxes(order: Record, bag: Callable[[int], Record]) -> list[Record]:
    merged: dict[tuple[str, str, Any], Record] = {}
    for thing in [*order["lines"], *order["shipping"]]:
        for row in thing["taxes"]:
            key = (row["title"], row["rate"], row["channel_liable"])
            merged.setdefault(key, {**row, "minor": 0})["minor"] += row["minor"]
    return tax_lines({"taxes": list(merged.values())}, order, bag)


def line_item(order: Record, line: Record, bag: Callable[[int], Record], shipped_of: Mapping[int, int]) -> Record:
    """A line of an order."""
    off, shipped = discount(line), shipped_of.get(line["id"], 0)
    unit = minor(line["price"], order["currency"])
    own_off = sum(row["minor"] for row in line["discounts"] if row["own"])
    shape = {
        "id": line["id"],
        "admin_graphql_api_id": f"gid://shopify/LineItem/{line['id']}",
        "attributed_staffs": [],
        "current_quantity": line["current_quantity"],
        "fulfillable_quantity": max(0, line["current_quantity"] - shipped) if line["requires_shipping"] else 0,
        "fulfillment_service": "manual",
        "fulfillment_status": ("fulfilled" if shipped >= line["current_quantity"] else "partial") if shipped else None,
        "gift_card": line["gift_card"],
        "grams": 0,
        "name": line["title"],
        "price": plain(unit, order["currency"]),
        "price_set": bag(unit),
        "product_exists": line["product_id"] is not None,
        "product_id": line["product_id"],
        "properties": [],
        "quantity": line["quantity"],
        "requires_shipping": line["requires_shipping"],
        "sku": line["sku"],
        "taxable": bool(line["taxes"]),
        "title": line["title"],
        "total_discount": plain(own_off, order["currency"]),
        "total_discount_set": bag(own_off),
        "variant_id": line["variant_id"],
        "variant_inventory_management": "shopify" if line["variant_id"] else None,
        "variant_title": None,
        "vendor": None,
        "tax_lines": tax_lines(line, order, bag),
        "duties": [],
        "discount_allocations": [_allocation(row, order, bag) for row in line["discounts"]] if off else [],
    }
    if line["tip"]:
        return {**shape, "tip_payment_gateway": line["tip"], "tip_payment_method": "card"}
    return shape


def _shipping_line(order: Record, line: Record, bag: Callable[[int], Record]) -> Record:
    after = line["minor"] - discount(line)
    return {
        "id": line["id"],
        "carrier_identifier": None,
        "code": line["title"],
        "current_discounted_price_set": bag(after),
        "discounted_price": plain(after, order["currency"]),
        "discounted_price_set": bag(after),
        "is_removed": False,
        "phone": None,
        "price": plain(line["minor"], order["currency"]),
        "price_set": bag(line["minor"]),
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": line["title"],
        "tax_lines": tax_lines(line, order, bag),
        "discount_allocations": [_allocation(row, order, bag) for row in line["discounts"]],
    }


def _refund_shipping(order: Record, row: Record, bag: Callable[[int], Record]) -> Record:
    line = next(line for line in order["shipping"] if line["id"] == row["shipping_id"])
    return {
        "id": row["id"],
        "shipping_line_id": line["id"],
        "subtotal_amount_set": bag(row["subtotal"]),
        "tax_amount_set": bag(row["tax"]),
        "shipping_line": _shipping_line(order, line, bag),
    }


def _refund_line(order: Record, row: Record, bag: Callable[[int], Record]) -> Record:
    line = next(line for line in order["lines"] if line["id"] == row["line_id"])
    # The vendor writes these two as JSON numbers, with the noughts at the end dropped.
    return {
        "id": row["id"],
        "line_item_id": line["id"],
        "location_id": row["location_id"],
        "quantity": row["quantity"],
        "restock_type": row["restock_type"],
        "subtotal": _number(row["subtotal"], order["currency"]),
        "subtotal_set": bag(row["subtotal"]),
        "total_tax": _number(row["tax"], order["currency"]),
        "total_tax_set": bag(row["tax"]),
        "line_item": line_item(order, line, bag, fulfilled(order)),
    }


def _number(amount: int, currency: str) -> Decimal:
    return Decimal(short(amount, currency))
