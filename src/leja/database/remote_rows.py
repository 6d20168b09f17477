"""What stands at the targets, as rows: the last state of every remote document that was read back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from leja.database.engine import Connection


class RemoteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One remote document as it was read. ``lines`` is canonical JSON: [{"account", "amount": {"minor",
    "currency"}}]."""

    kind: str
    remote_id: str
    reference: str
    foreign: bool
    state: str
    date: date | None
    version: str
    number: str
    total: int | None
    currency: str
    lines: str


def keep_rows(conn: Connection, org_id: UUID, connection_id: UUID, rows: Sequence[RemoteRow], now: datetime) -> None:
    """Keep the last state. A document that was ours stays ours, even if somebody takes our mark out of it."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO remote_state (org_id, connection_id, kind, remote_id, reference, foreign_entry, state,"
            " date, version,"
            " number, total, currency, lines, read_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " %s::jsonb, %s)"
            " ON CONFLICT (org_id, connection_id, kind, remote_id) DO UPDATE SET"
            " reference = CASE WHEN EXCLUDED.reference = '' THEN remote_state.reference ELSE EXCLUDED.reference END,"
            " foreign_entry = remote_state.foreign_entry AND EXCLUDED.foreign_entry, state = EXCLUDED.state,"
            " date = coalesce(EXCLUDED.date, remote_state.date), version = EXCLUDED.version, number = EXCLUDED.number,"
            " total = EXCLUDED.total, currency = EXCLUDED.currency, lines = EXCLUDED.lines, read_at = EXCLUDED.read_at",
            [
                (org_id, connection_id, r.kind, r.remote_id, r.reference, r.foreign, r.state, r.date, r.version,
                r.number,
                 r.total, r.currency, r.lines, now)
                for r in rows
            ],
        )
