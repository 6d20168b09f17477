"""After a call: each draft's outcome is recorded by itself, and says what comes next for its deliverable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from leja.books.chain import outcome_digest
from leja.connectors.contract import (
    Absent,
    Accepted,
    AlreadyThere,
    Ambiguous,
    Anchor,
    Finding,
    Found,
    Later,
    Outcome,
    Rejected,
    RemoteDocument,
    Unknown,
)
from leja.core.ids import uuid7
from leja.database import review
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.delivery.attempt import Sending, Standing, insert_remotes
from leja.delivery.states import Attempted, ask_again, ask_from

_KINDS = {
    Accepted: "accepted", Rejected: "rejected", Unknown: "unknown", AlreadyThere: "already_there", Later: "later",
    Found: "found", Absent: "absent", Ambiguous: "ambiguous",
}
FIRST_WAIT_SECONDS = 5
LAST_WAIT_SECONDS = 300
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="string").encode


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was said about one sending. ``before`` are the kinds of its earlier outcomes; ``early``: asked too soon."""

    sending: Sending
    said: Outcome | Finding
    anchor: Anchor
    deadline: datetime
    before: tuple[str, ...] = ()
    early: bool = False


def record(
    conn: Connection, org_id: UUID, connection_id: UUID, answers: Sequence[Answer], now: datetime,
    guard: Callable[[Connection], None],
) -> None:
    """Record answers. ``guard`` raises when the lease is lost: a late answer is refused, and asked for by the
    next holder."""
    ledger = Ledger.open(conn, org_id)
    guard(conn)
    believed = [answer for answer in answers if not (answer.early and isinstance(answer.said, Absent))]
    for answer in answers:
        if answer.early and isinstance(answer.said, Absent):
            _wait(conn, org_id, answer.sending, _ask_from(answer))
    _outcomes(conn, ledger, org_id, believed, now)
    _stand(conn, org_id, connection_id, believed, now)
    for answer in believed:
        if isinstance(answer.said, Rejected):
            _rejected(conn, org_id, connection_id, answer.sending, answer.said, now)
        elif not isinstance(answer.said, (Accepted, Found)):
            _unclear(conn, org_id, connection_id, answer, now)
    ledger.flush(now)


def stands(said: Outcome | Finding) -> bool:
    """Whether it stands at the target now."""
    return isinstance(said, (Accepted, Found))


def absent(said: Outcome | Finding) -> bool:
    """Whether the target does not find it."""
    return isinstance(said, Absent)


def ask_later(conn: Connection, org_id: UUID, sendings: Sequence[Sending], until: datetime) -> None:
    """Even the question had no answer: it is put again later."""
    for sending in sendings:
        _wait(conn, org_id, sending, until)


def let_family_go(conn: Connection, org_id: UUID, connection_id: UUID, families: Sequence[str]) -> None:
    """What waited for its family's earlier documents goes on."""
    if families:
        conn.execute(
            "UPDATE outbox SET held = '', waits_for = '' WHERE org_id = %s AND held <> '' AND waits_for = ANY(%s)",
            (org_id, [family_wait(connection_id, family) for family in families]),
        )


def family_wait(connection_id: UUID, family: str) -> str:
    """What a later document of a family waits for."""
    return f"family/{connection_id}/{family}"


def _outcomes(conn: Connection, ledger: Ledger, org_id: UUID, answers: Sequence[Answer], now: datetime) -> None:
    rows_there = conn.execute(
        "SELECT attempt_id, max(ordinal) FROM outcome WHERE org_id = %s AND attempt_id = ANY(%s) GROUP BY attempt_id",
        (org_id, [answer.sending.attempt_id for answer in answers]),
    ).fetchall()
    last: dict[UUID, int] = dict(rows_there)
    rows: list[tuple[object, ...]] = []
    for answer in answers:
        attempt_id, kind = answer.sending.attempt_id, _KINDS[type(answer.said)]
        ordinal = last[attempt_id] = last.get(attempt_id, 0) + 1
        detail = _without_party(_encode(answer.said).decode(), answer.sending)
        rows.append((org_id, attempt_id, ordinal, kind, detail, now))
        digest = outcome_digest(org_id, attempt_id, ordinal, kind, detail, now)
        ledger.note("outcome", f"{attempt_id}/{ordinal}", digest)
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO outcome (org_id, attempt_id, ordinal, kind, detail, at) VALUES (%s, %s, %s, %s, %s, %s)", rows
        )


def _without_party(detail: str, sending: Sending) -> str:
    """What is kept for ever names nobody: a vendor's words may repeat the customer that it was told of."""
    party = sending.step.bundle.customer
    if party is None:
        return detail
    for own in sorted(filter(None, (party.name, party.company, party.email, party.phone)), key=len, reverse=True):
        detail = detail.replace(_encode(own).decode()[1:-1], "…")
    return detail


def _stand(
    conn: Connection, org_id: UUID, connection_id: UUID, answers: Sequence[Answer], now: datetime
) -> None:
    """What was accepted or found stands there; its deliverable goes on, or is done and lets its family go on."""
    remote: list[Standing] = []
    states: list[tuple[object, ...]] = []
    done: list[Sending] = []
    for answer in answers:
        if not isinstance(answer.said, (Accepted, Found)):
            continue
        sending, document = answer.sending, answer.said.document
        draft = sending.draft
        whole = msgspec.structs.replace(
            document, date=document.date or draft.date, reference=document.reference or draft.reference,
            total=document.total or draft.total,
        )
        remote.append(Standing(
            deliverable_id=sending.deliverable_id, step=sending.step.name, document=whole, moves=draft.moves,
            residual=draft.residual.minor if draft.residual else 0, currency=draft.total.currency,
        ))
        if document.total is not None and document.total != draft.total:
            _difference(conn, org_id, connection_id, sending, document, now)
        if sending.steps_left == 0:
            done.append(sending)
        states.append(("open" if sending.steps_left else "done", now, org_id, sending.deliverable_id))
    insert_remotes(conn, org_id, connection_id, remote, now)
    with conn.cursor() as cursor:
        cursor.executemany(
            "UPDATE deliverable SET state = %s, not_before = %s, because = '', waits_for = ''"
            " WHERE org_id = %s AND deliverable_id = %s",
            states,
        )
    if done:
        review.settle_many(conn, org_id, [subject(sending) for sending in done], "mended", "leja", now)
        let_family_go(conn, org_id, connection_id, [sending.family for sending in done])


def _difference(
    conn: Connection, org_id: UUID, connection_id: UUID, sending: Sending, document: RemoteDocument, now: datetime
) -> None:
    total = document.total or sending.draft.total
    conn.execute(
        "INSERT INTO difference (org_id, difference_id, connection_id, kind, day, reference, ours, theirs,"
        " currency, cause,"
        " found_at) VALUES (%s, %s, %s, 'amount', %s, %s, %s, %s, %s, %s, %s)",
        (org_id, uuid7(now), connection_id, sending.draft.date, sending.draft.reference, sending.draft.total.minor,
         total.minor, total.currency, "the target answered with another total than it was sent", now),
    )


def subject(sending: Sending) -> str:
    """The review queue's name of a deliverable, and what a retry releases."""
    return f"deliverable/{sending.deliverable_id}"


def _rejected(
    conn: Connection, org_id: UUID, connection_id: UUID, sending: Sending, said: Rejected, now: datetime
) -> None:
    if said.remedy == "consent":
        pause(conn, org_id, connection_id, said.words, now, reason=said.code)
        _wait(conn, org_id, sending, now)
        return
    again = said.remedy in ("period_locked", "replan") and sending.plan < 5
    if again:
        conn.execute(
            "UPDATE deliverable SET plan = plan + 1, not_before = %s WHERE org_id = %s AND deliverable_id = %s",
            (now, org_id, sending.deliverable_id),
        )
        return
    code = "delivery-mapping-refused" if said.remedy == "mapping" else "delivery-refused"
    park(
        conn, org_id, connection_id, sending, code,
        f"the target refused {sending.draft.reference}: {said.words} ({said.code})",
        "Mend what the target names (here, in the mapping, or over there), then `leja review retry`.", now,
    )


def park(
    conn: Connection, org_id: UUID, connection_id: UUID, sending: Sending, code: str, message: str, remedy: str,
    now: datetime
) -> None:
    """Stop a deliverable until a person has mended the cause; its family waits with it, nothing else does."""
    conn.execute(
        "UPDATE deliverable SET state = 'parked', because = %s, waits_for = %s WHERE org_id = %s AND"
        " deliverable_id = %s",
        (message, subject(sending), org_id, sending.deliverable_id),
    )
    review.open_item(
        conn, org_id, code, subject(sending), message, remedy, now, connection_id=connection_id,
        waits_for=subject(sending),
        facts={"reference": sending.draft.reference, "group": sending.group_key, "step": sending.step.name,
        "plan": sending.plan},
    )


def withdraw(conn: Connection, org_id: UUID, deliverable_id: UUID, because: str, now: datetime) -> bool:
    """Give up a parked deliverable: its target is never told, and what waited for it in its family goes on."""
    row = conn.execute(
        "UPDATE deliverable SET state = 'withdrawn', because = %s, waits_for = '', not_before = %s"
        " WHERE org_id = %s AND deliverable_id = %s AND state = 'parked' RETURNING connection_id, family",
        (because, now, org_id, deliverable_id),
    ).fetchone()
    if row is not None:
        let_family_go(conn, org_id, row[0], [str(row[1])])
    return row is not None


def pause(
    conn: Connection, org_id: UUID, connection_id: UUID, words: str, now: datetime, *, reason: str = ""
) -> None:
    """Nothing more is planned or sent on the connection until its owner logged in again (`resume`). ``reason``: the
    code of what was refused."""
    review.open_item(
        conn, org_id, review.CONSENT, f"connection/{connection_id}", f"the target no longer accepts our login: {words}",
        "Connect the account again; delivery then goes on by itself.", now, connection_id=connection_id,
        facts={"step": "deliver", "reason": reason},
    )


def resume(conn: Connection, org_id: UUID, connection_id: UUID, by: str, now: datetime) -> None:
    """The connection's owner logged in again."""
    review.settle(conn, org_id, f"connection/{connection_id}", "mended", by, now, code=review.CONSENT)


def paused(conn: Connection, org_id: UUID, connection_id: UUID) -> bool:
    """Whether the connection waits for a new login."""
    row = conn.execute(
        "SELECT EXISTS (SELECT 1 FROM review_item WHERE org_id = %s AND code = %s AND subject = %s AND settled_at"
        " IS NULL)"
        " OR EXISTS (SELECT 1 FROM token_grant WHERE org_id = %s AND connection_id = %s AND state = 'needs_consent')",
        (org_id, review.CONSENT, f"connection/{connection_id}", org_id, connection_id),
    ).fetchone()
    return bool(row and row[0])


def _unclear(conn: Connection, org_id: UUID, connection_id: UUID, answer: Answer, now: datetime) -> None:
    sending, said = answer.sending, answer.said
    if isinstance(said, Later):
        _wait(conn, org_id, sending, put_off_until(said, sending, now))
    elif isinstance(said, Unknown):
        remembered = answer.anchor.key_remembered > 0
        _wait(conn, org_id, sending, answer.deadline if remembered else _ask_from(answer))
    elif isinstance(said, AlreadyThere):
        _wait(conn, org_id, sending, now)
    elif isinstance(said, Ambiguous):
        park(
            conn, org_id, connection_id, sending, "delivery-ambiguous",
            f"what stands at the target under {sending.draft.reference} does not agree with what was sent: {said.why}",
            "Compare both documents; void the wrong one over there, then `leja review retry`.", now,
        )
    elif "already_there" in answer.before and "absent" in answer.before:
        park(
            conn, org_id, connection_id, sending, "delivery-reference-taken",
            f"the target says that {sending.draft.reference} is taken, yet does not find it",
            "Look for the number over there (deleted or hidden documents keep theirs), then `leja review retry`.", now,
        )
    elif "absent" in answer.before:
        _wait(conn, org_id, sending, now)
    else:
        _wait(conn, org_id, sending, ask_again(answer.anchor, now))


def put_off_until(said: Later, sending: Sending, now: datetime) -> datetime:
    """When to try again what certainly had no effect: when the vendor said, else doubling from 5 seconds to 5 minutes.

    The jitter keeps those that were put off together from coming back together.
    """
    chance = sending.attempt_id.int % 1000
    if said.until > now:
        return said.until + timedelta(milliseconds=chance)
    wait = min(LAST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(sending.laters, 12))
    return now + timedelta(seconds=wait * (0.75 + chance / 4000))


def _ask_from(answer: Answer) -> datetime:
    sent = Attempted(
        attempt_id=answer.sending.attempt_id, step=answer.sending.step.name, plan=answer.sending.plan,
        send=answer.sending.send, attempted_at=answer.deadline, deadline=answer.deadline,
    )
    return ask_from(sent, answer.anchor)


def _wait(conn: Connection, org_id: UUID, sending: Sending, until: datetime) -> None:
    conn.execute(
        "UPDATE deliverable SET not_before = %s WHERE org_id = %s AND deliverable_id = %s",
        (until, org_id, sending.deliverable_id),
    )
