"""What one round will do: questions about unclear sendings, further steps, new plans; what cannot go on is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from leja.connectors.contract import Bundle, Chart, RemoteDocument, Step
from leja.core.errors import LejaError
from leja.core.ids import uuid7
from leja.database import review
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.delivery import charts, groups, outbox, record, states
from leja.delivery.adopt import orphans
from leja.delivery.attempt import Sending, frozen_draft, insert_deliverables, key_of
from leja.delivery.bundle import GroupFacts, Terms, open_day, resolve
from leja.delivery.plan import Held, Planned, Trouble, not_expressed, plan_group, troubles
from leja.delivery.states import Move, Standing
from leja.delivery.target import Target

Write = Callable[[Connection], None]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question about a sending: its deadline, its earlier outcomes, and whether it is asked before "absent"
    counts."""

    sending: Sending
    deadline: datetime
    before: tuple[str, ...]
    early: bool


class Round(msgspec.Struct, kw_only=True):
    """The work of one round. ``moved`` counts what went on without a call."""

    asks: list[Asked] = msgspec.field(default_factory=list)
    sends: list[Sending] = msgspec.field(default_factory=list)
    moved: int = 0
    paused: bool = False


class _Desk(msgspec.Struct, kw_only=True):
    """What is at hand while a round is prepared; ``writes`` are done last, under the lock of the
    organisation's head."""

    conn: Connection
    target: Target
    terms: Terms
    now: datetime
    round: Round
    writes: list[Write] = msgspec.field(default_factory=list)


def next_round(conn: Connection, target: Target, chart: Chart, now: datetime, room: int) -> Round:
    """Decide what comes next, at most ``room`` sendings. Writes only what cannot or need not be sent."""
    if record.paused(conn, target.org_id, target.connection_id):
        return Round(paused=True)
    terms = charts.terms(conn, target.org_id, target.connection_id, chart, now.date())
    desk = _Desk(conn=conn, target=target, terms=terms, now=now, round=Round())
    _go_on(desk, room)
    for lane in ("live", "backfill"):
        left = room - len(desk.round.sends)
        if left > 0:
            _plan_new(desk, lane, left)
    _doubt(desk)
    if desk.writes:
        Ledger.open(conn, target.org_id)
        for write in desk.writes:
            write(conn)
    return desk.round


def _go_on(desk: _Desk, room: int) -> None:
    conn, org_id, connection_id = desk.conn, desk.target.org_id, desk.target.connection_id
    standings = states.load_open(conn, org_id, connection_id, desk.now, room)
    facts = groups.group_facts(conn, org_id, connection_id, sorted({s.group_key for s in standings}))
    applied = groups.remote_by_reference(conn, org_id, connection_id, [r for f in facts.values() for r in f.applies_to])
    for standing in standings:
        about = facts[standing.group_key]
        accepted = {r: d for r, d in applied.items() if r.partition("-")[0] in about.applies_to}
        try:
            _next_of(desk, standing, about, accepted)
        except LejaError as error:
            _park(desk, standing, error.code, error.message, error.remedy)


def _next_of(desk: _Desk, standing: Standing, facts: GroupFacts, accepted: Mapping[str, RemoteDocument]) -> None:
    verbs, chart = desk.target.verbs, desk.terms.chart
    bundle = msgspec.structs.replace(standing.bundle, customer=facts.customer)
    replanned: Bundle | None = None
    if standing.plan > 1 and not any(a.plan == standing.plan for a in standing.attempts):
        replanned = _replan(desk, standing, facts)
        if replanned is None:
            return
        bundle = replanned
    steps = tuple(verbs.steps(bundle, chart))
    move = states.next_move(standing, steps, verbs.ANCHORS, desk.now)
    if move.what == "done":
        desk.round.moved += 1
        desk.writes.append(lambda conn: _finish(conn, desk.target, standing))
    elif move.what == "wait" and move.until is not None:
        until = move.until
        desk.writes.append(lambda conn: _set_not_before(conn, desk.target, standing, until))
    elif move.what == "send" and move.step is not None:
        draft = verbs.draft(move.step, chart, {**accepted, **standing.done})
        key = key_of(standing.reference, move.step.name, standing.plan)
        desk.round.sends.append(Sending(
            attempt_id=uuid7(desk.now), deliverable_id=standing.deliverable_id, family=standing.family,
            group_key=standing.group_key, step=move.step, draft=msgspec.structs.replace(draft, key=key),
            plan=standing.plan,
            send=1, steps_left=_left(steps, standing), replanned=replanned, ask_first=standing.plan > 1,
        ))
    elif move.step is not None and move.last is not None:
        _again(desk, standing, move, steps)


def _again(desk: _Desk, standing: Standing, move: Move, steps: Sequence[Step]) -> None:
    step, last = move.step, move.last
    if step is None or last is None:
        return
    draft = frozen_draft(desk.conn, desk.target.org_id, standing.deliverable_id, step.name, standing.plan)
    if draft is None:
        _park(desk, standing, "delivery-draft-erased",
        f"the frozen bytes of {standing.reference} were erased before they were "
              "acknowledged", "Look at the target whether it stands there, then dismiss or retry.")
        return
    resend = move.what == "resend"
    sending = Sending(
        attempt_id=uuid7(desk.now) if resend else last.attempt_id, deliverable_id=standing.deliverable_id,
        family=standing.family, group_key=standing.group_key, step=step, draft=draft, plan=standing.plan,
        send=last.send + 1 if resend else last.send, steps_left=_left(steps, standing),
    )
    if resend:
        desk.round.sends.append(sending)
    else:
        desk.round.asks.append(Asked(
            sending=sending, deadline=last.deadline, before=tuple(kind for kind, _ in last.outcomes), early=move.early
        ))


def _left(steps: Sequence[Step], standing: Standing) -> int:
    return sum(1 for step in steps if step.name not in standing.done) - 1


def _replan(desk: _Desk, standing: Standing, facts: GroupFacts) -> Bundle | None:
    """The bundle of a new plan over the same frozen members; None if it is parked instead."""
    conn, org_id, target = desk.conn, desk.target.org_id, desk.target.connection_id
    adopted = conn.execute(
        "SELECT 1 FROM deliverable WHERE org_id = %s AND connection_id = %s AND group_key = %s AND kind = 'adopted'",
        (org_id, target, standing.group_key),
    ).fetchone()
    if adopted:
        day = open_day(standing.bundle.date, desk.terms.chart)
        return msgspec.structs.replace(standing.bundle, date=day, customer=facts.customer)
    members = [int(str(row[0])) for row in conn.execute(
        "SELECT entry_number FROM deliverable_member WHERE org_id = %s AND deliverable_id = %s ORDER BY entry_number",
        (org_id, standing.deliverable_id),
    )]
    bucket = groups.load_buckets(conn, org_id, {standing.group_key: members})[standing.group_key][0]
    counts_as = 2 if standing.bundle.kind == "delta" else 1
    resolved = resolve(facts, bucket, counts_as, standing.reference, desk.terms)
    if resolved.bundle is None:
        found = troubles(target, resolved.missing, resolved.gone)
        _park(desk, standing, found[0].code if found else "target-currency", "; ".join(t.message for t in found),
              found[0].remedy if found else "Look at the target's currencies.", found)
    return resolved.bundle


def _park(
    desk: _Desk, standing: Standing, code: str, message: str, remedy: str, found: Sequence[Trouble] = ()
) -> None:
    org_id, target = desk.target.org_id, desk.target.connection_id
    subject = f"deliverable/{standing.deliverable_id}"
    waits_for = found[0].waits_for if found else subject

    def write(conn: Connection) -> None:
        conn.execute(
            "UPDATE deliverable SET state = 'parked', because = %s, waits_for = %s WHERE org_id = %s AND"
            " deliverable_id = %s",
            (message, waits_for, org_id, standing.deliverable_id),
        )
        review.open_item(conn, org_id, code, waits_for, message, remedy, desk.now, connection_id=target,
        waits_for=waits_for)

    desk.round.moved += 1
    desk.writes.append(write)


def _finish(conn: Connection, target: Target, standing: Standing) -> None:
    conn.execute(
        "UPDATE deliverable SET state = 'done' WHERE org_id = %s AND deliverable_id = %s",
        (target.org_id, standing.deliverable_id),
    )
    record.let_family_go(conn, target.org_id, target.connection_id, [standing.family])


def _set_not_before(conn: Connection, target: Target, standing: Standing, until: datetime) -> None:
    conn.execute(
        "UPDATE deliverable SET not_before = %s WHERE org_id = %s AND deliverable_id = %s",
        (until, target.org_id, standing.deliverable_id),
    )


def _plan_new(desk: _Desk, lane: str, room: int) -> None:
    conn, org_id, target = desk.conn, desk.target.org_id, desk.target.connection_id
    rows = groups.due_rows(conn, org_id, target, lane, desk.now, room)
    taken = {sending.family for sending in desk.round.sends}
    busy = groups.busy_families(conn, org_id, target, [row.family for row in rows]) | taken
    for row in (row for row in rows if row.family in busy):
        _hold(desk, row.group_key, "an earlier document of the same family comes first", record.family_wait(target,
        row.family))
    free = {row.group_key: row.family for row in rows if row.family not in busy}
    due = groups.load(conn, org_id, target, list(free), free, lane)
    there = orphans(conn, org_id, target, [group.facts.mark for group in due])
    for group in due:
        key = group.facts.group_key
        try:
            planned = plan_group(group, desk.terms, desk.target.verbs, target, there.get(group.facts.mark, ()))
            if isinstance(planned, Held):
                _hold_group(desk, planned)
            else:
                _take(desk, planned)
        except LejaError as error:
            _hold_group(desk, Held(group_key=key, troubles=(not_expressed(key, target, error),)))


def _take(desk: _Desk, planned: Planned) -> None:
    deliverable_id = uuid7(desk.now)
    if planned.bundle is None:
        desk.round.moved += 1
        desk.writes.append(lambda conn: _withdraw(conn, desk.target, deliverable_id, planned, desk.now))
        return
    step = planned.steps[0]
    draft = desk.target.verbs.draft(step, desk.terms.chart, planned.accepted)
    desk.round.sends.append(Sending(
        attempt_id=uuid7(desk.now), deliverable_id=deliverable_id, family=planned.family,
        group_key=planned.facts.group_key,
        step=step, draft=msgspec.structs.replace(draft, key=key_of(planned.reference, step.name, 1)), plan=1, send=1,
        steps_left=len(planned.steps) - 1, new=planned, ask_first=planned.ask_first,
    ))


def _withdraw(conn: Connection, target: Target, deliverable_id: UUID, planned: Planned, now: datetime) -> None:
    insert_deliverables(conn, target.org_id, target.connection_id, [(deliverable_id, planned)], now)
    record.let_family_go(conn, target.org_id, target.connection_id, [planned.family])


def _hold(desk: _Desk, group_key: str, why: str, waits_for: str) -> None:
    org_id, target = desk.target.org_id, desk.target.connection_id
    desk.round.moved += 1
    desk.writes.append(lambda conn: outbox.hold(conn, org_id, target, [group_key], why, waits_for))


def _hold_group(desk: _Desk, held: Held) -> None:
    first = held.troubles[0]
    _hold(desk, held.group_key, "; ".join(trouble.message for trouble in held.troubles), first.waits_for)
    org_id, target = desk.target.org_id, desk.target.connection_id

    def write(conn: Connection) -> None:
        for one in held.troubles:
            review.open_item(
                conn, org_id, one.code, one.waits_for, one.message, one.remedy, desk.now, connection_id=target,
                waits_for=one.waits_for, facts={"first_group": held.group_key},
            )

    desk.writes.append(write)


def _doubt(desk: _Desk) -> None:
    """A first send whose reference stands over there already, unknown to us, is asked after first."""
    fresh = [s for s in desk.round.sends if s.send == 1 and not s.ask_first]
    if not fresh:
        return
    references = [s.draft.reference for s in fresh]
    rows = desk.conn.execute(
        "SELECT s.reference FROM remote_state s WHERE s.org_id = %s AND s.connection_id = %s AND s.state = 'present'"
        " AND s.reference <> '' AND left(s.reference, 14) = ANY(%s) AND s.reference = ANY(%s) AND NOT EXISTS"
        " (SELECT 1 FROM remote_document r WHERE r.org_id = s.org_id AND r.connection_id = s.connection_id"
        " AND r.kind = s.kind AND r.remote_id = s.remote_id)",
        (desk.target.org_id, desk.target.connection_id, [ref[:14] for ref in references], references),
    ).fetchall()
    there = {str(row[0]) for row in rows}
    desk.round.sends[:] = [
        msgspec.structs.replace(s, ask_first=True) if s.send == 1 and s.draft.reference in there else s
        for s in desk.round.sends
    ]
