"""The access log: who did what, in a chain of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from leja.core.errors import BrokenInvariant
from leja.database.engine import Connection as Conn

GENESIS = bytes(32)
_canonical = msgspec.json.Encoder(order="sorted").encode


def record(
    conn: Conn, org_id: UUID, actor: str, action: str, subject: str, now: datetime, detail: Mapping[str, object] | None = None
) -> None:
    """Add a line to the log, chained to the one before."""
    conn.execute("SELECT 1 FROM org WHERE org_id = %s FOR UPDATE", (org_id,))
    last = conn.execute(
        "SELECT position, hash FROM access_log WHERE org_id = %s ORDER BY position DESC LIMIT 1", (org_id,)
    ).fetchone()
    position, before = (int(str(last[0])) + 1, bytes(last[1])) if last else (1, GENESIS)  # type: ignore[call-overload]
    text = _canonical(detail or {}).decode()
    conn.execute(
        "INSERT INTO access_log (org_id, position, at, actor, action, subject, detail, hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (org_id, position, now, actor, action, subject, text, _link(before, position, now, actor, action, subject, text)),
    )


def verify(conn: Conn, org_id: UUID) -> int:
    """Walk the whole log; gives its length. Raises BrokenInvariant ``access-log-broken`` naming the first bad line."""
    before, expected = GENESIS, 0
    for row in conn.execute(
        "SELECT position, at, actor, action, subject, detail, hash FROM access_log WHERE org_id = %s ORDER BY position", (org_id,)
    ):
        expected += 1
        position, at, actor, action, subject, detail, stored = row
        before = _link(before, int(str(position)), at, str(actor), str(action), str(subject), str(detail))  # type: ignore[arg-type]
        if position != expected or before != bytes(stored):  # type: ignore[call-overload]
            raise BrokenInvariant("access-log-broken", f"line {expected} of the access log was changed, removed or inserted")
    return expected


def _link(before: bytes, position: int, at: datetime, actor: str, action: str, subject: str, detail: str) -> bytes:
    line = {"position": position, "at": at.astimezone(UTC).isoformat(), "actor": actor, "action": action, "subject": subject,
            "detail": detail}
    return hashlib.sha256(before.hex().encode() + b"\n" + _canonical(line)).digest()
