"""Locking and reopening: refused without a reason, kept on record, chained."""

from __future__ import annotations

import pytest

from leja.closing.lock import lock
from leja.closing.period_change import periods
from leja.closing.reopen import reopen
from leja.closing.verify import verify
from leja.core.errors import Refused
from leja.database.engine import Database
from tests.books.builder import NOW, books, post, sale


def test_every_change_of_a_period_stays_on_record(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale()])
        lock(conn, org.org_id, "2026-05", "ann", "May closed", NOW)
        reopen(conn, org.org_id, "2026-05", "ben", "a bill came late", NOW)
        lock(conn, org.org_id, "2026-05", "ann", "May closed again", NOW)
        (found,) = periods(conn, org.org_id)
        assert (found.period, found.state) == ("2026-05", "locked")
        assert [(made.state, made.made_by, made.reason) for made in found.changes] == [
            ("locked", "ann", "May closed"),
            ("open", "ben", "a bill came late"),
            ("locked", "ann", "May closed again"),
        ]
        row = conn.execute("SELECT array_agg(subject ORDER BY position) FROM chain WHERE kind = 'period'").fetchone()
        assert row == (["2026-05/1", "2026-05/2", "2026-05/3"],)
        assert verify(conn, org.org_id).ok


def test_a_period_is_not_reopened_without_a_reason(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        lock(conn, org.org_id, "2026-05", "ann", "May closed", NOW)
        with pytest.raises(Refused, match="reason-missing"):
            reopen(conn, org.org_id, "2026-05", "ann", "  ", NOW)


def test_what_is_so_already_is_refused(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        with pytest.raises(Refused, match="period-state"):
            reopen(conn, org.org_id, "2026-05", "ann", "why not", NOW)
        with pytest.raises(Refused, match="period-unknown"):
            lock(conn, org.org_id, "2026-13", "ann", "no such month", NOW)
