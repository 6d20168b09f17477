"""Going through the shop in windows: poll (what changed), backfill (what happened), the plan, and what exists there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from leja.connectors.contract import BackfillPlan, DayTotal, Page, RawEvent, Session, SourceId
from leja.connectors.shopify import queries
from leja.connectors.shopify.calls import ask, at, pages
from leja.connectors.shopify.meaning import day_of
from leja.connectors.shopify.pull import PAGE_SIZES, order_event, order_page, payout_event, payout_page
from leja.connectors.shopify.reading import external, money, version
from leja.core.clock import instant, utc
from leja.core.errors import NeedsReview, Refused
from leja.core.money import Money

# Orders are found late by the search when they are committed late: each poll looks back this far.
OVERLAP: Final = timedelta(minutes=10)
PAYOUT_DAYS: Final = timedelta(days=21)
# A connection is cut off at 25,000 objects; a new window is begun before that.
WINDOW_MOST: Final = 24_000
READABLE: Final = timedelta(days=60)
_PAGE_COST: Final = 250.0


class Mark(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The cursor: the window's start, the page in it, the latest change seen, and which payouts are known."""

    since: str = ""
    after: str | None = None
    seen: str = ""
    count: int = 0
    phase: str = "orders"
    payouts: dict[str, str] = {}


def _mark(cursor: str | None) -> Mark:
    """A cursor of ours, or a plain instant to start from, or None: from the beginning."""
    if not cursor:
        return Mark()
    if not cursor.startswith("{"):
        return Mark(since=_stamp(instant(cursor)))
    try:
        return msgspec.json.decode(cursor, type=Mark)
    except msgspec.MsgspecError as error:
        raise Refused("shopify-cursor", "the saved cursor is not one of this connector") from error


def _written(mark: Mark) -> str:
    return msgspec.json.encode(mark).decode()


def _stamp(moment: datetime) -> str:
    return f"{utc(moment):%Y-%m-%dT%H:%M:%SZ}"


async def poll(session: Session, cursor: str | None) -> Page:
    """Orders by the time they changed, then the payouts whose state is new. ``cursor`` may be a plain instant."""
    mark = _mark(cursor)
    if mark.phase == "payouts":
        return await _poll_payouts(session, mark)
    filter_text = f"updated_at:>='{mark.since}'" if mark.since else ""
    found, after = await order_page(session, filter_text, "UPDATED_AT", mark.after)
    events = tuple(order_event(order, "poll") for order in found)
    seen = max([mark.seen, *(_stamp(instant(order["updatedAt"])) for order in found)])
    mark = msgspec.structs.replace(mark, after=after, seen=seen, count=mark.count + len(found))
    if after is not None:
        return Page(events=events, cursor=_written(_within_cap(mark)), more=True)
    since = _stamp(instant(seen) - OVERLAP) if seen else mark.since
    done = Mark(since=max(since, mark.since), payouts=mark.payouts)
    if session.settings.reads_payouts:
        return Page(events=events, cursor=_written(msgspec.structs.replace(done, phase="payouts")), more=True)
    return Page(events=events, cursor=_written(done))


def _within_cap(mark: Mark) -> Mark:
    """Near the cap a new window starts at the latest change seen; what it repeats has the same keys."""
    if mark.count < WINDOW_MOST:
        return mark
    if mark.seen <= mark.since:
        raise NeedsReview(
            "shopify-window",
            f"more than {WINDOW_MOST} orders changed in the same second ({mark.since}): Shopify shows no more of them",
            remedy="Read them with a backfill over shorter times.",
        )
    return Mark(since=mark.seen, seen=mark.seen, payouts=mark.payouts)


async def _poll_payouts(session: Session, mark: Mark) -> Page:
    since = utc(session.now()) - PAYOUT_DAYS
    known = mark.payouts
    filter_text = f"issued_at:>='{_stamp(since)}'" if known else ""
    found, after = await payout_page(session, filter_text, mark.after)
    events: list[RawEvent] = []
    states = dict(known)
    for payout in found:
        number, state = external(payout["id"]), str(payout["status"])
        if known.get(number) != state:
            events.append(await payout_event(session, payout, "poll"))
            states[number] = state
    mark = msgspec.structs.replace(mark, payouts=states, after=after)
    if after is not None:
        return Page(events=tuple(events), cursor=_written(mark), more=True)
    recent = dict(sorted(states.items(), key=lambda item: int(item[0]))[-500:])
    done = msgspec.structs.replace(mark, phase="orders", payouts=recent)
    return Page(events=tuple(events), cursor=_written(done))


def _between(field: str, since: datetime, until: datetime) -> str:
    return f"{field}:>='{_stamp(since)}' {field}:<'{_stamp(until)}'"


async def backfill(session: Session, since: datetime, until: datetime, cursor: str | None) -> Page:
    """Orders that happened in the window, then its payouts; the cursor resumes at the page where it stopped."""
    mark = _mark(cursor) if cursor else Mark(since=_stamp(since))
    if mark.phase == "payouts":
        found, after = await payout_page(session, _between("issued_at", since, until), mark.after)
        events = tuple([await payout_event(session, payout, "backfill") for payout in found])
        return Page(events=events, cursor=_written(Mark(phase="payouts", after=after)), more=after is not None)
    filter_text = _between("processed_at", instant(mark.since), until)
    orders, after = await order_page(session, filter_text, "PROCESSED_AT", mark.after)
    events = tuple(order_event(order, "backfill") for order in orders)
    seen = max([mark.seen, *(_stamp(instant(order["processedAt"])) for order in orders)])
    mark = msgspec.structs.replace(mark, after=after, seen=seen, count=mark.count + len(orders))
    if after is not None:
        return Page(events=events, cursor=_written(_within_cap(mark)), more=True)
    return Page(
        events=events, cursor=_written(Mark(phase="payouts")), more=bool(session.settings.reads_payouts)
    )


async def plan(session: Session, since: datetime, until: datetime) -> BackfillPlan:
    """How many orders, calls and seconds, and what Shopify would hide."""
    count = await _count(session, since, until, depth=12)
    calls = -(-count // PAGE_SIZES[0]) + 1
    points = session.http.pacing.restore_rate or 100.0
    warnings = []
    if since < session.now() - READABLE and not session.settings.reads_all_orders:
        warnings.append(
            "Without the scope read_all_orders Shopify shows only the last 60 days, and says nothing about the rest."
        )
    return BackfillPlan(
        events=count, calls=calls, seconds=int(calls * max(_PAGE_COST / points, 0.5)), warnings=tuple(warnings)
    )


async def _count(session: Session, since: datetime, until: datetime, depth: int) -> int:
    """The count of a window; where Shopify only says "at least", that of its halves."""
    filter_text = _between("processed_at", since, until)
    answer = at(await ask(session, queries.COUNT, {"filter": filter_text}), ("ordersCount",)) or {}
    if answer.get("precision", "EXACT") == "EXACT" or depth == 0:
        return int(answer.get("count", 0))
    middle = since + (until - since) / 2
    return await _count(session, since, middle, depth - 1) + await _count(session, middle, until, depth - 1)


async def ids(session: Session, since: datetime, until: datetime) -> tuple[SourceId, ...]:
    """The orders and refunds that exist there and happened in the window; test orders left out."""
    found: list[SourceId] = []
    seen: set[str] = set()
    mark = Mark(since=_stamp(since))
    while True:
        asked = {"first": 250, "filter": _between("processed_at", instant(mark.since), until)}
        count = 0
        async for order in pages(session, queries.ORDER_IDS, asked, ("orders",)):
            count += 1
            mark.seen = max(mark.seen, _stamp(instant(order["processedAt"])))
            if order["id"] not in seen and not order["test"]:
                seen.add(order["id"])
                found += _source_ids(session, order)
            if count >= WINDOW_MOST:
                break
        mark.count = count
        if count < WINDOW_MOST:
            return tuple(found)
        mark = _within_cap(mark)


def _source_ids(session: Session, order: Mapping[str, Any]) -> list[SourceId]:
    place = external(order["retailLocation"]["id"]) if order.get("retailLocation") else ""
    # A webhook of the same instant is as good, so the lowest version of it is named.
    stamp = version(order["updatedAt"], "0")

    def one(kind: str, thing: Mapping[str, Any], amount: Mapping[str, Any]) -> SourceId:
        total: Money = money(amount["shopMoney"]["amount"], amount["shopMoney"]["currencyCode"])
        day = day_of(instant(thing["processedAt"]), place, session.context)
        return SourceId(
            kind=kind, external_id=external(thing["id"]), version=stamp, business_day=day, total=total, location=place
        )

    refunds = [one("refund", refund, refund["totalRefundedSet"]) for refund in order.get("refunds") or ()]
    return [one("sale", order, order["totalPriceSet"]), *refunds]


async def day_totals(session: Session, since: datetime, until: datetime) -> tuple[DayTotal, ...]:
    """Counts and sums per kind, place, day and currency, added up from the shop's own list."""
    sums: dict[tuple[str, str, Any, str], list[int]] = {}
    for one in await ids(session, since, until):
        cell = sums.setdefault((one.kind, one.location, one.business_day, one.total.currency), [0, 0])
        cell[0] += 1
        cell[1] += one.total.minor
    return tuple(
        DayTotal(kind=kind, location=place, business_day=day, count=count, total=Money(minor, currency))
        for (kind, place, day, currency), (count, minor) in sorted(sums.items())
    )


