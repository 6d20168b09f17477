"""``leja explain``: from a figure, entry, document, event or remote document to the raw event and to every target."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from leja.access import log, organisations
from leja.cli.chosen import actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out
from leja.core.money import format_minor
from leja.reports.explain import TRACES_MAX, Explained, Figure, Told, Trace, TracedEvent
from leja.reports.explain import explain as explained


@command
def run(
    ref: Annotated[
        list[str],
        typer.Argument(
            metavar="REF...",
            help="An entry number, a document's id or number, an event's id, a document at a target or our reference;"
            " or: account CODE DAY. A first word entry, document, event or remote says of which kind it is.",
        ),
    ],
    raw: Annotated[
        bool, typer.Option("--raw", help="Show the raw events as they arrived; they may name customers.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many documents are traced.")] = TRACES_MAX,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Say where something comes from and where it went, both ways."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = explained(conn, home.org_id, ref, bodies=raw, limit=limit)
        if raw:
            log.record(conn, home.org_id, actor(), "explain.raw", " ".join(ref), house.clock())
    if as_json:
        answer({"ref": " ".join(ref), "found": found})
    else:
        _say(found, out())


def _say(found: Explained, console: Console) -> None:
    for figure in found.figures:
        _say_figure(figure, console)
    for trace in found.traces:
        _say_trace(trace, console)
    for event in found.events:
        _say_event(event, console)
    if found.documents > len(found.traces):
        console.print(f"{found.documents - len(found.traces)} more documents: --limit {found.documents}")
    if found.what == "figure" and not found.figures:
        console.print("Nothing moved this account on that day.")


def _say_figure(figure: Figure, console: Console) -> None:
    total = format_minor(figure.amount, figure.currency)
    console.print(
        f"{figure.account} {figure.name} on {figure.day}: {total} {figure.currency}", style="bold", markup=False
    )
    for line in figure.lines:
        amount = format_minor(line.amount, figure.currency)
        told = f" → {', '.join(line.told)}" if line.told else ""
        console.print(
            f"  {amount:>14}  entry {line.entry}  {line.role}  {line.kind} {line.number or line.external_id}"
            f"  event {line.event_id}{told}",
            markup=False,
            soft_wrap=True,
        )


def _say_trace(trace: Trace, console: Console) -> None:
    console.print(
        f"{trace.kind} {trace.external_id} of {trace.connection} ({trace.document_id})", style="bold", markup=False
    )
    for relation in trace.relations:
        console.print(f"  {relation}")
    for event in trace.events:
        _say_event(event, console)
    for revision in trace.revisions:
        flags = f" {', '.join(revision.flags)}" if revision.flags else ""
        console.print(
            f"  revision {revision.revision}: version {revision.version}, day {revision.business_day}, from event"
            f" {revision.event_id}{' withdrawn' if revision.withdrawn else ''}{flags}",
            markup=False,
            soft_wrap=True,
        )
    for entry in trace.entries:
        reverses = f", reverses {entry.reverses}" if entry.reverses else ""
        console.print(f"  entry {entry.number} of {entry.posting_date}: {entry.label}{reverses}")
        for line in entry.lines:
            console.print(
                f"    {line.account:<22}{format_minor(line.amount, line.currency):>14} {line.currency}  {line.role}",
                markup=False,
            )
    for told in trace.told:
        _say_told(told, console)


def _say_event(event: TracedEvent, console: Console) -> None:
    because = f" ({event.because})" if event.because else ""
    console.print(
        f"  event {event.event_id}: {event.topic} by {event.origin} at {event.received_at:%Y-%m-%d %H:%M:%S} UTC,"
        f" {event.state}{because}",
        markup=False,
        soft_wrap=True,
    )
    if event.body is not None:
        console.print(event.body, soft_wrap=True)


def _say_told(told: Told, console: Console) -> None:
    shared = f", one of {told.members} entries" if told.members > len(told.entries) else ""
    entries = ", ".join(map(str, told.entries))
    console.print(
        f"  {told.target}: entries {entries} {told.state} {told.reference}{shared} {told.because}".rstrip(),
        markup=False,
        soft_wrap=True,
    )
    for one in told.remote:
        total = f" {format_minor(one.total, one.currency)} {one.currency}" if one.total is not None else ""
        console.print(
            f"    {one.kind} {one.number or one.remote_id} (id {one.remote_id}, {one.reference}) of {one.date}{total}",
            markup=False,
            soft_wrap=True,
        )
