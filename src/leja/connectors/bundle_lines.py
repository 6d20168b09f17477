"""Sums over the lines of a bundle, for the plans and drafts of every target. Pure; amounts in minor units, debit positive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from leja.connectors.contract import BundleLine

TRADE: Final = frozenset({"sale", "daily", "invoice", "refund", "credit_note"})
_CASH: Final = frozenset({"bank", "current_asset"})


def net(lines: Iterable[BundleLine]) -> int:
    """The sum of the lines."""
    return sum(line.amount.minor for line in lines)


def per_account(lines: Iterable[BundleLine]) -> dict[str, BundleLine]:
    """One line per account with its net; the first line's words. Accounts that do not move are left out."""
    found: dict[str, BundleLine] = {}
    for line in lines:
        before = found.get(line.account)
        found[line.account] = line if before is None else replace(before, amount=before.amount + line.amount)
    return {account: line for account, line in found.items() if line.amount}


def moved(lines: Iterable[BundleLine]) -> dict[str, int]:
    """What lines do to each account; accounts that do not move are left out."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.account] += line.amount.minor
    return {account: minor for account, minor in sums.items() if minor}


def merged(lines: Iterable[BundleLine]) -> tuple[BundleLine, ...]:
    """One line per account, tax code and role, for documents with more lines than the target takes."""
    found: dict[tuple[str, str, str], BundleLine] = {}
    for line in lines:
        key = (line.account, line.tax_code, line.role)
        before = found.get(key)
        if before is None:
            found[key] = line
            continue
        tax = line.tax if before.tax is None else before.tax if line.tax is None else before.tax + line.tax
        found[key] = replace(before, amount=before.amount + line.amount, tax=tax)
    return tuple(found.values())


def without_cost(lines: Sequence[BundleLine]) -> tuple[tuple[BundleLine, ...], tuple[BundleLine, ...]]:
    """What was sold, and the cost of what left where that balances by itself; else all lines and nothing."""
    cost = tuple(line for line in lines if line.account_kind == "cost_of_sales" or line.role.startswith("inventory"))
    rest = tuple(line for line in lines if line not in cost)
    return (rest, cost) if cost and rest and net(cost) == 0 else (tuple(lines), ())


def is_cash(line: BundleLine) -> bool:
    """Whether the line is a tender: money at the bank, or on its way there."""
    return line.account_kind in _CASH and not line.role.startswith("inventory")
