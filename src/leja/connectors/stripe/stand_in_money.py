"""Stripe's minor units, which are ISO's but for a few currencies, and its conversions and fees.

Source: docs.stripe.com/currencies (zero-decimal and special cases). UGX and ISK are written with two decimals that must
be 00; HUF and TWD are charged with two decimals and paid out in whole units; BHD, JOD, KWD, OMR and TND must end in 0;
MGA has no decimals. How ``exchange_rate`` counts between currencies of different decimals is not published: major units.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from leja.core.currency import EXPONENTS

ZERO_DECIMAL: Final = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_IN_TWO: Final = frozenset({"ugx", "isk"})
PAID_OUT_WHOLE: Final = frozenset({"huf", "twd", "ugx", "isk"})


def exponent(currency: str) -> int:
    """Decimals of an ``amount`` in this API; ``currency`` in lower case."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def known(currency: str) -> bool:
    """Whether it is a currency at all."""
    return currency.upper() in EXPONENTS and currency == currency.lower()


def problem(amount: int, currency: str, *, payout: bool = False) -> str | None:
    """Why the vendor would not take this amount, or None."""
    if currency in THREE_DECIMAL and amount % 10:
        return f"Invalid amount: amounts in {currency} must be evenly divisible by 10."
    if (currency in WHOLE_IN_TWO or (payout and currency in PAID_OUT_WHOLE)) and amount % 100:
        return f"Invalid integer: amounts in {currency} must be evenly divisible by 100."
    return None


def to_iso(amount: int, currency: str) -> int:
    """Stripe's minor units as those of ISO 4217. Raises ValueError where a decimal would be lost."""
    value = Decimal(amount).scaleb(EXPONENTS[currency.upper()] - exponent(currency))
    if value != value.to_integral_value():
        raise ValueError(f"{amount} {currency} has decimals that ISO 4217 does not know")
    return int(value)


def converted(amount: int, source: str, target: str, rate: Decimal) -> int:
    """``amount`` in minor units of ``target``; ``rate`` is target units for one unit of source. Half away from zero."""
    value = Decimal(amount).scaleb(-exponent(source)) * rate
    lost = 2 if target in WHOLE_IN_TWO else 1 if target in THREE_DECIMAL else 0
    whole = value.scaleb(exponent(target) - lost).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return int(whole) * int(10**lost)


def share(amount: int, rate: Decimal) -> int:
    """A percentage of an amount, rounded half up."""
    return int((Decimal(amount) * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))
