"""Before a call: the exact bytes are frozen, the membership is frozen, and the attempt is committed and chained."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from leja.books.chain import attempt_digest
from leja.connectors.contract import Anchor, Bundle, Draft, RemoteDocument, Step
from leja.core.errors import Conflict
from leja.core.ids import uuid7
from leja.database.copying import Rows, copied
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.delivery.plan import Orphan, Planned
from leja.delivery.states import NO_ANCHOR

_MEMBER = Rows(
    "deliverable_member", {"org_id": "uuid", "connection_id": "uuid", "entry_number": "int8", "deliverable_id": "uuid"}
)
_encode = msgspec.json.Encoder(order="deterministic", decimal_format="string").encode


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """One draft on its way: which deliverable's step it is, under which plan, and whether it is the last step.

    ``laters`` is how often in a row it was put off before.
    """

    attempt_id: UUID
    deliverable_id: UUID
    family: str
    group_key: str
    step: Step
    draft: Draft
    plan: int
    send: int
    steps_left: int
    new: Planned | None = None
    replanned: Bundle | None = None
    in_base: bool = False
    ask_first: bool = False
    lane: str = "live"
    laters: int = 0

    @property
    def master(self) -> bool:
        """Whether it makes a record that documents refer to, and moves no account."""
        return not self.draft.moves


def key_of(reference: str, step: str, plan: int) -> str:
    """The idempotency key of a plan's step: 32 hex digits, the same in every life of the database."""
    return hashlib.sha256(f"{reference}\n{step}\n{plan}".encode()).hexdigest()[:32]


def stored_bundle(bundle: Bundle) -> str:
    """A bundle as it is kept: canonical JSON, the customer taken out."""
    return _encode(msgspec.structs.replace(bundle, customer=None)).decode()


def freeze(
    conn: Connection,
    org_id: UUID,
    connection_id: UUID,
    epoch: int,
    sendings: Sequence[Sending],
    anchors: Mapping[str, Anchor],
    now: datetime,
    deadline: datetime,
    guard: Callable[[Connection], None],
) -> None:
    """Write what is going to be sent; the caller commits before it calls. ``guard`` raises when the lease is lost."""
    ledger = Ledger.open(conn, org_id)
    guard(conn)
    insert_deliverables(conn, org_id, connection_id, [(s.deliverable_id, s.new) for s in sendings if s.new], now)
    for sending in sendings:
        if sending.replanned is not None:
            conn.execute(
                "UPDATE deliverable SET bundle = %s, kind = %s, date = %s, in_base = %s WHERE org_id = %s"
                " AND deliverable_id = %s",
                (stored_bundle(sending.replanned), sending.replanned.kind, sending.replanned.date, sending.in_base,
                 org_id, sending.deliverable_id),
            )
    salts = _frozen_drafts(conn, org_id, sendings)
    rows: list[tuple[object, ...]] = []
    for sending in sendings:
        kept, digest = _kept(sending.draft), salts[sending.attempt_id]
        row = (
            org_id, sending.attempt_id, connection_id, sending.deliverable_id, sending.step.name, sending.plan,
            sending.send,
            sending.draft.reference, kept, digest, epoch, now, deadline,
        )
        rows.append(row)
        ledger.note("attempt", str(sending.attempt_id), attempt_digest(*row))
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO attempt (org_id, attempt_id, connection_id, deliverable_id, step, plan, send, reference,"
            " draft,"
            " body_digest, epoch, attempted_at, deadline) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )
        cursor.executemany(
            "UPDATE deliverable SET not_before = %s WHERE org_id = %s AND deliverable_id = %s",
            [(look_from(s, anchors, deadline), org_id, s.deliverable_id) for s in sendings],
        )
    ledger.flush(now)


def look_from(sending: Sending, anchors: Mapping[str, Anchor], deadline: datetime) -> datetime:
    """When to look at it again should no outcome ever be recorded."""
    anchor = anchors.get(sending.step.kind, NO_ANCHOR)
    return deadline if anchor.key_remembered else deadline + timedelta(seconds=anchor.look_up_lag)


def insert_deliverables(
    conn: Connection, org_id: UUID, connection_id: UUID, new: Sequence[tuple[UUID, Planned]], now: datetime
) -> None:
    """Deliverables with their members, who leave the outbox. Raises Conflict ``outbox-changed``."""
    if not new:
        return
    rows: list[tuple[object, ...]] = []
    members: list[tuple[UUID, int]] = []
    for deliverable_id, plan in new:
        holder = deliverable_id
        for part, orphans in _by_part(plan.adopts).items():
            holder = uuid7(now)
            rows.append(_adopted_row(org_id, connection_id, holder, plan, part, orphans, now))
        if plan.bundle is not None or not plan.adopts:
            rows.append(_row(org_id, connection_id, deliverable_id, plan, now))
            holder = deliverable_id
        members += [(holder, number) for number in plan.bucket.members]
    _insert(conn, rows)
    for _, plan in new:
        _insert_adopted(conn, org_id, connection_id, plan, now)
    with copied(conn, _MEMBER) as write:
        for holder, number in members:
            write((org_id, connection_id, number, holder))
    gone = conn.execute(
        "DELETE FROM outbox WHERE org_id = %s AND connection_id = %s AND entry_number = ANY(%s)",
        (org_id, connection_id, [number for _, number in members]),
    ).rowcount
    if gone != len(members):
        raise Conflict("outbox-changed", f"{len(members)} entries were planned, {gone} of them were still to be told")


def _insert(conn: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO deliverable (org_id, deliverable_id, connection_id, group_key, part, kind, reference,"
            " family, lane,"
            " date, bundle, in_base, state, because, not_before, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )


def _row(org_id: UUID, connection_id: UUID, deliverable_id: UUID, plan: Planned, now: datetime) -> tuple[object, ...]:
    bundle = plan.bundle
    return (
        org_id, deliverable_id, connection_id, plan.facts.group_key, plan.part, bundle.kind if bundle else "journal",
        plan.reference, plan.family, plan.lane, bundle.date if bundle else plan.bucket.posting_date,
        stored_bundle(bundle) if bundle else "{}", plan.in_base, "open" if bundle else "withdrawn",
        "" if bundle else "its entries net to nothing", now, now,
    )


def _adopted_row(
    org_id: UUID, connection_id: UUID, holder: UUID, plan: Planned, part: int, orphans: Sequence[Orphan], now: datetime
) -> tuple[object, ...]:
    day = orphans[0].document.date or plan.bucket.posting_date
    return (
        org_id, holder, connection_id, plan.facts.group_key, part, "adopted",
        orphans[0].document.reference.partition("-")[0], plan.family, plan.lane, day, "{}", plan.in_base, "done",
        "it stood at the target already and bears our reference", now, now,
    )


def _by_part(orphans: Sequence[Orphan]) -> dict[int, list[Orphan]]:
    found: dict[int, list[Orphan]] = {}
    for orphan in sorted(orphans, key=lambda one: one.part):
        found.setdefault(orphan.part, []).append(orphan)
    return found


def _insert_adopted(conn: Connection, org_id: UUID, connection_id: UUID, plan: Planned, now: datetime) -> None:
    told: list[Standing] = []
    for at, orphan in enumerate(plan.adopts):
        moves: dict[str, int] = {}
        for line in orphan.lines:
            moves[line.account] = moves.get(line.account, 0) + line.amount.minor
        currency = orphan.lines[0].amount.currency if orphan.lines else plan.facts.currency
        whole = orphan.document.reference.partition("-")[0]
        row = conn.execute(
            "SELECT deliverable_id FROM deliverable WHERE org_id = %s AND connection_id = %s AND reference = %s",
            (org_id, connection_id, whole),
        ).fetchone()
        told.append(Standing(
            deliverable_id=row[0] if row else None, step=f"adopted-{at + 1}",
            document=orphan.document, moves=moves, currency=currency,
        ))
    insert_remotes(conn, org_id, connection_id, told, now)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A document that stands at the target now, as a deliverable's step, and what it does to the accounts there."""

    deliverable_id: UUID | None
    step: str
    document: RemoteDocument
    moves: Mapping[str, int]
    residual: int = 0
    currency: str


def insert_remotes(
    conn: Connection, org_id: UUID, connection_id: UUID, found: Sequence[Standing], now: datetime
) -> None:
    """Keep what stands at the target now. A record that moves nothing is kept once, whoever needed it."""
    if not found:
        return
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO remote_document (org_id, connection_id, deliverable_id, step, kind, remote_id, reference,"
            " version, number, total, currency, date, moves, residual, recorded_at)"
            " SELECT %(org)s, %(to)s, %(of)s, %(step)s, %(kind)s, %(id)s, %(reference)s, %(version)s, %(number)s,"
            " %(total)s, %(currency)s, %(date)s, %(moves)s::jsonb, %(residual)s, %(now)s"
            " WHERE %(moves)s <> '{}' OR NOT EXISTS (SELECT 1 FROM remote_document k WHERE k.org_id = %(org)s"
            " AND k.connection_id = %(to)s AND k.kind = %(kind)s AND k.remote_id = %(id)s)"
            " ON CONFLICT (org_id, deliverable_id, step) DO NOTHING",
            [_remote_row(org_id, connection_id, one, now) for one in found],
        )


def _remote_row(org_id: UUID, connection_id: UUID, one: Standing, now: datetime) -> dict[str, object]:
    document = one.document
    return {
        "org": org_id, "to": connection_id, "of": one.deliverable_id, "step": one.step, "kind": document.kind,
        "id": document.remote_id, "reference": document.reference, "version": document.version,
        "number": document.number, "total": document.total.minor if document.total else None,
        "currency": document.total.currency if document.total else one.currency, "date": document.date,
        "moves": _encode(dict(one.moves)).decode(), "residual": one.residual, "now": now,
    }


def _frozen_drafts(conn: Connection, org_id: UUID, sendings: Sequence[Sending]) -> dict[UUID, bytes]:
    """Keep the bytes of first sends; for a resend, the salt that its first send was kept with."""
    digests: dict[UUID, bytes] = {}
    rows: list[tuple[object, ...]] = []
    for sending in sendings:
        row = conn.execute(
            "SELECT salt FROM frozen_draft WHERE org_id = %s AND deliverable_id = %s AND step = %s AND plan = %s",
            (org_id, sending.deliverable_id, sending.step.name, sending.plan),
        ).fetchone() if sending.send > 1 else None
        text = _encode(sending.draft).decode()
        salt = bytes(row[0]) if row else os.urandom(16)
        if row is None:
            rows.append((org_id, sending.deliverable_id, sending.step.name, sending.plan, salt, text))
        digests[sending.attempt_id] = hashlib.sha256(salt + text.encode()).digest()
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO frozen_draft (org_id, deliverable_id, step, plan, salt, draft)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            rows,
        )
    return digests


def frozen_draft(conn: Connection, org_id: UUID, deliverable_id: UUID, step: str, plan: int) -> Draft | None:
    """The draft of a plan's step as it was frozen; None if it never was, or was erased."""
    row = conn.execute(
        "SELECT draft FROM frozen_draft WHERE org_id = %s AND deliverable_id = %s AND step = %s AND plan = %s",
        (org_id, deliverable_id, step, plan),
    ).fetchone()
    return msgspec.json.decode(str(row[0]), type=Draft) if row and row[0] else None


def _kept(draft: Draft) -> str:
    """The draft as the append-only attempt keeps it: nothing in it can be personal."""
    return _encode({
        "kind": draft.kind, "method": draft.method, "path": draft.path, "key": draft.key, "date": draft.date,
        "total": draft.total, "moves": draft.moves, "residual": draft.residual,
    }).decode()
