"""The governance of concurrency: as many calls at once as the account may make; the next one is blocked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leja_sandbox.kit import Answer, StandIn


class AtOnce:
    """The ASGI application with the limit on concurrent calls in front of it."""

    def __init__(self, stand_in: StandIn, most: int, blocked: Callable[[], Answer]) -> None:
        self._inner, self._most, self._blocked, self._running = stand_in.app, most, blocked, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Blocks the sixth call while five are under way."""
        api = scope["type"] == "http" and "/services/" in scope["path"]
        if api and self._running >= self._most:
            answer = self._blocked()
            headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
            headers.append((b"content-length", str(len(answer.body)).encode()))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})
            return
        self._running += api
        try:
            await self._inner(scope, receive, send)
        finally:
            self._running -= api
