"""Posting: numbers, balances, reading back, locked periods, and many writers at once."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from multiprocessing import get_context
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leja.books.entry import Entry, reversal
from leja.closing.lock import lock
from leja.closing.reopen import reopen
from leja.closing.verify import verify
from leja.core.errors import BrokenInvariant, Refused
from leja.database.engine import Connection, Database, Urls
from leja.database.ledger import Ledger, entries_of, first_open_day, locked_periods
from leja.operate.rebuild import check, rebuild
from leja.reports.trial_balance import trial_balance
from tests.books.builder import ACCOUNTS, NOW, Books, books, exchange, foreign_sale, happened, line, post, sale


def clean(conn: Connection, org_id: UUID) -> None:
    """Everything that must hold, holds."""
    # Entries made here go to no target, so only the other checks count.
    assert [fault for fault in check(conn, org_id) if fault.check != "told-once"] == []
    assert rebuild(conn, org_id).faults == ()
    assert verify(conn, org_id).bad == ()


def test_entries_get_numbers_without_a_gap_and_read_back_as_they_were(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        thing, other = happened(conn, org), happened(conn, org)
        ledger = Ledger.open(conn, org.org_id)
        sold = [sale(1000), foreign_sale(10000, "JPY", 5230, "0.005230")]
        assert ledger.post(thing.document_id, 1, sold) == [1, 2]
        assert ledger.post(other.document_id, 1, [exchange(10000, "JPY", 5100, 5230)]) == [3]
        ledger.flush(NOW)
        undone = [reversal(sold[0], 1, date(2026, 6, 2), "sale")]
        assert Ledger.open(conn, org.org_id).post(thing.document_id, 1, undone, after=2) == [4]
        found = entries_of(conn, org.org_id, [thing.document_id, other.document_id])
    assert found == {
        thing.document_id: [(1, sold[0]), (2, sold[1])],
        other.document_id: [(3, exchange(10000, "JPY", 5100, 5230))],
    }


def test_a_second_transaction_goes_on_where_the_first_ended(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        assert post(conn, org, [sale(), sale()]) == [1, 2]
    with database.transaction() as conn:
        assert post(conn, org, [sale()]) == [3]
        clean(conn, org.org_id)


def test_one_ledger_may_be_flushed_twice(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        one, two = happened(conn, org), happened(conn, org)
        ledger = Ledger.open(conn, org.org_id)
        ledger.post(one.document_id, 1, [sale()])
        ledger.flush(NOW)
        ledger.post(two.document_id, 1, [sale()])
        ledger.flush(NOW)
        ledger.flush(NOW)
        assert conn.execute("SELECT entry_number, chain_position FROM head").fetchone() == (2, 2)


def test_what_was_rolled_back_leaves_no_gap(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale()])
        conn.commit()
        assert post(conn, org, [sale(), sale()]) == [2, 3]
        conn.rollback()
    with database.transaction() as conn:
        assert post(conn, org, [sale()]) == [2]


def test_an_entry_that_does_not_balance_is_refused_before_it_is_written(database: Database) -> None:
    lame = Entry(label="lame", posting_date=date(2026, 5, 1), business_day=date(2026, 5, 1), lines=(line("1000", 5),))
    with database.transaction() as conn:
        org = books(conn)
        thing = happened(conn, org)
        ledger = Ledger.open(conn, org.org_id)
        with pytest.raises(BrokenInvariant, match="entry-unbalanced"):
            ledger.post(thing.document_id, 1, [sale(), lame])
        assert ledger.post(thing.document_id, 1, [sale()]) == [1]


def test_an_entry_in_a_locked_period_is_refused_until_it_is_reopened(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        lock(conn, org.org_id, "2026-05", "ann", "May closed", NOW)
    with database.transaction() as conn:
        thing = happened(conn, org)
        ledger = Ledger.open(conn, org.org_id)
        assert ledger.locked_periods() == locked_periods(conn, org.org_id) == {"2026-05"}
        with pytest.raises(Refused, match="period-locked"):
            ledger.post(thing.document_id, 1, [sale()])
        moved = first_open_day(ledger.locked_periods(), date(2026, 5, 3))
        assert moved == date(2026, 6, 1)
        assert ledger.post(thing.document_id, 1, [sale(day=moved)]) == [1]
        ledger.flush(NOW)
    with database.transaction() as conn:
        reopen(conn, org.org_id, "2026-05", "ann", "an invoice was forgotten", NOW)
        assert post(conn, org, [sale()]) == [2]


def test_the_first_open_day_goes_over_locked_months_and_the_turn_of_the_year() -> None:
    assert first_open_day([], date(2026, 5, 3)) == date(2026, 5, 3)
    assert first_open_day(["2026-11", "2026-12"], date(2026, 11, 30)) == date(2027, 1, 1)


def test_an_entry_of_another_organisation_stays_apart(database: Database) -> None:
    with database.transaction() as conn:
        one, two = books(conn), books(conn)
        assert post(conn, one, [sale()]) == [1]
        assert post(conn, two, [sale()]) == [1]
        assert [row.amount for row in trial_balance(conn, one.org_id)] == [
            row.amount for row in trial_balance(conn, two.org_id)
        ]


CODES = sorted(ACCOUNTS)
amounts = st.integers(min_value=-(10**15), max_value=10**15)
days = st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 4, 30))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """A balanced entry in any currency; the last line takes what is left."""
    currency, rate = draw(st.sampled_from([("GBP", "1"), ("JPY", "0.00523"), ("TND", "0.0255"), ("KES", "0.61")]))
    parts = draw(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=5))
    if currency == "GBP":
        parts = [(amount, amount) for amount, _ in parts]
    parts.append((-sum(amount for amount, _ in parts), -sum(base for _, base in parts)))
    day = draw(days)
    lines = tuple(
        line(
            draw(st.sampled_from(CODES)),
            amount,
            currency,
            base=base,
            rate=Decimal(rate),
            channel=draw(st.sampled_from(["", "web", "pos"])),
            memo=draw(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)),
        )
        for amount, base in parts
    )
    return Entry(label="any", posting_date=day, business_day=day, lines=lines)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(entries(), min_size=1, max_size=6), min_size=1, max_size=4))
def test_balances_are_always_the_sums_of_the_lines(database: Database, batches: list[list[Entry]]) -> None:
    with database.transaction() as conn:
        org = books(conn)
        for batch in batches:
            post(conn, org, batch)
        clean(conn, org.org_id)
        for at in (date(2026, 1, 31), date(2026, 2, 17), date(2026, 4, 30)):
            told = {
                (row.account, row.currency): (row.debit, row.credit, row.base)
                for row in trial_balance(conn, org.org_id, at)
            }
            assert told == summed(batches, at)


def summed(batches: list[list[Entry]], at: date) -> dict[tuple[str, str], tuple[int, int, int]]:
    """The trial balance the slow way."""
    sums: dict[tuple[str, str], tuple[int, int, int]] = {}
    for entry in (entry for batch in batches for entry in batch if entry.posting_date <= at):
        for item in entry.lines:
            debit, credit, base = sums.get((item.account, item.currency), (0, 0, 0))
            sums[item.account, item.currency] = (
                debit + max(item.amount, 0),
                credit + max(-item.amount, 0),
                base + item.base,
            )
    return sums


def test_many_writers_and_a_lock_leave_no_gap_and_no_entry_in_a_locked_period(database: Database) -> None:
    with database.transaction() as conn:
        orgs = [books(conn) for _ in range(3)]
    done = threading.Event()
    posted: list[int] = []

    def write(worker: int) -> None:
        for turn in range(12):
            org = orgs[0] if worker % 2 else orgs[turn % 3]
            with database.transaction() as conn:
                ledger = Ledger.open(conn, org.org_id)
                day = first_open_day(ledger.locked_periods(), date(2026, 5, 3))
                thing = happened(conn, org)
                ledger.note("event", str(thing.event_id), thing.event_digest)
                ledger.note("revision", f"{thing.document_id}/1", thing.revision_digest)
                posted.extend(ledger.post(thing.document_id, 1, [sale(day=day), sale(500, day=day)]))
                ledger.flush(NOW)

    def toggle() -> None:
        while not done.is_set():
            for org in orgs:
                for change in (lock, reopen):
                    with database.transaction() as conn:
                        change(conn, org.org_id, "2026-05", "ann", "closing", NOW)

    with ThreadPoolExecutor(9) as pool:
        closer = pool.submit(toggle)
        writers = [pool.submit(write, worker) for worker in range(8)]
        try:
            for writer in writers:
                writer.result(timeout=120)
        finally:
            done.set()
        closer.result(timeout=120)
    assert len(posted) == 8 * 12 * 2
    with database.transaction() as conn:
        for org in orgs:
            clean(conn, org.org_id)
            assert posted_while_locked(conn, org) == 0


def write_in_a_process(urls: Urls, org: Books, entries: int) -> list[int]:
    """What another process posts."""
    opened, numbers = Database(urls), []
    for _ in range(entries):
        with opened.transaction() as conn:
            numbers += post(conn, org, [sale()])
    opened.close()
    return numbers


def test_several_processes_post_into_one_organisation(database: Database, urls: Urls) -> None:
    with database.transaction() as conn:
        org = books(conn)
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(write_in_a_process, urls, org, 15) for _ in range(3)]
        numbers = sorted(number for process in running for number in process.result(timeout=120))
    assert numbers == list(range(1, 46))
    with database.transaction() as conn:
        clean(conn, org.org_id)


def posted_while_locked(conn: Connection, org: Books) -> int:
    """Entries of May whose place in the chain lies between a lock and the reopening after it."""
    row = conn.execute(
        "WITH changes AS (SELECT position, (SELECT state FROM period_change p WHERE p.org_id = c.org_id"
        "  AND p.period || '/' || p.ordinal = c.subject) AS state"
        "  FROM chain c WHERE org_id = %(org)s AND kind = 'period')"
        " SELECT count(*) FROM chain c JOIN entry e ON e.org_id = c.org_id AND e.number::text = c.subject"
        " WHERE c.org_id = %(org)s AND c.kind = 'entry' AND e.period = '2026-05' AND 'locked' ="
        " (SELECT state FROM changes WHERE changes.position < c.position ORDER BY changes.position DESC LIMIT 1)",
        {"org": org.org_id},
    ).fetchone()
    return int(str(row[0])) if row else -1


def test_a_poster_past_the_ledger_waits_for_a_running_lock_and_is_then_refused(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        thing = happened(conn, org)
        conn.execute("INSERT INTO head (org_id) VALUES (%s)", (org.org_id,))
    outcome: list[str] = []

    def poster() -> None:
        try:
            with database.transaction() as conn:
                conn.execute(
                    "INSERT INTO entry (org_id, number, document_id, revision, ordinal, label, posting_date, period,"
                    " business_day, recorded_at, digest)"
                    " VALUES (%s, 1, %s, 1, 1, 'sale', '2026-05-03', '2026-05', '2026-05-03', %s, %s)",
                    (org.org_id, thing.document_id, NOW, bytes(32)),
                )
                outcome.append("posted")
        except psycopg.errors.CheckViolation as refusal:
            outcome.append(refusal.diag.constraint_name or "")

    with database.transaction() as conn:
        lock(conn, org.org_id, "2026-05", "ann", "May closed", NOW)
        other = threading.Thread(target=poster)
        other.start()
        other.join(0.3)
        assert outcome == []
    other.join(10)
    assert outcome == ["entry_period_open"]
