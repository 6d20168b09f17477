"""What the company has: accounts, tax groups, its currency, the first day that may be posted on.

API v2.0 does not say which account is a bank, what a tax group charges and where its tax lands: subcategories of the
standard chart tell some of it, the connection's settings the rest.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from leja.connectors.business_central.api import rows
from leja.connectors.business_central.stated import edition
from leja.connectors.business_central.wire import Account, Setup, TaxGroup, day
from leja.connectors.contract import Chart, RemoteAccount, RemoteTaxCode, Session
from leja.core.errors import NeedsReview

# Names of the standard G/L account categories (codeunit "G/L Account Category Mgt." of the base application).
_SUBCATEGORIES: Final = {
    "cash": "bank", "accounts receivable": "receivable", "fixed assets": "fixed_asset", "equipment": "fixed_asset",
    "accumulated depreciation": "fixed_asset", "accounts payable": "payable",
}
_CATEGORIES: Final = {
    "Assets": "current_asset", "Liabilities": "current_liability", "Equity": "equity", "Income": "income",
    "Cost of Goods Sold": "cost_of_sales", "Expense": "expense",
}
_RATE: Final = re.compile(r"\s*([^=,]+?)\s*=\s*(\d+(?:\.\d+)?)\s*(?:@\s*([^,]+?)\s*)?\Z")


async def chart(session: Session) -> Chart:
    """Everything that planning needs; three reads."""
    settings = session.settings
    setups = await rows(session, "generalLedgerSetup", Setup)
    if not setups:
        raise NeedsReview("business-central-place", "Business Central shows no general ledger setup for this company")
    setup, rates = setups[0], tax_rates(settings.tax_rates)
    accounts = await rows(session, "accounts", Account, {"$filter": "accountType eq 'Posting'"})
    groups = await rows(session, "taxGroups", TaxGroup)
    first = day(setup.allow_posting_from)
    return Chart(
        accounts=tuple(_account(row, settings, {account for _rate, account in rates.values()}) for row in accounts),
        tax_codes=tuple(_tax_code(row, rates) for row in groups),
        home_currency=setup.local_currency_code,
        multicurrency=False,
        locked_until=first - timedelta(days=1) if first else None,
        own_numbers=False,
        edition=edition(settings.untaxed_code, settings.dimensions),
    )


def tax_rates(text: str) -> dict[str, tuple[Decimal, str]]:
    """Percentage and account by tax group. Raises NeedsReview for a setting that cannot be read."""
    found = {}
    for part in filter(str.strip, text.split(",")):
        match = _RATE.match(part)
        if match is None:
            raise NeedsReview(
                "business-central-tax-rates", f"the tax_rates of the connection cannot be read at {part.strip()!r}",
                remedy="Write them as STANDARD=20@20300, REDUCED=5@20300.",
            )
        found[match.group(1).upper()] = (Decimal(match.group(2)), match.group(3) or "")
    return found


def _listed(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}


def _account(row: Account, settings: Any, taxes: set[str]) -> RemoteAccount:
    kind = _SUBCATEGORIES.get(row.sub_category.lower()) or _CATEGORIES.get(row.category, "other")
    if row.number in taxes:
        kind = "tax"
    for name, meant in (("banks", "bank"), ("receivables", "receivable"), ("payables", "payable")):
        if row.number in _listed(getattr(settings, name)):
            kind = meant
    return RemoteAccount(
        id=row.number,
        code=row.number,
        name=row.display_name,
        kind=kind,
        # Receivables are reached through customers; any other account must take direct posting.
        active=not row.blocked and (row.direct_posting or kind in ("receivable", "payable")),
        takes_payments=kind == "bank",
        system=row.id,
    )


def _tax_code(row: TaxGroup, rates: dict[str, tuple[Decimal, str]]) -> RemoteTaxCode:
    rate, account = rates.get(row.code.upper(), (Decimal(0), ""))
    return RemoteTaxCode(id=row.code, name=row.display_name, rate=rate, account=account)
