"""Undo by dated reversal: one entry, a document, a day, an import or a whole stretch of a connection, in one go.

Nothing is deleted and nothing over there is edited: each entry that still stands is reversed on the day that is asked for, and
the targets that know of it are told of the reversal as of any entry. What was undone can be redone, by entries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from leja.books.entry import Entry
from leja.books.periods import Periods
from leja.books.undo import redoing, undoing
from leja.core.errors import Refused
from leja.database import mending
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.database.mending import Held

What = Literal["entry", "document", "day", "import", "connection"]
_OF_FILE: Final = (
    "r.event_id IN (SELECT v.event_id FROM event v WHERE v.org_id = %(org)s AND v.connection_id = d.connection_id"
    " AND v.origin = 'file' AND v.headers::jsonb ->> 'leja-file' = %(file)s)"
)
Made = tuple[int, Held, Entry]


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is undone. ``name``: an entry's number, a document's id, external id or number, or a file's name or hash; empty for
    days and connections. ``connection`` narrows documents, days and imports; ``since`` and ``until`` are business days."""

    what: What
    name: str = ""
    connection_id: UUID | None = None
    since: date | None = None
    until: date | None = None

    def words(self) -> str:
        """What is undone, for people and for the trail."""
        days = "" if self.since is None and self.until is None else f" of {self.since or 'the beginning'} to {self.until or 'the end'}"
        return f"{self.what} {self.name or self.connection_id or ''}".strip() + days


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """The entries that were booked, each with the one it answers; ``mending_id`` None: nothing was left to do."""

    made: tuple[Made, ...] = ()
    mending_id: UUID | None = None


def undo(
    conn: Connection, org_id: UUID, scope: Scope, on: date | None, *, by: str, reason: str, now: datetime
) -> Undone:
    """Reverse what still stands of a scope on ``on``, or each on its own posting date; the caller puts it before the targets.

    Raises Refused ``undo-period-locked``, ``undo-too-early``, ``undo-unknown`` where nothing is called so. Where all of it is
    undone already nothing is done.
    """
    ledger = Ledger.open(conn, org_id)
    numbers = mending.standing(conn, org_id, chosen(conn, org_id, scope))
    held = mending.held(conn, org_id, numbers)
    periods = _open_on(ledger, [on or one.entry.posting_date for one in held])
    early = next((one for one in held if on is not None and on < one.entry.posting_date), None)
    if early is not None:
        raise Refused("undo-too-early", f"entry {early.number} is of {early.entry.posting_date}, after {on}",
                      remedy="Date the reversal on that day or later, or leave the day out: then it is today.")
    entries = [undoing(one.entry, one.number, on or one.entry.posting_date, periods, reason) for one in held]
    return _post(conn, ledger, org_id, "undo", scope.words(), held, entries, on, by=by, reason=reason, now=now)


def redo(conn: Connection, org_id: UUID, mending_id: UUID, on: date, *, by: str, reason: str, now: datetime) -> Undone:
    """Say again on ``on`` what an undoing took out, where it does not stand already. Raises Refused ``undo-unknown``,
    ``undo-period-locked``."""
    ledger = Ledger.open(conn, org_id)
    known = conn.execute(
        "SELECT 1 FROM mending WHERE org_id = %s AND mending_id = %s AND kind = 'undo'", (org_id, mending_id)).fetchone()
    if known is None:
        raise Refused("undo-unknown", f"nothing was undone under {mending_id}", remedy="`leja undo list` lists what was undone.")
    held = mending.held(conn, org_id, _undone_by(conn, org_id, mending_id))
    periods = _open_on(ledger, [on])
    entries = [redoing(one.entry, one.number, on, periods, reason) for one in held]
    return _post(conn, ledger, org_id, "redo", f"mending/{mending_id}", held, entries, on, by=by, reason=reason, now=now)


def chosen(conn: Connection, org_id: UUID, scope: Scope) -> list[int]:
    """The entries that a scope names, undone ones and reversals too. Raises Refused ``undo-unknown``."""
    where, values = _where(conn, org_id, scope)
    rows = conn.execute(
        "SELECT e.number FROM entry e JOIN document d ON d.org_id = e.org_id AND d.document_id = e.document_id"
        " JOIN document_revision r ON r.org_id = e.org_id AND r.document_id = e.document_id AND r.revision = e.revision"
        f" WHERE e.org_id = %(org)s AND (%(connection)s::uuid IS NULL OR d.connection_id = %(connection)s)"
        f" AND (%(since)s::date IS NULL OR e.business_day >= %(since)s) AND (%(until)s::date IS NULL OR e.business_day <= %(until)s)"
        f" AND {where} ORDER BY e.number".encode(),
        {"org": org_id, "connection": scope.connection_id, "since": scope.since, "until": scope.until, **values},
    ).fetchall()
    if not rows:
        raise Refused("undo-unknown", f"the books hold no entry of {scope.words()}",
                      remedy="`leja explain` finds entries, documents and events by what they are called.")
    return [int(str(row[0])) for row in rows]


def _where(conn: Connection, org_id: UUID, scope: Scope) -> tuple[str, dict[str, object]]:
    if scope.what == "entry":
        if not scope.name.isascii() or not scope.name.isdigit() or len(scope.name) > 18:
            raise Refused("undo-unknown", f"{scope.name!r} is not the number of an entry", remedy="Give its number, such as 12.")
        return "e.number = %(number)s", {"number": int(scope.name)}
    if scope.what == "document":
        return "e.document_id = %(document)s", {"document": _document(conn, org_id, scope)}
    if (scope.what == "connection" and scope.connection_id is None) or (scope.what == "day" and None in (scope.since, scope.until)):
        raise Refused("undo-unknown", f"which {scope.what} is meant was not said", remedy="Name the connection, or the day.")
    if scope.what == "import":
        return _OF_FILE, {"file": _file(conn, org_id, scope)}
    return "true", {}


def _document(conn: Connection, org_id: UUID, scope: Scope) -> UUID:
    rows = conn.execute(
        "SELECT DISTINCT d.document_id, d.kind, d.external_id FROM document d JOIN document_revision r ON r.org_id = d.org_id"
        " AND r.document_id = d.document_id WHERE d.org_id = %s AND (d.document_id::text = %s OR d.external_id = %s OR r.number = %s)"
        " AND (%s::uuid IS NULL OR d.connection_id = %s) ORDER BY 1 LIMIT 10",
        (org_id, scope.name, scope.name, scope.name, scope.connection_id, scope.connection_id),
    ).fetchall()
    if len(rows) != 1:
        those = ", ".join(f"{kind} {external_id} ({document_id})" for document_id, kind, external_id in rows)
        raise Refused("undo-unknown", f"{len(rows) or 'no'} documents are called {scope.name!r}" + (f": {those}" if those else ""),
                      remedy="Give the document's id; `leja explain` shows it.")
    return UUID(str(rows[0][0]))


def _file(conn: Connection, org_id: UUID, scope: Scope) -> str:
    rows = conn.execute(
        "SELECT DISTINCT encode(file_hash, 'hex'), name FROM file_import WHERE org_id = %s AND (%s::uuid IS NULL OR connection_id = %s)"
        " AND (name = %s OR encode(file_hash, 'hex') LIKE %s) ORDER BY 1 LIMIT 10",
        (org_id, scope.connection_id, scope.connection_id, scope.name, (scope.name.lower() if scope.name.isalnum() else "-") + "%"),
    ).fetchall()
    if len(rows) != 1:
        those = ", ".join(f"{name} ({file[:12]})" for file, name in rows)
        raise Refused("undo-unknown", f"{len(rows) or 'no'} imported files are called {scope.name!r}" + (f": {those}" if those else ""),
                      remedy="Give the file's name as it was imported, or the beginning of its hash.")
    return str(rows[0][0])[:32]


def _undone_by(conn: Connection, org_id: UUID, mending_id: UUID) -> list[int]:
    """What an undoing took out and does not stand again: under the same label in the same document."""
    rows = conn.execute(
        "SELECT was.number FROM mending_entry m JOIN entry u ON u.org_id = m.org_id AND u.number = m.entry_number"
        " JOIN entry was ON was.org_id = m.org_id AND was.number = u.reverses WHERE m.org_id = %s AND m.mending_id = %s AND NOT EXISTS"
        " (SELECT 1 FROM entry s WHERE s.org_id = was.org_id AND s.document_id = was.document_id AND s.label = was.label"
        " AND s.number > was.number AND s.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM entry x WHERE x.org_id = s.org_id"
        " AND x.document_id = s.document_id AND x.reverses = s.number)) ORDER BY 1",
        (org_id, mending_id),
    ).fetchall()
    return [int(str(row[0])) for row in rows]


def _open_on(ledger: Ledger, days: Sequence[date]) -> Periods:
    periods = Periods(locked=frozenset(ledger.locked_periods()))
    shut = next((day for day in days if not periods.is_open(day)), None)
    if shut is not None:
        raise Refused(
            "undo-period-locked", f"{shut:%Y-%m} is locked: nothing is posted on {shut}",
            remedy=f"Date it --on {periods.posting_date(shut)}, the first open day after it, or reopen the period with a reason.")
    return periods


def _post(
    conn: Connection, ledger: Ledger, org_id: UUID, way: Literal["undo", "redo"], subject: str, held: Sequence[Held],
    entries: Sequence[Entry], on: date | None, *, by: str, reason: str, now: datetime,
) -> Undone:
    if not entries:
        return Undone()
    numbers = mending.post(conn, ledger, org_id, [(one.document_id, entry) for one, entry in zip(held, entries, strict=True)], now)
    kept = mending.keep(conn, org_id, way, subject, by=by, now=now, dated=on, reason=reason, entries=numbers)
    return Undone(made=tuple(zip(numbers, held, entries, strict=True)), mending_id=kept)
