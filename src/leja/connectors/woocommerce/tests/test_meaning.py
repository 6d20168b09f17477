"""Invariants of meaning: whatever a shop rounds, the documents come to what it charged and to what it gave back."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leja.connectors.contract import Context, RawEvent
from leja.connectors.woocommerce import Settings
from leja.connectors.woocommerce.decoding import WHOLE, decode
from leja.connectors.woocommerce.tenders import means_of
from leja.documents.refund import Refund
from leja.documents.sale import Sale

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
CONTEXT = Context(settings=Settings(shop="shop"), zone="UTC", base_currency="GBP")
CENT = Decimal("0.01")


def sample(name: str) -> Any:
    """The body of one of our own samples."""
    return json.loads((SAMPLES / f"{name}.json").read_text())["event"]["body"]


def decoded(order: Any, *refunds: Any) -> Any:
    body = json.dumps({"order": order, "refunds": list(refunds)}).encode()
    return decode(RawEvent(key="k", topic=WHOLE, body=body), CONTEXT)


@given(
    nets=st.lists(st.integers(1, 99_999), min_size=1, max_size=30),
    percent=st.sampled_from(["20", "7.25", "5.5", "19"]),
    shipping=st.integers(0, 2_000),
)
def test_a_shop_that_rounds_on_the_subtotal_is_told_to_the_cent(nets: list[int], percent: str, shipping: int) -> None:
    rate, order = Decimal(percent) / 100, sample("order-paid")
    fine = [Decimal(net) * CENT * rate for net in nets]
    goods, sent = sum(fine, Decimal(0)), Decimal(shipping) * CENT * rate
    parts = [part.quantize(CENT, ROUND_HALF_UP) for part in (goods, sent)]
    head = sum(parts, Decimal(0))
    item = order["line_items"][0]
    order["line_items"] = [
        {**item, "id": n, "subtotal": f"{Decimal(net) * CENT}", "total": f"{Decimal(net) * CENT}",
         "taxes": [{"id": 1, "total": f"{tax:f}", "subtotal": f"{tax:f}"}]}
        for n, (net, tax) in enumerate(zip(nets, fine, strict=True), 1)
    ]  # fmt: skip
    order["shipping_lines"] = [{"id": 99, "method_title": "Post", "total": f"{Decimal(shipping) * CENT}",
                                "taxes": [{"id": 1, "total": f"{sent:f}", "subtotal": ""}]}]  # fmt: skip
    order["tax_lines"][0] |= {
        "tax_total": f"{parts[0]}",
        "shipping_tax_total": f"{parts[1]}",
        "rate_percent": float(percent),
    }
    order |= {"total": f"{(sum(nets) + shipping) * CENT + head}", "total_tax": f"{head}"}
    found = decoded(order)
    (sale,) = found.documents
    assert isinstance(sale, Sale)
    assert found.ties
    taxes = sum(tax.amount.minor for line in sale.lines for tax in line.taxes)
    assert taxes == int(head / CENT)
    assert sum(line.listed.minor for line in sale.lines) + taxes == sale.total.minor


@given(back=st.integers(0, 3_600), pieces=st.integers(0, 3))
def test_a_refund_is_its_amount_whatever_its_lines_come_to(back: int, pieces: int) -> None:
    body = sample("whole-partial-refund")
    order, refund = body["order"], body["refunds"][0]
    line = refund["line_items"][0]
    refund["amount"] = f"{back * CENT}"
    refund["line_items"] = [
        {**line, "quantity": -pieces, "total": f"-{pieces * 10}.00", "taxes": [{"id": 1, "total": f"-{pieces * 2}.00", "subtotal": ""}]}
    ][: bool(pieces)]  # fmt: skip
    _sale, found = decoded(order, refund).documents
    assert isinstance(found, Refund)
    worth = sum(one.listed.minor + sum(tax.amount.minor for tax in one.taxes) for one in found.lines)
    kept = found.restocking_fee.listed.minor if found.restocking_fee else 0
    assert found.total.minor == back == sum(tender.amount.minor for tender in found.tenders)
    assert not found.lines or worth - kept == back


@given(st.text(max_size=40))
def test_any_payment_method_has_a_means_and_says_who_holds_the_money(method: str) -> None:
    means, processor = means_of(method)
    assert means
    assert processor or means == "bank"
    assert processor.isascii()
