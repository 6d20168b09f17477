"""How we speak HTTP: one configuration of the server for ``leja up``, ``leja serve`` and the benchmark of the door."""

from __future__ import annotations

from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX: Final = 64 * 1024


class BoundedHead(HttpToolsProtocol):
    """The parser in C, which by itself would gather headers without end.

    More than ``HEAD_MAX`` bytes of them, not counting the read in which they begin (at most 256 KiB), get a 400.
    """

    _in_head = True
    _head = 0

    def data_received(self, data: bytes) -> None:
        """Bytes of any number of requests."""
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > HEAD_MAX and not self.transport.is_closing():
            self.send_400_response("The headers are too long.")

    def on_headers_complete(self) -> None:
        """The head is known; what follows is the body, whose size the application counts."""
        self._in_head, self._head = False, 0
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        super().on_message_begin()


def configured(app: Any, **more: Any) -> uvicorn.Config:
    """The configuration for ``app``: no websockets, no log of its own, nothing said about the server."""
    return uvicorn.Config(
        app, http=BoundedHead, loop="asyncio", log_config=None, access_log=False, ws="none", lifespan="on",
        server_header=False, **more,
    )  # fmt: skip
