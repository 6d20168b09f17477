"""The watch over the embedded PostgreSQL: whoever uses it brings it back within seconds when it was killed.

Each process on the list of users watches; the first that has the supervisor's lock starts the server, and the others find
it answering. A server that was stopped on purpose (its list of users is empty then) stays stopped. One that does not
come back, or ends again at once, is tried again more and more slowly.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, Literal, Protocol, TypeVar

import psycopg

from leja.core.errors import LejaError

CALM_SECONDS: Final = 60.0  # a server that lived so long had no fault that a pause would mend
PAUSE_SECONDS: Final = 1.0
PAUSE_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 2.0  # where the end of a process cannot be waited for
State = Literal["running", "restarting", "stopped"]
_log = logging.getLogger("leja.database")
_Answer = TypeVar("_Answer")


class Watched(Protocol):
    """What the watch asks of a server."""

    def server_pid(self) -> int | None:
        """The server's process, None if it does not answer."""

    def bring_back(self) -> bool:
        """Run it again if it does not answer; False if this process is no user of it any more."""


class Watch:
    """Looks after the server in a thread of its own until ``stop``. ``state`` says how it stands."""

    def __init__(
        self, server: Watched, *, pause_seconds: float = PAUSE_SECONDS, calm_seconds: float = CALM_SECONDS
    ) -> None:
        self._server, self._calm = server, calm_seconds
        self._first_pause, self._pause = pause_seconds, 0.0
        self._ends = threading.Event()
        self._here, self._there = socket.socketpair()
        self._thread = threading.Thread(target=self._watch, name="leja-database-watch", daemon=True)
        self.state: State = "running"
        self.restarts = 0

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; waits for a start that is under way."""
        self._ends.set()
        self._there.close()
        self._thread.join()
        self._here.close()

    def _watch(self) -> None:
        while not self._ends.is_set():
            since = time.monotonic()
            self._until_it_ends()
            if self._ends.is_set():
                return
            self.state = "restarting"
            if time.monotonic() - since > self._calm:
                self._pause = 0.0
            _log.error("the embedded PostgreSQL has ended; it is started again in %.0f s", self._pause)
            if not self._back():
                return

    def _until_it_ends(self) -> None:
        """Return when the server's process is gone, or when nobody is to watch any more."""
        pid = self._asked(self._server.server_pid)
        if pid is None:
            return
        if not hasattr(os, "pidfd_open"):
            while not self._ends.wait(LOOK_SECONDS) and self._asked(self._server.server_pid) is not None:
                continue
            return
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            looks = select.poll()
            for each in (process, self._here.fileno()):
                looks.register(each, select.POLLIN)
            looks.poll()
        finally:
            os.close(process)

    def _back(self) -> bool:
        """Start it until it answers; False if that is not ours to do any more."""
        begun = time.monotonic()
        while not self._ends.wait(self._pause):
            self._pause = min(PAUSE_SECONDS_MAX, self._pause * 2 or self._first_pause)
            used = self._asked(self._server.bring_back)
            if used is False:
                self.state = "stopped"
                return False
            if used:
                self.state, self.restarts = "running", self.restarts + 1
                _log.warning("the embedded PostgreSQL is back after %.1f s", time.monotonic() - begun)
                return True
            _log.error("the embedded PostgreSQL did not start; trying again in %.0f s", self._pause)
        return False

    def _asked(self, question: Callable[[], _Answer]) -> _Answer | None:
        """The answer; None where there is none. What goes wrong is told and tried again."""
        try:
            return question()
        except (LejaError, OSError, psycopg.Error, ValueError) as error:
            _log.warning("the embedded PostgreSQL: %s", str(error).strip().partition("\n")[0])
            return None
