"""Invoices, credit notes and disputes."""

from __future__ import annotations

import pytest

from leja.connectors.stripe.decoding import decode
from leja.core.money import Money
from leja.documents.invoice import Invoice

from .account import Account, answer

LINES = [{"description": "Seats", "unit_amount": 1000, "quantity": 3, "discount": 500, "tax_rate": "0.2"},
         {"description": "Book", "unit_amount": 1200, "tax_rate": "0.2", "inclusive": True}, {"description": "Free of tax", "unit_amount": 99}]  # fmt: skip


def test_an_invoice_is_owed_from_the_day_it_was_finalised() -> None:
    account = Account()
    draft = account.invoice(lines=LINES, shipping=400, finalize=False)
    assert account.meaning("invoice", draft["id"]).ignored
    account.clock.advance(3 * 86400)
    account.finalize(invoice=draft["id"])
    decoded = account.meaning("invoice", draft["id"])
    (invoice,) = decoded.documents
    assert isinstance(invoice, Invoice)
    assert decoded.ties
    assert (invoice.total, invoice.header.number) == (Money(draft["total"], "GBP"), "LEJA-0001")
    assert invoice.header.business_day.isoformat() == "2026-06-04"
    assert invoice.due is not None
    assert [(line.kind, line.listed.minor, sum(tax.amount.minor for tax in line.taxes)) for line in invoice.lines] == [
        ("goods", 3000, 500), ("goods", 1000, 200), ("goods", 99, 0), ("shipping", 400, 0),
    ]  # fmt: skip
    assert invoice.lines[0].discount == Money(500, "GBP")
    assert invoice.customer is not None
    assert (invoice.customer.name, invoice.customer.country) == ("Ada Obi", "GB")
    account.end_invoice(invoice=draft["id"], status="void")
    assert account.only("invoice", draft["id"]).header.withdrawn


def test_one_that_is_written_off_is_still_owed() -> None:
    account = Account()
    made = account.invoice(lines=LINES)
    account.end_invoice(invoice=made["id"], status="uncollectible")
    assert not account.only("invoice", made["id"]).header.withdrawn


def test_a_credit_note_takes_off_the_debt_with_its_tax() -> None:
    account = Account()
    made = account.invoice(lines=[{"unit_amount": 1000, "quantity": 3, "tax_rate": "0.2"}])
    note = account.credit_note(invoice=made["id"], amount=1200)
    credit = account.only("credit_note", note["id"])
    assert (credit.settled_as, credit.total.minor, credit.sale) == ("credit_note", 1200, "")
    (line,) = credit.lines
    assert (line.listed.minor, sum(tax.amount.minor for tax in line.taxes)) == (1000, 200)
    account.void_credit_note(credit_note=note["id"])
    assert account.only("credit_note", note["id"]).header.withdrawn
    paid = account.invoice(lines=[{"unit_amount": 1000}], pay=True)
    after = account.credit_note(invoice=paid["id"], amount=400)
    assert account.meaning("credit_note", after["id"]).documents == ()


def test_a_credit_note_over_debt_and_payment_credits_the_debt_alone() -> None:
    account = Account()
    made = account.invoice(lines=[{"unit_amount": 1000, "quantity": 3, "tax_rate": "0.2"}])
    account.pay_invoice(invoice=made["id"], amount=3000)
    note = account.credit_note(invoice=made["id"], amount=1200)
    assert (note["pre_payment_amount"], note["post_payment_amount"]) == (600, 600)
    credit = account.only("credit_note", note["id"])
    assert (credit.total.minor, credit.lines[0].listed.minor, credit.lines[0].taxes[0].amount.minor) == (600, 500, 100)


def test_with_the_duty_payments_invoices_are_others_business() -> None:
    account = Account(duty="payments")
    made = account.invoice(lines=LINES)
    assert account.meaning("invoice", made["id"]).documents == ()
    assert account.meaning("credit_note", account.credit_note(invoice=made["id"], amount=100)["id"]).documents == ()


def test_an_invoice_whose_lines_do_not_come_to_its_total_does_not_tie() -> None:
    account = Account()
    made = account.invoice(lines=LINES)
    row = account.stand_in.env.store.get("invoice", made["id"])
    assert decode(answer("invoice", row), account.context).ties
    assert not decode(answer("invoice", {**row, "total": row["total"] + 1}), account.context).ties
    assert not decode(answer("invoice", {**row, "lines": {**row["lines"], "has_more": True}}), account.context).ties


# --- disputes ---------------------------------------------------------------------------------------------------------


def test_a_dispute_is_told_by_its_events_from_opening_to_end() -> None:
    account = Account()
    charge = account.charge(amount=5000)["id"]
    dispute = account.dispute(charge=charge, reason="product_not_received")["id"]
    account.clock.advance(10 * 86400)
    account.close_dispute(dispute=dispute, status="lost")
    told = [decode(event, account.context).documents[0] for event in account.told() if event.topic.startswith("charge.dispute.")]
    assert [one.state for one in told] == ["open", "open", "lost"]
    lost = told[-1]
    assert (lost.reason, lost.reference, lost.sale, lost.amount) == ("goods", charge, charge, Money(5000, "GBP"))
    assert (str(lost.closed_on), str(lost.header.business_day)) == ("2026-06-11", "2026-06-01")
    assert told[0].header.version < lost.header.version
    assert decode(account.told()[-1], Account(duty="payments").context).documents[0].sale == ""


@pytest.mark.parametrize(("reason", "setting", "meant"), [
    ("fraudulent", "goods", "fraud"), ("unrecognized", "unknown", "fraud"), ("duplicate", "fraud", "goods"),
    ("credit_not_processed", "unknown", "goods"), ("general", "unknown", "unknown"), ("general", "fraud", "fraud"),
    ("bank_cannot_process", "goods", "goods"),
])  # fmt: skip
def test_reasons_are_goods_or_fraud_and_the_rest_is_for_people_to_say(reason: str, setting: str, meant: str) -> None:
    account = Account(settings={"unknown_disputes": setting})
    made = account.dispute(charge=account.charge(amount=100)["id"], reason=reason)
    assert account.only("dispute", made["id"]).reason == meant


def test_a_dispute_that_is_won_ended_when_the_money_came_back_and_an_inquiry_is_no_loss() -> None:
    account = Account()
    made = account.dispute(charge=account.charge(amount=100)["id"])["id"]
    account.clock.advance(5 * 86400)
    account.close_dispute(dispute=made, status="won")
    account.clock.advance(5 * 86400)
    won = account.only("dispute", made)
    assert (won.state, str(won.closed_on)) == ("won", "2026-06-06")
    asked = account.dispute(charge=account.charge(amount=100)["id"], inquiry=True)["id"]
    assert account.only("dispute", asked).state == "open"
    account.close_dispute(dispute=asked, status="warning_closed")
    assert account.only("dispute", asked).state == "won"
