"""One may act at a time, and what a worker writes after it lost its lease is refused."""

from __future__ import annotations

from uuid import uuid4

import pytest

from leja.core.errors import Conflict
from leja.jobs import lease


@pytest.fixture
def org(database, clock):
    org_id = uuid4()
    with database.transaction() as conn:
        conn.execute("INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, 'o', 'GBP', %s)", (org_id,
        clock()))
    return org_id


def test_a_lease_is_held_by_one_and_taken_over_when_its_time_is_up(database, clock, org):
    with database.transaction() as conn:
        first = lease.acquire(conn, org, "deliver/1", "one", clock())
        assert lease.acquire(conn, org, "deliver/1", "two", clock()) is None
        clock.forward(seconds=lease.LEASE_SECONDS)
        second = lease.acquire(conn, org, "deliver/1", "two", clock())
        assert (first.epoch, second.epoch) == (1, 2)
        with pytest.raises(Conflict, match="lease-lost"):
            lease.assert_held(conn, first)
        with pytest.raises(Conflict, match="lease-lost"):
            lease.renew(conn, first, clock())
        lease.assert_held(conn, second)


def test_renewing_keeps_others_out_and_the_epoch_as_it_is(database, clock, org):
    with database.transaction() as conn:
        held = lease.acquire(conn, org, "x", "one", clock())
        clock.forward(seconds=20)
        held = lease.renew(conn, held, clock())
        clock.forward(seconds=20)
        assert lease.acquire(conn, org, "x", "two", clock()) is None
        lease.assert_held(conn, held)


def test_a_lease_that_was_given_back_is_free_at_once(database, clock, org):
    with database.transaction() as conn:
        held = lease.acquire(conn, org, "x", "one", clock())
        lease.release(conn, held, clock())
        assert lease.acquire(conn, org, "x", "two", clock()).epoch == 2


def test_a_restarted_holder_of_the_same_name_gets_a_new_epoch(database, clock, org):
    with database.transaction() as conn:
        old = lease.acquire(conn, org, "x", "one", clock())
        assert lease.acquire(conn, org, "x", "one", clock()).epoch == 2
        with pytest.raises(Conflict):
            lease.assert_held(conn, old)
