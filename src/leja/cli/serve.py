"""``leja serve``: the webhook door and the API, without workers."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from leja.cli.speaking import AsJson, answer, aside, command, opened

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]


@command
def run(host: Host = "127.0.0.1", port: Port = 8080, as_json: AsJson = False) -> None:
    """Serve webhooks and the API until stopped; `leja work` does the work, here or on other machines."""
    listen(host, port, with_workers=False, as_json=as_json)


def listen(host: str, port: int, *, with_workers: bool, as_json: bool) -> None:
    """Open the house, say where it listens, and serve."""
    from leja.web import serve  # the web's libraries take half a second to load, and only servers need them

    def say(bound: int) -> None:
        if as_json:
            answer({"listening": f"http://{host}:{bound}", "workers": with_workers})
            sys.stdout.flush()
        else:
            words = f"http://{host}:{bound}  webhooks under /hooks/, the API under /api/, /health, /ready"
            aside().print(words, soft_wrap=True)

    with opened() as house:
        serve.run(house, host=host, port=port, with_workers=with_workers, listening=say)
