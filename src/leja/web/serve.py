"""Serving: one ASGI application. ``/hooks/*`` goes to the bare webhook door, everything else to the API.

leja.web.serve.run(house, host="127.0.0.1", port=8080, with_workers=True)    # leja up
leja.web.serve.run(house, host="127.0.0.1", port=8080, with_workers=False)   # leja serve
house.work()                                                                 # leja work
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from litestar import Litestar

from leja.core.errors import Refused
from leja.house import House
from leja.jobs.worker import BesideThread
from leja.web.api import application
from leja.web.metrics import timed
from leja.web.protocol import configured
from leja.web.webhook_door import Receive, Scope, Send, WebhookDoor

KEEP_ALIVE_SECONDS = 20
END_SECONDS = 20


class Front:
    """Tells the door's requests from the API's, and starts and stops both."""

    def __init__(self, door: WebhookDoor, api: Litestar) -> None:
        self._door = timed(api.state.measured, door)
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == "/hooks" or path.startswith("/hooks/")):
            await self._door(scope, receive, send)
        else:
            await self._api(scope, receive, send)  # type: ignore[arg-type]


def front(house: House, *, worker: BesideThread | None = None) -> Front:
    """The whole application of an opened house; the server's lifespan starts and stops door and worker."""
    door = WebhookDoor(house.doors(), house.committer(), house.clock, body_max=house.settings.body_max)

    async def start() -> None:
        door.start()
        if worker is not None:
            await asyncio.to_thread(worker.start)

    async def stop() -> None:
        await asyncio.to_thread(door.stop)
        if worker is not None:
            await asyncio.to_thread(worker.stop)

    return Front(door, application(house, on_startup=[start], on_shutdown=[stop]))


def run(
    house: House,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    with_workers: bool = True,
    listening: Callable[[int], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; ``listening`` is told the port. Raises Refused ``port-taken``."""
    worker = None
    if with_workers:
        worker = BesideThread(house.database, house.steps(), holder=house.holder, clock=house.clock)
    bound = _bound(host, port)
    if listening is not None:
        listening(int(bound.getsockname()[1]))
    config = configured(
        front(house, worker=worker), timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=END_SECONDS
    )
    _Server(config).run(sockets=[bound])


class _Server(uvicorn.Server):
    """Ends at a signal and returns, so that the house is closed; the usual one would raise the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server while it runs; afterwards they mean what they meant before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as error:
        raise Refused(
            "port-taken",
            f"cannot listen on {host}:{port}: {error.strerror}",
            remedy="Stop what listens there, or choose another --port.",
        ) from None
