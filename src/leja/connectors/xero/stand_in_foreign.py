"""A year of foreign entries typed into Xero: rent, salaries, supplier bills, bank fees, invoices. Seeded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from leja.connectors.xero import stand_in_chart as chart
from leja.connectors.xero.stand_in_organisation import Organisation


def found_organisation(organisation: Organisation) -> None:
    """Opens the organisation once: chart, items, contacts, foreign entries. Does nothing when that was done before."""
    if organisation.records.store.get("preference", "founded"):
        return
    for code, name, kind, tax_type, system, pays in chart.CHART:
        body = {"Code": code, "Name": name, "Type": kind, "TaxType": tax_type, "EnablePaymentsToAccount": pays,
                "SystemAccount": system}  # fmt: skip
        organisation.masters.keep_account(chart.fixed_id("account", code), body, "foreign", 0.0)
    for code, name, account in chart.ITEMS:
        body = {"Code": code, "Name": name, "SalesDetails": {"AccountCode": account}}
        organisation.masters.keep_item(chart.fixed_id("item", code), body, "foreign", 0.0)
    for name in (*chart.CUSTOMERS, *chart.SUPPLIERS):
        organisation.masters.keep_contact(chart.fixed_id("contact", name), {"Name": name}, "foreign", 0.0)
    settings = organisation.settings
    if settings.foreign:
        today = organisation.env.clock().date().isoformat()
        for season in dict.fromkeys((settings.season_end, settings.second_season_end or today)):
            _year(organisation, date.fromisoformat(season))
    organisation.prefer("founded", True)


def _year(organisation: Organisation, last: date) -> None:
    random = Random(f"{organisation.env.seed}/{last}")  # noqa: S311 - a repeatable season, no secret
    for month in range(12):
        first = (last - timedelta(days=30 * month + 28)).replace(day=1)
        _month(organisation, random, first, last)


def _month(organisation: Organisation, random: Random, first: date, last: date) -> None:
    def day(number: int) -> str:
        return min(first + timedelta(days=number - 1), last).isoformat()

    def amount(low: int, high: int) -> Decimal:
        places = organisation.settings.places(organisation.settings.base_currency)
        return Decimal(random.randint(low * 10**places, high * 10**places)).scaleb(-places)

    def accept(kind: str, **body: Any) -> dict[str, Any]:
        return organisation.accept(kind, body, create=True, origin="foreign")

    def line(words: str, account: str, value: Decimal, tax: str) -> list[dict[str, Any]]:
        return [{"Description": words, "Quantity": 1, "UnitAmount": value, "AccountCode": account, "TaxType": tax}]

    bank = {"Code": "090"}
    accept("BankTransactions", Type="SPEND", Date=day(1), Contact={"Name": chart.SUPPLIERS[0]}, BankAccount=bank,
           Reference="Shop rent", LineItems=line("Rent Harbour Street 12", "469", Decimal(2400), "NONE"))  # fmt: skip
    accept("BankTransactions", Type="SPEND", Date=day(28), BankAccount=bank, Reference="Bank fee",
           LineItems=line("Account fee and charges", "404", amount(8, 30), "NONE"))  # fmt: skip
    wages, withheld = amount(6000, 7500), amount(1400, 1900)
    accept("ManualJournals", Narration=f"Salaries {first:%B %Y}", Date=day(27), Status="POSTED", JournalLines=[
        {"LineAmount": wages, "AccountCode": "477"}, {"LineAmount": -withheld, "AccountCode": "825"},
        {"LineAmount": withheld - wages, "AccountCode": "814"}])  # fmt: skip
    for supplier, account, low, high, tax in (
        (chart.SUPPLIERS[1], "445", 120, 300, "RRINPUT"), (chart.SUPPLIERS[2], "630", 900, 3200, "INPUT2"),
    ):  # fmt: skip
        start = day(random.randint(2, 20))
        bill = accept(
            "Invoices",
            Type="ACCPAY",
            Contact={"Name": supplier},
            Date=start,
            DueDate=day(28),
            Status="AUTHORISED",
            LineItems=line("Supplier bill", account, amount(low, high), tax),
        )
        if random.randint(1, 10) <= 8:
            accept(
                "Payments", Invoice={"InvoiceID": bill["InvoiceID"]}, Account=bank, Date=day(26), Amount=bill["Total"]
            )
    invoice = accept("Invoices", Type="ACCREC", Contact={"Name": random.choice(chart.CUSTOMERS)}, Date=day(9),
                     DueDate=day(28), Status="AUTHORISED", Reference="typed by hand",
                     InvoiceNumber=f"H{first:%y%m}-{random.randint(10, 99)}",
                     LineItems=line("Wholesale goods", "206", amount(80, 900), "OUTPUT2"))  # fmt: skip
    if random.randint(1, 10) <= 6:
        accept(
            "Payments", Invoice={"InvoiceID": invoice["InvoiceID"]}, Account=bank, Date=day(25), Amount=invoice["Total"]
        )
