"""The tax that a price should contain: our check of what the source charged, never a replacement for it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from leja.core.errors import BrokenInvariant


@lru_cache(maxsize=1024)
def _ratio(percent: Decimal) -> tuple[int, int]:
    numerator, denominator = percent.as_integer_ratio()
    return numerator, denominator * 100


def round_ratio(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` rounded half up on the absolute value, so that a refund mirrors its sale."""
    if denominator <= 0:
        raise BrokenInvariant("ratio-without-whole", f"{numerator}/{denominator} has no positive denominator")
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size


def tax_on(amount: int, percents: Sequence[Decimal], inclusive: bool) -> int:
    """The tax of all ``percents`` on the same base, each rounded by itself: of a net price, or inside a gross one."""
    if len(percents) == 1:  # the usual case, which the rest would take round three loops
        numerator, denominator = _ratio(percents[0])
        return round_ratio(amount * numerator, denominator + numerator if inclusive else denominator)
    ratios = [_ratio(percent) for percent in percents]
    if not inclusive:
        return sum(round_ratio(amount * numerator, denominator) for numerator, denominator in ratios)
    common = 1
    for _, denominator in ratios:
        common *= denominator
    whole = common + sum(numerator * (common // denominator) for numerator, denominator in ratios)
    return sum(
        round_ratio(amount * numerator * (common // denominator), whole) for numerator, denominator in ratios
    )
