"""The exact documents that would go to a target now, made by the same code as the real ones; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from leja.connectors.contract import Bundle, Chart, Draft, RemoteDocument, Step
from leja.core.errors import LejaError
from leja.database.engine import Connection
from leja.delivery import charts, groups, settlements
from leja.delivery.adopt import orphans
from leja.delivery.bundle import Terms
from leja.delivery.groups import DueGroup
from leja.delivery.plan import Held, Orphan, Planned, Trouble, not_expressed, plan_group
from leja.delivery.states import done_steps
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


def preview(
    conn: Connection, target: Target, chart: Chart, now: datetime, *, limit: int = 100, entries: Sequence[int] | None = None
) -> list[Preview]:
    """What would be told of the groups that wait, whether due yet or not, held ones included; with ``entries``, of theirs.

    What waits for a payout that has not come is shown as it is told if none comes.
    """
    rows = conn.execute(
        "SELECT group_key, min(family), min(lane) FROM outbox WHERE org_id = %(org)s AND connection_id = %(to)s"
        " AND (%(entries)s::bigint[] IS NULL OR group_key IN (SELECT group_key FROM outbox WHERE org_id = %(org)s"
        " AND connection_id = %(to)s AND entry_number = ANY(%(entries)s))) GROUP BY group_key"
        " ORDER BY min(entry_number) LIMIT %(limit)s",
        {"org": target.org_id, "to": target.connection_id, "limit": limit, "entries": None if entries is None else list(entries)},
    ).fetchall()
    told_as = settlements.destinations(conn, target.org_id, target.connection_id, [str(row[0]) for row in rows])
    families = {told_as.get(str(row[0]), str(row[0])): str(row[1]) for row in rows}
    keys = list(families.keys() | told_as.keys())
    due = groups.load(conn, target.org_id, target.connection_id, keys, families, "live", told_as)
    there = orphans(conn, target.org_id, target.connection_id, [group.facts.mark for group in due])
    terms = charts.terms(conn, target.org_id, target.connection_id, chart, now.date())
    found: list[Preview] = []
    for group in due:
        found += _each_part(group, terms, target, there.get(group.facts.mark, ()))
    return found


def _each_part(group: DueGroup, terms: Terms, target: Target, there: Sequence[Orphan]) -> list[Preview]:
    """A group's documents, one posting date and currency after the other; what was told before a restore on other days first."""
    left, part = group.buckets, group.next_part
    found: list[Preview] = []
    while left:
        one = msgspec.structs.replace(group, buckets=left, next_part=part, later=group.later or bool(found))
        try:
            plan = plan_group(one, terms, target.verbs, target.connection_id, there)
        except LejaError as error:
            trouble = not_expressed(group.facts.group_key, target.connection_id, error)
            found.append(Preview(group_key=group.facts.group_key, entries=left[0].members, troubles=(trouble,)))
            left, there, part = left[1:], (), part + 1
            continue
        found.append(_shown(plan, target, terms.chart))
        part = _next_part(plan, part)
        if isinstance(plan, Planned) and not plan.bucket.members:
            there = [orphan for orphan in there if orphan not in plan.adopts]
        else:
            left, there = left[1:], ()
    return found


def _next_part(plan: Planned | Held, part: int) -> int:
    """The number that what comes next will have: adopted documents have theirs, and where nothing else is told none is used."""
    if isinstance(plan, Held):
        return part + 1
    return plan.part if plan.adopts and plan.bundle is None else plan.part + 1


def preview_open(conn: Connection, target: Target, chart: Chart, deliverable_ids: Sequence[UUID]) -> list[Preview]:
    """What is still to be told of deliverables that are open already."""
    rows = conn.execute(
        "SELECT deliverable_id, group_key, reference, kind, bundle FROM deliverable WHERE org_id = %s AND deliverable_id = ANY(%s)"
        " AND state = 'open' ORDER BY part",
        (target.org_id, list(deliverable_ids)),
    ).fetchall()
    done = done_steps(conn, target.org_id, deliverable_ids)
    facts = groups.group_facts(conn, target.org_id, target.connection_id, sorted({str(row[1]) for row in rows}))
    found: list[Preview] = []
    for deliverable_id, group_key, reference, kind, bundle in rows:
        there = done.get(deliverable_id, {})
        fact = facts[str(group_key)]
        told = msgspec.structs.replace(msgspec.json.decode(str(bundle), type=Bundle), customer=fact.customer)
        applied = groups.remote_by_reference(conn, target.org_id, target.connection_id, fact.applies_to)
        steps = [step for step in target.verbs.steps(told, chart) if step.name not in there]
        drafts = _in_order(steps, target, chart, {**applied, **there})
        members = groups.members_of(conn, target.org_id, deliverable_id)
        found.append(Preview(
            group_key=str(group_key), reference=str(reference), kind=str(kind), drafts=tuple(drafts), entries=tuple(members)))
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
    return _in_order(plan.steps, target, chart, plan.accepted)


def _in_order(
    steps: Sequence[Step], target: Target, chart: Chart, accepted: Mapping[str, RemoteDocument]
) -> Sequence[Draft]:
    """Later steps name what earlier ones will have become over there; here those stand in with no id of theirs."""
    drafts: list[Draft] = []
    for step in steps:
        draft = target.verbs.draft(step, chart, accepted)
        drafts.append(draft)
        stand_in = RemoteDocument(kind=step.kind, remote_id=f"({step.name})", reference=step.reference,
        total=draft.total)
        accepted = {**accepted, step.name: stand_in, step.reference: stand_in}
    return drafts
