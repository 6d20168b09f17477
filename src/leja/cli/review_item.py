"""A review item, by its id or the end of it."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from leja.access.organisations import Organisation
from leja.core.errors import Refused
from leja.database.engine import Connection as Conn
from leja.database.review import ReviewItem, items

EVERY: Final = 100_000
Item = Annotated[str, typer.Argument(help="The item's id, or the end of it that no other has.")]


def named(conn: Conn, home: Organisation, item: str, *, settled: bool = False) -> ReviewItem:
    """The one item that is called so. Raises Refused ``review-unknown``."""
    every = items(conn, home.org_id, limit=EVERY) + (
        items(conn, home.org_id, settled=True, limit=EVERY) if settled else []
    )
    found = [one for one in every if item and str(one.item_id).endswith(item)]
    if len(found) != 1:
        raise Refused(
            "review-unknown", f"{len(found) or 'no'} items are named {item!r}", remedy="`leja review list` lists them."
        )
    return found[0]
