"""Processes that are there to be killed: forked from one that has read all modules, so that a start costs moments."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """One process: ``exit`` is None while it lives, negative when a signal killed it."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid
        self._exit: int | None = None

    def exit(self) -> int | None:
        """How it ended, or None."""
        if self._exit is None:
            self._exit = self._nursery.ask({"status": self.pid})["exit"]
        return self._exit

    def kill(self) -> None:
        """SIGKILL, as a machine that loses its power would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that does not help."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        deadline = time.monotonic() + 10
        if self.exit() is None:
            os.kill(self.pid, number)
        while self.exit() is None:
            time.sleep(0.005)
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)


class Nursery:
    """The forking process; ``close`` ends it and all its children."""

    def __init__(self, log: Path) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.worker"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
            )

    def start(self, role: str, log: Path, environment: dict[str, str], **arguments: Any) -> Child:
        """Fork a process that plays ``role``."""
        told = {"start": role, "log": str(log), "environment": environment, "arguments": arguments}
        return Child(self, self.ask(told)["pid"])

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """One question, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(question) + b"\n")
        self._process.stdin.flush()
        return dict(msgspec.json.decode(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
