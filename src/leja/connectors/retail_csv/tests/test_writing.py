"""How a retail file is written: what it decides by itself, what must be stated, and what is refused rather than guessed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from leja.connectors.contract import Context, Location, RawEvent
from leja.connectors.retail_csv import Settings
from leja.connectors.retail_csv.source import decode, detect, read_file
from leja.core.errors import LejaError, Refused
from leja.core.money import Money
from leja.documents.refund import Refund
from leja.documents.sale import Sale

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
STATED: dict[str, Any] = {"date_format": "dd/mm/yyyy", "currency": "GBP"}


def events(text: str, **settings: Any) -> list[RawEvent]:
    return list(read_file([text.encode()], "till.csv", Settings(**{**STATED, **settings})))


def told(rows: str, settings: dict[str, Any] | None = None, **context: Any) -> Any:
    stated = Settings(**{**STATED, **(settings or {})})
    (event,) = read_file([(HEAD + rows).encode()], "till.csv", stated)
    (document,) = decode(event, Context(**{"settings": stated, "zone": "Africa/Nairobi", **context})).documents
    return document


def refused(text: bytes, **settings: Any) -> str:
    with pytest.raises(Refused) as caught:
        list(read_file([text], "till.csv", Settings(**settings)))
    assert caught.value.message
    return caught.value.code


LATE = "1,A,LAMP,1,03/12/2010 02:30,1.00,,UK\n"


def test_a_time_is_local_to_the_place_else_to_the_connection_else_to_the_organisation() -> None:
    assert told(LATE).header.occurred_at.isoformat() == "2010-12-03T02:30:00+03:00"
    assert told(LATE, {"zone": "Europe/London"}).header.occurred_at.isoformat() == "2010-12-03T02:30:00+00:00"
    place = Location(external_id="till-1", zone="Asia/Tokyo")
    at_place = told(LATE, {"zone": "Europe/London", "location": "till-1"}, locations={"till-1": place})
    assert at_place.header.occurred_at.isoformat() == "2010-12-03T02:30:00+09:00"
    assert at_place.header.location == "till-1"


def test_a_business_day_ends_when_the_place_says_so_else_when_the_organisation_does() -> None:
    assert told(LATE).header.business_day == date(2010, 12, 3)
    assert told(LATE, day_end_minutes=240).header.business_day == date(2010, 12, 2)
    bar = Location(external_id="bar", zone="Europe/London", day_end_minutes=240)
    assert told(LATE, {"location": "bar"}, locations={"bar": bar}).header.business_day == date(2010, 12, 2)
    shop = Location(external_id="shop", zone="Europe/London")
    at_shop = told(LATE, {"location": "shop"}, locations={"shop": shop}, day_end_minutes=240)
    assert at_shop.header.business_day == date(2010, 12, 3)


def test_an_invoice_happened_with_its_first_row() -> None:
    rows = "1,A,LAMP,1,03/12/2010 11:00,1.00,,UK\n1,B,VASE,1,03/12/2010 10:59,1.00,,UK\n"
    assert told(rows).header.occurred_at.isoformat() == "2010-12-03T10:59:00+03:00"


def test_a_cancelled_invoice_gives_back_what_was_taken_off_as_well() -> None:
    cancelled = told("C1,A,LAMP,-1,03/12/2010,9.00,,UK\nC1,D,Discount,-1,03/12/2010,2.00,,UK\n")
    assert isinstance(cancelled, Refund)
    assert cancelled.total == Money(1_100, "GBP")
    assert [line.category for line in cancelled.lines] == ["", "discount"]


def test_in_a_cancelled_invoice_a_discount_is_given_back_even_beside_goods_that_were_sold() -> None:
    rows = "C1,A,LAMP,-1,03/12/2010,9.00,,UK\nC1,B,VASE,1,03/12/2010,3.00,,UK\nC1,D,Discount,-1,03/12/2010,2.00,,UK\n"
    (event,) = events(HEAD + rows)
    sale, refund = decode(event, Context(settings=Settings(**STATED), zone="UTC")).documents
    assert isinstance(sale, Sale)
    assert isinstance(refund, Refund)
    assert (sale.total, refund.total) == (Money(300, "GBP"), Money(1_100, "GBP"))


def test_rows_of_the_wrong_length_or_without_a_number_are_kept_with_their_line_and_hold_nobody_up() -> None:
    text = HEAD + "1,A,LAMP,1\n2,A,LAMP,1,03/12/2010,1.00,,UK\n ,A,LAMP,1,03/12/2010,1.00,,UK\n"
    found = events(text)
    assert sorted((one.key, one.headers["leja-row"]) for one in found) == [("", "2"), ("", "4"), ("invoice/2", "3")]
    unreadable = next(one for one in found if one.headers["leja-row"] == "2")
    assert "4 fields of 8" in unreadable.headers["leja-unreadable"]
    with pytest.raises(Refused) as caught:
        decode(unreadable, Context(settings=Settings(), zone="UTC"))
    assert caught.value.code == "file-line-unreadable"


def test_a_letter_may_be_cut_in_two_and_a_byte_that_is_no_letter_is_refused() -> None:
    text = (HEAD + "1,A,CAFÉ,1,13/12/2010,1.00,,UK\n").encode()
    cut = text.index("É".encode()) + 1
    (event,) = read_file([text[:cut], text[cut:]], "till.csv", Settings(encoding="utf-8", **STATED))
    assert "CAFÉ".encode() in event.body
    with pytest.raises(Refused) as caught:
        list(read_file([text, b"2,A,\xff,1,13/12/2010,1.00,,UK\n"], "till.csv", Settings(encoding="utf-8", **STATED)))
    assert caught.value.code == "file-encoding"


def test_the_encoding_is_found_and_utf16_refused() -> None:
    rows = HEAD + "1,A,CAFÉ £,1,13/12/2010,1.00,,UK\n"
    assert detect(rows.encode("utf-8"), Settings()).encoding == "utf-8"
    assert detect(rows.encode("utf-8-sig"), Settings()).encoding == "utf-8-sig"
    assert detect(rows.encode("cp1252"), Settings()).encoding == "cp1252"
    assert refused(rows.encode("utf-16")) == "file-encoding"
    assert refused(rows.encode("cp1252"), encoding="utf-8") == "file-encoding"
    assert refused(rows.encode(), encoding="klingon") == "file-encoding"


def test_dates_that_decide_nothing_must_be_stated_and_mixed_ones_are_refused() -> None:
    row = "1,A,LAMP,1,{},1.00,,UK\n"
    assert refused((HEAD + row.format("03/04/2010")).encode()) == "file-date-ambiguous"
    assert refused((HEAD + row.format("13/04/2010") + row.format("04/13/2010")).encode()) == "file-date-format"
    assert refused((HEAD + row.format("13/04/2010")).encode(), date_format="dd mm") == "file-date-format"
    assert detect((HEAD + row.format("04/13/2010")).encode(), Settings()).date_format == "mm/dd/yyyy"
    assert detect((HEAD + row.format("2010-04-13")).encode(), Settings()).date_format == "yyyy-mm-dd"
    american = told("1,A,LAMP,1,04/13/2010,1.00,,UK\n", {"date_format": "mm/dd/yyyy"})
    assert american.header.business_day == date(2010, 4, 13)


def test_amounts_that_decide_nothing_must_be_stated_and_a_stated_mark_is_held_against_the_file() -> None:
    head, row = HEAD.replace(",", ";"), "1;A;LAMP;1;13/12/2010;{};;UK\n"
    assert refused((head + row.format("1,234")).encode()) == "file-amount-format"
    assert refused((head + row.format("1,23") + row.format("1.23")).encode()) == "file-amount-format"
    assert refused((head + row.format("1,23")).encode(), decimal_mark=".") == "file-amount-format"
    assert refused((head + row.format("1.23")).encode(), decimal_mark=",") == "file-amount-format"
    stated = Settings(decimal_mark=",", currency="EUR")
    (event,) = read_file([(head + row.format("1,234")).encode()], "till.csv", stated)
    (sale,) = decode(event, Context(settings=stated, zone="UTC")).documents
    assert isinstance(sale, Sale)
    assert sale.total == Money(123, "EUR")


def test_a_country_is_what_the_user_says_it_is() -> None:
    row = "1,A,LAMP,1,03/12/2010,1.00,,Eire\n"
    assert told(row).header.country == "IE"
    assert told(row, {"countries": {"Eire": "GB"}}).header.country == "GB"
    assert told(row.replace("Eire", "Atlantis")).header.country == ""


def test_costs_are_known_by_item_day_and_amount_and_never_negative() -> None:
    rows = "SKU,Cost,Effective from\nA,1.25,01/12/2010\nA,1.30,01/12/2010\nA,-1.00,01/12/2010\n,1.00,01/12/2010\nA,1,x\n"
    found = events(rows)
    assert [one.key for one in found] == ["cost/A/2010-12-01/1.25", "cost/A/2010-12-01/1.30", "", "", ""]
    assert [one.topic for one in found[2:]] == ["unreadable-row"] * 3


def test_a_file_without_what_is_needed_is_refused_by_name() -> None:
    assert refused(b"") == "file-empty"
    assert refused(b"\n1,2\n") == "file-empty"
    assert refused(b"InvoiceNo,Quantity\n1,2\n") == "file-column-missing"
    assert refused((HEAD + "1,A,LAMP,1,13/12/2010,1.00,,UK\n").encode(), columns={"invoice": "Bon"}) == "file-column-missing"
    with pytest.raises(LejaError) as caught:
        events(HEAD + '1,A,"LAMP,1,13/12/2010,1.00,,UK\n')
    assert caught.value.code == "file-quotes"
