"""Which connection stands behind a webhook address: a directory in memory, refreshed from the database."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from leja.connectors.contract import HandshakeAnswer, Nudges, Webhooks
from leja.core.clock import Clock
from leja.database.engine import Database

DOORS_MAX: Final = 10_000
_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9_-]{8,128}\Z")

Handshake = Callable[[Mapping[str, str], bytes, Sequence[str]], HandshakeAnswer | None]


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """How a connector takes webhooks: signed, or as nudges; and its handshake, if it has one."""

    webhooks: Webhooks | None = None
    nudges: Nudges | None = None
    handshake: Handshake | None = None


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook address: whose it is, how it is verified, all secrets that are valid now."""

    org_id: UUID
    connection_id: UUID
    ways: Ways
    secrets: tuple[str, ...] = ()
    tenant: str = ""
    slug: str = ""


LoadDoor = Callable[[str], Door | None]
LoadTenant = Callable[[str, str], Sequence[Door]]
WaysOf = Callable[[str], Ways | None]
SecretsOf = Callable[[UUID, UUID, str], Sequence[str]]


class DatabaseDoors:
    """Loads one door: the connection from the database, its ways by slug, its secrets from whoever can decrypt them."""

    def __init__(self, database: Database, ways_of: WaysOf, secrets_of: SecretsOf) -> None:
        self._database = database
        self._ways_of = ways_of
        self._secrets_of = secrets_of

    def __call__(self, door: str) -> Door | None:
        """The door of that name, or None. Raises Transient ``database-away``."""
        with self._database.transaction() as conn:
            row = conn.execute(
                "SELECT org_id, connection_id, slug, tenant FROM connection WHERE door = %s AND removed_at IS NULL",
                (door,),
            ).fetchone()
        return self._door(*row) if row else None

    def of_tenant(self, slug: str, tenant: str) -> Sequence[Door]:
        """The doors of all connections, of any organisation, with that account. Raises Transient ``database-away``."""
        with self._database.transaction() as conn:
            rows = conn.execute(
                "SELECT org_id, connection_id, slug, tenant FROM connection"
                " WHERE slug = %s AND tenant = %s AND removed_at IS NULL ORDER BY connection_id LIMIT 100",
                (slug, tenant),
            ).fetchall()
        return [door for row in rows if (door := self._door(*row))]

    def _door(self, org_id: UUID, connection_id: UUID, slug: str, tenant: str) -> Door | None:
        ways = self._ways_of(slug)
        if ways is None:
            return None
        setting = ways.webhooks.secret_setting if ways.webhooks else ways.nudges.secret_setting if ways.nudges else ""
        secrets = tuple(self._secrets_of(org_id, connection_id, setting)) if setting else ()
        return Door(org_id=org_id, connection_id=connection_id, ways=ways, secrets=secrets, tenant=tenant, slug=slug)


class TenantDirectory:
    """Whose an account is that an app's webhook names, remembered for ``fresh_seconds``.

    It is asked only after a signature held, so a stranger cannot fill it.
    """

    def __init__(self, load: LoadTenant, clock: Clock, *, fresh_seconds: float = 5.0) -> None:
        self._load = load
        self._clock = clock
        self._fresh = timedelta(seconds=fresh_seconds)
        self._known: OrderedDict[tuple[str, str], tuple[Sequence[Door], datetime]] = OrderedDict()

    async def find(self, slug: str, tenant: str) -> Sequence[Door]:
        """The doors of that account. Raises Transient ``database-away``."""
        known = self._known.get((slug, tenant))
        if known is not None and self._clock() - known[1] <= self._fresh:
            return known[0]
        doors = await asyncio.to_thread(self._load, slug, tenant)
        self._known[slug, tenant] = doors, self._clock()
        self._known.move_to_end((slug, tenant))
        while len(self._known) > DOORS_MAX:
            self._known.popitem(last=False)
        return doors


class DoorDirectory:
    """Remembers doors, and addresses that are none, for ``fresh_seconds``; a known door is served while it is
    renewed."""

    def __init__(
        self, load: LoadDoor, clock: Clock, *, tenants: LoadTenant | None = None, fresh_seconds: float = 5.0
    ) -> None:
        self.tenants = TenantDirectory(tenants, clock, fresh_seconds=fresh_seconds) if tenants else None
        self._load = load
        self._clock = clock
        self._fresh = timedelta(seconds=fresh_seconds)
        self._known: OrderedDict[str, tuple[Door | None, datetime]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Door | None]] = {}
        self._at_once: asyncio.Semaphore | None = None

    async def find(self, name: str) -> Door | None:
        """The door of that name, or None. Raises Transient ``database-away`` if it is not known and cannot be."""
        if not _WELL_FORMED.match(name):
            return None
        known = self._known.get(name)
        if known is None:
            return await self._renewed(name)
        door, seen_at = known
        if self._clock() - seen_at > self._fresh:
            task = self._renewed(name)
            if door is None:
                return await task
            task.add_done_callback(_read_error)
        return door

    def _renewed(self, name: str) -> asyncio.Task[Door | None]:
        """One look-up at a time for each name."""
        if name not in self._loading:
            task = asyncio.get_running_loop().create_task(self._look_up(name))
            task.add_done_callback(lambda _: self._loading.pop(name, None))
            self._loading[name] = task
        return self._loading[name]

    async def _look_up(self, name: str) -> Door | None:
        # Strangers who guess addresses get two connections of the database between them, not all.
        if self._at_once is None:
            self._at_once = asyncio.Semaphore(2)
        async with self._at_once:
            door = await asyncio.to_thread(self._load, name)
        self._known[name] = (door, self._clock())
        self._known.move_to_end(name)
        while len(self._known) > DOORS_MAX:
            self._known.popitem(last=False)
        return door


def _read_error(task: asyncio.Task[Door | None]) -> None:
    """A renewal that failed leaves the known door in use; the next request tries again."""
    if not task.cancelled():
        task.exception()
