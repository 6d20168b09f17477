"""What the tests of intake share: an organisation with connections."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from leja.core.ids import uuid7
from leja.database.engine import Database

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


class Place(msgspec.Struct, frozen=True):
    """An organisation and one of its connections."""

    org_id: UUID
    connection_id: UUID
    door: str


def make_place(database: Database, slug: str = "shop", org_id: UUID | None = None) -> Place:
    """A connection, in a new organisation unless one is given."""
    with database.transaction() as conn:
        if org_id is None:
            org_id = uuid7(NOW)
            conn.execute(
                "INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, %s, 'GBP', %s)",
                (org_id, str(uuid4()), NOW),
            )
        connection_id, door = uuid7(NOW), uuid4().hex
        conn.execute(
            "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
            " VALUES (%s, %s, %s, %s, 'sales', %s, %s, %s)",
            (org_id, connection_id, door, slug, date(2026, 1, 1), door, NOW),
        )
    return Place(org_id, connection_id, door)


@pytest.fixture
def place(database: Database) -> Place:
    """A fresh connection in a fresh organisation."""
    return make_place(database)
