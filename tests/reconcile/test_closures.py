"""What a till says its day came to, against the documents of that till and day."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from leja.core.money import Money
from leja.database import review
from leja.database.engine import Database
from leja.documents.closure import Closure, ControlTotal, DrawerMove
from leja.documents.document import Document
from leja.documents.parts import Tender
from leja.documents.payment import Payment
from leja.reconcile.closures import CODE, check_closures, compared
from leja.reconcile.till_numbers import not_held
from tests.bookkeeping.shop import DAY, NOW, Shop, header, refund, sale


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


def at(document: Document, **changes: object) -> Document:
    return msgspec.structs.replace(document, header=msgspec.structs.replace(document.header, **changes))  # type: ignore[arg-type]


def closure(*totals: tuple[str, int, int | None], version: int = 1, name: str = "day", **place: object) -> Closure:
    made = Closure(
        header=header(name, version), totals=tuple(ControlTotal(what=w, amount=gbp(m), count=c) for w, m, c in totals))
    return at(made, **place)  # type: ignore[return-value]


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def differing(shop: Shop, later: timedelta = timedelta(0)) -> list[str]:
    with shop.database.transaction() as conn:
        check_closures(conn, shop.org_id, NOW + later)
        return [item.message for item in review.items(conn, shop.org_id) if item.code == CODE]


def test_a_day_that_agrees_says_nothing(shop: Shop) -> None:
    shop.arrive(sale(), closure(("sales", 12000, 1), ("refunds", 0, 0), ("tender:card", 12000, 1)))
    shop.record()
    assert differing(shop) == []


def test_a_sale_that_is_missing_is_named_until_it_arrives(shop: Shop) -> None:
    shop.arrive(sale("s1"), closure(("sales", 24000, 2)))
    shop.record()
    (told,) = differing(shop)
    assert "sales: the till states 240.00 GBP, here are 120.00 (2 against 1)" in told
    assert differing(shop) == [told], "the same item, renewed"
    shop.arrive(sale("s2"))
    shop.record()
    assert differing(shop) == []
    with shop.database.transaction() as conn:
        (settled,) = review.items(conn, shop.org_id, settled=True)
    assert settled.settled_how == "agrees"


def test_a_difference_that_a_person_dismissed_stays_dismissed_until_it_changes(shop: Shop) -> None:
    shop.arrive(sale("s1"), closure(("sales", 24000, 2)))
    shop.record()
    differing(shop)
    with shop.database.transaction() as conn:
        (item,) = review.items(conn, shop.org_id)
        review.settle(conn, shop.org_id, item.subject, "dismissed", "amina", NOW, code=item.code)
    assert differing(shop) == []
    shop.arrive(sale("s2", net="1.00", tax="0.20"))
    shop.record()
    assert len(differing(shop)) == 1


def test_registers_places_and_days_stand_apart(shop: Shop) -> None:
    elsewhere = [at(sale("s2"), register="2"), at(sale("s3"), location="mombasa"),
                 at(sale("s4"), business_day=DAY + timedelta(days=1)), at(sale("s5"), test=True)]
    shop.arrive(at(sale("s1"), register="1"), *elsewhere, closure(("sales", 12000, 1), register="1"))
    shop.arrive(closure(("sales", 24000, 2), name="whole place"))
    shop.record()
    assert differing(shop) == []


def test_refunds_and_their_tenders_are_taken_off() -> None:
    given = closure(("refunds", -1200, 1), ("tender:card", 10800, 2), ("sales", 12000, 1))
    assert all(one.agrees for one in compared(given, [sale(), refund()]))


def numbered(document: Document, number: str, till: str = "T1") -> Document:
    return at(document, number=number, register=till)


def test_numbers_of_a_till_that_are_not_here_are_named(shop: Shop) -> None:
    day = closure(("numbers:007..012", 0, 5), ("unused:010", 0, None), name="day", register="T1", number="Z1")
    shop.arrive(numbered(sale("s1"), "007"), numbered(sale("s3"), "008", "T2"), at(numbered(sale("s4"), "011"), test=True), day)
    shop.arrive(at(numbered(closure(name="drawer"), "012"), withdrawn=True))
    shop.record()
    (told,) = differing(shop)
    assert "numbers 007..012: 5 are stated, 3 are here; missing: 008, 009" in told
    shop.arrive(numbered(sale("s8"), "008"), numbered(sale("s9"), "009"))
    shop.record()
    assert differing(shop) == []


@pytest.mark.parametrize(("what", "held", "missing"), [
    ("numbers:98..101", {"98", "99", "101"}, ("100",)),
    ("numbers:998..002", {"998", "999", "002"}, ("001",)),
    ("numbers:A-01..A-03", {"A-01", "A-03"}, ("A-02",)),
    ("numbers:A-01..B-03", {"A-01"}, ()),
    ("numbers:1..999999999", {"1"}, ()),
])  # fmt: skip
def test_ranges_are_counted_through_where_they_can_be(what: str, held: set[str], missing: tuple[str, ...]) -> None:
    assert not_held(what, held | {"other"} if missing else held, set()) == (missing, len(held))


def test_tax_and_drawer_are_those_of_the_documents() -> None:
    cash = Tender(means="cash", amount=gbp(12000), business_day=DAY)
    moved = Closure(header=header("out"), moves=(DrawerMove(move_id="1", reason="expense", amount=gbp(500)),))
    floated = Closure(header=header("float"), totals=(ControlTotal(what="float", amount=gbp(2000)),))
    account = Payment(header=header("paid"), tender=msgspec.structs.replace(cash, amount=gbp(700)))
    settled = msgspec.structs.replace(account, header=header("settled"), seen_elsewhere=True)
    documents = [msgspec.structs.replace(sale(), tenders=(cash,)), moved, floated, account, settled]
    day = closure(("drawer", 14200, None), ("tax", 2000, None), ("float", 0, None), ("tender:cash", 12700, None))
    assert [(one.what, one.stated, one.held) for one in compared(day, documents)] == [
        ("drawer", 14200, 14200), ("tax", 2000, 2000), ("tender:cash", 12700, 12700)]
    assert [one.held for one in compared(closure(("tax", 0, None)), [msgspec.structs.replace(refund(), lines=sale().lines)])] == [-2000]


def test_old_days_are_left_alone(shop: Shop) -> None:
    shop.arrive(closure(("sales", 1, 1)))
    shop.record()
    assert len(differing(shop)) == 1
    assert differing(shop, timedelta(days=60)) != [], "what was open stays open"


def test_a_withdrawn_closure_compares_nothing(shop: Shop) -> None:
    shop.arrive(closure(("sales", 1, 1)))
    shop.record()
    assert len(differing(shop)) == 1
    shop.arrive(closure(("sales", 1, 1), version=2, withdrawn=True))
    shop.record()
    assert differing(shop) == []
    assert date(2026, 5, 20) == DAY
