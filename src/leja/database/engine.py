"""Connections to PostgreSQL under the right role, and transactions on them."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from leja.core.errors import Transient

RECONNECT_SECONDS = 2.0  # after a failure the pool tries for so long, then anew: it never sleeps through a return
BELIEVED_SECONDS = 1.0  # a connection that was used so short a time ago is not asked whether it still works
Role = Literal["app", "web", "owner"]
Connection = psycopg.Connection[tuple[Any, ...]]
_returned: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()


class Urls(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database is, for each of the three roles. ``owner`` migrates; ``app`` works; ``web`` reads for requests."""

    owner: str
    app: str
    web: str


class Database:
    """Pools per role. Threads share one; a pool is opened on first use."""

    def __init__(self, urls: Urls, *, connections_max: int = 16, wait_seconds: float = 30.0) -> None:
        self.urls = urls
        self._connections_max = connections_max
        self._wait_seconds = wait_seconds
        self._pools: dict[Role, ConnectionPool[Connection]] = {}

    def _pool(self, role: Role) -> ConnectionPool[Connection]:
        if role not in self._pools:
            self._pools[role] = ConnectionPool(
                getattr(self.urls, role),
                min_size=0,
                max_size=self._connections_max,
                timeout=self._wait_seconds,
                reconnect_timeout=RECONNECT_SECONDS,
                open=True,
                check=_require_answering,
                name=f"leja-{role}",
            )
        return self._pools[role]

    @contextmanager
    def transaction(
        self, role: Role = "app", *, orgs: Iterable[UUID] = (), one_state: bool = False
    ) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back on an exception.

        Under role "web" only rows of ``orgs`` can be seen, by row-level security. With ``one_state`` all questions are
        answered from the same state, whatever others commit meanwhile. Raises Transient
        ``database-away`` when the database cannot be reached in time, ``database-disk-full`` when its disk is full.
        """
        try:
            with self._borrowed(role) as connection:
                if one_state:
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                if role == "web":
                    visible = ",".join(str(org) for org in orgs)
                    connection.execute("SELECT set_config('leja.orgs', %s, true)", (visible,))
                yield connection
        except psycopg.errors.DiskFull as error:
            raise Transient("database-disk-full", f"the disk of the database is full: {_first_line(error)}") from error
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Transient("database-away", f"the database cannot be reached: {_first_line(error)}") from error

    @contextmanager
    def _borrowed(self, role: Role) -> Iterator[Connection]:
        """A connection of the pool. Whoever waits asks again every now and then, which makes the pool connect again."""
        pool, ends = self._pool(role), time.monotonic() + self._wait_seconds
        while True:
            left = ends - time.monotonic()
            try:
                connection = pool.getconn(timeout=max(0.001, min(RECONNECT_SECONDS, left)))
                break
            except PoolTimeout:
                if left <= RECONNECT_SECONDS:
                    raise
        try:
            with connection:
                yield connection
        finally:
            _returned[connection] = time.monotonic()
            pool.putconn(connection)

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()


def _require_answering(connection: Connection) -> None:
    """Ask an idle connection whether it still works; one that was used just now is only looked at.

    Whoever is hung up on can read the end of the stream, so a look finds a server that went away without a question to it.
    """
    if time.monotonic() - _returned.get(connection, 0.0) > BELIEVED_SECONDS or _readable(connection.pgconn.socket):
        ConnectionPool.check_connection(connection)


def _readable(socket: int) -> bool:
    looking = select.poll()
    looking.register(socket, select.POLLIN)
    return bool(looking.poll(0))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
