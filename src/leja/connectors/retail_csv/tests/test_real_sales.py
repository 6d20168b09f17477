"""Every invoice of a real file comes to what an independent sum says, by kind of line, to the penny."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from leja.connectors.contract import Context, RawEvent
from leja.connectors.retail_csv import Settings
from leja.connectors.retail_csv.source import decode, detect, read_file
from leja.core.money import format_minor
from leja.documents.document import Document
from leja.documents.fee import Fee
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.documents.stock_move import StockMove

PLACE = Path(__file__).resolve().parents[6] / "shared" / "data" / "online_retail"
SETTINGS = Settings(encoding="cp1252", date_format="dd/mm/yyyy hh:mm", zone="Europe/London", currency="GBP")
KINDS = ("goods", "shipping", "discount", "samples", "manual", "gift_card", "fee")
INVOICES = 1893


@pytest.fixture(scope="module")
def content() -> bytes:
    if not PLACE.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so the real sales cannot be checked")
    return gzip.decompress((PLACE / "online_retail_2010-12.csv.gz").read_bytes())


@pytest.fixture(scope="module")
def expected(content: bytes) -> dict[str, dict[str, str]]:
    with (PLACE / "expected.csv").open(newline="") as file:
        return {row["invoice"]: row for row in csv.DictReader(file)}


def chunked(content: bytes, size: int = 65_536) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def documents(events: list[RawEvent]) -> dict[str, Document]:
    context = Context(settings=SETTINGS, zone="UTC", base_currency="GBP")
    found = {}
    for event in events:
        decoded = decode(event, context)
        assert decoded.ties
        assert not decoded.unread
        (document,) = decoded.documents
        found[document.header.number] = document
    return found


def split_by_kind(document: Document) -> dict[str, int]:
    sums: Counter[str] = Counter()
    match document:
        case Sale():
            for line in document.lines:
                sums["discount" if line.category == "discount" else line.kind] += line.listed.minor
        case Refund():
            for line in document.lines:
                sums["discount" if line.category == "discount" else line.kind] -= line.listed.minor
        case Fee():
            sums["fee"] = -document.amount.minor
    sums["samples"] = sums.pop("sample", 0)
    return dict(sums)


def total_of(document: Document) -> int:
    match document:
        case Sale():
            return document.total.minor
        case Refund():
            return -document.total.minor
        case Fee():
            return -document.amount.minor
    return 0


KIND_OF_ROUTE = {
    "shop_sale": Sale, "shop_refund": Refund, "file_return": Refund, "file_fee": Fee, "file_stock": StockMove,
}  # fmt: skip


def test_every_invoice_is_what_the_independent_sum_says(content: bytes, expected: dict[str, dict[str, str]]) -> None:
    found = documents(list(read_file(chunked(content), "sales.csv", SETTINGS)))
    assert len(found) == len(expected) == INVOICES
    for number, row in expected.items():
        document = found[number]
        assert isinstance(document, KIND_OF_ROUTE[row["route"]]), row
        assert format_minor(total_of(document), "GBP") == row["total"], row
        by_kind = split_by_kind(document)
        assert {kind: format_minor(by_kind.get(kind, 0), "GBP") for kind in KINDS} == {
            kind: row[kind] for kind in KINDS
        }
        if not isinstance(document, Fee):
            assert len(document.lines) == int(row["lines"]), row
            sign = -1 if isinstance(document, Refund) else 1
            assert sign * sum(line.quantity for line in document.lines) == Decimal(row["units"]), row


def test_any_subset_of_invoices_decodes_to_the_same(content: bytes, expected: dict[str, dict[str, str]]) -> None:
    heading, *lines = content.split(b"\n")
    by_file = {number for number, row in expected.items() if row["route"].startswith("file_")}
    kept = [line for line in lines if line.partition(b",")[0].decode("cp1252") in by_file]
    found = documents(list(read_file([b"\n".join([heading, *kept])], "rest.csv", SETTINGS)))
    assert set(found) == by_file
    assert {number: format_minor(total_of(found[number]), "GBP") for number in by_file} == {
        number: expected[number]["total"] for number in by_file
    }


def test_returns_are_unlinked_and_owed_to_the_customer(content: bytes, expected: dict[str, dict[str, str]]) -> None:
    found = documents(list(read_file(chunked(content), "sales.csv", SETTINGS)))
    returns = [found[number] for number, row in expected.items() if row["route"] == "file_return"]
    assert len(returns) == 190
    assert all(
        isinstance(r, Refund) and r.sale == "" and r.settled_as == "credit_note" and not r.tenders for r in returns
    )


def test_interleaved_rows_and_any_chunking_give_the_same_invoices(content: bytes) -> None:
    heading, *lines = [line for line in content.split(b"\n") if line]
    mixed = [heading, *lines[0::2], *lines[1::2]]
    settings = Settings(**{**{f: getattr(SETTINGS, f) for f in SETTINGS.__struct_fields__}, "look_ahead_rows": 50_000})
    whole = {e.key: len(e.body) for e in read_file(chunked(content, 1_000_000), "a", settings)}
    split = {e.key: len(e.body) for e in read_file(chunked(b"\n".join(mixed), 70_001), "a", settings)}
    assert split == whole


def test_the_shape_of_the_file_is_found(content: bytes) -> None:
    shape = detect(content, Settings())
    assert (shape.encoding, shape.delimiter, shape.decimal_mark) == ("cp1252", ",", ".")
    assert shape.date_format == "dd/mm/yyyy"
    assert shape.columns["invoice"] == "InvoiceNo"
    assert shape.detected == ("encoding", "delimiter", "decimal_mark", "date_format")
