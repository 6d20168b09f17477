"""The parts of an order's life: lines, discounts, taxes, transactions, parcels, refunds, and its agreements."""

from __future__ import annotations

from collections.abc import Sequence

from leja.connectors.shopify.stand_in_orders import (
    Orders,
    Record,
    discount,
    financial_status,
    fulfilled,
    fulfilment_status,
    line_gross,
    minor,
    part,
    plain,
    refunded_quantity,
    tax,
    tax_of,
    times,
    totals,
)
from leja.core.money import Money, split


class Till:
    """Changes an order in memory; whoever calls keeps it."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def _add_lines(self, order: Record, lines: Sequence[Record]) -> None:
        new = self._orders.ids(1 + 3 * len(lines))
        order.setdefault("id", new[0])
        order.setdefault("lines", [])
        order.setdefault("shipping", [])
        for at, line in enumerate(lines):
            kind, id_ = line.get("kind", "goods"), new[1 + 3 * at]
            price, currency = str(line["price"]), order["currency"]
            own = [{"index": -1, "minor": minor(line["discount"], currency), "own": True}] if "discount" in line else []
            if kind == "shipping":
                order["shipping"].append(
                    {"id": id_, "title": line.get("title", "Standard"), "minor": minor(price, currency),
                     "discounts": own, "taxes": []}
                )  # fmt: skip
                continue
            order["lines"].append(
                {"id": id_, "title": line.get("title", "Item"), "sku": line.get("sku"), "price": price,
                 "quantity": line.get("quantity", 1), "current_quantity": line.get("quantity", 1),
                 "gift_card": kind == "gift_card", "tip": "shopify_payments" if kind == "tip" else None,
                 "gross": times(price, line.get("quantity", 1), currency),
                 "product_id": new[2 + 3 * at] if kind == "goods" else None,
                 "variant_id": new[3 + 3 * at] if kind == "goods" else None,
                 "requires_shipping": kind == "goods" and line.get("requires_shipping", True),
                 "discounts": own, "taxes": []}
            )  # fmt: skip
        for thing in [*order["lines"], *order["shipping"]]:
            for row in thing["discounts"]:
                if row["index"] == -1:
                    row["index"] = self._application(order, "Line discount", row["minor"], "manual", "explicit")

    def _application(self, order: Record, title: str, amount: int, kind: str, method: str) -> int:
        order["applications"].append(
            {"type": kind, "title": title, "value": plain(amount, order["currency"]), "value_type": "fixed_amount",
             "allocation_method": method, "target_type": "line_item"}
        )  # fmt: skip
        return len(order["applications"]) - 1

    def _spread(self, order: Record, discounts: Sequence[Record]) -> None:
        goods = [line for line in order["lines"] if not line["tip"] and not line["gift_card"]]
        for given in discounts:
            amount = minor(given["amount"], order["currency"])
            kind = "discount_code" if "code" in given else "automatic"
            title = given.get("code") or given.get("title", "Discount")
            index = self._application(order, title, amount, kind, "across")
            if kind == "discount_code":
                order["discount_codes"].append(
                    {"code": title, "amount": plain(amount, order["currency"]), "type": "fixed_amount"}
                )
            weights = [line_gross(line) - discount(line) for line in goods]
            for line, share in zip(goods, split(Money(amount, order["currency"]), weights), strict=True):
                if share.minor:
                    line["discounts"].append({"index": index, "minor": share.minor, "own": False})

    def _tax(self, order: Record, lines: Sequence[Record], before: int = 0) -> None:
        currency, included = order["currency"], order["taxes_included"]
        goods, shipping = iter(order["lines"][before:]), iter(order["shipping"])
        for given in lines:
            thing = next(shipping if given.get("kind") == "shipping" else goods)
            gross = thing["minor"] if "minor" in thing else line_gross(thing)
            thing["taxes"] = [
                {
                    "title": row["title"],
                    "rate": str(row["rate"]),
                    "minor": minor(row["amount"], currency)
                    if "amount" in row
                    else tax_of(gross - discount(thing), str(row["rate"]), included, currency),
                    "channel_liable": row.get("channel_liable", False),
                }
                for row in given.get("taxes", ())
            ]

    def _pay(self, order: Record, payment: str | Sequence[Record], gateway: str) -> None:
        due = totals(order)["total"]
        if isinstance(payment, str):
            known = {
                "paid": ("sale", "success"),
                "authorized": ("authorization", "success"),
                "pending": ("sale", "pending"),
            }
            if payment != "unpaid" and payment not in known:
                raise ValueError(f"payment is paid, authorized, pending, unpaid or a list, not {payment!r}")
            payment = [{"gateway": gateway, "amount": plain(due, order["currency"]), "kind": known[payment][0],
                        "status": known[payment][1]}] if payment in known and due else []  # fmt: skip
        for row in payment:
            made = self._transaction(
                order, row.get("kind", "sale"), row.get("gateway", gateway), minor(row["amount"], order["currency"])
            )
            made.update(status=row.get("status", "success"), processed_at=order["processed_at"],
                        created_at=order["created_at"])  # fmt: skip

    def _transaction(self, order: Record, kind: str, gateway: str, amount: int, parent: int | None = None) -> Record:
        row = {
            "id": self._orders.ids(1)[0],
            "kind": kind,
            "gateway": gateway,
            "minor": amount,
            "status": "success",
            "parent_id": parent,
            "error_code": None,
            "created_at": self._orders.now(),
            "processed_at": self._orders.now(),
            "ordinal": len(order["transactions"]) + 1,
        }
        order["transactions"].append(row)
        return row

    def _pay_back(self, order: Record, amount: int, status: str, gateway: str | None, when: float) -> list[Record]:
        moves, left = [], amount
        came = [t for t in order["transactions"] if t["kind"] in ("sale", "capture") and t["status"] == "success"]
        for source in came:
            back = sum(t["minor"] for t in order["transactions"] if t["parent_id"] == source["id"]
                       and t["kind"] == "refund" and t["status"] != "failure")  # fmt: skip
            take = min(left, source["minor"] - back)
            if take > 0 and gateway in (None, source["gateway"]):
                row = self._transaction(order, "refund", source["gateway"], take, parent=source["id"])
                row.update(status=status, processed_at=when)
                moves.append(row)
                left -= take
        if left:
            raise ValueError(f"{plain(left, order['currency'])} more than was received cannot be refunded")
        return moves

    def _fulfil(self, order: Record, when: float, lines: Sequence[Record] | None = None) -> None:
        shipped = fulfilled(order)
        if lines is None:
            rows = [
                {"line_id": line["id"], "quantity": line["current_quantity"] - shipped.get(line["id"], 0)}
                for line in order["lines"]
                if line["requires_shipping"]
            ]
        else:
            rows = [{"line_id": self._line(order, row["line"])["id"], "quantity": row["quantity"]} for row in lines]
        rows = [row for row in rows if row["quantity"] > 0]
        if rows:
            order["fulfilments"].append(
                {"id": self._orders.ids(1)[0], "created_at": when, "status": "success",
                 "location_id": order["location_id"], "name": f"{order['name']}.{len(order['fulfilments']) + 1}",
                 "lines": rows}
            )  # fmt: skip

    def _close_when_done(self, order: Record) -> None:
        # The vendor archives an order by itself once it is paid and shipped.
        shipped = fulfilment_status(order) == "fulfilled" or not any(row["requires_shipping"] for row in order["lines"])
        if shipped and financial_status(order) == "paid":
            order["closed_at"] = self._orders.now()

    def _line(self, order: Record, which: int | str) -> Record:
        lines: list[Record] = order["lines"]
        for at, line in enumerate(lines):
            if which in (at, line["id"], line["sku"]):
                return line
        raise ValueError(f"{order['name']} has no line {which}")

    def _left(self, order: Record) -> list[tuple[Record, int]]:
        rows = [(line, line["quantity"] - refunded_quantity(order, line["id"])) for line in order["lines"]]
        return [(line, count) for line, count in rows if count > 0]

    def _picked(self, order: Record, lines: Sequence[Record]) -> list[tuple[Record, int]]:
        rows = []
        for given in lines:
            line = self._line(order, given["line"])
            left = line["quantity"] - refunded_quantity(order, line["id"])
            count = given.get("quantity", left)
            if not 0 < count <= left:
                raise ValueError(f"{order['name']} has {left} left of {line['title']}, not {count}")
            rows.append((line, count))
        return rows

    def _refund(
        self,
        order: Record,
        rows: Sequence[tuple[Record, int]],
        kind: str,
        when: float,
        note: str | None,
        location_id: int | None,
    ) -> Record:
        new = self._orders.ids(1 + len(rows))
        refund: Record = {
            "id": new[0],
            "created_at": self._orders.now(),
            "processed_at": when,
            "note": note,
            "restock": kind != "no_restock",
            "lines": [],
            "shipping": [],
            "adjustments": [],
            "transaction_ids": [],
        }
        order["refunds"].append(refund)
        for id_, (line, count) in zip(new[1:], rows, strict=True):
            before = refunded_quantity(order, line["id"])
            net = line_gross(line) - discount(line)
            refund["lines"].append(
                {"id": id_, "line_id": line["id"], "quantity": count, "restock_type": kind,
                 "location_id": (location_id or order["location_id"]) if kind != "no_restock" else None,
                 "subtotal": part(net, count, line["quantity"], before),
                 "tax": part(tax(line), count, line["quantity"], before)}
            )  # fmt: skip
            line["current_quantity"] = max(0, line["current_quantity"] - count)
        return refund

    def _refund_shipping(self, order: Record, refund: Record, wanted: str | bool) -> None:
        if wanted is False:
            return
        given = None if wanted is True else minor(str(wanted), order["currency"])
        for line in order["shipping"]:
            back = sum(
                r["subtotal"] for other in order["refunds"] for r in other["shipping"] if r["shipping_id"] == line["id"]
            )
            net = line["minor"] - discount(line)
            take = net - back if given is None else min(given, net - back)
            if take > 0:
                share = part(tax(line), back + take, net) - part(tax(line), back, net)
                refund["shipping"].append(
                    {"id": self._orders.ids(1)[0], "shipping_id": line["id"], "subtotal": take, "tax": share}
                )
                given = None if given is None else given - take
        if given:
            raise ValueError(f"{order['name']} has {plain(given, order['currency'])} too little shipping to refund")

    def _agree(
        self, order: Record, reason: str, refund: Record | None = None, added: Sequence[Record] | None = None
    ) -> None:
        sales: list[Record] = []
        if refund is None or added:
            sales += [
                {
                    "line_id": line["id"],
                    "quantity": line["quantity"],
                    "sign": 1,
                    "minor": line_gross(line) - discount(line),
                    "tax": tax(line),
                }
                for line in (added if added is not None else order["lines"])
            ]
        if refund is None and added is None:
            sales += [{"shipping_id": s["id"], "quantity": None, "sign": 1, "minor": s["minor"] - discount(s),
                       "tax": tax(s)} for s in order["shipping"]]  # fmt: skip
        if refund is not None:
            sales += [{"line_id": r["line_id"], "quantity": -r["quantity"], "sign": -1, "minor": -r["subtotal"],
                       "tax": -r["tax"]} for r in refund["lines"]]  # fmt: skip
            sales += [{"shipping_id": r["shipping_id"], "quantity": None, "sign": -1, "minor": -r["subtotal"],
                       "tax": -r["tax"]} for r in refund["shipping"]]  # fmt: skip
            sales += [
                {"quantity": None, "sign": -1, "minor": r["minor"], "tax": r["tax"]} for r in refund["adjustments"]
            ]
        new = self._orders.ids(1 + len(sales))
        order["agreements"].append(
            {"id": new[0], "reason": reason, "happened_at": refund["processed_at"] if refund else order["processed_at"]
             if reason == "ORDER" else self._orders.now(), "refund_id": refund["id"] if refund else None,
             "sales": [{"id": id_, **sale} for id_, sale in zip(new[1:], sales, strict=True)]}
        )  # fmt: skip


def refund_value(order: Record, refund: Record) -> int:
    """What the lines and shipping of a refund are worth."""
    taxed = 0 if order["taxes_included"] else 1
    return sum(row["subtotal"] + taxed * row["tax"] for row in [*refund["lines"], *refund["shipping"]])
