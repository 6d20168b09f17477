"""What is due is read from the tables, by organisation and connection; what others do, and what must wait, is left out."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest

from leja.core.ids import uuid7
from leja.jobs import due as derived
from leja.jobs import lease
from leja.jobs.due import Due
from leja.jobs.schedule import Ran, Step, next_night, retry_at


async def nothing(org_id, subject):
    return Ran()


RECORD = Step(name="record", run=nothing)
FETCH = Step(name="fetch", run=nothing, slugs=frozenset({"shop"}))
DELIVER = Step(name="deliver", run=nothing, slugs=frozenset({"books"}))
POLL = Step(name="poll", run=nothing, slugs=frozenset({"shop"}), when="time")
ALL = (RECORD, FETCH, DELIVER)


class Firm:
    """An organisation with a shop and an accounting system, and rows put straight into the tables."""

    def __init__(self, database, clock):
        self.database, self.clock = database, clock
        self.org_id, self.shop, self.books = uuid4(), uuid4(), uuid4()
        self.do("INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, %s, 'GBP', %s)", str(self.org_id), clock())
        self.do("INSERT INTO head (org_id) VALUES (%s)")
        for one, slug, duty in ((self.shop, "shop", "sales"), (self.books, "books", "accounting")):
            self.do("INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", one, slug, slug, duty, date(2026, 1, 1), str(one), clock())

    def do(self, sql, *values):
        with self.database.transaction() as conn:
            conn.execute(sql, (self.org_id, *values))

    def event(self, state="new"):
        event_id = uuid7(self.clock())
        with self.database.transaction() as conn:
            conn.execute("INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, digest, received_at)"
                         " VALUES (%s, %s, %s, %s, 't', 'poll', '\\x00', %s)",
                         (self.org_id, event_id, self.shop, str(event_id), self.clock()))
            conn.execute("INSERT INTO event_state (org_id, event_id, connection_id, state, at) VALUES (%s, %s, %s, %s, %s)",
                         (self.org_id, event_id, self.shop, state, self.clock()))

    def want(self, **later):
        self.do("INSERT INTO wanted VALUES (%s, %s, 'order', '1', NULL, %s, 0, %s)", self.shop, self.clock(), self.clock() + timedelta(**later))

    def deliverable(self, state="open", **later):
        self.do("INSERT INTO deliverable (org_id, deliverable_id, connection_id, group_key, part, kind, reference, family, lane, date,"
                " bundle, state, not_before, created_at) VALUES (%s, %s, %s, 'g', 1, 'k', 'r', 'f', 'live', %s, '{}', %s, %s, %s)",
                uuid4(), self.books, date(2026, 5, 1), state, self.clock() + timedelta(**later), self.clock())

    def due(self, *steps, holder="me"):
        with self.database.transaction() as conn:
            return [(one.step, one.subject) for one in derived.due(conn, steps, holder, self.clock())]


@pytest.fixture
def firm(database, clock):
    return Firm(database, clock)


def test_nothing_is_due_where_nothing_happened(firm) -> None:
    assert firm.due(*ALL) == []


def test_a_new_event_makes_its_organisation_due_and_a_recorded_one_does_not(firm, database, clock) -> None:
    firm.event("done")
    assert firm.due(*ALL) == []
    firm.event()
    Firm(database, clock).event("parked")
    assert firm.due(*ALL) == [("record", "")]


def test_a_wish_is_due_when_its_time_has_come(firm, clock) -> None:
    firm.want(seconds=30)
    assert firm.due(*ALL) == []
    clock.forward(seconds=30)
    assert firm.due(*ALL) == [("fetch", str(firm.shop))]


@pytest.mark.parametrize("state", ["done", "parked", "withdrawn"])
def test_only_an_open_deliverable_whose_time_has_come_is_due(firm, clock, state) -> None:
    firm.deliverable(state)
    assert firm.due(*ALL) == []
    firm.do("DELETE FROM deliverable WHERE org_id = %s")
    firm.deliverable("open", seconds=5)
    assert firm.due(*ALL) == []
    clock.forward(seconds=6)
    assert firm.due(*ALL) == [("deliver", str(firm.books))]


def test_a_step_by_time_is_due_until_it_ran_and_again_after_its_pause(firm, database, clock) -> None:
    assert firm.due(POLL) == [("poll", str(firm.shop))]
    one = Due(clock(), "poll", firm.org_id, str(firm.shop))
    with database.transaction() as conn:
        assert derived.begin(conn, one, clock())
        derived.ended(conn, one, clock(), clock() + timedelta(seconds=60))
    assert firm.due(POLL) == []
    clock.forward(seconds=61)
    assert firm.due(POLL) == [("poll", str(firm.shop))]


def test_a_removed_connection_is_left_alone(firm, clock) -> None:
    firm.do("UPDATE connection SET removed_at = now() WHERE org_id = %s")
    assert firm.due(POLL) == []


def test_what_another_holds_is_left_out_until_its_lease_ends(firm, database, clock) -> None:
    firm.event()
    one = Due(clock(), "record", firm.org_id, "")
    with database.transaction() as conn:
        lease.acquire(conn, firm.org_id, one.lease_name, "another", clock())
    assert firm.due(RECORD) == []
    assert firm.due(RECORD, holder="another") == [("record", "")]
    clock.forward(seconds=lease.lease_seconds() + 1)
    assert firm.due(RECORD) == [("record", "")]


def test_failures_back_off_and_a_success_forgets_them(firm, database, clock) -> None:
    firm.event()
    one = Due(clock(), "record", firm.org_id, "")
    with database.transaction() as conn:
        derived.begin(conn, one, clock())
        derived.ended(conn, one, clock(), clock() + timedelta(seconds=9), "http-server")
        assert derived.failures(conn, one) == 1
    assert firm.due(RECORD) == []
    clock.forward(seconds=10)
    assert firm.due(RECORD) == [("record", "")]
    with database.transaction() as conn:
        derived.ended(conn, one, clock(), clock())
        assert derived.failures(conn, one) == 0


def test_the_questions_are_answered_from_indexes(firm, database) -> None:
    """With many rows that are not due, no table of events, wishes or deliveries is read from end to end."""
    with database.transaction() as conn:
        conn.execute("SET LOCAL enable_seqscan = off")
        values = {"now": firm.clock(), "holder": "me", "limit": 10}
        parts = [derived._question(n, step, values) for n, step in enumerate(ALL)]
        plan = "\n".join(row[0] for row in conn.execute(f"EXPLAIN {' UNION ALL '.join(parts)}".encode(), values))
    for table in ("event_state", "wanted", "outbox", "deliverable"):
        assert f"Seq Scan on {table}" not in plan


def test_retries_double_with_jitter_and_never_come_before_the_vendor_said(clock) -> None:
    random = Random(1)
    waits = [(retry_at(clock(), n, random) - clock()).total_seconds() for n in range(1, 20)]
    assert waits[0] <= 2
    assert max(waits) <= 300
    assert all(later > 0 for later in waits)
    assert (retry_at(clock(), 1, random, told=77) - clock()).total_seconds() >= 77


def test_nights_are_local_and_spread(clock) -> None:
    night = next_night(clock(), "Africa/Nairobi", UUID(int=0))
    assert night > clock()
    assert night.hour == 23  # 02:00 in Nairobi
    assert next_night(night, "Africa/Nairobi", UUID(int=0)) == night + timedelta(days=1)
    assert next_night(clock(), "Africa/Nairobi", UUID(int=7)) == night + timedelta(minutes=7)
