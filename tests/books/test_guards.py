"""What the database refuses to the application itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from leja.books import chain
from leja.closing.lock import lock
from leja.database.engine import Connection, Database
from leja.database.ledger import Ledger
from tests.books.builder import NOW, Books, Happened, books, happened, post, sale

SQL = Path(__file__).resolve().parents[2] / "src/leja/database/migrations/sql"
APPEND_ONLY = re.findall(r"'(\w+)'", (SQL / "9000_post_row_security.sql").read_text().split("ARRAY[")[1].split("]")[0])
REFUSED = (
    psycopg.errors.CheckViolation,
    psycopg.errors.ForeignKeyViolation,
    psycopg.errors.UniqueViolation,
    psycopg.errors.RestrictViolation,
    psycopg.errors.InsufficientPrivilege,
)


def put_entry(
    conn: Connection, org: Books, thing: Happened, number: int, *, period: str = "2026-05", ordinal: int = 1
) -> None:
    """An entry alone, past the Ledger."""
    conn.execute(
        "INSERT INTO entry (org_id, number, document_id, revision, ordinal, label, posting_date, period, business_day,"
        " recorded_at, digest) VALUES (%s, %s, %s, 1, %s, 'sale', '2026-05-03', %s, '2026-05-03', %s, %s)",
        (org.org_id, number, thing.document_id, ordinal, period, NOW, bytes(32)),
    )


def put_lines(conn: Connection, org: Books, number: int, *amounts: int, first: int = 1, **facts: object) -> None:
    """Lines alone, in one statement."""
    about = {"account": "4000", "role": "sales", "currency": "GBP", "base": None, **facts}
    conn.execute(
        "INSERT INTO line (org_id, entry_number, line_number, account, role, amount, currency, base, rate)"
        " SELECT %s, %s, %s + place - 1, %s, %s, amount, %s, coalesce(%s, amount), 1"
        " FROM unnest(%s::bigint[]) WITH ORDINALITY AS l (amount, place)",
        (org.org_id, number, first, about["account"], about["role"], about["currency"], about["base"], list(amounts)),
    )


@pytest.fixture
def org(database: Database) -> Books:
    with database.transaction() as conn:
        made = books(conn)
        post(conn, made, [sale()])
    return made


@pytest.fixture
def thing(database: Database, org: Books) -> Happened:
    with database.transaction() as conn:
        return happened(conn, org)


def test_the_list_of_append_only_tables_is_one(owner_connection: Connection) -> None:
    guarded = owner_connection.execute(
        "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'").fetchall()
    assert {row[0] for row in guarded} == set(APPEND_ONLY)
    assert {"entry", "line", "chain", "event", "attempt"} <= set(APPEND_ONLY)


@pytest.mark.parametrize("statement", ["UPDATE {} SET org_id = org_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nobody_changes_what_is_append_only(database: Database, owner_connection: Connection, statement: str) -> None:
    for table in APPEND_ONLY:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction() as conn:
            conn.execute(statement.format(table).encode())
        with pytest.raises(psycopg.errors.RestrictViolation, match="is append-only: "):
            owner_connection.execute(statement.format(table).encode())


def test_every_guard_fires_in_replication_too(owner_connection: Connection) -> None:
    rows = owner_connection.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'A'"
        " AND tgrelid::regclass::text = ANY(%s)",
        ([*APPEND_ONLY, "head", "period", "account"],),
    ).fetchall()
    assert rows == []


def test_the_application_can_neither_disable_nor_drop_a_guard(database: Database) -> None:
    for attempt in (
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON line",
        "DROP TABLE chain CASCADE",
        "ALTER TABLE head DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.transaction() as conn:
            conn.execute(attempt.encode())


def entry_without_lines(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 2)


def entry_out_of_balance(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 2)
    put_lines(conn, org, 2, 100, -99)


def entry_out_of_balance_in_a_currency(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 2)
    put_lines(conn, org, 2, 100, -99, currency="USD", base=0)


def entry_with_a_line_left_out(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 2)
    conn.execute(
        "INSERT INTO line (org_id, entry_number, line_number, account, role, amount, currency, base, rate)"
        " VALUES (%(o)s, 2, 1, '4000', 'sales', 5, 'GBP', 5, 1), (%(o)s, 2, 3, '4000', 'sales', -5, 'GBP', -5, 1)",
        {"o": org.org_id},
    )


def entry_on_an_unknown_account(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 2)
    put_lines(conn, org, 2, 100, -100, account="9999")


def number_that_leaves_a_gap(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 3)
    put_lines(conn, org, 3, 100, -100)


def number_that_was_given(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 1)


def head_moved_without_entries(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("UPDATE head SET entry_number = entry_number + 1 WHERE org_id = %s", (org.org_id,))


def head_moved_and_lines_without_an_entry(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("UPDATE head SET entry_number = entry_number + 1 WHERE org_id = %s", (org.org_id,))
    put_lines(conn, org, 2, 100, -100)


def head_moved_back(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("UPDATE head SET entry_number = 0 WHERE org_id = %s", (org.org_id,))


def head_removed(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("DELETE FROM head WHERE org_id = %s", (org.org_id,))


def head_with_another_hash(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("UPDATE head SET chain_hash = %s WHERE org_id = %s", (bytes(32), org.org_id))


def more_lines_for_an_earlier_entry(conn: Connection, org: Books, thing: Happened) -> None:
    put_lines(conn, org, 1, 100, -100, first=6)


def lines_for_an_earlier_entry_from_one(conn: Connection, org: Books, thing: Happened) -> None:
    put_lines(conn, org, 1, 100, -100)


def more_lines_after_the_check(conn: Connection, org: Books, thing: Happened) -> None:
    put_entry(conn, org, thing, 2)
    put_lines(conn, org, 2, 100, -100)
    conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    put_lines(conn, org, 2, 100, -100, first=3)


def lines_before_their_entry(conn: Connection, org: Books, thing: Happened) -> None:
    put_lines(conn, org, 2, 100, -100)


def entry_in_a_period_that_is_not_its_own(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("INSERT INTO period (org_id, period) VALUES (%s, '2026-06')", (org.org_id,))
    put_entry(conn, org, thing, 2, period="2026-06")


def period_locked_without_a_reason(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("UPDATE period SET state = 'locked' WHERE org_id = %s", (org.org_id,))


def period_removed(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("DELETE FROM period WHERE org_id = %s", (org.org_id,))


def account_removed(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("DELETE FROM account WHERE org_id = %s AND code = '4000'", (org.org_id,))


def account_renamed(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute("UPDATE account SET code = 'x' WHERE org_id = %s AND code = '4000'", (org.org_id,))


def chain_with_a_gap(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute(
        "INSERT INTO chain (org_id, position, kind, subject, digest, hash) VALUES (%s, 9, 'entry', '1', %s, %s)",
        (org.org_id, bytes(32), bytes(32)),
    )


def chain_that_does_not_follow(conn: Connection, org: Books, thing: Happened) -> None:
    conn.execute(
        "INSERT INTO chain (org_id, position, kind, subject, digest, hash) VALUES (%s, 4, 'entry', '1', %s, %s)",
        (org.org_id, bytes(32), bytes(32)),
    )


@pytest.mark.parametrize(
    "attempt",
    [
        entry_without_lines,
        entry_out_of_balance,
        entry_out_of_balance_in_a_currency,
        entry_with_a_line_left_out,
        entry_on_an_unknown_account,
        number_that_leaves_a_gap,
        number_that_was_given,
        head_moved_without_entries,
        head_moved_and_lines_without_an_entry,
        head_moved_back,
        head_removed,
        head_with_another_hash,
        more_lines_for_an_earlier_entry,
        lines_for_an_earlier_entry_from_one,
        more_lines_after_the_check,
        lines_before_their_entry,
        entry_in_a_period_that_is_not_its_own,
        period_locked_without_a_reason,
        period_removed,
        account_removed,
        account_renamed,
        chain_with_a_gap,
        chain_that_does_not_follow,
    ],
)
def test_the_application_cannot_commit(
    database: Database, org: Books, thing: Happened, attempt: Callable[[Connection, Books, Happened], None]
) -> None:
    with pytest.raises(REFUSED) as refusal, database.transaction() as conn:
        attempt(conn, org, thing)
    assert str(refusal.value).strip()
    with database.transaction() as conn:
        post(conn, org, [sale()])  # and nothing is left in the way


def test_an_exchange_line_lets_the_currencies_differ_while_base_ties(
    database: Database, org: Books, thing: Happened
) -> None:
    with database.transaction() as conn:
        put_entry(conn, org, thing, 2)
        conn.execute(
            "INSERT INTO line (org_id, entry_number, line_number, account, role, amount, currency, base, rate)"
            " VALUES (%(o)s, 2, 1, '1000', 'bank', 5, 'GBP', 5, 1),"
            " (%(o)s, 2, 2, '1100', 'clearing', -7, 'USD', -6, 1),"
            " (%(o)s, 2, 3, '7000', 'fx_difference', 1, 'GBP', 1, 1)",
            {"o": org.org_id},
        )


def test_nothing_is_posted_in_a_locked_period_past_the_ledger_either(
    database: Database, org: Books, thing: Happened
) -> None:
    with database.transaction() as conn:
        lock(conn, org.org_id, "2026-05", "ann", "May closed", NOW)
    with pytest.raises(psycopg.errors.CheckViolation, match="period 2026-05 is locked"), database.transaction() as conn:
        put_entry(conn, org, thing, 2)


def test_a_table_of_the_same_name_in_the_session_does_not_fool_the_guards(
    database: Database, owner_connection: Connection, org: Books, thing: Happened
) -> None:
    with database.transaction() as conn:
        lock(conn, org.org_id, "2026-05", "ann", "May closed", NOW)
    # The application may make no such table; the owner may, and is not let through either.
    owner_connection.execute(
        "CREATE TEMP TABLE period AS SELECT org_id, period, 'open'::text AS state FROM public.period"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="period 2026-05 is locked"):
        put_entry(owner_connection, org, thing, 2)


def test_a_note_in_the_chain_needs_no_entry(database: Database, org: Books) -> None:
    with database.transaction() as conn:
        ledger = Ledger.open(conn, org.org_id)
        ledger.note("period", "2026-04/1", chain.period_digest(org.org_id, "2026-04", 1, "locked", "r", "b", NOW))
        ledger.flush(NOW)
        row = conn.execute("SELECT chain_position FROM head WHERE org_id = %s", (org.org_id,)).fetchone()
    assert row == (4,)
