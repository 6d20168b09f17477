"""``leja review``: what a person must decide."""

from __future__ import annotations

from typing import Annotated

import typer

from leja import flow
from leja.access import log, organisations
from leja.cli import chosen, review_mend, review_typed_in
from leja.cli.chosen import Yes, actor
from leja.cli.review_item import EVERY, Item, named
from leja.cli.speaking import AsJson, Org, answer, command, opened, out, table
from leja.database.review import items

app = typer.Typer()


@app.command("list")
@command
def list_(
    settled: Annotated[bool, typer.Option("--settled", help="Those that are settled.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=EVERY, help="How many at most.")] = 500,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """List what waits for a person, oldest first."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = items(conn, home.org_id, settled=settled, limit=limit)
    if as_json:
        answer({"items": found})
    else:
        table(
            "Settled" if settled else "To review",
            ("id", "code", "since", "what"),
            [(str(i.item_id)[-12:], i.code, f"{i.opened_at:%Y-%m-%d %H:%M}", i.message) for i in found],
        )


@app.command("show")
@command
def show(item: Item, org: Org = "", as_json: AsJson = False) -> None:
    """Show one item with its facts and the way out."""
    with opened() as house, house.database.transaction() as conn:
        found = named(conn, organisations.organisation(conn, org), item, settled=True)
    if as_json:
        answer(found)
        return
    console = out()
    console.print(f"{found.code}  {found.item_id}", style="bold")
    console.print(f"{found.message}\n→ {found.remedy}", soft_wrap=True)
    facts = {
        "about": found.subject,
        "waits for": found.waits_for,
        "since": found.opened_at,
        **found.facts,
        "settled": f"{found.settled_how} by {found.settled_by}" if found.settled_at else "",
    }
    for name, value in facts.items():
        if value:
            console.print(f"  {name:<12}{value}", soft_wrap=True)
    if found.subject.startswith("event/"):
        console.print(f"  leja explain event {found.subject.removeprefix('event/')} --raw")


@app.command("retry")
@command
def retry(
    item: Annotated[str, typer.Argument(help="The item's id or the end of it, or all.")],
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Try again, after the cause was mended. What still cannot go on opens a new item."""
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            picked = items(conn, home.org_id, limit=EVERY) if item == "all" else [named(conn, home, item)]
        released = 0
        for one in picked:
            with house.database.transaction() as conn:
                released += flow.retry(conn, home.org_id, one, by=actor(), now=house.clock())
                log.record(conn, home.org_id, actor(), "review.retry", f"review/{one.item_id}", house.clock())
    if as_json:
        answer({"retried": [one.item_id for one in picked], "released": released})
    else:
        out().print(f"{len(picked)} items tried again, {released} things go on. Next: leja sync")


@app.command("dismiss")
@command
def dismiss(
    item: Item,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    yes: Yes = False,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Leave it at that: what the item is about is not done."""
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            found = named(conn, home, item)
        chosen.confirm(f"{found.code} is given up: {found.message}", yes)
        with house.database.transaction() as conn:
            flow.dismiss(conn, home.org_id, found, by=actor(), now=house.clock())
            log.record(
                conn,
                home.org_id,
                actor(),
                "review.dismiss",
                f"review/{found.item_id}",
                house.clock(),
                {"reason": reason},
            )
    if as_json:
        answer({"dismissed": found.item_id})
    else:
        out().print(f"{found.code} is dismissed.")


app.command("look")(review_mend.look)
app.command("accept")(review_mend.accept)
app.command("repost")(review_mend.repost)
app.command("reverse")(review_mend.reverse)
app.command("same")(review_typed_in.same)
app.command("different")(review_typed_in.different)
