"""Organisations: the unit of scale. A new one has a whole chart of accounts and default rules at once."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from leja.access.mapping import ALWAYS, Decision, decide
from leja.core.clock import zone as known_zone
from leja.core.currency import exponent
from leja.core.errors import Refused
from leja.core.ids import OrgId, uuid7
from leja.database import rules
from leja.database.engine import Connection as Conn
from leja.rules.mapping import default_version
from leja.rules.roles import default_chart


class Organisation(msgspec.Struct, frozen=True, kw_only=True):
    """One company: its name, base currency, country, zone, and when its business day ends."""

    org_id: OrgId
    name: str
    base_currency: str
    country: str
    zone: str
    day_end_minutes: int
    fiscal_year_start: int


_COLUMNS = "org_id, name, base_currency, country, zone, day_end_minutes, fiscal_year_start"


def create(
    conn: Conn,
    name: str,
    *,
    base_currency: str,
    now: datetime,
    country: str = "",
    zone: str = "UTC",
    day_end_minutes: int = 0,
    fiscal_year_start: int = 1,
    by: str = "leja",
) -> Organisation:
    """Make an organisation with its default chart and mapping. Raises Refused ``org-exists``."""
    exponent(base_currency)
    known_zone(zone)
    made = Organisation(
        org_id=OrgId(uuid7(now)), name=name, base_currency=base_currency, country=country, zone=zone,
        day_end_minutes=day_end_minutes, fiscal_year_start=fiscal_year_start,
    )
    inserted = conn.execute(
        f"INSERT INTO org ({_COLUMNS}, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO NOTHING".encode(),
        (made.org_id, name, base_currency, country, zone, day_end_minutes, fiscal_year_start, now),
    ).rowcount
    if not inserted:
        raise Refused("org-exists", f"there is an organisation named {name!r} already", remedy="Choose another name.")
    conn.execute("INSERT INTO head (org_id) VALUES (%s)", (made.org_id,))
    rules.add_accounts(conn, made.org_id, [account for _, account in default_chart()])
    decide(
        conn, made.org_id,
        [Decision(scope=rules.BOOKS, kind="role", key=rule.key, value=rule.value) for rule in default_version(ALWAYS).rules],
        by=by, reason="the default chart of accounts", now=now,
    )
    return made


def organisations(conn: Conn) -> list[Organisation]:
    """Every organisation, in the order they were made."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM org ORDER BY org_id".encode()).fetchall()
    return [Organisation(**dict(zip(_COLUMNS.split(", "), row, strict=True))) for row in rows]  # type: ignore[arg-type]


def organisation(conn: Conn, name: str = "") -> Organisation:
    """The organisation of that name, or the only one there is. Raises Refused ``org-unknown`` or ``org-unnamed``."""
    every = organisations(conn)
    if not name and len(every) == 1:
        return every[0]
    names = ", ".join(org.name for org in every)
    if not name:
        raise Refused("org-unnamed", "it is not said which organisation is meant",
                      remedy=f"Give --org: {names}." if every else "Make one: leja org create NAME --currency GBP.")
    for org in every:
        if name in (org.name, str(org.org_id)):
            return org
    raise Refused("org-unknown", f"there is no organisation {name!r}", remedy=f"Use one of: {names or 'none yet'}.")


def by_id(conn: Conn, org_id: UUID) -> Organisation:
    """The organisation with that id. Raises Refused ``org-unknown``."""
    return organisation(conn, str(org_id))
