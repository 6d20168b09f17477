"""What an Odoo document is and does: its state, number, total and date, our mark, and how it moves each account.

Our mark is the external id, which nobody types: a document in whose ``ref`` somebody wrote our reference is not ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Literal

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteLine, RemoteState, Session
from leja.connectors.odoo.api import Row, all_of, known_fields, linked, name_in, read, words
from leja.connectors.odoo.names import module_of, reference_in
from leja.connectors.odoo.walking import instant_of
from leja.core.money import Money, from_text

MOVE, PAYMENT, LINE, EXTERNAL, PARTNER = "account.move", "account.payment", "account.move.line", "ir.model.data", "res.partner"
MOVE_FIELDS: Final = ("state", "move_type", "date", "ref", "name", "amount_total", "currency_id", "write_date", "company_id")
PAYMENT_FIELDS: Final = ("state", "date", "amount", "currency_id", "move_id", "name", "write_date", "company_id")
_KINDS: Final = {"out_invoice": "Invoice", "out_refund": "CreditNote"}
_COUNTING: Final = frozenset({"posted", "paid", "in_process"})
_CANCELLED: Final = frozenset({"cancel", "canceled", "rejected"})
_NOISE: Final = Decimal("0.000001")
State = Literal["draft", "posted", "cancelled"]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it stands there; ``lines`` of a payment are those of its move, none before it has one."""

    document: RemoteDocument
    state: State
    lines: tuple[RemoteLine, ...] = ()
    changed: str = ""
    text: str = ""

    @property
    def moves(self) -> dict[str, int]:
        """What it does to each account, in minor units; zeros left out."""
        sums: dict[str, int] = defaultdict(int)
        for line in self.lines:
            sums[line.account] += line.amount.minor
        return {account: minor for account, minor in sums.items() if minor}


def money(value: object, currency: str) -> Money:
    """An amount of the ORM: a float that was rounded to the currency, whose last digits may be noise."""
    amount = value if isinstance(value, Decimal) else Decimal(value if isinstance(value, int) else 0)
    return from_text(amount.quantize(_NOISE) if amount.is_finite() else amount, currency)


async def link_field(session: Session) -> str:
    """The field of a move that names the payment behind it: ``payment_id`` up to 17, ``origin_payment_id`` since."""
    known = await known_fields(session, MOVE, ("origin_payment_id", "payment_id"))
    return "origin_payment_id" if "origin_payment_id" in known else "payment_id"


async def memo_field(session: Session) -> str:
    """The field of a payment that people see: ``ref`` up to 17, ``memo`` since."""
    return "memo" if "memo" in await known_fields(session, PAYMENT, ("memo", "ref")) else "ref"


# --- external ids -------------------------------------------------------------------------------------------------


async def named(session: Session, model: str, names: Sequence[str]) -> dict[str, int]:
    """Name -> database id, of what bears one of these external ids."""
    module = module_of(session.settings.company_id)
    domain = [["module", "=", module], ["model", "=", model], ["name", "in", list(names)]]
    rows = await all_of(session, EXTERNAL, domain, ["module", "name", "model", "res_id"])
    wanted = set(names)
    return {
        words(row["name"]): int(row["res_id"]) for row in rows
        if row["name"] in wanted and row["module"] == module and row["model"] == model
    }  # fmt: skip


async def references(session: Session, model: str, ids: Sequence[int]) -> dict[int, str]:
    """Database id -> our reference, of those records that bear one."""
    if not ids:
        return {}
    module = module_of(session.settings.company_id)
    domain = [["module", "=", module], ["model", "=", model], ["res_id", "in", list(ids)]]
    rows = await all_of(session, EXTERNAL, domain, ["name", "res_id"])
    return {int(row["res_id"]): reference_in(words(row["name"])) for row in rows}


# --- records ------------------------------------------------------------------------------------------------------


async def records(session: Session, model: str, ids: Sequence[int], own: Mapping[int, str]) -> dict[int, Record]:
    """Documents by id, with their lines; those that are not there are left out. ``own``: id -> our reference."""
    if model == MOVE:
        rows = await read(session, MOVE, ids, MOVE_FIELDS)
        return await of_moves(session, rows, own)
    rows = await read(session, PAYMENT, ids, [*PAYMENT_FIELDS, await memo_field(session)])
    return await of_payments(session, rows, own)


async def of_moves(session: Session, rows: Sequence[Row], own: Mapping[int, str]) -> dict[int, Record]:
    """Journal entries, invoices, credit notes."""
    lines = await lines_of(session, [row["id"] for row in rows])
    return {row["id"]: _move(row, lines.get(row["id"], ()), own.get(row["id"], "")) for row in rows}


async def of_payments(session: Session, rows: Sequence[Row], own: Mapping[int, str]) -> dict[int, Record]:
    """Payments, by the move behind each: it alone counts."""
    memo = await memo_field(session)
    moves = {row["id"]: linked(row["move_id"]) for row in rows}
    wanted = [move for move in moves.values() if move]
    behind = {row["id"]: row for row in await read(session, MOVE, wanted, ["state", "date"])}
    lines = await lines_of(session, wanted)
    return {
        row["id"]: _payment(row, behind.get(moves[row["id"]]), lines.get(moves[row["id"]], ()), own.get(row["id"], ""), memo)
        for row in rows
    }


async def lines_of(session: Session, moves: Sequence[int]) -> dict[int, tuple[RemoteLine, ...]]:
    """The journal items of moves, as they count."""
    if not moves:
        return {}
    found: dict[int, list[RemoteLine]] = {move: [] for move in moves}
    fields = ["move_id", "account_id", "amount_currency", "balance", "currency_id", "company_currency_id"]
    for row in await all_of(session, LINE, [["move_id", "in", list(found)]], fields):
        move = linked(row["move_id"])
        if move in found:
            found[move] += counted(row)
    return {move: tuple(lines) for move, lines in found.items()}


def counted(row: Row) -> Iterable[RemoteLine]:
    """What a journal item moves, in its own currency; an exchange difference moves the home currency alone."""
    account = linked(row["account_id"])
    if not account:
        return
    amount = money(row["amount_currency"], name_in(row["currency_id"]))
    if not amount:
        amount = money(row["balance"], name_in(row["company_currency_id"]))
    if amount:
        yield RemoteLine(account=str(account), amount=amount)


def kind_of(row: Row) -> str:
    """The kind of a move."""
    return _KINDS.get(words(row["move_type"]), "Entry")


def _state(text: object) -> State:
    return "posted" if text in _COUNTING else "cancelled" if text in _CANCELLED else "draft"


def _move(row: Row, lines: tuple[RemoteLine, ...], reference: str) -> Record:
    kind, currency = kind_of(row), name_in(row["currency_id"])
    # The amount_total of an entry is in whatever currency its debits are: the lines are added up instead.
    debits = sum(max(0, line.amount.minor) for line in lines if line.amount.currency == currency)
    total = Money(debits, currency) if kind == "Entry" else money(row["amount_total"], currency)
    document = RemoteDocument(
        kind=kind, remote_id=str(row["id"]), reference=reference, version=words(row["write_date"]), number=words(row["name"]),
        total=total, date=_day(row["date"]),
    )  # fmt: skip
    return Record(document=document, state=_state(row["state"]), lines=lines, changed=words(row["write_date"]), text=words(row["ref"]))


def _payment(row: Row, move: Row | None, lines: tuple[RemoteLine, ...], reference: str, memo: str) -> Record:
    counts = move is not None and move["state"] == "posted"
    document = RemoteDocument(
        kind="Payment", remote_id=str(row["id"]), reference=reference, version=words(row["write_date"]), number=words(row["name"]),
        total=money(row["amount"], name_in(row["currency_id"])), date=_day(move["date"] if move is not None else row["date"]),
    )  # fmt: skip
    state = _state(row["state"])
    if not counts and state == "posted":
        # Without an entry (18 and later, no outstanding account) or with one that was reset: nothing counts.
        state = "draft" if move is not None else "posted"
    return Record(
        document=document, state=state, lines=lines if move is not None else (), changed=words(row["write_date"]),
        text=words(row.get(memo)),
    )  # fmt: skip


def _day(value: object) -> date | None:
    text = words(value)
    return date.fromisoformat(text[:10]) if text else None


def state_of(record: Record) -> RemoteState:
    """What stands there, for the read-back. What is no longer posted moves nothing."""
    posted = record.state == "posted"
    return RemoteState(
        document=record.document,
        state="present" if posted else "voided",
        lines=record.lines if posted else (),
        changed_at=instant_of(record.changed) if record.changed else None,
        text=record.text,
    )

