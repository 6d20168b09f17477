"""What the demo's shop sells: a file of real sales with the way that each invoice goes, or a seeded season of its own."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from leja.core.errors import Refused

SHOP_ZONE = ZoneInfo("Europe/London")
SHIPPING = frozenset({"POST", "DOT", "C2"})
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
Row = dict[str, str]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order of the shop: its number, when, and its lines as the stand-in's ``place_order`` takes them."""

    number: str
    placed_at: datetime
    lines: list[dict[str, Any]]
    customer: str = ""
    taxes_included: bool = False


class Return(msgspec.Struct, frozen=True, kw_only=True):
    """Goods of an order that come back: (SKU, price, quantity) of each line."""

    number: str
    order: str
    at: datetime
    lines: list[tuple[str, str, int]]


class Sales(msgspec.Struct, frozen=True, kw_only=True):
    """All that happens in the demo. ``rows`` are for the file source, in its own columns."""

    orders: list[Order]
    returns: list[Return]
    rows: list[Row]
    first_day: date
    play: str
    payout_weeks: int = 0


def from_file(path: Path) -> Sales:
    """Real sales with ``expected.csv`` beside them, which says the way that each invoice goes. Raises Refused ``demo-file``."""
    ways = path.parent / "expected.csv"
    if not path.exists() or not ways.exists():
        raise Refused("demo-file", f"{path} or expected.csv beside it is not there", remedy="Name the file of sales, with expected.csv in its folder.")
    with ways.open(encoding="utf-8", newline="") as lines:
        expected = {row["invoice"]: row for row in csv.DictReader(lines)}
    by_invoice: dict[str, list[Row]] = defaultdict(list)
    for row in _rows(path):
        by_invoice[row["InvoiceNo"]].append(row)
    orders, returns, rest = [], [], []
    for invoice, rows in by_invoice.items():
        way = expected[invoice]
        if way["route"] == "shop_sale":
            orders.append(_order(invoice, rows))
        elif way["route"] == "shop_refund":
            returns.append(_return(invoice, way["refers_to"], rows))
        else:
            rest += rows
    first = min(order.placed_at for order in orders).date()
    return Sales(orders=orders, returns=returns, rows=rest, first_day=first, play=path.name.split(".")[0])


def _rows(path: Path) -> Iterator[Row]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="cp1252", newline="") as lines:
        yield from csv.DictReader(lines)


def _order(invoice: str, rows: Sequence[Row]) -> Order:
    lines = []
    for row in rows:
        code, price, quantity = row["StockCode"], Decimal(row["UnitPrice"]), int(row["Quantity"])
        line: dict[str, Any] = {"title": row["Description"] or code, "sku": code, "price": f"{price:.2f}", "quantity": quantity}
        if price != round(price, 2):
            # The shop's prices have two decimals: such a line is sold as one of its whole amount.
            line |= {"price": f"{price * quantity:.2f}", "quantity": 1}
        if code in SHIPPING:
            line = {"title": code, "price": f"{price * quantity:.2f}", "kind": "shipping"}
        elif code.startswith("gift_"):
            line["kind"] = "gift_card"
        lines.append(line)
    return Order(number=invoice, placed_at=_moment(rows[0]["InvoiceDate"]), lines=lines, customer=rows[0]["CustomerID"])


def _return(invoice: str, order: str, rows: Sequence[Row]) -> Return:
    lines = [(row["StockCode"], f"{Decimal(row['UnitPrice']):.2f}", -int(row["Quantity"])) for row in rows]
    return Return(number=invoice, order=order, at=_moment(rows[0]["InvoiceDate"]), lines=lines)


def _moment(text: str) -> datetime:
    day, clock = text.split(" ")
    d, m, y = (int(part) for part in day.split("/"))
    hour, minute = (int(part) for part in clock.split(":"))
    return datetime(y, m, d, hour, minute, tzinfo=SHOP_ZONE)


GOODS = (
    ("KIO-BAS-01", "Kiondo basket, sisal", "38.00"), ("KIO-BAS-02", "Kiondo basket, leather straps", "64.50"),
    ("KEN-COF-250", "Nyeri AA coffee, 250 g", "11.95"), ("ETH-COF-250", "Yirgacheffe coffee, 250 g", "12.40"),
    ("GHA-SHEA-200", "Shea butter, 200 g", "9.80"), ("GHA-KEN-STO", "Kente stole", "85.00"),
    ("MAL-BOG-THR", "Bogolan throw", "120.00"), ("RWA-AGA-BWL", "Agaseke peace bowl", "46.00"),
    ("MOZ-CAP-TRAY", "Capulana tray", "24.75"), ("TZA-TIN-PRT", "Tinga Tinga print", "55.20"),
    ("ZAF-ROO-080", "Rooibos, 80 bags", "6.45"), ("SEN-BAS-LRG", "Wolof laundry basket", "98.00"),
)


def season(seed: int, orders: int = 240) -> Sales:
    """A season of an African-goods store: web orders with VAT, shipping, discounts and gift cards, returns, till invoices, fees."""
    random = Random(seed)  # noqa: S311
    first = datetime(2026, 3, 2, 9, 0, tzinfo=SHOP_ZONE)
    placed = [_web_order(random, first, number) for number in range(1, orders + 1)]
    returns = []
    for order in random.sample(placed, orders // 12):
        line = next(line for line in order.lines if line.get("kind", "goods") == "goods")
        returns.append(Return(number=f"R{order.number}", order=order.number, at=order.placed_at + timedelta(days=random.randint(1, 9)),
                              lines=[(line["sku"], line["price"], 1)]))
    return Sales(orders=placed, returns=returns, rows=_till(random, first), first_day=first.date(), play=f"season {seed}", payout_weeks=6)


def _web_order(random: Random, first: datetime, number: int) -> Order:
    vat = [{"title": "VAT", "rate": "0.2"}]
    lines: list[dict[str, Any]] = []
    for sku, title, price in random.sample(GOODS, random.randint(1, 4)):
        line: dict[str, Any] = {"sku": sku, "title": title, "price": price, "quantity": random.randint(1, 3), "taxes": vat}
        if random.random() < 0.15:
            line["discount"] = f"{Decimal(price) / 10:.2f}"
        lines.append(line)
    if random.random() < 0.08:
        lines.append({"title": "Gift card", "price": "50.00", "quantity": 1, "kind": "gift_card"})
    lines.append({"title": "Standard", "price": random.choice(("4.95", "0.00", "8.50")), "kind": "shipping", "taxes": vat})
    at = first + timedelta(minutes=number * 310 + random.randint(0, 300))
    return Order(number=f"W{1000 + number}", placed_at=at, lines=lines, customer=str(random.randint(1, 90)), taxes_included=True)


def _till(random: Random, first: datetime) -> list[Row]:
    rows: list[Row] = []
    for number in range(1, 121):
        at = first + timedelta(minutes=number * 590)
        cancelled = number % 20 == 0
        for sku, title, price in random.sample(GOODS, random.randint(1, 3)):
            count = random.randint(1, 4)
            rows.append(_till_row(f"{'C' if cancelled else ''}T{number}", sku, title, -count if cancelled else count, at, price))
    for number, (code, words, amount) in enumerate((("AMAZONFEE", "Marketplace fee", "41.30"), ("BANK CHARGES", "Bank charges", "12.00")), 1):
        rows.append(_till_row(f"CF{number}", code, words, -1, first + timedelta(days=40), amount))
    return rows


def _till_row(invoice: str, code: str, words: str, count: int, at: datetime, price: str) -> Row:
    return dict(zip(COLUMNS, (invoice, code, words, str(count), at.strftime("%d/%m/%Y %H:%M"), price, "", "United Kingdom"), strict=True))


def utc_text(moment: datetime) -> str:
    """An instant as platforms write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
