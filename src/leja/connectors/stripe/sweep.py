"""Going through the account: poll (events, and what moved on the balance), backfill, its plan, and what exists there.

Lists are newest first and know no "changed since": changes come from the events, which Stripe keeps for thirty days. What is
older, and what manual payouts leave unsaid, comes from the balance transactions. What a page's things still need is asked for
together; the pace lets go as many calls at once as Stripe allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from leja.connectors.contract import BackfillPlan, DayTotal, Origin, Page, RawEvent, Session, SourceId
from leja.connectors.stripe.calls import PAGE, List, fields, is_live, page, pages, text, whole
from leja.connectors.stripe.decoding import OBJECT
from leja.connectors.stripe.pull import completed, kind_of
from leja.connectors.stripe.reading import day, moment, money, version
from leja.core.clock import instant, utc
from leja.core.errors import Refused
from leja.core.money import Money

LISTS: Final = frozenset({"sale", "refund", "payment"})
OVERLAP: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=29)
_PHASES: Final = (
    ("balance_transactions", "balance_transaction"), ("invoices", "invoice"), ("credit_notes", "credit_note"), ("disputes", "dispute"),
    ("payouts", "payout"), ("topups", "topup"),
)  # fmt: skip
_TOLD_BY_SOURCE: Final = ("charge", "refund")
_PLAN_PAGES: Final = 20
_NAMES: Final = ("id", "object", "charge", "latest_charge", "payment_intent", "payment")


class Mark(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The cursor: the window's start, the last object of the page before, the newest seen, and the phase."""

    since: str = ""
    after: str = ""
    newest: int = 0
    phase: int = 0
    sweep: bool = False


def _mark(cursor: str | None, since: str = "") -> Mark:
    """A cursor of ours, or a plain instant to start from, or None: from the beginning."""
    if not cursor:
        return Mark(since=since)
    if not cursor.startswith("{"):
        return Mark(since=version(instant(cursor)))
    try:
        return msgspec.json.decode(cursor, type=Mark)
    except msgspec.MsgspecError as error:
        raise Refused("stripe-cursor", "the saved cursor is not one of this connector") from error


def _written(mark: Mark) -> str:
    return msgspec.json.encode(mark).decode()


def _seconds(at: datetime) -> str:
    return str(int(at.timestamp()))


async def poll(session: Session, cursor: str | None) -> Page:
    """The events since the cursor; then the balance, where events do not reach back so far or payouts are manual."""
    mark = _mark(cursor)
    if mark.phase == 1:
        return await _poll_balance(session, mark)
    query = {"created[gte]": _seconds(instant(mark.since))} if mark.since else {}
    found = await page(session, "/v1/events", query, mark.after)
    events, newest = [], mark.newest
    for one in found.data:
        row = fields(one)
        newest = max(newest, whole(row.get("created")))
        mark.after = text(row.get("id"))
        events.append(_listed(row))
    mark.newest = newest
    if found.has_more and events:
        return Page(events=tuple(events), cursor=_written(mark), more=True)
    reached = not mark.since or utc(session.now()) - instant(mark.since) > KEPT
    if reached or session.settings.payouts == "manual":
        mark.after, mark.phase = "", 1
        return Page(events=tuple(events), cursor=_written(mark), more=True)
    return Page(events=tuple(events), cursor=_written(_next(session, mark)))


def _listed(row: dict[str, msgspec.Raw]) -> RawEvent:
    """An event of the list, as far as it will never change: how many webhooks still wait for it does."""
    inner = fields(fields(row["data"])["object"])
    if not text(row["type"]).startswith("charge.dispute."):
        inner = {name: inner[name] for name in _NAMES if name in inner}
    body = {**{name: row[name] for name in ("id", "object", "type", "created")}, "data": {"object": inner}}
    return RawEvent(key=f"listed/{text(row['id'])}", topic=text(row["type"]), body=msgspec.json.encode(body), origin="poll")


def _next(session: Session, mark: Mark) -> Mark:
    """The next window: from the newest event on, and a little before. An account without events waits where it is."""
    if not mark.newest:
        quiet = utc(session.now()) - OVERLAP
        return Mark(since=max(mark.since, version(quiet)) if mark.since else version(quiet))
    return Mark(since=max(mark.since, version(moment(mark.newest) - OVERLAP)))


async def _poll_balance(session: Session, mark: Mark) -> Page:
    query = {"created[gte]": _seconds(instant(mark.since))} if mark.since else {}
    found = await page(session, "/v1/balance_transactions", query, mark.after)
    events = tuple(_by_itself(session, fields(one), "poll") for one in found.data)
    if found.has_more and found.data:
        return Page(events=events, cursor=_written(msgspec.structs.replace(mark, after=_last(found))), more=True)
    return Page(events=events, cursor=_written(_next(session, mark)))


def _last(found: List) -> str:
    return text(fields(found.data[-1])["id"])


async def _balance(session: Session, query: Mapping[str, str], after: str) -> tuple[List, tuple[RawEvent, ...]]:
    """A page of balance transactions, each with the charge or refund that it moved."""
    found = await page(session, "/v1/balance_transactions", {**query, "expand[]": "data.source"}, after)
    rows = [(fields(one), one) for one in found.data]
    events: list[RawEvent] = []
    for (row, _), moved in zip(rows, await asyncio.gather(*(_moved(session, row, one) for row, one in rows)), strict=True):
        events += moved
        if session.settings.payouts == "manual":
            events.append(_by_itself(session, row, "backfill"))
    return found, tuple(events)


async def _moved(session: Session, row: dict[str, msgspec.Raw], one: msgspec.Raw) -> list[RawEvent]:
    source = row.get("source", msgspec.Raw(b"null"))
    if bytes(source)[:1] != b"{":
        return []
    inner = fields(source)
    kind, name = kind_of(text(inner.get("id"))), text(row["id"])
    if kind not in _TOLD_BY_SOURCE:
        return []
    # A part that was not captured is no rate of its own: the charge's own movement says that.
    own = one if name == text(inner.get("balance_transaction")) else None
    return [await completed(session, kind, inner, "backfill", key=f"moved/{name}", movement=own)]


def _by_itself(session: Session, row: dict[str, msgspec.Raw], origin: Origin) -> RawEvent:
    """A balance transaction: only whether it is available yet ever changes."""
    lasting = {name: value for name, value in _plain_source(row).items() if name != "status"}
    body = {"seen": version(moment(whole(row["created"]))), "object": msgspec.Raw(b"{}"), "movement": lasting, "live": is_live(session)}
    key = f"balance/{text(row['id'])}"
    return RawEvent(key=key, topic=f"{OBJECT}balance_transaction", body=msgspec.json.encode(body), origin=origin)


def _plain_source(row: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    source = row.get("source", msgspec.Raw(b"null"))
    return {**row, "source": fields(source)["id"]} if bytes(source)[:1] == b"{" else row


async def backfill(session: Session, since: datetime, until: datetime, cursor: str | None) -> Page:
    """What was made in the window: movements with their charges and refunds, then invoices, credit notes, disputes, payouts,
    top-ups. The cursor resumes at the page where it stopped."""
    mark = _mark(cursor)
    path, kind = _PHASES[mark.phase]
    query = {"created[gte]": _seconds(since), "created[lt]": _seconds(until)}
    if mark.phase == 0:
        found, events = await _balance(session, query, mark.after)
    elif not session.settings.invoices and kind in ("invoice", "credit_note"):
        found, events = List(data=()), ()
    else:
        found = await page(session, f"/v1/{path}", query, mark.after)
        events = tuple(await asyncio.gather(*(completed(session, kind, fields(one), "backfill") for one in found.data)))
    if found.has_more and found.data:
        return Page(events=events, cursor=_written(Mark(after=_last(found), phase=mark.phase)), more=True)
    last = mark.phase == len(_PHASES) - 1
    return Page(events=events, cursor=_written(Mark(phase=mark.phase if last else mark.phase + 1)), more=not last)


async def plan(session: Session, since: datetime, until: datetime) -> BackfillPlan:
    """How many movements, calls and seconds. Stripe counts nothing: beyond twenty pages the rest is estimated by their pace."""
    query = {"created[gte]": _seconds(since), "created[lt]": _seconds(until)}
    count, after, oldest, more = 0, "", until, True
    for _ in range(_PLAN_PAGES):
        found = await page(session, "/v1/balance_transactions", query, after)
        count += len(found.data)
        more = found.has_more and bool(found.data)
        if found.data:
            after, oldest = _last(found), moment(whole(fields(found.data[-1])["created"]))
        if not more:
            break
    warnings = []
    if more:
        covered = max(until - oldest, timedelta(seconds=1))
        count = int(count * ((until - since) / covered))
        warnings.append(f"Stripe does not count: the number is estimated from the movements since {oldest.date()}.")
    if session.settings.payouts == "automatic":
        warnings.append("What manual and instant payouts settled cannot be listed; set payouts to manual if this account uses them.")
    each = 2 if session.settings.invoices and session.context.duty == "sales" else 0
    calls = -(-count // PAGE) + count * each // 2 + len(_PHASES)
    return BackfillPlan(events=count, calls=calls, seconds=calls // 20 + 1, warnings=tuple(warnings))


async def ids(session: Session, since: datetime, until: datetime) -> tuple[SourceId, ...]:
    """The captured charges and the refunds that were made in the window."""
    query = {"created[gte]": _seconds(since), "created[lt]": _seconds(until)}
    billed = await _billed(session, since)
    found = [_charge_id(session, row, billed) async for row in pages(session, "/v1/charges", query) if _captured(row)]
    back = [_refund_id(session, row) async for row in pages(session, "/v1/refunds", query) if _stands(row)]
    return (*found, *back)


def _stands(row: Mapping[str, msgspec.Raw]) -> bool:
    return text(row.get("status")) not in ("failed", "canceled")


def _captured(row: Mapping[str, msgspec.Raw]) -> bool:
    return text(row.get("status")) == "succeeded" and bytes(row.get("captured", b"false")) == b"true" and whole(row["amount_captured"]) > 0


async def _billed(session: Session, since: datetime) -> frozenset[str]:
    """The payment intents that paid invoices: their charges are payments and no sales."""
    if not session.settings.invoices or session.context.duty == "payments":
        return frozenset()
    query = {"status": "paid", "created[gte]": _seconds(since - timedelta(days=400))}
    return frozenset([
        text(fields(row.get("payment", msgspec.Raw(b"{}"))).get("payment_intent"))
        async for row in pages(session, "/v1/invoice_payments", query)
    ])  # fmt: skip


def _charge_id(session: Session, row: Mapping[str, msgspec.Raw], billed: frozenset[str]) -> SourceId:
    intent = text(row.get("payment_intent"))
    kind = "payment" if session.context.duty == "payments" or (intent and intent in billed) else "sale"
    return _source_id(session, kind, row, whole(row["amount_captured"]))


def _refund_id(session: Session, row: Mapping[str, msgspec.Raw]) -> SourceId:
    if session.context.duty == "payments":
        return _source_id(session, "payment", row, -whole(row["amount"]))
    return _source_id(session, "refund", row, whole(row["amount"]))


def _source_id(session: Session, kind: str, row: Mapping[str, msgspec.Raw], amount: int) -> SourceId:
    created = whole(row["created"])
    # Stripe says nowhere when a thing changed, so the lowest version of it is named.
    return SourceId(kind=kind, external_id=text(row["id"]), version=version(moment(created)), business_day=day(created, session.context),
                    total=money(amount, text(row["currency"])))  # fmt: skip


async def day_totals(session: Session, since: datetime, until: datetime) -> tuple[DayTotal, ...]:
    """Counts and sums per kind, day and currency by the balance transactions: what Stripe says that it moved."""
    query = {"created[gte]": _seconds(since), "created[lt]": _seconds(until), "expand[]": "data.source"}
    billed = await _billed(session, since)
    seen: dict[str, SourceId] = {}
    async for row in pages(session, "/v1/balance_transactions", query):
        async for one in _counted(session, row, billed):
            seen[one.external_id] = one
    sums: dict[tuple[str, object, str], list[int]] = {}
    for one in seen.values():
        cell = sums.setdefault((one.kind, one.business_day, one.total.currency), [0, 0])
        cell[0] += 1
        cell[1] += one.total.minor
    return tuple(
        DayTotal(kind=kind, location="", business_day=at, count=count, total=Money(minor, currency))  # type: ignore[arg-type]
        for (kind, at, currency), (count, minor) in sorted(sums.items(), key=str)
    )


async def _counted(session: Session, row: Mapping[str, msgspec.Raw], billed: frozenset[str]) -> AsyncIterator[SourceId]:
    source = row.get("source", msgspec.Raw(b"null"))
    if bytes(source)[:1] != b"{":
        return
    inner = fields(source)
    kind = kind_of(text(inner.get("id")))
    if kind == "charge" and _captured(inner):
        yield _charge_id(session, inner, billed)
    elif kind == "refund" and _stands(inner):
        yield _refund_id(session, inner)
