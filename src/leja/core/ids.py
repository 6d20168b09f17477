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
    millis = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    tail = int.from_bytes(os.urandom(10), "big")
    value = (millis << 80) | (0x7 << 76) | ((tail >> 68) & 0xFFF) << 64 | (0b10 << 62) | (tail & ((1 << 62) - 1))
    return UUID(int=value)


def printed(kind: str, value: UUID | int) -> str:
    """An id as people see it: ``entry_42``, ``document_0190…``."""
    return f"{kind}_{value}"
