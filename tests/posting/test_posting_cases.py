"""Single rules of posting, each with the smallest document that shows it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from leja.books.periods import Periods
from leja.core.errors import NeedsReview
from leja.core.money import Money
from leja.documents.fee import Fee
from leja.documents.fulfilment import Fulfilled, Fulfilment
from leja.documents.invoice import Invoice
from leja.documents.parts import Line, Party, Tax, Tender
from leja.documents.payment import Allocation, Payment
from leja.documents.payout import Component, Payout
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.documents.stock_move import Moved, StockMove
from leja.posting.known import Waits
from leja.posting.post import needs, post
from leja.rates.exchange import ExchangeRate, Rates
from leja.rules.recognition import Recognition
from tests.posting.ledger import Ledger
from tests.posting.samples import by_role, card, header, known, line

DAY = date(2026, 5, 4)


def sale(name: str = "s1", *lines: Line, total: int = 1200, paid: int | None = None, **facts: object) -> Sale:
    """A till sale at tax-inclusive prices, paid by card."""
    channel = facts.pop("channel", "store")
    amount = total if paid is None else paid
    facts.setdefault("tenders", (card(amount),) if amount else ())
    return Sale(
        header=header(name, DAY, channel=channel), total=Money(total, "GBP"), prices_include_tax=True,
        lines=lines or (line("1", 1200, tax=200, rate="20", sku="A", quantity=Decimal(2)),), **facts)


def refund(name: str, total: int, *lines: Line, of: str = "s1", day: date = DAY, **facts: object) -> Refund:
    """A refund by card."""
    facts.setdefault("tenders", (card(total),) if total else ())
    return Refund(
        header=header(name, day), sale=of, lines=lines, total=Money(total, "GBP"), prices_include_tax=True, **facts)


def test_a_test_document_posts_nothing() -> None:
    """It is kept and flagged, never booked."""
    document = Sale(header=header("s1", test=True), lines=(), total=Money(100, "GBP"))
    _, posted = post(known(), document)
    assert posted.entries == ()
    assert posted.flags == ("test",)


def test_a_withdrawn_sale_is_reversed_whole() -> None:
    """Nothing of it remains in the books."""
    ledger = Ledger(known())
    ledger.take(sale())
    gone = sale()
    ledger.take(Sale(
        header=header("s1", version="2", withdrawn=True), lines=gone.lines, total=gone.total, tenders=gone.tenders))
    assert by_role(ledger.entries()) == {}
    assert [entry.reverses for entry in ledger.entries()] == [None, 1]


def test_tax_that_the_channel_owes_is_never_posted_and_leaves_the_tender() -> None:
    """The receivable or tender is less by that tax, whether the tender includes it or not."""
    owed = Tax(code="state tax", amount=Money(62, "GBP"), owed_by="channel")
    for paid in (762, 700):
        document = Sale(
            header=header("s1"), lines=(Line(line_id="1", kind="goods", listed=Money(700, "GBP"), taxes=(owed,)),),
            total=Money(762, "GBP"), tenders=(card(paid),))
        _, posted = post(known(), document)
        assert by_role(posted.entries) == {"clearing:card_processor": 700, "sales": -700}


@pytest.mark.parametrize(("off", "held"), [(1, False), (-1, False), (2, True), (-2, True)])
def test_a_rounding_line_is_at_most_one_unit_per_taxed_line(off: int, held: bool) -> None:
    """More than that is held and not posted."""
    document = sale("s1", line("1", 1200, tax=200, rate="20"), line("2", 0), total=1200 + off)
    if held:
        with pytest.raises(NeedsReview) as caught:
            post(known(), document)
        assert caught.value.code == "totals-do-not-add-up"
    else:
        assert by_role(post(known(), document)[1].entries)["rounding"] == -off


def test_the_rounding_cap_holds_a_document_of_many_lines() -> None:
    """Many small differences do not add up to a large one unnoticed."""
    lines = [line(str(place), 120, tax=20, rate="20") for place in range(40)]
    with pytest.raises(NeedsReview) as caught:
        post(known(), sale("s1", *lines, total=4800 + 26))
    assert caught.value.code == "totals-do-not-add-up"


def test_a_negative_total_is_held() -> None:
    """Money that goes back is a refund."""
    with pytest.raises(NeedsReview) as caught:
        post(known(), sale("s1", line("1", -425), total=-425, paid=0))
    assert caught.value.code == "total-negative"


def test_tax_is_booked_as_charged_and_a_difference_is_flagged() -> None:
    """The charge is never changed."""
    _, posted = post(known(), sale("s1", line("1", 1200, tax=250, rate="20")))
    assert by_role(posted.entries)["output_tax"] == -250
    assert posted.flags == ("tax-differs",)


def test_every_role_without_an_account_is_named_at_once() -> None:
    """One look at the review item is enough to mend them all."""
    document = sale(
        "s1", line("1", 1200, tax=200, rate="20"), tenders=(
            Tender(means="wallet", processor="NewPay", amount=Money(700, "GBP")),
            Tender(means="wallet", processor="OtherPay", amount=Money(500, "GBP"))))
    with pytest.raises(NeedsReview) as caught:
        post(known(), document)
    assert caught.value.code == "role-unmapped"
    assert caught.value.facts["roles"] == ["clearing:newpay", "clearing:otherpay"]


def test_a_refund_waits_for_its_sale_and_follows_it_in_the_same_batch() -> None:
    """What it waits for is named; nothing was learnt from the failed attempt."""
    before = known()
    with pytest.raises(Waits) as caught:
        post(before, refund("r1", 600))
    assert caught.value.waits_for == ("document", "sale", "s1")
    assert before.refunds == {}
    after, _ = post(before, sale())
    _, posted = post(after, refund("r1", 600))
    assert by_role(posted.entries) == {"sales_allowances": 500, "output_tax": 100, "clearing:card_processor": -600}


def test_a_pending_refund_posts_nothing_until_it_succeeds_and_nothing_if_it_fails() -> None:
    """The money's state decides."""
    ledger = Ledger(known())
    ledger.take(sale(), refund("r1", 600, state="pending"))
    assert ledger.flags["refund", "r1"] == ("refund-pending",)
    assert ledger.entries("refund") == []
    ledger.take(refund("r1", 600, state="failed"))
    assert ledger.entries("refund") == []
    ledger.take(refund("r1", 600))
    assert len(ledger.entries("refund")) == 1


def test_an_unlinked_return_is_posted_and_flagged_against_the_customer_where_it_is_a_credit_note() -> None:
    """A return without its original never waits."""
    _, posted = post(known(), refund("r1", 600, line("1", 600), of="", tenders=(), settled_as="credit_note"))
    assert posted.flags == ("unlinked_return",)
    assert by_role(posted.entries) == {"sales_returns": 600, "receivable": -600}


def test_stock_comes_back_at_the_sales_cost_only_if_goods_came_back() -> None:
    """The standing cost of today is not the cost of then."""
    costs = {"A": ((date(2026, 1, 1), Decimal("2.50")), (date(2026, 6, 1), Decimal("9.99")))}
    for restocked in (True, False):
        ledger = Ledger(known(costs=costs))
        back = line("1", 600, tax=100, rate="20", sku="A", restocked=restocked)
        ledger.take(sale(), refund("r1", 600, back, day=date(2026, 6, 8)))
        assert by_role(ledger.entries())["cogs"] == (250 if restocked else 500)


def test_the_tax_of_refunds_by_line_is_limited_to_what_is_left() -> None:
    """The last one's cent stays in the net amount."""
    ledger = Ledger(known())
    ledger.take(sale("s1", line("1", 100, tax=17, rate="20", quantity=Decimal(2)), total=100))
    for name in ("r1", "r2"):
        ledger.take(refund(name, 50, line("1", 50, tax=9, rate="20"), day=date(2026, 5, 5 + int(name[1]))))
    sums = by_role(ledger.entries())
    assert sums == {"sales": -83, "sales_returns": 83}


def test_a_refund_of_goods_that_never_left_gives_back_what_was_deferred() -> None:
    """No revenue, no returns, no cost."""
    ledger = Ledger(known(costs={"A": ((date(2026, 1, 1), Decimal("2.50")),)}))
    ledger.take(sale(channel="web"))
    ledger.take(refund("r1", 600, line("1", 600, tax=100, rate="20", sku="A")))
    assert by_role(ledger.entries()) == {
        "clearing:card_processor": 600, "deferred_revenue": -500, "output_tax": -100}
    ledger.take(_parcel("f1", 1))
    sums = by_role(ledger.entries())
    assert "deferred_revenue" not in sums
    assert sums["sales"] == -500
    assert sums["cogs"] == 250


def test_lines_taken_off_an_order_that_nobody_paid_post_nothing() -> None:
    """Nothing of them was ever in the books."""
    ledger = Ledger(known())
    ledger.take(sale(channel="web", paid=0))
    ledger.take(refund("r1", 600, line("1", 600, tax=100, rate="20"), tenders=()))
    assert ledger.entries() == []
    assert ledger.flags["refund", "r1"] == ("unpaid-cancelled",)


def test_shipped_and_unpaid_is_a_receivable_that_a_later_tender_settles() -> None:
    """Tax falls due with the goods then, not with the money."""
    ledger = Ledger(known())
    ledger.take(sale(channel="web", paid=0), _parcel("f1", 2))
    assert by_role(ledger.entries()) == {"receivable": 1200, "sales": -1000, "output_tax": -200}
    late = card(1200, reference="ch_1", business_day=date(2026, 5, 20))
    ledger.take(sale(channel="web", tenders=(late,)))
    assert by_role(ledger.entries("sale")) == {"clearing:card_processor": 1200, "receivable": -1200}
    assert ledger.entries("sale")[0].label == "payment:ch_1"
    assert ledger.entries("sale")[0].posting_date == date(2026, 5, 20)


def test_a_parcel_that_is_taken_back_leaves_the_books_as_if_it_had_never_gone() -> None:
    """What it released is deferred again, and the sale's other parcels take their own shares."""
    ledger = Ledger(known())
    ledger.take(sale(channel="web"), _parcel("f1", 1), _parcel("f2", 1))
    ledger.take(_withdrawn(_parcel("f1", 1)))
    assert by_role(ledger.entries()) == {
        "clearing:card_processor": 1200, "output_tax": -200, "deferred_revenue": -500, "sales": -500}


def test_recognition_at_delivery_keeps_goods_on_the_road_in_stock() -> None:
    """Dispatch moves stock to the courier, delivery earns."""
    rules = (Recognition(moment="delivery", channel="web", effective_from=date(2026, 1, 1)),)
    ledger = Ledger(known(recognition=rules, costs={"A": ((date(2026, 1, 1), Decimal("2.50")),)}))
    ledger.take(sale(channel="web"), _parcel("f1", 2))
    assert by_role(ledger.entries("fulfilment")) == {"inventory:with_courier": 500, "inventory": -500}
    ledger.take(_parcel("f2", 2, event="delivered"))
    sums = by_role(ledger.entries())
    assert sums["cogs"] == 500
    assert sums["sales"] == -1000
    assert "inventory:with_courier" not in sums


def test_a_fulfilment_of_more_than_was_sold_is_held() -> None:
    """So is one of a line that the sale does not have."""
    ledger = Ledger(known())
    ledger.take(sale(channel="web"))
    too_many, unknown = _parcel("f1", 3), _parcel("f1", 1, "9")
    for parcel, code in ((too_many, "fulfilment-over-sale"), (unknown, "fulfilment-line-unknown")):
        with pytest.raises(NeedsReview) as caught:
            ledger.take(parcel)
        assert caught.value.code == code


def test_a_late_sale_keeps_its_tax_point_but_is_posted_on_the_first_open_day() -> None:
    """Posting date, tax point and return period are three facts; a lock moves only the first."""
    _, posted = post(known(periods=Periods(locked=frozenset({"2026-05", "2026-06"}))), sale())
    entry = posted.entries[0]
    assert entry.posting_date == date(2026, 7, 1)
    assert entry.business_day == DAY
    assert {(one.tax_point, one.return_period) for one in entry.lines if one.tax_point} == {(DAY, "2026-05")}


def test_a_lock_alone_does_not_revise_what_was_posted_before_it() -> None:
    """Posting again after the close changes nothing."""
    ledger = Ledger(known())
    ledger.take(sale())
    closed = Ledger(known(periods=Periods(locked=frozenset({"2026-05"}))))
    closed.stored = ledger.stored
    closed.take(sale())
    assert len(closed.entries()) == 1


def test_a_refund_in_foreign_currency_realises_the_difference_of_the_rates() -> None:
    """Revenue at the sale's rate, cash at the refund's."""
    rates = Rates([
        ExchangeRate(currency="EUR", day=DAY, rate=Decimal("0.86"), source="t"),
        ExchangeRate(currency="EUR", day=date(2026, 5, 20), rate=Decimal("0.88"), source="t")])
    ledger = Ledger(known(rates=rates))
    ledger.take(Sale(
        header=header("s1", DAY, "EUR"), lines=(line("1", 10000, "EUR"),), total=Money(10000, "EUR"),
        tenders=(card(10000, "EUR"),)))
    ledger.take(Refund(
        header=header("r1", date(2026, 5, 20), "EUR"), sale="s1", lines=(line("1", 10000, "EUR"),),
        total=Money(10000, "EUR"), tenders=(card(10000, "EUR"),)))
    assert by_role(ledger.entries(), base=True) == {
        "clearing:card_processor": 8600 - 8800, "fx_realised": 200, "sales": -8600, "sales_returns": 8600}


def test_a_missing_rate_is_held_and_never_taken_from_another_purpose() -> None:
    """The document is parked whole."""
    rates = Rates([ExchangeRate(currency="EUR", day=DAY, rate=Decimal("0.86"), source="t", purpose="tax")])
    document = Sale(
        header=header("s1", DAY, "EUR"), lines=(line("1", 100, "EUR"),), total=Money(100, "EUR"))
    with pytest.raises(NeedsReview) as caught:
        post(known(rates=rates), document)
    assert caught.value.code == "rate-missing"


def test_a_payment_settles_what_is_open_and_the_rest_is_the_customers() -> None:
    """A second payment of the same invoice finds only what the first has left."""
    ledger = Ledger(known())
    customer = Party(external_id="c1")
    ledger.take(Invoice(
        header=header("i1"), lines=(line("1", 1000),), total=Money(1000, "GBP"), customer=customer))
    for name, amount in (("p1", 700), ("p2", 400)):
        ledger.take(Payment(
            header=header(name, date(2026, 5, 10)), customer=customer,
            tender=Tender(means="bank", amount=Money(amount, "GBP")),
            allocations=(Allocation(document="i1", amount=Money(amount, "GBP")),)))
    sums = by_role(ledger.entries())
    assert "receivable" not in sums
    assert sums["customer_credits"] == -100


def test_a_payout_of_an_unknown_component_is_not_held() -> None:
    """It goes to unidentified receipts, and clearing still equals the processor's balance."""
    _, posted = post(known(), Payout(
        header=header("p1"), processor="card_processor", amount=Money(950, "GBP"), components=(
            Component(component_id="1", kind="charge", amount=Money(1000, "GBP")),
            Component(component_id="2", kind="unknown", amount=Money(-50, "GBP"), reference="adj"))))
    assert by_role(posted.entries) == {"bank": 950, "unidentified_receipts": 50, "clearing:card_processor": -1000}
    assert posted.flags == ("unknown-component",)


def test_a_payout_whose_components_do_not_add_up_is_held_and_one_in_transit_posts_nothing() -> None:
    """The deposit must be explained to the cent."""
    parts = (Component(component_id="1", kind="charge", amount=Money(1000, "GBP")),)
    with pytest.raises(NeedsReview) as caught:
        post(known(), Payout(
            header=header("p1"), processor="card_processor", amount=Money(999, "GBP"), components=parts))
    assert caught.value.code == "payout-does-not-add-up"
    _, posted = post(known(), Payout(
        header=header("p1"), processor="card_processor", amount=Money(1000, "GBP"), components=parts,
        state="in_transit"))
    assert posted.entries == ()


@pytest.mark.parametrize("amount", [500, -500])
def test_a_fee_that_is_given_back_changes_sides(amount: int) -> None:
    """Charged by the bank or by the processor."""
    for taken_from, role in (("bank", "bank"), ("card_processor", "clearing:card_processor")):
        _, posted = post(known(), Fee(
            header=header("f1"), fee_type="bank", amount=Money(amount, "GBP"), taken_from=taken_from))
        assert by_role(posted.entries) == {"bank_charges": amount, role: -amount}


def test_a_fee_with_tax_charged_on_it_has_input_tax() -> None:
    """The fee alone is the expense."""
    _, posted = post(known(), Fee(
        header=header("f1"), fee_type="platform", amount=Money(500, "GBP"), tax=Money(100, "GBP"),
        tax_treatment="charged", taken_from="bank"))
    assert by_role(posted.entries) == {"platform_fees": 500, "input_tax": 100, "bank": -600}


def test_a_stock_move_needs_a_cost() -> None:
    """Without one nothing is posted and it is flagged."""
    move = StockMove(header=header("m1"), lines=(Moved(line_id="1", sku="A", quantity=Decimal(-3)),))
    assert post(known(), move)[1].flags == ("no-cost",)
    costs = {"A": ((date(2026, 1, 1), Decimal("2.505")),)}
    _, posted = post(known(costs=costs), move)
    assert by_role(posted.entries) == {"inventory": -752, "stock_count_difference": 752}


def test_kinds_of_lines_go_to_roles_of_their_own() -> None:
    """Only goods are sales of goods."""
    kinds = ("goods", "shipping", "gift_card", "tip", "duty", "service", "sample", "manual", "donation")
    lines = tuple(line(kind, 100, kind=kind) for kind in kinds)
    sums = by_role(post(known(), sale("s1", *lines, total=900))[1].entries)
    assert sums == {
        "clearing:card_processor": 900, "sales": -100, "shipping_income": -100, "gift_card_liability": -100,
        "tips_payable": -100, "duties_collected": -100, "sales:service": -100, "sales:sample": -100,
        "sales:manual": -100, "donations_payable": -100}


def test_what_a_document_needs_is_named_before_it_is_posted() -> None:
    """So that it can be read for a whole batch at once."""
    found = needs(refund("r1", 600, line("1", 600, sku="A")))
    assert found.sales == found.families == ("s1",)
    assert found.skus == ("A",)
    assert found.rate_days == (("GBP", DAY),)


def _withdrawn(parcel: Fulfilment) -> Fulfilment:
    return Fulfilment(
        header=header(parcel.header.external_id, DAY, version="2", withdrawn=True), sale=parcel.sale,
        lines=parcel.lines)


def _parcel(name: str, units: int, line_id: str = "1", **facts: object) -> Fulfilment:
    return Fulfilment(
        header=header(name, date(2026, 5, 8), channel="web"), sale="s1",
        lines=(Fulfilled(line_id=line_id, quantity=Decimal(units)),), **facts)
