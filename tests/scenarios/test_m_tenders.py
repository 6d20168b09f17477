"""Scenario M, as far as no bank line is needed: partial and mixed payments."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.scenarios.conftest import Setting
from tests.scenarios.stage import EVERY_CURRENCY, SHOP

PARTS = (("gift_card", 30), ("shopify_store_credit", 20), ("shopify_payments", 40), ("paypal", 50), ("cash", 60))


@pytest.mark.parametrize("currency", EVERY_CURRENCY)
def test_m_every_tender_moves_its_own_account(stage: Setting, currency: str) -> None:
    """Given a sale paid by deposit, gift card, store credit, two cards and cash with change, when tenders arrive ..., then
    liability accounts move with the card."""
    scene = stage(currency=currency)
    one = scene.minor("1")
    scene.decide_roles("clearing:paypal")
    payment = [{"gateway": gateway, "amount": scene.amount(part * one)} for gateway, part in PARTS]
    payment[-1]["amount"] = scene.amount(80 * one)
    payment.append({"gateway": "cash", "kind": "change", "amount": scene.amount(20 * one)})
    scene.sell(scene.line("200", taxes=[]), payment=payment, webhooks="lost")
    scene.settle()
    scene.assert_settled()
    assert scene.books() == {"gift_card_liability": 30 * one, "store_credit_liability": 20 * one, "clearing:shopify_payments": 40 * one,
                             "clearing:paypal": 50 * one, "cash:till": 60 * one, "sales": -200 * one}


@pytest.mark.parametrize("order", list(permutations((50, 70, 80)))[::2], ids=str)
def test_m_the_open_balance_is_right_after_each(stage: Setting, order: tuple[int, ...]) -> None:
    """... when tenders arrive in any order over several days, then the open balance is right after each, ... and "paid" appears
    only at zero."""
    scene = stage()
    made = scene.sell(scene.line("200", taxes=[]), payment="unpaid", webhooks="lost")
    scene.settle()
    assert scene.books() == {"receivable": 20_000, "sales": -20_000}
    left = 20_000
    for part in order:
        scene.clock.advance(86_400)
        scene.control(SHOP, "capture", order=made["id"], amount=f"{part}.00", webhooks="lost")
        scene.settle()
        left -= part * 100
        assert scene.books().get("receivable", 0) == left
        paid = [one["status"] for one in scene.remote("xero", "Invoices")]
        assert left == 0 or "PAID" not in paid or len(paid) > 1
    scene.assert_settled()
