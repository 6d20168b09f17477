"""Reports and the fixed pages of the company: TrialBalance, GeneralLedger, CompanyInfo, Preferences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from leja.connectors.quickbooks.stand_in_company import Company, vendor_time
from leja.connectors.quickbooks.stand_in_shapes import Fault
from leja.core.money import format_minor


def company_info(company: Company) -> dict[str, Any]:
    """The one CompanyInfo."""
    settings = company.settings
    return {
        "Id": "1", "SyncToken": "0", "domain": "QBO", "sparse": False, "CompanyName": settings.company,
        "LegalName": settings.company, "Country": settings.country, "FiscalYearStartMonth": "January",
        "CompanyStartDate": "2009-01-01", "SupportedLanguages": "en",
        "NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}],
    }  # fmt: skip


def preferences(company: Company) -> dict[str, Any]:
    """The one Preferences."""
    settings = company.settings
    accounting: dict[str, Any] = {"UseAccountNumbers": True, "ClassTrackingPerTxn": False, "TrackDepartments": True}
    if company.book_close:
        accounting["BookCloseDate"] = company.book_close
    tax = {"UsingSalesTax": True} | ({"PartnerTaxEnabled": False} if settings.country == "US" else {})
    return {
        "Id": "1", "SyncToken": "0", "domain": "QBO", "sparse": False, "AccountingInfoPrefs": accounting,
        "SalesFormsPrefs": {"CustomTxnNumbers": settings.custom_numbers, "AllowDiscount": True, "AllowShipping": True},
        "TaxPrefs": tax,
        "CurrencyPrefs": {"MultiCurrencyEnabled": settings.multicurrency,
                          "HomeCurrency": {"value": settings.home_currency}},
        "ProductAndServicesPrefs": {"ForSales": True, "QuantityOnHand": False},
    }  # fmt: skip


def report(company: Company, name: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A report in home currency. Raises Fault for one that is not played here."""
    start, end = query.get("start_date", "0001-01-01"), query.get("end_date", "9999-12-31")
    if name == "TrialBalance":
        return _trial_balance(company, start, end)
    if name == "GeneralLedger":
        return _general_ledger(company, start, end)
    raise Fault("500", "Unsupported Operation", f"Report {name} is not played here.", kind="SystemFault")


def _frame(company: Company, name: str, start: str, end: str, columns: list[str], rows: list[Any]) -> dict[str, Any]:
    header = {
        "Time": vendor_time(company.env.clock()), "ReportName": name, "ReportBasis": "Accrual", "StartPeriod": start,
        "EndPeriod": end, "Currency": company.settings.home_currency,
        "Option": [{"Name": "NoReportData", "Value": str(not rows).lower()}],
    }  # fmt: skip
    kinds = [{"ColTitle": title, "ColType": "Money" if title in ("Debit", "Credit", "Amount") else "Account"}
             for title in columns]  # fmt: skip
    return {"Header": header, "Columns": {"Column": kinds}, "Rows": {"Row": rows}}


def _trial_balance(company: Company, start: str, end: str) -> dict[str, Any]:
    home, totals = company.settings.home_currency, defaultdict[str, int](int)
    for id_, day, _currency, _minor, minor, _origin in company.records.sums(until=end):
        if start <= day.isoformat() or start == "0001-01-01":
            totals[id_] += minor
    rows: list[Any] = []
    for account in company.records.each("Account"):
        minor = totals.get(account.id, 0)
        if minor:
            sides = [format_minor(minor, home), ""] if minor > 0 else ["", format_minor(-minor, home)]
            rows.append(
                {"ColData": [{"value": account.body["Name"], "id": account.id}, *({"value": s} for s in sides)]}
            )
    whole = format_minor(sum(minor for minor in totals.values() if minor > 0), home)
    total = [{"value": "TOTAL"}, {"value": whole}, {"value": whole}]
    rows.append({"Summary": {"ColData": total}, "type": "Section", "group": "GrandTotal"})
    return _frame(company, "TrialBalance", start, end, ["", "Debit", "Credit"], rows)


def _general_ledger(company: Company, start: str, end: str) -> dict[str, Any]:
    home = company.settings.home_currency
    found = company.records.store.execute(
        "SELECT p.account, p.day, p.kind, p.id, d.number, p.home FROM qb_posting p JOIN qb_document d USING (kind, id)"
        " WHERE p.day >= ? AND p.day <= ? ORDER BY p.account, p.day, p.id, p.line",
        start, end,
    )  # fmt: skip
    by_account: dict[str, list[Any]] = defaultdict(list)
    for account, day, kind, id_, number, minor in found:
        cells = [{"value": day}, {"value": kind, "id": str(id_)}, {"value": number or ""},
                 {"value": format_minor(int(minor), home)}]  # fmt: skip
        by_account[str(account)].append({"ColData": cells, "type": "Data"})
    names = {account.id: account.body["Name"] for account in company.records.each("Account")}
    rows = [
        {"Header": {"ColData": [{"value": names[account], "id": account}]}, "Rows": {"Row": lines}, "type": "Section"}
        for account, lines in by_account.items()
    ]
    return _frame(company, "GeneralLedger", start, end, ["Date", "Transaction Type", "Num", "Amount"], rows)
