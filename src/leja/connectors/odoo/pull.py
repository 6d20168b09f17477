"""Going through the database: poll (what changed), backfill (what happened), the plan, and what exists there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from leja.connectors.contract import BackfillPlan, Page, RawEvent, Session, SourceId, Wanted
from leja.connectors.odoo.api import Row, asked, linked, name_in, pages, read, search, words
from leja.connectors.odoo.decoding import ORDER, TILL
from leja.connectors.odoo.documents import MOVE, PAYMENT, money
from leja.connectors.odoo.gathering import events, fields_of, gone, orders_behind, paid_by
from leja.connectors.odoo.meaning import INVOICES, PAID, SOLD, midnight
from leja.connectors.odoo.sold import moment, trading_day
from leja.connectors.odoo.tills import PREFIX, RUNG_UP
from leja.connectors.odoo.walking import OVERLAP, Mark, later, second_of, stamp, step
from leja.core.clock import instant
from leja.core.errors import Refused

SIZE: Final = 100
LISTS: Final = frozenset({"sale", "refund", "invoice", "payment"})
# A settlement changes no payment: those whose items were settled are read again.
_SETTLED: Final = "account.partial.reconcile"
_SECONDS_A_CALL: Final = 1
_CALLS_A_PAGE: Final = 9


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Changes from ``since`` on, model after model; ``seen``: the last change that was met, ``begun``: when the walk began."""

    since: str = ""
    model: int = 0
    mark: Mark = Mark()
    seen: str = ""
    begun: str = ""


def models(session: Session) -> tuple[str, ...]:
    """What holds sales and money here, in the order in which it is read."""
    settings = session.settings
    sold = (ORDER, MOVE) if settings.sells_by == "orders" else (MOVE,)
    return (*sold, *((TILL,) if settings.point_of_sale else ()), PAYMENT, _SETTLED)


def domain_of(session: Session, model: str) -> list[Any]:
    """Which rows of a model are ours to read."""
    company = ["company_id", "=", session.settings.company_id]
    if model == MOVE:
        kinds = ["out_refund"] if session.settings.sells_by == "orders" else [*INVOICES, "out_refund"]
        return [company, ["move_type", "in", kinds]]
    if model == PAYMENT:
        return [company, ["partner_type", "=", "customer"]]
    return [] if model == _SETTLED else [company]


# --- poll ---------------------------------------------------------------------------------------------------------


def _read(cursor: str | None) -> Cursor:
    """A cursor of ours, or a plain instant to start from, or None: from the beginning."""
    if not cursor:
        return Cursor()
    if not cursor.startswith("{"):
        return Cursor(since=stamp(instant(cursor)))
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.MsgspecError as error:
        raise Refused("odoo-cursor", "the saved cursor is not one of this connector") from error


def _written(cursor: Cursor) -> str:
    return msgspec.json.encode(cursor).decode()


async def poll(session: Session, cursor: str | None) -> Page:
    """What changed since the cursor: sales, credit notes, payments, and payments that were settled since."""
    at = _read(cursor)
    if not at.begun:
        at = msgspec.structs.replace(at, begun=stamp(session.now()), mark=Mark(at=at.since), seen="")
    every = models(session)
    model = every[min(at.model, len(every) - 1)]
    rows, mark = await _walked(session, model, at.mark)
    told = await _told(session, model, rows)
    seen = max([at.seen, *(second_of(row) for row in rows)])
    if mark is not None:
        return Page(events=told, cursor=_written(msgspec.structs.replace(at, mark=mark, seen=seen)), more=True)
    if at.model + 1 < len(every):
        following = msgspec.structs.replace(at, model=at.model + 1, mark=Mark(at=at.since), seen=seen)
        return Page(events=told, cursor=_written(following), more=True)
    # What changes while a long walk is under way may lie behind it: the next one begins where this one did.
    reached = later(min(seen, at.begun), -OVERLAP.total_seconds()) if seen else ""
    return Page(events=told, cursor=_written(Cursor(since=max(reached, at.since))))


async def _walked(session: Session, model: str, mark: Mark) -> tuple[list[Row], Mark | None]:
    fields = ["write_date", "debit_move_id", "credit_move_id"] if model == _SETTLED else await fields_of(session, model)
    return await step(session, model, domain_of(session, model), fields, mark, size=SIZE)


async def _told(session: Session, model: str, rows: Sequence[Row]) -> tuple[RawEvent, ...]:
    if model != _SETTLED:
        return await events(session, model, rows, "poll")
    payments = await paid_by(session, rows)
    found = await read(session, PAYMENT, payments, await fields_of(session, PAYMENT)) if payments else []
    return await events(session, PAYMENT, found, "poll")


# --- backfill -----------------------------------------------------------------------------------------------------


def _window(model: str, since: datetime, until: datetime) -> list[Any]:
    """The rows that happened in a window; documents that only have a day are looked at more closely afterwards."""
    if model in (ORDER, TILL):
        states = [*SOLD, "cancel"] if model == ORDER else list(RUNG_UP)
        return [["date_order", ">=", stamp(since)], ["date_order", "<", stamp(until)], ["state", "in", states]]
    day = "invoice_date" if model == MOVE else "date"
    first, last = (since - timedelta(days=1)).date(), (until + timedelta(days=1)).date()
    states = ["posted"] if model == MOVE else list(PAID)
    return [[day, ">=", first.isoformat()], [day, "<=", last.isoformat()], ["state", "in", states]]


def _happened(session: Session, model: str, row: Row) -> datetime:
    if model in (ORDER, TILL):
        return moment(words(row["date_order"]))
    return midnight(date.fromisoformat(words(row["invoice_date" if model == MOVE else "date"])[:10]), session.context)


def _listed(session: Session) -> tuple[str, ...]:
    return tuple(model for model in models(session) if model != _SETTLED)


async def backfill(session: Session, since: datetime, until: datetime, cursor: str | None) -> Page:
    """What happened in the window, model after model, by id."""
    at = _read(cursor)
    every = _listed(session)
    model = every[min(at.model, len(every) - 1)]
    domain = [*domain_of(session, model), *_window(model, since, until), ["id", ">", at.mark.last]]
    rows = await search(session, model, domain, await fields_of(session, model), limit=SIZE)
    inside = [row for row in rows if since <= _happened(session, model, row) < until and row.get("state") != "cancel"]
    told = await events(session, model, inside, "backfill")
    if len(rows) == SIZE:
        return Page(events=told, cursor=_written(Cursor(model=at.model, mark=Mark(last=rows[-1]["id"]))), more=True)
    return Page(events=told, cursor=_written(Cursor(model=at.model + 1)), more=at.model + 1 < len(every))


async def plan(session: Session, since: datetime, until: datetime) -> BackfillPlan:
    """How many events, calls and seconds; a page is read with all that it refers to."""
    count = calls = 0
    for model in _listed(session):
        domain = [*domain_of(session, model), *_window(model, since, until)]
        found = int(await asked(session, model, "search_count", {"domain": domain}))
        count += found
        calls += 1 + (found // SIZE + 1) * _CALLS_A_PAGE
    warnings = ("Orders that were deleted, and reconciliations that were undone, left no trace.",)
    return BackfillPlan(events=count, calls=calls, seconds=calls * _SECONDS_A_CALL, warnings=warnings)


# --- proof --------------------------------------------------------------------------------------------------------


async def ids(session: Session, since: datetime, until: datetime) -> tuple[SourceId, ...]:
    """The sales, credit notes, invoices and payments that exist there and happened in the window."""
    found: list[SourceId] = []
    for model in _listed(session):
        domain = [*domain_of(session, model), *_window(model, since, until)]
        async for page in pages(session, model, domain, await fields_of(session, model)):
            inside = [row for row in page if since <= _happened(session, model, row) < until]
            orders = await _behind(session, model, inside)
            found += [_source_id(session, model, row) for row in inside if orders is None or orders.get(row["id"])]
    return tuple(found)


async def _behind(session: Session, model: str, rows: Sequence[Row]) -> dict[int, int] | None:
    """Of credit notes only those of sales orders are told, where orders are the sales."""
    if model != MOVE or session.settings.sells_by != "orders":
        return None
    return await orders_behind(session, {row["id"]: linked(row["reversed_entry_id"]) for row in rows})


def _source_id(session: Session, model: str, row: Row) -> SourceId:
    currency = name_in(row["currency_id"])
    total = money(row["amount" if model == PAYMENT else "amount_total"], currency)
    at = _happened(session, model, row)
    return SourceId(
        kind=_kind(model, row, total.minor),
        external_id=f"{PREFIX if model == TILL else ''}{row['id']}",
        # Two states may bear one second, so the lowest version of it is named.
        version=f"{moment(words(row['write_date'])):%Y-%m-%dT%H:%M:%SZ}/0",
        business_day=trading_day(at, session.context) if model in (ORDER, TILL) else at.date(),
        total=-total if (model == TILL and total.minor < 0) or row.get("payment_type") == "outbound" else total,
    )


def _kind(model: str, row: Row, minor: int) -> str:
    if model == PAYMENT:
        return "payment"
    if model == MOVE:
        return "refund" if row["move_type"] == "out_refund" else "invoice"
    return "refund" if minor < 0 else "sale"


# --- by id --------------------------------------------------------------------------------------------------------


_MODELS: Final = {"sale": ORDER, "refund": MOVE, "invoice": MOVE, "payment": PAYMENT}


async def fetch(session: Session, wanted: Sequence[Wanted]) -> tuple[RawEvent, ...]:
    """The wanted things as they are now. What is gone, or was taken back to a quotation, is said to be gone."""
    found: list[RawEvent] = []
    for one in wanted:
        model, number = _place(one)
        rows = await read(session, model, [number], await fields_of(session, model))
        told = await events(session, model, [row for row in rows if row["state"] not in ("draft", "sent") or _counted(row)], "fetch")
        found += told or (gone(session, _known(one), one.external_id),)
    return tuple(found)


def _counted(row: Row) -> bool:
    return bool(row.get("posted_before"))


def _known(one: Wanted) -> str:
    return {ORDER: "sale", TILL: "sale", MOVE: "invoice", PAYMENT: "payment"}.get(one.kind, one.kind)


def _place(one: Wanted) -> tuple[str, int]:
    till = one.external_id.startswith(PREFIX)
    model = TILL if till or one.kind == TILL else one.kind if one.kind in _MODELS.values() else _MODELS.get(one.kind, "")
    number = one.external_id.removeprefix(PREFIX)
    if not model or not number.isascii() or not number.isdecimal() or len(number) > 15:
        raise Refused("odoo-wanted", f"{one.kind[:40]} {one.external_id[:40]!r} cannot be fetched from Odoo")
    return model, int(number)
