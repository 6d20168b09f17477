"""What the machine is and how busy: a ratio is only worth as much as the quiet it was measured in."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec
import psycopg

from bench.ground import opened


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """The machine of a run."""

    cores: int
    processor: str
    memory_gb: float
    system: str
    python: str
    postgres: str
    fsync: str
    psycopg: str


def machine() -> Machine:
    """This one."""
    processor = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    with opened() as house, house.database.transaction() as conn:
        row = conn.execute("SELECT current_setting('server_version'), current_setting('fsync')").fetchone()
    assert row is not None
    return Machine(cores=os.cpu_count() or 0, processor=processor, memory_gb=round(memory / 1e6, 1), system=platform.platform(),
                   python=platform.python_version(), postgres=str(row[0]), fsync=str(row[1]), psycopg=psycopg.__version__)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
