"""``leja check``: what must always hold, and the derived tables summed up again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from leja.access import log, organisations
from leja.access.organisations import Organisation
from leja.cli.chosen import actor
from leja.cli.speaking import FOUND_SOMETHING, AsJson, Org, answer, aside, command, opened, out
from leja.house import House
from leja.operate import rebuild as operate


@command
def run(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Sum up every line again and compare each balance.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write wrong balances anew from the lines; implies --rebuild.")
    ] = False,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Check numbers, sums, and that each target is told of each entry once. Without --org: all organisations."""
    with opened() as house:
        with house.database.transaction() as conn:
            every = [organisations.organisation(conn, org)] if org else organisations.organisations(conn)
        results = [_check(house, home, rebuild=rebuild or repair, repair=repair) for home in every]
    if as_json:
        answer({"ok": all(one["ok"] for one in results), "organisations": results})
    else:
        for one in results:
            _say(one)
    if not all(one["ok"] for one in results):
        raise typer.Exit(FOUND_SOMETHING)


def _check(house: House, home: Organisation, *, rebuild: bool, repair: bool) -> dict[str, Any]:
    aside().print(f"checking {home.name}")
    with house.database.transaction() as conn:
        faults = operate.check(conn, home.org_id)
    rebuilt = None
    if rebuild:
        with house.database.transaction() as conn:
            rebuilt = operate.rebuild(conn, home.org_id, repair=repair)
            if rebuilt.repaired:
                log.record(
                    conn,
                    home.org_id,
                    actor(),
                    "check.repair",
                    home.name,
                    house.clock(),
                    {"balances": rebuilt.different},
                )
        if rebuilt.repaired:
            with house.database.transaction() as conn:
                faults = operate.check(conn, home.org_id)
    wrong = rebuilt is not None and rebuilt.different > 0 and not rebuilt.repaired
    return {"organisation": home.name, "ok": not faults and not wrong, "faults": faults, "rebuilt": rebuilt}


def _say(one: dict[str, Any]) -> None:
    console, rebuilt = out(), one["rebuilt"]
    compared = f"; {rebuilt.compared} balances compared, {rebuilt.different} differ" if rebuilt else ""
    mended = ", written anew" if rebuilt and rebuilt.repaired else ""
    console.print(
        f"{one['organisation']}: {'all holds' if one['ok'] else 'NOT all holds'}{compared}{mended}", markup=False
    )
    for fault in [*one["faults"], *(rebuilt.faults if rebuilt else ())]:
        console.print(f"  {fault.check}: {fault.sentence}", soft_wrap=True)
