"""Going through the shop: poll (what changed), backfill (what happened), the plan, and what exists there.

Lists are walked by the day of creation, which never changes, and not by page numbers: an order that changes meanwhile may
come twice but never pushes another one off a page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from leja.connectors.contract import BackfillPlan, DayTotal, Page, Session, SourceId
from leja.connectors.woocommerce.calls import PAGE, page
from leja.connectors.woocommerce.meaning import day_of
from leja.connectors.woocommerce.pull import refunds_of, whole
from leja.connectors.woocommerce.reading import moment, money, version
from leja.core.clock import instant, utc
from leja.core.errors import NeedsReview, Refused, Transient
from leja.core.money import Money

# Orders are saved late, and clocks differ: each poll looks back this far.
OVERLAP: Final = timedelta(minutes=10)
# An order's only refund may be deleted without a word: then none is listed, and that is a proof too.
LISTS: Final = frozenset({"sale", "refund"})
# An order that is not paid, and one in the trash, are read as well: they may have been a sale before.
PHASES: Final = ("any", "trash")
SECONDS_A_CALL: Final = 1
SIZES: Final = (PAGE, 40, 10)


class Mark(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The cursor: changes after ``since``, orders made after ``after``, how many were skipped at that second, what was seen.

    ``size`` is the page that this shop could make during this walk.
    """

    since: str = ""
    after: str = ""
    skip: int = 0
    phase: int = 0
    seen: str = ""
    begun: str = ""
    size: int = PAGE


def _mark(cursor: str | None) -> Mark:
    """A cursor of ours, or a plain instant to start from, or None: from the beginning."""
    if not cursor:
        return Mark()
    if not cursor.startswith("{"):
        return Mark(since=_stamp(instant(cursor)))
    try:
        return msgspec.json.decode(cursor, type=Mark)
    except msgspec.MsgspecError as error:
        raise Refused("woocommerce-cursor", "the saved cursor is not one of this connector") from error


def _written(mark: Mark) -> str:
    return msgspec.json.encode(mark).decode()


def _stamp(at: datetime) -> str:
    return f"{utc(at):%Y-%m-%dT%H:%M:%S}"


def _before(stamp: str) -> str:
    """The second before: the vendor's ``after`` leaves out the second that it names."""
    return _stamp(instant(f"{stamp}Z") - timedelta(seconds=1))


async def _listed(session: Session, mark: Mark) -> tuple[list[dict[str, Any]], Mark]:
    """A page of the walk and the mark of the next; ``mark.phase`` is past the last phase when all was seen."""
    asked = {"orderby": "date", "order": "asc", "dates_are_gmt": "true", "status": PHASES[mark.phase]}
    if mark.since:
        asked["modified_after"] = mark.since
    if mark.after:
        asked["after"] = _before(mark.after)
    if mark.skip:
        asked["offset"] = str(mark.skip)
    found, size = await _page(session, asked, mark.size)
    rows = [row for row in found if isinstance(row, dict)]
    seen = max([mark.seen, *(str(row.get("date_modified_gmt") or "") for row in rows)])
    mark = msgspec.structs.replace(mark, seen=seen, size=size)
    if len(found) < size:
        return rows, msgspec.structs.replace(mark, phase=mark.phase + 1, after="", skip=0)
    last = str(rows[-1].get("date_created_gmt") or "")
    if not last:
        raise NeedsReview(
            "woocommerce-date", f"order {rows[-1].get('id')} has no date of creation: the shop cannot be walked"
        )
    # A page within one second: it is paged through by count, for there is nothing finer to go by.
    skip = mark.skip + size if last == mark.after else 0
    return rows, msgspec.structs.replace(mark, after=last, skip=skip)


async def _page(session: Session, asked: dict[str, str], most: int) -> tuple[list[Any], int]:
    """Orders in as large a page as the shop can make: a small host breaks off at a hundred long orders, and not at ten."""
    sizes = [size for size in SIZES if size <= most]
    for size in sizes:
        try:
            return (await page(session, "/orders", {**asked, "per_page": str(size)})).rows, size
        except Transient as fault:
            if fault.code not in ("http-server", "http-deadline") or size == sizes[-1]:
                raise
    raise Refused("woocommerce-cursor", "the saved cursor knows a page size that there is not")


async def poll(session: Session, cursor: str | None) -> Page:
    """Orders that changed, then those that were put into the trash. ``cursor`` may be a plain instant."""
    mark = _mark(cursor)
    if not mark.begun:
        mark = msgspec.structs.replace(mark, begun=_stamp(session.now()), seen="")
    rows, mark = await _listed(session, mark)
    events = tuple([await whole(session, row, "poll") for row in rows])
    if mark.phase < len(PHASES):
        return Page(events=events, cursor=_written(mark), more=True)
    # What changes while a long walk is under way may lie behind it: the next one begins where this one did.
    reached = min(mark.seen, mark.begun) if mark.seen else ""
    since = _stamp(instant(f"{reached}Z") - OVERLAP) if reached else mark.since
    return Page(events=events, cursor=_written(Mark(since=max(since, mark.since))))


async def backfill(session: Session, since: datetime, until: datetime, cursor: str | None) -> Page:
    """Orders that changed since the window began and were paid in it; what was paid later the poll reads."""
    mark = _mark(cursor) if cursor else Mark(since=_before(_stamp(since)))
    rows, mark = await _listed(session, mark)
    paid = [row for row in rows if _within(row.get("date_paid_gmt"), since, until)]
    events = tuple([await whole(session, row, "backfill") for row in paid])
    # What lies in the trash was no sale before this connection began.
    return Page(events=events, cursor=_written(mark), more=mark.phase == 0)


def _within(paid_gmt: Any, since: datetime, until: datetime) -> bool:
    at = moment(paid_gmt) if isinstance(paid_gmt, str) else None
    return at is not None and since <= at < until


async def plan(session: Session, since: datetime, until: datetime) -> BackfillPlan:
    """How many orders, calls and seconds. Each order with refunds costs a call more; a twentieth of them is reckoned."""
    del until
    asked = {"modified_after": _before(_stamp(since)), "dates_are_gmt": "true", "status": "any", "per_page": "1"}
    count = (await page(session, "/orders", asked)).total
    calls = -(-count // PAGE) + 1 + count // 20
    warnings = ("Orders in the trash or deleted for good are not read, and a refund that was deleted left no trace.",)
    return BackfillPlan(events=count, calls=calls, seconds=calls * SECONDS_A_CALL, warnings=warnings)


async def walked(session: Session, since: datetime) -> AsyncIterator[dict[str, Any]]:
    """Every order that changed since, trash left out, each once."""
    mark, known = Mark(since=_before(_stamp(since))), set[Any]()
    while mark.phase == 0:
        rows, mark = await _listed(session, mark)
        for row in rows:
            if row.get("id") not in known:
                known.add(row.get("id"))
                yield row


async def ids(session: Session, since: datetime, until: datetime) -> tuple[SourceId, ...]:
    """The paid orders and the refunds that exist there and happened in the window."""
    found: list[SourceId] = []
    async for order in walked(session, since):
        paid = moment(order.get("date_paid_gmt"))
        if paid is None:
            continue
        # A webhook of the same second is as good, so the lowest version of it is named.
        stamp = version(order.get("date_modified_gmt"), "0")
        if since <= paid < until:
            found.append(_source_id(session, "sale", order["id"], stamp, paid, order["total"], order["currency"]))
        for refund in await refunds_of(session, order["id"]) if order.get("refunds") else ():
            at = moment(refund["date_created_gmt"])
            if at is not None and since <= at < until:
                found.append(
                    _source_id(session, "refund", refund["id"], stamp, at, refund["amount"], order["currency"])
                )
    return tuple(found)


def _source_id(
    session: Session, kind: str, number: object, stamp: str, at: datetime, amount: str, currency: str
) -> SourceId:
    day = day_of(at, session.context)
    total = money(amount, currency)
    return SourceId(kind=kind, external_id=str(number), version=stamp, business_day=day, total=total)


async def day_totals(session: Session, since: datetime, until: datetime) -> tuple[DayTotal, ...]:
    """Counts and sums per kind, day and currency, added up from the shop's own list: its reports count by other rules."""
    sums: dict[tuple[str, Any, str], list[int]] = {}
    for one in await ids(session, since, until):
        cell = sums.setdefault((one.kind, one.business_day, one.total.currency), [0, 0])
        cell[0] += 1
        cell[1] += one.total.minor
    return tuple(
        DayTotal(kind=kind, location="", business_day=day, count=count, total=Money(minor, currency))
        for (kind, day, currency), (count, minor) in sorted(sums.items())
    )
