"""The orders of the stand-in's shop: what is stored of each, and the arithmetic over it.

A stored order is a dict of plain JSON with every amount as an integer of minor units of the shop's currency. The REST
and the GraphQL shape are both derived from it. Amounts in the customer's currency are the shop's times ``rate``, each
rounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from leja.core.currency import exponent
from leja.core.money import format_minor, from_text, rounded
from leja_sandbox.kit import Environment

Record = dict[str, Any]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS shop_order (
    id INTEGER PRIMARY KEY, number INTEGER NOT NULL, name TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
    processed REAL NOT NULL, status TEXT NOT NULL, financial TEXT NOT NULL, fulfilment TEXT NOT NULL,
    total INTEGER NOT NULL, test INTEGER NOT NULL, location TEXT NOT NULL, visible_from REAL NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS shop_order_updated ON shop_order (updated, id);
CREATE INDEX IF NOT EXISTS shop_order_created ON shop_order (created, id);
CREATE INDEX IF NOT EXISTS shop_order_processed ON shop_order (processed, id);
CREATE TABLE IF NOT EXISTS refund_of (refund INTEGER PRIMARY KEY, shop_order INTEGER NOT NULL);
"""
FIRST_ID: Final = 5_600_000_000_001


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """The shop's own facts, from the settings of the stand-in."""

    domain: str
    name: str
    currency: str
    zone: str
    fee_rate: Decimal
    fee_flat: int
    payments: bool


class Orders:
    """Keeps the orders. Every method runs inside a transaction of the store that the caller opened."""

    def __init__(self, env: Environment, shop: Shop) -> None:
        self.env, self.shop, self._store = env, shop, env.store
        self._zone = ZoneInfo(shop.zone)
        env.store.schema(_SCHEMA)

    def ids(self, count: int) -> list[int]:
        """New ids, unique over all kinds of things."""
        return list(self._store.next_numbers("id", count, FIRST_ID)) if count else []

    def now(self) -> float:
        """The shop's time, in whole seconds as the vendor keeps it."""
        return float(int(self.env.now()))

    def local(self, moment: float | None) -> str | None:
        """An instant as REST writes it: the shop's wall clock with its offset."""
        return None if moment is None else datetime.fromtimestamp(moment, self._zone).isoformat()

    def get(self, order_id: int | str) -> Record | None:
        """The order, or None."""
        rows = self._store.execute("SELECT body FROM shop_order WHERE id = ?", int(order_id))
        return msgspec.json.decode(rows[0][0]) if rows else None

    def must(self, order: int | str) -> Record:
        """The order of that id or name. Raises ValueError."""
        text = str(order)
        rows = self._store.execute(
            "SELECT body FROM shop_order WHERE name = ? OR id = ?", text, int(text) if text.isdigit() else -1
        )
        if not rows:
            raise ValueError(f"there is no order {order}")
        found: Record = msgspec.json.decode(rows[0][0])
        return found

    def of_refund(self, refund_id: int) -> Record | None:
        """The order that holds a refund."""
        rows = self._store.execute("SELECT shop_order FROM refund_of WHERE refund = ?", refund_id)
        return self.get(rows[0][0]) if rows else None

    def keep(self, order: Record, *, touched: float | None = None) -> None:
        """Writes the order; its ``updated_at`` moves on to now unless ``touched`` says otherwise."""
        order["updated_at"] = self.now() if touched is None else touched
        lag = self.env.faults.draw("lagging_search", "SHOP orders")
        self._store.execute(
            "INSERT OR REPLACE INTO shop_order VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            order["id"], order["number"], order["name"], order["created_at"], order["updated_at"],
            order["processed_at"], status(order), financial_status(order), fulfilment_status(order) or "unfulfilled",
            totals(order)["total"], int(order["test"]), str(order["location_id"] or ""),
            self.env.now() + lag.seconds if lag else 0.0, msgspec.json.encode(order),
        )  # fmt: skip
        for refund in order["refunds"]:
            self._store.execute("INSERT OR IGNORE INTO refund_of VALUES (?, ?)", refund["id"], order["id"])

    def drop(self, order: Record) -> None:
        """Deletes the order for good, as a merchant may."""
        self._store.execute("DELETE FROM shop_order WHERE id = ?", order["id"])

    def select(self, where: str, values: Iterable[Any], order_by: str, limit: int) -> list[Record]:
        """Orders that a search finds now, in order."""
        rows = self._store.execute(
            f"SELECT body FROM shop_order WHERE visible_from <= ? AND ({where}) ORDER BY {order_by} LIMIT ?",
            self.env.now(), *values, limit,
        )  # fmt: skip
        return [msgspec.json.decode(row[0]) for row in rows]

    def count(self, where: str, values: Iterable[Any]) -> int:
        """How many a search finds now."""
        rows = self._store.execute(
            f"SELECT count(*) FROM shop_order WHERE visible_from <= ? AND ({where})", self.env.now(), *values
        )
        return int(rows[0][0])


def minor(text: str, currency: str) -> int:
    """Minor units from decimal text."""
    return from_text(str(text), currency).minor


def times(price: str, quantity: int, currency: str) -> int:
    """A unit price times a quantity, in minor units."""
    return rounded(Decimal(price) * quantity, currency).minor


def tax_of(base: int, rate: str, included: bool, currency: str) -> int:
    """The tax on an amount at a rate such as "0.16": inside it, or on top of it."""
    share = Decimal(rate) / (1 + Decimal(rate)) if included else Decimal(rate)
    return rounded(Decimal(base).scaleb(-exponent(currency)) * share, currency).minor


def part(whole: int, quantity: int, of: int, before: int = 0) -> int:
    """The share of the next ``quantity`` units out of ``of``, so that all shares sum to the whole."""
    if not of:
        return 0
    return _half_up(whole * (before + quantity), of) - _half_up(whole * before, of)


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def line_gross(line: Record) -> int:
    """Price times quantity as ordered, worked out when the line was added."""
    gross: int = line["gross"]
    return gross


def discount(thing: Record) -> int:
    """What was taken off a line or a shipping line."""
    return sum(allocation["minor"] for allocation in thing["discounts"])


def tax(thing: Record) -> int:
    """The tax on a line or a shipping line as ordered."""
    return sum(line["minor"] for line in thing["taxes"])


def totals(order: Record) -> dict[str, int]:
    """The order's own totals as sold (edits included, refunds not) and after refunds (``current_``)."""
    included = order["taxes_included"]
    goods = [line for line in order["lines"] if not line["tip"]]
    tips = sum(line_gross(line) for line in order["lines"] if line["tip"])
    line_items = sum(line_gross(line) for line in goods)
    off_lines = sum(discount(line) for line in goods)
    off_shipping = sum(discount(line) for line in order["shipping"])
    shipping = sum(line["minor"] for line in order["shipping"])
    taxes = sum(tax(line) for line in [*order["lines"], *order["shipping"]])
    back_goods = sum(line["subtotal"] for refund in order["refunds"] for line in refund["lines"])
    back_shipping = sum(line["subtotal"] for refund in order["refunds"] for line in refund["shipping"])
    back_tax = sum(line["tax"] for refund in order["refunds"] for line in [*refund["lines"], *refund["shipping"]])
    total = line_items - off_lines + shipping - off_shipping + tips + (0 if included else taxes)
    back = back_goods + back_shipping + (0 if included else back_tax)
    # REST states the subtotal of tax-included goods with their tax; shipping sums already contain theirs.
    return {
        "line_items": line_items,
        "discounts": off_lines + off_shipping,
        "subtotal": line_items - off_lines,
        "shipping": shipping - off_shipping,
        "shipping_gross": shipping,
        "tax": taxes,
        "tips": tips,
        "total": total,
        "current_subtotal": line_items - off_lines - back_goods,
        "current_shipping": shipping - off_shipping - back_shipping,
        "current_tax": taxes - back_tax,
        "current_total": total - back,
        "current_discounts": off_lines + off_shipping - _discount_back(order),
        "refunded_goods": back_goods,
        "refunded_shipping": back_shipping,
    }


def _discount_back(order: Record) -> int:
    lines = {line["id"]: line for line in order["lines"]}
    returned: dict[int, int] = {}
    for refund in order["refunds"]:
        for row in refund["lines"]:
            returned[row["line_id"]] = returned.get(row["line_id"], 0) + row["quantity"]
    return sum(part(discount(lines[id_]), count, lines[id_]["quantity"]) for id_, count in returned.items())


def moved(order: Record, *kinds: str) -> int:
    """The sum of successful transactions of those kinds."""
    return sum(t["minor"] for t in order["transactions"] if t["kind"] in kinds and t["status"] == "success")


def received(order: Record) -> int:
    """Money that came in, change given deducted."""
    return moved(order, "sale", "capture") - moved(order, "change")


def outstanding(order: Record) -> int:
    """What the customer still owes; negative where the shop owes."""
    # What was paid back beyond the refunded lines, or kept of them, changes no line and is owed by nobody.
    differences: int = sum(row["minor"] + row["tax"] for refund in order["refunds"] for row in refund["adjustments"])
    return totals(order)["current_total"] + differences - (received(order) - moved(order, "refund"))


def status(order: Record) -> str:
    """open, closed or cancelled."""
    if order["cancelled_at"]:
        return "cancelled"
    return "closed" if order["closed_at"] else "open"


def financial_status(order: Record) -> str:
    """The order's payment in one word, derived from its transactions."""
    came, back, due = received(order), moved(order, "refund"), totals(order)["total"]
    if back:
        return "refunded" if back >= came else "partially_refunded"
    if came >= due:
        return "paid"
    if came:
        return "partially_paid"
    if moved(order, "void"):
        return "voided"
    if moved(order, "authorization"):
        return "authorized"
    return "voided" if order["cancelled_at"] else "pending"


def fulfilment_status(order: Record) -> str | None:
    """None, partial or fulfilled."""
    shipped = fulfilled(order)
    wanted = {line["id"]: line["current_quantity"] for line in order["lines"] if line["requires_shipping"]}
    if not shipped:
        return None
    return "fulfilled" if all(shipped.get(id_, 0) >= count for id_, count in wanted.items()) else "partial"


def fulfilled(order: Record) -> dict[int, int]:
    """How many of each line were shipped."""
    shipped: dict[int, int] = {}
    for fulfilment in order["fulfilments"]:
        if fulfilment["status"] == "success":
            for row in fulfilment["lines"]:
                shipped[row["line_id"]] = shipped.get(row["line_id"], 0) + row["quantity"]
    return shipped


def refunded_quantity(order: Record, line_id: int) -> int:
    """How many of a line were refunded."""
    return sum(row["quantity"] for refund in order["refunds"] for row in refund["lines"] if row["line_id"] == line_id)


def presented(amount: int, order: Record) -> int:
    """An amount in minor units of the customer's currency."""
    if order["presentment"] == order["currency"]:
        return amount
    value = Decimal(amount).scaleb(-exponent(order["currency"])) * Decimal(order["rate"])
    return rounded(value, order["presentment"]).minor


def plain(amount: int, currency: str) -> str:
    """An amount as REST writes it: all decimals of the currency."""
    return format_minor(amount, currency)


def short(amount: int, currency: str) -> str:
    """An amount as GraphQL writes it: "12.0", "12.5", "12.55"."""
    text = format_minor(amount, currency)
    if "." not in text:
        return f"{text}.0"
    text = text.rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def epoch(text: str) -> float:
    """Seconds of the epoch from ISO 8601; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
