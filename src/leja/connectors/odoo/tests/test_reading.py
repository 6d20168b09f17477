"""Reading back: edits, deletions, payments, the listing of what changed, and walking by write_date."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from leja.connectors.contract import RemoteDocument, RemoteState
from leja.connectors.odoo import target
from leja.connectors.odoo.documents import MOVE
from leja.connectors.odoo.tests.books import BANK, CARD, SALES, Books, invoice, payment, sale
from leja.connectors.odoo.walking import Mark, step
from leja.core.errors import Refused, Transient

RENT = {"move_type": "entry", "date": "2026-05-04", "journal_id": 3, "ref": "rent",
        "line_ids": [[0, 0, {"account_id": 34, "debit": 240}], [0, 0, {"account_id": 3, "credit": 240}]]}  # fmt: skip


def back(books: Books, document: RemoteDocument) -> RemoteState:
    return books.run(target.read_back(books.session, [document]))[0]


@pytest.mark.parametrize("version", ["16.0", "19.0"])
def test_edits_resets_and_deletions_are_read_back(version: str) -> None:
    books = Books(version)
    _, told = books.tell(sale())
    document = told["document"]
    books.control("alter", kind=MOVE, id=document.remote_id, amount="150.00")
    edited = back(books, document)
    assert (edited.state, {one.account: one.amount.minor for one in edited.lines}) == ("present", {CARD: 15_000, SALES: -15_000})
    books.control("void", kind=MOVE, id=document.remote_id)
    gone = back(books, document)
    assert (gone.state, gone.lines, gone.document.reference) == ("voided", (), document.reference)
    books.control("delete", kind=MOVE, id=document.remote_id)
    assert back(books, document).state == "deleted"


@pytest.mark.parametrize("version", ["17.0", "18.0"])
def test_a_payment_is_read_by_the_move_behind_it_and_told_once(version: str) -> None:
    books = Books(version)
    _, told = books.tell(invoice())
    drafts, paid = books.tell(payment(24_000, "LJAAAAAAAAAAAAAB"), applied={"LJAAAAAAAAAAAAAB": told["document"]})
    states = books.run(target.changed(books.session, None)).states
    assert sorted((one.document.kind, one.document.reference) for one in states) == [
        ("Invoice", "LJAAAAAAAAAAAAAB"), ("Payment", drafts[-1].reference)]  # fmt: skip
    books.control("void", kind="account.payment", id=paid["document"].remote_id)
    assert back(books, paid["document"]).state == "voided"


def test_customers_are_there_or_not() -> None:
    books = Books()
    _, told = books.tell(invoice())
    there = told["customer"]
    nobody = msgspec.structs.replace(there, remote_id="9999")
    assert [one.state for one in books.run(target.read_back(books.session, [there, nobody]))] == ["present", "deleted"]


def test_what_changed_is_listed_from_where_it_was_left_and_drafts_move_nothing() -> None:
    books = Books()
    books.tell(sale())
    first = books.run(target.changed(books.session, None))
    assert len(first.states) == 1
    books.clock.advance(3_600)
    quiet = books.run(target.changed(books.session, first.cursor))
    books.clock.advance(3_600)
    books.control("foreign", kind=MOVE, body=RENT)
    page = books.run(target.changed(books.session, quiet.cursor))
    # The last ten minutes before what was met last are listed again.
    assert [(one.document.reference, [each.account for each in one.lines]) for one in page.states] == [
        ("LJAAAAAAAAAAAAAB", [CARD, SALES]), ("", ["34", BANK])]  # fmt: skip
    again = books.run(target.changed(books.session, page.cursor))
    assert [one.document.reference for one in again.states] == [""]
    with pytest.raises(Refused):
        books.run(target.changed(books.session, "nonsense"))


def test_without_a_cursor_all_of_ours_is_listed_however_old_and_others_of_three_months() -> None:
    books = Books(key_days=200)
    books.tell(sale())
    books.control("foreign", kind=MOVE, body=RENT)
    books.clock.advance(100 * 86_400)
    assert [one.document.reference for one in books.run(target.changed(books.session, None)).states] == ["LJAAAAAAAAAAAAAB"]


def test_many_of_ours_come_in_pages_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leja.connectors.odoo.read_back.SIZE", 2)
    monkeypatch.setattr("leja.connectors.odoo.walking.SIZE", 2)
    books = Books()
    for number in range(5):
        books.tell(sale(1_000 + number, reference=f"LJ{number:012}AB"))
        books.control("foreign", kind=MOVE, body={**RENT, "ref": f"rent {number}"})
    listed, cursor, more = [], None, True
    while more:
        page = books.run(target.changed(books.session, cursor))
        listed, cursor, more = [*listed, *page.states], page.cursor, page.more
    assert len({one.document.remote_id for one in listed}) == len(listed) == 10
    assert sum(1 for one in listed if one.document.reference) == 5


def test_balances_are_per_account_and_day() -> None:
    books = Books()
    books.tell(sale())
    books.control("foreign", kind=MOVE, body=RENT)
    found = {(row.account, row.day): row.amount.minor
             for row in books.run(target.balances(books.session, date(2026, 5, 3), date(2026, 5, 3)))}  # fmt: skip
    assert found == {(CARD, date(2026, 5, 3)): 10_000, (SALES, date(2026, 5, 3)): -10_000}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_balances_are_read_page_after_page(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leja.connectors.odoo.read_back._LINES", size)
    books = Books()
    for number in range(4):
        books.tell(sale(1_000, reference=f"LJ{number:012}AB"))
    found = books.run(target.balances(books.session, date(2026, 5, 1), date(2026, 5, 31)))
    assert {row.account: row.amount.minor for row in found} == {CARD: 4_000, SALES: -4_000}


# --- walking ------------------------------------------------------------------------------------------------------


def walked(books: Books, size: int, between: object = None) -> list[int]:
    found: list[int] = []
    mark: Mark | None = Mark()
    while mark is not None:
        rows, mark = books.run(step(books.session, MOVE, [], ["write_date"], mark, size=size))
        found += [row["id"] for row in rows]
        if callable(between):
            between(len(found))
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 5, 50])
def test_a_second_that_fills_pages_is_walked_whole_and_each_row_comes_once(size: int) -> None:
    books = Books()
    for number in range(12):
        books.control("foreign", kind=MOVE, body={**RENT, "ref": str(number)})
        if number in (2, 8, 9):
            books.clock.advance(1 if number == 8 else 60)
    assert sorted(walked(books, size)) == list(range(1, 13))
    assert len(walked(books, size)) == 12


def test_what_changes_while_it_is_walked_is_met_again_later() -> None:
    books = Books()
    for number in range(9):
        books.control("foreign", kind=MOVE, body={**RENT, "ref": str(number)})
        books.clock.advance(1)
    touched = []

    def merchant(_: int) -> None:
        if len(touched) < 3:
            touched.append(len(touched) * 4 + 1)
            books.clock.advance(1)
            books.control("alter", kind=MOVE, id=str(touched[-1]), amount="9.00")

    found = walked(books, 2, merchant)
    assert set(found) == set(range(1, 10))


def test_a_row_without_its_moment_is_no_answer() -> None:
    books = Books()
    for number in range(2):
        books.control("foreign", kind=MOVE, body={**RENT, "ref": str(number)})
    with pytest.raises(Transient):
        books.run(step(books.session, MOVE, [], ["name"], Mark(), size=1))
