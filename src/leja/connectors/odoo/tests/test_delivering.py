"""Telling each version: load, compare, post, look again; locks, clashes, leftovers, settlements, batches."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from leja.connectors.contract import Absent, Accepted, AlreadyThere, Ambiguous, Found, Later, Rejected, Unknown
from leja.connectors.odoo import target
from leja.connectors.odoo.api import call
from leja.connectors.odoo.tests.books import (
    BANK,
    CARD,
    DAY,
    OWED,
    SALES,
    TAX,
    Books,
    bundle,
    invoice,
    line,
    payment,
    sale,
)
from leja.core.money import Money

VERSIONS = ("16.0", "17.0", "18.0", "19.0")


def unsettled(books: Books, move: str) -> Any:
    page = books.control("document", kind="account.move", id=move)["body"]
    return page["payment_state"], page["amount_residual"]


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_is_told_found_and_read_back_on_each_version(version: str) -> None:
    books = Books(version)
    drafts, told = books.tell(invoice())
    paid_drafts, _ = books.tell(payment(24_000, "LJAAAAAAAAAAAAAB"), applied={"LJAAAAAAAAAAAAAB": told["document"]})
    sold, _ = books.tell(sale(reference="LJSALE00000000AB"))
    assert [draft.kind for draft in (*drafts, *paid_drafts, *sold)] == ["Customer", "Invoice", "Customer", "Payment", "Entry"]
    assert books.ledger() == {BANK: 24_000, SALES: -30_000, TAX: -4_000, CARD: 10_000}
    assert unsettled(books, told["document"].remote_id) == ("paid", Decimal(0))
    every = [draft for draft in (*drafts, *paid_drafts, *sold) if draft.moves]
    found = books.run(target.find(books.session, every))
    assert {type(one) for one in found} == {Found}
    documents = [one.document for one in found if isinstance(one, Found)]
    for states in (books.run(target.read_back(books.session, documents)), books.run(target.changed(books.session, None)).states):
        assert {state.document.reference: {each.account: each.amount.minor for each in state.lines} for state in states} == {
            draft.reference: dict(draft.moves) for draft in every}  # fmt: skip
    ways = {str(request.url.path).partition("/")[2].partition("/")[0] for request in books.asked}
    assert ways == ({"json", "jsonrpc"} if version == "19.0" else {"jsonrpc"})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_closed_period_that_moves_the_date_without_a_word_is_found_and_nothing_stands(version: str) -> None:
    books = Books(version)
    chart = books.chart()
    books.control("lock", day="2026-05-31")
    for told in (invoice(), sale(reference="LJSALE00000000AB")):
        for draft in books.drafts(told, chart):
            said = books.deliver(draft)
            assert isinstance(said, Rejected)
            assert (said.code, said.remedy) == ("odoo-period-locked", "period_locked")
            assert books.run(target.find(books.session, [draft])) == (Absent(),)
    assert books.ledger() == {}
    assert books.standing() == []
    assert books.chart().locked_until == date(2026, 5, 31)
    drafts, _ = books.tell(invoice(date=date(2026, 6, 1)))
    assert {row["day"] for row in books.standing()} == {"2026-06-01"}
    assert books.ledger() == {OWED: 24_000, SALES: -20_000, TAX: -4_000}
    assert drafts


def test_each_lock_of_the_company_counts_and_the_last_one_is_told() -> None:
    books = Books("18.0")
    for name, day in (("fiscalyear_lock_date", "2026-01-31"), ("sale_lock_date", "2026-03-31"), ("hard_lock_date", "2025-12-31")):
        books.run(call(books.session, "res.company", "write", {"vals": {name: day}}, ids=[1], write=True))
    assert books.chart().locked_until == date(2026, 3, 31)


@pytest.mark.parametrize("version", ["18.0", "19.0"])
def test_what_a_crash_left_as_a_draft_is_brought_up_to_date_and_posted_once(version: str) -> None:
    books = Books(version)
    (draft,) = books.drafts(invoice())
    books.fault("answer_lost", path="*/load" if version == "19.0" else "*")
    if version == "18.0":
        books.stand_in.env.faults.clear()
        body = json.loads(draft.body)
        books.run(call(books.session, "account.move", "load", {"fields": body["fields"], "data": body["data"]}, write=True))
    else:
        assert isinstance(books.deliver(draft), Unknown)
    assert [row["status"] for row in books.control("documents")] == ["draft"]
    assert books.run(target.find(books.session, [draft])) == (Absent(),)
    assert isinstance(books.deliver(draft), Accepted)
    assert [row["status"] for row in books.control("documents")] == ["posted"]
    assert books.ledger() == {OWED: 24_000, SALES: -20_000, TAX: -4_000}


def test_a_leftover_of_an_earlier_plan_with_other_lines_is_made_anew() -> None:
    books = Books()
    (first,) = books.drafts(bundle("journal", [line(SALES, -300), line(CARD, 100), line(BANK, 200)]))
    body = json.loads(first.body)
    books.run(call(books.session, "account.move", "load", {"fields": body["fields"], "data": body["data"]}, write=True))
    (second,) = books.drafts(bundle("journal", [line(SALES, -300), line(CARD, 300)]))
    assert isinstance(books.deliver(second), Accepted)
    assert books.ledger() == {SALES: -300, CARD: 300}
    assert len(books.control("documents")) == 1


def test_what_is_posted_already_is_said_to_be_there_and_cancelled_is_not_made_again() -> None:
    books = Books()
    (draft,) = books.drafts(invoice())
    said = books.deliver(draft)
    assert isinstance(said, Accepted)
    assert isinstance(books.deliver(draft), AlreadyThere)
    books.control("void", kind="account.move", id=said.document.remote_id)
    again = books.deliver(draft)
    assert isinstance(again, Rejected)
    assert again.code == "odoo-cancelled"
    (found,) = books.run(target.find(books.session, [draft]))
    assert isinstance(found, Ambiguous)
    assert "cancelled" in found.why
    assert books.ledger() == {}


def test_several_go_out_in_four_calls_and_one_that_is_refused_stops_none() -> None:
    books = Books()
    chart = books.chart()
    good = [books.drafts(sale(1_000 + n, reference=f"LJ{n:012}AB"), chart)[0] for n in range(3)]
    bad = replace(good[0], reference="LJBAD000000000AB", body=good[0].body.replace(b"LJ000000000000AB", b"LJBAD000000000AB").replace(b'"27"', b'"9999"'))
    books.asked.clear()
    assert all(isinstance(one, Accepted) for one in books.run(target.deliver(books.session, good)))
    assert books.called().count("account.move.load") == books.called().count("account.move.action_post") == 1
    assert len(books.called()) <= 6
    more = [books.drafts(sale(2_000 + n, reference=f"LJ{n:011}MAB"), chart)[0] for n in range(2)]
    first, second, third = books.run(target.deliver(books.session, [more[0], bad, more[1]]))
    assert isinstance(first, Accepted)
    assert isinstance(third, Accepted)
    assert isinstance(second, Rejected)
    assert (second.code, second.remedy) == ("odoo-reference-inactive", "mapping")
    assert len(books.standing()) == 5


def test_one_that_cannot_be_posted_is_removed_and_the_others_stand() -> None:
    books = Books()
    chart = books.chart()
    good, bad = (books.drafts(invoice(reference=name), chart)[0] for name in ("LJGOOD0000000AB", "LJBAD00000000AB"))
    # Without a customer a draft is made, and its posting is refused.
    body = json.loads(bad.body)
    body["data"][0][body["fields"].index("partner_id/.id")] = ""
    bad = replace(bad, body=json.dumps(body).encode())
    first, second = books.run(target.deliver(books.session, [good, bad]))
    assert isinstance(first, Accepted)
    assert isinstance(second, Rejected)
    assert "Customer" in second.words
    assert len(books.control("documents")) == 1


def test_a_load_that_lost_against_another_comes_later() -> None:
    books = Books()
    (draft,) = books.drafts(sale())
    books.control("conflicts", times=1)
    assert isinstance(books.deliver(draft), Later)
    assert isinstance(books.deliver(draft), Accepted)


def test_what_comes_to_another_total_there_is_not_posted() -> None:
    books = Books()
    (draft,) = books.drafts(invoice())
    wrong = replace(draft, total=Money(24_001, "GBP"))
    said = books.deliver(wrong)
    assert isinstance(said, Rejected)
    assert said.code == "odoo-differs"
    assert books.control("documents") == []


def test_a_payment_that_lands_elsewhere_is_taken_back() -> None:
    books = Books(outstanding=True)
    _, told = books.tell(invoice())
    (draft,) = paid_drafts(books, told)
    said = books.deliver(draft)
    assert isinstance(said, Rejected)
    assert said.code == "odoo-payment-account"
    assert BANK not in books.ledger()
    assert unsettled(books, told["document"].remote_id)[0] == "not_paid"


def paid_drafts(books: Books, told: dict[str, Any]) -> list[Any]:
    known = books.chart()
    accepted = {**told, "LJAAAAAAAAAAAAAB": told["document"]}
    steps = [step for step in target.steps(payment(24_000, "LJAAAAAAAAAAAAAB"), known) if step.kind != "Customer"]
    return [target.draft(step, known, accepted) for step in steps]


@pytest.mark.parametrize(("as_payment", "kind"), [(True, "Payment"), (False, "Entry")])
def test_a_payment_is_one_where_a_journal_fits_and_settles_the_invoice_in_any_case(as_payment: bool, kind: str) -> None:
    books = Books()
    _, told = books.tell(invoice())
    chart = books.chart(books.opened(payments=as_payment))
    drafts, _ = books.tell(payment(10_000, "LJAAAAAAAAAAAAAB"), chart, applied={"LJAAAAAAAAAAAAAB": told["document"]})
    assert drafts[-1].kind == kind
    assert unsettled(books, told["document"].remote_id) == ("partial", Decimal(14_000).scaleb(-2))


def test_a_settlement_that_fails_leaves_the_payment_standing() -> None:
    books = Books()
    _, told = books.tell(invoice())
    books.fault("error_before", path="*js_assign_outstanding_line")
    books.tell(payment(24_000, "LJAAAAAAAAAAAAAB"), applied={"LJAAAAAAAAAAAAAB": told["document"]})
    assert books.ledger()[BANK] == 24_000
    assert unsettled(books, told["document"].remote_id)[0] == "not_paid"


def test_a_credit_note_names_the_invoice_that_it_reverses_and_settles_it() -> None:
    books = Books()
    _, told = books.tell(invoice())
    back = bundle("credit_note", [line(OWED, -24_000), line(SALES, 20_000, tax_code="4", tax=Money(4_000, "GBP")),
                                  line(TAX, 4_000, role="output_tax")], "LJBACK00000000AB", applies_to=("LJAAAAAAAAAAAAAB",))  # fmt: skip
    drafts, noted = books.tell(back, applied={"LJAAAAAAAAAAAAAB": told["document"]})
    assert drafts[-1].kind == "CreditNote"
    page = books.control("document", kind="account.move", id=noted["document"].remote_id)["body"]
    assert page["reversed_entry_id"][0] == int(told["document"].remote_id)
    assert unsettled(books, told["document"].remote_id) == ("reversed", Decimal(0))
    assert books.ledger() == {}


def test_a_refund_of_an_entry_reverses_it() -> None:
    books = Books()
    _, told = books.tell(sale(reference="LJSALE00000000AB"))
    _, back = books.tell(bundle("refund", [line(CARD, -400), line(SALES, 400)], "LJBACK00000000AB", applies_to=("LJSALE00000000AB",)),
                         applied={"LJSALE00000000AB": told["document"]})  # fmt: skip
    page = books.control("document", kind="account.move", id=back["document"].remote_id)["body"]
    assert page["reversed_entry_id"][0] == int(told["document"].remote_id)


def test_the_same_reference_typed_by_somebody_is_doubtful_and_never_ours() -> None:
    books = Books()
    (draft,) = books.drafts(sale())
    typed = {"move_type": "entry", "date": "2026-05-03", "journal_id": 3, "ref": f"{draft.reference} by hand",
             "line_ids": [[0, 0, {"account_id": 10, "debit": 100}], [0, 0, {"account_id": 27, "credit": 100}]]}  # fmt: skip
    books.control("foreign", kind="account.move", body=typed)
    (found,) = books.run(target.find(books.session, [draft]))
    assert isinstance(found, Ambiguous)
    assert "not our external id" in found.why
    assert [state.document.reference for state in books.run(target.changed(books.session, None)).states] == [""]


def test_an_external_id_of_another_module_or_model_is_not_ours_whatever_a_search_answers() -> None:
    books = Books()
    (draft,) = books.drafts(sale())
    typed = {"move_type": "entry", "date": "2026-05-03", "journal_id": 3, "ref": "by hand",
             "line_ids": [[0, 0, {"account_id": 10, "debit": 100}], [0, 0, {"account_id": 27, "credit": 100}]]}  # fmt: skip
    move = int(books.control("foreign", kind="account.move", body=typed)["id"])
    for module, model in (("__leja_2", "account.move"), ("__leja_1", "res.partner")):
        vals = {"module": module, "name": draft.reference, "model": model, "res_id": move}
        books.run(call(books.session, "ir.model.data", "create", {"vals_list": [vals]}, write=True))
    books.control("ignore_filters", on=True)
    assert books.run(target.find(books.session, [draft])) == (Absent(),)


@pytest.mark.parametrize("version", ["16.0", "19.0"])
def test_a_key_that_is_over_asks_for_consent_and_nothing_is_told(version: str) -> None:
    books = Books(version)
    (draft,) = books.drafts(sale())
    books.control("expire_keys")
    said = books.deliver(draft)
    assert isinstance(said, Rejected)
    assert said.remedy == "consent"
    assert books.control("documents") == []


def test_a_user_without_rights_is_told_so() -> None:
    books = Books()
    (draft,) = books.drafts(sale())
    books.control("deny", model="account.move")
    said = books.deliver(draft)
    assert isinstance(said, Rejected)
    assert "not allowed" in said.words


def test_foreign_entries_bear_our_rate_and_balance_at_home_to_the_unit() -> None:
    books = Books(currencies={"EUR": "1.17"})
    lines = [line(CARD, 333, "EUR"), line(BANK, 333, "EUR"), line("20", 334, "EUR"), line(SALES, -1_000, "EUR")]
    books.tell(bundle("sale", lines, rate=Decimal("0.853")))
    rows = books.control("books", origin="api")
    assert {row["account"]: (row["minor"], row["home_minor"]) for row in rows} == {
        CARD: (333, 284), BANK: (333, 284), "20": (334, 285), SALES: (-1_000, -853)}  # fmt: skip


def test_customers_are_made_once_and_owe_on_the_account_that_the_entry_says() -> None:
    books = Books()
    books.tell(invoice())
    books.tell(invoice(reference="LJAAAAAAAAAAACAB"))
    (row,) = books.run(call(books.session, "res.partner", "search_read", {"domain": [["name", "=", "Soko Ltd"]], "fields": [
        "email", "property_account_receivable_id"]}))  # fmt: skip
    assert (row["email"], row["property_account_receivable_id"][0]) == ("amina@example.org", 7)


def test_days_are_the_drafted_ones() -> None:
    books = Books()
    drafts, _ = books.tell(invoice(due=date(2026, 6, 2)))
    page = books.control("document", kind="account.move", id=books.standing()[0]["id"])["body"]
    assert (page["invoice_date"], page["date"], page["invoice_date_due"]) == (DAY.isoformat(), DAY.isoformat(), "2026-06-02")
    assert drafts[-1].reference in page["ref"]
