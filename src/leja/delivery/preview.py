"""The exact documents that would go to a target now, made by the same code as the real ones; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from leja.connectors.contract import Chart, Draft, RemoteDocument
from leja.core.errors import LejaError
from leja.database.engine import Connection
from leja.delivery import charts, groups, settlements
from leja.delivery.adopt import orphans
from leja.delivery.plan import Held, Planned, Trouble, not_expressed, plan_group
from leja.delivery.target import Target


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """One group: the drafts that would be sent in order, or every reason why nothing would be."""

    group_key: str
    reference: str = ""
    kind: str = ""
    entries: tuple[int, ...] = ()
    drafts: tuple[Draft, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    adopts: int = 0


def preview(conn: Connection, target: Target, chart: Chart, now: datetime, *, limit: int = 100) -> list[Preview]:
    """What would be told of the groups that wait, whether due yet or not, held ones included.

    What waits for a payout that has not come is shown as it is told if none comes.
    """
    rows = conn.execute(
        "SELECT group_key, min(family), min(lane) FROM outbox WHERE org_id = %s AND connection_id = %s GROUP BY"
        " group_key"
        " ORDER BY min(entry_number) LIMIT %s",
        (target.org_id, target.connection_id, limit),
    ).fetchall()
    told_as = settlements.destinations(conn, target.org_id, target.connection_id, [str(row[0]) for row in rows])
    families = {told_as.get(str(row[0]), str(row[0])): str(row[1]) for row in rows}
    keys = list(families.keys() | told_as.keys())
    due = groups.load(conn, target.org_id, target.connection_id, keys, families, "live", told_as)
    there = orphans(conn, target.org_id, target.connection_id, [group.facts.mark for group in due])
    terms = charts.terms(conn, target.org_id, target.connection_id, chart, now.date())
    found: list[Preview] = []
    for group in due:
        key, left, part = group.facts.group_key, group.buckets, group.next_part
        for at in range(len(left)):
            one = msgspec.structs.replace(group, buckets=left[at:], next_part=part + at, later=group.later or at > 0)
            try:
                plan = plan_group(one, terms, target.verbs, target.connection_id, there.get(group.facts.mark,
                ()) if at == 0 else ())
                found.append(_shown(plan, target, chart))
            except LejaError as error:
                trouble = not_expressed(key, target.connection_id, error)
                found.append(Preview(group_key=key, entries=left[at].members, troubles=(trouble,)))
    return found


def _shown(plan: Planned | Held, target: Target, chart: Chart) -> Preview:
    if isinstance(plan, Held):
        return Preview(group_key=plan.group_key, troubles=plan.troubles)
    drafts = _drafts(plan, target, chart) if plan.bundle else ()
    return Preview(
        group_key=plan.facts.group_key, reference=plan.reference, kind=plan.bundle.kind if plan.bundle else "nothing",
        entries=plan.bucket.members, drafts=tuple(drafts), adopts=len(plan.adopts),
    )


def _drafts(plan: Planned, target: Target, chart: Chart) -> Sequence[Draft]:
    """Later steps name what earlier ones will have become over there; here those stand in with no id of theirs."""
    accepted: Mapping[str, RemoteDocument] = plan.accepted
    drafts: list[Draft] = []
    for step in plan.steps:
        draft = target.verbs.draft(step, chart, accepted)
        drafts.append(draft)
        stand_in = RemoteDocument(kind=step.kind, remote_id=f"({step.name})", reference=step.reference,
        total=draft.total)
        accepted = {**accepted, step.name: stand_in, step.reference: stand_in}
    return drafts
