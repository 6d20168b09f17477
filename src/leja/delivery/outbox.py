"""The outbox: which target is still to be told of which entry, written with the entry in its transaction."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from leja.core.clock import localised, utc
from leja.core.errors import Refused
from leja.database import review
from leja.database.copying import Rows, copied
from leja.database.engine import Connection
from leja.delivery import settlements
from leja.rules.modes import Mode, PostingMode, mode_at

GRACE_HOURS = 2
EACH_ALWAYS = frozenset({"invoice", "payout", "fee", "payment"})
_OUTBOX = Rows("outbox", {
    "org_id": "uuid", "connection_id": "uuid", "entry_number": "int8", "group_key": "text", "family": "text",
    "lane": "text",
    "due_at": "timestamptz",
})
LINKED = ["refund", "fulfilment", "payment"]


class Booking(msgspec.Struct, frozen=True):
    """An entry that was just written, as far as delivery must know it."""

    entry_number: int
    document_id: UUID
    kind: str
    business_day: date
    posting_date: date
    location: str
    channel: str
    currency: str
    customer_kind: str = "consumer"
    lane: str = "live"


class Told(msgspec.Struct, frozen=True):
    """An accounting connection that is told: from which day on, and how fine."""

    connection_id: UUID
    start_date: date
    modes: tuple[PostingMode, ...]


class Places(msgspec.Struct, frozen=True):
    """When days end: the organisation's zone and day end, and those of its locations."""

    zone: str
    day_end_minutes: int
    locations: Mapping[str, tuple[str, int]]

    def day_ends(self, day: date, location: str) -> datetime:
        """The instant at which a business day is over at a place."""
        zone, minutes = self.locations.get(location, (self.zone, self.day_end_minutes))
        midnight = datetime(day.year, day.month, day.day) + timedelta(days=1, minutes=minutes)  # noqa: DTZ001
        return utc(localised(midnight, zone))


def grace() -> timedelta:
    """How long after a day's end its summary waits for what comes late (``LEJA_DAILY_GRACE``, hours)."""
    text = os.environ.get("LEJA_DAILY_GRACE", str(GRACE_HOURS))
    if not text.isdigit():
        raise Refused("setting-unreadable", f"LEJA_DAILY_GRACE is {text!r}, not a whole number of hours")
    return timedelta(hours=int(text))


def told(conn: Connection, org_id: UUID) -> tuple[Told, ...]:
    """The organisation's accounting connections with their posting modes, in the order in which they were decided."""
    modes: dict[UUID, list[PostingMode]] = {}
    for target, channel, customer, mode, day in conn.execute(
        "SELECT connection_id, channel, customer_kind, mode, effective_from FROM posting_mode WHERE org_id = %s"
        " ORDER BY recorded_at, effective_from",
        (org_id,),
    ):
        modes.setdefault(target, []).append(PostingMode(
            target=str(target), mode=mode, effective_from=day, channel=str(channel), customer_kind=customer,
        ))
    rows = conn.execute(
        "SELECT connection_id, start_date FROM connection WHERE org_id = %s AND duty = 'accounting' AND removed_at"
        " IS NULL"
        " ORDER BY connection_id",
        (org_id,),
    ).fetchall()
    return tuple(Told(row[0], row[1], tuple(modes.get(row[0],
    ()))) for row in rows)


def places(conn: Connection, org_id: UUID) -> Places:
    """The organisation's zone and those of its locations."""
    zone, minutes = conn.execute(
        "SELECT zone, day_end_minutes FROM org WHERE org_id = %s", (org_id,)
    ).fetchone() or ("UTC", 0)
    rows = conn.execute("SELECT external_id, zone, day_end_minutes FROM location WHERE org_id = %s",
    (org_id,)).fetchall()
    return Places(str(zone), int(str(minutes)), {str(r[0]): (str(r[1]), int(str(r[2]))) for r in rows})


def mode_for(booking: Booking, target: Told) -> Mode:
    """How fine this booking is told. Payouts, fees, invoices and payments are always documents of their own."""
    if booking.kind in EACH_ALWAYS:
        return "each"
    return mode_at(
        target.modes, target=str(target.connection_id), channel=booking.channel,
        customer_kind="business" if booking.customer_kind == "business" else "consumer", day=booking.business_day,
    )


def group_of(booking: Booking, mode: str) -> str:
    """The group that a booking is told in; with mode ``payout``, the one it is told in if no payout comes."""
    if mode == "each":
        return f"document/{booking.document_id}"
    return f"daily/{booking.business_day.isoformat()}/{booking.location}/{booking.channel}/{booking.currency}"


def enqueue(
    conn: Connection, org_id: UUID, bookings: Sequence[Booking], targets: Sequence[Told], when: Places, now: datetime
) -> int:
    """Write one outbox row for each entry and each target that is told of it; says how many."""
    if not bookings or not targets:
        return 0
    roots = _roots(conn, org_id, bookings)
    by_payout = any(mode.mode == "payout" for target in targets for mode in target.modes)
    settled = _settled(conn, org_id, bookings, roots) if by_payout else {}
    rows = 0
    with copied(conn, _OUTBOX) as write:
        for target in targets:
            for row in _rows(org_id, bookings, target, when, roots, settled, now):
                write(row)
                rows += 1
    payouts = [booking.document_id for booking in bookings if booking.kind == "payout"]
    if by_payout and payouts:
        settlements.hasten(conn, org_id, payouts, now)
    return rows


def _settled(
    conn: Connection, org_id: UUID, bookings: Sequence[Booking], roots: Mapping[UUID, UUID]
) -> dict[UUID, UUID]:
    """The document whose tenders say when a booking's money is settled, for those that a processor settles at all.

    A refund has tenders of its own; a fulfilment moves what its sale was paid for.
    """
    whose = {
        booking.document_id: roots.get(booking.document_id, booking.document_id) if booking.kind == "fulfilment"
        else booking.document_id
        for booking in bookings if booking.kind not in EACH_ALWAYS
    }
    found = settlements.with_processors(conn, org_id, list(whose.values()))
    return {document: payer for document, payer in whose.items() if payer in found}


def _rows(
    org_id: UUID, bookings: Sequence[Booking], target: Told, when: Places, roots: Mapping[UUID, UUID],
    settled: Mapping[UUID, UUID], now: datetime
) -> Iterator[tuple[object, ...]]:
    """The rows of one target; what repeats for a day and place is worked out once."""
    wait = grace()
    modes: dict[tuple[str, str, str, date], str] = {}
    dues: dict[tuple[date, str], datetime] = {}
    for booking in bookings:
        if booking.posting_date < target.start_date or booking.business_day < target.start_date:
            continue
        asked = (booking.kind, booking.channel, booking.customer_kind, booking.business_day)
        if asked not in modes:
            modes[asked] = mode_for(booking, target)
        group = group_of(booking, modes[asked])
        family, due = group, now
        if modes[asked] == "each":
            family = f"document/{roots.get(booking.document_id, booking.document_id)}"
        else:
            at = (booking.business_day, booking.location)
            if at not in dues:
                dues[at] = max(when.day_ends(*at) + wait, now)
            due = dues[at]
            if modes[asked] == "payout" and booking.document_id in settled:
                family = group = settlements.waiting_key(settled[booking.document_id], group)
                due += settlements.payout_wait()
        yield (org_id, target.connection_id, booking.entry_number, group, family, booking.lane, due)


def _roots(conn: Connection, org_id: UUID, bookings: Sequence[Booking]) -> dict[UUID, UUID]:
    """Refunds, fulfilments and payments stand in the family of the sale or invoice that they belong to."""
    linked = [booking.document_id for booking in bookings if booking.kind in LINKED]
    if not linked:
        return {}
    rows = conn.execute(
        "SELECT DISTINCT ON (l.document_id) l.document_id, d.document_id FROM document_link l JOIN document d"
        " ON d.org_id = l.org_id AND d.connection_id = l.connection_id AND d.kind = l.kind AND d.external_id ="
        " l.external_id"
        " WHERE l.org_id = %s AND l.document_id = ANY(%s) ORDER BY l.document_id, d.document_id",
        (org_id, linked),
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def hold(
    conn: Connection, org_id: UUID, connection_id: UUID, group_keys: Sequence[str], why: str, waits_for: str
) -> None:
    """Mark groups as unable to go on until what they wait for is there."""
    conn.execute(
        "UPDATE outbox SET held = %s, waits_for = %s WHERE org_id = %s AND connection_id = %s AND group_key = ANY(%s)",
        (why, waits_for, org_id, connection_id, list(group_keys)),
    )


def release(conn: Connection, org_id: UUID, waits_for: Iterable[str], now: datetime, by: str = "leja") -> int:
    """Let go on whatever waited for these things, and settle their review items; says how many outbox rows it freed."""
    names = list(waits_for)
    freed = conn.execute(
        "UPDATE outbox SET held = '', waits_for = '' WHERE org_id = %s AND held <> '' AND waits_for = ANY(%s)",
        (org_id, names),
    ).rowcount
    conn.execute(
        "UPDATE deliverable SET state = 'open', plan = plan + 1, because = '', waits_for = '', not_before = %s"
        " WHERE org_id = %s AND state = 'parked' AND waits_for = ANY(%s)",
        (now, org_id, names),
    )
    review.settle_many(conn, org_id, names, "mended", by, now)
    return freed
