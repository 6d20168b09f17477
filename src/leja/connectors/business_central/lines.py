"""Sums and steps over bundle lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from leja.connectors.contract import Bundle, BundleLine, Step


def net(lines: Iterable[BundleLine]) -> int:
    """The sum of the lines in minor units, debit positive."""
    return sum(line.amount.minor for line in lines)


def per_account(lines: Iterable[BundleLine]) -> dict[str, BundleLine]:
    """One line per account with its net; the first line's words. Accounts that do not move are left out."""
    found: dict[str, BundleLine] = {}
    for line in lines:
        before = found.get(line.account)
        found[line.account] = line if before is None else replace(before, amount=before.amount + line.amount)
    return {account: line for account, line in found.items() if line.amount}


def moved(lines: Iterable[BundleLine]) -> dict[str, int]:
    """What lines do to each account, debit positive, in minor units; accounts that do not move are left out."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.account] += line.amount.minor
    return {account: minor for account, minor in sums.items() if minor}


def make_step(
    bundle: Bundle, name: str, kind: str, suffix: str, lines: Sequence[BundleLine], settles: str = ""
) -> Step:
    """A step whose reference is the bundle's with a suffix; ``settles`` names an earlier step or a reference.

    A step that touches receivables needs the customer's record first.
    """
    after = ("customer",) if any(line.account_kind == "receivable" for line in lines) else ()
    if settles and settles not in bundle.applies_to:
        after = (*after, settles)
    return Step(
        name=name, kind=kind, reference=f"{bundle.reference}{suffix}", bundle=bundle, lines=tuple(lines), after=after,
        detail={"settles": settles} if settles else {},
    )
