"""The document that is being posted, and the entries that are being written for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from leja.books.entry import Entry, EntryLine, require_balanced
from leja.books.periods import period_of
from leja.core.currency import exponent
from leja.core.errors import NeedsReview
from leja.core.money import Money
from leja.documents.header import Header
from leja.documents.parts import Rate
from leja.posting.known import Key, Known, Posted
from leja.rules.mapping import Conditions, unmapped
from leja.rules.recognition import Moment, moment_at
from leja.tax.inclusive import round_ratio

_ONE = Decimal(1)


class Case:
    """One document on its way to entries: its rules, what is missing, what was noticed."""

    __slots__ = (
        "affects", "base", "currency", "day", "entries", "flags", "header", "known", "missing", "rate", "rules",
        "stated", "table",
    )

    def __init__(self, known: Known, header: Header, rate: Rate | None = None, rate_day: date | None = None) -> None:
        self.known = known
        self.rules = known.rules
        self.header = header
        self.day = header.business_day
        self.currency = header.currency
        self.base = known.rules.base_currency
        self.table = known.rules.mapping.at(header.business_day)
        self.stated = rate
        self.rate = self.rate_on(header.currency, rate_day or self.day, rate)
        self.entries: list[Entry] = []
        self.flags: list[str] = []
        self.affects: list[Key] = []
        self.missing: list[tuple[str, Conditions]] = []

    def rate_on(self, currency: str, day: date, stated: Rate | None = None) -> Decimal:
        """The book rate of a currency on a day: the one that the source states, else ours."""
        if currency == self.base:
            return _ONE
        if stated is not None and stated.purpose == "book" and stated.base == self.base:
            return stated.rate
        return self.rules.rates.need("book", currency, day).rate

    def in_base(self, amount: int, rate: Decimal | None = None, currency: str = "") -> int:
        """Minor units of the document's currency in minor units of the base currency."""
        currency = currency or self.currency
        if currency == self.base:
            return amount
        numerator, denominator = _ratio(self.rate if rate is None else rate, currency, self.base)
        return round_ratio(amount * numerator, denominator)

    def part_in_base(self, before: int, amount: int) -> int:
        """An amount that follows ``before`` in base, such that the parts of a whole sum to the whole's base."""
        return self.in_base(before + amount) - self.in_base(before)

    def minor(self, money: Money) -> int:
        """The amount of something that must be in the document's own currency."""
        if money.currency != self.currency:
            raise NeedsReview(
                "currency-mixed",
                f"{self.name} is in {self.currency}, but one of its amounts is in {money.currency}.",
                document=self.header.external_id, expected=self.currency, found=money.currency,
            )
        return money.minor

    @property
    def name(self) -> str:
        """What people call the document."""
        return self.header.number or self.header.external_id

    def moment(self, header: Header) -> Moment:
        """When the revenue of a sale is recognised."""
        return moment_at(self.rules.recognition, header.channel, header.business_day)

    def tax_role(self, code: str) -> str:
        """The role of the account that a tax, named in the source's words, is owed on."""
        mapped = self.table.tax_role(code)
        return mapped or _tax_role(code, self.header.country)

    def draft(self, label: str, day: date | None = None, text: str = "") -> Draft:
        """A new entry for this document."""
        return Draft(self, label, day or self.day, text)

    def flag(self, flag: str) -> None:
        """Note something that people may want to know."""
        if flag not in self.flags:
            self.flags.append(flag)

    def posted(self) -> Posted:
        """All entries, if every role had an account. Raises NeedsReview ``role-unmapped`` naming all that had none."""
        if self.missing:
            raise unmapped(list(dict.fromkeys(self.missing)))
        return Posted(entries=tuple(self.entries), flags=tuple(self.flags), affects=tuple(dict.fromkeys(self.affects)))


class Draft:
    """One entry while it is written. Amounts are debit positive, in the document's currency unless stated.

    A line with a ``base`` amount is fixed (control accounts, money at its own day's rate); the others share what is
    left so that the entry balances in base by itself. What nobody can take is an exchange difference.
    """

    __slots__ = ("_case", "_lines", "_table", "day", "label", "text")

    def __init__(self, case: Case, label: str, day: date, text: str) -> None:
        self._case = case
        self.label = label
        self.day = day
        self.text = text
        self._table = case.table if day == case.day else case.rules.mapping.at(day)
        # (role, account, currency, tax code, memo, rate, is tax, fixed) -> [amount, base]
        self._lines: dict[tuple[str, str, str, str, str, Decimal, bool, bool], list[int]] = {}

    def put(
        self, role: str, amount: int, *, base: int | None = None, tax_code: str = "", memo: str = "", sku: str = "",
        category: str = "", currency: str = "", rate: Decimal | None = None, tax: bool = False,
    ) -> None:
        """Add an amount on a role; what has the same account and dimensions becomes one line."""
        if not amount and not base:
            return
        case = self._case
        header = case.header
        account = self._table.find(role, sku, category, header.channel, header.location, header.country)
        if account is None:
            case.missing.append((role, Conditions(
                sku=sku, category=category, channel=header.channel, location=header.location, country=header.country)))
            account = ""
        key = (role, account, currency or case.currency, tax_code, memo, case.rate if rate is None else rate, tax,
               base is not None)
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = [amount, base or 0]
        else:
            line[0] += amount
            line[1] += base or 0

    def finish(self, exchange: int = 0) -> None:
        """Complete the base amounts and hand the entry to the case; an entry without lines is none.

        ``exchange`` is a known exchange difference in base, debit positive.
        """
        case = self._case
        lines = {key: line for key, line in self._lines.items() if line[0] or line[1]}
        if not lines:
            return
        spread = [key for key in lines if not key[7]]
        if case.currency == case.base:
            for key in spread:
                lines[key][1] = lines[key][0]
        elif spread:
            target = -exchange - sum(line[1] for key, line in lines.items() if key[7])
            for key, part in zip(spread, _shares(target, [lines[key][0] for key in spread], case), strict=True):
                lines[key][1] = part
        left = -sum(line[1] for line in lines.values())
        if left and (exchange or any(key[2] != case.base for key in lines)):
            account = self._table.find("fx_realised", "", "", "", "", "")
            if account is None:
                case.missing.append(("fx_realised", Conditions()))
            lines[("fx_realised", account or "", case.base, "", "", _ONE, False, True)] = [left, left]
        self._hand_over(lines)

    def _hand_over(self, lines: dict[tuple[str, str, str, str, str, Decimal, bool, bool], list[int]]) -> None:
        case = self._case
        header = case.header
        tax_point: date | None = self.day
        periods = case.rules.periods
        return_period = periods.return_period(self.day) if periods.filed else period_of(self.day)
        entry = Entry(
            label=self.label, posting_date=periods.posting_date(self.day), business_day=self.day, text=self.text,
            lines=tuple([
                EntryLine(
                    account=account, role=role, amount=line[0], currency=currency, base=line[1], rate=rate,
                    location=header.location, channel=header.channel, tax_code=tax_code,
                    tax_point=tax_point if tax else None, return_period=return_period if tax else "", memo=memo,
                )
                for (role, account, currency, tax_code, memo, rate, tax, _), line in lines.items()
            ]),
        )
        case.entries.append(require_balanced(entry))


def _shares(target: int, amounts: Sequence[int], case: Case) -> list[int]:
    """``target`` over signed amounts, each at the document's rate, the rest by largest remainder."""
    numerator, denominator = _ratio(case.rate, case.currency, case.base)
    floors = [amount * numerator // denominator for amount in amounts]
    rest = target - sum(floors)
    order = sorted(range(len(amounts)), key=lambda i: -(amounts[i] * numerator % denominator))
    if rest < 0:
        order.reverse()
    step = 1 if rest > 0 else -1
    for turn in range(abs(rest)):
        floors[order[turn % len(order)]] += step
    return floors


@lru_cache(maxsize=4096)
def _ratio(rate: Decimal, currency: str, base: str) -> tuple[int, int]:
    return rate.scaleb(exponent(base) - exponent(currency)).as_integer_ratio()


# Words of a tax's name that say which tax it is; every other name is the country's value added tax.
_NAMED_TAXES = {
    "gst": "gst", "qst": "qst", "tvq": "qst", "tps": "gst", "hst": "hst", "pst": "pst", "nhil": "nhil",
    "getfund": "getfund", "covid": "covid_levy",
}


@lru_cache(maxsize=4096)
def _tax_role(code: str, country: str) -> str:
    words = "".join(letter if letter.isalpha() else " " for letter in code.lower()).split()
    for word in words:
        if word in _NAMED_TAXES:
            return f"output_tax:{_NAMED_TAXES[word]}"
    if country == "US":
        return "output_tax:us_sales_tax"
    return "output_tax"
