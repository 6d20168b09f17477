"""API tokens: shown once, kept as a hash, scoped, revocable."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from leja.core.errors import Refused
from leja.core.ids import uuid7
from leja.database.engine import Connection as Conn

SCOPES = ("read", "review", "mapping", "period", "deliver", "admin")


class Bearer(msgspec.Struct, frozen=True):
    """Whom a token speaks for."""

    org_id: UUID
    token_id: UUID
    name: str
    scopes: frozenset[str]


def create(conn: Conn, org_id: UUID, name: str, scopes: Sequence[str], now: datetime) -> str:
    """Make a token and give its text, which cannot be shown again. Raises Refused ``token-scope``."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise Refused("token-scope", f"unknown scope {', '.join(unknown) or '(none given)'}",
                      remedy=f"Use: {', '.join(SCOPES)}.")
    token = f"leja_{secrets.token_urlsafe(32)}"
    conn.execute(
        "INSERT INTO api_token (org_id, token_id, name, hash, scopes, created_at) VALUES (%s, %s, %s, %s, %s, %s)",
        (org_id, uuid7(now), name, _hash(token), sorted(set(scopes)), now),
    )
    return token


class Listed(msgspec.Struct, frozen=True):
    """A token as it is listed: never its text."""

    token_id: UUID
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def listed(conn: Conn, org_id: UUID) -> list[Listed]:
    """The tokens of an organisation, oldest first, revoked ones too."""
    rows = conn.execute(
        "SELECT token_id, name, scopes, created_at, revoked_at FROM api_token WHERE org_id = %s ORDER BY token_id", (org_id,)
    ).fetchall()
    return [Listed(row[0], str(row[1]), tuple(row[2]), row[3], row[4]) for row in rows]


def bearer(conn: Conn, token: str) -> Bearer | None:
    """Whom the token speaks for, or nobody."""
    row = conn.execute(
        "SELECT org_id, token_id, name, scopes FROM api_token WHERE hash = %s AND revoked_at IS NULL", (_hash(token),)
    ).fetchone()
    return Bearer(row[0], row[1], str(row[2]), frozenset(row[3])) if row else None  # type: ignore[arg-type]


def revoke(conn: Conn, org_id: UUID, name: str, now: datetime) -> int:
    """End every token of that name; says how many."""
    return conn.execute(
        "UPDATE api_token SET revoked_at = %s WHERE org_id = %s AND name = %s AND revoked_at IS NULL", (now, org_id, name)
    ).rowcount


def _hash(token: str) -> bytes:
    # The token has 256 random bits: a plain hash cannot be searched, a slow one would only cost each request.
    return hashlib.sha256(token.encode()).digest()
