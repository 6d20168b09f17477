"""Drift is mended in one of three ways: our books follow, the target is brought back, or both give it up.

Whoever decides holds the target's delivery lease, so nothing is sent meanwhile. A decision is for the drift as it was shown;
where nothing is left to mend it does nothing, so it may be made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from leja.connectors.contract import Chart
from leja.core.errors import Refused
from leja.database import mending, review
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.delivery import charts, drift
from leja.delivery.mend_accept import follow
from leja.delivery.mend_bench import Bench, Choice, bench_of
from leja.delivery.mend_repost import bring_back
from leja.delivery.mend_reverse import give_up
from leja.delivery.target import Target

SETTLED: Final = {"accept": "accepted", "repost": "reposted", "reverse": "reversed"}


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a decision: entries booked, and deliverables that the target is still to be told. Both empty and no id:
    nothing was left to mend."""

    entries: tuple[int, ...] = ()
    opened: tuple[UUID, ...] = ()
    mending_id: UUID | None = None


def mend(
    conn: Connection, target: Target, chart: Chart, deliverable_id: UUID, choice: Choice, now: datetime,
    guard: Callable[[Connection], None],
) -> Mended:
    """Do what was decided. ``guard`` raises when the target's lease is lost. Raises Refused ``drift-...`` with the way out,
    ``period-locked`` where a reversal is dated into a locked period."""
    ledger = Ledger.open(conn, target.org_id)
    guard(conn)
    subject = drift.subject_of(deliverable_id)
    found = drift.drifted(conn, target.org_id, target.connection_id, deliverable_id)
    if found is None:
        review.settle(conn, target.org_id, subject, "agrees", choice.by, now, code=drift.CODE)
        return Mended()
    if choice.shown not in ("", found.mark):
        raise Refused("drift-changed", "what stands there is no longer what was shown", remedy="Look at it again, then decide.")
    terms = charts.terms(conn, target.org_id, target.connection_id, chart, now.date())
    bench = bench_of(conn, ledger, target, terms, found, choice, now)
    if bench.deliverable.state != "done":
        raise Refused("drift-under-way", "more of this document is still being told",
                      remedy="Wait until all of it is told, or mend what parked it, then decide.")
    entries, opened = _do(bench)
    kept = mending.keep(
        conn, target.org_id, choice.way, f"deliverable/{deliverable_id}", by=choice.by, now=now,
        connection_id=target.connection_id, dated=choice.on if choice.way == "reverse" else None, reason=choice.reason,
        entries=entries, detail={"documents": msgspec.to_builtins(found.documents), "told": [str(one) for one in opened]})
    review.settle(conn, target.org_id, subject, SETTLED[choice.way], choice.by, now, code=drift.CODE)
    return Mended(entries=tuple(entries), opened=tuple(opened), mending_id=kept)


def _do(bench: Bench) -> tuple[Sequence[int], Sequence[UUID]]:
    if bench.choice.way == "accept":
        return follow(bench), ()
    if bench.choice.way == "repost":
        return (), bring_back(bench)
    return give_up(bench), ()
