"""The published limits: 60 calls a minute, 5,000 a day, 5 at once, with the headers that tell what is left."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from leja.connectors.xero.stand_in_chart import OrganisationSettings
from leja_sandbox.kit import Answer, Refuse, StandIn

_APP_MINUTE = 10_000


class Limits:
    """Counts in memory, on the stand-in's clock: a service that was restarted has forgotten too."""

    def __init__(self, settings: OrganisationSettings) -> None:
        self._calls: deque[float] = deque()
        self._settings = settings

    def admit(self, now: float) -> Mapping[str, str]:
        """Counts a call and says what is left. Raises Refuse with 429 when it is one too many."""
        while self._calls and self._calls[0] <= now - 86_400:
            self._calls.popleft()
        minute = [moment for moment in self._calls if moment > now - 60]
        settings = self._settings
        if settings.per_minute and len(minute) >= settings.per_minute:
            raise Refuse(self.refused("minute", 60 - (now - minute[0])))
        if settings.per_day and len(self._calls) >= settings.per_day:
            raise Refuse(self.refused("day", 86_400 - (now - self._calls[0])))
        self._calls.append(now)
        return {
            "x-minlimit-remaining": str(max(0, (settings.per_minute or _APP_MINUTE) - len(minute) - 1)),
            "x-daylimit-remaining": str(max(0, (settings.per_day or 1_000_000) - len(self._calls))),
            "x-appminlimit-remaining": str(_APP_MINUTE - len(minute) - 1),
        }

    def refused(self, problem: str, wait: float | None) -> Answer:
        """429; the limit on calls at once comes without Retry-After."""
        headers = {"x-rate-limit-problem": problem, "x-minlimit-remaining": "0"}
        if wait is not None:
            headers["retry-after"] = str(max(1, int(wait) + 1))
        return Answer(status=429, headers=headers)


class AtOnce:
    """The ASGI application with the limit on concurrent calls in front of it."""

    def __init__(self, stand_in: StandIn, limits: Limits, most: int) -> None:
        self._inner, self._limits, self._most, self._running = stand_in.app, limits, most, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuses the sixth call while five are under way."""
        api = scope["type"] == "http" and "/api.xro/" in scope["path"]
        if api and self._running >= self._most:
            answer = self._limits.refused("concurrent", None)
            headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
            await send({"type": "http.response.start", "status": 429, "headers": [*headers, (b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        self._running += api
        try:
            await self._inner(scope, receive, send)
        finally:
            self._running -= api
