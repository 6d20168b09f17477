"""The published limits: 6,000 requests in a sliding window of five minutes, a hundred connections at once."""

from __future__ import annotations

from collections import deque
from typing import Any

from leja.connectors.business_central.stand_in_chart import CompanySettings
from leja.connectors.business_central.stand_in_model import BadRequest
from leja.connectors.business_central.stand_in_records import encoded
from leja_sandbox.kit import StandIn


class Limits:
    """Counts in memory, on the stand-in's clock: a service that was restarted has forgotten too."""

    def __init__(self, settings: CompanySettings) -> None:
        self._calls: deque[float] = deque()
        self._settings = settings

    def admit(self, now: float) -> None:
        """Counts a request. Raises BadRequest 429 when it is one too many; the vendor says no time to wait."""
        while self._calls and self._calls[0] <= now - self._settings.window:
            self._calls.popleft()
        most = self._settings.per_window
        if most and len(self._calls) >= most:
            raise too_many(len(self._calls) + 1, most)
        self._calls.append(now)


def too_many(actual: int, most: int) -> BadRequest:
    """429 as the service words it."""
    return BadRequest(
        f"Too many requests reached. Actual ({actual}). Maximum ({most}).", "Application_TooManyRequests", 429
    )


class AtOnce:
    """The ASGI application with the limit on connections (processed and queued) in front of it."""

    def __init__(self, stand_in: StandIn, most: int) -> None:
        self._inner, self._most, self._running = stand_in.app, most, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuses what comes while as many are under way as may be."""
        api = scope["type"] == "http" and "/api/" in scope["path"]
        if api and self._running >= self._most:
            problem = too_many(self._running + 1, self._most)
            body = encoded({"error": {"code": problem.code, "message": problem.message}})
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 429, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        self._running += api
        try:
            await self._inner(scope, receive, send)
        finally:
            self._running -= api
