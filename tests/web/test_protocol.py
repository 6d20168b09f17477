"""The server as ``leja up`` configures it, over a real socket: heads are bounded, bodies and their number are not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from leja.web.protocol import HEAD_MAX, configured
from leja.web.webhook_door import Receive, Scope, Send


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the number of bytes of its body."""
    size, more = 0, scope["type"] == "http"
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})
        return
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    said = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


@pytest.fixture
def port() -> Iterator[int]:
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(configured(counting))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield bound.getsockname()[1]
    server.should_exit = True
    thread.join()


def request(filler: int = 0, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\nX-Filler: %s\r\nContent-Length: %d\r\n\r\n%s" % (b"a" * filler, len(body), body)


def answer(connection: Any) -> bytes:
    found = b""
    while not found.endswith((b"\r\n\r\n0", b"long.")) and (part := connection.recv(65536)):
        found += part
        if found.rpartition(b"\r\n\r\n")[2].isdigit():
            break
    return found


def test_many_requests_and_large_bodies_pass(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(4):
            connection.sendall(request(HEAD_MAX // 2, b"b" * 300_000))
            assert answer(connection).endswith(b"\r\n\r\n300000")


@pytest.mark.parametrize("lines", [1, 2000])
def test_a_head_without_end_is_refused(port: int, lines: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request(10, b"first"))
        assert answer(connection).endswith(b"\r\n\r\n5")
        head = b"".join(b"X-%d: %s\r\n" % (at, b"a" * (8 * HEAD_MAX // lines)) for at in range(lines))
        try:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + head)
            found = answer(connection)
        except ConnectionError:
            return  # it hung up while we were still sending
    assert found == b"" or found.startswith(b"HTTP/1.1 400")
