"""Connections: which platform, under which name, with which duty, settings and start date."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from leja.connectors.contract import Connector, Context, Key, Location
from leja.connectors.registry import connector as declared
from leja.core.errors import Refused
from leja.core.ids import uuid7
from leja.database.engine import Connection as Conn


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as it is stored. ``settings`` never holds a secret; ``door`` is the end of its webhook address."""

    org_id: UUID
    connection_id: UUID
    name: str
    slug: str
    duty: str
    settings: Mapping[str, Any]
    tenant: str
    start_date: date
    door: str

    @property
    def connector(self) -> Connector:
        """The platform's declaration."""
        return declared(self.slug)

    def typed_settings(self) -> Any:
        """The settings as the connector's own type."""
        return typed_settings(self.connector, self.settings)


_COLUMNS = "org_id, connection_id, name, slug, duty, settings, tenant, start_date, door"


def secret_names(connector: Connector) -> frozenset[str]:
    """The fields of a connector's settings that are secrets."""
    info = msgspec.inspect.type_info(connector.settings)
    assert isinstance(info, msgspec.inspect.StructType)
    return frozenset(
        field.encode_name
        for field in info.fields
        if isinstance(field.type, msgspec.inspect.Metadata) and (field.type.extra or {}).get("secret")
    )


def base_url(connector: Connector, settings: Mapping[str, Any]) -> str:
    """Where calls go: the vendor's address, its host replaced where the connection states a ``base_url`` (a sandbox)."""
    usual = connector.base_url.format(**settings)
    stated = str(settings.get("base_url") or "")
    return stated.rstrip("/") + urlsplit(usual).path if stated else usual


def typed_settings(connector: Connector, settings: Mapping[str, Any]) -> Any:
    """Validated settings. Raises Refused ``connection-settings`` naming the field; unknown names are errors.

    ``base_url`` is known to every connection: it moves the calls to the user's own system or a sandbox.
    """
    known = {field.name for field in msgspec.structs.fields(connector.settings)}
    unknown = sorted(set(settings) - known - {"base_url"})
    if unknown:
        raise Refused("connection-settings", f"{connector.title} has no setting {', '.join(unknown)}",
                      remedy=f"Use: {', '.join(sorted(known))}.")
    try:
        return msgspec.convert({k: v for k, v in settings.items() if k in known}, connector.settings, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("connection-settings", f"a setting of {connector.title} does not fit: {error}") from error


def session_settings(found: Connection, hidden: Mapping[str, str]) -> Any:
    """The settings that a call is made with. The secrets of a key log-in are among them: a connector may have to sign.

    ``decode`` and everything that is stored are handed the settings without them.
    """
    auth = found.connector.auth
    keys = {name: hidden[name] for name in auth.secrets if name in hidden} if isinstance(auth, Key) else {}
    return typed_settings(found.connector, {**found.settings, **keys})


def add(
    conn: Conn,
    org_id: UUID,
    slug: str,
    name: str,
    *,
    settings: Mapping[str, Any],
    start_date: date,
    now: datetime,
    duty: str = "",
    tenant: str = "",
) -> Connection:
    """Add a connection; secrets are stored apart by the vault. Raises Refused ``connection-exists``."""
    connector = declared(slug)
    duty = duty or ("accounting" if "accounting" in connector.roles else "sales")
    if duty not in connector.roles:
        raise Refused("connection-duty", f"{connector.title} cannot have the duty {duty!r}",
                      remedy=f"It can have: {', '.join(sorted(connector.roles))}.")
    typed_settings(connector, settings)
    held = sorted(set(settings) & secret_names(connector))
    if held:
        raise Refused("connection-settings", f"{', '.join(held)} must be given as a secret")
    made = Connection(
        org_id=org_id, connection_id=uuid7(now), name=name, slug=slug, duty=duty, settings=settings, tenant=tenant,
        start_date=start_date, door=secrets.token_urlsafe(24),
    )
    inserted = conn.execute(
        f"INSERT INTO connection ({_COLUMNS}, created_at) VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s)"
        " ON CONFLICT (org_id, name) WHERE removed_at IS NULL DO NOTHING".encode(),
        (org_id, made.connection_id, name, slug, duty, msgspec.json.encode(settings).decode(), tenant, start_date,
         made.door, now),
    ).rowcount
    if not inserted:
        raise Refused("connection-exists", f"there is a connection named {name!r} already", remedy="Choose another name.")
    return made


def connections(conn: Conn, org_id: UUID, *, duty: str = "") -> list[Connection]:
    """The connections of an organisation, in the order they were added."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM connection WHERE org_id = %s AND removed_at IS NULL AND (%s = '' OR duty = %s)"
        " ORDER BY connection_id".encode(),
        (org_id, duty, duty),
    ).fetchall()
    return [_connection(row) for row in rows]


def connection(conn: Conn, org_id: UUID, name: str) -> Connection:
    """A connection by name. Raises Refused ``connection-unknown`` naming those that there are."""
    every = connections(conn, org_id)
    for found in every:
        if found.name == name:
            return found
    raise Refused("connection-unknown", f"there is no connection named {name!r}",
                  remedy=f"Use one of: {', '.join(c.name for c in every) or 'none yet, add one'}.")


def by_id(conn: Conn, org_id: UUID, connection_id: UUID) -> Connection:
    """A connection by id, removed ones too. Raises Refused ``connection-unknown``."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM connection WHERE org_id = %s AND connection_id = %s".encode(), (org_id, connection_id)
    ).fetchone()
    if row is None:
        raise Refused("connection-unknown", f"there is no connection {connection_id}")
    return _connection(row)


def change_settings(conn: Conn, org_id: UUID, found: Connection, settings: Mapping[str, Any]) -> Connection:
    """Replace a connection's settings; what was decided under the old ones stays as it is."""
    typed_settings(found.connector, settings)
    conn.execute(
        "UPDATE connection SET settings = %s::jsonb WHERE org_id = %s AND connection_id = %s",
        (msgspec.json.encode(settings).decode(), org_id, found.connection_id),
    )
    return msgspec.structs.replace(found, settings=settings)


def set_tenant(conn: Conn, org_id: UUID, found: Connection, tenant: str) -> Connection:
    """Say which account at the vendor this is, once it is known. Raises Refused ``connection-tenant`` if it was another."""
    if found.tenant not in ("", tenant):
        raise Refused("connection-tenant", f"{found.name} is connected to {found.tenant}, the consent is for {tenant}",
                      remedy="Log in to the same account, or add another connection for the other one.")
    conn.execute(
        "UPDATE connection SET tenant = %s WHERE org_id = %s AND connection_id = %s", (tenant, org_id, found.connection_id)
    )
    return msgspec.structs.replace(found, tenant=tenant)


def remove(conn: Conn, org_id: UUID, connection_id: UUID, now: datetime) -> None:
    """Stop using a connection: what it brought and was told stays; its credentials go."""
    for table in ("secret", "token_grant"):
        conn.execute(f"DELETE FROM {table} WHERE org_id = %s AND connection_id = %s".encode(), (org_id, connection_id))
    conn.execute(
        "UPDATE connection SET removed_at = %s WHERE org_id = %s AND connection_id = %s", (now, org_id, connection_id)
    )


def context(conn: Conn, org_id: UUID, found: Connection) -> Context:
    """What decoding may know of a connection: its settings, its places, the organisation's zone and currency."""
    org = conn.execute("SELECT zone, day_end_minutes, base_currency FROM org WHERE org_id = %s", (org_id,)).fetchone()
    if org is None:
        raise Refused("org-unknown", f"there is no organisation {org_id}")
    places = conn.execute(
        "SELECT external_id, zone, day_end_minutes, name FROM location WHERE org_id = %s AND connection_id = %s",
        (org_id, found.connection_id),
    ).fetchall()
    locations = {
        str(row[0]): Location(external_id=str(row[0]), zone=str(row[1]), day_end_minutes=int(str(row[2])), name=str(row[3]))
        for row in places
    }
    return Context(settings=found.typed_settings(), zone=str(org[0]), day_end_minutes=int(str(org[1])),
                   base_currency=str(org[2]), locations=locations, duty=found.duty)


def set_location(conn: Conn, org_id: UUID, connection_id: UUID, place: Location) -> None:
    """Say where a place of sale is and when its business day ends; later documents follow it."""
    conn.execute(
        "INSERT INTO location (org_id, connection_id, external_id, name, zone, day_end_minutes) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (org_id, connection_id, external_id) DO UPDATE SET name = EXCLUDED.name, zone = EXCLUDED.zone,"
        " day_end_minutes = EXCLUDED.day_end_minutes",
        (org_id, connection_id, place.external_id, place.name, place.zone, place.day_end_minutes),
    )


def _connection(row: tuple[object, ...]) -> Connection:
    return Connection(**dict(zip(_COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]
