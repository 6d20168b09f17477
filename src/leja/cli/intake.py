"""``leja intake``: take in files and the past, and prove that everything is here."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from leja.access import connections, log, organisations
from leja.access.connections import Connection
from leja.access.organisations import Organisation
from leja.cli import chosen
from leja.cli.chosen import Yes, actor
from leja.cli.connection import exit_code
from leja.cli.speaking import FOUND_SOMETHING, AsJson, Org, answer, aside, command, opened, out, table
from leja.connectors import registry
from leja.connectors.contract import BackfillPlan, Session
from leja.core.errors import LejaError, Refused
from leja.core.money import format_minor
from leja.house import House
from leja.http.pacing import seconds_for
from leja.intake import backfill as past
from leja.intake.file_import import FileConnection, Imported, import_file
from leja.intake.proof import Proof
from leja.intake.proof import proof as prove

app = typer.Typer()


def bar() -> Progress:
    """Progress for people, on standard error."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=aside(),
        transient=True,
    )


@app.command("file")
@command
def file(
    connection: Annotated[str, typer.Argument(help="The connection that the file belongs to.")],
    path: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines or a table; plain or gzip.")],
    again: Annotated[bool, typer.Option("--again", help="Read it once more although it was imported whole.")] = False,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Import a file. Twice changes nothing; after an interruption it goes on where it stopped."""
    if not path.is_file():
        raise Refused("file-missing", f"there is no file {path}", remedy="Name a file that this account can read.")
    with opened() as house, bar() as progress:
        found = _found(house, org, connection)
        task = progress.add_task(f"reading {path.name}", total=None)
        with house.database.transaction() as conn:
            settings = house.source(conn, found.org_id, found.connection_id).context.settings
        able = registry.capabilities(found.slug)
        verbs = {name: registry.verb(found.slug, name) for name in ("webhooks", "read_file", "detect") if name in able}
        done = import_file(
            house.database,
            found.org_id,
            FileConnection(connection_id=found.connection_id, settings=settings, **verbs),
            path,
            clock=house.clock,
            again=again,
            progress=lambda state: progress.update(task, completed=state.read, total=state.planned or None),
        )
        with house.database.transaction() as conn:
            log.record(
                conn,
                found.org_id,
                actor(),
                "intake.file",
                connection,
                house.clock(),
                {"file": path.name, "read": done.read},
            )
    if as_json:
        answer(
            {
                "file": str(path),
                "connection": connection,
                "read": done.read,
                "new": done.kept.new,
                "repeated": done.kept.repeated,
                "conflicting": done.kept.conflicting,
                "unreadable": done.unreadable,
                "already": done.already,
                "shape": done.shape,
            }
        )
    else:
        _say_file(path, done)


def _say_file(path: Path, done: Imported) -> None:
    console = out()
    if done.shape is not None:
        found = ", ".join(done.shape.detected)
        console.print(
            f"{path.name}: {done.shape.encoding}, dates {done.shape.date_format}, decimals {done.shape.decimal_mark!r}"
            f"{f' (found in the file: {found})' if found else ''}",
            markup=False,
            soft_wrap=True,
        )
    if done.already:
        console.print(f"{path.name} was imported already: {done.read} read. --again reads it once more.")
    else:
        console.print(
            f"{done.read} read: {done.kept.new} new, {done.kept.repeated} known, {done.kept.conflicting} contradicting,"
            f" {done.unreadable} unreadable. Next: leja sync"
        )


@app.command("backfill")
@command
def backfill(
    connection: Annotated[str, typer.Argument(help="The sales connection.")],
    since: Annotated[str, typer.Option(help="From this day or instant on; the connection's start without it.")] = "",
    until: Annotated[str, typer.Option(help="Up to this day or instant; now without it.")] = "",
    plan_only: Annotated[bool, typer.Option("--plan", help="Show the plan and stop.")] = False,
    yes: Yes = False,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Fetch the past: the plan first, then page by page. An interrupted one goes on where it stopped."""
    with opened() as house:
        found = _found(house, org, connection)
        result = asyncio.run(_backfill(house, found, since, until, plan_only=plan_only, yes=yes))
    if as_json:
        answer({"connection": connection, **result})
    elif not plan_only:
        out().print(
            f"{result['events']} events in {result['calls']} calls: {result['new']} new, {result['repeated']} known. Next: leja sync"
        )


async def _backfill(
    house: House, found: Connection, since: str, until: str, *, plan_only: bool, yes: bool
) -> dict[str, Any]:
    session = house.session(found)
    try:
        run, plan = await _planned(house, found, session, since, until, plan_only=plan_only, yes=yes)
        if run is None:
            return {"plan": plan}
        with bar() as progress:
            task = progress.add_task(
                f"backfill of {found.name}", total=run.planned_events or None, completed=run.events
            )
            done = await past.backfill(
                house.database,
                found.org_id,
                run,
                registry.verb(found.slug, "backfill"),
                session,
                clock=house.clock,
                progress=lambda state: progress.update(
                    task, completed=state.run.events, total=max(run.planned_events, state.run.events)
                ),
            )
        with house.database.transaction() as conn:
            log.record(
                conn, found.org_id, actor(), "intake.backfill", found.name, house.clock(), {"events": done.run.events}
            )
    finally:
        await session.http.close()
    return {
        "plan": plan,
        "resumed": run.calls > 0,
        "events": done.run.events,
        "calls": done.run.calls,
        "new": done.kept.new,
        "repeated": done.kept.repeated,
        "since": run.since,
        "until": run.until,
    }


async def _planned(
    house: House, found: Connection, session: Session, since: str, until: str, *, plan_only: bool, yes: bool
) -> tuple[past.Run | None, BackfillPlan | None]:
    """The unfinished run for the same beginning, or a new one after its plan was shown."""
    with house.database.transaction() as conn:
        home = organisations.by_id(conn, found.org_id)
        unfinished = [run for run in past.unfinished(conn, home.org_id) if run.connection_id == found.connection_id]
    begin = chosen.moment(since or found.start_date.isoformat(), home)
    end = chosen.moment(until, home) if until else None
    for run in unfinished:
        if (not since or run.since == begin) and end in (None, run.until) and not plan_only:
            aside().print(f"going on after {run.events} of about {run.planned_events} events")
            return run, None
    end = end or house.clock()
    if begin >= end:
        raise Refused("range-backwards", f"{begin} is not before {end}", remedy="Swap the two.")
    plan: BackfillPlan = await registry.verb(found.slug, "plan")(session, begin, end)
    aside().print(
        f"{found.name} from {begin} to {end}: about {plan.events} events in {plan.calls} calls,"
        f" {timedelta(seconds=plan.seconds)} at the vendor's pace",
        markup=False,
        soft_wrap=True,
    )
    for warning in plan.warnings:
        aside().print(f"  note: {warning}", soft_wrap=True)
    for line in _telling(house, found, plan):
        aside().print(f"  {line}", markup=False, soft_wrap=True)
    if plan_only:
        return None, plan
    if sys.stdin.isatty():
        chosen.confirm("the backfill begins", yes)
    with house.database.transaction() as conn:
        return past.begin(conn, found.org_id, found.connection_id, begin, end, plan, house.clock()), plan


def _telling(house: House, found: Connection, plan: BackfillPlan) -> list[str]:
    """Until when the accounting systems would be told, if each event were a document: live sales go before them."""
    with house.database.transaction() as conn:
        targets = [c for c in connections.connections(conn, found.org_id) if c.duty == "accounting"]
    lines = []
    for target in targets:
        limits = target.connector.limits
        calls = -(-plan.events // max(1, limits.batch))
        done = house.clock() + timedelta(seconds=plan.seconds + seconds_for(limits, calls, batch=limits.batch > 1))
        lines.append(f"{target.name}: at most {calls} calls beside live sales, told by {done:%Y-%m-%d %H:%M} UTC at its limits")
    return lines


@app.command("proof")
@command
def proof(
    connection: Annotated[str, typer.Argument(help="The sales connection; all that can be asked, without it.")] = "",
    since: Annotated[str, typer.Option(help="From this day or instant on; the connection's start without it.")] = "",
    until: Annotated[str, typer.Option(help="Up to this day or instant; now without it.")] = "",
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Compare ids, counts and sums with the source's own, per place and day; what is missing is asked for."""
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            every = (
                [connections.connection(conn, home.org_id, connection)]
                if connection
                else connections.connections(conn, home.org_id)
            )
        asked = [found for found in every if connection or "ids" in registry.capabilities(found.slug)]
        proofs, failed = asyncio.run(_proofs(house, home, asked, since, until))
    if as_json:
        answer(
            {
                "connections": [_proof_json(name, one) for name, one in proofs.items()],
                "failed": {name: error.as_dict() for name, error in failed.items()},
            }
        )
    else:
        for name, one in proofs.items():
            _show_proof(name, one)
        for name, error in failed.items():
            aside().print(f"{name}: {error.message}\n  → {error.remedy}", soft_wrap=True)
    if failed:
        raise typer.Exit(exit_code(next(iter(failed.values()))))
    if not all(one.complete for one in proofs.values()):
        raise typer.Exit(FOUND_SOMETHING)


async def _proofs(
    house: House, home: Organisation, asked: list[Connection], since: str, until: str
) -> tuple[dict[str, Proof], dict[str, LejaError]]:
    proofs: dict[str, Proof] = {}
    failed: dict[str, LejaError] = {}
    end = chosen.moment(until, home) if until else house.clock()
    for found in asked:
        session = house.session(found)
        able = registry.capabilities(found.slug)
        begin = chosen.moment(since or found.start_date.isoformat(), home)
        try:
            proofs[found.name] = await prove(
                house.database,
                found.org_id,
                found.connection_id,
                registry.verb(found.slug, "ids"),
                session,
                begin,
                end,
                clock=house.clock,
                day_totals=registry.verb(found.slug, "day_totals") if "day_totals" in able else None,
                fetch=registry.verb(found.slug, "fetch") if "fetch" in able else None,
            )
        except LejaError as error:
            failed[found.name] = error
        finally:
            await session.http.close()
    return proofs, failed


def _proof_json(name: str, one: Proof) -> dict[str, Any]:
    return {
        "connection": name,
        "complete": one.complete,
        "explained": one.explained,
        "days": one.days,
        "missing": one.missing,
        "older": one.older,
        "different": one.different,
        "gone": [{"kind": h.kind, "external_id": h.external_id} for h in one.gone],
        "unlisted": [{"kind": h.kind, "external_id": h.external_id} for h in one.unlisted],
        "held_events": one.held_events,
    }


def _show_proof(name: str, one: Proof) -> None:
    rows = [
        (
            d.business_day,
            d.location,
            d.kind,
            d.their_count,
            d.our_count,
            f"{format_minor(d.their_sum, d.currency)} {d.currency}",
            f"{format_minor(d.our_sum, d.currency)} {d.currency}",
        )
        for d in one.days
        if not d.agrees
    ]
    if rows:
        table(
            f"Days of {name} that differ",
            ("day", "place", "kind", "there", "here", "sum there", "sum here"),
            rows,
            right=("there", "here", "sum there", "sum here"),
        )
    if one.since is not None:
        out().print(f"{name}: compared from {one.since:%Y-%m-%d %H:%M} on", soft_wrap=True)
    out().print(
        f"{name}: {one.explained} % explained; {len(one.days)} days and places, {len(one.missing)} missing, {len(one.older)} older,"
        f" {len(one.different)} different, {len(one.gone)} gone, {one.held_events} events held",
        soft_wrap=True,
    )


def _found(house: House, org: str, name: str) -> Connection:
    with house.database.transaction() as conn:
        return connections.connection(conn, organisations.organisation(conn, org).org_id, name)
