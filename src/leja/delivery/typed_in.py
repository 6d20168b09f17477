"""The decision about a look-alike: the same, then our entries count as told by that document; or different, then they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from leja.connectors.contract import Chart
from leja.core.errors import Refused
from leja.core.ids import uuid7
from leja.database import mending, review
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.delivery import charts, groups, outbox, record
from leja.delivery.attempt import Standing, insert_remotes
from leja.delivery.bundle import open_day
from leja.delivery.drift import Drifted
from leja.delivery.look_alikes import Alike, alike, decided_subject, rule_of, subject_of
from leja.delivery.mend import Mended
from leja.delivery.mend_bench import Choice, bench_of
from leja.delivery.mend_repost import correct
from leja.delivery.plan import Held, Planned, plan_group
from leja.delivery.target import Target

Answer = Literal["same", "different"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a group. ``document``: the id over there of the one that is meant, where several are alike."""

    answer: Answer
    by: str
    document: str = ""
    reason: str = ""


def decide(
    conn: Connection, target: Target, chart: Chart, group_key: str, verdict: Verdict, now: datetime, guard: Callable[[Connection], None]
) -> Mended:
    """Do what was said. With nothing waiting any more nothing is done. Raises Refused ``typed-in-...`` with the way out."""
    ledger = Ledger.open(conn, target.org_id)
    guard(conn)
    rows = conn.execute(
        "SELECT family, lane FROM outbox WHERE org_id = %s AND connection_id = %s AND group_key = %s LIMIT 1",
        (target.org_id, target.connection_id, group_key),
    ).fetchone()
    if rows is None:
        review.settle(conn, target.org_id, subject_of(target.connection_id, group_key), "agrees", verdict.by, now)
        return Mended()
    opened: list[UUID] = []
    detail: dict[str, object] = {}
    if verdict.answer == "same":
        planned, like = _meant(conn, target, chart, group_key, str(rows[0]), str(rows[1]), verdict.document, now)
        opened = _link(conn, ledger, target, chart, planned, like, verdict, now)
        detail = {"document": msgspec.to_builtins(like.document), "because": like.because, "entries": list(planned.bucket.members)}
    kept = mending.keep(
        conn, target.org_id, verdict.answer, decided_subject(target.connection_id, group_key), by=verdict.by, now=now,
        connection_id=target.connection_id, reason=verdict.reason, detail=detail)
    _release(conn, target, group_key, verdict, now)
    return Mended(opened=tuple(opened), mending_id=kept)


def _meant(
    conn: Connection, target: Target, chart: Chart, group_key: str, family: str, lane: str, document: str, now: datetime
) -> tuple[Planned, Alike]:
    (group,) = groups.load(conn, target.org_id, target.connection_id, [group_key], {group_key: family}, lane)
    terms = charts.terms(conn, target.org_id, target.connection_id, chart, now.date())
    planned = plan_group(group, terms, target.verbs, target.connection_id)
    if isinstance(planned, Held):
        first = planned.troubles[0]
        raise Refused("typed-in-not-planned", first.message, remedy=first.remedy)
    rule = rule_of(conn, target.org_id, target.connection_id)
    those = alike(conn, target.org_id, target.connection_id, [planned], msgspec.structs.replace(rule, look="always")).get(group_key, [])
    chosen = [one for one in those if document in ("", one.document.remote_id)]
    if len(chosen) != 1:
        named = "; ".join(one.sentence() for one in those)
        raise Refused(
            "typed-in-unclear", f"{len(chosen) or 'no'} documents over there look like this" + (f": {named}" if named else ""),
            remedy="Name the one that is meant by its id with --document, or say that it is different.")
    return planned, chosen[0]


def _link(
    conn: Connection, ledger: Ledger, target: Target, chart: Chart, planned: Planned, like: Alike, verdict: Verdict, now: datetime
) -> list[UUID]:
    """Our entries leave the outbox and stand told by that document, on its day. Where it moved other accounts than ours say,
    a correction of that day follows."""
    day = like.document.date or planned.bucket.posting_date
    deliverable_id = uuid7(now)
    conn.execute(
        "INSERT INTO deliverable (org_id, deliverable_id, connection_id, group_key, part, kind, reference, family, lane, date, bundle,"
        " in_base, state, because, not_before, created_at)"
        " VALUES (%s, %s, %s, %s, %s, 'adopted', %s, %s, %s, %s, '{}', %s, 'done', 'a person had typed it in', %s, %s)",
        (target.org_id, deliverable_id, target.connection_id, planned.facts.group_key, planned.part, planned.reference, planned.family,
         planned.lane, day, planned.in_base, now, now),
    )
    members = list(planned.bucket.members)
    conn.execute(
        "INSERT INTO deliverable_member (org_id, connection_id, entry_number, deliverable_id) SELECT %s, %s, unnest(%s::bigint[]), %s",
        (target.org_id, target.connection_id, members, deliverable_id))
    conn.execute(
        "DELETE FROM outbox WHERE org_id = %s AND connection_id = %s AND entry_number = ANY(%s)",
        (target.org_id, target.connection_id, members))
    theirs = _sums((line.account, line.amount.minor) for line in like.lines)
    currency = planned.bundle.currency if planned.bundle else planned.facts.currency
    standing = Standing(deliverable_id=deliverable_id, step="typed-in", document=like.document, moves=theirs, currency=currency)
    insert_remotes(conn, target.org_id, target.connection_id, [standing], now)
    conn.execute(
        "UPDATE remote_state SET foreign_entry = false WHERE org_id = %s AND connection_id = %s AND kind = %s AND remote_id = %s",
        (target.org_id, target.connection_id, like.document.kind, like.document.remote_id))
    ours = _sums((line.account, line.amount.minor) for line in (planned.bundle.lines if planned.bundle else ()))
    changes = {account: ours.get(account, 0) - theirs.get(account, 0) for account in ours.keys() | theirs.keys()}
    changes = {account: minor for account, minor in changes.items() if minor}
    if not changes:
        return []
    if open_day(day, chart) != day:
        raise Refused(
            "typed-in-locked", f"that document moves other accounts than ours say, and {target.name} is locked until {chart.locked_until}",
            remedy="Open the period over there, or correct the document there, then say again that it is the same.")
    terms = charts.terms(conn, target.org_id, target.connection_id, chart, now.date())
    choice = Choice(way="repost", on=day, by=verdict.by)
    bench = bench_of(conn, ledger, target, terms, Drifted(deliverable_id=deliverable_id, documents=()), choice, now)
    return [correct(bench, day, currency, changes)]


def _release(conn: Connection, target: Target, group_key: str, verdict: Verdict, now: datetime) -> None:
    """What looked like the same document is looked at again; what waited for this one's family goes on."""
    mine = subject_of(target.connection_id, group_key)
    review.settle(conn, target.org_id, mine, verdict.answer, verdict.by, now)
    rows = conn.execute(
        "SELECT DISTINCT waits_for FROM outbox WHERE org_id = %s AND connection_id = %s AND held <> '' AND waits_for LIKE 'typed-in/%%'",
        (target.org_id, target.connection_id),
    ).fetchall()
    waiting = [mine] if verdict.answer == "different" else [str(row[0]) for row in rows]
    outbox.release(conn, target.org_id, {mine, *waiting}, now, verdict.by)
    families = conn.execute(
        "SELECT DISTINCT family FROM deliverable WHERE org_id = %s AND connection_id = %s AND group_key = %s",
        (target.org_id, target.connection_id, group_key),
    ).fetchall()
    record.let_family_go(conn, target.org_id, target.connection_id, [str(row[0]) for row in families])


def _sums(parts: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for account, minor in parts:
        sums[account] = sums.get(account, 0) + minor
    return {account: minor for account, minor in sums.items() if minor}
