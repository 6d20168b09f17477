"""The account is founded: chart, tax codes, items, customers, periods, and a year of entries typed by others. Seeded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from leja.connectors.netsuite_soap import stand_in_chart as chart
from leja.connectors.netsuite_soap.stand_in_company import Company, month_end


def found_account(company: Company) -> None:
    """Opens the account once. Does nothing when that was done before."""
    if company.records.preference("founded"):
        return
    _lists(company)
    _masters(company)
    settings = company.settings
    if settings.foreign:
        today = company.env.clock().date().isoformat()
        for season in dict.fromkeys((settings.season_end, settings.second_season_end or today)):
            _year(company, date.fromisoformat(season))
    company.records.prefer("founded", True)


def _keep(company: Company, kind: str, body: dict[str, Any]) -> None:
    company.records.write(kind, company.records.next_id(kind), body, origin="foreign")


def _lists(company: Company) -> None:
    settings = company.settings
    codes = dict.fromkeys((settings.base_currency, *settings.currencies))
    for code in codes:
        _keep(company, "currency", {
            "name": code, "symbol": code, "isBaseCurrency": "true" if code == settings.base_currency else "false",
            "isInactive": "false", "exchangeRate": format(settings.rate(code), "f"),
            "currencyPrecision": "_two" if settings.places(code) else "_zero",
        })  # fmt: skip
    _keep(company, "subsidiary", {
        "name": settings.name, "isInactive": "false", "country": settings.country, "isElimination": "false",
        "currency": {"internalId": "1", "name": settings.base_currency},
    })  # fmt: skip
    first = date.fromisoformat(f"{settings.first_period}-01")
    last = company.env.clock().date().year + 2
    for year in range(first.year, last + 1):
        _period(company, f"FY {year}", date(year, 1, 1), date(year, 12, 31), year_=True)
        for month in range(1, 13):
            start = date(year, month, 1)
            _period(company, f"{start:%b %Y}", start, month_end(start), year_=False)


def _period(company: Company, name: str, start: date, end: date, *, year_: bool) -> None:
    _keep(company, "accountingPeriod", {
        "periodName": name, "startDate": f"{start}T00:00:00.000Z", "endDate": f"{end}T00:00:00.000Z", "isAdjust": "false",
        "isQuarter": "false", "isYear": "true" if year_ else "false",
    })  # fmt: skip


def _masters(company: Company) -> None:
    for number, name, kind in chart.CHART:
        _keep(company, "account", {
            "acctType": kind, "acctNumber": number, "acctName": name, "isInactive": "false",
            "subsidiaryList": [{"internalId": "1"}],
        })  # fmt: skip
    for code, words, rate in chart.TAX_CODES:
        _keep(company, "salesTaxItem", {
            "itemId": code, "description": words, "rate": rate, "isInactive": "false",
            "saleAccount": {"internalId": company.account(chart.OUTPUT_TAX)},
            "purchaseAccount": {"internalId": company.account(chart.INPUT_TAX)},
        })  # fmt: skip
    for name, kind, number in chart.ITEMS:
        company.add(kind, {"itemId": name, "incomeAccount": {"internalId": company.account(number)},
                           "isInactive": "false", "salesTaxCode": {"internalId": "1"}}, origin="foreign")  # fmt: skip
    for name in chart.CUSTOMERS:
        company.add("customer", {"companyName": name, "isPerson": "false", "isInactive": "false",
                                 "subsidiary": {"internalId": "1"}}, origin="foreign")  # fmt: skip


def _year(company: Company, last: date) -> None:
    random = Random(f"{company.env.seed}/{last}")  # noqa: S311 - a repeatable season, no secret
    for month in range(12):
        _month(company, random, (last - timedelta(days=30 * month + 28)).replace(day=1), last)


def _month(company: Company, random: Random, first: date, last: date) -> None:
    def day(number: int) -> str:
        return min(first + timedelta(days=number - 1), last).isoformat()

    def amount(low: int, high: int) -> Decimal:
        places = company.settings.places(company.settings.base_currency)
        return Decimal(random.randint(low * 10**places, high * 10**places)).scaleb(-places)

    def journal(on: str, memo: str, *rows: tuple[str, Decimal]) -> None:
        lines = [
            {"account": {"internalId": company.account(number)}, "debit" if value > 0 else "credit": str(abs(value))}
            for number, value in rows
        ]
        company.add("journalEntry", {"tranDate": on, "memo": memo, "subsidiary": {"internalId": "1"},
                                     "lineList": {"line": lines}}, origin="foreign")  # fmt: skip

    journal(day(1), "Rent Harbour Street 12", ("6000", Decimal(2400)), ("1000", Decimal(-2400)))
    fee, power = amount(8, 30), amount(120, 300)
    journal(day(28), "Account fee and charges", ("6100", fee), ("1000", -fee))
    journal(day(19), "Northgate Energy", ("6020", power), ("2000", -power))
    wages, withheld = amount(6000, 7500), amount(1400, 1900)
    journal(day(27), f"Salaries {first:%B %Y}", ("6010", wages), ("2160", -withheld), ("1000", withheld - wages))
    customer = {"internalId": str(501 + random.randrange(len(chart.CUSTOMERS)))}
    invoice = company.add("invoice", {
        "entity": customer, "tranDate": day(9), "memo": "typed by hand",
        "itemList": {"item": [{"item": {"internalId": "5"}, "quantity": "1", "amount": str(amount(80, 900))}]},
    }, origin="foreign")  # fmt: skip
    if random.randint(1, 10) <= 6:
        company.add("customerPayment", {
            "customer": customer, "tranDate": day(25), "payment": invoice.body["total"],
            "account": {"internalId": company.account("1000")},
            "applyList": {"apply": [{"apply": "true", "doc": invoice.id}]},
        }, origin="foreign")  # fmt: skip
