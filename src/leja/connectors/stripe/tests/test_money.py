"""Charges, refunds and the currencies that Stripe counts in its own way."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.connectors.contract import Context
from leja.connectors.stripe import CONNECTOR
from leja.connectors.stripe.decoding import decode
from leja.connectors.stripe.reading import money
from leja.connectors.stripe.stand_in_money import exponent as vendor_exponent
from leja.core.currency import EXPONENTS
from leja.core.errors import Refused
from leja.core.money import Money, to_decimal
from leja.documents.parts import Rate
from leja.documents.payment import Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale

from .account import Account, answer


@pytest.fixture
def account() -> Account:
    return Account()


def test_a_charge_is_a_sale_with_one_tender_that_bears_all_its_names(account: Account) -> None:
    made = account.charge(amount=1250, description="Basket", metadata={"order_id": "1001"}, customer=account.customer()["id"])
    sale = account.only("charge", made["id"])
    assert isinstance(sale, Sale)
    assert (sale.total, sale.header.external_id, sale.header.number, sale.header.test) == (Money(1250, "GBP"), made["id"], "1001", False)
    (tender,), (line,) = sale.tenders, sale.lines
    assert (tender.means, tender.processor, tender.reference, tender.amount) == ("card", "stripe", made["id"], sale.total)
    assert tender.also == (made["payment_intent"], made["balance_transaction"])
    assert (line.listed, line.title, line.kind) == (sale.total, "Basket", "goods")
    assert sale.customer is not None
    assert sale.header.business_day.isoformat() == "2026-06-01"


def test_with_the_duty_payments_it_is_a_payment_that_others_know_too() -> None:
    account = Account(duty="payments")
    made = account.charge(amount=1250, metadata={"order_number": "#7"})
    payment = account.only("charge", made["id"])
    assert isinstance(payment, Payment)
    assert payment.seen_elsewhere
    assert (payment.header.number, payment.tender.reference, payment.tender.amount.minor) == ("#7", made["id"], 1250)
    assert made["payment_intent"] in payment.tender.also
    back = account.refund(charge=made["id"], amount=250)
    refund = account.only("refund", back["id"])
    assert isinstance(refund, Payment)
    assert refund.seen_elsewhere
    assert (refund.tender.amount.minor, refund.tender.reference) == (-250, back["id"])
    assert made["id"] not in refund.tender.also
    account.settle_refund(refund=back["id"], status="failed")
    assert account.only("refund", back["id"]).header.withdrawn
    late = account.refund(charge=made["id"], amount=250, status="pending")
    assert account.meaning("refund", late["id"]).documents == ()


def test_only_captured_money_is_a_sale_and_only_as_much_of_it(account: Account) -> None:
    made = account.charge(amount=5000, capture=False)
    assert account.meaning("charge", made["id"]).ignored
    account.capture(charge=made["id"], amount=3000)
    assert account.only("charge", made["id"]).total == Money(3000, "GBP")
    pending = account.charge(amount=700, status="pending", method="sepa_debit")
    assert account.meaning("charge", pending["id"]).documents == ()
    account.settle_charge(charge=pending["id"])
    assert account.only("charge", pending["id"]).tenders[0].means == "sepa_debit"
    assert account.meaning("charge", account.charge(amount=900, status="failed")["id"]).documents == ()


def test_a_charge_that_fails_after_it_succeeded_is_withdrawn() -> None:
    body = {"id": "py_1", "amount": 100, "currency": "gbp", "created": 1780300000, "status": "failed", "captured": True,
            "amount_captured": 100, "failure_balance_transaction": "txn_2", "livemode": True}  # fmt: skip
    (sale,) = decode(answer("charge", body), Account().context).documents
    assert sale.header.withdrawn


@pytest.mark.parametrize(("status", "state", "tenders"), [("succeeded", "succeeded", 1), ("pending", "pending", 0), ("failed", "failed", 0),
                                                          ("canceled", "failed", 0), ("requires_action", "pending", 0)])  # fmt: skip
def test_a_refund_goes_through_its_states(status: str, state: str, tenders: int) -> None:
    body = {"id": "re_1", "amount": 100, "currency": "gbp", "created": 1780300000, "status": status, "charge": "ch_1"}
    (refund,) = decode(answer("refund", body), Account().context).documents
    assert isinstance(refund, Refund)
    assert (refund.state, len(refund.tenders), refund.sale, refund.total) == (state, tenders, "ch_1", Money(100, "GBP"))


def test_an_unknown_state_is_refused() -> None:
    body = {"id": "re_1", "amount": 100, "currency": "gbp", "created": 1780300000, "status": "dreamt", "charge": "ch_1"}
    with pytest.raises(Refused) as caught:
        decode(answer("refund", body), Account().context)
    assert caught.value.code == "stripe-state"


@pytest.mark.parametrize(("stripe", "currency", "ours"), [(150000, "ugx", 1500), (50000, "isk", 500), (501, "jpy", 501), (5120, "kwd", 5120),
                                                          (7, "mga", 700), (1250, "gbp", 1250), (-100, "ugx", -1)])  # fmt: skip
def test_amounts_are_those_of_iso_4217(stripe: int, currency: str, ours: int) -> None:
    assert money(stripe, currency) == Money(ours, currency.upper())


def test_what_iso_4217_cannot_hold_is_refused_and_not_rounded() -> None:
    with pytest.raises(Refused) as caught:
        money(150050, "ugx")
    assert caught.value.code == "amount-decimals"


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(EXPONENTS.keys() - {"UYI", "UYW", "CLF"})))
def test_every_currency_means_what_the_vendor_means(amount: int, currency: str) -> None:
    places = vendor_exponent(currency.lower())
    try:
        assert to_decimal(money(amount, currency.lower())) == Decimal(amount).scaleb(-places)
    except Refused:
        assert Decimal(amount).scaleb(EXPONENTS[currency] - places) % 1
    assert CONNECTOR.wire_exponents.get(currency, EXPONENTS[currency]) == places


def test_converted_money_keeps_the_rate_at_which_it_was_converted(account: Account) -> None:
    made = account.charge(amount=10000, currency="eur")
    sale = account.only("charge", made["id"])
    assert sale.rate == Rate(rate=Decimal("0.86"), base="GBP", source="stripe")
    assert account.only("charge", account.charge(amount=1)["id"]).rate is None
    elsewhere = Account()
    elsewhere.context = Context(settings=elsewhere.context.settings, zone="UTC", base_currency="USD")
    assert elsewhere.only("charge", elsewhere.charge(amount=10000, currency="eur")["id"]).rate is None


def test_test_data_is_marked_unless_the_connection_is_to_a_sandbox() -> None:
    account = Account(settings={"test_mode": False})
    made = account.charge(amount=100)["id"]
    assert account.only("charge", made).header.test
    assert account.only("refund", account.refund(charge=made)["id"]).header.test
    real = Account(settings={"test_mode": False}, key="rk_live_x", api_key="rk_live_x")
    assert not real.only("refund", real.refund(charge=real.charge(amount=100)["id"])["id"]).header.test


def test_the_payment_of_an_invoice_is_no_sale(account: Account) -> None:
    invoice = account.invoice(lines=[{"unit_amount": 1000, "tax_rate": "0.2"}], pay=True)
    account.charge(amount=77)
    charge = next(row for row in account.stand_in.env.store.each("charge") if row["amount"] == 1200)
    payment = account.only("charge", charge["id"])
    assert isinstance(payment, Payment)
    assert not payment.seen_elsewhere
    assert [(part.document, part.amount.minor) for part in payment.allocations] == [(invoice["id"], 1200)]
    back = account.refund(charge=charge["id"], amount=200)
    assert account.only("refund", back["id"]).sale == ""
    without = Account(settings={"invoices": False})
    made = without.charge(amount=100)
    without.only("charge", made["id"])
    assert not [one for one in without.asked if "invoice_payments" in one]
