"""The nightly sweep: documents of ours that stand there twice or that nothing leads to, and those that others edited, voided or
deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from leja.core.ids import uuid7
from leja.database import review
from leja.database.engine import Connection
from leja.delivery import drift
from leja.delivery.lost import currency_of, settle_lost
from leja.delivery.plan import Orphan
from leja.delivery.target import Target

DOUBLED: Final = "document-doubled"
_WAY_OUT: Final = (
    "Void or delete the one there that our books do not know, then `leja review look`: it settles by itself. Nothing of ours is"
    " booked twice, and Leja removes nothing over there."
)


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One document that is no longer what we sent, or stands there twice."""

    kind: str
    reference: str
    remote_id: str
    ours: int | None
    theirs: int | None
    currency: str
    cause: str


def sweep(conn: Connection, target: Target, now: datetime) -> list[Drift]:
    """Compare what was accepted with what was last read back; differences are written and put before people, nothing over
    there is changed."""
    changed = drift.altered(conn, target.org_id, target.connection_id)
    drift.show_in_review(conn, target.org_id, target.connection_id, changed, now)
    lost = settle_lost(conn, target, now)
    found = [*_doubled(conn, target), *map(_of, changed), *_unknown(conn, target), *map(_of_before_a_restore, lost)]
    _settle(conn, target, found, now)
    _show_doubled(conn, target, [one for one in found if one.kind == "doubled"], now)
    for one in found:
        known = conn.execute(
            "SELECT 1 FROM difference WHERE org_id = %s AND connection_id = %s AND kind = %s AND reference = %s"
            " AND cause = %s"
            " AND settled_at IS NULL",
            (target.org_id, target.connection_id, one.kind, one.reference, one.cause),
        ).fetchone()
        if known is None:
            conn.execute(
                "INSERT INTO difference (org_id, difference_id, connection_id, kind, reference, ours, theirs,"
                " currency, cause,"
                " found_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (target.org_id, uuid7(now), target.connection_id, one.kind, one.reference, one.ours, one.theirs,
                one.currency,
                 one.cause, now),
            )
    return found


def _of_before_a_restore(one: Orphan) -> Drift:
    total = one.document.total
    return Drift(
        kind="doubled", reference=one.document.reference, remote_id=one.document.remote_id, ours=None,
        theirs=total.minor if total else None, currency=currency_of(one),
        cause=f"document {one.document.remote_id} bears our mark and nothing in our books leads to it: it was told before a restore",
    )  # fmt: skip


def _of(one: drift.Altered) -> Drift:
    return Drift(
        kind=one.state, reference=one.reference, remote_id=one.remote_id, ours=one.total, theirs=one.total_there,
        currency=one.currency, cause=one.sentence(),
    )


def _settle(conn: Connection, target: Target, found: list[Drift], now: datetime) -> None:
    """What an earlier sweep found and this one does not was mended over there."""
    conn.execute(
        "UPDATE difference SET settled_at = %s WHERE org_id = %s AND connection_id = %s AND settled_at IS NULL"
        " AND kind IN ('doubled', 'edited', 'voided', 'deleted') AND NOT (reference = ANY(%s))",
        (now, target.org_id, target.connection_id, [one.reference for one in found]),
    )


def _show_doubled(conn: Connection, target: Target, found: list[Drift], now: datetime) -> None:
    """One review item for each reference under which more stands there than our books know; those that agree now are settled."""
    mark = f"difference/{target.connection_id}/"
    rows = conn.execute(
        "SELECT subject FROM review_item WHERE org_id = %s AND code = %s AND starts_with(subject, %s) AND settled_at IS NULL"
        " AND NOT (subject = ANY(%s))",
        (target.org_id, DOUBLED, mark, [mark + one.reference for one in found]),
    ).fetchall()
    review.settle_many(conn, target.org_id, [str(row[0]) for row in rows], "agrees", "leja", now)
    for reference in dict.fromkeys(one.reference for one in found):
        facts = {"reference": reference, "why": [one.cause for one in found if one.reference == reference]}
        if not review.was_dismissed(conn, target.org_id, DOUBLED, mark + reference, facts):
            message = f"{reference} stands at {target.name} beside what our books know: {'; '.join(facts['why'])}"
            review.open_item(conn, target.org_id, DOUBLED, mark + reference, message, _WAY_OUT, now,
                             connection_id=target.connection_id, facts=facts)  # fmt: skip


def _doubled(conn: Connection, target: Target) -> list[Drift]:
    rows = conn.execute(
        "SELECT reference, count(*), string_agg(remote_id, ', ' ORDER BY remote_id), max(currency) FROM remote_state"
        " WHERE org_id = %s AND connection_id = %s AND reference <> '' AND NOT foreign_entry AND state = 'present'"
        " GROUP BY kind, reference HAVING count(*) > 1",
        (target.org_id, target.connection_id),
    ).fetchall()
    return [
        Drift(kind="doubled", reference=str(r[0]), remote_id=str(r[2]), ours=1, theirs=int(str(r[1])),
        currency=str(r[3]),
              cause=f"documents {r[2]} bear one reference")
        for r in rows
    ]


def _unknown(conn: Connection, target: Target) -> list[Drift]:
    """Documents that bear our mark, that we have no record of, and that no plan will adopt: their group is
    told already."""
    rows = conn.execute(
        "SELECT s.reference, s.remote_id, s.total, s.currency FROM remote_state s WHERE s.org_id = %s AND"
        " s.connection_id = %s"
        " AND NOT s.foreign_entry AND s.state = 'present' AND EXISTS (SELECT 1 FROM deliverable d WHERE d.org_id ="
        " s.org_id"
        " AND d.connection_id = s.connection_id AND d.reference = split_part(s.reference, '-', 1) AND d.state = 'done')"
        " AND NOT EXISTS (SELECT 1 FROM remote_document r WHERE r.org_id = s.org_id AND r.connection_id ="
        " s.connection_id"
        " AND r.kind = s.kind AND r.remote_id = s.remote_id)",
        (target.org_id, target.connection_id),
    ).fetchall()
    return [
        Drift(kind="doubled", reference=str(r[0]), remote_id=str(r[1]), ours=None,
        theirs=None if r[2] is None else int(str(r[2])),
              currency=str(r[3]), cause=f"document {r[1]} bears our reference and is not the one that we know")
        for r in rows
    ]
