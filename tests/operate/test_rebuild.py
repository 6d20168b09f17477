"""Checks name what does not hold; a rebuild compares every balance with its lines, and mends only when told to."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

from leja.database.engine import Connection, Database
from leja.operate.rebuild import check, rebuild
from tests.books.builder import NOW, Books, books, post, sale


def queued(conn: Connection, org: Books, number: int) -> None:
    conn.execute(
        "INSERT INTO outbox (org_id, connection_id, entry_number, group_key, family, lane, due_at)"
        " VALUES (%s, %s, %s, 'document/1', 'document/1', 'live', %s)",
        (org.org_id, org.target, number, NOW),
    )


def told(conn: Connection, org: Books, number: int) -> None:
    made = uuid4()
    conn.execute(
        "INSERT INTO deliverable (org_id, deliverable_id, connection_id, group_key, part, kind, reference, family,"
        " lane, date, bundle, state, not_before, created_at)"
        " VALUES (%s, %s, %s, %s, 1, 'sale', %s, 'f', 'live', '2026-05-03', '{}', 'done', %s, %s)",
        (org.org_id, made, org.target, str(made), str(made), NOW, NOW),
    )
    conn.execute(
        "INSERT INTO deliverable_member (org_id, connection_id, entry_number, deliverable_id) VALUES (%s, %s, %s, %s)",
        (org.org_id, org.target, number, made),
    )


def test_sound_books_pass_and_a_rebuild_finds_nothing(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        first, second = post(conn, org, [sale(), sale(day=date(2026, 6, 1))])
        queued(conn, org, first)
        told(conn, org, second)
        assert check(conn, org.org_id) == []
        found = rebuild(conn, org.org_id, repair=True)
        assert (found.different, found.faults, found.repaired) == (0, (), False)
        assert found.compared > 0


def test_an_entry_that_a_target_is_told_twice_or_never_is_named(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        never, twice = post(conn, org, [sale(), sale()])
        queued(conn, org, twice)
        told(conn, org, twice)
        faults = {fault.subject: fault.sentence for fault in check(conn, org.org_id)}
    assert faults == {
        f"books/{never}": f"books: entry {never} is neither queued for it nor was it told",
        f"books/{twice}": f"books: entry {twice} is queued for it and was told already",
    }


def test_a_wrong_balance_is_named_and_mended(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale(), sale(day=date(2026, 6, 1))])
        conn.execute(
            "UPDATE balance_day SET debit = debit + 1 WHERE org_id = %s AND account = '1100' AND day = '2026-05-03'",
            (org.org_id,),
        )
        conn.execute(
            "DELETE FROM balance_month WHERE org_id = %s AND account = '2100' AND month = '2026-06-01'", (org.org_id,)
        )
        conn.execute(
            "INSERT INTO balance_day VALUES (%s, '9999', 'GBP', '', '', '', '2026-05-03', 1, 1, 0, 2)", (org.org_id,)
        )
        assert {fault.subject for fault in check(conn, org.org_id)} >= {"days", "months"}
        found = rebuild(conn, org.org_id)
        assert [fault.subject for fault in found.faults] == [
            "2026-05-03 1100 GBP NBO web",
            "2026-05-03 9999 GBP",
            "2026-06-01 2100 GBP NBO web S20",
        ]
        assert (found.different, found.repaired) == (3, False)
        assert rebuild(conn, org.org_id, repair=True).repaired
        assert rebuild(conn, org.org_id).different == 0
        assert not {fault.subject for fault in check(conn, org.org_id)} & {"days", "months"}


def test_numbers_that_do_not_agree_with_the_head_are_named(database: Database, owner_connection: Connection) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale(), sale()])
    owner_connection.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    owner_connection.execute("DELETE FROM entry WHERE number = 1")
    with database.transaction() as conn:
        faults = [fault.sentence for fault in check(conn, org.org_id) if fault.check == "numbers"]
    assert faults == ["1 entries are numbered 2 to 2, and 2 numbers were given"]
