"""A server that misbehaves on the wire as it is told: what a test double of a library could not show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Raw answer bytes."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """Plays ``script``: bytes are sent, None drops the connection, a number waits that long and drops. Then ``OK``."""

    def __init__(self, *script: bytes | float | None) -> None:
        self.script = list(script)
        self.requests: list[bytes] = []
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0
                )
                self.requests.append(head + await reader.readexactly(length))
                step = self.script.pop(0) if self.script else OK
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    break
                if step is None:
                    break
                writer.write(step)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left, as some tests want
        finally:
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(*script: bytes | float | None) -> AsyncIterator[Server]:
    """A running server."""
    server = Server(*script)
    listening = await asyncio.start_server(server._serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


class Simulated:
    """A clock whose sleep moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    @property
    def elapsed(self) -> float:
        return (self.at - datetime(2026, 3, 1, tzinfo=UTC)).total_seconds()


def run(test: Callable[[], object]) -> None:
    """Runs an async test."""
    asyncio.run(test())  # type: ignore[arg-type]
