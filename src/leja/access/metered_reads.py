"""The months' reads of a connection as they are stored, and the review item that warns before an allowance is used up."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from leja.database import review
from leja.database.engine import Connection
from leja.http.metering import Reads, month_of

RUNNING_OUT: Final = "reads-running-out"


def add(
    conn: Connection, org_id: UUID, connection_id: UUID, name: str, allowance: int, counted: int, now: datetime
) -> Reads:
    """Add reads to the month's; opens or settles the warning."""
    row = conn.execute(
        "INSERT INTO metered_reads AS m (org_id, connection_id, month, reads, counted_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (org_id, connection_id, month) DO UPDATE SET reads = m.reads + EXCLUDED.reads, counted_at ="
        " EXCLUDED.counted_at RETURNING reads",
        (org_id, connection_id, month_of(now), counted, now),
    ).fetchone()
    assert row is not None
    reads = Reads(allowance=allowance, used=int(str(row[0])), now=now)
    subject = f"connection/{connection_id}"
    if not reads.running_out:
        review.settle(conn, org_id, subject, "mended", "leja", now, code=RUNNING_OUT)
        return reads
    ends = f"at this pace they end on {reads.ends_on}" if reads.ends_on else "they just last"
    review.open_item(
        conn, org_id, RUNNING_OUT, subject,
        f"{name} admits {allowance:,} reads a month; {reads.used:,} of {reads.month:%B %Y} are used"
        f" ({reads.share:.0%}, with {reads.elapsed:.0%} of the month over), and {ends}.",
        "Leja asks less often by itself, and sales go on. If other programs share the allowance, let them ask less, or"
        " ask the vendor for more; it begins anew with the month.",
        now, connection_id=connection_id,
        facts={"allowance": allowance, "used": reads.used, "month": reads.month.isoformat()},
    )  # fmt: skip
    return reads


def stored(conn: Connection, org_id: UUID, connection_id: UUID, allowance: int, now: datetime) -> Reads | None:
    """How the month stands; None where nothing is metered."""
    if not allowance:
        return None
    row = conn.execute(
        "SELECT reads FROM metered_reads WHERE org_id = %s AND connection_id = %s AND month = %s",
        (org_id, connection_id, month_of(now)),
    ).fetchone()
    return Reads(allowance=allowance, used=int(str(row[0])) if row else 0, now=now)
