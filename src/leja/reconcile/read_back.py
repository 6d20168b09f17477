"""Reads our own documents back from a target, by id, so that what stands there now is known and not assumed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteState, Session
from leja.core.errors import Refused
from leja.core.failpoints import failpoint
from leja.core.money import Money
from leja.database.engine import Database
from leja.database.remote_rows import RemoteRow, keep_rows

PAGE = 100
_SELECT = (
    "SELECT kind, remote_id, reference, version, number, total, currency, date FROM remote_document"
    " WHERE org_id = %s AND connection_id = %s"
)


class Reader(Protocol):
    """The verb of a connector's target module that this needs."""

    def read_back(self, session: Session, documents: Sequence[RemoteDocument]) -> Awaitable[tuple[RemoteState, ...]]:
        """What stands there now of these documents."""


async def read_back(
    database: Database, org_id: UUID, connection_id: UUID, verbs: Reader, session: Session, now: datetime,
    since: date, until: date,
) -> int:
    """Read back all of our documents dated in the range; says how many. What is no longer found counts as deleted."""
    if since > until:
        raise Refused("range-backwards", f"{since} comes after {until}")
    documents = await asyncio.to_thread(_ours, database, org_id, connection_id, since, until)
    for at in range(0, len(documents), PAGE):
        page = documents[at : at + PAGE]
        states = await verbs.read_back(session, page)
        failpoint("reconcile.after-read-back")
        await asyncio.to_thread(_keep, database, org_id, connection_id, page, states, now)
    return len(documents)


async def read_these(
    database: Database, org_id: UUID, connection_id: UUID, verbs: Reader, session: Session, now: datetime, deliverable_id: UUID
) -> None:
    """Read back what we hold to stand there of one deliverable."""
    documents = await asyncio.to_thread(_of, database, org_id, connection_id, deliverable_id)
    if documents:
        states = await verbs.read_back(session, documents)
        await asyncio.to_thread(_keep, database, org_id, connection_id, documents, states, now)


def _of(database: Database, org_id: UUID, connection_id: UUID, deliverable_id: UUID) -> list[RemoteDocument]:
    with database.transaction() as conn:
        rows = conn.execute(
            f"{_SELECT} AND deliverable_id = %s AND moves <> '{{}}'::jsonb ORDER BY step".encode(),
            (org_id, connection_id, deliverable_id),
        ).fetchall()
    return [_document(row) for row in rows]


def _ours(database: Database, org_id: UUID, connection_id: UUID, since: date, until: date) -> list[RemoteDocument]:
    with database.transaction() as conn:
        rows = conn.execute(
            f"{_SELECT} AND date BETWEEN %s AND %s AND moves <> '{{}}'::jsonb ORDER BY date, kind, remote_id".encode(),
            (org_id, connection_id, since, until),
        ).fetchall()
    return [_document(row) for row in rows]


def _document(row: tuple[Any, ...]) -> RemoteDocument:
    kind, remote_id, reference, version, number, total, currency, day = row
    return RemoteDocument(
        kind=kind, remote_id=remote_id, reference=reference, version=version, number=number,
        total=None if total is None else Money(total, currency), date=day)


def _keep(
    database: Database, org_id: UUID, connection_id: UUID, asked: Sequence[RemoteDocument],
    states: Sequence[RemoteState],
    now: datetime,
) -> None:
    found = {(state.document.kind, state.document.remote_id) for state in states}
    rows = [_row(state.document, state.state, state) for state in states]
    rows += [_row(document, "deleted", None) for document in asked if (document.kind, document.remote_id) not in found]
    with database.transaction() as conn:
        keep_rows(conn, org_id, connection_id, rows, now)
        failpoint("reconcile.before-read-back-commit")


def _row(document: RemoteDocument, state: str, read: RemoteState | None) -> RemoteRow:
    lines = read.lines if read else ()
    currency = document.total.currency if document.total else (lines[0].amount.currency if lines else "")
    return RemoteRow(
        kind=document.kind, remote_id=document.remote_id, reference=document.reference, foreign=False, state=state,
        date=document.date, version=document.version, number=document.number,
        total=document.total.minor if document.total else None, currency=currency,
        lines=msgspec.json.encode(lines).decode(),
    )
