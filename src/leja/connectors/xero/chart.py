"""What the Xero organisation has: accounts, tax types, currencies, the day it is locked up to."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from leja.connectors.contract import Chart, RemoteAccount, RemoteTaxCode, Session
from leja.connectors.xero.api import rows
from leja.connectors.xero.wire import Account, Currency, Organisation, TaxRate, day
from leja.core.errors import NeedsReview

_KINDS: Final = {
    "BANK": "bank", "CURRENT": "current_asset", "PREPAYMENT": "current_asset", "INVENTORY": "current_asset",
    "FIXED": "fixed_asset", "NONCURRENT": "fixed_asset", "CURRLIAB": "current_liability",
    "LIABILITY": "current_liability", "TERMLIAB": "current_liability", "PAYG": "current_liability",
    "EQUITY": "equity", "REVENUE": "income", "SALES": "income", "OTHERINCOME": "income",
    "DIRECTCOSTS": "cost_of_sales", "EXPENSE": "expense", "OVERHEADS": "expense", "DEPRECIATN": "expense",
}
_SYSTEM: Final = {"DEBTORS": "receivable", "CREDITORS": "payable", "GST": "tax"}


async def chart(session: Session) -> Chart:
    """Everything that planning needs; four reads."""
    organisation = await organisation_of(session)
    accounts = tuple(_account(row) for row in await accounts_there(session))
    currencies = {row.code for row in await rows(session, "Currencies", Currency)}
    lands = next((account.id for account in accounts if account.system == "GST"), "")
    locks = [day(organisation.period_lock_date), day(organisation.end_of_year_lock_date)]
    return Chart(
        accounts=accounts,
        tax_codes=tuple(_tax_code(row, lands) for row in await rows(session, "TaxRates", TaxRate) if row.tax_type),
        home_currency=organisation.base_currency,
        multicurrency=bool(currencies - {organisation.base_currency}),
        locked_until=max((lock for lock in locks if lock is not None), default=None),
        edition=organisation.country_code or "",
    )


async def organisation_of(session: Session) -> Organisation:
    """The organisation of the session's tenant."""
    organisations = await rows(session, "Organisation", Organisation)
    if not organisations:
        raise NeedsReview("xero-organisation-missing", "Xero names no organisation for this connection")
    return organisations[0]


async def accounts_there(session: Session) -> list[Account]:
    """The accounts as Xero lists them; archived ones too, for old documents stand on them."""
    return await rows(session, "Accounts", Account)


def _account(row: Account) -> RemoteAccount:
    system = row.system_account or ""
    return RemoteAccount(
        # Lines name accounts by code; only an account without one, such as some bank accounts, is known by its long id.
        id=row.code or row.account_id,
        code=row.code or "",
        name=row.name or "",
        kind=_SYSTEM.get(system) or _KINDS.get(row.type or "", "other"),
        currency=row.currency_code or "",
        active=(row.status or "ACTIVE") == "ACTIVE",
        takes_payments=row.type == "BANK" or row.enable_payments_to_account,
        system=system,
    )


def _tax_code(row: TaxRate, lands: str) -> RemoteTaxCode:
    rate = row.effective_rate or Decimal(0)
    active = (row.status or "ACTIVE") == "ACTIVE" and row.can_apply_to_revenue is not False
    return RemoteTaxCode(
        id=row.tax_type or "", name=row.name or "", rate=rate, account=lands if rate else "", active=active
    )
