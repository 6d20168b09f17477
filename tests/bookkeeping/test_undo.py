"""What was booked is taken back by dated reversals, stays undone whatever comes later, and can be said again."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.bookkeeping.undo import Scope, redo, undo
from leja.closing.lock import lock
from leja.core.errors import Refused
from leja.database import mending
from leja.database.engine import Database
from leja.operate.rebuild import check
from tests.bookkeeping.shop import DAY, NOW, Shop, refund, sale

JUNE = date(2026, 6, 1)


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


def undone(shop: Shop, on: date | None = JUNE, **scope: object):
    with shop.database.transaction() as conn:
        return undo(conn, shop.org_id, Scope(**scope), on, by="me", reason="a mistake", now=NOW)  # type: ignore[arg-type]


def redone(shop: Shop, mending_id, on: date = JUNE):
    with shop.database.transaction() as conn:
        return redo(conn, shop.org_id, mending_id, on, by="me", reason="", now=NOW)


def entries(shop: Shop):
    with shop.database.transaction() as conn:
        return conn.execute(
            "SELECT number, label, posting_date, business_day, reverses, text FROM entry WHERE org_id = %s ORDER BY number", (shop.org_id,)
        ).fetchall()


def test_an_entry_is_reversed_on_the_day_asked_for_and_the_trail_says_who_and_why(shop: Shop) -> None:
    shop.arrive(sale())
    shop.record()
    done = undone(shop, what="entry", name="1")
    assert shop.balances() == {}
    assert entries(shop)[1] == (2, "undo:1", JUNE, DAY, 1, "Undoes entry 1: a mistake")
    with shop.database.transaction() as conn:
        (kept,) = mending.kept(conn, shop.org_id)
        assert (kept.kind, kept.subject, kept.dated, kept.reason, kept.made_by, kept.entries) == ("undo", "entry 1", JUNE, "a mistake", "me", 1)
        assert mending.entries_of(conn, shop.org_id, kept.mending_id) == [2]
        assert check(conn, shop.org_id) == []
    assert done.mending_id == kept.mending_id


def test_the_tax_goes_back_in_the_return_of_the_day(shop: Shop) -> None:
    shop.arrive(sale())
    shop.record()
    done = undone(shop, what="entry", name="1")
    redone(shop, done.mending_id, date(2026, 7, 1))
    with shop.database.transaction() as conn:
        rows = conn.execute("SELECT return_period, sum(base)::int FROM line WHERE org_id = %s AND role = 'output_tax' GROUP BY 1 ORDER BY 1",
                            (shop.org_id,)).fetchall()
    assert rows == [("2026-05", -2000), ("2026-06", 2000), ("2026-07", -2000)]


def test_twice_does_what_once_did(shop: Shop) -> None:
    shop.arrive(sale())
    shop.record()
    undone(shop, what="document", name="#s1")
    again = undone(shop, what="document", name="s1")
    assert (again.made, again.mending_id) == ((), None)
    assert shop.count("entry") == 2


def test_what_was_undone_stays_undone_when_the_source_tells_more_until_it_is_redone(shop: Shop) -> None:
    shop.arrive(sale())
    shop.record()
    done = undone(shop, what="document", name="s1")
    shop.arrive(sale(version=2, net="80.00", tax="16.00"))
    assert shop.record().revisions == 1
    assert shop.balances() == {}
    redone(shop, done.mending_id)
    assert shop.balances()["sales"] == -10000, "what was undone is said again"
    assert redone(shop, done.mending_id).mending_id is None
    shop.arrive(sale(version=3, net="80.00", tax="16.00"))
    shop.record()
    assert shop.balances()["sales"] == -8000, "and from then on the source is followed again"


def test_a_redone_entry_is_not_booked_again_by_a_revision_that_changes_nothing(shop: Shop) -> None:
    shop.arrive(sale())
    shop.record()
    redone(shop, undone(shop, what="document", name="s1").mending_id)
    count = shop.count("entry")
    shop.arrive(sale(version=2))
    shop.record()
    assert shop.count("entry") == count


def test_a_day_a_stretch_and_a_connection_are_undone_in_one_go(shop: Shop) -> None:
    for at, day in enumerate((date(2026, 5, 18), date(2026, 5, 19), date(2026, 5, 19), date(2026, 5, 20))):
        shop.arrive(sale(f"s{at}", business_day=day))
    shop.arrive(refund("r1", of="s0"))
    shop.record()
    assert len(undone(shop, what="day", since=date(2026, 5, 19), until=date(2026, 5, 19)).made) == 2
    assert len(undone(shop, what="connection", connection_id=shop.connection_id, until=date(2026, 5, 18)).made) == 1
    assert len(undone(shop, what="connection", connection_id=shop.connection_id).made) == 2
    assert shop.balances() == {}


def test_a_locked_period_is_refused_with_the_first_open_day(shop: Shop) -> None:
    shop.arrive(sale())
    shop.record()
    with shop.database.transaction() as conn:
        lock(conn, shop.org_id, "2026-05", "me", "closed", NOW)
    with pytest.raises(Refused) as refused:
        undone(shop, on=None, what="entry", name="1")
    assert refused.value.code == "undo-period-locked"
    assert "--on 2026-06-01" in refused.value.remedy
    assert len(undone(shop, on=JUNE, what="entry", name="1").made) == 1


@pytest.mark.parametrize(("scope", "on", "code"), [
    ({"what": "entry", "name": "1"}, date(2026, 5, 1), "undo-too-early"),
    ({"what": "entry", "name": "99"}, JUNE, "undo-unknown"),
    ({"what": "entry", "name": "１"}, JUNE, "undo-unknown"),
    ({"what": "document", "name": "nobody"}, JUNE, "undo-unknown"),
    ({"what": "import", "name": "%"}, JUNE, "undo-unknown"),
    ({"what": "connection"}, JUNE, "undo-unknown"),
    ({"what": "day"}, JUNE, "undo-unknown"),
])
def test_what_cannot_be_undone_is_refused_with_a_way_out(shop: Shop, scope: dict[str, object], on: date, code: str) -> None:
    shop.arrive(sale())
    shop.record()
    with pytest.raises(Refused) as refused:
        undone(shop, on=on, **scope)
    assert refused.value.code == code
    assert refused.value.remedy
    assert shop.count("entry") == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), st.integers(0, 3), st.integers(1, 50)),
        st.tuples(st.just("undo"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("redo"), st.integers(0, 5), st.just(0)),
    ), min_size=3, max_size=12)


def test_whatever_is_undone_and_redone_each_document_stands_once_or_not_at_all(database: Database) -> None:
    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(steps=STEPS)
    def play(steps: list[tuple[str, int, int]]) -> None:
        shop, versions, undoings = Shop(database), dict.fromkeys(range(4), 0), []
        said, out = {}, set()
        for step, which, net in steps:
            if step == "sale":
                versions[which] += 1
                shop.arrive(sale(f"s{which}", version=versions[which], net=f"{net}.00", tax="0.00"))
                shop.record()
                if which not in out:
                    said[which] = net
            elif step == "undo" and which in said and which not in out:
                undoings.append((which, undone(shop, what="document", name=f"s{which}").mending_id))
                out.add(which)
            elif step == "redo" and undoings:
                which, mending_id = undoings[which % len(undoings)]
                if redone(shop, mending_id).mending_id is not None:
                    out.discard(which)
        standing = sum(net for which, net in said.items() if which not in out)
        assert shop.balances().get("sales", 0) == -100 * standing
        with database.transaction() as conn:
            assert check(conn, shop.org_id) == []

    play()
