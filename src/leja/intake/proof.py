"""The completeness proof: what the source says it has, against the documents that we hold, per kind, location and day.

What is missing here, or older than there, becomes wanted. What we hold and the source does not list is asked for once
more by id; only what is not answered then is *gone*, and becomes an event that its connector decodes to a withdrawn
revision.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

from leja.connectors.contract import GONE_TOPIC, DayTotal, Gone, RawEvent, Session, SourceId, Wanted
from leja.core.clock import Clock
from leja.core.errors import Refused, Transient
from leja.core.money import Money
from leja.database.engine import Connection, Database
from leja.database.review import open_item
from leja.intake.fetch import FetchVerb, answering, want
from leja.intake.inbox import keep

GONE_SHARE_MAX: Final = Decimal("0.05")
GONE_FEW: Final = 10
REACH_EDGE: Final = timedelta(hours=1)  # what falls out of reach while it is asked for is not gone either
IdsVerb = Callable[[Session, datetime, datetime], Awaitable[tuple[SourceId, ...]]]
TotalsVerb = Callable[[Session, datetime, datetime], Awaitable[tuple[DayTotal, ...]]]


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """The latest revision of a document that we hold."""

    kind: str
    external_id: str
    version: str
    business_day: date
    total: Money
    location: str
    facts: str


class DayProof(msgspec.Struct, frozen=True, kw_only=True):
    """One kind, location, day and currency. ``stated`` is the source's own total, where it gives one."""

    kind: str
    location: str
    business_day: date
    currency: str
    their_count: int = 0
    their_sum: int = 0
    our_count: int = 0
    our_sum: int = 0
    stated_count: int | None = None
    stated_sum: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether counts and sums are the same in all places."""
        ours = (self.our_count, self.our_sum)
        stated = self.stated_count is None or (self.stated_count, self.stated_sum) == ours
        return stated and (self.their_count, self.their_sum) == ours


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The result. ``explained`` is the share, in percent, of all things on either side that agree in version and total.

    ``held_events`` are events of the connection that wait or are parked: what is missing may stand among them. ``since``: what is
    older was not compared, because it was not asked for or because the source does not reach so far back.
    """

    days: tuple[DayProof, ...]
    missing: tuple[SourceId, ...] = ()
    older: tuple[SourceId, ...] = ()
    different: tuple[SourceId, ...] = ()
    unlisted: tuple[Held, ...] = ()
    gone: tuple[Held, ...] = ()
    held_events: int = 0
    explained: Decimal = Decimal(100)
    since: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether everything agrees."""
        return self.explained == 100 and all(day.agrees for day in self.days)


async def proof(
    database: Database,
    org_id: UUID,
    connection_id: UUID,
    ids: IdsVerb,
    session: Session,
    since: datetime,
    until: datetime,
    *,
    clock: Clock,
    day_totals: TotalsVerb | None = None,
    fetch: FetchVerb | None = None,
    kinds: frozenset[str] = frozenset({"sale"}),
    reach: timedelta | None = None,
) -> Proof:
    """Compare and mend.

    ``kinds`` are those that ``ids`` lists even when there are none. ``reach``: how far back the source lists and answers; older
    documents of ours are not compared. Raises what the calls raise.
    """
    if reach is not None:
        since = max(since, until - max(reach - REACH_EDGE, timedelta(0)))
    theirs = await ids(session, since, until)
    stated = await day_totals(session, since, until) if day_totals else ()
    listed = kinds | {thing.kind for thing in theirs}
    ours, waiting = await asyncio.to_thread(_held, database, org_id, connection_id, since, until, listed, theirs)
    found = compared(theirs, ours, stated)
    found = msgspec.structs.replace(found, held_events=waiting, since=since)
    answers: list[RawEvent] = []
    gone: list[Held] = []
    for held in found.unlisted if fetch is not None else ():
        thing = Wanted(kind=held.kind, external_id=held.external_id)
        told = await _asked(fetch, session, thing)
        if told is None:
            continue
        alive = [answering(event, thing) for event in told if event.topic != GONE_TOPIC]
        answers += alive
        if not alive:
            gone.append(held)
    found = msgspec.structs.replace(found, gone=tuple(gone))
    await asyncio.to_thread(_mend, database, org_id, connection_id, found, answers, len(ours), clock())
    return found


async def _asked(fetch: FetchVerb | None, session: Session, thing: Wanted) -> tuple[RawEvent, ...] | None:
    """What the source says of one thing; None if it cannot say now, which proves nothing."""
    if fetch is None:
        return None
    try:
        return await fetch(session, [thing])
    except (Transient, Refused):
        return None


class _Ours(msgspec.Struct, frozen=True):
    """Our documents in the window, and those that the source lists in it although we date them elsewhere."""

    inside: tuple[Held, ...]
    elsewhere: tuple[Held, ...]

    def __len__(self) -> int:
        return len(self.inside)


def compared(theirs: Sequence[SourceId], ours: _Ours, stated: Iterable[DayTotal]) -> Proof:
    """The pure part: what is missing, older, different or unlisted, and the sums of each day."""
    by_id = {(held.kind, held.external_id): held for held in (*ours.inside, *ours.elsewhere)}
    listed = {(thing.kind, thing.external_id) for thing in theirs}
    missing = tuple(thing for thing in theirs if (thing.kind, thing.external_id) not in by_id)
    older: list[SourceId] = []
    different: list[SourceId] = []
    for thing in theirs:
        held = by_id.get((thing.kind, thing.external_id))
        if held is None:
            continue
        if held.version < thing.version:
            older.append(thing)
        elif (held.total, held.business_day) != (thing.total, thing.business_day):
            different.append(thing)
    unlisted = tuple(held for held in ours.inside if (held.kind, held.external_id) not in listed)
    counted = [held for key, held in by_id.items() if key in listed or held in unlisted]
    everything = len(theirs) + len(unlisted)
    agreeing = len(theirs) - len(missing) - len(older) - len(different)
    return Proof(
        days=_days(theirs, counted, stated),
        missing=missing,
        older=tuple(older),
        different=tuple(different),
        unlisted=unlisted,
        explained=(Decimal(agreeing) * 100 / everything).quantize(Decimal("0.0001")) if everything else Decimal(100),
    )


def _days(theirs: Iterable[SourceId], ours: Iterable[Held], stated: Iterable[DayTotal]) -> tuple[DayProof, ...]:
    sums: dict[tuple[str, str, date, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for side, things in (("their", theirs), ("our", ours)):
        for thing in things:
            tally = sums[thing.kind, thing.location, thing.business_day, thing.total.currency]
            tally[f"{side}_count"] += 1
            tally[f"{side}_sum"] += thing.total.minor
    for day in stated:
        tally = sums[day.kind, day.location, day.business_day, day.total.currency]
        tally["stated_count"], tally["stated_sum"] = day.count, day.total.minor
    return tuple(
        DayProof(kind=kind, location=location, business_day=day, currency=currency, **tally)
        for (kind, location, day, currency), tally in sorted(sums.items())
    )


def _held(
    database: Database, org_id: UUID, connection_id: UUID, since: datetime, until: datetime, kinds: frozenset[str],
    theirs: Sequence[SourceId],
) -> tuple[_Ours, int]:  # fmt: skip
    latest = (
        "SELECT d.kind, d.external_id, r.version, r.business_day, r.facts, r.withdrawn FROM document d"
        " JOIN LATERAL (SELECT * FROM document_revision r WHERE r.org_id = d.org_id AND r.document_id = d.document_id"
        " ORDER BY r.revision DESC LIMIT 1) r ON true WHERE d.org_id = %s AND d.connection_id = %s"
    )
    with database.transaction() as conn:
        inside = conn.execute(
            (latest + " AND d.kind = ANY(%s) AND r.occurred_at >= %s AND r.occurred_at < %s").encode(),
            (org_id, connection_id, sorted(kinds), since, until),
        ).fetchall()
        named = conn.execute(
            (latest + " AND (d.kind, d.external_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))").encode(),
            (org_id, connection_id, [thing.kind for thing in theirs], [thing.external_id for thing in theirs]),
        ).fetchall()
        (waiting,) = conn.execute(
            "SELECT count(*) FROM event_state WHERE org_id = %s AND connection_id = %s"
            " AND state IN ('waiting', 'parked')",
            (org_id, connection_id),
        ).fetchone() or (0,)
    there = tuple(_document(row) for row in inside if not row[5])
    keys = {(held.kind, held.external_id) for held in there}
    elsewhere = tuple(_document(row) for row in named if (row[0], row[1]) not in keys)
    return _Ours(there, elsewhere), int(str(waiting))


class _Amount(msgspec.Struct):
    minor: int
    currency: str


class _Head(msgspec.Struct):
    currency: str
    location: str = ""


class _Tender(msgspec.Struct):
    amount: _Amount


class _Facts(msgspec.Struct):
    header: _Head
    total: _Amount | None = None
    amount: _Amount | None = None
    tender: _Tender | None = None


_facts: Final = msgspec.json.Decoder(_Facts)


def _document(row: tuple[object, ...]) -> Held:
    kind, external_id, version, day, facts, _ = row
    said = _facts.decode(str(facts))
    amount = said.total or said.amount or (said.tender.amount if said.tender else None)
    return Held(
        kind=str(kind), external_id=str(external_id), version=str(version), business_day=day,  # type: ignore[arg-type]
        total=Money(amount.minor if amount else 0, said.header.currency), location=said.header.location,
        facts=str(facts), )  # fmt: skip


def _mend(
    database: Database,
    org_id: UUID,
    connection_id: UUID,
    found: Proof,
    answers: list[RawEvent],
    held: int,
    now: datetime,
) -> None:
    with database.transaction() as conn:
        things = [Wanted(kind=thing.kind, external_id=thing.external_id) for thing in (*found.missing, *found.older)]
        want(conn, org_id, connection_id, things, now)
        keep(conn, org_id, connection_id, answers, now)
        if len(found.gone) > max(Decimal(GONE_FEW), held * GONE_SHARE_MAX):
            open_item(
                conn, org_id, "proof-too-many-gone", f"connection/{connection_id}",
                f"The source no longer has {len(found.gone)} of {held} documents held here; none was withdrawn.",
                "See whether the connection still has access to all of its account, then run the proof again.", now,
                connection_id=connection_id,
            )  # fmt: skip
            return
        keep(
            conn,
            org_id,
            connection_id,
            [_gone(thing, now) for thing in _untold(conn, org_id, connection_id, found.gone)],
            now,
        )


def _untold(conn: Connection, org_id: UUID, connection_id: UUID, gone: Sequence[Held]) -> list[Held]:
    """Those for which no event says yet that they are gone."""
    found = conn.execute(
        "SELECT event_key FROM event WHERE org_id = %s AND connection_id = %s AND event_key = ANY(%s)",
        (org_id, connection_id, [_gone_key(held) for held in gone]),
    )
    told = {key for (key,) in found}
    return [held for held in gone if _gone_key(held) not in told]


def _gone_key(held: Held) -> str:
    return f"gone/{held.kind}/{held.external_id}/{held.version}"


def _gone(held: Held, now: datetime) -> RawEvent:
    body = msgspec.json.encode(
        Gone(kind=held.kind, external_id=held.external_id, version=held.version, found_at=now, facts=held.facts)
    )
    return RawEvent(key=_gone_key(held), topic=GONE_TOPIC, body=body, origin="fetch")
