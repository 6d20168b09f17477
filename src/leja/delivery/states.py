"""Where a deliverable stands, derived from its attempts and their outcomes. Facts are stored, status is not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from leja.connectors.contract import Anchor, Bundle, RemoteDocument, Step
from leja.core.money import Money
from leja.database.engine import Connection

ASK_AGAIN_SECONDS = 5
NO_ANCHOR = Anchor(field="", unique=False, length=0, look_up="")


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt and what came of it, oldest outcome first."""

    attempt_id: UUID
    step: str
    plan: int
    send: int
    attempted_at: datetime
    deadline: datetime
    outcomes: tuple[tuple[str, datetime], ...] = ()


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An open deliverable with all that was attempted for it and all that stands at the target."""

    deliverable_id: UUID
    group_key: str
    part: int
    reference: str
    family: str
    lane: str
    plan: int
    in_base: bool
    bundle: Bundle
    attempts: tuple[Attempted, ...]
    done: Mapping[str, RemoteDocument]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What comes next for a deliverable."""

    what: Literal["send", "resend", "ask", "wait", "done", "replan"]
    step: Step | None = None
    last: Attempted | None = None
    until: datetime | None = None
    early: bool = False


def next_move(standing: Standing, steps: Sequence[Step], anchors: Mapping[str, Anchor], now: datetime) -> Move:
    """What comes next: never a second send while an earlier one may still have happened."""
    step = next((step for step in steps if step.name not in standing.done), None)
    if step is None:
        return Move(what="done")
    tried = [a for a in standing.attempts if a.step == step.name and a.plan == standing.plan]
    if not tried:
        return Move(what="send", step=step)
    last = tried[-1]
    anchor = anchors.get(step.kind, NO_ANCHOR)
    kinds = [kind for kind, _ in last.outcomes]
    if kinds and kinds[-1] in ("later", "rejected"):
        return Move(what="resend", step=step, last=last)
    if not kinds or kinds[-1] == "unknown":
        return _unclear(step, tried, anchor, now, early=not kinds)
    if kinds[-1] == "absent":
        if "already_there" in kinds or kinds.count("absent") < 2:
            return Move(what="ask", step=step, last=last)
        return Move(what="resend", step=step, last=last)
    return Move(what="ask", step=step, last=last)


def _unclear(step: Step, tried: Sequence[Attempted], anchor: Anchor, now: datetime, *, early: bool) -> Move:
    last = tried[-1]
    remembered = tried[0].attempted_at + timedelta(seconds=anchor.key_remembered)
    if now < last.deadline:
        return Move(what="ask" if early else "wait", step=step, last=last, until=ask_from(last, anchor), early=True)
    if anchor.key_remembered and now < remembered:
        return Move(what="resend", step=step, last=last)
    until = ask_from(last, anchor)
    return Move(what="ask" if now >= until else "wait", step=step, last=last, until=until)


def put_off(standing: Standing, step: str) -> int:
    """How often in a row, lately, the target was not there for a step."""
    times = 0
    for attempt in reversed([a for a in standing.attempts if a.step == step and a.plan == standing.plan]):
        if not attempt.outcomes or attempt.outcomes[-1][0] != "later":
            break
        times += 1
    return times


def ask_from(attempt: Attempted, anchor: Anchor) -> datetime:
    """From when on "absent" can be believed."""
    return attempt.deadline + timedelta(seconds=anchor.look_up_lag)


def ask_again(anchor: Anchor, now: datetime) -> datetime:
    """When to ask a second time."""
    return now + timedelta(seconds=max(anchor.look_up_lag, ASK_AGAIN_SECONDS))


def load_open(
    conn: Connection, org_id: UUID, connection_id: UUID, lane: str, now: datetime, limit: int,
    under_way: Collection[UUID] = (),
) -> list[Standing]:
    """Open deliverables of a lane that are due, oldest first, without those that are being called about right now."""
    rows = conn.execute(
        "SELECT deliverable_id, group_key, part, reference, family, lane, plan, in_base, bundle FROM deliverable"
        " WHERE org_id = %s AND connection_id = %s AND state = 'open' AND lane = %s AND not_before <= %s"
        " AND deliverable_id <> ALL(%s) ORDER BY not_before, deliverable_id LIMIT %s",
        (org_id, connection_id, lane, now, list(under_way), limit),
    ).fetchall()
    ids = [row[0] for row in rows]
    attempts = _attempts(conn, org_id, ids)
    done = done_steps(conn, org_id, ids)
    return [
        Standing(
            deliverable_id=row[0], group_key=str(row[1]), part=int(str(row[2])), reference=str(row[3]),
            family=str(row[4]), lane=str(row[5]), plan=int(str(row[6])), in_base=bool(row[7]),
            bundle=msgspec.json.decode(str(row[8]), type=Bundle),
            attempts=tuple(attempts.get(row[0], ())), done=done.get(row[0], {}),
        )
        for row in rows
    ]


def next_due(conn: Connection, org_id: UUID, connection_id: UUID) -> datetime | None:
    """When the next open deliverable or outbox row of this target falls due; None: nothing is waiting for time."""
    row = conn.execute(
        "SELECT min(at) FROM (SELECT min(not_before) AS at FROM deliverable WHERE org_id = %(org)s AND"
        " connection_id = %(to)s"
        " AND state = 'open' UNION ALL SELECT min(due_at) FROM outbox WHERE org_id = %(org)s AND connection_id = %(to)s"
        " AND held = '') due",
        {"org": org_id, "to": connection_id},
    ).fetchone()
    return row[0] if row else None


def _attempts(conn: Connection, org_id: UUID, ids: Sequence[object]) -> dict[UUID, list[Attempted]]:
    rows = conn.execute(
        "SELECT a.deliverable_id, a.attempt_id, a.step, a.plan, a.send, a.attempted_at, a.deadline,"
        " coalesce((SELECT array_agg(o.kind ORDER BY o.ordinal) FROM outcome o"
        "  WHERE o.org_id = a.org_id AND o.attempt_id = a.attempt_id), '{}'),"
        " coalesce((SELECT array_agg(o.at ORDER BY o.ordinal) FROM outcome o"
        "  WHERE o.org_id = a.org_id AND o.attempt_id = a.attempt_id), '{}')"
        " FROM attempt a WHERE a.org_id = %s AND a.deliverable_id = ANY(%s) ORDER BY a.deliverable_id, a.plan, a.send",
        (org_id, list(ids)),
    ).fetchall()
    found: dict[UUID, list[Attempted]] = {}
    for deliverable_id, attempt_id, step, plan, send, attempted_at, deadline, kinds, moments in rows:
        found.setdefault(deliverable_id, []).append(Attempted(
            attempt_id=attempt_id, step=str(step), plan=int(str(plan)), send=int(str(send)),
            attempted_at=attempted_at, deadline=deadline,
            outcomes=tuple(zip(kinds, moments, strict=True)),
        ))
    return found


def done_steps(conn: Connection, org_id: UUID, ids: Sequence[object]) -> dict[UUID, dict[str, RemoteDocument]]:
    """What stands at the target, by deliverable and step."""
    found: dict[UUID, dict[str, RemoteDocument]] = {}
    for row in conn.execute(
        "SELECT deliverable_id, step, kind, remote_id, reference, version, number, total, currency, date FROM"
        " remote_document"
        " WHERE org_id = %s AND deliverable_id = ANY(%s)",
        (org_id, list(ids)),
    ):
        day: date = row[9]
        found.setdefault(row[0], {})[str(row[1])] = RemoteDocument(
            kind=str(row[2]), remote_id=str(row[3]), reference=str(row[4]), version=str(row[5]), number=str(row[6]),
            total=None if row[7] is None else Money(int(str(row[7])), str(row[8])), date=day,
        )
    return found
