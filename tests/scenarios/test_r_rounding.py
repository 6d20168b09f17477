"""Scenario R: totals, taxes and rounding, from the order to the last minor unit at the target."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import httpx2
import msgspec
import pytest

from leja.core.currency import exponent
from tests.scenarios.conftest import Setting
from tests.scenarios.stage import BY_DAY, BY_SALE, EVERY_CURRENCY, SHOP, Scene

TAXES: tuple[list[dict[str, Any]], ...] = (
    [{"title": "VAT", "rate": "0.2"}],
    [{"title": "VAT", "rate": "0.2"}],
    [{"title": "Reduced", "rate": "0.05"}],
    [{"title": "Sixteen", "rate": "0.16"}],
    [{"title": "Odd", "rate": "0.09375"}],
    [{"title": "GST", "rate": "0.05"}, {"title": "QST", "rate": "0.09975"}],
    [],
)
LIABLE = [{"title": "Market tax", "rate": "0.0825", "channel_liable": True}]
CODES = {"VAT": ("2", "OUTPUT2"), "Reduced": ("3", "RROUTPUT"), "Sixteen": ("2", "OUTPUT2"), "Odd": ("2", "OUTPUT2"),
         "GST+QST": ("2", "OUTPUT2")}


def price(random: Random, currency: str, most: int = 20_000) -> str:
    """A price with as many decimals as the currency has."""
    places = exponent(currency)
    return f"{Decimal(random.randint(1, most)).scaleb(-places):f}"


def order(random: Random, currency: str) -> dict[str, Any]:
    """An order of any mix: prices with or without tax, discounts, quantities, several taxes, shipping."""
    liable = random.random() < 0.15
    lines = []
    for number in range(random.randint(1, 6)):
        quantity = random.choice((1, 1, 2, 3, 7, 192))
        line = {"title": f"Thing {number}", "sku": f"S{number}", "price": price(random, currency), "quantity": quantity,
                "taxes": LIABLE if liable else random.choice(TAXES)}
        if random.random() < 0.3:
            line["discount"] = f"{Decimal(line['price']) * quantity * random.randint(1, 9) // 10:.{exponent(currency)}f}"
        lines.append(line)
    if random.random() < 0.5:
        lines.append({"title": "Standard", "kind": "shipping", "price": price(random, currency, 900), "taxes": LIABLE if liable else random.choice(TAXES)})
    discounts = [{"code": "TEN", "amount": price(random, currency, 20)}] if random.random() < 0.3 else []
    return {"lines": lines, "discounts": discounts, "taxes_included": random.random() < 0.5}


def decide_codes(scene: Scene) -> None:
    """Map every tax that the orders bear."""
    for name, codes in CODES.items():
        for target, code in zip((BY_SALE, BY_DAY), codes, strict=True):
            scene.decide(target, "tax_code", name, code)
    for target in (BY_SALE, BY_DAY):
        for account in ("2201", "2202"):
            scene.decide(target, "account", account, scene.account_of(target, "output_tax"))


def owned(scene: Scene, placed: dict[str, Any], given: dict[str, Any]) -> int:
    """What the channel reports for an order, less the tax that it owes itself, in minor units."""
    record = msgspec.json.decode(scene.sandbox.stand_in(SHOP).env.store.execute("SELECT body FROM shop_order WHERE id = ?", placed["id"])[0][0])
    by_channel = sum(tax["minor"] for thing in [*record["lines"], *record["shipping"]] for tax in thing["taxes"] if tax["channel_liable"])
    return scene.minor(placed["total"]) - by_channel


def totals(scene: Scene, name: str, *kinds: str) -> list[int]:
    """What the target's documents come to, in minor units, sorted."""
    return sorted(scene.minor(one["total"]) for one in scene.remote(name, *kinds))


@pytest.mark.parametrize("currency", [one for one in EVERY_CURRENCY if exponent(str(one.values[0])) < 3])
def test_r_every_target_document_equals_what_the_channel_reports(stage: Setting, currency: str) -> None:
    """Given an order of any mix of inclusive/exclusive prices, discounts, quantities and currencies, when it is posted to
    each of the targets, then the target's document total equals the amount the channel reports, less tax the channel itself
    owes, to the last minor unit."""
    scene = stage(currency=currency, modes={BY_DAY: "each"})
    decide_codes(scene)
    random = Random(f"R{currency}")
    expected = []
    for _ in range(14):
        given = order(random, currency)
        expected.append(owned(scene, scene.control(SHOP, "place_order", **given), given))
    scene.webhooks()
    scene.settle()
    scene.assert_settled()
    wanted = sorted(total for total in expected if total)
    assert totals(scene, BY_SALE, "SalesReceipt") == wanted
    assert totals(scene, BY_DAY, "Invoices") == wanted
    assert abs(scene.books().get("rounding", 0)) <= len(expected)


@pytest.mark.parametrize("currency", ["TND", "KWD"])
def test_r_finer_than_the_target_keeps_is_held_whole_and_never_rounded(stage: Setting, currency: str) -> None:
    """... the target's document total equals the amount the channel reports ... to the last minor unit: both targets keep two
    decimals of a currency that has three, so a document either stands to the last minor unit or is held, and says why."""
    scene = stage(currency=currency, modes={BY_DAY: "each"})
    decide_codes(scene)
    random = Random(f"R{currency}")
    placed = [scene.control(SHOP, "place_order", **order(random, currency)) for _ in range(6)]
    placed += [scene.sell(scene.line(f"{random.randint(1, 900) * 5}.050", random.randint(1, 9))) for _ in range(6)]
    scene.webhooks()
    scene.settle()
    assert scene.unfinished() == Counter()
    assert scene.sums() == (12, sum(scene.minor(one["total"]) for one in placed))
    for target, kind in ((BY_SALE, "SalesReceipt"), (BY_DAY, "Invoices")):
        stands = totals(scene, target, kind)
        assert not Counter(stands) - Counter(scene.minor(one["total"]) for one in placed)
        held = [message for code, subject, message in scene.held() if code == f"{target}-decimals" and str(scene.targets[target].connection_id) in subject]
        assert len(stands) + len(held) == 12
        assert len(stands) >= 6
        assert scene.agreement(target).differences == ()


@pytest.mark.parametrize("currency", ["JPY", "GBP", "EUR"])
def test_r_a_day_equals_the_sum_of_what_the_channel_reports(stage: Setting, currency: str) -> None:
    """... the target's document total equals the amount the channel reports: of a daily document, the sum of its orders."""
    scene = stage(currency=currency, modes={BY_SALE: "daily"})
    decide_codes(scene)
    random = Random(f"day{currency}")
    given = [order(random, currency) for _ in range(20)]
    expected = sum(owned(scene, scene.control(SHOP, "place_order", **one), one) for one in given)
    scene.webhooks()
    scene.settle()
    scene.assert_settled()
    assert totals(scene, BY_SALE, "SalesReceipt") == totals(scene, BY_DAY, "Invoices") == [expected]


@pytest.mark.parametrize("currency", ["JPY", "GBP"])
def test_r_our_tax_stays_as_charged_where_the_target_rounds_otherwise(stage: Setting, currency: str) -> None:
    """... any residual sits alone in the target's rounding account with its cause (our tax stays as charged, the residual is
    a known difference): a target that rounds the sum is told the tax as a line, so that no residual arises at all."""
    scene = stage(currency=currency)
    scene.control(BY_SALE, "rounding", per_document=True)
    made = scene.sell(*two_small_lines(currency))
    scene.settle()
    assert scene.books()["output_tax"] == -2
    assert totals(scene, BY_SALE, "SalesReceipt") == [scene.minor(made["total"])] == [8]
    scene.assert_settled()


def test_r_a_target_that_ignores_the_tax_it_was_told_is_found_out(stage: Setting) -> None:
    """... our tax stays as charged, the residual is a known difference: where a target keeps another tax, that is named."""
    scene = stage(modes={BY_DAY: "each"})
    scene.control(BY_DAY, "rounding", per_document=True)
    scene.sell(*two_small_lines("GBP"))
    scene.poll()
    scene.record()
    scene.deliver(BY_DAY)
    scene.clock.advance(3600)
    scene.deliver(BY_DAY)
    assert scene.books()["output_tax"] == -2
    found = scene.agreement(BY_DAY)
    assert scene.held() or found.differences


def two_small_lines(currency: str) -> list[dict[str, Any]]:
    """Two lines whose taxes are rounded up each, and down together."""
    tiny = {"JPY": "3", "GBP": "0.03"}[currency]
    tax = [{"title": "VAT", "rate": "0.2"}]
    return [{"title": "Bead", "sku": "S", "price": tiny, "taxes": tax}, {"title": "Standard", "kind": "shipping", "price": tiny, "taxes": tax}]


def tampered(scene: Scene, placed: dict[str, Any], more: int) -> None:
    """A signed webhook whose total says ``more`` minor units than its lines."""
    row = [one for one in scene.sandbox.stand_in(SHOP).outgoing() if one.topic == "orders/create"][-1]
    body = msgspec.json.decode(row.body)
    total = scene.amount(scene.minor(placed["total"]) + more)
    changed = row.body.replace(f'"{body["total_price"]}"'.encode(), f'"{total}"'.encode())
    assert changed != row.body
    signature = base64.b64encode(hmac.new(b"shpss_sandbox", changed, hashlib.sha256).digest()).decode()
    headers = {name: signature if "hmac" in name.lower() else value for name, value in row.headers.items()}
    assert httpx2.post(row.url, content=changed, headers=headers, trust_env=False).status_code == 200


@pytest.mark.parametrize("currency", ["JPY", "GBP", "UGX"])
def test_r_a_residual_above_the_limit_holds_the_document(stage: Setting, currency: str) -> None:
    """... and a residual above the configured limit holds the document."""
    scene = stage(currency=currency)
    small = scene.sell("10", webhooks="lost")
    tampered(scene, small, 1)
    great = scene.sell("20", webhooks="lost")
    tampered(scene, great, 2)
    scene.settle(polling=False)
    assert scene.books()["rounding"] == -1
    assert [code for code, _, _ in scene.held()] == ["totals-do-not-add-up"] or scene.unfinished()
    assert totals(scene, BY_SALE, "SalesReceipt") == [scene.minor(small["total"]) + 1]
    scene.poll()
    scene.clock.advance(1)
    scene.control(SHOP, "touch", order=great["id"])
    scene.settle()
    assert scene.minor(great["total"]) in totals(scene, BY_SALE, "SalesReceipt")
