"""A process of its own: posts signed bodies over so many connections for so long, one request after the other on each.

python -m bench.door_client PORT CONNECTIONS SECONDS FIRST < requests     prints how many were answered, and how fast
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter

MARK = b"@@@@@@@@@@@@"


class Caller(asyncio.Protocol):
    """One connection: sends the next request as soon as the last was answered."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """An answer has no body, so its head is all of it."""
        self._buffer += data
        if not self._buffer.endswith(b"\r\n\r\n"):
            return
        answer, self._buffer = self._buffer, b""
        now = perf_counter()
        self._run.note(answer, now - self._sent_at, now)
        if now < self._run.ends:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up in the middle: the run is worth nothing."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the door hung up"))

    def _send(self) -> None:
        self._sent_at = perf_counter()
        self._transport.write(self._run.next())  # type: ignore[attr-defined]


class Run:
    """What all connections share."""

    def __init__(self, requests: list[bytes], seconds: float, first: int) -> None:
        self._requests = requests
        self._number = first
        self._begins = perf_counter() + 0.3  # the first answers open connections and find the door
        self.ends = self._begins + seconds
        self.took: list[float] = []
        self.refused = 0

    def next(self) -> bytes:
        """The next request, under an id that was never used."""
        self._number += 1
        return self._requests[self._number % len(self._requests)].replace(MARK, b"%012d" % self._number, 1)

    def note(self, answer: bytes, seconds: float, now: float) -> None:
        """An answer came."""
        if not answer.startswith(b"HTTP/1.1 200"):
            self.refused += 1
        elif self._begins <= now < self.ends:
            self.took.append(seconds)


async def main(port: str, connections: str, seconds: str, first: str) -> None:
    """Run, and say what came of it."""
    requests = sys.stdin.buffer.read().split(b"\0")
    run = Run(requests, float(seconds), int(first))
    loop = asyncio.get_running_loop()
    callers = [(await loop.create_connection(lambda: Caller(run), "127.0.0.1", int(port)))[1] for _ in range(int(connections))]
    await asyncio.gather(*(caller.done for caller in callers))
    took = sorted(run.took)
    print(json.dumps({
        "answered": len(took), "a_second": len(took) / float(seconds), "refused": run.refused,
        "p50_ms": round(took[len(took) // 2] * 1000, 2), "p99_ms": round(took[len(took) * 99 // 100] * 1000, 2)}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
