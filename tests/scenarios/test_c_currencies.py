"""Scenario C, as far as no bank line is needed: shown in one currency, settled in another, booked in a third."""

from __future__ import annotations

import pytest

from leja.core.money import from_text
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, SHOP

CARD = "clearing:shopify_payments"


@pytest.mark.parametrize(("settled", "shown"), [("EUR", "XOF"), ("JPY", "EUR"), ("UGX", "USD"), ("TND", "EUR"), ("KWD", "JPY"), ("KES", "UGX")])
def test_c_each_leg_keeps_its_own_currency(stage: Setting, settled: str, shown: str) -> None:
    """Given a sale shown in XOF, settled in EUR, booked in GBP, with the fee in EUR and the refund at another rate, when the payout
    arrives, then each leg keeps its own currency and minor-unit rule, no amount is converted twice, the realised difference is one
    posting, and UGX, ISK, JPY and 3-decimal currencies pass the same test."""
    scene = stage(currency=settled, base="GBP")
    one = scene.minor("1")
    # A bank account over there has a currency of its own: what comes in another stands on accounts that have none.
    for role, account in ((CARD, "645"), ("bank", "642")):
        scene.decide(BY_DAY, "account", scene.our_account(role), account)
    for day, rate in (("2026-06-01", "0.50"), ("2026-06-04", "0.60"), ("2026-06-06", "0.60")):
        scene.rate(settled, day, rate)
    first = scene.sell("1000", presentment=shown, rate="655.957", webhooks="lost")
    scene.settle()
    assert scene.books() == {CARD: 60_000, "sales": -50_000, "output_tax": -10_000}
    scene.clock.advance(3 * 86_400)
    scene.refund(first, lines=[], amount=scene.amount(120 * one), webhooks="lost")
    scene.settle()
    in_currency = {(row[0], row[1]): int(row[2]) for row in scene.rows(
        "SELECT role, currency, sum(amount)::bigint FROM line WHERE org_id = %s GROUP BY 1, 2 HAVING sum(amount) <> 0")}
    assert in_currency[CARD, settled] == 1080 * one
    assert scene.books()["fx_realised"] == 1200
    assert {currency for _, currency in in_currency} == {settled, "GBP"}
    assert scene.rows("SELECT count(*) FROM line WHERE org_id = %s AND role = 'fx_realised'") == [(1,)]
    scene.clock.advance(2 * 86_400)
    scene.control(SHOP, "payout")
    scene.settle()
    after = {(row[0], row[1]): int(row[2]) for row in scene.rows(
        "SELECT role, currency, sum(amount)::bigint FROM line WHERE org_id = %s GROUP BY 1, 2 HAVING sum(amount) <> 0")}
    assert (CARD, settled) not in after
    fee = (scene.minor(first["total"]) * 29 + 500) // 1000 + 30
    assert after["processor_fees", settled] == fee
    assert after["bank", settled] == 1080 * one - fee
    assert sum(scene.books().values()) == 0
    scene.assert_settled(BY_SALE, BY_DAY)


def test_c_no_exponent_is_guessed(stage: Setting) -> None:
    """... each leg keeps its own minor-unit rule: 1,000 is 1,000 in every currency."""
    for currency, minor in (("UGX", 1000), ("ISK", 1000), ("JPY", 1000), ("XOF", 1000), ("KES", 100_000), ("TND", 1_000_000), ("KWD", 1_000_000)):
        assert from_text("1000", currency).minor == minor
    scene = stage(currency="ISK", base="GBP")
    scene.rate("ISK", "2026-06-01", "0.0056")
    scene.sell(scene.line("4400", taxes=[]))
    scene.settle()
    assert scene.books() == {CARD: 2464, "sales": -2464}
