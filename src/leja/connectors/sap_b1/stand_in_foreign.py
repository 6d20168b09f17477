"""A year of foreign entries typed into SAP Business One: rent, salaries, supplier bills, bank fees, invoices. Seeded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from leja.connectors.sap_b1 import stand_in_chart as chart
from leja.connectors.sap_b1.stand_in_company import Company
from leja.connectors.sap_b1.stand_in_records import Stored
from leja.connectors.sap_b1.stand_in_shapes import NO, YES


def found_company(company: Company) -> None:
    """Opens the company once: chart, tax groups, items, partners, foreign entries. Does nothing when that was done."""
    if company.records.store.get("preference", "founded"):
        return
    settings, add = company.settings, company.masters.add
    title = ""
    for number, name, what, flags in chart.CHART:
        kind = {"R": "at_Revenues", "E": "at_Expenses", "O": "at_Other"}[what]
        code = settings.code(number)
        body: dict[str, Any] = {
            "Code": code, "Name": name, "FormatCode": number, "AccountType": kind,
            "ActiveAccount": NO if "T" in flags else YES, "CashAccount": YES if "C" in flags else NO,
            "LockManualTransaction": YES if "L" in flags else NO, "FatherAccountKey": title or None,
            "AccountLevel": 1 if "T" in flags else 2,
        }  # fmt: skip
        add("ChartOfAccounts", body, "foreign")
        title = code if "T" in flags else title
    for code, name, category, percent, account in chart.VAT_GROUPS:
        body = {"Code": code, "Name": name, "Category": f"bovc{'Output' if category == 'O' else 'Input'}Tax",
                "TaxAccount": settings.code(account),
                "VatGroups_Lines": [{"Effectivefrom": "2000-01-01", "Rate": Decimal(percent)}]}  # fmt: skip
        add("VatGroups", body, "foreign")
    for code, name, account in chart.ITEMS:
        body = {"ItemCode": code, "ItemName": name, "IncomeAccount": settings.code(account), "InventoryItem": NO}
        add("Items", body, "foreign")
    for partners, kind in ((chart.CUSTOMERS, "cCustomer"), (chart.SUPPLIERS, "cSupplier")):
        for code, name in partners:
            add("BusinessPartners", {"CardCode": code, "CardName": name, "CardType": kind}, "foreign")
    _currencies(company)
    company.user_fields.found()
    if settings.foreign:
        for season in dict.fromkeys((settings.season_end, settings.second_season_end or company.today)):
            _year(company, date.fromisoformat(season))
    company.books.prefer("founded", True)


def _currencies(company: Company) -> None:
    body: dict[str, Any]
    names = {0: "cdWithoutDecimals", 1: "cd1Digit", 2: "cd2Digits", 3: "cd3Digits"}
    for code in company.settings.currencies:
        body = {"Code": code, "Name": code, "DocumentsCode": code, "Decimals": names[company.settings.places(code)]}
        company.records.put("Currencies", code, body, origin="foreign")
    for number, name, account in chart.CREDIT_CARDS:
        body = {"CreditCardCode": number, "CreditCardName": name, "GLAccount": company.settings.code(account)}
        company.records.put("CreditCards", number, body, origin="foreign")


def _year(company: Company, last: date) -> None:
    random = Random(f"{company.env.seed}/{last}")  # noqa: S311 - a repeatable season, no secret
    for month in range(12):
        first = (last - timedelta(days=30 * month + 28)).replace(day=1)
        _month(company, random, first, last)


def _month(company: Company, random: Random, first: date, last: date) -> None:
    code = company.settings.code

    def day(number: int) -> str:
        return min(first + timedelta(days=number - 1), last).isoformat()

    def amount(low: int, high: int) -> Decimal:
        places = company.settings.places(company.settings.local_currency)
        return Decimal(random.randint(low * 10**places, high * 10**places)).scaleb(-places)

    def add(kind: str, **body: Any) -> Stored:
        return company.add(kind, body, origin="foreign")

    def journal(number: int, memo: str, *sides: tuple[str, Decimal]) -> None:
        lines = [{"AccountCode": code(a), "Debit" if value > 0 else "Credit": abs(value)} for a, value in sides]
        add("JournalEntries", ReferenceDate=day(number), Memo=memo, JournalEntryLines=lines)

    line: dict[str, Any]
    fee, wages, withheld = amount(8, 30), amount(6000, 7500), amount(1400, 1900)
    journal(1, "Rent Harbour Street 12", ("620010", Decimal(2400)), ("111010", Decimal(-2400)))
    journal(28, "Account fee and charges", ("610010", fee), ("111010", -fee))
    journal(27, f"Salaries {first:%B %Y}", ("620030", wages), ("220030", -withheld), ("220040", withheld - wages))
    for (supplier, _name), account, low, high, group in (
        (chart.SUPPLIERS[1], "620020", 120, 300, "I2"), (chart.SUPPLIERS[2], "140000", 900, 3200, "I1"),
    ):  # fmt: skip
        line = {"ItemDescription": "Supplier bill", "AccountCode": code(account), "LineTotal": amount(low, high),
                "VatGroup": group}  # fmt: skip
        bill = add("PurchaseInvoices", CardCode=supplier, DocDate=day(random.randint(2, 20)), DocDueDate=day(28),
                   DocType="dDocument_Service", DocumentLines=[line])  # fmt: skip
        if random.randint(1, 10) <= 8:
            add("VendorPayments", CardCode=supplier, DocDate=day(26), TransferAccount=code("111010"),
                TransferSum=bill.body["DocTotal"], PaymentInvoices=[
                    {"DocEntry": int(bill.id), "SumApplied": bill.body["DocTotal"], "InvoiceType": "it_PurchaseInvoice"}])  # fmt: skip
    customer = random.choice(chart.CUSTOMERS)[0]
    line = {
        "ItemDescription": "Wholesale goods",
        "AccountCode": code("410030"),
        "LineTotal": amount(80, 900),
        "VatGroup": "O1",
    }
    invoice = add("Invoices", CardCode=customer, DocDate=day(9), DocDueDate=day(28), DocType="dDocument_Service",
                  NumAtCard=f"H{first:%y%m}-{random.randint(10, 99)}", Comments="typed by hand", DocumentLines=[line])  # fmt: skip
    if random.randint(1, 10) <= 6:
        add("IncomingPayments", CardCode=customer, DocDate=day(25), TransferAccount=code("111010"),
            TransferSum=invoice.body["DocTotal"], PaymentInvoices=[
                {"DocEntry": int(invoice.id), "SumApplied": invoice.body["DocTotal"], "InvoiceType": "it_Invoice"}])  # fmt: skip
