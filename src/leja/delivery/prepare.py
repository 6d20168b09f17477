"""What one round will do: questions about unclear sendings, further steps, new plans; what cannot go on is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import msgspec

from leja.connectors.contract import Bundle, Chart, RemoteDocument, Step
from leja.core.errors import LejaError, NeedsReview
from leja.core.ids import uuid7
from leja.database import review
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.delivery import charts, groups, look_alikes, masters, outbox, record, settlements, states
from leja.delivery.adopt import orphans
from leja.delivery.attempt import Sending, frozen_draft, insert_deliverables, key_of
from leja.delivery.bundle import GroupFacts, Terms, open_day, resolve
from leja.delivery.plan import Held, Planned, Trouble, helped_in_base, not_expressed, plan_group, troubles
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


class UnderWay(msgspec.Struct, frozen=True, kw_only=True):
    """What is being called about right now: it is left alone until its call has ended."""

    deliverables: frozenset[UUID] = frozenset()
    masters: frozenset[masters.Name] = frozenset()


class _Shaped(msgspec.Struct, frozen=True, kw_only=True):
    """An open deliverable with the remote documents that express it, perhaps under a new plan."""

    standing: Standing
    facts: GroupFacts
    steps: tuple[Step, ...]
    replanned: Bundle | None = None
    in_base: bool = False


class _Desk(msgspec.Struct, kw_only=True):
    """What is at hand while a round is prepared; ``writes`` are done last, under the lock of the
    organisation's head. ``seen`` are the groups and deliverables that were decided on, ``known`` the records that
    stand at the target, ``taken`` those that are on their way."""

    conn: Connection
    target: Target
    terms: Terms
    now: datetime
    round: Round
    under_way: UnderWay
    seen: set[UUID | str] = msgspec.field(default_factory=set)
    known: dict[masters.Name, RemoteDocument] = msgspec.field(default_factory=dict)
    taken: set[masters.Name] = msgspec.field(default_factory=set)
    writes: list[Write] = msgspec.field(default_factory=list)


def next_round(
    conn: Connection, target: Target, chart: Chart, now: datetime, room: int, under_way: UnderWay | None = None,
    kept_for_backfill: int = 0,
) -> Round:
    """Decide what comes next, at most ``room`` sendings: what is kept for backfill, live ones, the rest of backfill.

    Writes only what cannot or need not be sent.
    """
    under_way = under_way or UnderWay()
    if record.paused(conn, target.org_id, target.connection_id):
        return Round(paused=True)
    terms = charts.terms(conn, target.org_id, target.connection_id, chart, now.date())
    settlements.sort_out(conn, target.org_id, target.connection_id, now)
    desk = _Desk(conn=conn, target=target, terms=terms, now=now, round=Round(), under_way=under_way,
                 taken=set(under_way.masters))
    for lane, until in (("backfill", min(kept_for_backfill, room)), ("live", room), ("backfill", room)):
        _go_on(desk, lane, until - len(desk.round.sends))
        _plan_new(desk, lane, until - len(desk.round.sends))
    _doubt(desk)
    if desk.writes:
        Ledger.open(conn, target.org_id)
        for write in desk.writes:
            write(conn)
    return desk.round


def _go_on(desk: _Desk, lane: str, room: int) -> None:
    conn, org_id, connection_id = desk.conn, desk.target.org_id, desk.target.connection_id
    if room <= 0:
        return
    there = [one for one in (*desk.under_way.deliverables, *desk.seen) if isinstance(one, UUID)]
    standings = states.load_open(conn, org_id, connection_id, lane, desk.now, room, there)
    desk.seen.update(standing.deliverable_id for standing in standings)
    facts = groups.group_facts(conn, org_id, connection_id, sorted({s.group_key for s in standings}))
    applied = groups.remote_by_reference(conn, org_id, connection_id, [r for f in facts.values() for r in f.applies_to])
    ready: list[_Shaped] = []
    for standing in standings:
        with _parking(desk, standing):
            shaped = _shape(desk, standing, facts[standing.group_key])
            if shaped is not None:
                ready.append(shaped)
    _learn(desk, [step for one in ready for step in one.steps])
    for one in ready:
        accepted = {r: d for r, d in applied.items() if r.partition("-")[0] in one.facts.applies_to}
        with _parking(desk, one.standing):
            _next_of(desk, one, accepted)


@contextmanager
def _parking(desk: _Desk, standing: Standing) -> Iterator[None]:
    """What the connector cannot express is parked in its own words; the others go on."""
    try:
        yield
    except LejaError as error:
        _park(desk, standing, error.code, error.message, error.remedy)


def _learn(desk: _Desk, steps: Sequence[Step]) -> None:
    desk.known.update(masters.known(desk.conn, desk.target.org_id, desk.target.connection_id, steps))


def _on_its_way(desk: _Desk, step: Step) -> bool:
    """Whether another makes the same record right now; if not, this one does."""
    name = masters.name_of(step)
    if name is None:
        return False
    if name in desk.taken:
        return True
    desk.taken.add(name)
    return False


def _shape(desk: _Desk, standing: Standing, facts: GroupFacts) -> _Shaped | None:
    verbs, chart = desk.target.verbs, desk.terms.chart
    if standing.plan == 1 or any(a.plan == standing.plan for a in standing.attempts):
        bundle = msgspec.structs.replace(standing.bundle, customer=facts.customer)
        return _Shaped(standing=standing, facts=facts, steps=tuple(verbs.steps(bundle, chart)))
    in_base = standing.in_base
    again = _replan(desk, standing, facts, in_base=in_base)
    if again is None:
        return None
    try:
        steps = tuple(verbs.steps(again, chart))
    except NeedsReview as error:
        if not helped_in_base(error, again.currency, desk.terms):
            raise
        in_base, again = True, _replan(desk, standing, facts, in_base=True)
        if again is None:
            return None
        steps = tuple(verbs.steps(again, chart))
    in_base = in_base or again.currency != standing.bundle.currency
    return _Shaped(standing=standing, facts=facts, steps=steps, replanned=again, in_base=in_base)


def _next_of(desk: _Desk, shaped: _Shaped, accepted: Mapping[str, RemoteDocument]) -> None:
    standing, steps = shaped.standing, shaped.steps
    there = masters.standing(steps, desk.known)
    if standing.plan > 1:
        # After a refusal nothing is taken for granted: the new plan asks for each record anew, once.
        there = {name: document for name, document in there.items() if name in _answered(standing)}
    standing = msgspec.structs.replace(standing, done={**there, **standing.done})
    move = states.next_move(standing, steps, desk.target.verbs.ANCHORS, desk.now)
    if move.what == "done":
        desk.round.moved += 1
        desk.writes.append(lambda conn: _finish(conn, desk.target, standing))
    elif move.what == "wait" and move.until is not None:
        until = move.until
        desk.writes.append(lambda conn: _set_not_before(conn, desk.target, standing, until))
    elif move.step is None or _on_its_way(desk, move.step):
        return
    elif move.what == "send":
        draft = desk.target.verbs.draft(move.step, desk.terms.chart, {**accepted, **standing.done})
        key = key_of(standing.reference, move.step.name, standing.plan)
        desk.round.sends.append(Sending(
            attempt_id=uuid7(desk.now), deliverable_id=standing.deliverable_id, family=standing.family,
            group_key=standing.group_key, step=move.step, draft=msgspec.structs.replace(draft, key=key),
            plan=standing.plan, send=1, steps_left=_left(steps, standing), replanned=shaped.replanned,
            in_base=shaped.in_base, ask_first=standing.plan > 1, lane=standing.lane,
        ))
    elif move.last is not None:
        _again(desk, standing, move, steps)


def _answered(standing: Standing) -> set[str]:
    """The steps that stand there by an answer under the present plan."""
    return {
        attempt.step for attempt in standing.attempts
        if attempt.plan == standing.plan and attempt.outcomes and attempt.outcomes[-1][0] in ("accepted", "found")
    }


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
        send=last.send + 1 if resend else last.send, steps_left=_left(steps, standing), lane=standing.lane,
        laters=states.put_off(standing, step.name),
    )
    if resend:
        desk.round.sends.append(sending)
    else:
        desk.round.asks.append(Asked(
            sending=sending, deadline=last.deadline, before=tuple(kind for kind, _ in last.outcomes), early=move.early
        ))


def _left(steps: Sequence[Step], standing: Standing) -> int:
    return sum(1 for step in steps if step.name not in standing.done) - 1


def _replan(desk: _Desk, standing: Standing, facts: GroupFacts, *, in_base: bool) -> Bundle | None:
    """The bundle of a new plan over the same frozen members; None if it is parked instead."""
    conn, org_id, target = desk.conn, desk.target.org_id, desk.target.connection_id
    members = groups.members_of(conn, org_id, standing.deliverable_id)
    if not members or _adopted(conn, desk.target, standing.group_key):
        day = open_day(standing.bundle.date, desk.terms.chart)
        return msgspec.structs.replace(standing.bundle, date=day, customer=facts.customer)
    bucket = groups.load_buckets(conn, org_id, {standing.group_key: members})[standing.group_key][0]
    counts_as = 2 if standing.bundle.kind == "delta" else 1
    resolved = resolve(facts, bucket, counts_as, standing.reference, desk.terms, in_base=in_base)
    if resolved.bundle is None:
        found = troubles(target, resolved.missing, resolved.gone)
        _park(desk, standing, found[0].code if found else "target-currency", "; ".join(t.message for t in found),
              found[0].remedy if found else "Look at the target's currencies.", found)
    return resolved.bundle


def _adopted(conn: Connection, target: Target, group_key: str) -> bool:
    """Whether part of a group was found standing: what is told of it is a rest, which its members alone do not say."""
    return conn.execute(
        "SELECT 1 FROM deliverable WHERE org_id = %s AND connection_id = %s AND group_key = %s AND kind = 'adopted'",
        (target.org_id, target.connection_id, group_key),
    ).fetchone() is not None


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
    if room <= 0:
        return
    rows = [row for row in groups.due_rows(conn, org_id, target, lane, desk.now, room) if row.group_key not in desk.seen]
    desk.seen.update(row.group_key for row in rows)
    taken = {sending.family for sending in desk.round.sends}
    busy = groups.busy_families(conn, org_id, target, [row.family for row in rows]) | taken
    for row in (row for row in rows if row.family in busy):
        _hold(desk, row.group_key, "an earlier document of the same family comes first", record.family_wait(target,
        row.family))
    free = {row.group_key: row.family for row in rows if row.family not in busy}
    due = groups.load(conn, org_id, target, list(free), free, lane)
    there = orphans(conn, org_id, target, [group.facts.mark for group in due])
    ready: list[Planned] = []
    for group in due:
        with _holding(desk, group.facts.group_key):
            planned = plan_group(group, desk.terms, desk.target.verbs, target, there.get(group.facts.mark, ()))
            if isinstance(planned, Held):
                _hold_group(desk, planned)
            else:
                ready.append(planned)
    ready = _not_typed_in(desk, ready)
    _learn(desk, [step for planned in ready for step in planned.steps])
    for planned in ready:
        with _holding(desk, planned.facts.group_key):
            _take(desk, planned)


def _not_typed_in(desk: _Desk, ready: Sequence[Planned]) -> list[Planned]:
    """Those that nothing of others looks like; a person is asked about the rest before they are told."""
    org_id, target = desk.target.org_id, desk.target.connection_id
    rule = look_alikes.rule_of(desk.conn, org_id, target)
    found = look_alikes.alike(desk.conn, org_id, target, ready, rule) if rule.look != "never" else {}
    for key, those in found.items():
        _hold_group(desk, Held(group_key=key, troubles=(look_alikes.trouble(target, key, those),)))
    return [planned for planned in ready if planned.facts.group_key not in found]


@contextmanager
def _holding(desk: _Desk, group_key: str) -> Iterator[None]:
    """What the connector cannot express is held in its own words; the others go on."""
    try:
        yield
    except LejaError as error:
        trouble = not_expressed(group_key, desk.target.connection_id, error)
        _hold_group(desk, Held(group_key=group_key, troubles=(trouble,)))


def _take(desk: _Desk, planned: Planned) -> None:
    deliverable_id = uuid7(desk.now)
    if planned.bundle is None:
        desk.round.moved += 1
        desk.writes.append(lambda conn: _withdraw(conn, desk.target, deliverable_id, planned, desk.now))
        return
    there = masters.standing(planned.steps, desk.known)
    left = [step for step in planned.steps if step.name not in there]
    step = left[0]
    if _on_its_way(desk, step):
        return
    draft = desk.target.verbs.draft(step, desk.terms.chart, {**planned.accepted, **there})
    desk.round.sends.append(Sending(
        attempt_id=uuid7(desk.now), deliverable_id=deliverable_id, family=planned.family,
        group_key=planned.facts.group_key,
        step=step, draft=msgspec.structs.replace(draft, key=key_of(planned.reference, step.name, 1)), plan=1, send=1,
        steps_left=len(left) - 1, new=planned, ask_first=planned.ask_first, lane=planned.lane,
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
