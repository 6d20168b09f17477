"""One micro-batch, one database transaction: events in, documents, entries, balances, outbox and chain out.

The first statement locks the organisation's head, so there is one writer. A batch that the database refuses is halved
until the bad event stands alone, and that one is parked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg

from leja.bookkeeping import events as inbox
from leja.bookkeeping import revisions
from leja.bookkeeping.ahead import BYTES_MAX, FROM, NOTHING, Ahead, Early, FindSource
from leja.bookkeeping.decoder import Decoder
from leja.bookkeeping.fold import Again, Booked, Fold, Missed, Prepared, prepared_from, stopped
from leja.bookkeeping.knowledge import Decided, known, rulebook
from leja.bookkeeping.movements import Movements, movements
from leja.bookkeeping.reading import read
from leja.bookkeeping.source import Source
from leja.core.errors import BrokenInvariant, LejaError, NeedsReview
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.database.ledger import Ledger, entries_of
from leja.posting.known import Known, Needs
from leja.posting.post import needs as needs_of
from leja.posting.revise import StoredEntry

BATCH = 500
Enqueue = Callable[[Connection, UUID, Sequence[Booked], datetime], object]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch did. ``events`` 0 means that nothing was left to do."""

    events: int = 0
    revisions: int = 0
    entries: int = 0
    parked: int = 0
    waiting: int = 0

    def __add__(self, other: Progress) -> Progress:
        return Progress(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Bookkeeper:
    """Records one organisation's events; keeps what an accountant decided between batches.

    With a ``decoder`` the events that follow a full batch are read and decoded while that batch is written.
    """

    def __init__(
        self, database: Database, org_id: UUID, base_currency: str, source: FindSource, enqueue: Enqueue, decoder: Decoder | None = None
    ) -> None:
        self._database = database
        self._org_id = org_id
        self._base_currency = base_currency
        self._source = source
        self._enqueue = enqueue
        self._decided = Decided()
        self._decoder = decoder
        self._ahead: Ahead | None = None

    def record(self, now: datetime, limit: int = BATCH) -> Progress:
        """Record the next events, at most ``limit``. Call again until ``events`` is 0."""
        early = self._read_early()
        try:
            with self._database.transaction() as conn:
                progress = self._batch(conn, now, limit, early)
                failpoint("bookkeeping.before-commit")
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError, psycopg.NotSupportedError, BrokenInvariant,
                psycopg.errors.RaiseException) as error:
            if limit > 1:
                return self.record(now, limit // 2)
            return self._park_first(now, error)
        failpoint("bookkeeping.after-commit")
        return progress

    def _batch(self, conn: Connection, now: datetime, limit: int, early: Early) -> Progress:
        ledger = Ledger.open(conn, self._org_id)
        if early.events:
            events = inbox.waiting_among(conn, self._org_id, limit, early.events)
        else:
            events = inbox.waiting(conn, self._org_id, limit)
        if not events:
            return Progress()
        sources = self._sources(conn, events)
        prepared, standings = self._decode(events, sources, self._read_on(events, sources, early, limit))
        fold, failed = self._fold(conn, ledger, prepared, now)
        standings += [*fold.standings, *failed]
        self._write(conn, fold, events, prepared, standings, now)
        states = [standing.state for standing in standings]
        return Progress(events=len(events), revisions=len(fold.revisions), entries=len(fold.booked),
                        parked=states.count("parked"), waiting=states.count("waiting"))

    def _sources(self, conn: Connection, events: Sequence[inbox.Waiting]) -> dict[UUID, Source]:
        return {key: self._source(conn, self._org_id, key) for key in dict.fromkeys(event.connection_id for event in events)}

    def _read_on(self, events: Sequence[inbox.Waiting], sources: dict[UUID, Source], early: Early, limit: int) -> Early:
        """Begin to read what follows a full batch, and have this one decoded where nothing of it was read ahead."""
        if self._decoder is None or len(events) < max(limit, FROM) or sum(len(e.raw.body) for e in events) > BYTES_MAX:
            return early
        if not early.events:
            at_hand = Ahead(self._decoder)
            at_hand.decode(events, sources)
        self._ahead = Ahead(self._decoder)
        self._ahead.read(self._database, self._org_id, self._source, after=events[-1].seq, limit=limit)
        return early if early.events else at_hand.finish()

    def _read_early(self) -> Early:
        ahead, self._ahead = self._ahead, None
        return ahead.finish() if ahead is not None else NOTHING

    def close(self) -> None:
        """Wait for what is being read ahead, and forget it."""
        self._read_early()

    def _decode(
        self, events: Sequence[inbox.Waiting], sources: dict[UUID, Source], early: Early
    ) -> tuple[list[Prepared], list[inbox.Standing]]:
        prepared, stopped_now = [], []
        for event in events:
            source = sources[event.connection_id]
            try:
                reading = early.reading(event, source) or read(event.raw, source.context, source.decode)
                prepared.append(prepared_from(event, source, reading))
            except LejaError as error:
                if event.raw.key not in error.message:
                    error.message = f"{event.raw.topic} {event.raw.key}: {error.message}"
                stopped_now.append(stopped(event, error))
        return prepared, stopped_now

    def _fold(
        self, conn: Connection, ledger: Ledger, prepared: Sequence[Prepared], now: datetime
    ) -> tuple[Fold, list[inbox.Standing]]:
        wanted = [revisions.identity(p.source.connection_id, d.document) for p in prepared for d in p.reading.documents]
        latest = revisions.latest(conn, self._org_id, wanted)
        held = entries_of(conn, self._org_id, [found.document_id for found in latest.values()]) if latest else {}
        stored = {key: [StoredEntry(number=n, entry=e) for n, e in rows] for key, rows in held.items()}
        shared = movements(
            conn, self._org_id, [(p.source.connection_id, said.document) for p in prepared for said in p.reading.documents],
            [found.document_id for found in latest.values()])
        knowledge = self._knowledge(conn, ledger, prepared, shared)
        self._complete(conn, knowledge, shared, latest, stored)
        failed: dict[UUID, inbox.Standing] = {}
        while True:
            fold = Fold(ledger, latest, stored, knowledge, shared, now)
            try:
                for one in prepared:
                    if one.event.event_id not in failed:
                        fold.take(one)
            except Again as again:
                failed[again.standing.event_id] = again.standing
                ledger = Ledger.open(conn, self._org_id)
                continue
            return fold, list(failed.values())

    def _knowledge(
        self, conn: Connection, ledger: Ledger, prepared: Sequence[Prepared], shared: Movements
    ) -> dict[UUID, Known]:
        asked: dict[UUID, list[Needs]] = defaultdict(list)
        for key in shared.payments():
            if (payment := shared.document(key)) is not None:
                asked[key[0]].append(needs_of(payment))
        for one in prepared:
            asked[one.source.connection_id] += [needs_of(said.document) for said in one.reading.documents]
        rules = rulebook(conn, self._org_id, self._base_currency, self._decided, ledger.locked_periods(),
                         [need for needs in asked.values() for need in needs])
        return {key: known(conn, self._org_id, key, rules, needs) for key, needs in asked.items()}

    def _complete(
        self,
        conn: Connection,
        knowledge: dict[UUID, Known],
        shared: Movements,
        latest: dict[revisions.Identity, revisions.Latest],
        stored: dict[UUID, list[StoredEntry]],
    ) -> None:
        """Relatives that posting may want posted again need their identity, entries and how many there are."""
        relatives = [
            (connection_id, kind, external_id)
            for connection_id, found in knowledge.items()
            for kind, ids in (
                ("sale", found.sales), ("invoice", found.invoices),
                ("refund", [i for family in found.refunds.values() for i in family]),
                ("fulfilment", [i for family in found.fulfilments.values() for i in family]))
            for external_id in ids
            if (connection_id, kind, external_id) not in latest
        ]
        relatives += [key for key in shared.payments() if key not in latest]
        more = revisions.latest(conn, self._org_id, relatives)
        latest.update(more)
        if more:
            held = entries_of(conn, self._org_id, [found.document_id for found in more.values()])
            stored.update({key: [StoredEntry(number=n, entry=e) for n, e in rows] for key, rows in held.items()})
        for found in latest.values():
            found.entries = len(stored.get(found.document_id, ()))

    def _write(
        self, conn: Connection, fold: Fold, events: Sequence[inbox.Waiting], prepared: Sequence[Prepared],
        standings: Sequence[inbox.Standing], now: datetime,
    ) -> None:
        org_id = self._org_id
        for event in events:
            if event.item is not None:
                fold.ledger.note("event", str(event.event_id), event.item)
        for (document_id, revision), digest in revisions.write(conn, org_id, fold.revisions, now).items():
            fold.ledger.note("revision", f"{document_id}/{revision}", digest)
        failpoint("bookkeeping.revisions-written")
        fold.ledger.flush(now)
        failpoint("bookkeeping.entries-written")
        self._enqueue(conn, org_id, fold.booked, now)
        _want(conn, org_id, fold.missed, now)
        _note_unread(conn, org_id, prepared, now)
        inbox.mark(conn, org_id, standings, now)
        inbox.release(conn, org_id, [f"document/{c}/{kind}/{external_id}" for c, kind, external_id in fold.recorded], now)

    def _park_first(self, now: datetime, error: Exception) -> Progress:
        """The one event that the database refuses is parked with its words."""
        with self._database.transaction() as conn:
            ledger = Ledger.open(conn, self._org_id)
            events = inbox.waiting(conn, self._org_id, 1)
            if not events:
                return Progress()
            told = NeedsReview("event-unrecordable", f"{events[0].raw.topic} {events[0].raw.key} cannot be recorded: {error}",
                               remedy="Report this with the event's key; nothing of it was written. Retry after an update.")
            if events[0].item is not None:
                ledger.note("event", str(events[0].event_id), events[0].item)
                ledger.flush(now)
            inbox.mark(conn, self._org_id, [stopped(events[0], told)], now)
        return Progress(events=1, parked=1)


def _want(conn: Connection, org_id: UUID, missed: Sequence[Missed], now: datetime) -> None:
    if missed:
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO wanted (org_id, connection_id, kind, external_id, event_id, wanted_at, not_before)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (org_id, connection_id, kind, external_id)"
                " DO UPDATE SET wanted_at = EXCLUDED.wanted_at",
                [(org_id, m.connection_id, m.wanted.kind, m.wanted.external_id, m.event_id, now, now) for m in missed],
            )


def _note_unread(conn: Connection, org_id: UUID, prepared: Sequence[Prepared], now: datetime) -> None:
    rows = {
        (org_id, one.event.connection_id, field): one.event.event_id for one in prepared for field in one.reading.unread
    }
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO unread_field (org_id, connection_id, field, first_event, first_at) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [(*key, event_id, now) for key, event_id in rows.items()],
            )
