"""``leja review look | accept | repost | reverse``: what others changed at a target, and the three ways out."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from leja import flow
from leja.access import connections, organisations
from leja.access.connections import Connection
from leja.access.organisations import Organisation
from leja.cli import chosen, mended
from leja.cli.chosen import Yes, actor
from leja.cli.review_item import Item, named
from leja.cli.speaking import FOUND_SOMETHING, AsJson, Org, answer, command, opened, out, table
from leja.core.errors import Refused
from leja.database.engine import Connection as Conn
from leja.database.review import items
from leja.delivery.drift import CODE
from leja.delivery.mend_bench import Choice, WayOut
from leja.delivery.sweep import DOUBLED
from leja.house import House

Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Preview = Annotated[bool, typer.Option("--preview", help="Only show what would be booked and told.")]
Account = Annotated[
    list[str] | None,
    typer.Option(help="THEIRS=OURS: which of our accounts an account over there stands for, where several lead to it."),
]


@command
def look(
    connection: Annotated[str, typer.Argument(help="Only this accounting system.")] = "", org: Org = "", as_json: AsJson = False
) -> None:
    """Read the accounting systems back now and list what others edited, voided or deleted there, and what stands there twice."""
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            every = [connections.connection(conn, home.org_id, connection)] if connection else connections.connections(
                conn, home.org_id, duty="accounting")
        for one in every:
            asyncio.run(_read_back(house, one))
        with house.database.transaction() as conn:
            found = [item for item in items(conn, home.org_id, limit=100_000) if item.code in (CODE, DOUBLED)]
    if as_json:
        answer({"items": found})
    else:
        table("Changed over there", ("id", "since", "what"),
              [(str(i.item_id)[-12:], f"{i.opened_at:%Y-%m-%d %H:%M}", i.message) for i in found])
    if found:
        raise typer.Exit(FOUND_SOMETHING)


async def _read_back(house: House, found: Connection) -> None:
    async with house.targeted(found.org_id, found.connection_id) as target:
        await flow.read_all_back(house.database, target, found.start_date, house.clock)


@command
def accept(
    item: Item, account: Account = None, reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Our books follow what was changed over there: entries that count as told."""
    _decide("accept", item, reason, org, account=account, preview=preview, yes=yes, as_json=as_json)


@command
def repost(
    item: Item, reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "", as_json: AsJson = False
) -> None:
    """The target is brought back to what our books say: by a correction, or told anew what is gone."""
    _decide("repost", item, reason, org, preview=preview, yes=yes, as_json=as_json)


@command
def reverse(
    item: Item,
    on: Annotated[str, typer.Option(help="The day of the reversal; today if none is given.")] = "",
    account: Account = None, reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Our entries are reversed, and what stands over there is taken back."""
    _decide("reverse", item, reason, org, on=on, account=account, preview=preview, yes=yes, as_json=as_json)


def _decide(
    way: WayOut, item: str, reason: str, org: str, *, preview: bool, yes: bool, as_json: bool, on: str = "",
    account: list[str] | None = None,
) -> None:
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            connection_id, deliverable_id, settled = _drift(conn, home, item)
        day = chosen.day(on) or chosen.today(house, home)
        choice = Choice(way=way, on=day, by=actor(), reason=reason, accounts=chosen.pairs(account or ()))
        shown = done = None
        if not settled:
            shown = asyncio.run(house.decide(flow.mend_drift, home.org_id, connection_id, deliverable_id, choice, only_show=True))
            if not preview and shown.mark:
                if not as_json:
                    _say(shown, would=True)
                chosen.confirm(f"{way}: {'; '.join(shown.drift)}", yes)
                choice = _for(choice, shown.mark)
            if not preview:
                done = asyncio.run(house.decide(flow.mend_drift, home.org_id, connection_id, deliverable_id, choice))
    found = done or shown or flow.Decided(mark="", drift=(), differences=())
    if as_json:
        answer({"done": found.mending_id is not None, **_plain(found)})
    elif not found.mark:
        out().print("Nothing is left to mend: what stands there is what was told.")
    elif done is None:
        _say(found, would=True)
    else:
        out().print("Done. Next: leja sync" if any(one.documents or one.held for one in found.told) else "Done.")


def _for(choice: Choice, mark: str) -> Choice:
    return Choice(way=choice.way, on=choice.on, by=choice.by, reason=choice.reason, shown=mark, accounts=choice.accounts)


def _drift(conn: Conn, home: Organisation, item: str) -> tuple[UUID, UUID, bool]:
    found = named(conn, home, item, settled=True)
    if found.code != CODE or found.connection_id is None:
        raise Refused("review-no-drift", f"{found.code} is no change that others made at a target: {found.message}", remedy=found.remedy)
    return found.connection_id, UUID(found.subject.removeprefix("drift/")), found.settled_at is not None


def _plain(found: flow.Decided) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def _say(found: flow.Decided, *, would: bool) -> None:
    console = out()
    for words in found.drift:
        console.print(words, style="bold", soft_wrap=True)
    mended.say_entries(console, found.entries, len(found.entries), would=would)
    mended.say_told(console, found.told, would=would)
