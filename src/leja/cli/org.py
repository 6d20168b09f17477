"""``leja org``: make and list organisations."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from leja.access import log, organisations
from leja.cli.speaking import AsJson, answer, command, opened, out, table

app = typer.Typer()


@app.command("create")
@command
def create(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    currency: Annotated[str, typer.Option(help="Base currency, ISO 4217.")],
    country: Annotated[str, typer.Option(help="ISO 3166 country code.")] = "",
    zone: Annotated[str, typer.Option(help="IANA time zone of its business days.")] = "UTC",
    day_end: Annotated[int, typer.Option(help="Minutes after midnight at which a business day ends.")] = 0,
    fiscal_year_start: Annotated[int, typer.Option(help="Month in which the fiscal year starts.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Make an organisation with a whole chart of accounts and default rules."""
    with opened() as house, house.database.transaction() as conn:
        made = organisations.create(
            conn, name, base_currency=currency, country=country, zone=zone, day_end_minutes=day_end,
            fiscal_year_start=fiscal_year_start, now=house.clock(),
        )
        log.record(conn, made.org_id, "cli", "org.create", name, house.clock())
    if as_json:
        answer(msgspec.to_builtins(made))
    else:
        out().print(f"{made.name} ({made.base_currency}) is there. Next: leja connection add")


@app.command("list")
@command
def list_(as_json: AsJson = False) -> None:
    """List the organisations."""
    with opened() as house, house.database.transaction() as conn:
        every = organisations.organisations(conn)
    if as_json:
        answer({"organisations": msgspec.to_builtins(every)})
    else:
        table("Organisations", ("name", "currency", "zone", "id"), [(o.name, o.base_currency, o.zone, o.org_id) for o in every])
