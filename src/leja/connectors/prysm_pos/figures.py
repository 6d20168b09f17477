"""The arithmetic of a transaction, exact until its parts become whole minor units that sum to the till's own totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Final

import msgspec

from leja.connectors.prysm_pos.wire import Line, Transaction
from leja.core.currency import exponent
from leja.core.errors import Refused
from leja.core.money import Money, from_text, split, total, zero

TRADE: Final = frozenset({"sale", "return", "exchange"})
Problem = tuple[str, str]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One line in money: ``net`` without tax after all discounts, ``taxes`` as (place, amount), ``discount`` as shown."""

    line: Line
    net: Money
    discount: Money
    taxes: tuple[tuple[str, Money, Decimal, bool], ...]

    @property
    def tax(self) -> Money:
        """All taxes of the line."""
        return total((amount for _, amount, _, _ in self.taxes), self.net.currency)

    @property
    def returned(self) -> bool:
        """Whether goods or money go back by this line."""
        if self.net.minor:
            return self.net.minor < 0
        return self.line.kind == "return" or self.line.quantity.startswith("-")


def active(transaction: Transaction) -> list[Line]:
    """The lines that count."""
    return [line for line in transaction.lines if not line.voided]


def unbalanced(transaction: Transaction) -> list[Problem]:
    """Where the totals of a transaction contradict its parts; amounts are compared exactly."""
    said, path = transaction.totals, "$.data.totals"
    found: list[Problem] = _too_fine(transaction)
    net, tax, tip, rounding, gross, tendered = map(
        Decimal, (said.net, said.tax, said.tip, said.rounding, said.gross, said.tendered)
    )
    paid = _sum(tender.amount for tender in transaction.tenders)
    _require(found, f"{path}.tendered", tendered, paid, "the tenders")
    _require(found, f"{path}.gross", gross, tendered, "the tenders that are stated")
    if transaction.kind not in TRADE:
        return found
    lines = active(transaction)
    off = _sum(discount.amount for discount in transaction.discounts)
    taxes = _sum(tax.amount for line in lines for tax in line.taxes) + _sum(tax.amount for tax in transaction.taxes)
    _require(found, f"{path}.net", net, _sum(line.net_amount for line in lines) - off, "the lines less discounts")
    _require(found, f"{path}.tax", tax, taxes, "the taxes")
    _require(found, f"{path}.gross", gross, net + tax + tip + rounding, "net, tax, tip and rounding")
    tips = [tender.tip_amount for tender in transaction.tenders if tender.tip_amount]
    if tips:
        _require(found, f"{path}.tip", tip, _sum(tips), "the tips of the tenders")
    for place, line in enumerate(transaction.lines):
        if not line.voided and not _line_holds(transaction, line):
            found.append((f"$.data.lines[{place}].net_amount", "is not quantity times unit price less discounts"))
    return found


def parts(transaction: Transaction) -> list[Part]:
    """The lines in whole minor units: they sum to the stated net and tax to the cent. Raises Refused ``prysm-fractions``."""
    currency, lines = transaction.currency, active(transaction)
    off = from_text(_plain(_sum(discount.amount for discount in transaction.discounts)), currency)
    nets = fit([Decimal(line.net_amount) for line in lines], from_text(transaction.totals.net, currency) + off)
    weights = [max(net.minor, 0) if off.minor >= 0 else max(-net.minor, 0) for net in nets]
    shares = split(off, weights) if lines else ()
    taxes = _taxes(transaction, lines)
    made = []
    for line, net, share, mine in zip(lines, nets, shares, taxes, strict=True):
        own = fit([_sum(discount.amount for discount in line.discounts)], None, currency)[0]
        made.append(Part(line=line, net=net - share, discount=own + share, taxes=tuple(mine)))
    return made


def fit(values: Sequence[Decimal], whole: Money | None, currency: str = "") -> list[Money]:
    """Exact amounts as minor units that sum to ``whole``: rounded down, and the rest to the largest fractions.

    Without ``whole`` each is rounded to the nearest by itself. Raises Refused ``prysm-fractions`` where no such rest is left.
    """
    unit = whole.currency if whole is not None else currency
    scaled = [value.scaleb(exponent(unit)) for value in values]
    if whole is None:
        return [Money(int((value + Decimal("0.5")).to_integral_value(ROUND_FLOOR)), unit) for value in scaled]
    floors = [int(value.to_integral_value(ROUND_FLOOR)) for value in scaled]
    left = whole.minor - sum(floors)
    if not 0 <= left <= len(values):
        raise Refused("prysm-fractions", f"parts of a transaction cannot be written in {unit} so that they come to {whole}")
    order = sorted(range(len(values)), key=lambda place: (floors[place] - scaled[place], place))
    for place in order[:left]:
        floors[place] += 1
    return [Money(minor, unit) for minor in floors]


def _taxes(transaction: Transaction, lines: Sequence[Line]) -> list[list[tuple[str, Money, Decimal, bool]]]:
    currency = transaction.currency
    stated = [(place, tax) for place, line in enumerate(lines) for tax in line.taxes]
    values = [Decimal(tax.amount) for _, tax in stated] + [Decimal(tax.amount) for tax in transaction.taxes]
    amounts = fit(values, from_text(transaction.totals.tax, currency)) if values else []
    found: list[list[tuple[str, Money, Decimal, bool]]] = [[] for _ in lines]
    for (place, tax), amount in zip(stated, amounts, strict=False):
        found[place].append((tax.code or tax.name, amount, Decimal(tax.rate_percent), tax.included_in_price))
    # A tax on the whole transaction is shared by the lines that state none of their own.
    weights = [0 if line.taxes else abs(int(Decimal(line.net_amount).scaleb(5))) for line in lines]
    for tax, amount in zip(transaction.taxes, amounts[len(stated) :], strict=True):
        shares = split(amount, weights) if lines else ()
        for place, share in enumerate(shares):
            if share:
                found[place].append((tax.code or tax.name, share, Decimal(tax.rate_percent), tax.included_in_price))
    return found


def _line_holds(transaction: Transaction, line: Line) -> bool:
    """The line's own identity; what quantity times price has beyond the minor unit may be cut either way."""
    off = _sum(discount.amount for discount in line.discounts)
    shown = Decimal(line.net_amount)
    if transaction.prices_include_tax:
        shown += _sum(tax.amount for tax in line.taxes if tax.included_in_price)
    difference = Decimal(line.quantity) * Decimal(line.unit_price) - off - shown
    return abs(difference) < Decimal(1).scaleb(-exponent(transaction.currency))


def _too_fine(transaction: Transaction) -> list[Problem]:
    places = exponent(transaction.currency)
    said = msgspec.structs.asdict(transaction.totals)
    return [
        (f"$.data.totals.{name}", f"has more decimals than {transaction.currency}")
        for name, value in said.items()
        if value and Decimal(value) != round(Decimal(value), places)
    ]


def _require(found: list[Problem], path: str, stated: Decimal, summed: Decimal, what: str) -> None:
    if stated != summed:
        found.append((path, f"is {_plain(stated)}, but {what} come to {_plain(summed)}"))


def _sum(values: Iterable[str]) -> Decimal:
    return sum(map(Decimal, values), Decimal(0))


def _plain(value: Decimal) -> str:
    return format(value, "f")


def money_of(currency: str) -> Callable[[str], Money]:
    """Text to money in one currency; "" is none."""
    return lambda text: from_text(text, currency) if text else zero(currency)
