"""``leja demo``: the main job on real sales. They leave a shop, become journal entries, stand in two accounting systems."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leja.cli import demo_play as play
from leja.cli import demo_result as result
from leja.cli.demo_sales import Sales, from_file, season
from leja.cli.demo_stage import Recipe, Stage
from leja.cli.speaking import FOUND_SOMETHING, AsJson, answer, aside, command, opened, out
from leja.web import serve


@command
def run(
    sales: Annotated[Path | None, typer.Option(help="Real sales to play, with expected.csv beside the file.")] = None,
    seed: Annotated[int, typer.Option(help="Which webhooks come twice, late, stale or never; and the season, without --sales.")] = 7,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when the figures are printed, do not serve the API.")] = False,
    as_json: AsJson = False,
) -> None:
    """Play a season of sales through the sandbox, and show that shop, books and two accounting systems agree."""
    happened = from_file(sales) if sales else season(seed)
    with opened() as house:
        stage = Stage(house, Recipe.read(), happened.first_day, happened.play)
        try:
            asyncio.run(_play(stage, happened, seed))
            found = asyncio.run(result.gather(stage))
            if as_json:
                answer(result.as_json(found))
            else:
                result.show(found)
                if sys.stdin.isatty() and not no_serve:
                    out().print("\nServing http://127.0.0.1:8080 (leja token create gives a key; Ctrl-C ends).")
                    serve.run(house, port=8080)
        finally:
            stage.close()
    if not found.agree:
        raise typer.Exit(FOUND_SOMETHING)


async def _play(stage: Stage, happened: Sales, seed: int) -> None:
    steps = _Steps(aside())
    with steps.step("connect the sandbox"):
        await stage.set_up()
        await stage.subscribe()
    with steps.step("sell in the shop"):
        await asyncio.to_thread(play.sell, stage, happened, seed, steps.say)
        await asyncio.to_thread(play.pay_out, stage, happened)
        await asyncio.to_thread(play.let_webhooks_come, stage, steps.say)
    with steps.step("poll what no webhook told"):
        await play.poll(stage)
    with steps.step("read the till's file"):
        await asyncio.to_thread(play.read_file, stage, happened, steps.say)
    with steps.step("record in the books"):
        await asyncio.to_thread(play.record, stage, steps.say)
        await play.poll(stage)
        await asyncio.to_thread(play.record, stage, steps.say)
    with steps.step("tell the accounting systems"):
        await play.deliver(stage)


class _Steps:
    """Progress for people, on standard error."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")

    def say(self, words: str) -> None:
        """What is going on now."""
        self._status.update(words)

    def step(self, words: str) -> _Step:
        """A step with its time."""
        return _Step(self._console, self._status, words)


class _Step:
    def __init__(self, console: Console, status: object, words: str) -> None:
        self._console, self._status, self._words, self._began = console, status, words, 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._status.update(self._words)  # type: ignore[attr-defined]
        self._status.start()  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        self._status.stop()  # type: ignore[attr-defined]
        self._console.print(f"{self._words:<32}{time.monotonic() - self._began:8.1f} s")
