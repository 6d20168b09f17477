"""A process of its own: the webhook door under uvicorn, committing in groups, one by one, or storing nothing at all.

python -m bench.door_server HOME group|one|nothing     prints its port, and at its end the sizes of its commits
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import uvicorn

from leja.house import House, Settings
from leja.intake.committer import Batch, GroupCommitter
from leja.web.protocol import configured
from leja.web.webhook_door import WebhookDoor


class Counting(GroupCommitter):
    """The committer itself, which also notes how large its groups are."""

    sizes: ClassVar[Counter[int]] = Counter()

    def _commit(self, batches: Sequence[Batch]) -> None:
        self.sizes[len(batches)] += 1
        super()._commit(batches)


class Nothing(GroupCommitter):
    """Says yes at once and stores nothing."""

    def submit(self, batch: Batch) -> asyncio.Future[None]:
        """Done already."""
        del batch
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        return answer


def main(home: str, mode: str) -> None:
    """Serve until SIGTERM."""
    house = House.open(Settings(home=Path(home)))
    kind = Nothing if mode == "nothing" else Counting
    committer = kind(house.database, house.clock, one_each=mode == "one")
    bound = socket.create_server(("127.0.0.1", 0), backlog=512)
    config = configured(WebhookDoor(house.doors(), committer, house.clock))
    server = uvicorn.Server(config)
    print(bound.getsockname()[1], flush=True)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # uvicorn takes it over while it serves
    server.run(sockets=[bound])
    print(json.dumps({"sizes": Counting.sizes, "http": type_of(config)}), flush=True)
    house.close()


def type_of(config: uvicorn.Config) -> str:
    """Which parser and event loop the server runs."""
    return f"{config.http_protocol_class.__name__} on {config.loop}"


if __name__ == "__main__":
    main(*sys.argv[1:])
