"""``leja up``: everything on one machine."""

from __future__ import annotations

from leja.cli.serve import Host, Port, listen
from leja.cli.speaking import AsJson, command


@command
def run(host: Host = "127.0.0.1", port: Port = 8080, as_json: AsJson = False) -> None:
    """Serve webhooks and the API and do the work, in one process on the embedded database, until stopped."""
    listen(host, port, with_workers=True, as_json=as_json)
