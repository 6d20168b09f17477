"""Walking through what changed, by ``write_date``: nothing is lost though rows change while they are read.

``write_date`` is told in seconds and kept finer, and all that one transaction wrote bears the same moment, which may be
more than a page. So a page that ends within a second leaves that second to the next one, and a second that fills a page is
walked by id. What changes meanwhile moves to a later second and is met again there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from leja.connectors.contract import Session
from leja.connectors.odoo.api import Row, search, words
from leja.core.clock import utc
from leja.core.errors import Transient

SIZE: Final = 200
# A transaction bears the moment of its start and may be long.
OVERLAP: Final = timedelta(minutes=10)


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a walk stands: rows from the second ``at`` on; ``within`` that second, those after the id ``last``."""

    at: str = ""
    last: int = 0
    within: bool = False


async def step(
    session: Session, model: str, domain: Sequence[Any], fields: Sequence[str], mark: Mark, *, size: int = SIZE
) -> tuple[list[Row], Mark | None]:
    """A page of the walk, and the mark of the next; None when all was seen. ``fields`` must hold ``write_date``."""
    if mark.within:
        return await _second(session, model, domain, fields, mark, size)
    since = [["write_date", ">=", mark.at]] if mark.at else []
    rows = await search(session, model, [*domain, *since], fields, order="write_date asc, id asc", limit=size)
    if len(rows) < size:
        return rows, None
    end = second_of(rows[-1])
    if second_of(rows[0]) == end:
        return await _second(session, model, domain, fields, Mark(at=end, within=True), size)
    return [row for row in rows if second_of(row) < end], Mark(at=end)


async def _second(
    session: Session, model: str, domain: Sequence[Any], fields: Sequence[str], mark: Mark, size: int
) -> tuple[list[Row], Mark | None]:
    end = later(mark.at, 1)
    inside = [["write_date", ">=", mark.at], ["write_date", "<", end], ["id", ">", mark.last]]
    rows = await search(session, model, [*domain, *inside], fields, limit=size)
    if len(rows) < size:
        return rows, Mark(at=end)
    return rows, Mark(at=mark.at, last=rows[-1]["id"], within=True)


def second_of(row: Row) -> str:
    """When a row was changed last, to the second."""
    stamp = words(row.get("write_date"))
    if len(stamp) < len("2026-01-01 00:00:00"):
        raise Transient("odoo-answer-unreadable", "Odoo listed a record without its write_date")
    return stamp[:19]


def stamp(at: datetime) -> str:
    """An instant as Odoo writes it: UTC, in seconds, without saying so."""
    return f"{utc(at):%Y-%m-%d %H:%M:%S}"


def instant_of(text: str) -> datetime:
    """The instant that Odoo wrote."""
    return datetime.fromisoformat(f"{text[:19]}+00:00")


def later(text: str, seconds: float) -> str:
    """A moment of Odoo's some seconds on."""
    return stamp(instant_of(text) + timedelta(seconds=seconds))
