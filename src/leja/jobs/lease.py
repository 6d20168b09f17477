"""Who may act: a lease of our own, checked in every write that depends on it.

A job's lock is not a lease. Each taking over raises the epoch, so what an earlier holder still
wants to write is refused.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from leja.core.errors import Conflict, Refused
from leja.database.engine import Connection

LEASE_SECONDS = 30


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A lease as it was acquired or last renewed."""

    org_id: UUID
    name: str
    holder: str
    epoch: int
    until: datetime


def lease_seconds() -> int:
    """How long a lease lasts unless it is renewed (``LEJA_LEASE_SECONDS``): so late is a dead holder's work taken over."""
    text = os.environ.get("LEJA_LEASE_SECONDS", str(LEASE_SECONDS))
    if not text.isdigit() or not int(text):
        raise Refused("setting-unreadable", f"LEJA_LEASE_SECONDS is {text!r}, not a whole number of seconds")
    return int(text)


def acquire(conn: Connection, org_id: UUID, name: str, holder: str, now: datetime, *, seconds: int = 0) -> Lease | None:
    """The lease, if nobody else holds it now; its epoch is new. None while another holds it."""
    until = now + timedelta(seconds=seconds or lease_seconds())
    row = conn.execute(
        "INSERT INTO lease (org_id, name, holder, epoch, until) VALUES (%s, %s, %s, 1, %s)"
        " ON CONFLICT (org_id, name) DO UPDATE SET holder = EXCLUDED.holder, epoch = lease.epoch + 1, until ="
        " EXCLUDED.until"
        " WHERE lease.until <= %s OR lease.holder = EXCLUDED.holder RETURNING epoch",
        (org_id, name, holder, until, now),
    ).fetchone()
    if row is None:
        return None
    return Lease(org_id=org_id, name=name, holder=holder, epoch=int(str(row[0])), until=until)


def renew(conn: Connection, lease: Lease, now: datetime, *, seconds: int = 0) -> Lease:
    """The same lease, longer. Raises Conflict ``lease-lost`` when another took it over."""
    until = now + timedelta(seconds=seconds or lease_seconds())
    changed = conn.execute(
        "UPDATE lease SET until = %s WHERE org_id = %s AND name = %s AND holder = %s AND epoch = %s",
        (until, lease.org_id, lease.name, lease.holder, lease.epoch),
    ).rowcount
    if changed != 1:
        raise _lost(lease)
    return msgspec.structs.replace(lease, until=until)


def release(conn: Connection, lease: Lease, now: datetime) -> None:
    """Give the lease back at once, so that the next need not wait for its end; nothing happens if it was lost."""
    conn.execute(
        "UPDATE lease SET until = %s WHERE org_id = %s AND name = %s AND holder = %s AND epoch = %s",
        (now, lease.org_id, lease.name, lease.holder, lease.epoch),
    )


def assert_held(conn: Connection, lease: Lease) -> None:
    """Hold the lease still until this transaction ends. Raises Conflict ``lease-lost`` when its epoch is over.

    A lease whose time is up and that nobody took over yet still stands: only a new epoch makes a write late.
    """
    row = conn.execute(
        "SELECT 1 FROM lease WHERE org_id = %s AND name = %s AND holder = %s AND epoch = %s FOR SHARE",
        (lease.org_id, lease.name, lease.holder, lease.epoch),
    ).fetchone()
    if row is None:
        raise _lost(lease)


def _lost(lease: Lease) -> Conflict:
    return Conflict(
        "lease-lost",
        f"the lease {lease.name!r} of epoch {lease.epoch} was taken over; what this worker still wanted to write"
        f" is refused",
    )
