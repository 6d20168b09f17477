"""Reading ahead: while a batch is folded and written, the next events are read and decoded.

What was read ahead is only a hint. The events of a batch are asked for again under the lock of the head, and what was
read ahead of them is taken only where event and connection are still as they were then.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from leja.bookkeeping import events as inbox
from leja.bookkeeping.decoder import Decoder
from leja.bookkeeping.reading import Reading, attempt
from leja.bookkeeping.source import Source
from leja.core.errors import LejaError
from leja.database.engine import Connection, Database

FROM: Final = 100  # a smaller batch is decoded sooner than it is sent elsewhere
PART: Final = 50
BYTES_MAX: Final = 64 * 1024 * 1024  # of bodies; behind a batch that has more, nothing is read ahead
WAIT_SECONDS: Final = 10
FindSource = Callable[[Connection, UUID, UUID], Source]
_log = logging.getLogger("leja.bookkeeping")


class Early(msgspec.Struct, frozen=True):
    """What was read ahead: events as they stood then, what they say, and as which source they were decoded."""

    events: dict[UUID, inbox.Waiting] = {}
    readings: dict[UUID, Reading | None] = {}
    sources: dict[UUID, Source] = {}

    def reading(self, event: inbox.Waiting, source: Source) -> Reading | None:
        """What an event says, if it is the one that was decoded, for a source that is still the same."""
        if self.events.get(event.event_id) is not event:
            return None
        then = self.sources.get(source.connection_id)
        if then is None or then.decode is not source.decode or then.context != source.context:
            return None
        return self.readings.get(event.event_id)


NOTHING: Final = Early()


Part = tuple[Source, list[inbox.Waiting]]


class Ahead:
    """A thread that gets events and has them decoded, part by part; ``finish`` does what it has not come to."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._early = Early({}, {}, {})
        self._lock = Lock()
        self._parts: deque[Part] = deque()
        self._read_all = Event()
        self._at_rest = Event()  # no part is with the decoding process
        self._at_rest.set()

    def decode(self, events: Sequence[inbox.Waiting], sources: dict[UUID, Source]) -> None:
        """Begin to decode events that are at hand."""
        self._take(events, sources)
        self._read_all.set()
        self._begin(self._decode)

    def read(self, database: Database, org_id: UUID, source: FindSource, *, after: int, limit: int) -> None:
        """Begin to read the events behind number ``after``, and to decode them."""
        self._begin(lambda: self._read(database, org_id, source, after, limit))

    def finish(self) -> Early:
        """What there is by now, the rest decoded here; nothing where it takes too long."""
        if not self._read_all.wait(WAIT_SECONDS):
            return NOTHING
        self._help()
        if not self._at_rest.wait(WAIT_SECONDS):
            self._decoder.stop()
        self._help()  # what was given back when the process ended
        return msgspec.structs.replace(self._early, readings=dict(self._early.readings))

    def _begin(self, work: Callable[[], None]) -> None:
        Thread(target=work, name="leja-ahead", daemon=True).start()

    def _read(self, database: Database, org_id: UUID, source: FindSource, after: int, limit: int) -> None:
        try:
            with database.transaction() as conn:
                events = inbox.waiting(conn, org_id, limit, after=after)
                sources = {key: source(conn, org_id, key) for key in {event.connection_id for event in events}}
        except (LejaError, psycopg.Error) as error:
            _log.info("nothing was read ahead: %s", error)
        else:
            self._take(events, sources)
        finally:
            self._read_all.set()
        self._decode()

    def _take(self, events: Sequence[inbox.Waiting], sources: dict[UUID, Source]) -> None:
        by_source: dict[UUID, list[inbox.Waiting]] = defaultdict(list)
        for event in events:
            by_source[event.connection_id].append(event)
        self._early.events.update({event.event_id: event for event in events})
        self._early.sources.update(sources)
        for key, theirs in by_source.items():
            self._parts += [(sources[key], theirs[at : at + PART]) for at in range(0, len(theirs), PART)]

    def _decode(self) -> None:
        if not self._decoder.ready():
            return
        while (part := self._handed_out()) is not None:
            source, events = part
            found: list[Reading | None] | None = None
            try:
                found = self._decoder.ask(source.decode, source.context, [event.raw for event in events])
            finally:
                self._hand_back(part, found)
            if found is None:
                return

    def _handed_out(self) -> Part | None:
        with self._lock:
            if not self._parts:
                return None
            self._at_rest.clear()
            return self._parts.popleft()

    def _hand_back(self, part: Part, found: Sequence[Reading | None] | None) -> None:
        with self._lock:
            if found is None:
                self._parts.appendleft(part)
            else:
                self._early.readings.update(zip([event.event_id for event in part[1]], found, strict=True))
            self._at_rest.set()

    def _help(self) -> None:
        while self._parts:
            with self._lock:
                part = self._parts.pop() if self._parts else None
            if part is None:
                return
            source, events = part
            for event in events:
                self._early.readings[event.event_id] = attempt(event.raw, source.context, source.decode)
