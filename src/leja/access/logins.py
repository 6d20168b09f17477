"""A login that a vendor refuses: one review item a connection says why and what to do, and the next call that works settles it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from leja.core.errors import NeedsConsent
from leja.database import review
from leja.database.engine import Connection

# Whoever is refused with one of these has no login that holds: any call that works shows that it holds again. All others
# are about what the login may do, so that only the same step can show that it may.
_NO_LOGIN: Final = (
    "grant-missing", "grant-needs-consent", "http-unauthorised", "oauth-no-refresh-token", "oauth-token-refused",
    "token-refused",
)
_WHILE: Final = {
    "poll": "asking what changed", "fetch": "asking for single documents", "proof": "comparing what it has with the books",
    "subscriptions": "setting up its webhooks", "read-back": "reading back what it holds", "backfill": "reading the past",
}


def refused(
    conn: Connection, org_id: UUID, connection_id: UUID, name: str, step: str, error: NeedsConsent, now: datetime
) -> None:
    """Say so to people, once for a connection, whatever asks next."""
    review.open_item(
        conn, org_id, review.CONSENT, f"connection/{connection_id}",
        f"{name} no longer accepts our login; found when {_WHILE.get(step, step)}: {error.message}",
        f"{error.remedy} (leja connection consent {name}, or leja secret rotate {name} where the token was pasted.)"
        " It then goes on by itself; nothing is lost meanwhile.",
        now, connection_id=connection_id, facts={"step": step, "reason": error.code},
    )  # fmt: skip


def works(conn: Connection, org_id: UUID, connection_id: UUID, step: str, now: datetime) -> int:
    """A call of a step went well: what said otherwise is settled; says how many items."""
    return conn.execute(
        "UPDATE review_item SET settled_at = %s, settled_by = 'leja', settled_how = 'mended' WHERE org_id = %s AND code = %s"
        " AND subject = %s AND settled_at IS NULL AND (facts ->> 'step' = %s OR facts ->> 'reason' = ANY(%s))",
        (now, org_id, review.CONSENT, f"connection/{connection_id}", step, list(_NO_LOGIN)),
    ).rowcount
