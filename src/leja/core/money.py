"""Money: an integer count of a currency's minor unit. Price: a unit price that is never rounded and never summed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final, Literal

import msgspec

from leja.core.currency import exponent
from leja.core.errors import BrokenInvariant, Refused

Rounding = Literal["half_up", "half_even"]
_ROUNDING: Final = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}
_PLAIN: Final = re.compile(r"[+-]?\d{1,19}(\.\d{1,12})?\Z")
MINOR_MAX: Final = 2**63 - 1


class Money(msgspec.Struct, frozen=True, order=False, gc=False):
    """``minor`` units of ``currency``; arithmetic between currencies is a TypeError."""

    minor: int
    currency: str

    def _same(self, other: Money) -> None:
        if not isinstance(other, Money) or other.currency != self.currency:
            raise TypeError(f"{self!r} and {other!r} are not in one currency")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __str__(self) -> str:
        return f"{format_minor(self.minor, self.currency)} {self.currency}"


class Price(msgspec.Struct, frozen=True, gc=False):
    """A unit price or rate in ``currency`` with the source's own decimals."""

    amount: Decimal
    currency: str


def zero(currency: str) -> Money:
    """No money, in a known currency."""
    exponent(currency)
    return Money(0, currency)


def from_minor(minor: int, currency: str) -> Money:
    """Money from minor units as an integer. Raises Refused ``amount-unreadable`` or ``amount-too-large``."""
    if type(minor) is not int:
        raise Refused("amount-unreadable", f"{minor!r} is not a whole number of minor units")
    exponent(currency)
    if abs(minor) > MINOR_MAX:
        raise Refused("amount-too-large", f"an amount over {MINOR_MAX} minor units of {currency} cannot be kept")
    return Money(minor, currency)


def from_text(text: str | Decimal, currency: str) -> Money:
    """Money from a vendor's decimal text such as ``"1234.50"``.

    Refuses floats, exponents, NaN, grouping, and more decimals than the currency has (trailing zeros are
    no decimals). Raises Refused ``amount-unreadable``, ``amount-decimals`` or ``amount-too-large``.
    """
    if isinstance(text, Decimal):
        text = format(text, "f") if text.is_finite() else str(text)
    if not isinstance(text, str) or not _PLAIN.match(text):
        raise Refused("amount-unreadable", f"{text!r} is not a plain decimal amount in {currency}")
    places = exponent(currency)
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > places:
        raise Refused("amount-decimals", f"{text} has more than the {places} decimals of {currency}")
    magnitude = int(whole.lstrip("+-") + fraction.ljust(places, "0"))
    return from_minor(-magnitude if text.startswith("-") else magnitude, currency)


def rounded(amount: Decimal, currency: str, rounding: Rounding = "half_up") -> Money:
    """A computed decimal amount rounded once to the minor unit."""
    scaled = amount.scaleb(exponent(currency)).quantize(Decimal(1), rounding=_ROUNDING[rounding])
    return from_minor(int(scaled), currency)


def to_decimal(money: Money) -> Decimal:
    """The amount in major units, exactly: Money(1250, "GBP") -> Decimal("12.50")."""
    return Decimal(money.minor).scaleb(-exponent(money.currency))


def format_minor(minor: int, currency: str) -> str:
    """Plain decimal text with all decimals of the currency: (-5, "GBP") -> "-0.05"."""
    places = exponent(currency)
    digits = str(abs(minor)).rjust(places + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def total(parts: Iterable[Money], currency: str) -> Money:
    """The sum of ``parts``; all must be in ``currency``."""
    whole = Money(0, currency)
    for part in parts:
        whole = whole + part
    return whole


def split(whole: Money, weights: Sequence[Decimal | int]) -> tuple[Money, ...]:
    """``whole`` in proportion to ``weights`` by largest remainder: the parts always sum to the whole.

    Ties go to the earlier part. Weights must not be negative; all zero means equal shares.
    """
    if not weights:
        raise BrokenInvariant("split-without-parts", f"{whole} cannot be split into no parts")
    shares = [Decimal(weight) for weight in weights]
    if min(shares) < 0:
        raise BrokenInvariant("split-negative-weight", f"{whole} cannot be split by negative weights")
    if not any(shares):
        shares = [Decimal(1)] * len(shares)
    scale = sum(shares)
    numerators = [abs(whole.minor) * share for share in shares]
    floors = [int(numerator // scale) for numerator in numerators]
    left = abs(whole.minor) - sum(floors)
    by_remainder = sorted(range(len(shares)), key=lambda i: (-(numerators[i] - floors[i] * scale), i))
    for i in by_remainder[:left]:
        floors[i] += 1
    sign = -1 if whole.minor < 0 else 1
    return tuple(Money(sign * part, whole.currency) for part in floors)
