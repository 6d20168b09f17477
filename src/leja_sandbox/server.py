"""Serves stand-ins on the loopback address: in a thread for tests and the demo, or as a process of its own.

with SandboxServer(data_dir=tmp_path, slugs=["shop", "ledger"], own_ports=True) as sandbox:
    sandbox.url("shop")               # http://127.0.0.1:PORT/shop: all share one port
    sandbox.root_url("shop")          # http://127.0.0.1:PORT2: for clients that hard-code paths
    sandbox.stand_in("shop").control.call("place_order", ...)

Remote("http://127.0.0.1:PORT/shop").call("place_order", ...)      # the same from another process
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final, Self

import httpx2
import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from leja.core.clock import Clock, system_clock
from leja_sandbox.discovery import stand_ins
from leja_sandbox.exchange import text_answer
from leja_sandbox.faults import Fault, Faults
from leja_sandbox.gateway import Receive, Scope, Send, _write
from leja_sandbox.kit import Environment, Latency, StandIn, StandInSpec
from leja_sandbox.store import Store

ACCOUNT_APART: Final = 1_000_003


class SandboxServer:
    """Stand-ins that run together. ``slugs`` None: all that discovery finds; ``"shop:second"`` runs one more of a
    kind under another name. ``port`` 0 takes a free one. ``own_ports``: each also at the root of a port of its own, a
    free one or as a mapping says. ``data_dir`` None: in memory."""

    def __init__(
        self,
        *,
        port: int = 0,
        data_dir: Path | None = None,
        slugs: Iterable[str] | None = None,
        seed: int = 0,
        faults: Iterable[Fault | Mapping[str, Any]] = (),
        latency: Latency | None = None,
        clock: Clock = system_clock,
        own_ports: bool | Mapping[str, int] = False,
        specs: Mapping[str, StandInSpec] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        known = dict(specs) if specs is not None else stand_ins()
        self._shared = _bound(port)
        self._own: dict[str, socket.socket] = {}
        self._stand_ins: dict[str, StandIn] = {}
        fixed = own_ports if isinstance(own_ports, Mapping) else {}
        kinds: Counter[str] = Counter()
        if data_dir is not None:
            data_dir.mkdir(parents=True, exist_ok=True)
        for wanted in slugs if slugs is not None else sorted(known):
            slug, _, name = wanted.partition(":")
            name = name or slug
            if own_ports is True or name in fixed:
                self._own[name] = _bound(fixed.get(name, 0))
            # Two accounts at one vendor never give the same ids.
            own = seed + ACCOUNT_APART * kinds[slug]
            kinds[slug] += 1
            env = Environment(
                clock=clock,
                faults=Faults(own, faults),
                latency=latency or Latency(),
                seed=own,
                store=Store(data_dir / f"{name}.sqlite" if data_dir is not None else None),
                public_url=self.root_url(name) if name in self._own else self.url(name),
                random=Random(own),  # noqa: S311
                settings=(settings or {}).get(name, {}),
            )
            self._stand_ins[name] = known[slug].build(env)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()

    @property
    def port(self) -> int:
        """The port that all share."""
        return int(self._shared.getsockname()[1])

    def url(self, name: str) -> str:
        """Where a stand-in is under the shared port."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def root_url(self, name: str) -> str:
        """Where a stand-in is at the root of its own port."""
        return f"http://127.0.0.1:{self._own[name].getsockname()[1]}"

    def names(self) -> list[str]:
        """What runs here."""
        return sorted(self._stand_ins)

    def stand_in(self, name: str) -> StandIn:
        """The stand-in itself, for control in the same process."""
        return self._stand_ins[name]

    def start(self) -> Self:
        """Serves in a thread and returns when it accepts connections."""
        self._thread = threading.Thread(target=lambda: asyncio.run(self.serve()), name="sandbox", daemon=True)
        self._thread.start()
        self._ready.wait(30)
        return self

    def stop(self) -> None:
        """Stops serving and closes the files."""
        if self._loop and self._stop:
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread:
            self._thread.join(10)
        for stand_in in self._stand_ins.values():
            stand_in.env.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def serve(self) -> None:
        """Serves until ``stop`` is called or the task is cancelled."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        served = [(_server(self._mounted), self._shared)]
        served += [(_server(self._stand_ins[name].app), sock) for name, sock in self._own.items()]
        tasks = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in served]
        while not all(server.started for server, _ in served):
            await asyncio.sleep(0.005)
        work = [asyncio.create_task(stand_in.run()) for stand_in in self._stand_ins.values()]
        self._ready.set()
        stopped = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait([stopped, *work, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in [stopped, *work]:
                task.cancel()
            for server, _ in served:
                server.should_exit = server.force_exit = True
            await asyncio.gather(*tasks, *work, return_exceptions=True)

    async def _mounted(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        name = scope["path"].split("/", 2)[1]
        if name in self._stand_ins:
            await self._stand_ins[name].app({**scope, "root_path": f"/{name}"}, receive, send)
        else:
            words = "".join(f"{self.url(name)}\n" for name in self.names())
            await _write(scope, send, text_answer(words, 200 if scope["path"] == "/" else 404))


class Remote:
    """The control of a stand-in that runs in another process."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url.rstrip("/"), timeout=600, trust_env=False)

    def call(self, action: str, /, **arguments: Any) -> Any:
        """Runs an action there. Raises ValueError with the stand-in's words."""
        answer = self._client.post(f"/_control/{action}", content=msgspec.json.encode(arguments))
        value = msgspec.json.decode(answer.content)
        if answer.status_code != 200:
            raise ValueError(value["error"])
        return value


class _CuttableProtocol(H11Protocol):
    """Lets the application close the connection without an answer, through the scope's extension ``leja.cut``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def cut() -> None:
            transport.abort()
            # uvicorn answers 500 for an application that gave none unless it has seen the disconnection before.
            await asyncio.sleep(0.001)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["leja.cut"] = cut
            await inner(scope, receive, send)

        self.app = app


def _server(app: Any) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_CuttableProtocol,
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


def _bound(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's delay off; without it each answer waits 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
