"""``leja sandbox``: the stand-ins of all platforms on one port of the loopback address."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from leja.cli.demo_stage import Recipe, demo_sandbox
from leja.cli.speaking import AsJson, answer, command, out, table
from leja.core.errors import Refused
from leja.house import Settings
from leja_sandbox.server import SandboxServer


@command
def run(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port that all share; 0 takes a free one.")] = 8900,
    data: Annotated[Path | None, typer.Option(help="Where they keep what they accepted; in memory without it.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this platform, or platform:name. Repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="What chance decides, it decides the same again.")] = 0,
    own_ports: Annotated[bool, typer.Option("--own-ports", help="Each also at the root of a port of its own.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Those of the last `leja demo`, with all that they hold.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run stand-ins of the vendors until interrupted; the first thing printed are their addresses."""
    try:
        if demo:
            server = demo_sandbox(_last_played(), Recipe.read())
        else:
            server = SandboxServer(port=port, data_dir=data, slugs=only, seed=seed, own_ports=own_ports)
    except OSError as error:
        raise Refused(
            "port-taken",
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}",
            remedy="Stop what listens there, or choose another --port.",
        ) from None
    except KeyError as error:
        raise Refused(
            "connector-unknown", f"there is no stand-in of {error}", remedy="`leja connectors` lists the platforms."
        ) from None
    addresses = {name: server.root_url(name) if own_ports else server.url(name) for name in server.names()}
    if as_json:
        answer({"port": server.port, "stand_ins": addresses})
        sys.stdout.flush()
    else:
        table("Stand-ins", ("name", "address"), list(addresses.items()))
        out().print(f"Connections to them need LEJA_ALLOW_PRIVATE_HOSTS=127.0.0.1:{server.port}")
    with suppress(KeyboardInterrupt):
        asyncio.run(server.serve())


def _last_played() -> Path:
    """The sandbox that a demo used last."""
    ports = (Settings.read(os.environ).home / "sandbox").glob("*/port")
    played = max(ports, key=lambda port: port.stat().st_mtime, default=None)
    if played is None:
        raise Refused("demo-not-played", "no demo was played in this home", remedy="Run `leja demo` first.")
    return played.parent
