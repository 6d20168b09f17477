"""``python -m leja_sandbox --port 8900 --data DIR``: the sandbox as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from leja.core.clock import system_clock
from leja_sandbox.kit import Latency, SimulatedClock
from leja_sandbox.server import SandboxServer


def main(arguments: list[str] | None = None) -> None:
    """Serves until it is interrupted; prints one JSON line with the addresses first."""
    parser = argparse.ArgumentParser(prog="leja_sandbox", description="Runs the stand-ins on the loopback address.")
    parser.add_argument("--port", type=int, default=8900, help="the port that all share; 0 takes a free one")
    parser.add_argument("--data", type=Path, help="where they keep what they accepted; in memory without it")
    parser.add_argument("--only", nargs="*", help="slugs; all without it")
    parser.add_argument("--own-ports", action="store_true", help="each also at the root of a port of its own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default="[]", help='JSON: [{"kind": "answer_lost", "path": "POST *", "rate": 0.1}]')
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--clock", help="an instant: a clock that stands there until it is moved")
    given = parser.parse_args(arguments)
    server = SandboxServer(
        port=given.port,
        data_dir=given.data,
        slugs=given.only,
        seed=given.seed,
        faults=json.loads(given.faults),
        latency=Latency(seconds=given.latency),
        clock=SimulatedClock(datetime.fromisoformat(given.clock)) if given.clock else system_clock,
        own_ports=given.own_ports,
    )
    addresses = {name: server.root_url(name) if given.own_ports else server.url(name) for name in server.names()}
    sys.stdout.write(json.dumps({"port": server.port, "stand_ins": addresses}) + "\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        asyncio.run(server.serve())


if __name__ == "__main__":
    main()
