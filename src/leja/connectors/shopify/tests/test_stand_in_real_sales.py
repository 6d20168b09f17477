"""A real December in the stand-in: every order and refund comes to what the reference says, to the penny."""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leja.connectors.shopify.stand_in import STAND_IN
from leja_sandbox.kit import environment

Rows = list[dict[str, str]]


def read(folder: Path) -> tuple[list[dict[str, str]], dict[str, Rows]]:
    """What each invoice must come to, and the lines of each."""
    lines: dict[str, Rows] = defaultdict(list)
    with gzip.open(folder / "online_retail_2010-12.csv.gz", "rt", encoding="cp1252") as file:
        for row in csv.DictReader(file):
            lines[row["InvoiceNo"]].append(row)
    with (folder / "expected.csv").open() as file:
        return list(csv.DictReader(file)), lines


def line(row: dict[str, str]) -> dict[str, Any]:
    """A line of an order from a line of the file."""
    title = row["Description"] or row["StockCode"]
    if row["StockCode"] in ("POST", "DOT", "C2"):
        price = Decimal(row["UnitPrice"]) * int(row["Quantity"])
        return {"kind": "shipping", "title": title, "price": str(price)}
    kind = "gift_card" if row["StockCode"].startswith("gift_") else "goods"
    return {
        "kind": kind,
        "title": title,
        "sku": row["StockCode"],
        "price": row["UnitPrice"],
        "quantity": int(row["Quantity"]),
    }


def when(rows: Rows) -> str:
    """The invoice's time on the wall clock of the shop."""
    local = datetime.strptime(rows[0]["InvoiceDate"], "%d/%m/%Y %H:%M")  # noqa: DTZ007
    return local.replace(tzinfo=ZoneInfo("Europe/London")).isoformat()


def test_a_real_december_ties_to_the_penny() -> None:
    folder = Path(__file__).resolve().parents[5].parent / "shared" / "data" / "online_retail"
    if not folder.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so there are no real sales to place")
    expected, rows = read(folder)
    call = STAND_IN.build(environment()).control.call
    sold: dict[str, list[dict[str, Any]]] = {}
    for one in (one for one in expected if one["route"] == "shop_sale"):
        lines = [line(row) for row in rows[one["invoice"]]]
        placed = call("place_order", lines=lines, name=one["invoice"], processed_at=when(rows[one["invoice"]]))
        assert placed["total"] == one["total"], one["invoice"]
        goods = [wanted for wanted in lines if wanted["kind"] != "shipping"]
        sold[one["invoice"]] = [{**wanted, "left": wanted["quantity"]} for wanted in goods]
    for one in (one for one in expected if one["route"] == "shop_refund"):
        back = Counter({(r["StockCode"], r["UnitPrice"]): 0 for r in rows[one["invoice"]]})
        for row in rows[one["invoice"]]:
            back[row["StockCode"], row["UnitPrice"]] -= int(row["Quantity"])
        taken = []
        for at, had in enumerate(sold[one["refers_to"]]):
            count = min(had["left"], back[had["sku"], had["price"]])
            if count > 0:
                had["left"] -= count
                back[had["sku"], had["price"]] -= count
                taken.append({"line": at, "quantity": count})
        made = call("refund", order=one["refers_to"], lines=taken, processed_at=when(rows[one["invoice"]]))
        assert f"-{made['refunded']}" == one["total"], one["invoice"]
    report = call("report")
    assert report["counts"] == {"orders": 1454, "refunds": 101}
    assert report["sums"] == {"orders": {"GBP": 74_216_085}, "refunds": {"GBP": 666_542}}
