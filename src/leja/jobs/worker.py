"""The worker: looks what is due, does as much of it at once as it may, and is woken by commits.

``run(database, steps, holder=..., clock=...)`` works until SIGTERM or SIGINT; ``Worker.work(stop)`` until an event is set.
Any number of workers, on any number of machines, share the work by leases: one that is killed loses its leases when they
run out, and another goes on from what is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final, TypeVar

import psycopg

from leja.core.clock import Clock
from leja.core.errors import Conflict, LejaError, Refused, Transient
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.jobs import due as derived
from leja.jobs import lease
from leja.jobs.due import Due
from leja.jobs.schedule import Ran, Step, retry_at

AT_ONCE: Final = 8
TICK_SECONDS: Final = 2.0
REST_SECONDS: Final = 0.05  # looks are never closer together than this
AWAY_SECONDS_MAX: Final = 10.0
THREADS: Final = 32
_log = logging.getLogger("leja.worker")
_Answer = TypeVar("_Answer")


class Worker:
    """One worker. ``steps`` is all it knows of what it does."""

    def __init__(
        self,
        database: Database,
        steps: Sequence[Step],
        *,
        holder: str,
        clock: Clock,
        at_once: int = AT_ONCE,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._database = database
        self._steps = {step.name: step for step in steps}
        self._holder = holder
        self._clock = clock
        self._at_once = at_once
        self._tick = tick_seconds
        self._running: dict[tuple[str, object, str], asyncio.Task[None]] = {}
        self._random = Random()  # noqa: S311 - jitter
        # Heartbeats and looks have threads of their own: bookkeeping may keep all the others busy.
        self._desk = ThreadPoolExecutor(4, "leja-desk")
        self._wake = asyncio.Event()

    async def work(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; then finish what is under way, as far as it ends soon."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "leja-step"))
        listener = asyncio.create_task(self._listen())
        stopped = asyncio.create_task(stop.wait())
        away = 0.0
        try:
            while not stop.is_set():
                self._wake.clear()
                try:
                    await self._look()
                    away = 0.0
                except (Transient, psycopg.Error) as error:
                    away = min(AWAY_SECONDS_MAX, away * 2 or 0.25)
                    _log.warning("the database is away: %s; looking again in %.2f s", error, away)
                    await _first(stopped, timeout=away)
                    continue
                await _first(stopped, asyncio.create_task(self._wake.wait()), timeout=self._tick)
                await asyncio.sleep(REST_SECONDS)
        finally:
            await self._end(listener, stopped)

    async def _end(self, *tasks: asyncio.Task[object] | asyncio.Task[None]) -> None:
        """What runs gets a lease's time to end; what does not is left as it is: that is what crashes do, too."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=lease.lease_seconds())
        for task in (*tasks, *self._running.values()):
            task.cancel()
        await asyncio.gather(*tasks, *self._running.values(), return_exceptions=True)
        self._desk.shutdown(wait=False)

    async def _look(self) -> None:
        free = self._at_once - len(self._running)
        if free <= 0:
            return
        for one in await self._asked(self._due):
            key = (one.step, one.org_id, one.subject)
            if key in self._running:
                continue
            task = asyncio.create_task(self._do(one), name=f"{one.step}/{one.subject}")
            self._running[key] = task
            task.add_done_callback(lambda _, key=key: self._done(key))  # type: ignore[misc]
            free -= 1
            if not free:
                return

    def _due(self, conn: Connection) -> list[Due]:
        return derived.due(conn, list(self._steps.values()), self._holder, self._clock())

    def _done(self, key: tuple[str, object, str]) -> None:
        self._running.pop(key, None)
        self._wake.set()

    async def _do(self, one: Due) -> None:
        """Run one step under its lease; whatever happens, the worker goes on."""
        try:
            held = await self._asked(lambda conn: self._begin(conn, one))
            if held is None:
                return
            failpoint("worker.begun")
            await self._run(one, held)
        except Conflict as error:
            _log.info("%s of %s was taken over: %s", one.step, one.org_id, error)
        except Transient as error:
            _log.warning("%s of %s was not finished: %s", one.step, one.org_id, error)
        except Exception:
            _log.exception("%s of %s could not be noted", one.step, one.org_id)

    def _begin(self, conn: Connection, one: Due) -> lease.Lease | None:
        now = self._clock()
        held = lease.acquire(conn, one.org_id, one.lease_name, self._holder, now)
        if held is not None and not derived.begin(conn, one, now):
            lease.release(conn, held, now)
            return None
        return held

    async def _run(self, one: Due, held: lease.Lease) -> None:
        step = asyncio.create_task(_ran(self._steps[one.step], one))
        keeper = asyncio.create_task(self._keep(held, step))
        try:
            ran, error = await step, None
        except asyncio.CancelledError:
            if step.cancelled() and keeper.done() and not keeper.cancelled() and keeper.exception():
                raise Conflict("lease-lost", f"{one.lease_name} was taken over while it ran") from None
            step.cancel()
            raise
        except Exception as failed:
            ran, error = Ran(fruitful=False), failed
            _tell(one, failed)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        failpoint("worker.ran")
        await self._asked(lambda conn: self._note(conn, one, held, ran, error))

    async def _keep(self, held: lease.Lease, step: asyncio.Task[Ran]) -> None:
        """Renew the lease while the step runs. Once it is lost, the step is stopped; its late writes are refused anyway."""
        current = held
        while True:
            await asyncio.sleep(lease.lease_seconds() / 3)
            at = current
            try:
                current = await self._asked(lambda conn, at=at: lease.renew(conn, at, self._clock()))  # type: ignore[misc]
            except Conflict:
                step.cancel()
                raise
            except Transient as error:
                _log.warning("the lease %s could not be renewed yet: %s", held.name, error)

    def _note(self, conn: Connection, one: Due, held: lease.Lease, ran: Ran, error: Exception | None) -> None:
        lease.assert_held(conn, held)
        now = self._clock()
        at, code = ran.not_before or now, ""
        if error is not None:
            code = error.code if isinstance(error, LejaError) else type(error).__name__
            told = error.retry_after if isinstance(error, Transient) else None
            at = retry_at(now, derived.failures(conn, one) + 1, self._random, told)
        derived.ended(conn, one, now, at, code)
        lease.release(conn, held, now)

    async def _asked(self, question: Callable[[Connection], _Answer]) -> _Answer:
        def ask() -> _Answer:
            with self._database.transaction() as conn:
                return question(conn)

        return await asyncio.get_running_loop().run_in_executor(self._desk, ask)

    async def _listen(self) -> None:
        """Be woken by commits. Without a listener the worker still looks every tick."""
        pause = 1.0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._database.urls.app, autocommit=True, connect_timeout=10
                ) as connection:
                    await connection.execute("LISTEN leja_work")
                    pause = 1.0
                    async for _ in connection.notifies():
                        self._wake.set()
            except psycopg.Error as error:
                _log.warning("commits are not heard for now: %s", str(error).strip().partition("\n")[0])
            await asyncio.sleep(pause)
            pause = min(AWAY_SECONDS_MAX, pause * 2)


async def _ran(step: Step, one: Due) -> Ran:
    return await step.run(one.org_id, one.subject)


async def _first(*tasks: asyncio.Task[bool], timeout: float) -> None:
    """Wait for the first of them, or so long; the first one, which says that all ends, is left alone."""
    await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks[1:]:
        task.cancel()


def _tell(one: Due, error: Exception) -> None:
    if isinstance(error, LejaError):
        _log.warning("%s of %s/%s: %s", one.step, one.org_id, one.subject, error)
    else:
        _log.error("%s of %s/%s failed", one.step, one.org_id, one.subject, exc_info=error)


def run(
    database: Database,
    steps: Sequence[Step],
    *,
    holder: str,
    clock: Clock,
    at_once: int = 0,
    tick_seconds: float = TICK_SECONDS,
) -> None:
    """Work in this process until SIGTERM or SIGINT; a second signal ends it at once."""
    asyncio.run(_until_signal(database, steps, holder, clock, at_once or steps_at_once(), tick_seconds))


async def _until_signal(
    database: Database, steps: Sequence[Step], holder: str, clock: Clock, at_once: int, tick_seconds: float
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda number=number: _signalled(loop, stop, number))  # type: ignore[misc]
    await Worker(database, steps, holder=holder, clock=clock, at_once=at_once, tick_seconds=tick_seconds).work(stop)


def _signalled(loop: asyncio.AbstractEventLoop, stop: asyncio.Event, number: int) -> None:
    stop.set()
    loop.remove_signal_handler(number)


class BesideThread:
    """A worker in a thread with an event loop of its own, beside a web server in the same process."""

    def __init__(
        self, database: Database, steps: Sequence[Step], *, holder: str, clock: Clock, at_once: int = 0
    ) -> None:
        self._make: Callable[[], Worker] = lambda: Worker(
            database, steps, holder=holder, clock=clock, at_once=at_once or steps_at_once()
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._thread_main, name="leja-worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Finish what is under way, then end."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended already
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(lease.lease_seconds() + 5)

    def _thread_main(self) -> None:
        try:
            asyncio.run(self._work())
        except Exception:
            # A server that takes in and works no more would look healthy: the process ends, and whoever runs it starts anew.
            _log.exception("the worker has failed; this process ends")
            self._ready.set()
            os.kill(os.getpid(), signal.SIGTERM)

    async def _work(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._ready.set()
        await self._make().work(self._stop)


def steps_at_once() -> int:
    """How many steps a worker does at the same time (``LEJA_WORKER_STEPS``)."""
    text = os.environ.get("LEJA_WORKER_STEPS", str(AT_ONCE))
    if not text.isdigit() or not int(text):
        raise Refused("setting-unreadable", f"LEJA_WORKER_STEPS is {text!r}, not a whole number above zero")
    return int(text)
