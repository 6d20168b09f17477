"""Scenario F: refunds of every kind, each when it settles."""

from __future__ import annotations

import msgspec
import pytest

from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, EVERY_CURRENCY, SHOP, VAT, Scene

SHIPPING = {"title": "Standard", "kind": "shipping", "price": "40", "taxes": VAT}
CARD = "clearing:shopify_payments"


def change(scene: Scene, before: dict[str, int]) -> dict[str, int]:
    """What moved since ``before``, by role."""
    now = scene.books()
    return {role: now.get(role, 0) - before.get(role, 0) for role in sorted({*now, *before}) if now.get(role, 0) != before.get(role, 0)}


@pytest.mark.parametrize("currency", EVERY_CURRENCY)
def test_f_revenue_and_tax_go_back_at_the_original_rate(stage: Setting, currency: str) -> None:
    """Given full, partial, line-less, shipping-only, multi-tender, exchange and pending refunds, when each settles, then
    revenue and tax are reversed at the original tax rate; ... never before the refund succeeds; and the refunds together never
    exceed the original."""
    scene = stage(currency=currency)
    one = scene.minor("1")
    orders = {name: scene.sell(scene.line("100", 3), SHIPPING) for name in ("full", "partial", "line-less", "shipping", "pending", "exchange")}
    halves = [{"gateway": "shopify_payments", "amount": scene.amount(200 * one)}, {"gateway": "cash", "amount": scene.amount(208 * one)}]
    orders["multi"] = scene.sell(scene.line("100", 3), SHIPPING, payment=halves)
    scene.settle()
    scene.assert_settled()
    scene.clock.advance(86_400)

    def after(name: str, **given: object) -> dict[str, int]:
        before = scene.books()
        scene.refund(orders[name], **given)
        scene.settle()
        return change(scene, before)

    assert after("full") == {CARD: -408 * one, "output_tax": 68 * one, "sales_returns": 300 * one, "shipping_income": 40 * one}
    assert after("partial", lines=[{"line": 0, "quantity": 1}]) == {CARD: -120 * one, "output_tax": 20 * one, "sales_returns": 100 * one}
    assert after("line-less", lines=[], amount=scene.amount(60 * one)) == {CARD: -60 * one, "output_tax": 10 * one, "sales_allowances": 50 * one}
    assert after("shipping", lines=[], shipping=True) == {CARD: -48 * one, "output_tax": 8 * one, "shipping_income": 40 * one}
    assert after("multi") == {CARD: -200 * one, "cash:till": -208 * one, "output_tax": 68 * one, "sales_returns": 300 * one, "shipping_income": 40 * one}
    assert after("pending", status="pending") == {}
    before = scene.books()
    scene.clock.advance(60)
    scene.control(SHOP, "settle_refund", order=orders["pending"]["id"])
    scene.settle()
    assert change(scene, before)[CARD] == -408 * one
    before = scene.books()
    scene.clock.advance(60)
    scene.control(SHOP, "edit_order", order=orders["exchange"]["id"], remove=[{"line": 0, "quantity": 1}],
                  add=[{"title": "Other", "sku": "B2", "price": "150", "taxes": VAT}], pay=True)
    scene.settle()
    assert change(scene, before)[CARD] == 60 * one
    assert change(scene, before)["output_tax"] == -10 * one
    scene.assert_settled()
    assert len(scene.remote(BY_SALE, "RefundReceipt")) >= 6
    assert scene.there(BY_DAY)[scene.account_of(BY_DAY, CARD)] == scene.books()[CARD]


@pytest.mark.parametrize("currency", ["JPY", "GBP", "TND"])
def test_f_a_failed_refund_never_moves_anything(stage: Setting, currency: str) -> None:
    """... never before the refund succeeds."""
    scene = stage(currency=currency)
    order = scene.sell("100")
    scene.settle()
    before = scene.books()
    scene.clock.advance(60)
    scene.refund(order, status="pending")
    scene.settle()
    scene.clock.advance(60)
    scene.control(SHOP, "settle_refund", order=order["id"], status="failure")
    scene.settle()
    assert change(scene, before) == {}
    assert scene.remote(BY_SALE, "RefundReceipt") == []


def test_f_refunds_together_never_exceed_the_original(stage: Setting) -> None:
    """... and the refunds together never exceed the original."""
    scene = stage()
    order = scene.sell("100")
    scene.clock.advance(60)
    scene.refund(order, lines=[], amount="70.00", webhooks="lost")
    scene.clock.advance(60)
    scene.refund(order, lines=[], amount="50.00", webhooks="lost")
    store = scene.sandbox.stand_in(SHOP).env.store
    row = msgspec.json.decode(store.execute("SELECT body FROM shop_order WHERE id = ?", order["id"])[0][0])
    back = [move for move in row["transactions"] if move["kind"] == "refund"][-1]
    back["minor"] += 100
    for adjustment in row["refunds"][-1]["adjustments"]:
        adjustment["minor"] -= 100
    with store.transaction():
        store.execute("UPDATE shop_order SET body = ? WHERE id = ?", msgspec.json.encode(row), order["id"])
    scene.settle()
    assert scene.held()
    assert scene.books().get(CARD, 0) >= 0
    assert scene.books().get("output_tax", 0) <= 0


@pytest.mark.parametrize("restock", [True, False])
def test_f_stock_and_cost_only_if_goods_came_back_at_original_cost(stage: Setting, restock: bool) -> None:
    """... stock and COGS only if goods came back, at original cost."""
    scene = stage()
    path = scene.folder / "costs.csv"
    path.write_text("sku,cost,effective_from\nB1,3.10,2026-01-01\nB1,9.99,2026-06-02\n")
    scene.import_till(path)
    order = scene.sell(scene.line("10", 4))
    scene.settle()
    assert scene.books()["cogs"] == 1240
    scene.clock.advance(3 * 86_400)
    scene.refund(order, lines=[{"line": 0, "quantity": 3}], restock=restock)
    scene.settle()
    assert scene.books()["cogs"] == (310 if restock else 1240)
    assert scene.books()["inventory"] == -scene.books()["cogs"]
    scene.assert_settled()


@pytest.mark.parametrize("currency", ["JPY", "EUR", "TND"])
def test_f_revenue_at_the_original_rate_cash_at_the_refunds(stage: Setting, currency: str) -> None:
    """... revenue at the original exchange rate, cash at the refund's, the difference to exchange; the fee only as the
    processor returns it."""
    scene = stage(currency=currency, base="GBP")
    scene.rate(currency, "2026-06-01", "0.50")
    scene.rate(currency, "2026-06-05", "0.60")
    order = scene.sell("1000")
    scene.settle()
    scene.clock.advance(4 * 86_400)
    before = scene.books()
    scene.refund(order)
    scene.settle()
    assert scene.held() == []
    assert change(scene, before) == {"sales_returns": 50_000, "output_tax": 10_000, CARD: -72_000, "fx_realised": 12_000}
    scene.assert_settled()
