"""The GraphQL nodes of an order and what hangs on it: dicts whose values are plain, or functions of arguments."""

from __future__ import annotations

from leja.connectors.shopify.stand_in_orders import (
    Orders,
    Record,
    discount,
    financial_status,
    fulfilled,
    fulfilment_status,
    line_gross,
    minor,
    moved,
    outstanding,
    part,
    received,
    refunded_quantity,
    tax,
    totals,
)
from leja.connectors.shopify.stand_in_pages import Bag, bags, connection, gid, money, zulu
from leja.connectors.shopify.stand_in_payouts import GATEWAY, Payouts
from leja.connectors.shopify.stand_in_rest import order_uncaptured


class Nodes:
    """Builds nodes from stored orders."""

    def __init__(self, orders: Orders, payouts: Payouts) -> None:
        self._orders, self._payouts = orders, payouts

    def order(self, order: Record) -> Record:
        """The order."""
        return {
            "__typename": "Order",
            **self._order_words(order),
            **self._order_money(order),
            **self._order_parts(order),
        }

    def _order_words(self, order: Record) -> Record:
        shipped = fulfilment_status(order)
        words = {"fulfilled": "FULFILLED", "partial": "PARTIALLY_FULFILLED", None: "UNFULFILLED"}
        owed = outstanding(order)
        return {
            "id": gid("Order", order["id"]),
            "legacyResourceId": str(order["id"]),
            "name": order["name"],
            "number": order["number"],
            "createdAt": zulu(order["created_at"]),
            "updatedAt": zulu(order["updated_at"]),
            "processedAt": zulu(order["processed_at"]),
            "cancelledAt": zulu(order["cancelled_at"]),
            "cancelReason": order["cancel_reason"] and order["cancel_reason"].upper(),
            "closed": order["closed_at"] is not None,
            "closedAt": zulu(order["closed_at"]),
            "capturable": order_uncaptured(order) > 0,
            "clientIp": None,
            "confirmationNumber": f"C{order['number']:08d}",
            "confirmed": True,
            "currencyCode": order["currency"],
            "presentmentCurrencyCode": order["presentment"],
            "customAttributes": [],
            "customerLocale": "en",
            "discountCode": order["discount_codes"][0]["code"] if order["discount_codes"] else None,
            "discountCodes": [row["code"] for row in order["discount_codes"]],
            "displayFinancialStatus": financial_status(order).upper(),
            "displayFulfillmentStatus": words[shipped],
            "dutiesIncluded": False,
            "edited": order["edited"],
            "email": order["email"],
            "estimatedTaxes": False,
            "fulfillable": shipped != "fulfilled",
            "fullyPaid": owed <= 0,
            "unpaid": received(order) == 0,
            "merchantOfRecordApp": None,
            "note": order["note"],
            "paymentGatewayNames": list(dict.fromkeys(t["gateway"] for t in order["transactions"])),
            "phone": None,
            "poNumber": None,
            "refundable": received(order) > moved(order, "refund"),
            "requiresShipping": any(line["requires_shipping"] for line in order["lines"]),
            "restockable": True,
            "sourceIdentifier": None,
            "sourceName": order["source_name"],
            "tags": [tag.strip() for tag in order["tags"].split(",") if tag.strip()],
            "taxExempt": False,
            "taxesIncluded": order["taxes_included"],
            "test": order["test"],
            "subtotalLineItemsQuantity": sum(line["quantity"] for line in order["lines"]),
            "currentSubtotalLineItemsQuantity": sum(line["current_quantity"] for line in order["lines"]),
        }

    def _order_money(self, order: Record) -> Record:
        bag, sums = bags(order), totals(order)
        differences = sum(row["minor"] for refund in order["refunds"] for row in refund["adjustments"])
        original: Record = next((row for row in order["agreements"] if row["reason"] == "ORDER"), {"sales": []})
        taxed = 0 if order["taxes_included"] else 1
        first_total = sum(row["minor"] + taxed * row["tax"] for row in original["sales"])
        return {
            "additionalFees": [],
            "currentCartDiscountAmountSet": bag(sums["current_discounts"]),
            "currentShippingPriceSet": bag(sums["current_shipping"]),
            "currentSubtotalPriceSet": bag(sums["current_subtotal"]),
            "currentTaxLines": lambda: self._order_taxes(order),
            "currentTotalAdditionalFeesSet": None,
            "currentTotalDiscountsSet": bag(sums["current_discounts"]),
            "currentTotalDutiesSet": None,
            "currentTotalPriceSet": bag(sums["current_total"]),
            "currentTotalTaxSet": bag(sums["current_tax"]),
            "netPaymentSet": bag(received(order) - moved(order, "refund")),
            "originalTotalAdditionalFeesSet": None,
            "originalTotalDutiesSet": None,
            "originalTotalPriceSet": bag(first_total),
            "refundDiscrepancySet": bag(differences),
            "subtotalPriceSet": bag(sums["subtotal"]),
            "totalCapturableSet": bag(max(0, order_uncaptured(order))),
            "totalCashRoundingAdjustment": {"paymentSet": bag(order["rounding"]), "refundSet": bag(0)},
            "totalDiscountsSet": bag(sums["discounts"]),
            "totalOutstandingSet": bag(outstanding(order)),
            "totalPriceSet": bag(sums["total"]),
            "totalReceivedSet": bag(received(order)),
            "totalRefundedSet": bag(moved(order, "refund")),
            "totalRefundedShippingSet": bag(sums["refunded_shipping"]),
            "totalShippingPriceSet": bag(sums["shipping"]),
            "totalTaxSet": bag(sums["tax"]),
            "totalTipReceivedSet": bag(sums["tips"]),
        }

    def _order_parts(self, order: Record) -> Record:
        bag = bags(order)
        return {
            "agreements": connection(order["agreements"], lambda row: self._agreement(order, row)),
            "billingAddress": _address(order),
            "shippingAddress": _address(order),
            "customer": self._customer(order),
            "discountApplications": connection(
                list(enumerate(order["applications"])), lambda row: _application(order, row[0])
            ),
            "fulfillments": lambda first=None, query=None: [  # noqa: ARG005
                self._fulfilment(order, row) for row in order["fulfilments"][:first]
            ],
            "fulfillmentsCount": {"count": len(order["fulfilments"]), "precision": "EXACT"},
            "lineItems": connection(order["lines"], lambda line: self.line(order, line, bag)),
            "refunds": lambda first=None: [self.refund(order, row) for row in order["refunds"][:first]],
            "retailLocation": lambda: self.location(order["location_id"]) if order["source_name"] == "pos" else None,
            "shippingLine": lambda: _shipping(order, order["shipping"][0], bag) if order["shipping"] else None,
            "shippingLines": connection(order["shipping"], lambda line: _shipping(order, line, bag)),
            "taxLines": lambda: self._order_taxes(order),
            "transactions": lambda first=None, **_: [
                self.transaction(order, row) for row in order["transactions"][:first]
            ],
            "transactionsCount": {"count": len(order["transactions"]), "precision": "EXACT"},
        }

    def _order_taxes(self, order: Record) -> list[Record]:
        merged: dict[tuple[str, str], Record] = {}
        for thing in [*order["lines"], *order["shipping"]]:
            for row in thing["taxes"]:
                merged.setdefault((row["title"], row["rate"]), {**row, "minor": 0})["minor"] += row["minor"]
        return [_tax(row, bags(order)) for row in merged.values()]

    def _customer(self, order: Record) -> Record | None:
        who = order["customer"]
        if who is None:
            return None
        return {
            "__typename": "Customer",
            "id": gid("Customer", who["id"]),
            "legacyResourceId": str(who["id"]),
            "createdAt": zulu(order["created_at"]),
            "updatedAt": zulu(order["created_at"]),
            "displayName": " ".join(filter(None, [who["first_name"], who["last_name"]])) or f"Customer {who['id']}",
            "firstName": who["first_name"],
            "lastName": who["last_name"],
            "email": order["email"],
            "defaultEmailAddress": {"emailAddress": order["email"]} if order["email"] else None,
            "defaultPhoneNumber": None,
            "note": None,
            "tags": [],
            "taxExempt": False,
        }

    def line(self, order: Record, line: Record, bag: Bag) -> Record:
        """A line item. Like the vendor's, its discounted sums leave order-wide and code discounts out."""
        gross, own = line_gross(line), sum(r["minor"] for r in line["discounts"] if r["own"])
        net, count = gross - discount(line), line["quantity"]
        left = part(net, line["current_quantity"], count)
        left_tax = part(tax(line), line["current_quantity"], count) if order["taxes_included"] else 0
        goods = line["product_id"] is not None
        return {
            "__typename": "LineItem",
            "id": gid("LineItem", line["id"]),
            "name": line["title"],
            "title": line["title"],
            "sku": line["sku"],
            "quantity": count,
            "currentQuantity": line["current_quantity"],
            "refundableQuantity": count - refunded_quantity(order, line["id"]),
            "unfulfilledQuantity": lambda: max(0, line["current_quantity"] - fulfilled(order).get(line["id"], 0)),
            "nonFulfillableQuantity": 0 if line["requires_shipping"] else count,
            "customAttributes": [],
            "discountAllocations": lambda: [_allocation(order, row, bag) for row in line["discounts"]],
            "discountedTotalSet": lambda withCodeDiscounts=False: bag(net if withCodeDiscounts else gross - own),  # noqa: N803
            "discountedUnitPriceAfterAllDiscountsSet": bag(part(net, 1, count)),
            "discountedUnitPriceSet": bag(part(gross - own, 1, count)),
            "duties": [],
            "isGiftCard": line["gift_card"],
            "originalTotalSet": bag(gross),
            "originalUnitPriceSet": bag(minor(line["price"], order["currency"])),
            "priceAfterAllDiscountsBeforeTaxesSet": bag(left - left_tax),
            "product": {"id": gid("Product", line["product_id"]), "title": line["title"], "productType": "",
                        "vendor": "", "__typename": "Product"} if goods else None,
            "variant": {"id": gid("ProductVariant", line["variant_id"]), "sku": line["sku"], "title": "Default Title",
                        "__typename": "ProductVariant"} if goods else None,
            "requiresShipping": line["requires_shipping"],
            "restockable": goods,
            "taxLines": lambda first=None: [_tax(row, bag) for row in line["taxes"][:first]],
            "taxable": bool(line["taxes"]),
            "totalDiscountSet": bag(own),
            "variantTitle": None,
            "vendor": None,
        }  # fmt: skip

    def _line_of(self, order: Record, line_id: int, bag: Bag) -> Record:
        return self.line(order, next(line for line in order["lines"] if line["id"] == line_id), bag)

    def _fulfilment(self, order: Record, row: Record) -> Record:
        bag, lines = bags(order), {line["id"]: line for line in order["lines"]}

        def held(item: Record) -> Record:
            line = lines[item["line_id"]]
            gross = part(line_gross(line), item["quantity"], line["quantity"])
            off = part(sum(r["minor"] for r in line["discounts"] if r["own"]), item["quantity"], line["quantity"])
            return {
                "id": gid("FulfillmentLineItem", row["id"] * 1000 + row["lines"].index(item)),
                "lineItem": self.line(order, line, bag),
                "quantity": item["quantity"],
                "originalTotalSet": bag(gross),
                "discountedTotalSet": bag(gross - off),
            }

        return {
            "__typename": "Fulfillment",
            "id": gid("Fulfillment", row["id"]),
            "legacyResourceId": str(row["id"]),
            "createdAt": zulu(row["created_at"]),
            "updatedAt": zulu(row["created_at"]),
            "deliveredAt": None,
            "displayStatus": "FULFILLED" if row["status"] == "success" else "CANCELED",
            "fulfillmentLineItems": connection(row["lines"], held),
            "location": lambda: self.location(row["location_id"]),
            "name": row["name"],
            "order": lambda: self.order(order),
            "requiresShipping": True,
            "status": row["status"].upper(),
            "totalQuantity": sum(item["quantity"] for item in row["lines"]),
        }

    def transaction(self, order: Record, row: Record) -> Record:
        """A payment transaction."""
        bag = bags(order)
        parent = next((t for t in order["transactions"] if t["id"] == row["parent_id"]), None)
        return {
            "__typename": "OrderTransaction",
            "id": gid("OrderTransaction", row["id"]),
            "accountNumber": None,
            "amountRoundingSet": None,
            "amountSet": bag(row["minor"]),
            "authorizationCode": f"auth-{row['id']}",
            "authorizationExpiresAt": None,
            "createdAt": zulu(row["created_at"]),
            "errorCode": row["error_code"],
            "fees": lambda: self._fees(order, row),
            "formattedGateway": row["gateway"].replace("_", " ").title(),
            "gateway": row["gateway"],
            "kind": row["kind"].upper(),
            "location": lambda: self.location(order["location_id"]),
            "manualPaymentGateway": row["gateway"] in ("manual", "cash", "bank_deposit"),
            "order": lambda: self.order(order),
            "parentTransaction": lambda: self.transaction(order, parent) if parent else None,
            "paymentId": f"{order['name']}.{row['ordinal']}",
            "processedAt": zulu(row["processed_at"]),
            "receiptJson": "{}",
            "settlementCurrency": order["currency"] if row["gateway"] == GATEWAY else None,
            "settlementCurrencyRate": None,
            "status": row["status"].upper(),
            "test": order["test"],
            "totalUnsettledSet": bag(max(0, order_uncaptured(order))),
        }

    def _fees(self, order: Record, row: Record) -> list[Record]:
        charged = row["kind"] in ("sale", "capture") and row["status"] == "success" and row["gateway"] == GATEWAY
        if not (charged and self._orders.shop.payments):
            return []
        currency = order["currency"]
        return [
            {
                "__typename": "TransactionFee",
                "id": gid("TransactionFee", row["id"]),
                "amount": money(self._payouts.fee(row["minor"], currency), currency),
                "flatFee": money(self._orders.shop.fee_flat, currency),
                "flatFeeName": None,
                "rate": str(self._orders.shop.fee_rate),
                "rateName": "domestic",
                "taxAmount": money(0, currency),
                "type": "processing_fee",
            }
        ]

    def refund(self, order: Record, row: Record) -> Record:
        """A refund."""
        bag = bags(order)
        moves = [t for t in order["transactions"] if t["id"] in row["transaction_ids"]]
        return {
            "__typename": "Refund",
            "id": gid("Refund", row["id"]),
            "legacyResourceId": str(row["id"]),
            "createdAt": zulu(row["created_at"]),
            "updatedAt": zulu(row["created_at"]),
            "processedAt": zulu(row["processed_at"]),
            "duties": [],
            "note": row["note"],
            "order": lambda: self.order(order),
            "orderAdjustments": connection(row["adjustments"], lambda item: _adjustment(item, bag)),
            "refundLineItems": connection(row["lines"], lambda item: self._refund_line(order, item, bag)),
            "refundShippingLines": connection(row["shipping"], lambda item: _refund_shipping(order, item, bag)),
            "totalRefundedSet": bag(sum(t["minor"] for t in moves if t["status"] == "success")),
            "transactions": connection(moves, lambda item: self.transaction(order, item)),
        }

    def _refund_line(self, order: Record, row: Record, bag: Bag) -> Record:
        line = next(line for line in order["lines"] if line["id"] == row["line_id"])
        return {
            "id": gid("RefundLineItem", row["id"]),
            "lineItem": lambda: self.line(order, line, bag),
            "location": lambda: self.location(row["location_id"]),
            "priceSet": bag(minor(line["price"], order["currency"])),
            "quantity": row["quantity"],
            "restockType": row["restock_type"].upper(),
            "restocked": row["restock_type"] != "no_restock",
            "subtotalSet": bag(row["subtotal"]),
            "totalTaxSet": bag(row["tax"]),
        }

    def location(self, id_: int | None) -> Record | None:
        """A location of the shop."""
        found = self._orders.env.store.get("location", id_) if id_ else None
        if found is None:
            return None
        return {
            "__typename": "Location",
            "id": gid("Location", found["id"]),
            "legacyResourceId": str(found["id"]),
            "name": found["name"],
            "activatable": False,
            "address": dict.fromkeys(("address1", "city", "country", "countryCode", "zip")),
            "createdAt": zulu(found["created_at"]),
            "updatedAt": zulu(found["created_at"]),
            "fulfillsOnlineOrders": True,
            "isActive": True,
            "shipsInventory": True,
        }

    # --- the itemised journal of an order -----------------------------------------------------------------------------

    def _agreement(self, order: Record, row: Record) -> Record:
        kinds = {"ORDER": "OrderAgreement", "ORDER_EDIT": "OrderEditAgreement", "REFUND": "RefundAgreement"}
        refund = next((r for r in order["refunds"] if r["id"] == row["refund_id"]), None)
        return {
            "__typename": kinds[row["reason"]],
            "id": gid("SalesAgreement", row["id"]),
            "happenedAt": zulu(row["happened_at"]),
            "reason": row["reason"],
            "order": lambda: self.order(order),
            "refund": lambda: self.refund(order, refund) if refund else None,
            "sales": connection(row["sales"], lambda sale: self._sale(order, row["reason"], sale)),
        }

    def _sale(self, order: Record, reason: str, row: Record) -> Record:
        bag, taxed = bags(order), 0 if order["taxes_included"] else 1
        line = next((line for line in order["lines"] if line["id"] == row.get("line_id")), None)
        shipping = next((line for line in order["shipping"] if line["id"] == row.get("shipping_id")), None)
        kind, word = ("AdjustmentSale", "ADJUSTMENT") if line is None and shipping is None else _sale_kind(line)
        thing = line or shipping or {"taxes": [], "discounts": []}
        whole = tax(thing)
        off = part(discount(thing), abs(row["quantity"] or 1), line["quantity"] if line else 1) * row["sign"]
        return {
            "__typename": kind,
            "id": gid("Sale", row["id"]),
            "actionType": {"ORDER": "ORDER", "ORDER_EDIT": "UPDATE", "REFUND": "RETURN"}[reason],
            "lineType": word,
            "quantity": row["quantity"],
            "lineItem": lambda: self.line(order, line, bag) if line else None,
            "shippingLine": lambda: _shipping(order, shipping, bag) if shipping else None,
            "taxes": [
                {
                    "id": gid("SaleTax", row["id"]),
                    "amount": bag(part(tax_row["minor"], abs(row["tax"]), whole) * row["sign"]),
                    "taxLine": _tax(tax_row, bag),
                }
                for tax_row in (thing["taxes"] if whole else [])
            ],
            "totalAmount": bag(row["minor"] + taxed * row["tax"]),
            "totalDiscountAmountAfterTaxes": bag(off),
            "totalDiscountAmountBeforeTaxes": bag(off),
            "totalTaxAmount": bag(row["tax"]),
        }


def _sale_kind(line: Record | None) -> tuple[str, str]:
    if line is None:
        return "ShippingLineSale", "SHIPPING"
    if line["gift_card"]:
        return "GiftCardSale", "GIFT_CARD"
    return ("TipSale", "TIP") if line["tip"] else ("ProductSale", "PRODUCT")


def _tax(row: Record, bag: Bag) -> Record:
    rate = float(row["rate"])
    return {
        "channelLiable": row["channel_liable"],
        "priceSet": bag(row["minor"]),
        "rate": rate,
        "ratePercentage": round(rate * 100, 6),
        "source": None,
        "title": row["title"],
    }


def _allocation(order: Record, row: Record, bag: Bag) -> Record:
    return {"allocatedAmountSet": bag(row["minor"]), "discountApplication": lambda: _application(order, row["index"])}


def _application(order: Record, index: int) -> Record:
    row = order["applications"][index]
    kinds = {"discount_code": "DiscountCodeApplication", "manual": "ManualDiscountApplication"}
    return {
        "__typename": kinds.get(row["type"], "AutomaticDiscountApplication"),
        "allocationMethod": "ACROSS" if row["allocation_method"] == "across" else "ONE",
        "index": index,
        "targetSelection": "ALL" if row["allocation_method"] == "across" else "EXPLICIT",
        "targetType": "LINE_ITEM",
        "value": {"__typename": "MoneyV2", **money(minor(row["value"], order["currency"]), order["currency"])},
        "code": row["title"],
        "title": row["title"],
        "description": None,
    }


def _shipping(order: Record, line: Record, bag: Bag) -> Record:
    after = line["minor"] - discount(line)
    back = sum(r["subtotal"] for f in order["refunds"] for r in f["shipping"] if r["shipping_id"] == line["id"])
    return {
        "id": gid("ShippingLine", line["id"]),
        "carrierIdentifier": None,
        "code": line["title"],
        "currentDiscountedPriceSet": bag(after - back),
        "custom": False,
        "deliveryCategory": None,
        "discountAllocations": lambda: [_allocation(order, row, bag) for row in line["discounts"]],
        "discountedPriceSet": bag(after),
        "isRemoved": False,
        "originalPriceSet": bag(line["minor"]),
        "phone": None,
        "source": "shopify",
        "taxLines": [_tax(row, bag) for row in line["taxes"]],
        "title": line["title"],
    }


def _refund_shipping(order: Record, row: Record, bag: Bag) -> Record:
    line = next(line for line in order["shipping"] if line["id"] == row["shipping_id"])
    return {
        "id": gid("RefundShippingLine", row["id"]),
        "shippingLine": _shipping(order, line, bag),
        "subtotalAmountSet": bag(row["subtotal"]),
        "taxAmountSet": bag(row["tax"]),
    }


def _adjustment(row: Record, bag: Bag) -> Record:
    return {
        "id": gid("OrderAdjustment", row["id"]),
        "amountSet": bag(row["minor"]),
        "reason": row["kind"].upper(),
        "taxAmountSet": bag(row["tax"]),
    }


def _address(order: Record) -> Record | None:
    place = order["address"]
    if place is None:
        return None
    words = ("address1", "address2", "city", "company", "country", "firstName", "lastName", "name", "phone", "province",
             "provinceCode", "zip")  # fmt: skip
    code = place["country_code"] if place["country_code"] and len(place["country_code"]) == 2 else None
    return {**dict.fromkeys(words), "__typename": "MailingAddress", "id": gid("MailingAddress", order["id"]),
            "country": place["country"], "countryCodeV2": code}  # fmt: skip
