"""Peers run as programs of their own, never inside Leja; one that is not there is named, with how to install it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.ground import Stopwatch

FOLDER = Path(__file__).resolve().parent / ".peers" / "venv" / "bin"
HOW = {
    "hledger": "hledger is not installed: apt install hledger",
    "ledger": "ledger is not installed: apt install ledger",
    "beancount": "beancount is not installed: python3 -m venv bench/.peers/venv && bench/.peers/venv/bin/pip install beancount",
    "django-hordak": "django-hordak is not installed: python3 -m venv bench/.peers/venv &&"
                     " bench/.peers/venv/bin/pip install django-hordak 'psycopg[binary]'",
    "python-accounting": "python-accounting is not installed: apt install libmariadb-dev, then"
                         " bench/.peers/venv/bin/pip install python-accounting",
}


def command(name: str) -> str | None:
    """A program of the system, or None."""
    return shutil.which(name)


def python(package: str) -> str | None:
    """The interpreter of the peers' own environment, if it has this package."""
    interpreter = FOLDER / "python"
    if not interpreter.exists():
        return None
    done = subprocess.run([str(interpreter), "-c", f"import {package}"], capture_output=True, check=False)
    return str(interpreter) if done.returncode == 0 else None


def how(name: str) -> str:
    """How to install a peer that is missing."""
    return HOW[name]


def timed(arguments: Sequence[str], *, given: str = "") -> tuple[float, str]:
    """Run a peer to its end: the seconds it took and what it said."""
    with Stopwatch() as watch:
        done = subprocess.run(list(arguments), capture_output=True, text=True, check=False, input=given)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} failed: {done.stderr.strip()[:500]}")
    return watch.seconds, done.stdout
