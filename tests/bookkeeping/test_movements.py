"""One sale that a shop and a processor tell of is booked once, in whatever order they tell it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import permutations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.core.ids import uuid7
from leja.core.money import Money
from leja.database.engine import Database
from leja.documents.dispute import Dispute
from leja.documents.document import Document
from leja.documents.parts import Tender
from leja.documents.payment import Payment
from leja.documents.payout import Component, Payout
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from tests.bookkeeping.shop import DAY, NOW, Shop, gbp, header, refund, sale

PROCESSOR = "card_processor"


class Two:
    """A shop and the processor beside it, of one organisation."""

    def __init__(self, database: Database, start_date: date = date(2026, 1, 1)) -> None:
        self.shop = Shop(database)
        self.shop_id = self.shop.connection_id
        self.processor_id = uuid7(NOW)
        with database.transaction() as conn:
            conn.execute(
                "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
                " VALUES (%s, %s, 'processor', 'fake', 'payments', %s, %s, %s)",
                (self.shop.org_id, self.processor_id, start_date, str(self.processor_id), NOW))
        sources = {
            self.shop_id: self.shop.source,
            self.processor_id: msgspec.structs.replace(self.shop.source, connection_id=self.processor_id, start_date=start_date)}
        self.shop.bookkeeper._source = lambda conn, org, key: sources[key]

    def tell(self, *documents: Document) -> None:
        """Each by whom it comes from: sales and refunds by the shop, the rest by the processor."""
        for document in documents:
            ours = isinstance(document, (Sale, Refund))
            self.shop.connection_id = self.shop_id if ours else self.processor_id
            self.shop.arrive(document)

    def balances(self) -> dict[str, int]:
        self.shop.record()
        return self.shop.balances()


@pytest.fixture
def two(database: Database) -> Two:
    return Two(database)


def paid(document: Document, *names: str, minor: int | None = None, currency: str = "GBP") -> Document:
    """The document with its tender named."""
    (tender,) = document.tenders  # type: ignore[union-attr]
    amount = Money(minor if minor is not None else tender.amount.minor, currency)
    return msgspec.structs.replace(  # type: ignore[type-var]
        document, tenders=(msgspec.structs.replace(tender, reference=names[0], also=names[1:], amount=amount),))


def payment(name: str = "ch_1", minor: int = 12000, *also: str, version: int = 1, **place: object) -> Payment:
    tender = Tender(means="card", processor=PROCESSOR, amount=Money(minor, "GBP"), reference=name, also=also)
    return Payment(header=header(name, version, **place), tender=tender, seen_elsewhere=True)


SALE = {"clearing:card_processor": 12000, "sales": -10000, "output_tax": -2000}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_a_sale_and_its_payment_are_one_receipt_in_any_order(two: Two, order: tuple[int, ...], together: bool) -> None:
    documents = [paid(sale(), "7001", "pi_1"), payment("ch_1", 12000, "pi_1")]
    for place in order:
        two.tell(documents[place])
        if not together:
            two.shop.record()
    assert two.balances() == SALE


def test_money_that_no_shop_knows_waits_as_an_unidentified_receipt_and_then_is_the_sales(two: Two) -> None:
    two.tell(payment())
    assert two.balances() == {"clearing:card_processor": 12000, "unidentified_receipts": -12000}
    two.tell(paid(sale(), "ch_1"))
    assert two.balances() == SALE


def test_a_sale_that_is_called_off_or_changed_gives_its_payment_back(two: Two) -> None:
    two.tell(payment(), paid(sale(), "ch_1"))
    assert two.balances() == SALE
    two.tell(paid(sale(version=2, net="50.00", tax="10.00"), "ch_1"))
    assert two.balances()["unidentified_receipts"] == -6000
    gone = sale(version=3)
    two.tell(msgspec.structs.replace(gone, tenders=(), header=msgspec.structs.replace(gone.header, withdrawn=True)))
    assert two.balances() == {"clearing:card_processor": 12000, "unidentified_receipts": -12000}


def test_a_tender_that_loses_its_name_gives_its_payment_back(two: Two) -> None:
    two.tell(payment(), paid(sale(), "ch_1"))
    two.shop.record()
    two.tell(sale(version=2))
    assert two.balances()["unidentified_receipts"] == -12000


def test_a_refund_at_the_processor_is_the_shops_refund(two: Two) -> None:
    back = payment("re_1", -1200)
    two.tell(paid(sale(), "ch_1"), payment(), back)
    assert two.balances()["unidentified_receipts"] == 1200
    two.tell(paid(refund(), "re_1"))
    assert two.balances() == {"clearing:card_processor": 10800, "sales": -10000, "output_tax": -1800, "sales_returns": 1000}


def test_the_payout_empties_clearing_and_nothing_is_left(two: Two) -> None:
    parts = (Component(component_id="1", kind="charge", amount=gbp("120.00"), reference="ch_1"),
             Component(component_id="2", kind="fee", amount=gbp("-3.60"), reference="ch_1"))
    payout = Payout(header=header("po_1"), processor=PROCESSOR, amount=gbp("116.40"), components=parts)
    two.tell(payment(), payout, paid(sale(), "ch_1"))
    assert two.balances() == {"sales": -10000, "output_tax": -2000, "bank": 11640, "processor_fees": 360}


def test_another_currency_under_the_same_name_is_the_same_money(two: Two) -> None:
    two.tell(payment("ch_1", 13000), paid(sale(), "ch_1"))
    euro = msgspec.structs.replace(payment("ch_1", 0, version=2).tender, amount=Money(14000, "EUR"))
    assert two.balances()["unidentified_receipts"] == -1000
    changed = msgspec.structs.replace(payment(version=2), tender=euro, header=header("ch_1", 2, currency="EUR"))
    with two.shop.database.transaction() as conn:
        conn.execute(
            "INSERT INTO exchange_rate (org_id, currency, day, purpose, rate, source, recorded_at) VALUES (%s, 'EUR', %s, 'book', 0.85, 't', %s)",
            (two.shop.org_id, DAY, NOW))
    two.tell(changed)
    assert "unidentified_receipts" not in two.balances()


def test_a_sale_from_before_the_start_is_not_in_the_books_and_covers_nothing(database: Database) -> None:
    two = Two(database)
    with database.transaction() as conn:
        conn.execute("UPDATE connection SET start_date = %s WHERE connection_id = %s", (DAY + timedelta(days=1), two.shop_id))
    two.shop.source = msgspec.structs.replace(two.shop.source, start_date=DAY + timedelta(days=1))
    sources = two.shop.bookkeeper._source
    two.shop.bookkeeper._source = lambda conn, org, key: two.shop.source if key == two.shop_id else sources(conn, org, key)
    two.tell(paid(sale(), "ch_1"), payment())
    assert two.balances() == {"clearing:card_processor": 12000, "unidentified_receipts": -12000}


def test_a_dispute_finds_the_sale_by_its_charge(two: Two) -> None:
    lost = Dispute(header=header("dp_1"), processor=PROCESSOR, reference="ch_1", amount=gbp("120.00"), state="lost", reason="goods")
    two.tell(paid(sale(), "ch_1"), payment(), lost)
    assert two.balances() == {
        "clearing:card_processor": 12000, "sales": -10000, "sales_returns": 10000, "disputes_receivable": -12000}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_order_and_any_repetition_end_in_the_same_books(database: Database, data: st.DataObject) -> None:
    told: list[Document] = [
        paid(sale("s1"), "7001", "pi_1"), payment("ch_1", 12000, "pi_1"), paid(sale("s2"), "ch_2"), payment("ch_2"),
        payment("ch_3", 500), paid(refund("r1", "s1"), "re_1"), payment("re_1", -1200), paid(sale("s1", version=2), "7001", "ch_1")]
    order = data.draw(st.lists(st.sampled_from(told), max_size=10).map(lambda more: [*more, *told]).flatmap(st.permutations))
    two = Two(database)
    for document in order:
        two.tell(document)
        if data.draw(st.booleans()):
            two.shop.record()
    assert two.balances() == {
        "clearing:card_processor": 23300, "sales": -20000, "output_tax": -3800, "sales_returns": 1000, "unidentified_receipts": -500}
