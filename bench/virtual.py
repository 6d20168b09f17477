"""Time that nobody waits for: an event loop whose clock jumps to the next thing that is due, and vendors that are in the process.

Everything that waits waits on the loop (pace, deadlines, latency, leases), so hours pass in moments and the same seed gives the
same run. Work in threads is done at once, in the loop: it takes no time on this clock.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx2

import leja.http.client
from leja_sandbox.server import SandboxServer

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


class _Jumping(selectors.DefaultSelector):
    """Never waits: where nothing is ready the loop's clock goes on instead."""

    jump: Callable[[float], None]

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise RuntimeError("everything waits, and for nothing that time would bring")
        self.jump(timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock of its own, which is also ``now``."""

    def __init__(self) -> None:
        selector = _Jumping()
        self._passed = 0.0
        selector.jump = self.jump
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since it began."""
        return self._passed

    def now(self) -> datetime:
        """The same as an instant."""
        return START + timedelta(seconds=self._passed)

    def jump(self, seconds: float) -> None:
        """Time passes."""
        self._passed += seconds

    def run_in_executor(self, _executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """At once, in the loop."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class LoopClock:
    """The loop's time as a clock that may be set forward from outside."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def __call__(self) -> datetime:
        """Now."""
        return self._loop.now()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._loop.jump(seconds)


class Wire(httpx2.AsyncBaseTransport):
    """The way to a sandbox in this process. Calls are counted, and each takes its time: drawn from the seed, log-normal with a
    median of 0.25 s, a tenth of them beyond 0.47, and 20 ms for each KB that is sent."""

    MEDIAN, SPREAD, SECONDS_A_KB = 0.25, 0.5, 0.02

    def __init__(self, server: SandboxServer, seed: int) -> None:
        self._inner = httpx2.ASGITransport(app=server._mounted)
        self._random = Random(seed)
        self.calls: list[tuple[str, float]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One call."""
        body = await request.aread()
        seconds = self.MEDIAN * self._random.lognormvariate(0, self.SPREAD) + len(body) / 1000 * self.SECONDS_A_KB
        self.calls.append((f"{request.method} {request.url.path}", seconds))
        await asyncio.sleep(seconds / 2)
        answer = await self._inner.handle_async_request(request)
        await answer.aread()
        await asyncio.sleep(seconds / 2)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=_raw(answer))

    async def aclose(self) -> None:
        """Shared: nothing is closed."""


def _raw(answer: httpx2.Response) -> bytes:
    """The body; it comes unpacked, so what says otherwise is taken off."""
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        if name in answer.headers:
            del answer.headers[name]
    return answer.content


@contextmanager
def wired(server: SandboxServer, seed: int) -> Iterator[Wire]:
    """Within the block every client that is opened reaches the sandbox without a network."""
    wire, real = Wire(server, seed), leja.http.client.PinnedTransport
    leja.http.client.PinnedTransport = lambda *_, **__: wire  # type: ignore[assignment,misc]
    try:
        yield wire
    finally:
        leja.http.client.PinnedTransport = real  # type: ignore[misc]
