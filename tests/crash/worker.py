"""What the crash runs kill: sandbox, webhook door, worker. ``python -m tests.crash.worker`` forks them on demand."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import uvicorn

import leja_sandbox.discovery
from leja.access import connections
from leja.access.connections import Connection
from leja.access.vault import Vault
from leja.closing.lock import lock
from leja.closing.reopen import reopen
from leja.connectors import registry
from leja.connectors.contract import BackfillPlan, Session
from leja.core.clock import Clock
from leja.core.errors import LejaError, Refused
from leja.database.engine import Database, Urls
from leja.house import House, Settings
from leja.http.client import _trusted
from leja.http.pacing import Pacing
from leja.intake import backfill
from leja.intake.file_import import FileConnection, import_file
from leja.jobs.worker import Worker
from leja.web.webhook_door import WebhookDoor
from leja_sandbox.server import SandboxServer
from tests.crash.clock import SPEED, QuickClock

_log = logging.getLogger("tests.crash")


class _QuickPaces(dict[UUID, Pacing]):
    """Waits of the pace end by the quick clock, not by the wall's."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def setdefault(self, key: UUID, default: Pacing) -> Pacing:  # type: ignore[override]
        return super().setdefault(
            key, Pacing(None, now=self._clock, sleep=lambda seconds: asyncio.sleep(seconds / SPEED))
        )


class QuickHouse(House):
    """A house whose calls are tried again by the quick clock: waiting for a vendor proves nothing."""

    def session(self, found: Connection) -> Session:
        """A session that waits quickly."""
        made = super().session(found)
        made.http._sleep = lambda seconds: asyncio.sleep(seconds / SPEED)
        return made


class Place(msgspec.Struct, kw_only=True):
    """Where a run happens: its folder, database, organisation and addresses."""

    home: str
    urls: Urls
    org: UUID
    shop: UUID
    door_port: int
    sandbox_port: int

    def house(self) -> House:
        """An opened house of this run. Limits of the vendors are off, as in the sandbox."""
        home = Path(self.home)
        settings = Settings(home=home, private_hosts=frozenset({f"127.0.0.1:{self.sandbox_port}"}), poll_seconds=20)
        database = Database(self.urls, wait_seconds=2.0)
        made = QuickHouse(settings, database, Vault.open_file(home / "keys" / "vault.key"), QuickClock(home / "clock"))
        made.pace_off = True
        made._paces = _QuickPaces(made.clock)
        return made


def sandbox(home: str, port: int, parts: list[dict[str, Any]], seed: int) -> None:
    """The vendors' stand-ins, with what they had accepted before."""
    server = SandboxServer(
        port=port,
        data_dir=Path(home) / "sandbox",
        clock=QuickClock(Path(home) / "clock"),
        seed=seed,
        slugs=[f"{part['slug']}:{part['name']}" for part in parts],
        settings={part["name"]: part.get("stand_in", {}) for part in parts},
    )
    asyncio.run(server.serve())


def web(place: dict[str, Any]) -> None:
    """The webhook door."""
    at = msgspec.convert(place, Place)
    house = at.house()
    door = WebhookDoor(house.doors(), house.committer(), house.clock)
    bound = socket.create_server(("127.0.0.1", at.door_port))
    config = uvicorn.Config(
        door, log_config=None, access_log=False, ws="none", lifespan="on", timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[bound])


def work(place: dict[str, Any], files: list[tuple[str, str]], errands: list[str]) -> None:
    """The worker as ``leja work`` runs it, and the errands of a bookkeeper beside it. ``files``: connection and path."""
    asyncio.run(_work(msgspec.convert(place, Place), [(UUID(one), Path(file)) for one, file in files], errands))


async def _work(place: Place, files: list[tuple[UUID, Path]], errands: list[str]) -> None:
    stop, house = asyncio.Event(), place.house()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _say_where)
    worker = Worker(house.database, house.steps(), holder=house.holder, clock=house.clock, tick_seconds=0.1)
    beside = asyncio.create_task(_errands(house, place, files, errands))
    await worker.work(stop)
    beside.cancel()
    with suppress(asyncio.CancelledError):
        await beside
    house.close()


def _say_where() -> None:
    """For whoever looks why a run stands still."""
    for task in asyncio.all_tasks():
        step: Any = task.get_coro()
        while step is not None and hasattr(step, "cr_frame") and step.cr_frame is not None:
            sys.stderr.write(f"{step.cr_frame.f_code.co_filename}:{step.cr_frame.f_lineno} ")
            step = step.cr_await
        sys.stderr.write(f"{task.get_name()}\n")


async def _errands(house: House, place: Place, files: list[tuple[UUID, Path]], errands: list[str]) -> None:
    for one, file in files:
        await _tried(file.name, asyncio.to_thread(_import, house, place, one, file))
    await _tried("backfill", _backfill(house, place, begin="backfill" in errands))
    if "period" in errands:
        await _tried("period", asyncio.to_thread(_period, house, place))


async def _tried(name: str, errand: Any) -> None:
    """What fails is done again by the next process; that it failed is logged."""
    try:
        await errand
    except LejaError as error:
        _log.warning("%s was not finished: %s", name, error)


def _import(house: House, place: Place, connection_id: UUID, file: Path) -> None:
    with house.database.transaction() as conn:
        found = connections.by_id(conn, place.org, connection_id)
        context = house.source(conn, place.org, connection_id).context
    connection = FileConnection(
        connection_id=connection_id,
        settings=context.settings,
        read_file=registry.verb(found.slug, "read_file"),
        detect=registry.verb(found.slug, "detect"),
    )
    import_file(house.database, place.org, connection, file, clock=house.clock)


async def _backfill(house: House, place: Place, *, begin: bool) -> None:
    """Go on with an unfinished backfill, or begin one."""
    now = house.clock()
    with house.database.transaction() as conn:
        shop = connections.by_id(conn, place.org, place.shop)
        runs = backfill.unfinished(conn, place.org)
        if begin and not runs:
            plan = BackfillPlan(events=0, calls=1, seconds=1)
            runs = [backfill.begin(conn, place.org, place.shop, now - timedelta(days=30), now, plan, now)]
    for run in runs:
        await _read_back_in_time(house, shop, run)


async def _read_back_in_time(house: House, shop: connections.Connection, run: backfill.Run) -> None:
    verb = registry.verb(shop.slug, "backfill")
    session = house.session(shop)
    try:
        await backfill.backfill(house.database, shop.org_id, run, verb, session, clock=house.clock)
    finally:
        await session.http.close()


def _period(house: House, place: Place) -> None:
    """Lock a month and open it again, each in a transaction of its own."""
    period = (house.clock() - timedelta(days=70)).strftime("%Y-%m")
    for change in (reopen, lock, reopen):
        with suppress(Refused), house.database.transaction() as conn:
            change(conn, place.org, period, by="bookkeeper", reason="the crash runs", now=house.clock())


ROLES: dict[str, Callable[..., None]] = {"sandbox": sandbox, "web": web, "work": work}


def _child(told: dict[str, Any]) -> None:
    log = os.open(told["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.environ.update(told["environment"])
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {os.getpid()} %(name)s %(message)s", force=True)
    for noisy in ("httpx2", "httpcore2", "uvicorn", "psycopg.pool"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    _log.info("%s begins, %s", told["start"], told["environment"])
    ROLES[told["start"]](**told["arguments"])


def _everything_read() -> None:
    """Read here, once, what each process would else read anew: a run starts some twenty of them."""
    leja_sandbox.discovery.stand_ins()
    for slug in registry.connectors():
        registry.capabilities(slug)
    for module in ("anyio._backends._asyncio", "httpcore2", "leja.web.protocol", "uvicorn.lifespan.on"):
        importlib.import_module(module)
    importlib.import_module("leja.connectors.shopify.stand_in_graphql").load_schema()
    _trusted()


def main() -> None:
    """Fork what is asked for, say how it ended, until nobody asks any more."""
    _everything_read()
    children: dict[int, int | None] = {}
    for line in sys.stdin.buffer:
        told = msgspec.json.decode(line)
        if "start" in told:
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    _child(told)
                    code = 0
                except BaseException:
                    logging.exception("%s failed", told["start"])
                finally:
                    os._exit(code)
            children[pid] = None
            answer: dict[str, Any] = {"pid": pid}
        else:
            pid = told["status"]
            if children[pid] is None:
                done, status = os.waitpid(pid, os.WNOHANG)
                children[pid] = os.waitstatus_to_exitcode(status) if done else None
            answer = {"exit": children[pid]}
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
    for pid, ended in children.items():
        if ended is None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
