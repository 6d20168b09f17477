"""Closures, disputes, and what a processor tells of sales that others record."""

from __future__ import annotations

import msgspec
import pytest

from leja.core.errors import NeedsReview
from leja.core.money import Money
from leja.documents.closure import Closure, ControlTotal, DrawerMove
from leja.documents.dispute import Dispute
from leja.documents.payment import Payment
from leja.documents.payout import Component, Payout
from leja.documents.sale import Sale
from leja.posting.known import Elsewhere
from leja.posting.post import needs, post
from tests.posting.ledger import Ledger
from tests.posting.samples import by_role, card, header, known, line


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


def closure(**facts: object) -> Closure:
    return Closure(header=header("till-1/2026-05-04"), **facts)  # type: ignore[arg-type]


def test_a_count_that_agrees_posts_nothing_and_totals_never_do() -> None:
    _, posted = post(known(), closure(expected=gbp(500), counted=gbp(500), totals=(ControlTotal(what="sales", amount=gbp(9)),)))
    assert posted.entries == ()


def test_a_closure_that_was_not_counted_posts_only_what_left_the_drawer() -> None:
    moves = (DrawerMove(move_id="1", reason="banked", amount=gbp(700)), DrawerMove(move_id="2", reason="banked", amount=gbp(-50)))
    _, posted = post(known(), closure(moves=moves, expected=gbp(1)))
    assert by_role(posted.entries) == {"cash_in_transit": 650, "cash:till": -650}


def test_a_corrected_count_reverses_the_first() -> None:
    ledger = Ledger(known())
    ledger.take(closure(expected=gbp(500), counted=gbp(440)))
    assert by_role(ledger.entries()) == {"cash_over_short": 60, "cash:till": -60}
    again = closure(expected=gbp(500), counted=gbp(501))
    ledger.take(msgspec.structs.replace(again, header=header("till-1/2026-05-04", version="2")))
    assert by_role(ledger.entries()) == {"cash_over_short": -1, "cash:till": 1}


def payment(amount: int = 1000, **facts: object) -> Payment:
    tender = card(amount, reference="ch_1", also=("pi_1",))
    return Payment(header=header("ch_1"), tender=tender, seen_elsewhere=True, **facts)  # type: ignore[arg-type]


def test_what_another_connection_records_is_not_booked_again() -> None:
    here = known()
    here.elsewhere["ch_1"] = Elsewhere(1000, ("order 7",))
    _, posted = post(here, payment())
    assert posted.entries == ()
    assert posted.flags == ("linked",)


@pytest.mark.parametrize(("elsewhere", "rest"), [(None, 1000), (Elsewhere(900, ("order 7",)), 100), (Elsewhere(1200, ("order 7",)), -200)])
def test_only_the_rest_is_an_unidentified_receipt(elsewhere: Elsewhere | None, rest: int) -> None:
    here = known()
    if elsewhere is not None:
        here.elsewhere["ch_1"] = elsewhere
    _, posted = post(here, payment())
    assert by_role(posted.entries) == {"clearing:card_processor": rest, "unidentified_receipts": -rest}


def test_the_same_movement_in_another_currency_is_linked_not_compared() -> None:
    here = known()
    here.elsewhere["ch_1"] = Elsewhere(0, ("order 7",), other_currency=True)
    _, posted = post(here, payment())
    assert posted.entries == ()


def test_a_refund_that_only_the_processor_knows_is_money_that_left() -> None:
    _, posted = post(known(), payment(-300))
    assert by_role(posted.entries) == {"clearing:card_processor": -300, "unidentified_receipts": 300}


def test_what_a_payment_and_a_dispute_ask_of_other_connections() -> None:
    assert needs(payment()).movements == (("card_processor", "ch_1"), ("card_processor", "pi_1"))
    assert needs(msgspec.structs.replace(payment(), seen_elsewhere=False)).movements == ()
    assert needs(dispute()).movements == (("card_processor", "ch_1"),)
    assert needs(dispute(sale="order 7")).movements == ()


def dispute(**facts: object) -> Dispute:
    given = {"state": "lost", "reason": "goods", **facts}
    return Dispute(header=header("dp_1"), processor="card_processor", reference="ch_1", amount=gbp(600), **given)  # type: ignore[arg-type]


def sale() -> Sale:
    return Sale(header=header("order 7"), lines=(line("1", 1000, tax=200, rate="20"),), total=gbp(1200), tenders=(card(1200),))


def test_a_lost_dispute_takes_its_share_of_the_sales_tax_wherever_the_sale_was_recorded() -> None:
    here = known()
    here.originals["dp_1"] = sale()
    _, posted = post(here, dispute())
    assert by_role(posted.entries) == {"sales_returns": 500, "output_tax": 100, "disputes_receivable": -600}


def test_a_lost_dispute_of_an_unknown_sale_is_flagged_and_posted_without_tax() -> None:
    _, posted = post(known(), dispute())
    assert by_role(posted.entries) == {"sales_returns": 600, "disputes_receivable": -600}
    assert "unlinked_return" in posted.flags


@pytest.mark.parametrize("state", ["open", "won"])
def test_a_dispute_that_is_not_lost_posts_nothing_of_its_own(state: str) -> None:
    _, posted = post(known(), dispute(state=state))
    assert posted.entries == ()


def test_a_reason_that_nobody_knows_is_a_persons_decision() -> None:
    with pytest.raises(NeedsReview) as caught:
        post(known(), dispute(reason="unknown"))
    assert caught.value.code == "dispute-reason-unknown"
    assert "stands and the money is a loss" in caught.value.remedy


def test_a_top_up_is_a_transfer_that_a_later_payout_settles() -> None:
    ledger = Ledger(known())
    for name, amount in (("up", -500), ("po", 500)):
        part = Component(component_id="t", kind="topup", amount=gbp(amount))
        ledger.take(Payout(header=header(name), processor="card_processor", amount=gbp(amount), components=(part,)))
        assert by_role(ledger.entries()) == ({"bank": -500, "clearing:card_processor": 500} if name == "up" else {})
