"""Reads our own documents back from a target, by id, so that what stands there now is known and not assumed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteState, Session
from leja.core.errors import Refused
from leja.core.failpoints import failpoint
from leja.core.money import Money
from leja.database.engine import Database
from leja.database.remote_rows import RemoteRow, keep_rows

PAGE = 100


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


def _ours(database: Database, org_id: UUID, connection_id: UUID, since: date, until: date) -> list[RemoteDocument]:
    with database.transaction() as conn:
        rows = conn.execute(
            "SELECT kind, remote_id, reference, version, number, total, currency, date FROM remote_document"
            " WHERE org_id = %s AND connection_id = %s AND date BETWEEN %s AND %s AND moves <> '{}'::jsonb"
            " ORDER BY date, kind, remote_id",
            (org_id, connection_id, since, until),
        ).fetchall()
    return [
        RemoteDocument(
            kind=str(r[0]), remote_id=str(r[1]), reference=str(r[2]), version=str(r[3]), number=str(r[4]),
            total=None if r[5] is None else Money(int(str(r[5])), str(r[6])), date=r[7],  # type: ignore[arg-type]
        )
        for r in rows
    ]


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
