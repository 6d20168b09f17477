"""The decoding process as we hold it: started when it is first needed, asked, and given up when it fails."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import IO, Final, TypeVar

from leja.bookkeeping import decoding
from leja.bookkeeping.reading import Decode, Reading
from leja.connectors.contract import Context, RawEvent

FAILURES_MAX: Final = 3
STOP_SECONDS: Final = 2
T = TypeVar("T")
_log = logging.getLogger("leja.bookkeeping")


class Decoder:
    """One process, shared by all who decode here. It may end at any time: then events are decoded where they are needed.

    After ``FAILURES_MAX`` failures in a row it is not started again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: weakref.finalize[..., Decoder] | None = None
        self._failures = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        process = self._process
        return process.pid if process is not None else None

    def ready(self) -> bool:
        """Whether the process listens; starts it, which takes a moment, where it does not run."""
        with self._lock:
            return self._process is not None or self._tried(self._started) is not None

    def ask(self, decode: Decode, context: Context, events: Sequence[RawEvent]) -> list[Reading | None] | None:
        """What events say, None for one that cannot be read; None for all where the process is not there to say."""
        try:
            question = decoding.asked(decode, context, list(events))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            _log.debug("events are decoded here: %s", error)
            return None
        with self._lock:
            message = self._tried(lambda: self._exchanged(question))
            if message is None:
                return None
            self._failures = 0
        return decoding.answered(message)

    def _tried(self, do: Callable[[], T]) -> T | None:
        """What ``do`` gives; None where the process fails at it, and is given up."""
        if self._closed or self._failures >= FAILURES_MAX:
            return None
        try:
            return do()
        except OSError as error:
            self._failures += 1
            self._give_up()
            _log.warning("the decoding process failed, events are decoded here until it runs again: %s", error)
            return None

    def _exchanged(self, question: bytes) -> bytes:
        process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        decoding.send(process.stdin, question)
        message = decoding.receive(process.stdout)
        if message is None:
            raise OSError("it ended before it answered")
        return message

    def _started(self) -> subprocess.Popen[bytes]:
        """A new process that has said that it listens. Raises OSError."""
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", decoding.__name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}, start_new_session=True)
        self._ended = weakref.finalize(self, _end, process)
        assert process.stdout is not None
        if decoding.receive(process.stdout) is None:
            raise OSError("it ended before it listened")
        return process

    def stop(self) -> None:
        """End a process that does not answer; whoever waits for it goes on without."""
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        with self._lock:
            self._give_up()

    def _give_up(self) -> None:
        self._process = None
        if self._ended is not None:
            self._ended()
            self._ended = None


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            _close(pipe)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError as error:  # what it was still to be told cannot be told
        _log.debug("closing the pipe of the decoding process: %s", error)
