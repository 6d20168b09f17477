"""What a decision would do, made by the same code as the real thing: the caller rolls back afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import msgspec

from leja.connectors.contract import Chart
from leja.core.clock import Clock
from leja.database import mending
from leja.database.engine import Connection
from leja.delivery.preview import Preview, preview, preview_open
from leja.delivery.target import Target


class EntryShown(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was or would be booked. Lines are (account, currency, minor units, debit positive)."""

    number: int
    document: UUID
    posting_date: date
    text: str
    reverses: int | None
    lines: tuple[tuple[str, str, int], ...]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a target is told of it, in the order in which it goes out."""

    target: str
    documents: tuple[Preview, ...]


def entries_shown(conn: Connection, org_id: UUID, numbers: Sequence[int]) -> tuple[EntryShown, ...]:
    """Entries as they stand in the books of this transaction."""
    return tuple(
        EntryShown(
            number=one.number, document=one.document_id, posting_date=one.entry.posting_date, text=one.entry.text,
            reverses=one.entry.reverses, lines=tuple((line.account, line.currency, line.amount) for line in one.entry.lines))
        for one in mending.held(conn, org_id, numbers)
    )


def told_of(
    conn: Connection, target: Target, chart: Chart, entries: Sequence[int], opened: Sequence[UUID], clock: Clock, limit: int = 1000
) -> Told:
    """What the target will be told of entries in its outbox and of open deliverables."""
    waiting = preview(conn, target, chart, clock(), limit=limit, entries=entries) if entries else []
    return Told(target=target.name, documents=(*preview_open(conn, target, chart, opened), *waiting))
