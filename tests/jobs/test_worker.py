"""The worker does what is due, once, whatever else goes wrong; several share the work."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from leja.core.clock import system_clock
from leja.core.errors import Conflict, Transient
from leja.jobs import lease
from leja.jobs.schedule import Ran, Step
from leja.jobs.worker import Worker

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch) -> None:
    monkeypatch.setenv("LEJA_LEASE_SECONDS", "2")


@pytest.fixture
def orgs(database):
    made = [uuid4() for _ in range(20)]
    with database.transaction() as conn:
        for org in made:
            conn.execute("INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, %s, 'GBP', %s)", (org, str(org), system_clock()))
    return made


class Once:
    """A step by time that counts its runs and takes a little while."""

    def __init__(self, seconds=0.05):
        self.runs, self.seconds, self.at_once, self.most = Counter(), seconds, Counter(), 0

    async def __call__(self, org_id, subject):
        self.runs[org_id] += 1
        self.at_once[org_id] += 1
        self.most = max(self.most, self.at_once[org_id])
        await asyncio.sleep(self.seconds)
        self.at_once[org_id] -= 1
        return Ran(not_before=system_clock() + timedelta(hours=1))


@asynccontextmanager
async def working(database, steps, *holders, **options):
    stop = asyncio.Event()
    workers = [Worker(database, steps, holder=holder, clock=system_clock, tick_seconds=0.2, **options) for holder in holders]
    tasks = [asyncio.create_task(worker.work(stop)) for worker in workers]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def until(what, seconds=20.0):
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not come to that in time"
        await asyncio.sleep(0.02)


async def test_two_workers_on_many_organisations_do_each_thing_once(database, orgs) -> None:
    once = Once()
    async with working(database, (Step(name="poll", run=once, when="time"),), "one", "two"):
        await until(lambda: len(once.runs) == len(orgs))
        await asyncio.sleep(0.5)
    assert set(once.runs.values()) == {1}
    assert once.most == 1


async def test_a_step_that_fails_backs_off_and_others_go_on(database, orgs) -> None:
    bad, tried, good = orgs[0], [], Once()

    async def run(org_id, subject):
        if org_id == bad:
            tried.append(time.monotonic())
            raise Transient("http-server", "the vendor is away", retry_after=0.5)
        return await good(org_id, subject)

    async with working(database, (Step(name="poll", run=run, when="time"),), "one", at_once=2):
        await until(lambda: len(good.runs) == len(orgs) - 1 and len(tried) >= 3)
    assert all(later - earlier >= 0.5 for earlier, later in itertools.pairwise(tried))
    with database.transaction() as conn:
        failures, because = conn.execute("SELECT failures, because FROM work WHERE org_id = %s", (bad,)).fetchone()
    assert failures >= 3
    assert because == "http-server"


async def test_a_commit_wakes_a_worker_that_would_have_slept_long(database, orgs, monkeypatch) -> None:
    seen = []

    async def run(org_id, subject):
        seen.append(time.monotonic())
        with database.transaction() as conn:
            conn.execute("UPDATE event_state SET state = 'done' WHERE org_id = %s", (org_id,))
        return Ran()

    monkeypatch.setattr("leja.jobs.worker.REST_SECONDS", 0.01)
    stop = asyncio.Event()
    worker = Worker(database, (Step(name="record", run=run),), holder="one", clock=system_clock, tick_seconds=30)
    task = asyncio.create_task(worker.work(stop))
    await asyncio.sleep(0.7)
    committed = time.monotonic()
    with database.transaction() as conn:
        connection = uuid4()
        conn.execute("INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
                     " VALUES (%s, %s, 'a', 'a', 'sales', '2026-01-01', 'd', %s)", (orgs[0], connection, system_clock()))
        conn.execute("INSERT INTO event (org_id, event_id, connection_id, event_key, topic, origin, digest, received_at)"
                     " VALUES (%s, %s, %s, 'k', 't', 'poll', '\\x00', %s)", (orgs[0], connection, connection, system_clock()))
        conn.execute("INSERT INTO event_state (org_id, event_id, connection_id, at) VALUES (%s, %s, %s, %s)",
                     (orgs[0], connection, connection, system_clock()))
    await until(lambda: seen, 5)
    stop.set()
    await task
    assert seen[0] - committed < 5


async def test_a_lease_is_renewed_while_a_long_step_runs(database, orgs) -> None:
    once = Once(seconds=5)
    async with working(database, (Step(name="poll", run=once, when="time"),), "one", "two", at_once=20):
        await until(lambda: len(once.runs) == len(orgs))
        await asyncio.sleep(4)
    assert set(once.runs.values()) == {1}


async def test_a_step_whose_lease_is_taken_over_is_stopped_and_its_end_is_not_noted(database, orgs) -> None:
    org, stopped = orgs[0], []

    async def run(org_id, subject):
        if org_id != org:
            return Ran(not_before=system_clock().replace(year=2100))
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            stopped.append(org_id)
            raise
        return Ran()

    def held():
        with database.transaction() as conn:
            return conn.execute("SELECT 1 FROM lease WHERE org_id = %s", (org,)).fetchone()

    async with working(database, (Step(name="poll", run=run, when="time"),), "one"):
        await until(held)
        with database.transaction() as conn:
            old = lease.Lease(org_id=org, name="job/poll/", holder="one", epoch=1, until=system_clock())
            conn.execute("UPDATE lease SET holder = 'two', epoch = epoch + 1, until = '2100-01-01' WHERE org_id = %s", (org,))
        await until(lambda: stopped, 5)
    with database.transaction() as conn, pytest.raises(Conflict, match="lease-lost"):
        lease.assert_held(conn, old)
    with database.transaction() as conn:
        assert conn.execute("SELECT ended_at FROM work WHERE org_id = %s", (org,)).fetchone() == (None,)


async def test_a_worker_survives_that_the_database_throws_it_out(database, urls, cluster, orgs) -> None:
    once = Once(seconds=0.3)
    async with working(database, (Step(name="poll", run=once, when="time"),), "one", at_once=2):
        await until(lambda: len(once.runs) >= 3)
        for _ in range(5):
            with psycopg.connect(cluster.url("postgres", urls.app.split("/")[3].split("?")[0]), autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'leja_app'"
                              " AND datname = current_database()")
            await asyncio.sleep(0.1)
        await until(lambda: len(once.runs) == len(orgs), 40)
    assert once.most == 1


async def test_a_worker_that_is_stopped_finishes_what_is_under_way(database, orgs) -> None:
    once = Once(seconds=0.5)
    async with working(database, (Step(name="poll", run=once, when="time"),), "one", at_once=4):
        await until(lambda: once.runs)
    with database.transaction() as conn:
        (unfinished,) = conn.execute("SELECT count(*) FROM work WHERE ended_at IS NULL").fetchone()
    assert unfinished == 0


async def test_an_error_of_the_database_inside_a_step_is_a_failure_like_any_other(database, orgs) -> None:
    tried = Counter()

    async def run(org_id, subject):
        tried[org_id] += 1
        raise psycopg.errors.DiskFull("no space left on device")

    async with working(database, (Step(name="poll", run=run, when="time"),), "one"):
        await until(lambda: len(tried) == len(orgs))
    with database.transaction() as conn:
        assert conn.execute("SELECT DISTINCT because FROM work").fetchall() == [("DiskFull",)]
