"""Account names as the plain-text accounting programs take them: "Assets:1100-Card-clearing"."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from uuid import UUID

from leja.database.engine import Connection

_ROOTS: Final = {
    "bank": "Assets",
    "current_asset": "Assets",
    "receivable": "Assets",
    "fixed_asset": "Assets",
    "payable": "Liabilities",
    "current_liability": "Liabilities",
    "tax": "Liabilities",
    "equity": "Equity",
    "income": "Income",
}  # cost_of_sales, expense, other: Expenses


def account_names(conn: Connection, org_id: UUID) -> dict[str, str]:
    """For each account code a name that hledger and beancount both accept, different for each code."""
    rows = conn.execute("SELECT code, name, kind FROM account WHERE org_id = %s ORDER BY code", (org_id,)).fetchall()
    names: dict[str, str] = {}
    taken: set[str] = set()
    for code, name, kind in rows:
        plain = f"{_ROOTS.get(str(kind), 'Expenses')}:{_component(f'{code} {name}')}"
        unique, again = plain, 1
        while unique in taken:
            again += 1
            unique = f"{plain}-{again}"
        taken.add(unique)
        names[str(code)] = unique
    return names


def _component(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", ascii_text) or ["Account"]
    return "-".join([words[0][0].upper() + words[0][1:], *words[1:]])
