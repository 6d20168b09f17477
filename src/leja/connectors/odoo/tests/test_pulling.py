"""Reading sales: each version, payments and what they settle, the till, invoices, quotations, notifications, odd input."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.connectors.contract import GONE_TOPIC, Context, Decoded, RawEvent, Session, Wanted
from leja.connectors.odoo import Settings, source
from leja.connectors.odoo.api import call
from leja.connectors.odoo.sold import text
from leja.connectors.odoo.tests.books import NOW, Books, invoice, payment
from leja.core.errors import LejaError, Refused
from leja.documents.document import Document
from leja.documents.payment import Payment

LAMP = {"name": "Lamp", "price": "34.50", "quantity": 2, "tax": [4]}
VERSIONS = ("16.0", "17.0", "18.0", "19.0")


def polled(books: Books, session: Session, cursor: str | None = None) -> tuple[list[RawEvent], str]:
    found: list[RawEvent] = []
    while True:
        page = books.run(source.poll(session, cursor))
        found, cursor = [*found, *page.events], page.cursor
        if not page.more:
            return found, cursor


def meant(events: list[RawEvent], session: Session) -> list[Document]:
    return [one for event in events for one in source.decode(event, session.context).documents]


def order_paid(books: Books, amount: str = "") -> int:
    """An order, invoiced, and paid with the wizard as a person would."""
    order = books.control("place_order", lines=[LAMP])["id"]
    (row,) = books.run(call(books.session, "sale.order", "read", {"fields": ["invoice_ids"]}, ids=[order]))
    context = {"active_model": "account.move", "active_ids": row["invoice_ids"]}
    vals: dict[str, Any] = {"payment_date": "2026-06-01", "journal_id": 6} | ({"amount": amount} if amount else {})
    made = books.run(call(books.session, "account.payment.register", "create", {"vals_list": [vals]}, context=context, write=True))
    books.run(call(books.session, "account.payment.register", "action_create_payments", {}, ids=made, context=context, write=True))
    return int(order)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_its_payment_and_its_credit_note_on_each_version(version: str) -> None:
    books = Books(version)
    order = order_paid(books, "50.00")
    books.control("refund", order=order, amount="5.00")
    sale, refund, paid = meant(polled(books, books.session)[0], books.session)[:3]
    assert (sale.header.external_id, sale.total.minor, [line.taxes[0].amount.minor for line in sale.lines]) == (str(order), 8_280, [1_380])  # type: ignore[union-attr]
    assert (refund.sale, refund.total.minor, refund.settled_as) == (str(order), 500, "credit_note")  # type: ignore[union-attr]
    assert (paid.tender.means, paid.tender.amount.minor) == ("bank", 5_000)  # type: ignore[union-attr]
    assert [(one.document, one.amount.minor) for one in paid.allocations] == [(str(order), 5_000)]  # type: ignore[union-attr]


def test_a_payment_that_is_settled_later_is_read_again() -> None:
    books = Books()
    order_paid(books)
    _, cursor = polled(books, books.session)
    books.clock.advance(7_200)
    order = books.control("place_order", lines=[LAMP])
    vals = {"payment_type": "inbound", "partner_type": "customer", "partner_id": 4, "amount": 82.8, "date": "2026-06-01", "journal_id": 6}
    (made,) = books.run(call(books.session, "account.payment", "create", {"vals_list": [vals]}, write=True))
    books.run(call(books.session, "account.payment", "action_post", {}, ids=[made], write=True))
    first, cursor = polled(books, books.session, cursor)
    assert [one.allocations for one in payments(first, books, made)] == [()]
    # Later news, so that the payment itself is no longer within the overlap.
    books.clock.advance(7_200)
    books.control("place_order", lines=[LAMP])
    _, cursor = polled(books, books.session, cursor)
    books.clock.advance(7_200)
    (move,) = books.run(call(books.session, "account.payment", "read", {"fields": ["move_id"]}, ids=[made]))
    items = books.run(call(books.session, "account.move.line", "search_read", {
        "domain": [["move_id", "=", move["move_id"][0]], ["account_type", "=", "asset_receivable"]], "fields": ["id"]}))  # fmt: skip
    books.run(call(books.session, "account.move", "js_assign_outstanding_line", {"line_id": items[0]["id"]}, ids=order["invoices"], write=True))
    again, _ = polled(books, books.session, cursor)
    settled = payments(again, books, made)
    assert settled
    assert {tuple((part.document, part.amount.minor) for part in one.allocations) for one in settled} == {((str(order["id"]), 8_280),)}


def payments(events: list[RawEvent], books: Books, number: int) -> list[Payment]:
    return [one for one in meant(events, books.session) if isinstance(one, Payment) and one.header.external_id == str(number)]


def test_where_invoices_are_the_sales() -> None:
    books = Books()
    session = books.opened(sells_by="invoices")
    order = order_paid(books)
    books.control("refund", order=order)
    found = meant(polled(books, session)[0], session)
    assert [text(type(one).__name__) for one in found][:3] == ["Invoice", "Refund", "Payment"]
    assert found[2].allocations[0].document == found[0].header.external_id  # type: ignore[union-attr]
    listed = books.run(source.ids(session, NOW - timedelta(days=1), NOW + timedelta(days=1)))
    assert sorted((one.kind, one.total.minor) for one in listed) == [("invoice", 8_280), ("payment", 8_280), ("refund", 8_280)]


def test_the_till_is_read_where_it_is_wanted() -> None:
    books = Books("18.0")
    till = books.opened(point_of_sale=True, processors={"Card": "stripe"})
    rung = books.control("ring_up", lines=[LAMP], method=2)
    books.control("pos_refund", order=rung["id"])
    sale, refund = meant(polled(books, till)[0], till)
    assert (sale.header.external_id, sale.tenders[0].processor, sale.total.minor) == ("pos-1", "stripe", 8_280)  # type: ignore[union-attr]
    assert (refund.sale, refund.total.minor, refund.tenders[0].amount.minor) == ("pos-1", 8_280, 8_280)  # type: ignore[union-attr]
    listed = books.run(source.ids(till, NOW - timedelta(days=1), NOW + timedelta(days=1)))
    assert [(one.kind, one.external_id, one.total.minor) for one in listed] == [("sale", "pos-1", 8_280), ("refund", "pos-2", 8_280)]
    assert meant(polled(books, books.session)[0], books.session) == []


def test_what_leja_made_there_is_no_sale() -> None:
    books = Books()
    session = books.opened(sells_by="invoices")
    _, told = books.tell(invoice())
    books.tell(payment(24_000, "LJAAAAAAAAAAAAAB"), applied={"LJAAAAAAAAAAAAAB": told["document"]})
    assert polled(books, session)[0] == []


def test_a_quotation_is_nothing_and_one_that_was_a_sale_is_gone() -> None:
    books = Books()
    order = books.control("place_order", lines=[LAMP], confirm=False)["id"]
    (event,) = polled(books, books.session)[0]
    assert "quotation" in source.decode(event, books.session.context).ignored
    for kind, number in (("sale", str(order)), ("sale", "999"), ("refund", "999"), ("payment", "999"), ("sale.order", "998")):
        (answer,) = books.run(source.fetch(books.session, [Wanted(kind=kind, external_id=number)]))
        assert answer.topic == GONE_TOPIC
    for wrong in (Wanted(kind="fee", external_id="1"), Wanted(kind="sale", external_id="x"), Wanted(kind="sale", external_id="9" * 30)):
        with pytest.raises(Refused):
            books.run(source.fetch(books.session, [wrong]))


def test_the_same_state_has_the_same_key_and_another_one_of_the_same_second_another() -> None:
    books = Books()
    order = books.control("place_order", lines=[LAMP])["id"]
    first, cursor = polled(books, books.session)
    assert [one.key for one in polled(books, books.session, cursor)[0]] == [one.key for one in first]
    books.control("edit_order", order=order, price="40.00")
    (other,) = polled(books, books.session, cursor)[0]
    assert other.key not in {one.key for one in first}


def test_a_backfill_is_planned_and_read_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leja.connectors.odoo.pull.SIZE", 2)
    books = Books()
    for _ in range(5):
        books.control("place_order", lines=[LAMP])
    books.control("refund", order=1, amount="5.00")
    since, until = NOW - timedelta(days=2), NOW + timedelta(days=1)
    planned = books.run(source.plan(books.session, since, until))
    assert planned.events == 6
    assert planned.calls > planned.events
    events, cursor, more = [], None, True
    while more:
        page = books.run(source.backfill(books.session, since, until, cursor))
        events, cursor, more = [*events, *page.events], page.cursor, page.more
    assert len({one.key for one in events}) == len(events) == 6
    assert books.run(source.backfill(books.session, NOW - timedelta(days=9), NOW - timedelta(days=8), None)).events == ()


def test_a_cursor_is_ours_or_an_instant() -> None:
    books = Books()
    books.control("place_order", lines=[LAMP])
    assert polled(books, books.session, (NOW + timedelta(hours=1)).isoformat())[0] == []
    assert len(polled(books, books.session, (NOW - timedelta(hours=1)).isoformat())[0]) == 1
    with pytest.raises(Refused):
        polled(books, books.session, "{nonsense")


# --- notifications --------------------------------------------------------------------------------------------------


def test_a_notification_needs_our_secret_and_names_a_record() -> None:
    admit, read = source.nudges.admit, source.nudges.read
    admit({"leja-query": "key=long"}, b"{}", ("other", "long"), NOW)
    for headers, secrets in (({}, ("long",)), ({"leja-query": "key=short"}, ("long",)), ({"leja-query": "key="}, ("",)), ({"leja-query": "key=long"}, ())):
        with pytest.raises(Refused):
            admit(headers, b"{}", secrets, NOW)
    assert read({}, b'{"_model":"sale.order","_id":7,"x":1}') == (Wanted(kind="sale.order", external_id="7"),)
    assert read({}, b'{"_model":"pos.order","_id":7}') == (Wanted(kind="pos.order", external_id="pos-7"),)
    assert read({}, b'{"_model":"res.partner","_id":7}') == read({}, b'{"_model":"sale.order","_id":0}') == ()
    with pytest.raises(Refused):
        read({}, b"_model=sale.order")


# --- odd input ------------------------------------------------------------------------------------------------------

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=12) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["2026-05-04 10:00:00", "sale", "posted", "GBP", "9999-12-31 23:59:59"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["id", "order", "move", "payment", "lines", "amount_total", "currency_id", "taxes", "write_date", "date_order"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(["sale.order", "account.move", "account.payment", "pos.order", GONE_TOPIC]), VALUES)
def test_whatever_arrives_is_decoded_or_refused(topic: str, body: Any) -> None:
    event = RawEvent(key="k", topic=topic, body=json.dumps(body).encode())
    try:
        found = source.decode(event, Context(settings=Settings(), zone="UTC"))
    except LejaError:
        return
    assert isinstance(found, Decoded)


@given(st.lists(st.tuples(st.sampled_from(["amount_total", "amount_tax", "write_date", "date_order", "state", "currency_id"]), VALUES), max_size=4))
def test_an_order_with_fields_of_any_sort_is_decoded_or_refused(changes: list[tuple[str, Any]]) -> None:
    order: dict[str, Any] = {"id": 1, "state": "sale", "date_order": "2026-05-04 10:00:00", "write_date": "2026-05-04 10:00:00",
                             "currency_id": [3, "GBP"], "amount_total": 0.0}  # fmt: skip
    event = RawEvent(key="k", topic="sale.order", body=json.dumps({"order": {**order, **dict(changes)}}).encode())
    try:
        found = source.decode(event, Context(settings=Settings(), zone="UTC"))
    except LejaError:
        return
    assert isinstance(found, Decoded)
