"""The roles of a database that is not the embedded one."""

from __future__ import annotations

from urllib.parse import quote

import psycopg

from leja.core.errors import Refused
from leja.database.engine import Urls


def ensure_roles(owner_url: str, app_url: str = "", web_url: str = "") -> Urls:
    """Make the working roles where they are missing and say how to connect as each.

    Without URLs of their own, the working roles are taken on by the owner's connection (``SET ROLE`` at its start): the
    application then runs with their rights, but whoever holds the owner's password can leave them.
    """
    with psycopg.connect(owner_url, autocommit=True) as connection:
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role, attributes in (("leja_app", "BYPASSRLS"), ("leja_web", "")):
            if role not in known:
                _make(connection, role, attributes)
    return Urls(owner=owner_url, app=app_url or _as(owner_url, "leja_app"), web=web_url or _as(owner_url, "leja_web"))


def _make(connection: psycopg.Connection[tuple[object, ...]], role: str, attributes: str) -> None:
    try:
        connection.execute(f"CREATE ROLE {role} NOLOGIN {attributes}".encode())
        connection.execute(f"GRANT {role} TO CURRENT_USER".encode())
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            "database-roles", f"the role {role} is missing and may not be made by this user: {error}",
            remedy=f"Let an administrator run: CREATE ROLE {role} NOLOGIN {attributes}; GRANT {role} TO <owner>;",
        ) from error


def _as(url: str, role: str) -> str:
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}options={quote(f'-c role={role}')}"
