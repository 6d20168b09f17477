"""Reading Odoo back: our documents by id, everything that changed, and the movement of each account and day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from leja.connectors.contract import ChangedPage, RemoteBalance, RemoteDocument, RemoteState, Session
from leja.connectors.odoo.api import Row, linked, pages, read, search, words
from leja.connectors.odoo.documents import (
    EXTERNAL,
    LINE,
    MOVE,
    MOVE_FIELDS,
    PARTNER,
    PAYMENT,
    Record,
    counted,
    link_field,
    of_moves,
    records,
    references,
    state_of,
)
from leja.connectors.odoo.names import model_of, module_of
from leja.connectors.odoo.walking import OVERLAP, SIZE, Mark, later, second_of, stamp, step
from leja.core.errors import Refused
from leja.core.money import Money

_FIRST: Final = timedelta(days=92)
_LINES: Final = 2000


class Cursor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the listing stands: documents of ours after the external id ``own`` first, then the walk by ``mark``.

    ``first``: ours were listed by their external ids already, so that the walk leaves them out.
    """

    mark: Mark = Mark()
    own: int = -1
    first: bool = False
    seen: str = ""
    begun: str = ""


async def read_back(session: Session, documents: Sequence[RemoteDocument]) -> tuple[RemoteState, ...]:
    """Documents by id; what is no longer there was deleted."""
    there: dict[tuple[str, str], RemoteState] = {}
    for model in dict.fromkeys(model_of(one.kind) for one in documents):
        ids = [int(one.remote_id) for one in documents if model_of(one.kind) == model]
        if model == PARTNER:
            found = {row["id"] for row in await read(session, PARTNER, ids, ["name"])}
            there |= {(model, one.remote_id): RemoteState(document=one, state="present") for one in documents
                      if model_of(one.kind) == model and int(one.remote_id) in found}  # fmt: skip
            continue
        own = await references(session, model, ids)
        there |= {(model, str(id_)): state_of(record) for id_, record in (await records(session, model, ids, own)).items()}
    return tuple(
        there.get((model_of(one.kind), one.remote_id)) or RemoteState(document=one, state="deleted") for one in documents
    )


# --- what changed -------------------------------------------------------------------------------------------------


async def changed(session: Session, cursor: str | None) -> ChangedPage:
    """Everything that changed since the cursor, ours and others'. Without one: all of ours, and others' of 92 days.

    A deletion leaves nothing that could be listed; ``read_back`` tells it.
    """
    at, listed = await _ours(session, _read(session, cursor))
    if at.own >= 0:
        return _page(listed, at, more=True)
    domain = [["company_id", "=", session.settings.company_id]]
    link = await link_field(session)
    rows, mark = await step(session, MOVE, domain, [*MOVE_FIELDS, link], at.mark)
    states = await _states(session, rows, link)
    if at.first:
        states = [state for state in states if not state.document.reference]
    seen = max([at.seen, *(second_of(row) for row in rows)])
    states = [*listed, *states]
    if mark is not None:
        return _page(states, msgspec.structs.replace(at, mark=mark, seen=seen), more=True)
    # What was changed while a long walk was under way may lie behind it: the next one begins where this one did. Moments
    # are the server's own: where nothing was met, its clock may be behind ours, and the next one begins there again.
    reached = later(min(seen, at.begun), -OVERLAP.total_seconds()) if seen else at.mark.at
    return _page(states, Cursor(mark=Mark(at=reached)), more=False)


def _page(states: Iterable[RemoteState], cursor: Cursor, *, more: bool) -> ChangedPage:
    return ChangedPage(states=tuple(states), cursor=msgspec.json.encode(cursor).decode(), more=more)


def _read(session: Session, cursor: str | None) -> Cursor:
    now = session.now()
    if not cursor:
        return Cursor(own=0, first=True, begun=stamp(now), mark=Mark(at=stamp(now - _FIRST)))
    try:
        found = msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError:
        raise Refused("odoo-cursor", f"{cursor[:80]!r} is not a cursor of Odoo's changes") from None
    return found if found.begun else msgspec.structs.replace(found, begun=stamp(now))


async def _ours(session: Session, at: Cursor) -> tuple[Cursor, list[RemoteState]]:
    """A page of what bears our external ids; ``own`` is below zero when all of it was listed."""
    if at.own < 0:
        return at, []
    domain = [["module", "=", module_of(session.settings.company_id)], ["model", "in", [MOVE, PAYMENT]], ["id", ">", at.own]]
    rows = await search(session, EXTERNAL, domain, ["name", "model", "res_id"], limit=SIZE)
    states: list[RemoteState] = []
    for model in (MOVE, PAYMENT):
        ids = [int(row["res_id"]) for row in rows if row["model"] == model]
        own = await references(session, model, ids)
        states += [state_of(record) for record in (await records(session, model, ids, own)).values()]
    last = rows[-1]["id"] if len(rows) == SIZE else -1
    return msgspec.structs.replace(at, own=last), states


async def _states(session: Session, rows: Sequence[Row], link: str) -> list[RemoteState]:
    """Moves as documents; the move behind a payment is told as the payment."""
    paid = [linked(row[link]) for row in rows if linked(row[link])]
    own = await references(session, MOVE, [row["id"] for row in rows])
    moves = await of_moves(session, [row for row in rows if not linked(row[link])], own)
    payments = await records(session, PAYMENT, paid, await references(session, PAYMENT, paid))
    found: list[Record] = [*moves.values(), *payments.values()]
    return [state_of(record) for record in found]


async def dated(session: Session, since: date, until: date) -> tuple[RemoteState, ...]:
    """All posted documents dated from ``since`` to ``until``, ours and others'."""
    domain = [
        ["company_id", "=", session.settings.company_id], ["state", "=", "posted"],
        ["date", ">=", since.isoformat()], ["date", "<=", until.isoformat()],
    ]  # fmt: skip
    link = await link_field(session)
    states: list[RemoteState] = []
    async for page in pages(session, MOVE, domain, [*MOVE_FIELDS, link], size=SIZE):
        states += await _states(session, page, link)
    return tuple(states)


# --- balances -----------------------------------------------------------------------------------------------------


async def balances(session: Session, since: date, until: date) -> tuple[RemoteBalance, ...]:
    """The movement of each account on each day from ``since`` to ``until``, of all that is posted."""
    domain = [
        ["company_id", "=", session.settings.company_id], ["parent_state", "=", "posted"],
        ["date", ">=", since.isoformat()], ["date", "<=", until.isoformat()],
    ]  # fmt: skip
    fields = ["account_id", "date", "amount_currency", "balance", "currency_id", "company_currency_id"]
    sums: dict[tuple[str, date, str], int] = defaultdict(int)
    async for page in pages(session, LINE, domain, fields, size=_LINES):
        for row in page:
            day = date.fromisoformat(words(row["date"])[:10])
            for line in counted(row):
                sums[line.account, day, line.amount.currency] += line.amount.minor
    return tuple(
        RemoteBalance(account=account, day=day, amount=Money(minor, currency))
        for (account, day, currency), minor in sorted(sums.items())
        if minor
    )
