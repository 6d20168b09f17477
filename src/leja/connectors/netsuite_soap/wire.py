"""The shapes of SuiteTalk's answers, as far as Leja reads them: statuses, written references, and records typed by ``xsi:type``."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final

import msgspec

from leja.connectors.netsuite_soap.nodes import Node, Unreadable, decimal

# xsi:type -> RecordType, of the transactions that Leja makes and reads.
TRANSACTIONS: Final = {
    "Invoice": "invoice", "CashSale": "cashSale", "CreditMemo": "creditMemo", "CashRefund": "cashRefund",
    "CustomerPayment": "customerPayment", "JournalEntry": "journalEntry",
}  # fmt: skip
SEARCHED_AS: Final = {kind: f"_{kind}" for kind in TRANSACTIONS.values()} | {"journalEntry": "_journal"}


class Status(msgspec.Struct, frozen=True):
    """Whether a part succeeded; code and words of its first error where it did not. Warnings are no errors."""

    ok: bool
    code: str = ""
    words: str = ""


class Written(msgspec.Struct, frozen=True):
    """The answer to one record of a write."""

    status: Status
    internal_id: str = ""
    external_id: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a transaction: of a journal entry by account, of a sale by item."""

    account: str = ""
    item: str = ""
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    tax_code: str = ""
    tax: Decimal = Decimal(0)
    tax_account: str = ""


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction as the account states it. ``currency`` is an internal id; ``extra`` is shipping and handling."""

    kind: str
    id: str
    external_id: str = ""
    number: str = ""
    day: date | None = None
    currency: str = ""
    total: Decimal | None = None
    account: str = ""
    receivable: str = ""
    lines: tuple[Line, ...] = ()
    memo: str = ""
    voided: bool = False
    posts: bool = True
    changed_at: datetime | None = None


def status_of(node: Node) -> Status:
    """The status inside a result. Raises Unreadable where there is none."""
    found = node.child("status")
    if found is None:
        raise Unreadable(f"{node.name} holds no status")
    if found.attributes.get("isSuccess") in ("true", "1"):
        return Status(True)
    errors = [each for each in found.all("statusDetail") if each.attributes.get("type", "ERROR") == "ERROR"]
    first = errors[0] if errors else Node("statusDetail", "", {}, [])
    return Status(False, first.value("code") or "UNKNOWN", first.value("message"))


def written_in(node: Node) -> Written:
    """One ``writeResponse``."""
    reference = node.child("baseRef")
    given = reference.attributes if reference is not None else {}
    return Written(status_of(node), given.get("internalId", ""), given.get("externalId", ""))


def day_in(text: str) -> date | None:
    """The day of a dateTime, which the account writes in its own time zone. Raises Unreadable."""
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        raise Unreadable(f"{text[:40]!r} is not a day") from None


def moment_in(text: str) -> datetime | None:
    """An instant with its offset. Raises Unreadable."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Unreadable(f"{text[:40]!r} is not an instant") from None


def rate_in(text: str) -> Decimal:
    """A percentage as a tax code states it: ``20.0%``. Raises Unreadable."""
    return decimal(text.strip().removesuffix("%").strip() or "0")


def transaction_in(node: Node) -> Transaction:
    """A record that is a transaction. Raises Unreadable."""
    kind = TRANSACTIONS.get(node.kind)
    if kind is None or not node.attributes.get("internalId"):
        raise Unreadable(f"{node.kind or node.name} is no transaction with an internal id")
    journal = kind == "journalEntry"
    lines = [_line(each) for each in (node.all("lineList", "line") if journal else node.all("itemList", "item"))]
    return Transaction(
        kind=kind,
        id=node.attributes["internalId"],
        external_id=node.attributes.get("externalId", ""),
        number=node.value("tranId"),
        day=day_in(node.value("tranDate")),
        currency=node.ref("currency"),
        total=sum((line.debit for line in lines), Decimal(0)) if journal else _total(node),
        account=node.ref("account"),
        receivable=node.ref("arAcct"),
        lines=tuple(lines),
        memo=node.value("memo"),
        voided=node.value("status").casefold() == "voided",
        posts=not journal or node.value("approved") not in ("false", "0"),
        changed_at=moment_in(node.value("lastModifiedDate")),
    )


def _total(node: Node) -> Decimal | None:
    paid = node.number("payment")
    return node.number("total") if paid is None else paid


def _line(node: Node) -> Line:
    def number(name: str) -> Decimal:
        return node.number(name) or Decimal(0)

    return Line(
        account=node.ref("account"), item=node.ref("item"), debit=number("debit"), credit=number("credit"),
        amount=number("amount"), tax_code=node.ref("taxCode"), tax=number("tax1Amt"), tax_account=node.ref("tax1Acct"),
    )  # fmt: skip
