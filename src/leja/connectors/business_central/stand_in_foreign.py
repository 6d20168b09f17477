"""A year of foreign entries: rent, salaries, supplier bills, bank fees, invoices typed by hand. Seeded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from leja.connectors.business_central import stand_in_chart as chart
from leja.connectors.business_central.stand_in_chart import fixed_id
from leja.connectors.business_central.stand_in_company import Company


def found_company(company: Company) -> None:
    """Opens the company once with its customers and foreign entries. Does nothing when that was done before."""
    settings = company.settings
    if not company.found():
        return
    for name in chart.CUSTOMERS:
        company.create("customers", {"displayName": name}, origin="foreign")
    if settings.foreign:
        last = company.env.clock().date().isoformat()
        for season in dict.fromkeys((settings.season_end, settings.second_season_end or last)):
            _year(company, date.fromisoformat(season))


def _year(company: Company, last: date) -> None:
    random = Random(f"{company.env.seed}/{last}")  # noqa: S311 - a repeatable season, no secret
    for month in range(12):
        first = (last - timedelta(days=30 * month + 28)).replace(day=1)
        _month(company, random, first, last)


def _month(company: Company, random: Random, first: date, last: date) -> None:
    def day(number: int) -> str:
        return min(first + timedelta(days=number - 1), last).isoformat()

    def amount(low: int, high: int) -> Decimal:
        places = company.settings.places("")
        return Decimal(random.randint(low * 10**places, high * 10**places)).scaleb(-places)

    def journal(number: str, when: str, text: str, *rows: tuple[str, Decimal]) -> None:
        lines = [{"accountNumber": account, "amount": value, "postingDate": when, "documentNumber": number,
                  "description": text} for account, value in rows]  # fmt: skip
        batch = company.create("journals", {"code": "MANUAL", "journalLines": lines}, origin="foreign")
        company.journals.post(batch, "foreign")
        company.records.remove(company.records.get("journals", batch.id))

    bank, mark = chart.BANK, f"{first:%y%m}"
    rent, fee = Decimal(2400), amount(8, 30)
    journal(f"RENT{mark}", day(1), "Rent Harbour Street 12", ("60100", rent), (bank, -rent))
    journal(f"FEE{mark}", day(28), "Account fee and charges", ("60310", fee), (bank, -fee))
    wages, withheld = amount(6000, 7500), amount(1400, 1900)
    journal(f"PAY{mark}", day(27), "Salaries", ("60200", wages), ("20600", -withheld), (bank, withheld - wages))
    for prefix, account, low, high in (("UTIL", "60400", 120, 300), ("STOCK", chart.INVENTORY, 900, 3200)):
        net = amount(low, high)
        tax = (net / 5).quantize(Decimal(1).scaleb(-company.settings.places("")))
        rows = ((account, net), (chart.PURCHASE_VAT, tax), (bank, -net - tax))
        journal(f"{prefix}{mark}", day(random.randint(2, 20)), "Supplier bill", *rows)
    _invoice(company, random, amount(80, 900), (day(9), day(25)), f"H{mark}-{random.randint(10, 99)}")


def _invoice(company: Company, random: Random, value: Decimal, days: tuple[str, str], number: str) -> None:
    customers = list(company.records.each("customers"))[: len(chart.CUSTOMERS)]
    body: dict[str, Any] = {
        "customerNumber": random.choice(customers).number, "externalDocumentNumber": number, "postingDate": days[0],
        "invoiceDate": days[0],
        "salesInvoiceLines": [{"lineType": "Account", "lineObjectNumber": "40120", "quantity": 1, "unitPrice": value,
                               "description": "Wholesale goods, typed by hand"}],
    }  # fmt: skip
    made = company.create("salesInvoices", body, origin="foreign")
    company.act(made, "post", origin="foreign")
    if random.randint(1, 10) > 6:
        return
    invoice = company.records.get("salesInvoices", made.id)
    payment = {"customerNumber": invoice.body["customerNumber"], "postingDate": days[1], "documentNumber": f"BANK{number}",
               "amount": -invoice.body["totalAmountIncludingTax"], "appliesToInvoiceId": invoice.id}  # fmt: skip
    batch = company.create("customerPaymentJournals", {"code": "RECEIPTS", "balancingAccountId": fixed_id("accounts", chart.BANK),
                                                       "customerPayments": [payment]}, origin="foreign")  # fmt: skip
    company.journals.post(batch, "foreign")
    company.records.remove(company.records.get("customerPaymentJournals", batch.id))
