"""Do the books and a target agree on our own documents, per remote account and day? If not: where, and by how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from leja.connectors.contract import RemoteBalance, RemoteLine
from leja.database.engine import Connection
from leja.reconcile.differences import Cell, Difference, compare
from leja.rules.target_mapping import TargetMapping, TargetRule


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """``agree`` if every difference is known. ``foreign`` is what others entered there, kept apart.

    ``waiting`` entries are not told yet; ``untold`` ones should be and stand nowhere, which must never happen.
    ``explained`` is the share of cells that agree or whose difference is known.
    """

    connection: str
    since: date
    until: date
    cells: int
    differences: tuple[Difference, ...]
    foreign: tuple[tuple[str, date, str, int], ...]
    waiting: int
    untold: int
    explained: Decimal
    balances: Mapping[str, Mapping[str, int]]

    @property
    def agree(self) -> bool:
        """Whether nothing is unexplained and nothing is missing."""
        return not self.untold and all(difference.known for difference in self.differences)


def agreement(
    conn: Connection, org_id: UUID, connection_id: UUID, since: date, until: date,
    balances: Sequence[RemoteBalance] | None = None,
) -> Agreement:
    """Compare our books, what we told and what stands there. Pass the target's ``balances`` where it has them.

    Read back first: ``theirs`` is what was last read.
    """
    books = _books(conn, org_id, connection_id, since, until)
    told, residuals = _told(conn, org_id, connection_id, since, until)
    theirs = _states(conn, org_id, connection_id, since, until, foreign=False)
    foreign = _states(conn, org_id, connection_id, since, until, foreign=True)
    if balances is not None:
        foreign = _less([(Cell(b.account, b.day, b.amount.currency), b.amount.minor) for b in balances], theirs)
    cells = {cell for sums in (books, told, theirs) for cell, amount in sums.items() if amount}
    differences = compare(books, told, theirs, residuals)
    wrong = {(d.account, d.day, d.currency) for d in differences if not d.known}
    name = conn.execute("SELECT name FROM connection WHERE org_id = %s AND connection_id = %s", (org_id,
    connection_id)).fetchone()
    waiting, untold = _waiting(conn, org_id, connection_id, since, until)
    totals: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for cell, amount in theirs.items():
        totals[cell.account][cell.currency] += amount
    return Agreement(
        connection=str(name[0]) if name else str(connection_id), since=since, until=until, cells=len(cells),
        differences=tuple(differences), waiting=waiting, untold=untold,
        foreign=tuple((c.account, c.day, c.currency, amount) for c, amount in sorted(foreign.items()) if amount),
        explained=(1 - Decimal(len(wrong)) / max(1, len(cells))).quantize(Decimal("0.0001")),
        balances={account: {c: v for c, v in by.items() if v} for account, by in totals.items() if any(by.values())},
    )


def _less(balances: Sequence[tuple[Cell, int]], ours: Mapping[Cell, int]) -> dict[Cell, int]:
    left: dict[Cell, int] = defaultdict(int)
    for cell, amount in balances:
        left[cell] += amount
    for cell, amount in ours.items():
        left[cell] -= amount
    return left


def _books(conn: Connection, org_id: UUID, connection_id: UUID, since: date, until: date) -> dict[Cell, int]:
    """Our own lines of what was told, through the mapping that was in force when it was told."""
    rules = _rules(conn, org_id, connection_id)
    rows = conn.execute(
        "SELECT d.date, d.in_base, coalesce((SELECT max(v.version) FROM mapping_version v WHERE v.org_id = d.org_id"
        "  AND v.recorded_at <= (SELECT coalesce(max(a.attempted_at), d.created_at) FROM attempt a"
        "  WHERE a.org_id = d.org_id AND a.deliverable_id = d.deliverable_id)), 0) AS version,"
        " l.account, l.role, l.location, l.channel, l.currency, sum(l.amount)::text, sum(l.base)::text"
        " FROM deliverable d JOIN deliverable_member m ON m.org_id = d.org_id AND m.deliverable_id = d.deliverable_id"
        " JOIN line l ON l.org_id = m.org_id AND l.entry_number = m.entry_number"
        " WHERE d.org_id = %s AND d.connection_id = %s AND d.state = 'done' AND d.date BETWEEN %s AND %s"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8",
        (org_id, connection_id, since, until),
    ).fetchall()
    base = conn.execute("SELECT base_currency FROM org WHERE org_id = %s", (org_id,)).fetchone()
    sums: dict[Cell, int] = defaultdict(int)
    mappings: dict[tuple[int, date], TargetMapping] = {}
    for day, in_base, version, account, role, location, channel, currency, amount, in_books in rows:
        asked = (int(str(version)), until)
        if asked not in mappings:
            mappings[asked] = TargetMapping([rule for rule in rules if rule.version <= asked[0]], date.max)
        facts = {"location": str(location), "channel": str(channel), "role": str(role)}
        remote = mappings[asked].find("account", str(account), facts) or f"unmapped {account}"
        told_in = str(base[0]) if in_base and base else str(currency)
        sums[Cell(remote, day, told_in)] += int(str(in_books if in_base else amount))  # type: ignore[arg-type]
    return sums


def _rules(conn: Connection, org_id: UUID, connection_id: UUID) -> list[TargetRule]:
    rows = conn.execute(
        "SELECT v.version, v.effective_from, r.kind, r.key, r.value, r.conditions FROM mapping_rule r JOIN"
        " mapping_version v"
        " ON v.org_id = r.org_id AND v.version = r.version WHERE r.org_id = %s AND r.scope = %s ORDER BY"
        " v.version, r.ordinal",
        (org_id, str(connection_id)),
    ).fetchall()
    return [
        TargetRule(version=int(str(r[0])), effective_from=r[1], kind=str(r[2]), key=str(r[3]),  # type: ignore[arg-type]
                   value=None if r[4] is None else str(r[4]), conditions=r[5])  # type: ignore[arg-type]
        for r in rows
    ]


def _told(
    conn: Connection, org_id: UUID, connection_id: UUID, since: date, until: date
) -> tuple[dict[Cell, int], dict[tuple[date, str], int]]:
    """What our accepted documents do to the accounts there, and the residuals of that target by day and currency."""
    sums: dict[Cell, int] = defaultdict(int)
    residuals: dict[tuple[date, str], int] = defaultdict(int)
    for moves, day, currency, residual in conn.execute(
        "SELECT moves, date, currency, residual FROM remote_document WHERE org_id = %s AND connection_id = %s"
        " AND date BETWEEN %s AND %s",
        (org_id, connection_id, since, until),
    ):
        for account, amount in msgspec.convert(moves, dict[str, int]).items():
            sums[Cell(account, day, str(currency))] += amount  # type: ignore[arg-type]
        residuals[day, str(currency)] += abs(int(str(residual)))  # type: ignore[index]
    return sums, residuals


def _states(
    conn: Connection, org_id: UUID, connection_id: UUID, since: date, until: date, *, foreign: bool
) -> dict[Cell, int]:
    """What stands there as last read. Ours counts only where we know the document: a double has no record of ours."""
    sums: dict[Cell, int] = defaultdict(int)
    for day, lines in conn.execute(
        "SELECT date, lines FROM remote_state WHERE org_id = %s AND connection_id = %s AND date BETWEEN %s AND %s"
        " AND state = 'present' AND foreign_entry = %s",
        (org_id, connection_id, since, until, foreign),
    ):
        for line in msgspec.convert(lines, list[RemoteLine]):
            sums[Cell(line.account, day, line.amount.currency)] += line.amount.minor  # type: ignore[arg-type]
    return sums


def _waiting(conn: Connection, org_id: UUID, connection_id: UUID, since: date, until: date) -> tuple[int, int]:
    """Entries that are not told yet, and entries that should be told and stand nowhere.

    Written as set operations: a join of these tables right after a large import, before the database has statistics
    of them, was planned as nested loops and took a minute.
    """
    row = conn.execute(
        "WITH due AS (SELECT e.number FROM entry e WHERE e.org_id = %(org)s AND e.posting_date BETWEEN %(since)s AND %(until)s"
        "  AND least(e.business_day, e.posting_date) >="
        "  (SELECT start_date FROM connection WHERE org_id = %(org)s AND connection_id = %(to)s)),"
        " waiting AS (SELECT entry_number AS number FROM outbox WHERE org_id = %(org)s AND connection_id = %(to)s),"
        " member AS (SELECT entry_number AS number, deliverable_id FROM deliverable_member"
        "  WHERE org_id = %(org)s AND connection_id = %(to)s),"
        " unfinished AS (SELECT m.number FROM member m WHERE m.deliverable_id IN (SELECT deliverable_id FROM deliverable"
        "  WHERE org_id = %(org)s AND connection_id = %(to)s AND state IN ('open', 'parked')))"
        " SELECT (SELECT count(*) FROM (SELECT number FROM due INTERSECT"
        "  (SELECT number FROM waiting UNION SELECT number FROM unfinished)) w),"
        " (SELECT count(*) FROM (SELECT number FROM due EXCEPT (SELECT number FROM waiting UNION SELECT number FROM member)) u)",
        {"org": org_id, "to": connection_id, "since": since, "until": until},
    ).fetchone()
    return (int(str(row[0])), int(str(row[1]))) if row else (0, 0)
