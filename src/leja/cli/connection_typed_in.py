"""``leja connection typed-in``: whether documents that people typed in are looked for before a target is told."""

from __future__ import annotations

from typing import Annotated

import typer

from leja.access import connections, log, organisations
from leja.cli.chosen import actor
from leja.cli.speaking import AsJson, Org, answer, command, opened, out
from leja.core.errors import Refused
from leja.delivery import look_alikes
from leja.delivery.look_alikes import DAYS, Look

WORDS: dict[Look, str] = {
    "opening": "what happened before it was connected is looked for",
    "always": "everything is looked for",
    "never": "nothing is looked for",
}


@command
def typed_in(
    name: Annotated[str, typer.Argument(help="The accounting system.")],
    look: Annotated[str, typer.Option(help="opening, always or never; without it the rule is only shown.")] = "",
    days: Annotated[int, typer.Option(min=0, max=31, help="How many days apart the two may be dated.")] = DAYS,
    org: Org = "",
    as_json: AsJson = False,
) -> None:
    """Say whether what people typed in already is looked for before it is told."""
    with opened() as house, house.database.transaction() as conn:
        home = organisations.organisation(conn, org)
        found = connections.connection(conn, home.org_id, name)
        if found.duty != "accounting":
            raise Refused("connection-duty", f"{name} is no accounting connection", remedy="Name one that is.")
        if look:
            known: Look | None = next((one for one in WORDS if one == look), None)
            if known is None:
                raise Refused("typed-in-rule", f"{look!r} is no way to look", remedy=f"Use: {', '.join(WORDS)}.")
            look_alikes.set_rule(conn, home.org_id, found.connection_id, known, days, actor(), house.clock())
            log.record(conn, home.org_id, actor(), "connection.typed-in", name, house.clock(), {"look": look, "days": days})
        rule = look_alikes.rule_of(conn, home.org_id, found.connection_id)
    if as_json:
        answer({"name": name, "look": rule.look, "days": rule.days, "connected": rule.connected})
    else:
        out().print(f"{name}: {WORDS[rule.look]}, up to {rule.days} days apart (connected on {rule.connected}).")
