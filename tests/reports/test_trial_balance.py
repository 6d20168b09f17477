"""The trial balance: the sum of the lines at any day, at the cost of months."""

from __future__ import annotations

from datetime import date

from leja.database.engine import Connection, Database
from leja.reports.ledger_lines import Wanted, entries_page, every_entry
from leja.reports.trial_balance import trial_balance
from tests.books.builder import Books, books, exchange, foreign_sale, post, sale


def by_lines(conn: Connection, org: Books, at: date) -> dict[tuple[str, str], tuple[int, int]]:
    """What the lines say, read one by one."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for entry in every_entry(conn, org.org_id, Wanted(until=at)):
        for line in entry.lines:
            amount, base = sums.get((line.account, line.currency), (0, 0))
            sums[line.account, line.currency] = (amount + line.amount, base + line.base)
    return sums


def test_it_is_the_sum_of_the_lines_at_every_day(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale(100 * day, date(2026, month, day)) for month in (3, 4, 5) for day in (1, 15, 28)])
        post(conn, org, [foreign_sale(10000, "JPY", 5230, "0.005230"), exchange(10000, "JPY", 5100, 5230)])
        for at in (
            date(2026, 2, 28),
            date(2026, 3, 1),
            date(2026, 3, 31),
            date(2026, 4, 15),
            date(2026, 5, 8),
            date(2026, 12, 31),
        ):
            told = {(row.account, row.currency): (row.amount, row.base) for row in trial_balance(conn, org.org_id, at)}
            assert told == by_lines(conn, org, at), at
            assert sum(row.base for row in trial_balance(conn, org.org_id, at)) == 0
        assert trial_balance(conn, org.org_id) == trial_balance(conn, org.org_id, date(2026, 12, 31))


def test_it_never_reads_entries_or_lines(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale()])
        before = trial_balance(conn, org.org_id)
        conn.execute("UPDATE balance_month SET debit = debit + 1 WHERE org_id = %s AND account = '1100'", (org.org_id,))
        after = trial_balance(conn, org.org_id)
    assert [row.amount for row in after if row.account == "1100"] == [
        row.amount + 1 for row in before if row.account == "1100"
    ]


def test_entries_come_page_by_page_and_can_be_filtered(database: Database) -> None:
    with database.transaction() as conn:
        org = books(conn)
        post(conn, org, [sale(day=date(2026, 5, day)) for day in range(1, 11)])
        post(conn, org, [exchange(0, "JPY", 5, 5)])
        first = entries_page(conn, org.org_id, limit=4)
        second = entries_page(conn, org.org_id, after=first[-1].number, limit=4)
        assert [entry.number for entry in (*first, *second)] == [1, 2, 3, 4, 5, 6, 7, 8]
        days = entries_page(conn, org.org_id, Wanted(since=date(2026, 5, 3), until=date(2026, 5, 4)))
        assert [entry.posting_date.day for entry in days] == [3, 4]
        assert [entry.number for entry in every_entry(conn, org.org_id, Wanted(account="7000"))] == [11]
        assert len(entries_page(conn, org.org_id, Wanted(document_id=first[0].document_id))) == 10
        assert (first[0].connection, first[0].document_kind, len(first[0].lines)) == ("shop", "sale", 5)
