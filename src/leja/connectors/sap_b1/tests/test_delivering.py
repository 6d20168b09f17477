"""Change sets, refusals, asking what happened, reading back, cancelling over there."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from leja.connectors.contract import Absent, Accepted, AlreadyThere, Ambiguous, Found, Later, Rejected, Unknown
from leja.connectors.sap_b1 import target
from leja.connectors.sap_b1.batch import Request, answers, change_set
from leja.connectors.sap_b1.documents import marked
from leja.connectors.sap_b1.faults import outcome_of
from leja.connectors.sap_b1.tests.company import AMINA, DAY, Company, bundle, company, line, taxed_invoice
from leja.core.errors import Refused
from leja.core.money import Money

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


def fault(code: int | str, words: str) -> bytes:
    return json.dumps({"error": {"code": str(code), "message": words}}).encode()


# --- change sets ------------------------------------------------------------------------------------------------------


def test_a_change_set_is_the_same_bytes_each_time_and_numbers_its_parts() -> None:
    requests = [Request("/b1s/v2/U_KEYS", b'{"Code":"A"}'), Request("/b1s/v2/Invoices", b'{"x":1}')]
    kind, body = change_set("LJ-1", requests)
    assert (kind, body) == change_set("LJ-1", requests)
    text = body.decode()
    assert text.index("Content-ID: 1") < text.index("POST /b1s/v2/U_KEYS") < text.index("Content-ID: 2")
    assert text.count("--changeset_LJ-1") == 3
    assert text.rstrip().endswith("--batch_LJ-1--")


INNER = (b"--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n"
         b"--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n"
         b"--c\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n{\"b\":2}\r\n--c--\r\n--b--\r\n")  # fmt: skip
FAILED = (b"--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nHTTP/1.1 400 Bad Request\r\n"
          b"Content-Type: application/json\r\n\r\n{\"error\":{\"code\":\"-10\",\"message\":\"no\"}}\r\n--b--\r\n")  # fmt: skip


def test_answers_of_a_change_set_are_unfolded_in_order() -> None:
    assert [(p.status, p.body) for p in answers("multipart/mixed; boundary=b", INNER)] == [(201, b'{"a":1}'), (201, b'{"b":2}')]
    (one,) = answers('multipart/mixed;boundary="b"', FAILED)
    assert (one.status, json.loads(one.body)["error"]["code"]) == (400, "-10")


@pytest.mark.parametrize(("kind", "body"), [("application/json", b"{}"), ("multipart/mixed", INNER),
                                            ("multipart/mixed;boundary=other", INNER), ("multipart/mixed;boundary=b", b"")])  # fmt: skip
def test_what_is_no_batch_answer_has_no_parts(kind: str, body: bytes) -> None:
    assert answers(kind, body) == []


def test_the_reference_and_the_document_stand_together() -> None:
    with company() as there:
        drafts, _ = there.tell(taxed_invoice())
        keys = [row.id for row in rows_of(there, "U_LEJAKEYS")]
        assert keys == [draft.reference for draft in drafts if draft.moves]


def rows_of(there: Company, kind: str) -> list[Any]:
    """What the stand-in keeps of a kind."""
    found = there.stand_in.env.store.execute("SELECT id FROM sap_object WHERE kind = ? ORDER BY id", kind)
    return [msgspec.convert({"id": row[0]}, _Row) for row in found]


class _Row(msgspec.Struct):
    id: str


def test_a_document_that_is_sent_again_is_refused_by_the_company_itself() -> None:
    with company() as there:
        drafts, _ = there.tell(taxed_invoice())
        before = there.ledger()
        outcome = there.deliver(drafts[-1])
        assert isinstance(outcome, AlreadyThere)
        assert "-2035" in outcome.words
        assert there.ledger() == before


def test_a_refused_document_leaves_no_reference_behind() -> None:
    with company() as there:
        chart = there.chart()
        wrong = bundle("fee", [line("610020", 120), line("130000", -120)])
        (step,) = target.steps(bundle("fee", [line("610020", 120), line("111060", -120)]), chart)
        good = target.draft(step, chart, {})
        bad = msgspec.structs.replace(good, body=good.body.replace(b'"111060"', b'"999999"'))
        assert isinstance(there.deliver(bad), Rejected)
        assert rows_of(there, "U_LEJAKEYS") == []
        assert isinstance(there.deliver(good), Accepted), wrong.reference


def test_without_the_key_table_it_says_what_is_missing_and_nothing_happens() -> None:
    with company(stand_in={"user_tables": []}) as there:
        chart = there.chart()
        (step,) = target.steps(bundle("fee", [line("610020", 120), line("111060", -120)]), chart)
        outcome = there.deliver(target.draft(step, chart, {}))
        assert isinstance(outcome, Rejected)
        assert outcome.code == "sap-b1-key-table"
        assert there.ledger() == {}


def test_without_a_key_table_by_choice_a_second_one_is_made_and_found_to_be_one_too_many() -> None:
    with company(stand_in={"user_tables": []}, key_table="") as there:
        drafts, _ = there.tell(bundle("fee", [line("610020", 120), line("111060", -120)]))
        assert isinstance(there.deliver(drafts[0]), Accepted)
        (finding,) = there.run(target.find(there.session, drafts))
        assert isinstance(finding, Ambiguous)
        assert len(finding.documents) == 2


@pytest.mark.parametrize("fault_kind", ["answer_lost", "error_after"])
def test_an_answer_that_is_lost_is_asked_after(fault_kind: str) -> None:
    with company() as there:
        chart = there.chart()
        (step,) = target.steps(bundle("fee", [line("610020", 120), line("111060", -120)]), chart)
        draft = target.draft(step, chart, {})
        there.stand_in.env.faults.add(fault_kind, path="POST *batch", times=1)
        assert isinstance(there.deliver(draft), Unknown)
        (finding,) = there.run(target.find(there.session, [draft]))
        assert isinstance(finding, Found)


@pytest.mark.parametrize("change", [{"total": Money(121, "GBP")}, {"date": date(2026, 5, 4)}])
def test_an_answer_that_holds_another_document_is_no_acceptance(change: dict[str, Any]) -> None:
    with company() as there:
        chart = there.chart()
        (step,) = target.steps(bundle("fee", [line("610020", 120), line("111060", -120)]), chart)
        outcome = there.deliver(msgspec.structs.replace(target.draft(step, chart, {}), **change))
        assert isinstance(outcome, Unknown)
        assert "another document" in outcome.why


def test_an_approval_procedure_makes_no_document_and_takes_no_reference() -> None:
    with company() as there:
        chart = there.chart()
        _, accepted = there.tell(bundle("fee", [line("610020", 1), line("111060", -1)], "LJAAAAAAAAAAAAAC"), chart)
        there.control("approval")
        steps = target.steps(taxed_invoice(), chart)
        customer = there.deliver(target.draft(steps[0], chart, {}))
        assert isinstance(customer, Accepted)
        outcome = there.deliver(target.draft(steps[1], chart, {"customer": customer.document}))
        assert isinstance(outcome, Rejected)
        assert rows_of(there, "U_LEJAKEYS") == [_Row("LJAAAAAAAAAAAAAC")], accepted


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "words", "kind", "what"),
    [
        (400, -2035, "This entry already exists in the following tables (ODBC -2035)", AlreadyThere, None),
        (400, -10, "1320000140 - Business partner code 'c1' already assigned to a business partner", AlreadyThere, None),
        (400, -4013, "Posting period locked; specify an alternative date", Rejected, "period_locked"),
        (400, -10, "Posting period is closed", Rejected, "period_locked"),
        (400, -5002, "Date deviates from permissible range  [OINV.DocDate]", Rejected, "period_locked"),
        (412, -2039, "Another user or another operation modified data (ODBC -2039)", Rejected, "replan"),
        (404, -2028, "No matching records found (ODBC -2028)", Rejected, "mapping"),
        (400, -10, "Account '410010' is inactive  [INV1.AcctCode][line: 1]", Rejected, "mapping"),
        (400, -10, "Update the exchange rate  'USD' for 2026-05-03", Rejected, "review"),
        (400, -10, "Unbalanced Transaction", Rejected, "review"),
        (401, 301, "Invalid session or session already timeout.", Later, None),
        (500, -1, "Internal error", Unknown, None),
    ],
)
def test_a_refusal_is_judged_by_code_and_words(status: int, code: int, words: str, kind: type, what: str | None) -> None:
    outcome = outcome_of(status, fault(code, words), "LEJAKEYS", NOW)
    assert type(outcome) is kind
    if isinstance(outcome, Rejected):
        assert outcome.remedy == what
        assert outcome.words == f"{code} {words}"


def test_the_shape_of_odata_3_is_read_too() -> None:
    body = json.dumps({"error": {"code": -4013, "message": {"lang": "en-us", "value": "Posting period locked"}}}).encode()
    outcome = outcome_of(400, body, "LEJAKEYS", NOW)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.words) == ("sap-b1-period-locked", "-4013 Posting period locked")


def test_a_refusal_without_words_is_no_refusal() -> None:
    assert isinstance(outcome_of(400, b"<html>", "LEJAKEYS", NOW), Unknown)


# --- asking -----------------------------------------------------------------------------------------------------------


def test_what_others_typed_with_our_reference_is_not_ours() -> None:
    with company() as there:
        drafts, _ = there.tell(bundle("fee", [line("610020", 120), line("111060", -120)]))
        lines = [{"AccountCode": "610020", "Debit": "1.20"}, {"AccountCode": "111060", "Credit": "1.20"}]
        there.control("foreign", kind="JournalEntries", body={
            "ReferenceDate": "2026-05-03", "Memo": "copied", "Reference3": drafts[0].reference, "JournalEntryLines": lines})  # fmt: skip
        (finding,) = there.run(target.find(there.session, drafts))
        assert isinstance(finding, Found)
        page = there.run(target.changed(there.session, None))
        assert [state.document.reference for state in page.states] == [drafts[0].reference, ""]


@pytest.mark.parametrize(("text", "reference", "found"), [
    ("leja:LJ1 words", "LJ1", "LJ1"), ("leja:LJ1", "LJ1", "LJ1"), ("leja:LJ1", "LJ2", ""), ("copy of leja:LJ1", "LJ1", ""),
    ("leja:LJ12", "LJ1", ""), (None, None, ""), ("", "LJ1", "")])  # fmt: skip
def test_only_mark_and_reference_together_make_it_ours(text: str | None, reference: str | None, found: str) -> None:
    assert marked(text, reference) == found


@pytest.mark.parametrize("change", [{"total": Money(121, "GBP")}, {"date": date(2026, 5, 4)}, {"total": Money(120, "EUR")}])
def test_a_document_that_differs_is_not_taken_for_ours(change: dict[str, Any]) -> None:
    with company() as there:
        drafts, _ = there.tell(bundle("fee", [line("610020", 120), line("111060", -120)]))
        (finding,) = there.run(target.find(there.session, [msgspec.structs.replace(drafts[0], **change)]))
        assert isinstance(finding, Ambiguous)


# --- cancelled over there ---------------------------------------------------------------------------------------------


def test_a_cancelled_invoice_is_voided_and_its_cancellation_is_not_ours() -> None:
    with company() as there:
        chart = there.chart()
        drafts, accepted = there.tell(taxed_invoice(), chart)
        cursor = there.run(target.changed(there.session, None)).cursor
        there.clock.advance(3600)
        there.control("void", kind="Invoices", id=accepted["document"].remote_id)
        (state,) = there.run(target.read_back(there.session, [accepted["document"]]))
        assert (state.state, state.lines, state.document.reference) == ("voided", (), drafts[-1].reference)
        page = there.run(target.changed(there.session, cursor))
        told = {(s.document.remote_id, s.document.reference, s.state) for s in page.states if s.document.kind == "Invoices"}
        assert told == {("1", drafts[-1].reference, "voided"), ("2", "", "present")}
        assert there.run(target.find(there.session, [drafts[-1]])) == (Absent(),)


def test_a_reversed_journal_entry_is_voided_and_its_reversal_is_not_ours() -> None:
    with company() as there:
        drafts, accepted = there.tell(bundle("fee", [line("610020", 120), line("111060", -120)]))
        cursor = there.run(target.changed(there.session, None)).cursor
        there.control("void", kind="JournalEntries", id=accepted["document"].remote_id)
        (state,) = there.run(target.read_back(there.session, [accepted["document"]]))
        assert state.state == "voided"
        page = there.run(target.changed(there.session, cursor))
        assert [(s.document.reference, s.state) for s in page.states] == [(drafts[0].reference, "voided"), ("", "present")]
        assert there.run(target.find(there.session, drafts)) == (Absent(),)


def test_a_cancelled_payment_is_told_by_the_entry_that_takes_it_back() -> None:
    with company() as there:
        chart = there.chart()
        _, invoiced = there.tell(taxed_invoice(), chart)
        paid = bundle("payment", [line("111010", 6_000), line("130000", -6_000)], "LJAAAAAAAAAAAAAC",
                      applies_to=("LJAAAAAAAAAAAAAB",))  # fmt: skip
        steps = target.steps(paid, chart)
        draft = target.draft(steps[-1], chart, {"customer": invoiced["customer"], "LJAAAAAAAAAAAAAB": invoiced["document"]})
        outcome = there.deliver(draft)
        assert isinstance(outcome, Accepted)
        cursor = there.run(target.changed(there.session, None)).cursor
        there.control("void", kind="IncomingPayments", id=outcome.document.remote_id)
        page = there.run(target.changed(there.session, cursor))
        (state,) = [s for s in page.states if s.document.kind == "IncomingPayments"]
        assert (state.state, state.document.reference) == ("voided", draft.reference)


def test_an_edited_comment_makes_it_changed_but_keeps_its_lines() -> None:
    with company() as there:
        _, accepted = there.tell(taxed_invoice())
        there.clock.advance(2 * 86_400)
        cursor = there.run(target.changed(there.session, None)).cursor
        there.clock.advance(86_400)
        there.control("alter", kind="Invoices", id=accepted["document"].remote_id, note="paid by hand")
        page = there.run(target.changed(there.session, cursor))
        (state,) = [s for s in page.states if s.document.kind == "Invoices"]
        assert state.document.reference == "", "the mark was taken off"
        assert sum(one.amount.minor for one in state.lines) == 0
        assert state.changed_at == datetime(2026, 6, 4, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("days", [0, 1])
def test_an_edit_on_the_day_of_the_cursor_or_the_next_is_told(days: int) -> None:
    with company() as there:
        _, accepted = there.tell(taxed_invoice())
        there.clock.advance(5 * 86_400)
        # As after many more entries: only its day of update can tell that the invoice was edited.
        cursor = json.dumps({**json.loads(there.run(target.changed(there.session, None)).cursor), "entry": 1_000_000})
        there.clock.advance(days * 86_400 + 3_600)
        there.control("alter", kind="Invoices", id=accepted["document"].remote_id, amount="150.00")
        page = there.run(target.changed(there.session, cursor))
        moved = {one.account: one.amount.minor for s in page.states if s.document.kind == "Invoices" for one in s.lines}
        assert moved["410010"] == -15_000


def test_more_documents_than_one_question_holds_are_all_read_back() -> None:
    with company() as there:
        chart, documents = there.chart(), []
        for number in range(23):
            fee = bundle("fee", [line("610020", 100), line("111060", -100)], f"LJAAAAAAAAAAA{number:02}B")
            documents.append(there.tell(fee, chart)[1]["document"])
        states = there.run(target.read_back(there.session, documents))
        assert [(s.state, s.document.reference) for s in states] == [("present", d.reference) for d in documents]


def test_without_a_cursor_everything_of_ours_is_told_however_old() -> None:
    with company() as there:
        chart = there.chart()
        old = {"date": date(2025, 11, 3)}
        sold = bundle("sale", [line("111060", 1_000), line("410010", -1_000)], **old)
        there.tell(sold, chart)
        there.tell(bundle("fee", [line("610020", 120), line("111060", -120)], "LJAAAAAAAAAAAAAC", **old), chart)
        there.clock.advance(120 * 86_400)
        page = there.run(target.changed(there.session, None))
        assert {s.document.reference for s in page.states} == {"LJAAAAAAAAAAAAAB", "LJAAAAAAAAAAAAAB-P1", "LJAAAAAAAAAAAAAC"}
        there.control("void", kind="JournalEntries", id="3")
        later = there.run(target.changed(there.session, page.cursor))
        assert ("LJAAAAAAAAAAAAAC", "voided") in {(s.document.reference, s.state) for s in later.states}


def test_a_cursor_that_cannot_be_read_is_refused() -> None:
    with company() as there, pytest.raises(Refused):
        there.run(target.changed(there.session, "yesterday"))


def test_the_whole_ledger_is_summed_page_after_page() -> None:
    with company(stand_in={"foreign": True, "season_end": "2026-05-31", "second_season_end": "2026-05-31"}) as there:
        for number in range(3):
            there.tell(bundle("fee", [line("610020", 100 + number), line("111060", -100 - number)], f"LJAAAAAAAAAAAA{number}B"))
        rows = there.run(target.balances(there.session, date(2026, 1, 1), date(2026, 12, 31)))
        sums: dict[tuple[str, str], int] = {}
        for row in there.control("books"):
            if "2026-01-01" <= str(row["day"]) <= "2026-12-31":
                key = row["account"], str(row["day"])
                sums[key] = sums.get(key, 0) + row["home_minor"]
        assert {(row.account, row.day.isoformat()): row.amount.minor for row in rows} == {k: v for k, v in sums.items() if v}


def test_a_page_link_that_leads_round_in_a_circle_ends() -> None:
    from leja.connectors.sap_b1.api import rows
    from leja.connectors.sap_b1.wire import Currency
    from leja.http.client import Answer

    class Round:
        async def read(self, *_: Any, **__: Any) -> Answer:
            body = {"value": [{"Code": "GBP"}], "@odata.nextLink": "Currencies?$skip=20"}
            return Answer(200, {}, json.dumps(body).encode())

    with company() as there:
        session = msgspec.structs.replace(there.session, http=Round())
        assert [row.code for row in there.run(rows(session, "Currencies", Currency))] == ["GBP", "GBP"]


# --- currencies -------------------------------------------------------------------------------------------------------


def test_a_foreign_invoice_and_its_payment_at_another_rate_stand_in_their_currency() -> None:
    with company() as there:
        chart = there.chart()
        sold = bundle("invoice", [line("130000", 24_001, "EUR"), line("410010", -24_001, "EUR")], rate=Decimal("0.8512"))
        _, invoiced = there.tell(sold, chart)
        paid = bundle("payment", [line("111010", 24_001, "EUR"), line("130000", -24_001, "EUR")], "LJAAAAAAAAAAAAAC",
                      applies_to=(sold.reference,), rate=Decimal("0.86"))  # fmt: skip
        steps = target.steps(paid, chart)
        draft = target.draft(steps[-1], chart, {"customer": invoiced["customer"], sold.reference: invoiced["document"]})
        outcome = there.deliver(draft)
        assert isinstance(outcome, Accepted)
        states = there.run(target.read_back(there.session, [invoiced["document"], outcome.document]))
        moves = [{one.account: one.amount for one in state.lines if one.amount.currency == "EUR"} for state in states]
        assert moves == [{"130000": Money(24_001, "EUR"), "410010": Money(-24_001, "EUR")},
                         {"111010": Money(24_001, "EUR"), "130000": Money(-24_001, "EUR")}]  # fmt: skip
        assert there.ledger().get("130000", 0) == 0


def test_a_foreign_journal_balances_in_both_currencies_whatever_the_rate() -> None:
    with company() as there:
        lines = [line("610020", 333, "EUR"), line("230010", 333, "EUR"), line("111010", -666, "EUR")]
        drafts, _ = there.tell(bundle("journal", lines, rate=Decimal("0.8512345")))
        rows = json.loads(drafts[0].body, parse_float=Decimal)["JournalEntryLines"]
        assert sum(row.get("Debit", 0) - row.get("Credit", 0) for row in rows) == 0
        assert sum(row.get("FCDebit", 0) - row.get("FCCredit", 0) for row in rows) == 0
        assert {row["FCCurrency"] for row in rows} == {"EUR"}


def test_the_partner_is_one_for_the_same_customer_and_another_for_another() -> None:
    from leja.connectors.sap_b1.names import customer_code

    one = customer_code(taxed_invoice())
    assert one == customer_code(bundle("sale", [line("111060", 1), line("410010", -1)]))
    assert one != customer_code(taxed_invoice(customer=msgspec.structs.replace(AMINA, external_id="C-9")))
    assert len({customer_code(taxed_invoice(customer=None)), one}) == 2
    assert len(one) == 15
    assert DAY.year == 2026
