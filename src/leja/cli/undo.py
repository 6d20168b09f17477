"""``leja undo``: what was booked is taken back by dated reversals, and said again by ``redo``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol
from uuid import UUID

import typer

from leja import flow
from leja.access import connections, organisations
from leja.access.organisations import Organisation
from leja.bookkeeping.undo import Scope, What
from leja.cli import chosen, mended
from leja.cli.chosen import Yes, actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out, table
from leja.core.errors import Refused
from leja.database import mending
from leja.delivery.target import Target
from leja.house import House

app = typer.Typer()

On = Annotated[str, typer.Option(help="The day of the reversals; today if none is given. each: every entry on its own day.")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]
Preview = Annotated[bool, typer.Option("--preview", help="Only show what would be booked and told.")]
Connection = Annotated[str, typer.Option(help="Only what came by this connection.")]


@app.command("entry")
@command
def entry(
    number: Annotated[str, typer.Argument(help="The entry's number.")], on: On = "", reason: Reason = "", preview: Preview = False,
    yes: Yes = False, org: Org = "", as_json: AsJson = False,
) -> None:
    """Undo one entry."""
    _undo("entry", number, "", on, reason, org, preview=preview, yes=yes, as_json=as_json)


@app.command("document")
@command
def document(
    name: Annotated[str, typer.Argument(help="Its id, its number, or what its source calls it.")], connection: Connection = "",
    on: On = "", reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "", as_json: AsJson = False,
) -> None:
    """Undo all entries of a document."""
    _undo("document", name, connection, on, reason, org, preview=preview, yes=yes, as_json=as_json)


@app.command("day")
@command
def day(
    business_day: Annotated[str, typer.Argument(help="The business day, such as 2026-05-31.")], connection: Connection = "",
    on: On = "", reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "", as_json: AsJson = False,
) -> None:
    """Undo a business day, of everybody or of one connection."""
    _undo("day", "", connection, on, reason, org, preview=preview, yes=yes, as_json=as_json, since=business_day, until=business_day)


@app.command("import")
@command
def import_(
    file: Annotated[str, typer.Argument(help="The file's name as it was imported, or the beginning of its hash.")],
    connection: Connection = "", on: On = "", reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Undo all that an imported file brought."""
    _undo("import", file, connection, on, reason, org, preview=preview, yes=yes, as_json=as_json)


@app.command("connection")
@command
def whole(
    name: Annotated[str, typer.Argument(help="The connection that it came by.")],
    since: Annotated[str, typer.Option(help="The first business day.")] = "",
    until: Annotated[str, typer.Option(help="The last business day.")] = "",
    on: On = "", reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "", as_json: AsJson = False,
) -> None:
    """Undo what a connection brought, all of it or a stretch of days."""
    _undo("connection", "", name, on, reason, org, preview=preview, yes=yes, as_json=as_json, since=since, until=until)


@app.command("redo")
@command
def redo(
    undoing: Annotated[str, typer.Argument(help="The undoing's id, or the end of it; `leja undo list` shows it.")],
    on: Annotated[str, typer.Option(help="The day on which it counts again; today if none is given.")] = "",
    reason: Reason = "", preview: Preview = False, yes: Yes = False, org: Org = "", as_json: AsJson = False,
) -> None:
    """Say again what an undoing took out."""
    with opened() as house:
        home, mending_id = _named(house, org, undoing)
        dated = chosen.day(on) or chosen.today(house, home)

        def act(targets: Sequence[Target], *, only_show: bool) -> flow.Reversed:
            return flow.redo(house.database, home.org_id, mending_id, dated, targets, by=actor(), reason=reason, clock=house.clock,
                             only_show=only_show)

        _show_and_do(house, home, act, "redo", preview=preview, yes=yes, as_json=as_json)


@app.command("list")
@command
def list_(limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100, org: Org = "",
          as_json: AsJson = False) -> None:
    """List what was undone and redone, and what was decided about changes at a target, newest first."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = mending.kept(conn, home.org_id, limit=limit)
    if as_json:
        answer({"mendings": found})
    else:
        table("Undone and mended", ("id", "when", "by", "what", "entries", "dated", "why"), [
            (str(m.mending_id)[-12:], f"{m.at:%Y-%m-%d %H:%M}", m.made_by, f"{m.kind} {m.subject}", m.entries, m.dated or "", m.reason)
            for m in found], right=("entries",))


def _undo(
    what: What, name: str, connection: str, on: str, reason: str, org: str, *, preview: bool, yes: bool, as_json: bool,
    since: str = "", until: str = "",
) -> None:
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            connection_id = connections.connection(conn, home.org_id, connection).connection_id if connection else None
        scope = Scope(what=what, name=name, connection_id=connection_id, since=chosen.day(since), until=chosen.day(until))
        dated = None if on == "each" else chosen.day(on) or chosen.today(house, home)

        def act(targets: Sequence[Target], *, only_show: bool) -> flow.Reversed:
            return flow.undo(house.database, home.org_id, scope, dated, targets, by=actor(), reason=reason, clock=house.clock,
                             only_show=only_show)

        _show_and_do(house, home, act, f"undo {scope.words()}", preview=preview, yes=yes, as_json=as_json)


class _Act(Protocol):
    def __call__(self, targets: Sequence[Target], *, only_show: bool) -> flow.Reversed: ...


def _show_and_do(
    house: House, home: Organisation, act: _Act, words: str, *, preview: bool, yes: bool, as_json: bool
) -> None:
    found = asyncio.run(house.with_targets(home.org_id, lambda targets: act(targets, only_show=True)))
    if found.count and not preview:
        if not as_json:
            _say(found)
        chosen.confirm(f"{words}: {found.count} entries", yes)
        found = asyncio.run(house.with_targets(home.org_id, lambda targets: act(targets, only_show=False)))
    if as_json:
        answer({"done": found.mending_id is not None, **{name: getattr(found, name) for name in found.__struct_fields__}})
    elif not found.count:
        out().print("Nothing is left to do: none of it stands, or all of it does.")
    elif preview:
        _say(found)
    else:
        out().print(f"Done: {found.count} entries booked, undoing {str(found.mending_id)[-12:]}. Next: leja sync")


def _say(found: flow.Reversed) -> None:
    console = out()
    mended.say_entries(console, found.entries, found.count, would=True)
    mended.say_accounts(console, found.accounts)
    mended.say_told(console, found.told, would=True)


def _named(house: House, org: str, undoing: str) -> tuple[Organisation, UUID]:
    with house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = [one for one in mending.kept(conn, home.org_id, "undo", limit=100_000) if undoing and str(one.mending_id).endswith(undoing)]
    if len(found) != 1:
        raise Refused("undo-unknown", f"{len(found) or 'no'} undoings are called {undoing!r}", remedy="`leja undo list` lists them.")
    return home, found[0].mending_id
