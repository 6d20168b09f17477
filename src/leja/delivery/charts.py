"""The target's chart as it was last read, and the mapping in force: the terms on which it is told."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec

from leja.connectors.contract import Chart
from leja.database.engine import Connection
from leja.delivery.bundle import Terms
from leja.rules.target_mapping import TargetMapping, TargetRule

CHART_SECONDS = 3600


def store_chart(conn: Connection, org_id: UUID, connection_id: UUID, chart: Chart, now: datetime) -> None:
    """Keep the chart that was just read."""
    conn.execute(
        "INSERT INTO remote_chart (org_id, connection_id, chart, read_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (org_id, connection_id) DO UPDATE SET chart = EXCLUDED.chart, read_at = EXCLUDED.read_at",
        (org_id, connection_id, msgspec.json.encode(chart, order="deterministic").decode(), now),
    )


def stored_chart(conn: Connection, org_id: UUID, connection_id: UUID) -> tuple[Chart, datetime] | None:
    """The chart as it was last read, and when; None before the first reading."""
    row = conn.execute(
        "SELECT chart, read_at FROM remote_chart WHERE org_id = %s AND connection_id = %s", (org_id, connection_id)
    ).fetchone()
    return (msgspec.json.decode(str(row[0]), type=Chart), row[1]) if row else None


def account_names(conn: Connection, org_id: UUID, connection_id: UUID) -> dict[str, str]:
    """What the accounts of a target are called there, by id."""
    kept = stored_chart(conn, org_id, connection_id)
    return {one.id: f"{one.code} {one.name}".strip() for one in kept[0].accounts} if kept else {}


def outdate_chart(conn: Connection, org_id: UUID, connection_id: UUID) -> None:
    """Have the next run read the chart anew: somebody says that something was mended over there."""
    conn.execute(
        "UPDATE remote_chart SET read_at = '1970-01-01Z' WHERE org_id = %s AND connection_id = %s",
        (org_id, connection_id),
    )


def target_rules(conn: Connection, org_id: UUID, connection_id: UUID) -> tuple[TargetRule, ...]:
    """All mapping rules of the target, every version."""
    rows = conn.execute(
        "SELECT v.version, v.effective_from, r.kind, r.key, r.value, r.conditions FROM mapping_rule r"
        " JOIN mapping_version v ON v.org_id = r.org_id AND v.version = r.version"
        " WHERE r.org_id = %s AND r.scope = %s ORDER BY v.version, r.ordinal",
        (org_id, str(connection_id)),
    ).fetchall()
    return tuple(
        TargetRule(
            version=int(str(row[0])), effective_from=row[1], kind=str(row[2]), key=str(row[3]),
            value=None if row[4] is None else str(row[4]), conditions=row[5],
        )
        for row in rows
    )


def terms(conn: Connection, org_id: UUID, connection_id: UUID, chart: Chart, day: date) -> Terms:
    """The terms of a target on a day."""
    row = conn.execute("SELECT base_currency FROM org WHERE org_id = %s", (org_id,)).fetchone()
    mapping = TargetMapping(target_rules(conn, org_id, connection_id), day)
    return Terms(chart=chart, mapping=mapping, base_currency=str(row[0]) if row else "")
