"""A journal entry: one balanced booking, and its lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import msgspec

from leja.core.errors import BrokenInvariant


class EntryLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One debit or credit. ``amount`` in minor units of ``currency``, debit positive; ``base`` in the base currency.

    ``account`` is one of our own account codes. ``role`` says why that account was chosen. The dimensions are location,
    channel and tax code. Tax lines carry ``tax_point`` and ``return_period`` ("2026-05").
    """

    account: str
    role: str
    amount: int
    currency: str
    base: int
    rate: Decimal = Decimal(1)
    location: str = ""
    channel: str = ""
    tax_code: str = ""
    tax_point: date | None = None
    return_period: str = ""
    memo: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A booking that posting derived from one revision of a document.

    ``label`` is unique inside a document ("sale", "cost", "payment:tx1"): it is how the entries of two revisions are
    compared. ``posting_date`` is the day it counts for, ``business_day`` the day it happened; they differ only when
    the period was locked. ``reverses`` is the number of the entry that this one undoes.
    """

    label: str
    posting_date: date
    business_day: date
    lines: tuple[EntryLine, ...]
    text: str = ""
    reverses: int | None = None


def require_balanced(entry: Entry) -> Entry:
    """The entry itself, if it has lines and they sum to zero in base and, without an exchange line, in each currency."""
    if not entry.lines:
        raise BrokenInvariant("entry-empty", f"entry {entry.label!r} has no lines")
    base = sum(line.base for line in entry.lines)
    if base != 0:
        raise BrokenInvariant("entry-unbalanced", f"entry {entry.label!r} is out of balance by {base} in base currency")
    for currency, amount in by_currency(entry.lines).items():
        if amount != 0 and not any(line.role.startswith("fx_") for line in entry.lines):
            raise BrokenInvariant("entry-unbalanced", f"entry {entry.label!r} is out of balance by {amount} {currency}")
    return entry


def by_currency(lines: Iterable[EntryLine]) -> dict[str, int]:
    """The signed sum of the lines per currency, in minor units."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.currency] += line.amount
    return dict(sums)


def reversal(entry: Entry, number: int, posting_date: date, label: str) -> Entry:
    """The entry that undoes ``entry``, which was stored under ``number``: every line with the other sign."""
    lines = tuple(msgspec.structs.replace(line, amount=-line.amount, base=-line.base) for line in entry.lines)
    return Entry(
        label=label,
        posting_date=posting_date,
        business_day=entry.business_day,
        lines=lines,
        text=f"Reversal of entry {number}",
        reverses=number,
    )
