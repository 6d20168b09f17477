"""A year of foreign entries: rent, salaries, supplier bills, bank fees, invoices typed by hand. Seeded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from leja.connectors.quickbooks import stand_in_chart as chart
from leja.connectors.quickbooks.stand_in_company import Company


def found_company(company: Company) -> None:
    """Opens the company once: accounts, items, names, foreign entries. Does nothing when that was done before."""
    records, settings = company.records, company.settings
    if records.store.get("preference", "founded"):
        return
    for id_, number, name, kind, sub in chart.CHART:
        body = chart.account(id_, number, name, kind, sub, settings.home_currency)
        _fixed(company, "Account", body, f"Account:{name}")
    for id_, name, income in chart.ITEMS:
        body = {"Id": str(id_), "Name": name, "FullyQualifiedName": name, "Type": "Service", "Active": True,
                "Taxable": True, "IncomeAccountRef": {"value": income}}  # fmt: skip
        _fixed(company, "Item", body, f"Item:{name}")
    for id_, name in enumerate(("Cash", "Credit Card", "Cheque", "Mobile Money"), 1):
        _fixed(company, "PaymentMethod", {"Id": str(id_), "Name": name, "Active": True}, f"PaymentMethod:{name}")
    records.reserve_ids("Account", 100)
    records.reserve_ids("Item", 20)
    records.reserve_ids("PaymentMethod", 10)
    for name in chart.CUSTOMERS:
        company.create("Customer", {"DisplayName": name}, origin="foreign")
    for name in chart.VENDORS:
        company.create("Vendor", {"DisplayName": name}, origin="foreign")
    if settings.foreign:
        last = company.env.clock().date().isoformat()
        for season in dict.fromkeys((settings.season_end, settings.second_season_end or last)):
            _year(company, date.fromisoformat(season))
    company.prefer("founded", True)


def _fixed(company: Company, kind: str, body: dict[str, Any], name: str) -> None:
    now = company.env.clock().isoformat(timespec="seconds")
    meta = {"CreateTime": now, "LastUpdatedTime": now}
    full = {**body, "SyncToken": "0", "domain": "QBO", "sparse": False, "MetaData": meta}
    company.records.write(kind, full, origin="foreign", name=name)


def _year(company: Company, last: date) -> None:
    random = Random(f"{company.env.seed}/{last}")  # noqa: S311 - a repeatable season, no secret
    for month in range(12):
        first = (last - timedelta(days=30 * month + 28)).replace(day=1)
        _month(company, random, first, last)


def _month(company: Company, random: Random, first: date, last: date) -> None:
    def day(number: int) -> str:
        return min(first + timedelta(days=number - 1), last).isoformat()

    def amount(low: int, high: int) -> Decimal:
        places = company.settings.places(company.settings.home_currency)
        return Decimal(random.randint(low * 10**places, high * 10**places)).scaleb(-places)

    def create(kind: str, **body: Any) -> dict[str, Any]:
        return company.create(kind, body, origin="foreign", duplicates=True)

    no_tax = "NON" if company.settings.country == "US" else "6"
    taxed = "TAX" if company.settings.country == "US" else "2"

    def expense(account: str, value: Decimal, text: str, code: str = no_tax) -> dict[str, Any]:
        detail = {"AccountRef": {"value": account}, "TaxCodeRef": {"value": code}}
        return {"Amount": value, "Description": text, "DetailType": "AccountBasedExpenseLineDetail",
                "AccountBasedExpenseLineDetail": detail}  # fmt: skip

    vendors = [person.id for person in company.records.each("Vendor")]
    customers = [person.id for person in company.records.each("Customer")][:4]
    create("Purchase", TxnDate=day(1), PaymentType="Cash", AccountRef={"value": chart.BANK},
           PrivateNote="Shop rent", Line=[expense("60", Decimal(2400), "Rent Harbour Street 12")])  # fmt: skip
    create("Purchase", TxnDate=day(28), PaymentType="Cash", AccountRef={"value": chart.BANK},
           PrivateNote="Bank fee", Line=[expense("63", amount(8, 30), "Account fee and charges")])  # fmt: skip
    wages, withheld = amount(6000, 7500), amount(1400, 1900)
    posts = (("61", "Debit", wages), ("31", "Credit", withheld), (chart.BANK, "Credit", wages - withheld))
    create("JournalEntry", TxnDate=day(27), DocNumber=f"PAY-{first:%y%m}", PrivateNote="Salaries", Line=[
        {"Amount": value, "DetailType": "JournalEntryLineDetail", "Description": "Salaries",
         "JournalEntryLineDetail": {"PostingType": side, "AccountRef": {"value": account}}}
        for account, side, value in posts])  # fmt: skip
    for vendor, account, low, high in ((vendors[1], "67", 120, 300), (vendors[3], "14", 900, 3200)):
        bill = create("Bill", TxnDate=day(random.randint(2, 20)), VendorRef={"value": vendor},
                      Line=[expense(account, amount(low, high), "Supplier bill", taxed)])  # fmt: skip
        if random.randint(1, 10) <= 8:
            link = {"TxnId": bill["Id"], "TxnType": "Bill"}
            create(
                "BillPayment",
                TxnDate=day(26),
                VendorRef={"value": vendor},
                PayType="Check",
                TotalAmt=bill["TotalAmt"],
                CheckPayment={"BankAccountRef": {"value": chart.BANK}},
                Line=[{"Amount": bill["TotalAmt"], "LinkedTxn": [link]}],
            )
    who = random.choice(customers)
    detail = {"ItemRef": {"value": "5"}, "TaxCodeRef": {"value": taxed}}
    invoice = create("Invoice", TxnDate=day(random.randint(3, 20)), DocNumber=f"H{first:%y%m}-{random.randint(10, 99)}",
                     CustomerRef={"value": who}, PrivateNote="typed by hand", Line=[
        {"Amount": amount(80, 900), "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}])  # fmt: skip
    if random.randint(1, 10) <= 6:
        create(
            "Payment",
            TxnDate=day(25),
            CustomerRef={"value": who},
            TotalAmt=invoice["TotalAmt"],
            DepositToAccountRef={"value": chart.BANK},
            Line=[{"Amount": invoice["TotalAmt"], "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}],
        )
