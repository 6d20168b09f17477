"""Organisation, currencies, tax rates, journals and the trial balance, as answers show them."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from leja.connectors.xero.stand_in_chart import CLASSES, TAX_RATES, fixed_id
from leja.connectors.xero.stand_in_organisation import Organisation, day_stamp, stamp
from leja.core.money import Money, format_minor, to_decimal

_JOURNALS_A_PAGE = 100


def organisation_page(organisation: Organisation) -> dict[str, Any]:
    """The one organisation."""
    settings = organisation.settings
    body = {
        "OrganisationID": settings.tenant, "Name": settings.name, "LegalName": settings.name, "PaysTax": True,
        "Version": "UK", "OrganisationType": "COMPANY", "OrganisationEntityType": "COMPANY",
        "BaseCurrency": settings.base_currency, "CountryCode": settings.country, "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE", "FinancialYearEndDay": 31, "FinancialYearEndMonth": 12,
        "SalesTaxBasis": "ACCRUALS", "Timezone": "GMTSTANDARDTIME", "Edition": "BUSINESS", "Class": "PREMIUM",
        "CreatedDateUTC": stamp(1230768000), "Addresses": [], "Phones": [], "ExternalLinks": [], "PaymentTerms": {},
    }  # fmt: skip
    if organisation.lock_date:
        body["PeriodLockDate"] = day_stamp(organisation.lock_date)
    return body


def currencies(organisation: Organisation) -> list[dict[str, Any]]:
    """The currencies that the organisation subscribes to."""
    return [{"Code": code, "Description": code} for code in organisation.settings.currencies]


def tax_rates() -> list[dict[str, Any]]:
    """The tax rates."""
    found = []
    for kind, name, percent, report in TAX_RATES:
        sold = report == "OUTPUT"
        component = {"Name": "VAT", "Rate": Decimal(percent), "IsCompound": False, "IsNonRecoverable": False}
        found.append({
            "Name": name, "TaxType": kind, "ReportTaxType": report, "Status": "ACTIVE", "TaxComponents": [component],
            "CanApplyToAssets": True, "CanApplyToEquity": True, "CanApplyToExpenses": not sold,
            "CanApplyToLiabilities": True, "CanApplyToRevenue": sold or kind == "NONE",
            "DisplayTaxRate": Decimal(percent), "EffectiveRate": Decimal(percent),
        })  # fmt: skip
    return found


def journals(organisation: Organisation, after: int, since: float | None) -> list[dict[str, Any]]:
    """The ledger itself, by rising journal number."""
    accounts = {a.body["Code"]: a.body for a in organisation.records.each("Accounts")}
    base = organisation.settings.base_currency
    found = []
    for number, _kind, id_, made, day, source, reference, lines in organisation.records.journals(
        after, since, _JOURNALS_A_PAGE
    ):
        rows = []
        for index, line in enumerate(json.loads(lines)):
            account = accounts[line["account"]]
            amount = to_decimal(Money(line["home"], base))
            row = {
                "JournalLineID": fixed_id("journal", str(number), str(index)), "AccountID": account["AccountID"],
                "AccountCode": account["Code"], "AccountType": account["Type"], "AccountName": account["Name"],
                "Description": line["text"], "NetAmount": amount, "GrossAmount": amount, "TaxAmount": Decimal(0),
                "TrackingCategories": [],
            }  # fmt: skip
            if line["tax_type"]:
                row["TaxType"] = line["tax_type"]
            rows.append(row)
        found.append({
            "JournalID": fixed_id("journal", str(number)), "JournalDate": day_stamp(day), "JournalNumber": number,
            "CreatedDateUTC": stamp(made), "Reference": reference, "SourceID": id_, "SourceType": source,
            "JournalLines": rows,
        })  # fmt: skip
    return found


def trial_balance(organisation: Organisation, day: str) -> dict[str, Any]:
    """The report: accounts with what they stand at on ``day``, year to date in the last two columns."""
    base, totals = organisation.settings.base_currency, defaultdict[str, int](int)
    for account, _day, _currency, _minor, home, _origin in organisation.records.sums(until=day):
        totals[account] += home
    sections: dict[str, list[Any]] = {}
    for stored in organisation.records.each("Accounts"):
        body = stored.body
        if minor := totals.get(body["Code"], 0):
            sides = [format_minor(minor, base), ""] if minor > 0 else ["", format_minor(-minor, base)]
            named = {"Value": f"{body['Name']} ({body['Code']})",
                     "Attributes": [{"Value": body["AccountID"], "Id": "account"}]}  # fmt: skip
            cells = [named, *({"Value": side} for side in (*sides, *sides))]
            sections.setdefault(CLASSES[body["Type"]].title(), []).append({"RowType": "Row", "Cells": cells})
    titles = ("Account", "Debit", "Credit", "YTD Debit", "YTD Credit")
    rows: list[Any] = [{"RowType": "Header", "Cells": [{"Value": title} for title in titles]}]
    rows += [{"RowType": "Section", "Title": title, "Rows": inner} for title, inner in sections.items()]
    return {
        "ReportID": "TrialBalance",
        "ReportName": "Trial Balance",
        "ReportType": "TrialBalance",
        "ReportTitles": ["Trial Balance", organisation.settings.name, f"As at {date.fromisoformat(day):%d %B %Y}"],
        "ReportDate": f"{date.fromisoformat(day):%d %B %Y}",
        "UpdatedDateUTC": stamp(organisation.env.now()),
        "Rows": rows,
    }
