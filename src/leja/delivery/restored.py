"""A database that was restored to an older state: found by what this machine saw, or said by whoever restored it.

The witness is a small file beside the database, one a target: how far the chain had come when this machine last froze
something for it, written before the call. A database whose chain does not hold that link is an older life of itself. So
is, perhaps, one that has attempts and of which this machine has no witness. Either holds the target back until the calls
of the life that was lost have ended and are seen by searching; see docs/decisions/0011-restores.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec

from leja.core.errors import Transient
from leja.core.ids import uuid7
from leja.database.engine import Connection

OLDER = "the database does not hold what this machine froze last: it is an older life of itself"
UNKNOWN = "this machine has not seen what this database told: it may be an older life of itself"


class Link(msgspec.Struct, frozen=True):
    """A link of an organisation's chain: its position and its hash in hexadecimal."""

    position: int
    hash: str


class Witness:
    """The files of one machine. They are no part of a backup: what is restored must not vouch for itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def seen(self, connection_id: UUID) -> Link | None:
        """What was seen last for a target; None if nothing was, or if it cannot be read."""
        try:
            return msgspec.json.decode((self._folder / f"{connection_id}.json").read_bytes(), type=Link)
        except (OSError, msgspec.DecodeError):
            return None

    def note(self, connection_id: UUID, link: Link) -> None:
        """Write down what is seen now. Raises Transient ``witness-unwritten``: nothing may be sent then."""
        path = self._folder / f"{connection_id}.json"
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode(link))
            fresh.replace(path)
        except OSError as error:
            raise Transient("witness-unwritten", f"{self._folder} cannot be written: {error.strerror}") from error


def newest_link(conn: Connection, org_id: UUID) -> Link:
    """How far the chain has come, in this transaction."""
    row = conn.execute("SELECT chain_position, chain_hash FROM head WHERE org_id = %s", (org_id,)).fetchone()
    return Link(int(str(row[0])), bytes(row[1]).hex()) if row else Link(0, "")


def held_until(
    conn: Connection, org_id: UUID, connection_id: UUID, witness: Witness | None, unseen_seconds: float, now: datetime
) -> datetime:
    """Until when nothing may be sent to a target; not after ``now`` if it may be at once. Marks what it finds."""
    if witness is not None:
        why = _doubt(conn, org_id, connection_id, witness.seen(connection_id))
        if why:
            mark(conn, org_id, [connection_id], now + timedelta(seconds=unseen_seconds), why, now)
    row = conn.execute(
        "SELECT max(until) FROM restore_mark WHERE org_id = %s AND (connection_id IS NULL OR connection_id = %s)",
        (org_id, connection_id),
    ).fetchone()
    return row[0] if row and row[0] is not None else now


def mark(
    conn: Connection, org_id: UUID, targets: Sequence[UUID], until: datetime, because: str, now: datetime
) -> None:
    """Hold targets back until then."""
    for connection_id in targets:
        conn.execute(
            "INSERT INTO restore_mark (org_id, mark_id, connection_id, marked_at, until, because)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (org_id, uuid7(now), connection_id, now, until, because),
        )


def _doubt(conn: Connection, org_id: UUID, connection_id: UUID, seen: Link | None) -> str:
    if seen is not None:
        row = conn.execute(
            "SELECT hash FROM chain WHERE org_id = %s AND position = %s", (org_id, seen.position)
        ).fetchone()
        return "" if seen.position == 0 or (row and bytes(row[0]).hex() == seen.hash) else OLDER
    row = conn.execute(
        "SELECT 1 FROM deliverable WHERE org_id = %s AND connection_id = %s LIMIT 1", (org_id, connection_id)
    ).fetchone()
    return UNKNOWN if row else ""
