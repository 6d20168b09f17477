"""``leja period``: lock, reopen and list periods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from leja.access import log, organisations
from leja.cli.chosen import actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out, table
from leja.closing.lock import lock as lock_period
from leja.closing.period_change import PeriodChange, periods
from leja.closing.reopen import reopen as reopen_period

app = typer.Typer()

Period = Annotated[str, typer.Argument(help="Year and month, such as 2026-05.")]
Reason = Annotated[str, typer.Option(help="Why; it stays on record.")]


@app.command("lock")
@command
def lock(period: Period, reason: Reason, org: Org = "", as_json: AsJson = False) -> None:
    """Lock a period: nothing is posted in it any more; what comes late stands in the first open one."""
    _change(lock_period, "period.lock", period, reason, org, as_json=as_json)


@app.command("reopen")
@command
def reopen(period: Period, reason: Reason, org: Org = "", as_json: AsJson = False) -> None:
    """Reopen a locked period; who did it and why stays on record."""
    _change(reopen_period, "period.reopen", period, reason, org, as_json=as_json)


def _change(
    done: Callable[..., PeriodChange], action: str, period: str, reason: str, org: str, *, as_json: bool
) -> None:
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        made = done(conn, home.org_id, period, actor(), reason, house.clock())
        log.record(conn, home.org_id, actor(), action, period, house.clock(), {"reason": reason})
    if as_json:
        answer(made)
    else:
        out().print(f"{made.period} is {made.state}.")


@app.command("list")
@command
def list_(org: Org = "", as_json: AsJson = False) -> None:
    """List the periods that were posted in or locked, and every change of their state."""
    with opened() as house, house.database.transaction() as conn:
        found = periods(conn, organisations.organisation(conn, org).org_id)
    if as_json:
        answer({"periods": found})
    else:
        rows = [
            (p.period, p.state, "; ".join(f"{c.state} {c.at:%Y-%m-%d} by {c.made_by}: {c.reason}" for c in p.changes))
            for p in found
        ]
        table("Periods", ("period", "state", "changes"), rows)
