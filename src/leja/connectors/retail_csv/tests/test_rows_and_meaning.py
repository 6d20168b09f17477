"""What is peculiar to a retail file: mixed invoices, faults, costs, ways of writing."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.connectors.contract import Context, Decoded, RawEvent
from leja.connectors.retail_csv import Settings
from leja.connectors.retail_csv.source import decode, detect, read_file
from leja.core.errors import LejaError, Refused
from leja.core.money import Money
from leja.documents.document import kind_of
from leja.documents.fee import Fee
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.documents.stock_move import StockMove

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
STATED = {"date_format": "dd/mm/yyyy", "currency": "GBP", "zone": "Europe/London"}


def events(text: str, **settings: Any) -> list[RawEvent]:
    return list(read_file([text.encode()], "till.csv", Settings(**{**STATED, **settings})))


def meaning(rows: str, **settings: Any) -> Decoded:
    (event,) = events(HEAD + rows, **settings)
    context = Context(settings=Settings(**{**STATED, **settings}), zone="Africa/Nairobi", base_currency="KES")
    return decode(event, context)


def pounds(minor: int) -> Money:
    return Money(minor, "GBP")


def test_equal_rows_are_two_sales_and_a_free_item_is_a_line() -> None:
    row = "1,A,LAMP,2,03/12/2010 08:26,2.50,17850,United Kingdom\n"
    (sale,) = meaning(row + row + "1,B,GIFT,1,03/12/2010 08:26,0,17850,United Kingdom\n").documents
    assert isinstance(sale, Sale)
    assert [line.listed.minor for line in sale.lines] == [500, 500, 0]
    assert (sale.total, sale.header.business_day, sale.header.country) == (pounds(1000), date(2010, 12, 3), "GB")
    assert sale.header.occurred_at.isoformat() == "2010-12-03T08:26:00+00:00"
    assert [(tender.means, tender.amount) for tender in sale.tenders] == [("card", pounds(1000))]
    assert sale.customer is not None
    assert sale.customer.external_id == "17850"


def test_a_discount_row_in_a_sale_is_spread_over_its_lines_to_the_penny() -> None:
    rows = "1,A,LAMP,1,03/12/2010,1.00,,UK\n1,B,VASE,1,03/12/2010,2.00,,UK\n1,D,Discount,-1,03/12/2010,1.00,,UK\n"
    (sale,) = meaning(rows).documents
    assert isinstance(sale, Sale)
    assert [line.discount.minor for line in sale.lines if line.discount] == [33, 67]
    assert sale.total == pounds(200)


def test_a_discount_larger_than_its_goods_is_for_a_person() -> None:
    rows = "1,A,LAMP,1,03/12/2010,1.00,,UK\n1,D,Discount,-1,03/12/2010,5.00,,UK\n"
    with pytest.raises(LejaError) as held:
        meaning(rows)
    assert held.value.code == "file-discount-too-large"


def test_an_invoice_may_hold_a_sale_a_return_fees_and_a_stock_move() -> None:
    rows = (
        "1,A,LAMP,2,03/12/2010,1.00,,UK\n1,B,VASE,-1,03/12/2010,3.00,,UK\n1,AMAZONFEE,FEE,-1,03/12/2010,4.00,,UK\n"
        "1,BANK CHARGES,BANK,1,03/12/2010,0.50,,UK\n"
    )
    sale, refund, market, bank = meaning(rows).documents
    assert isinstance(sale, Sale)
    assert sale.total == pounds(200)
    assert isinstance(refund, Refund)
    assert (refund.total, refund.sale, refund.settled_as) == (pounds(300), "", "credit_note")
    assert isinstance(market, Fee)
    assert (market.amount, market.fee_type, market.header.external_id) == (pounds(400), "marketplace", "1/marketplace")
    assert isinstance(bank, Fee)
    assert (bank.amount, bank.fee_type) == (pounds(-50), "bank")


def test_rows_without_money_are_a_stock_move_of_their_sign() -> None:
    (move,) = meaning("1,A,damaged,-5,03/12/2010,0,,UK\n1,B,found,3,03/12/2010,0,,UK\n").documents
    assert isinstance(move, StockMove)
    assert [(line.sku, line.quantity) for line in move.lines] == [("A", Decimal(-5)), ("B", Decimal(3))]
    assert move.reason == "damaged"


def test_a_route_that_is_not_read_is_ignored_with_the_reason() -> None:
    decoded = meaning("1,A,LAMP,1,03/12/2010,1.00,,UK\n", routes=("return", "fee"))
    assert decoded.documents == ()
    assert "'sale'" in decoded.ignored


def test_a_later_part_of_an_invoice_is_a_document_of_its_own() -> None:
    (event,) = events(HEAD + "1,A,LAMP,1,03/12/2010,1.00,,UK\n")
    later = RawEvent(key="invoice/1#2", topic=event.topic, body=event.body)
    (document,) = decode(later, Context(settings=Settings(**STATED), zone="UTC")).documents  # type: ignore[arg-type]
    assert document.header.external_id == "1#2"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,A,LAMP,two,03/12/2010,1.00,,UK\n", "line 2: the quantity 'two'"),
        ("1,A,LAMP,1,03/12/2010,1e3,,UK\n", "line 2: the unit price '1e3'"),
        ("1,A,LAMP,1,03/12/2010,NaN,,UK\n", "line 2: the unit price 'NaN'"),
        ("1,A,LAMP,1,03/12/2010,,,UK\n", "line 2: the unit price ''"),
        ("1,A,LAMP,1,31/02/2010,1.00,,UK\n", "line 2: '31/02/2010'"),
        ("1,A,LAMP,1,13/13/2010,1.00,,UK\n", "line 2: '13/13/2010'"),
        ('1,A,LAMP,1,03/12/2010,"1,234.00",,UK\n', "line 2: the unit price"),
    ],
)
def test_an_unreadable_row_holds_its_invoice_and_is_never_zero(row: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        meaning(row)
    assert refused.value.code == "file-row-unreadable"
    assert said in refused.value.message


def test_a_file_with_semicolons_decimal_commas_and_own_headings() -> None:
    text = "Bon;Artikel;Menge;Datum;Preis\n7;A;1,5;13.12.2010;2,40\n"
    columns = {"invoice": "Bon", "stock_code": "Artikel", "quantity": "Menge", "date": "Datum", "unit_price": "Preis"}
    settings = Settings(columns=columns, currency="EUR", zone="Europe/Berlin")
    shape = detect(text.encode(), settings)
    assert (shape.delimiter, shape.decimal_mark, shape.date_format) == (";", ",", "dd/mm/yyyy")
    (event,) = read_file([text.encode()], "kasse.csv", settings)
    (sale,) = decode(event, Context(settings=settings, zone="UTC")).documents
    assert isinstance(sale, Sale)
    assert sale.total == Money(360, "EUR")


def test_a_cost_list_is_told_by_its_headings() -> None:
    found = events("SKU,Unit cost,Effective from\nA,1.25,2010-12-01\nB,x,2010-12-01\n", date_format="")
    assert [event.topic for event in found] == ["cost-list", "unreadable-row"]
    assert found[0].body == b'{"sku":"A","cost":"1.25","effective_from":"2010-12-01"}'
    assert decode(found[0], Context(settings=Settings(), zone="UTC")).ignored


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\""), max_size=8)


@given(rows=st.lists(st.tuples(st.sampled_from("12"), FIELD, FIELD, FIELD, FIELD, FIELD, FIELD, FIELD), max_size=6))
def test_no_row_makes_it_fall_over_and_none_is_lost(rows: list[tuple[str, ...]]) -> None:
    text = HEAD + "".join(",".join(f'"{field}"' for field in row) + "\n" for row in rows)
    found = events(text, encoding="utf-8", delimiter=",", decimal_mark=".") if _shape_holds(text) else []
    for event in found:
        try:
            decoded = decode(event, Context(settings=Settings(**STATED), zone="UTC"))  # type: ignore[arg-type]
        except LejaError:
            continue
        assert {kind_of(document) for document in decoded.documents} <= {"sale", "refund", "fee", "stock_move"}
    if found:
        held = [json.loads(event.body) for event in found]
        assert sum(len(invoice["rows"]) for invoice in held) == len(rows)


def _shape_holds(text: str) -> bool:
    try:
        detect(text.encode(), Settings(encoding="utf-8", delimiter=",", decimal_mark=".", date_format="dd/mm/yyyy"))
    except Refused:
        return False
    return True
