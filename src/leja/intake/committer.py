"""Group commit: one thread writes everything that waits in one transaction and only then answers those who wait."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, deque
from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec

from leja.connectors.contract import RawEvent, Wanted
from leja.core.clock import Clock
from leja.core.errors import Transient
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.intake.inbox import Row, keep_rows

GROUP_MAX: Final = 512
COUNTS_EVERY_SECONDS: Final = 1.0
_log = logging.getLogger("leja.door")


class WantedThing(msgspec.Struct, frozen=True, kw_only=True):
    """A thing that a nudge made wanted on a connection."""

    org_id: UUID
    connection_id: UUID
    wanted: Wanted


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What one request brought: all of it is durable before it is answered, or none of it is.

    The rows come ready: preparing them while the group before is being committed costs nobody any time.
    """

    rows: Sequence[Row] = ()
    wanted: tuple[WantedThing, ...] = ()


class _Waiting(msgspec.Struct):
    batch: Batch
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[bool]
    error: BaseException | None = None
    contradicts: bool = False


class GroupCommitter:
    """Takes batches from any event loop; ``start`` and ``stop`` bracket its life.

    Groups form by themselves: what arrives while one commit is under way is the next group, or ``share`` of it.
    ``one_each`` commits every batch by itself, for comparison.
    """

    def __init__(self, database: Database, clock: Clock, *, waiting_max: int = 2048, one_each: bool = False) -> None:
        self._database = database
        self._clock = clock
        self._waiting_max = waiting_max
        self._group_max = 1 if one_each else GROUP_MAX
        self._last = 0  # how many were in the group before
        self._queue: deque[_Waiting] = deque()
        self._refused: Counter[tuple[UUID, UUID, date, str]] = Counter()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write; does nothing if it has begun."""
        with self._wake:
            if self._thread is None:
                self._stopping = False
                self._thread = threading.Thread(target=self._run, name="leja-inbox", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Write what waits, then end."""
        with self._wake:
            thread, self._thread, self._stopping = self._thread, None, True
            self._wake.notify()
        if thread is not None:
            thread.join()

    def submit(self, batch: Batch) -> asyncio.Future[bool]:
        """Done once the batch is durable: whether an event of it says something else than what was kept under its key.

        Raises Transient ``door-busy`` when too much waits already.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()
        with self._wake:
            if self._thread is None or len(self._queue) >= self._waiting_max:
                raise Transient("door-busy", "too many requests wait to be written", retry_after=1)
            self._queue.append(_Waiting(batch, loop, answer))
            self._wake.notify()
        return answer

    def count_refused(self, org_id: UUID, connection_id: UUID, code: str) -> None:
        """Count a refused request; written in batches, so that a flood of them costs the database nothing."""
        with self._wake:
            self._refused[org_id, connection_id, self._clock().date(), code] += 1

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._queue and not self._stopping:
                    self._wake.wait(COUNTS_EVERY_SECONDS)
                group = self._next()
                counts, self._refused = (self._refused, Counter()) if not group else (Counter(), self._refused)
                last = self._stopping and not self._queue
            if counts:
                self._write_counts(counts)
            if group:
                self._write(group)
                _answer(group)
            elif last:
                return

    def _next(self) -> list[_Waiting]:
        size = min(self._group_max, share(len(self._queue), self._last))
        self._last = size or self._last
        return [self._queue.popleft() for _ in range(size)]

    def _write(self, group: list[_Waiting]) -> None:
        """The group in one transaction; if that fails, one by one, so that a bad row costs only its own request."""
        try:
            self._commit(group)
        except Transient as error:
            _fail(group, error)
        except Exception as error:
            if len(group) == 1:
                _fail(group, error)
                return
            for waiting in group:
                self._write([waiting])

    def _commit(self, group: Sequence[_Waiting]) -> None:
        now = self._clock()
        contradicting: list[RawEvent] = []
        with self._database.transaction() as conn:
            rows = [row for waiting in group for row in waiting.batch.rows]
            if rows:
                keep_rows(conn, rows, now, contradicting)
            for thing in sorted({_order(thing) for waiting in group for thing in waiting.batch.wanted}):
                conn.execute(
                    "INSERT INTO wanted (org_id, connection_id, kind, external_id, wanted_at, not_before)"
                    " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (org_id, connection_id, kind, external_id)"
                    " DO UPDATE SET wanted_at = EXCLUDED.wanted_at",
                    (*thing, now, now),
                )
            failpoint("intake.before-door-commit")
        failpoint("intake.after-door-commit")
        if contradicting:
            odd = {id(event) for event in contradicting}
            for waiting in group:
                waiting.contradicts = any(id(row.event) in odd for row in waiting.batch.rows)

    def _write_counts(self, counts: Counter[tuple[UUID, UUID, date, str]]) -> None:
        try:
            with self._database.transaction() as conn:
                write_counts(conn, counts)
                failpoint("intake.before-counts-commit")
        except Transient:
            # The database is away: the counts are kept for the next time, unless the door is being closed.
            with self._wake:
                if not self._stopping:
                    self._refused.update(counts)
        except Exception:
            # Counts are no reason to stop taking events in.
            _log.exception("the counts of refused requests could not be written")


def share(waiting: int, last: int) -> int:
    """How many of those who wait go into the next commit, if ``last`` were in the one before and may soon ask again.

    Half of both, so that one half is answered and asks again while the other is being committed. Whoever takes all that
    wait gets everybody at once by and by: then the database idles while they are answered, and they while it writes.
    """
    return min(waiting, (waiting + last + 1) // 2)


def write_counts(conn: Connection, counts: Counter[tuple[UUID, UUID, date, str]]) -> None:
    """Add to the counts of refused requests per connection, day and code."""
    for (org_id, connection_id, day, code), count in sorted(counts.items(), key=lambda item: str(item[0])):
        conn.execute(
            "INSERT INTO refused_request AS r (org_id, connection_id, day, code, count)"
            " SELECT org_id, connection_id, %s, %s, %s FROM connection WHERE org_id = %s AND connection_id = %s"
            " ON CONFLICT (org_id, connection_id, day, code) DO UPDATE SET count = r.count + EXCLUDED.count",
            (day, code, count, org_id, connection_id),
        )


def _order(thing: WantedThing) -> tuple[UUID, UUID, str, str]:
    return thing.org_id, thing.connection_id, thing.wanted.kind, thing.wanted.external_id


def _fail(group: list[_Waiting], error: BaseException) -> None:
    for waiting in group:
        waiting.error = error


def _answer(group: list[_Waiting]) -> None:
    """Wake each event loop once for all of its requests."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
    for waiting in group:
        by_loop.setdefault(waiting.loop, []).append(waiting)
    for loop, mine in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, mine)
        except RuntimeError:
            _log.warning("%d requests were written, but their event loop has ended before it could answer", len(mine))


def _resolve(group: list[_Waiting]) -> None:
    for waiting in group:
        if waiting.answer.done():
            continue
        if waiting.error is None:
            waiting.answer.set_result(waiting.contradicts)
        else:
            waiting.answer.set_exception(waiting.error)
