"""``leja sync``: take in, record, deliver, until nothing is due."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from leja.access import organisations
from leja.cli import sync_rounds
from leja.cli.connection import exit_code
from leja.cli.speaking import EXIT, AsJson, Org, answer, aside, command, opened, out
from leja.core.errors import NeedsConsent, NeedsReview


@command
def run(
    connection: Annotated[str, typer.Argument(help="Take in from, or deliver to, only this connection.")] = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Take in, record and deliver until nothing is due; say what is parked and what waits for its time."""
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
        with aside().status("") as status:
            done = asyncio.run(sync_rounds.Sync(house, home, connection, status.update).run())
    if as_json:
        answer(sync_rounds.as_json(done))
    else:
        _say(done)
    if done.failed:
        raise typer.Exit(exit_code(next(iter(done.failed.values()))))
    if done.paused:
        raise typer.Exit(EXIT[NeedsConsent])
    if not done.standing.quiet:
        raise typer.Exit(EXIT[NeedsReview])


def _say(done: sync_rounds.Synced) -> None:
    console = out()
    console.print(
        f"taken in   {done.taken.kept.new} new events, {done.taken.kept.repeated} known, {done.taken.answered} fetched"
    )
    console.print(
        f"recorded   {done.recorded.events} events, {done.recorded.revisions} revisions, {done.recorded.entries} entries"
    )
    for name, told in done.delivered.items():
        where = done.standing.targets[name]
        due = (
            f", next due {where.next_due:%Y-%m-%d %H:%M} UTC"
            if where.next_due and (where.waiting or where.open)
            else ""
        )
        words = (
            "another process is delivering"
            if told is None
            else f"{told.accepted} accepted, {told.adopted} found there, {told.refused} refused"
        )
        console.print(
            f"told       {name}: {words}; {where.waiting + where.open} wait{due}, {where.held + where.parked} parked",
            markup=False,
            soft_wrap=True,
        )
    waits = done.standing.events.get("waiting", 0)
    if waits:
        console.print(f"waiting    {waits} events for another document")
    for code, count in done.standing.review.items():
        console.print(f"parked     {count} × {code}")
    for name in done.paused:
        console.print(f"→ leja connection consent {name}")
    if done.standing.review:
        console.print("→ leja review list")
    for name, error in done.failed.items():
        aside().print(f"{name}: {error.message} [{error.code}]\n  → {error.remedy}", soft_wrap=True)
