"""What the QuickBooks company has: accounts, tax codes, items, currencies, numbering, the day it is closed up to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from leja.connectors.contract import Chart, RemoteAccount, RemoteItem, RemoteTaxCode, Session
from leja.connectors.quickbooks.api import decoded, get, select_all
from leja.connectors.quickbooks.wire import Account, CompanyInfo, Preferences, Record, TaxCode, TaxRate

_KINDS: Final = {
    "Bank": "bank", "Accounts Receivable": "receivable", "Other Current Asset": "current_asset",
    "Fixed Asset": "fixed_asset", "Other Asset": "fixed_asset", "Accounts Payable": "payable",
    "Credit Card": "current_liability", "Other Current Liability": "current_liability",
    "Long Term Liability": "current_liability", "Equity": "equity", "Income": "income", "Other Income": "income",
    "Cost of Goods Sold": "cost_of_sales", "Expense": "expense", "Other Expense": "expense",
}
_TAX: Final = frozenset({"GlobalTaxPayable", "SalesTaxPayable"})


async def chart(session: Session) -> Chart:
    """Everything that planning needs; six metered reads."""
    preferences: Preferences = decoded((await get(session, "/preferences"))["Preferences"], Preferences)
    company: CompanyInfo = decoded((await get(session, f"/companyinfo/{session.tenant}"))["CompanyInfo"], CompanyInfo)
    accounts = tuple(_account(row) for row in await select_all(session, "Account", Account, "Active in (true, false)"))
    items = await select_all(session, "Item", Record)
    currencies = preferences.currency_prefs
    closed = preferences.accounting_info_prefs.book_close_date
    return Chart(
        accounts=accounts,
        tax_codes=await _tax_codes(session, accounts),
        items=tuple(_item(row) for row in items if row.type in ("NonInventory", "Service")),
        home_currency=currencies.home_currency.value if currencies.home_currency is not None else "",
        multicurrency=currencies.multi_currency_enabled,
        locked_until=date.fromisoformat(closed[:10]) if closed else None,
        own_numbers=preferences.sales_forms_prefs.custom_txn_numbers,
        edition="US" if company.country in ("US", "USA") else company.country,
        posts_cost=False,
    )


def _account(row: Account) -> RemoteAccount:
    kind = "tax" if row.account_sub_type in _TAX else _KINDS.get(row.account_type, "other")
    return RemoteAccount(
        id=str(row.id),
        code=row.acct_num,
        name=row.fully_qualified_name or row.name,
        kind=kind,
        currency=row.currency_ref.value if row.currency_ref is not None else "",
        active=row.active,
        takes_payments=row.account_type in ("Bank", "Other Current Asset"),
        system=row.account_sub_type if row.account_sub_type in (*_TAX, "UndepositedFunds") else "",
    )


def _item(row: Record) -> RemoteItem:
    income = row.income_account_ref.value if row.income_account_ref is not None else ""
    return RemoteItem(id=str(row.id), name=row.name, income_account=income, active=row.active)


async def _tax_codes(session: Session, accounts: tuple[RemoteAccount, ...]) -> tuple[RemoteTaxCode, ...]:
    rates = {str(row.id): row.rate_value for row in await select_all(session, "TaxRate", TaxRate)}
    payable = [account.id for account in accounts if account.kind == "tax" and account.active]
    # QuickBooks does not say where a code's tax lands; it is certain only where there is one account for it.
    lands = payable[0] if len(payable) == 1 else ""
    codes = []
    for row in await select_all(session, "TaxCode", TaxCode):
        used = row.sales_tax_rate_list.tax_rate_detail if row.sales_tax_rate_list is not None else ()
        rate = sum((rates.get(use.tax_rate_ref.value) or Decimal(0) for use in used), Decimal(0))
        if len(used) == 1:
            codes.append(RemoteTaxCode(id=str(row.id), name=row.name, rate=rate, account=lands, active=row.active))
    return tuple(codes)
