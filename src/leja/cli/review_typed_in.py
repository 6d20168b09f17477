"""``leja review same | different``: whether a person typed in already what a target is about to be told."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from leja import flow
from leja.access import organisations
from leja.cli import chosen, mended
from leja.cli.chosen import Yes, actor
from leja.cli.review_item import Item, named
from leja.cli.speaking import AsJson, Org, answer, command, opened, out
from leja.core.errors import Refused
from leja.delivery.look_alikes import CODE
from leja.delivery.typed_in import Answer, Verdict

Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@command
def same(
    item: Item,
    document: Annotated[str, typer.Option(help="The id over there of the one that is meant, where several look alike.")] = "",
    reason: Reason = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only show what would be told.")] = False,
    yes: Yes = False, org: Org = "", as_json: AsJson = False,
) -> None:
    """It is the same: our entries count as told by what was typed in, and nothing is sent but what differs by account."""
    _decide("same", item, document, reason, org, preview=preview, yes=yes, as_json=as_json)


@command
def different(item: Item, reason: Reason = "", org: Org = "", as_json: AsJson = False) -> None:
    """It is another one: ours is sent."""
    _decide("different", item, "", reason, org, preview=False, yes=True, as_json=as_json)


def _decide(
    said: Answer, item: str, document: str, reason: str, org: str, *, preview: bool, yes: bool, as_json: bool
) -> None:
    with opened() as house:
        with house.database.transaction() as conn:
            home = organisations.organisation(conn, org)
            found = named(conn, home, item, settled=True)
        if found.code != CODE or found.connection_id is None:
            raise Refused("review-no-look-alike", f"{found.code} is about nothing that was typed in: {found.message}", remedy=found.remedy)
        group = found.subject.split("/", 2)[2]
        verdict = Verdict(answer=said, by=actor(), document=document, reason=reason)
        if preview or said == "same":
            shown = asyncio.run(house.decide(flow.decide_typed_in, home.org_id, found.connection_id, group, verdict, only_show=True))
            if not as_json:
                mended.say_told(out(), shown.told, would=True)
        if not preview:
            chosen.confirm(f"{said}: {found.message}", yes)
            shown = asyncio.run(house.decide(flow.decide_typed_in, home.org_id, found.connection_id, group, verdict))
    if as_json:
        answer({"done": shown.mending_id is not None, "told": shown.told, "mending_id": shown.mending_id})
    elif not preview:
        out().print("Done. Next: leja sync" if shown.mending_id else "Nothing was left to decide.")
