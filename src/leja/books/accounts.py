"""Accounts of our own books: code, name and kind."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Kind = Literal[
    "bank", "current_asset", "receivable", "fixed_asset", "payable", "current_liability", "tax", "equity", "income",
    "cost_of_sales", "expense", "other",
]

PROFIT_AND_LOSS: Final = frozenset({"income", "cost_of_sales", "expense", "other"})


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account. ``kind`` uses the words of a target's chart, so that the two can be matched."""

    code: str
    name: str
    kind: Kind


def in_profit_and_loss(kind: Kind) -> bool:
    """Whether the account is closed into profit at year end; otherwise it stands in the balance sheet."""
    return kind in PROFIT_AND_LOSS
