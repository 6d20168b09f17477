"""Ids: UUIDv7 of our own, made in the shell; the platforms' ids are text, kept as given."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NewType
from uuid import UUID

OrgId = NewType("OrgId", UUID)
ConnectionId = NewType("ConnectionId", UUID)
EventId = NewType("EventId", UUID)
DocumentId = NewType("DocumentId", UUID)
EntryNumber = NewType("EntryNumber", int)


def uuid7(now: datetime) -> UUID:
    """A time-ordered UUID (RFC 9562, version 7) for ``now``."""
    return uuids7(now, 1)[0]


def uuids7(now: datetime, count: int) -> list[UUID]:
    """So many of them, in no order among themselves."""
    millis = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    head = (millis << 80) | (0x7 << 76) | (0b10 << 62)
    random = os.urandom(10 * count)
    return [_uuid7(head, int.from_bytes(random[at : at + 10], "big")) for at in range(0, 10 * count, 10)]


def _uuid7(head: int, tail: int) -> UUID:
    return UUID(int=head | ((tail >> 68) & 0xFFF) << 64 | (tail & ((1 << 62) - 1)))


def printed(kind: str, value: UUID | int) -> str:
    """An id as people see it: ``entry_42``, ``document_0190…``."""
    return f"{kind}_{value}"
