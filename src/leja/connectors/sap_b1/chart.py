"""What the company has: accounts, tax groups, currencies, numbering, the day its periods are locked up to.

Service Layer does not name the drawer of an account (Assets, Liabilities, …), so it is told by the first digit of the
account of level 1 above it, as the vendor's chart templates number them; control accounts are those of the partners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from leja.connectors.contract import Chart, RemoteAccount, RemoteTaxCode, Session
from leja.connectors.sap_b1.api import Told, decoded, quoted, rows, service
from leja.connectors.sap_b1.edition import Edition, written
from leja.connectors.sap_b1.wire import (
    Account,
    AdminInfo,
    Category,
    Currency,
    Partner,
    Period,
    SalesTax,
    Series,
    VatGroup,
)

# The drawers of the vendor's charts, by the first digit of their title.
_DRAWERS: Final = {
    "1": "current_asset", "2": "current_liability", "3": "equity", "4": "income", "5": "cost_of_sales", "6": "expense",
    "7": "expense", "8": "expense",
}  # fmt: skip
# Object codes of the vendor (BoObjectTypes), for the numbering series.
_OBJECTS: Final = {
    "Invoices": "13", "CreditNotes": "14", "Orders": "17", "IncomingPayments": "24", "JournalEntries": "30",
    "VendorPayments": "46",
}  # fmt: skip
_OPEN: Final = "ltUnlocked"
_LOOK_BACK: Final = timedelta(days=730)
_PARTNERS: Final = "100"


async def chart(session: Session) -> Chart:
    """Everything that planning needs."""
    admin: AdminInfo = await service(session, "CompanyService_GetAdminInfo", {}, AdminInfo)
    accounts = await rows(session, "ChartOfAccounts", Account, {"$orderby": "Code"})
    codes, tax_accounts = await _tax_codes(session)
    controls = await _controls(session)
    currencies = await rows(session, "Currencies", Currency)
    home = admin.local_currency or ""
    return Chart(
        accounts=_accounts(accounts, controls, tax_accounts),
        tax_codes=codes,
        home_currency=home,
        multicurrency=any(row.code != home for row in currencies),
        locked_until=await _locked_until(session),
        own_numbers=True,
        edition=written(await _edition(session, admin.country or "")),
        posts_cost=False,
    )


async def _edition(session: Session, country: str) -> Edition:
    settings = session.settings
    series: dict[str, int] = {}
    if settings.series:
        for kind, code in _OBJECTS.items():
            given = {"DocumentTypeParams": {"Document": code}}
            for row in await _listed(session, "SeriesService_GetDocumentSeries", given, Series):
                if row.name == settings.series:
                    series[kind] = row.series
    return Edition(
        country=country, orders=settings.orders, branch=settings.branch, tax_field=settings.tax_field, series=series
    )


async def _listed(session: Session, name: str, given: Mapping[str, Any], shape: type[Any]) -> list[Any]:
    told: Told = await service(session, name, given, Told)
    found: list[Any] = decoded(told.value, list[shape])  # type: ignore[valid-type]
    return found


# --- accounts ---------------------------------------------------------------------------------------------------------


async def _controls(session: Session) -> dict[str, str]:
    """Control accounts and what they hold: those that the settings name first, then those of the partners."""
    settings = session.settings
    stated = {settings.receivable_account: "receivable", settings.payable_account: "payable"}
    found = {code: kind for code, kind in stated.items() if code}
    for card_type, kind in (("cCustomer", "receivable"), ("cSupplier", "payable")):
        query = {"$filter": f"CardType eq {quoted(card_type)}", "$select": "CardCode,CardType,DebitorAccount",
                 "$top": _PARTNERS}  # fmt: skip
        for partner in await rows(session, "BusinessPartners", Partner, query):
            if partner.debitor_account:
                found.setdefault(partner.debitor_account, kind)
    return found


def _accounts(
    accounts: Sequence[Account], controls: Mapping[str, str], tax_accounts: frozenset[str]
) -> tuple[RemoteAccount, ...]:
    known = {row.code: row for row in accounts}
    stated = {row.code: controls.get(row.code) or controls.get(row.format_code or row.code, "") for row in accounts}
    return tuple(
        RemoteAccount(
            id=row.code,
            code=row.format_code or row.code,
            name=row.name or row.code,
            kind=stated[row.code] or ("tax" if row.code in tax_accounts else _kind(row, known)),
            currency="" if row.acct_currency in (None, "", "##") else str(row.acct_currency),
            active=row.active_account == "tYES" and row.frozen_for != "tYES" and row.valid_for != "tNO",
            takes_payments=row.cash_account == "tYES",
            system="control" if row.lock_manual_transaction == "tYES" else "",
        )
        for row in accounts
    )


def _kind(row: Account, known: Mapping[str, Account]) -> str:
    if row.cash_account == "tYES":
        return "bank"
    drawer = _DRAWERS.get(_title(row, known)[:1], "")
    if row.account_type == "at_Revenues":
        return "income"
    if row.account_type == "at_Expenses":
        return drawer if drawer in ("cost_of_sales", "expense") else "expense"
    return drawer or "other"


def _title(row: Account, known: Mapping[str, Account]) -> str:
    """The number of the account of level 1 above an account."""
    seen: set[str] = set()
    while row.account_level != 1 and row.father_account_key in known and row.code not in seen:
        seen.add(row.code)
        row = known[str(row.father_account_key)]
    return row.format_code or row.code


# --- tax --------------------------------------------------------------------------------------------------------------


async def _tax_codes(session: Session) -> tuple[tuple[RemoteTaxCode, ...], frozenset[str]]:
    """Tax codes of sales, the one for untaxed lines first among those without tax; and the accounts of all tax."""
    if session.settings.tax_field != "VatGroup":
        sales = await rows(session, "SalesTaxCodes", SalesTax)
        codes = [
            RemoteTaxCode(
                id=row.code, name=row.name or row.code, rate=row.rate or Decimal(0), active=row.inactive != "tYES"
            )
            for row in sales
        ]
        return _untaxed_first(codes, session.settings.untaxed), frozenset()
    groups = await rows(session, "VatGroups", VatGroup)
    today = session.now().date().isoformat()
    codes = [
        RemoteTaxCode(
            id=row.code,
            name=row.name or row.code,
            rate=_rate_on(row, today),
            account=row.tax_account or "",
            active=row.inactive != "tYES",
        )
        for row in groups
        if row.category == "bovcOutputTax"
    ]
    return _untaxed_first(codes, session.settings.untaxed), frozenset(row.tax_account or "" for row in groups)


def _untaxed_first(codes: list[RemoteTaxCode], untaxed: str) -> tuple[RemoteTaxCode, ...]:
    return tuple(sorted(codes, key=lambda code: (code.rate != 0, code.id != untaxed, code.id)))


def _rate_on(row: VatGroup, day: str) -> Decimal:
    rates = [line for line in row.vat_groups_lines or () if (line.effectivefrom or "")[:10] <= day]
    return (max(rates, key=lambda line: line.effectivefrom or "").rate if rates else None) or Decimal(0)


# --- periods ----------------------------------------------------------------------------------------------------------


async def _locked_until(session: Session) -> date | None:
    """The last day of the locked periods that no open one comes before; years are read back from the newest.

    *Unlocked except sales* and *closing* count as locked: what is told are sales.
    """
    oldest = session.now().date() - _LOOK_BACK
    years = await _listed(session, "CompanyService_GetPeriods", {}, Category)
    found: list[tuple[date, date, bool]] = []
    for year in sorted(years, key=lambda row: -row.absolute_entry):
        given = {"PeriodCategoryParams": {"AbsoluteEntry": year.absolute_entry}}
        periods = [_span(row) for row in await _listed(session, "CompanyService_GetFinancePeriods", given, Period)]
        found += periods
        if all(locked for _, _, locked in periods) or any(end < oldest for _, end, _ in periods):
            break
    until = None
    for _, end, locked in sorted(found):
        if not locked:
            break
        until = end
    return until


def _span(row: Period) -> tuple[date, date, bool]:
    locked = row.period_status not in (None, _OPEN) or row.locked == "tYES"
    return _day(row.posting_date_from), _day(row.posting_date_to), locked


def _day(text: str | None) -> date:
    return date.fromisoformat((text or "")[:10])
