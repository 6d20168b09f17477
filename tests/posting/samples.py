"""Documents and rules for the posting tests, short to write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from leja.books.entry import Entry
from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Line, Tax, Tender
from leja.posting.known import Known, Rulebook
from leja.rules.mapping import AccountMapping, default_version
from leja.rules.roles import default_account_for

PROCESSORS = ("clearing:card_processor_eur", "clearing:marketplace", "clearing:shop_pay", "petty_expense:cleaning")


def mapping() -> AccountMapping:
    """Every role on its default account, and a few processors of the tests."""
    extra = [(role, default_account_for(role).code) for role in PROCESSORS]
    return AccountMapping([default_version(date.min, extra)])


def rulebook(base: str = "GBP", **settings: Any) -> Rulebook:
    """The rules of an organisation that has changed nothing."""
    return Rulebook(base_currency=base, mapping=mapping(), **settings)


def known(base: str = "GBP", **settings: Any) -> Known:
    """Nothing known but the rules."""
    return Known(rules=rulebook(base, **settings), sales={}, invoices={}, refunds={}, fulfilments={}, payments={})


def header(external_id: str, day: date = date(2026, 5, 4), currency: str = "GBP", **facts: Any) -> Header:
    """A header of a till document."""
    facts.setdefault("channel", "store")
    facts.setdefault("version", "1")
    facts.setdefault("occurred_at", datetime(day.year, day.month, day.day, 10, tzinfo=UTC))
    return Header(external_id=external_id, business_day=day, currency=currency, **facts)


def line(line_id: str, listed: int, currency: str = "GBP", *, tax: int = 0, rate: str = "", **facts: Any) -> Line:
    """A line with at most one tax."""
    taxes = (Tax(code=f"VAT {rate}%", amount=Money(tax, currency), rate=Decimal(rate)),) if rate else ()
    discount = facts.pop("discount", 0)
    return Line(
        line_id=line_id, kind=facts.pop("kind", "goods"), listed=Money(listed, currency), taxes=taxes,
        discount=Money(discount, currency) if discount else None, **facts)


def card(amount: int, currency: str = "GBP", **facts: Any) -> Tender:
    """A card payment."""
    return Tender(means="card", processor="card_processor", amount=Money(amount, currency), **facts)


def by_role(entries: Iterable[Entry], *, base: bool = False) -> Mapping[str, int]:
    """What the entries together do to each role, debit positive; untouched roles are left out."""
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        for one in entry.lines:
            sums[one.role] += one.base if base else one.amount
    return {role: amount for role, amount in sums.items() if amount}
