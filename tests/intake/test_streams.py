"""Poll, backfill, fetch and proof find everything, once, and go on where they stopped."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.connectors.contract import (
    BackfillPlan,
    Connector,
    DayTotal,
    NoAuth,
    Page,
    RawEvent,
    Session,
    SourceId,
    Wanted,
)
from leja.core.errors import BrokenInvariant, Transient
from leja.core.ids import uuid7
from leja.core.money import Money
from leja.database.engine import Database
from leja.database.review import items
from leja.documents.document import digest, facts
from leja.documents.header import Header
from leja.documents.sale import Sale
from leja.intake.backfill import Progress, backfill, begin, unfinished
from leja.intake.fetch import Fetched, fetch, want
from leja.intake.inbox import Kept
from leja.intake.poll import poll
from leja.intake.proof import proof

from .conftest import NOW, Place, make_place

pytestmark = pytest.mark.anyio
SESSION: Any = None


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Vendor:
    """A source: rows by the time at which they say they changed; a page is what lies behind the cursor."""

    def __init__(self, page: int = 3) -> None:
        self.rows: list[tuple[int, str]] = []
        self.page = page
        self.fails_at = -1
        self.calls = 0

    async def poll(self, session: Session, cursor: str | None) -> Page:
        self.calls += 1
        if self.calls == self.fails_at:
            raise Transient("vendor-away", "away")
        after = int(cursor or -1)
        behind = sorted(row for row in self.rows if row[0] > after)
        # Rows of one moment are never split between pages.
        shown = [row for row in behind if row[0] <= behind[: self.page][-1][0]] if behind else []
        events = tuple(RawEvent(key=key, topic="t", body=key.encode()) for _, key in shown)
        return Page(events=events, cursor=str(shown[-1][0]) if shown else str(after), more=len(shown) < len(behind))

    async def backfill(self, session: Session, since: datetime, until: datetime, cursor: str | None) -> Page:
        return await self.poll(session, cursor)


def kept_keys(database: Database, place: Place) -> list[str]:
    with database.transaction() as conn:
        found = conn.execute(
            "SELECT event_key FROM event WHERE org_id = %s ORDER BY event_key", (place.org_id,)
        ).fetchall()
    return [str(key) for (key,) in found]


async def test_poll_reads_all_pages_and_then_only_what_is_new(database: Database, place: Place, clock: Any) -> None:
    vendor = Vendor()
    vendor.rows = [(i, f"k{i}") for i in range(10)]
    first = await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=clock)
    assert (first.kept, first.pages) == (Kept(10), 4)
    for _ in range(2):
        clock.forward(minutes=11)
        await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=clock)
    vendor.rows.append((10, "k10"))
    again = await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=clock)
    assert (again.kept, again.pages) == (Kept(1), 1)


async def test_a_poll_that_was_cut_off_goes_on_from_its_last_page(database: Database, place: Place, clock: Any) -> None:
    vendor = Vendor()
    vendor.rows = [(i, f"k{i}") for i in range(30)]
    vendor.fails_at = 6
    with pytest.raises(Transient):
        await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=clock)
    assert len(kept_keys(database, place)) == 15
    rest = await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=clock, pages_max=5)
    assert rest.kept == Kept(15)


async def test_a_row_committed_late_below_the_cursor_is_found(database: Database, place: Place, clock: Any) -> None:
    vendor = Vendor()
    for minute in range(1, 120):
        vendor.rows.append((minute, f"k{minute}"))
        late = minute - random.Random(minute).randint(1, 9)
        if late > 0:
            vendor.rows.append((late, f"late{minute}"))
        await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=clock)
        clock.forward(minutes=1)
    assert kept_keys(database, place) == sorted(key for _, key in vendor.rows)


async def test_a_page_that_leads_back_to_itself_is_an_error_not_a_loop(
    database: Database, place: Place, clock: Any
) -> None:
    async def stuck(session: Session, cursor: str | None) -> Page:
        return Page(events=(), cursor="same", more=True)

    with pytest.raises(BrokenInvariant):
        await poll(database, place.org_id, place.connection_id, stuck, SESSION, clock=clock)


async def test_a_backfill_shows_its_progress_and_resumes(database: Database, place: Place, clock: Any) -> None:
    vendor = Vendor()
    vendor.rows = [(i, f"k{i}") for i in range(12)]
    since, until = NOW - timedelta(days=9), NOW
    with database.transaction() as conn:
        run = begin(
            conn, place.org_id, place.connection_id, since, until, BackfillPlan(events=12, calls=4, seconds=8), NOW
        )
    vendor.fails_at = 3
    with pytest.raises(Transient):
        await backfill(database, place.org_id, run, vendor.backfill, SESSION, clock=clock)
    with database.transaction() as conn:
        (left,) = unfinished(conn, place.org_id)
        assert (
            begin(
                conn, place.org_id, place.connection_id, since, until, BackfillPlan(events=0, calls=0, seconds=0), NOW
            )
            == left
        )
    assert (left.events, left.calls) == (6, 2)
    shown: list[Progress] = []

    def show(state: Progress) -> None:
        clock.forward(seconds=2)
        shown.append(state)

    done = await backfill(database, place.org_id, left, vendor.backfill, SESSION, clock=clock, progress=show)
    assert (done.kept, done.finished, done.run.events, done.run.calls) == (Kept(6), True, 12, 4)
    assert shown[0].finishes_at is not None
    with database.transaction() as conn:
        assert unfinished(conn, place.org_id) == []


class Shop:
    """A source that can be asked for a thing by its id."""

    def __init__(self, *there: str) -> None:
        self.there = set(there)
        self.asked: list[str] = []

    async def fetch(self, session: Session, things: Sequence[Wanted]) -> tuple[RawEvent, ...]:
        self.asked += [thing.external_id for thing in things]
        return tuple(
            RawEvent(key=f"f/{t.external_id}", topic="t", body=b"{}")
            for t in things if t.external_id in self.there
        )  # fmt: skip


async def test_an_answer_takes_the_wish_off_the_list_and_the_rest_is_put_off(
    database: Database, place: Place, clock: Any
) -> None:
    shop = Shop("1", "2")
    with database.transaction() as conn:
        want(conn, place.org_id, place.connection_id, [Wanted(kind="sale", external_id=i) for i in "1231"], NOW)

    async def run() -> Fetched:
        return await fetch(database, place.org_id, place.connection_id, shop.fetch, SESSION, clock=clock, batch=2)

    assert await run() == Fetched(3, 2, Kept(2))
    assert await run() == Fetched()
    for _ in range(8):
        clock.forward(hours=1)
        await run()
    assert shop.asked.count("3") == 8  # every hour, until the waiting is longer than one
    with database.transaction() as conn:
        assert [item.code for item in items(conn, place.org_id)] == ["fetch-unanswered"]
        assert conn.execute("SELECT origin, parent FROM event ORDER BY 2").fetchall() == [
            ("fetch", "sale/1"), ("fetch", "sale/2"),
        ]  # fmt: skip


async def test_a_thing_that_fails_holds_up_no_other_but_an_outage_ends_the_run(
    database: Database, place: Place, clock: Any
) -> None:
    with database.transaction() as conn:
        want(conn, place.org_id, place.connection_id, [Wanted(kind="sale", external_id=i) for i in "12345678"], NOW)

    async def answer(session: Session, things: Sequence[Wanted]) -> tuple[RawEvent, ...]:
        if things[0].external_id in "1567":
            raise Transient("vendor-away", "away")
        return (RawEvent(key=f"f/{things[0].external_id}", topic="t", body=b"{}"),)

    with pytest.raises(Transient):
        await fetch(database, place.org_id, place.connection_id, answer, SESSION, clock=clock)
    assert kept_keys(database, place) == ["f/2", "f/3", "f/4"]
    clock.forward(minutes=2)
    with pytest.raises(Transient):
        await fetch(database, place.org_id, place.connection_id, answer, SESSION, clock=clock)


async def test_what_becomes_wanted_again_while_it_is_fetched_is_fetched_again(
    database: Database, place: Place, clock: Any
) -> None:
    wish = [Wanted(kind="sale", external_id="1")]
    with database.transaction() as conn:
        want(conn, place.org_id, place.connection_id, wish, NOW)

    async def answer(session: Session, things: Sequence[Wanted]) -> tuple[RawEvent, ...]:
        with database.transaction() as conn:
            want(conn, place.org_id, place.connection_id, wish, NOW + timedelta(seconds=1))
        return (RawEvent(key="f/1", topic="t", body=b"{}"),)

    await fetch(database, place.org_id, place.connection_id, answer, SESSION, clock=clock)
    with database.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM wanted").fetchone() == (1,)


def hold(database: Database, place: Place, external_id: str, minor: int, version: str = "1", day: int = 20) -> None:
    at = datetime(2026, 5, day, 12, 0, tzinfo=UTC)
    header = Header(
        external_id=external_id, version=version, occurred_at=at, business_day=at.date(), currency="GBP", location="L"
    )
    sale = Sale(header=header, lines=(), total=Money(minor, "GBP"))
    with database.transaction() as conn:
        document_id, event_id = uuid7(NOW), uuid7(NOW)
        conn.execute(
            "INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, digest, received_at)"
            " VALUES (%s, %s, %s, %s, 't', 'poll', '', %s)",
            (place.org_id, event_id, place.connection_id, str(event_id), NOW),
        )
        conn.execute(
            "INSERT INTO document (org_id, document_id, connection_id, kind, external_id)"
            " VALUES (%s, %s, %s, 'sale', %s)",
            (place.org_id, document_id, place.connection_id, external_id),
        )
        conn.execute(
            "INSERT INTO document_revision (org_id, document_id, revision, version, digest, event_id, occurred_at,"
            " offset_minutes, business_day, currency, facts, recorded_at)"
            " VALUES (%s, %s, 1, %s, %s, %s, %s, 0, %s, 'GBP', %s, %s)",
            (place.org_id, document_id, version, digest(sale), event_id, at, at.date(), facts(sale).decode(), NOW),
        )


def listed(external_id: str, minor: int, version: str = "1", day: int = 20) -> SourceId:
    return SourceId(
        kind="sale", external_id=external_id, version=version, business_day=date(2026, 5, day), total=Money(minor,
        "GBP"), location="L",
    )  # fmt: skip


async def prove(database: Database, place: Place, *theirs: SourceId, **more: Any) -> Any:
    async def ids(session: Session, since: datetime, until: datetime) -> tuple[SourceId, ...]:
        return theirs

    since, until = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    return await proof(
        database, place.org_id, place.connection_id, ids, SESSION, since, until, clock=lambda: NOW, **more
    )


async def test_the_proof_is_complete_when_ids_versions_and_sums_agree(database: Database, place: Place) -> None:
    hold(database, place, "1", 100)
    hold(database, place, "2", 250)

    async def totals(session: Session, since: datetime, until: datetime) -> tuple[DayTotal, ...]:
        return (DayTotal(kind="sale", location="L", business_day=date(2026, 5, 20), count=2, total=Money(350, "GBP")),)

    found = await prove(database, place, listed("1", 100), listed("2", 250), day_totals=totals)
    assert found.complete
    assert (found.explained, found.days[0].our_sum, found.days[0].stated_sum) == (100, 350, 350)


async def test_what_is_missing_or_older_becomes_wanted_and_lowers_the_share(database: Database, place: Place) -> None:
    hold(database, place, "1", 100)
    hold(database, place, "2", 250)
    found = await prove(
        database, place, listed("1", 100), listed("2", 200, version="2"), listed("3", 70), listed("4", 5)
    )
    assert [thing.external_id for thing in found.missing] == ["3", "4"]
    assert [thing.external_id for thing in found.older] == ["2"]
    assert found.explained == 25
    assert not found.complete
    with database.transaction() as conn:
        assert conn.execute("SELECT external_id FROM wanted ORDER BY 1").fetchall() == [("2",), ("3",), ("4",)]


async def test_what_the_source_no_longer_lists_because_it_is_old_is_not_gone(database: Database, place: Place) -> None:
    hold(database, place, "old", 100, day=10)
    hold(database, place, "edge", 100, day=29)
    hold(database, place, "new", 100, day=31)
    shop = Shop("new")
    asked: list[datetime] = []

    async def ids(session: Session, since: datetime, until: datetime) -> tuple[SourceId, ...]:
        asked.append(since)
        return (listed("new", 100, day=31),)

    since, until = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    # Two days and a half reach to the noon of the 29th; what falls out of reach while it is asked for is left alone, too.
    found = await proof(database, place.org_id, place.connection_id, ids, SESSION, since, until, clock=lambda: NOW,
                        fetch=shop.fetch, reach=timedelta(days=2.5))  # fmt: skip
    assert found.complete
    assert found.gone == found.unlisted == ()
    assert found.since == asked[0] == datetime(2026, 5, 29, 13, 0, tzinfo=UTC)
    whole = await proof(database, place.org_id, place.connection_id, ids, SESSION, since, until, clock=lambda: NOW, fetch=shop.fetch)
    assert {held.external_id for held in whole.gone} == {"old", "edge"}
    assert whole.since == since


def test_a_setting_may_lift_how_far_back_a_source_reaches() -> None:
    class Rights(msgspec.Struct):
        all_of_it: bool

    declared = Connector(slug="x", title="X", roles=frozenset({"sales"}), auth=NoAuth(), settings=Rights,
                         ids_reach=timedelta(days=60), ids_reach_unless="all_of_it")  # fmt: skip
    assert declared.reach(Rights(all_of_it=False)) == timedelta(days=60)
    assert declared.reach(Rights(all_of_it=True)) is None
    assert msgspec.structs.replace(declared, ids_reach=None).reach(Rights(all_of_it=False)) is None


async def test_a_deletion_is_believed_only_after_asking_for_the_thing_itself(database: Database, place: Place) -> None:
    for name in "123":
        hold(database, place, name, 100)
    shop = Shop("2")
    for _ in range(2):
        found = await prove(database, place, listed("1", 100), fetch=shop.fetch)
        assert [held.external_id for held in found.gone] == ["3"]
    with database.transaction() as conn:
        found_events = conn.execute("SELECT event_key FROM event WHERE origin = 'fetch' ORDER BY 1").fetchall()
    assert found_events == [("f/2",), ("gone/sale/3/1",)]


async def test_many_deletions_at_once_are_doubted(database: Database, place: Place) -> None:
    for i in range(20):
        hold(database, place, str(i), 100)
    found = await prove(database, place, fetch=Shop().fetch)
    assert len(found.gone) == 20
    with database.transaction() as conn:
        assert [item.code for item in items(conn, place.org_id)] == ["proof-too-many-gone"]
        assert conn.execute("SELECT count(*) FROM event WHERE topic = 'proof/gone'").fetchone() == (0,)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), page=st.integers(1, 5))
def test_polling_finds_everything_whatever_fails_in_between(database: Database, seed: int, page: int) -> None:
    import asyncio

    place, dice = make_place(database), random.Random(seed)
    vendor, now = Vendor(page), [NOW]

    async def live() -> None:
        for minute in range(1, 25):
            vendor.rows += [
                (minute - dice.randint(0, min(8, minute - 1)), f"k{minute}-{i}") for i in range(dice.randint(0, 3))
            ]
            vendor.fails_at = vendor.calls + dice.randint(1, 6)
            try:
                await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=lambda: now[0])
            except Transient:
                continue
            finally:
                now[0] += timedelta(minutes=1)
        vendor.fails_at = -1
        await poll(database, place.org_id, place.connection_id, vendor.poll, SESSION, clock=lambda: now[0])

    asyncio.run(live())
    assert isinstance(place.org_id, UUID)
    assert kept_keys(database, place) == sorted(key for _, key in vendor.rows)
