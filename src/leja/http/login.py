"""Sessions that a password opens: kept per connection and process, opened again when they ran out.

    keeper = SessionKeeper()
    http = Http(..., authorise=keeper.of(log_in, facts))     # log_in: async () -> the headers of a new session

Logging in is dear at vendors that have it, so everybody who calls for a connection shares one session. A 401 certainly
had no effect: whoever gets one logs in again, unless somebody else has done so since, and makes the call once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from threading import Lock
from weakref import WeakKeyDictionary

from leja.http.client import Authorise

LogIn = Callable[[], Awaitable[Mapping[str, str]]]


class SessionKeeper:
    """The session of one connection. Safe for many tasks and threads; each event loop logs in one task at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._headers: Mapping[str, str] = {}
        self._opened_with: Hashable = None
        self._number = 0
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def of(self, log_in: LogIn, facts: Hashable) -> Authorise:
        """The hook of ``Http``. ``facts`` are what the session is opened with: when they change it is opened anew."""
        handed: WeakKeyDictionary[asyncio.Task[object], int] = WeakKeyDictionary()

        async def authorise(headers: dict[str, str], *, rejected: bool) -> None:
            task = asyncio.current_task()
            seen = handed.get(task, 0) if task is not None and rejected else 0
            number, session = await self._session(log_in, facts, seen)
            if task is not None:
                handed[task] = number
            headers.update(session)

        return authorise

    async def _session(self, log_in: LogIn, facts: Hashable, seen: int) -> tuple[int, Mapping[str, str]]:
        """A session other than number ``seen``."""
        async with self._turn():
            with self._lock:
                if self._number > seen and self._opened_with == facts:
                    return self._number, self._headers
            headers = await log_in()
            with self._lock:
                self._number, self._headers, self._opened_with = self._number + 1, dict(headers), facts
                return self._number, self._headers

    def _turn(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        with self._lock:
            return self._turns.setdefault(loop, asyncio.Lock())
