"""What the user pasted for a connection: keys, client and webhook secrets; sealed, two of a name during rotation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from leja.access.vault import Vault, place
from leja.database.engine import Connection


def _where(org_id: UUID, connection_id: UUID, name: str) -> bytes:
    return place("secret", org_id, connection_id, name)


def put_secret(
    conn: Connection, org_id: UUID, vault: Vault, connection_id: UUID, name: str, value: str, now: datetime,
    *, old_retires_at: datetime | None = None,
) -> int:
    """Stores a secret as the newest of its name; the older ones hold until ``old_retires_at``, or end now."""
    row = conn.execute(
        "SELECT coalesce(max(generation), 0) FROM secret WHERE org_id = %s AND connection_id = %s AND name = %s",
        (org_id, connection_id, name),
    ).fetchone()
    generation = int(str(row[0])) + 1 if row else 1
    conn.execute(
        "UPDATE secret SET retires_at = %s WHERE org_id = %s AND connection_id = %s AND name = %s"
        " AND (retires_at IS NULL OR retires_at > %s)",
        (old_retires_at or now, org_id, connection_id, name, old_retires_at or now),
    )
    sealed = vault.seal(value.encode(), _where(org_id, connection_id, name))
    conn.execute(
        "INSERT INTO secret (org_id, connection_id, name, generation, ciphertext, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (org_id, connection_id, name, generation, sealed, now),
    )
    return generation


def secrets_named(
    conn: Connection, org_id: UUID, vault: Vault, connection_id: UUID, name: str, now: datetime
) -> tuple[str, ...]:
    """The secrets of a name that hold now, the newest first."""
    rows = conn.execute(
        "SELECT ciphertext FROM secret WHERE org_id = %s AND connection_id = %s AND name = %s"
        " AND (retires_at IS NULL OR retires_at > %s) ORDER BY generation DESC",
        (org_id, connection_id, name, now),
    ).fetchall()
    where = _where(org_id, connection_id, name)
    return tuple(vault.open(_bytes(row[0]), where).decode() for row in rows)


def held_names(conn: Connection, org_id: UUID, connection_id: UUID, now: datetime) -> frozenset[str]:
    """The names of the secrets that hold now; nothing is opened."""
    rows = conn.execute(
        "SELECT DISTINCT name FROM secret WHERE org_id = %s AND connection_id = %s AND (retires_at IS NULL OR retires_at > %s)",
        (org_id, connection_id, now),
    ).fetchall()
    return frozenset(str(name) for (name,) in rows)


def newest_secrets(conn: Connection, org_id: UUID, vault: Vault, connection_id: UUID, now: datetime) -> dict[str, str]:
    """The newest secret of each name, to complete a connection's settings with."""
    rows = conn.execute(
        "SELECT DISTINCT name FROM secret WHERE org_id = %s AND connection_id = %s", (org_id, connection_id)
    ).fetchall()
    found = {str(name): secrets_named(conn, org_id, vault, connection_id, str(name), now) for (name,) in rows}
    return {name: values[0] for name, values in found.items() if values}


def reseal(conn: Connection, org_id: UUID, vault: Vault) -> int:
    """Seals with the current key what an older one sealed, secrets and grants; the count of rows that changed."""
    changed = 0
    for connection_id, name, generation, sealed in conn.execute(
        "SELECT connection_id, name, generation, ciphertext FROM secret WHERE org_id = %s FOR UPDATE", (org_id,)
    ).fetchall():
        if not vault.is_current(_bytes(sealed)):
            where = _where(org_id, UUID(str(connection_id)), str(name))
            conn.execute(
                "UPDATE secret SET ciphertext = %s"
                " WHERE org_id = %s AND connection_id = %s AND name = %s AND generation = %s",
                (vault.seal(vault.open(_bytes(sealed), where), where), org_id, connection_id, name, generation),
            )
            changed += 1
    for connection_id, sealed in conn.execute(
        "SELECT connection_id, ciphertext FROM token_grant WHERE org_id = %s FOR UPDATE", (org_id,)
    ).fetchall():
        if not vault.is_current(_bytes(sealed)):
            where = place("grant", org_id, connection_id)
            conn.execute(
                "UPDATE token_grant SET ciphertext = %s WHERE org_id = %s AND connection_id = %s",
                (vault.seal(vault.open(_bytes(sealed), where), where), org_id, connection_id),
            )
            changed += 1
    return changed


def _bytes(value: object) -> bytes:
    assert isinstance(value, (bytes, memoryview))
    return bytes(value)
