"""The general ledger of the stand-in: accounts, periods, rates and the journal entry behind every document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from leja.connectors.sap_b1.stand_in_chart import CompanySettings
from leja.connectors.sap_b1.stand_in_records import LedgerLine, Records, Stored
from leja.connectors.sap_b1.stand_in_shapes import NO, YES, Refused
from leja.core.money import Money, from_text, to_decimal

_ZERO: Final = Decimal(0)
# The series that a new company has, by object: the primary one, which numbers from 1.
SERIES: Final = {
    "Invoices": 4, "CreditNotes": 5, "Orders": 6, "PurchaseInvoices": 7, "IncomingPayments": 8, "VendorPayments": 9,
    "JournalEntries": 17, "Drafts": 1, "BusinessPartners": 1, "Items": 2,
}  # fmt: skip
OBJECT_CODES: Final = {
    "Invoices": "13", "CreditNotes": "14", "Orders": "17", "PurchaseInvoices": "18", "IncomingPayments": "24",
    "VendorPayments": "46", "JournalEntries": "30",
}  # fmt: skip
_ORIGINS: Final = {
    "Invoices": "ttARInvoice", "CreditNotes": "ttARCredItnote", "PurchaseInvoices": "ttAPInvoice",
    "IncomingPayments": "ttReceipt", "VendorPayments": "ttVendorPayment", "JournalEntries": "ttJournalEntry",
}  # fmt: skip


def first_number(kind: str) -> int:
    """Where the primary series of an object starts."""
    return SERIES[kind] * 10_000 + 1


class Row(msgspec.Struct):
    """A line on its way into the ledger: debit positive, in the entry's currency; ``local`` where it differs."""

    account: str
    amount: Decimal
    card: str = ""
    local: Decimal | None = None
    extra: dict[str, Any] = {}


class Entry(msgspec.Struct):
    """What a journal entry says beside its lines."""

    day: str
    currency: str
    rate: Decimal
    rows: list[Row]
    head: dict[str, Any]
    made_by: str = "JournalEntries"
    made_id: int = 0


class Books:
    """Accounts, posting periods, exchange rates, journal entries."""

    def __init__(self, records: Records, settings: CompanySettings) -> None:
        self.records, self.settings = records, settings

    def preference(self, name: str, default: Any) -> Any:
        """A setting that the control may have changed since the start."""
        kept = self.records.store.get("preference", name)
        return default if kept is None else kept["value"]

    def prefer(self, name: str, value: Any) -> None:
        """Changes a setting from now on."""
        self.records.store.put("preference", name, {"value": value})

    def number(self, kind: str) -> int:
        """The next number of an object's series, which is not its key: each series starts elsewhere."""
        return self.records.store.next_number(f"number/{kind}", first_number(kind))

    # --- accounts and partners ------------------------------------------------------------------------------------

    def account(self, code: str | None, where: str, *, manual: bool = False) -> Stored:
        """An account that can be posted to. Raises Refused. ``where`` is the vendor's place, ``JDT1.Account][line: 1``."""
        found = self.records.find("ChartOfAccounts", code) if code else None
        if found is None:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        body = found.body
        if body["ActiveAccount"] != YES:
            raise Refused(-10, f"'{code}' is a title account; specify an active account  [{where}]")
        if body["FrozenFor"] == YES or body["ValidFor"] != YES:
            raise Refused(-10, f"Account '{code}' is inactive  [{where}]")
        if manual and body["LockManualTransaction"] == YES:
            raise Refused(-10, f"Control account '{code}' is locked for manual transactions  [{where}]")
        return found

    def partner(self, code: str | None, where: str) -> Stored:
        """An active business partner. Raises Refused."""
        found = self.records.find("BusinessPartners", code) if code else None
        if found is None:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        if found.body["Frozen"] == YES or found.body["Valid"] != YES:
            raise Refused(-10, f"Business partner '{code}' is inactive  [{where}]")
        return found

    # --- periods --------------------------------------------------------------------------------------------------

    def periods(self) -> Iterator[dict[str, Any]]:
        """The posting periods: one a month."""
        first, last = self.settings.periods
        for year in range(first, last + 1):
            for month in range(1, 13):
                start = date(year, month, 1)
                end = date(year + month // 12, month % 12 + 1, 1)
                end_day = date.fromordinal(end.toordinal() - 1).isoformat()
                yield {
                    "AbsoluteEntry": (year - first) * 12 + month, "PeriodCode": f"{year}-{month:02d}",
                    "PeriodName": f"{year}-{month:02d}", "PostingDateFrom": start.isoformat(),
                    "PostingDateTo": end_day, "ValueDateFrom": f"{first}-01-01", "ValueDateTo": f"{last + 1}-12-31",
                    "TaxDateFrom": f"{first}-01-01", "TaxDateTo": f"{last + 1}-12-31", "PeriodIndicator": "Default",
                    "PeriodStatus": self._status(start.isoformat(), end_day),
                }  # fmt: skip

    def _status(self, start: str, end: str) -> str:
        own = self.preference(f"period/{start[:7]}", "")
        lock = str(self.preference("lock_date", self.settings.lock_date))
        return str(own or ("ltLocked" if lock and end <= lock else "ltUnlocked"))

    def open_on(self, day: str, *, sales: bool = False) -> None:
        """Raises Refused where nothing may be posted on that day: the month's status, or no period at all.

        A lock date within a month counts as if the period ended there; the vendor locks whole periods.
        """
        first, last = self.settings.periods
        if not f"{first}-01-01" <= day <= f"{last}-12-31":
            raise Refused(-5002, "Date deviates from permissible range  [OINV.DocDate]")
        lock = str(self.preference("lock_date", self.settings.lock_date))
        status = str(self.preference(f"period/{day[:7]}", "ltUnlocked"))
        if day <= lock or status in ("ltLocked", "ltPeriodClosing") or (status == "ltUnlockedExceptSales" and sales):
            raise Refused(-4013, "Posting period locked; specify an alternative date")

    # --- rates ----------------------------------------------------------------------------------------------------

    def rate(self, day: str, currency: str) -> Decimal:
        """Local currency for one unit. Raises Refused where nobody entered one for the day."""
        if currency == self.settings.local_currency:
            return Decimal(1)
        if currency not in (*self.settings.currencies, self.settings.system_currency):
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        kept = self.records.store.get("rate", f"{currency}/{day}")
        if kept is not None:
            return Decimal(kept["rate"])
        if currency not in self.settings.rates:
            raise Refused(-10, f"Update the exchange rate  '{currency}' for {day}")
        return self.settings.rates[currency]

    def set_rate(self, day: str, currency: str, rate: Decimal) -> None:
        """What SBOBobService_SetCurrencyRate does."""
        if currency not in self.settings.currencies or currency == self.settings.local_currency or rate <= 0:
            raise Refused(-10, "Invalid currency or rate")
        self.records.store.put("rate", f"{currency}/{day}", {"rate": str(rate)})

    def rounded(self, amount: Decimal, currency: str) -> Decimal:
        """An amount to the currency's decimals, halves away from zero."""
        return Decimal(amount).quantize(Decimal(1).scaleb(-self.settings.places(currency)), ROUND_HALF_UP)

    # --- journal entries ------------------------------------------------------------------------------------------

    def enter(self, entry: Entry, origin: str, lag: float = 0.0, jdt: int | None = None) -> int:
        """Writes a journal entry that balances in every currency, and answers its number (JdtNum)."""
        lines = self._lines(entry)
        jdt = jdt or self.records.store.next_number("JdtNum")
        head = {
            "JdtNum": jdt,
            "Number": first_number("JournalEntries") - 1 + jdt, "ReferenceDate": entry.day, "DueDate": entry.day, "TaxDate": entry.day,
            "VatDate": entry.day, "Memo": "", "Reference": "", "Reference2": "", "Reference3": "",
            "TransactionCode": "", "ProjectCode": "", "Series": SERIES["JournalEntries"], "AutoVAT": NO,
            "UseAutoStorno": NO, "StornoDate": None, "OriginalJournal": _ORIGINS[entry.made_by],
            "Original": entry.made_id or jdt, "BaseReference": str(entry.made_id or jdt), **entry.head,
        }  # fmt: skip
        head["JournalEntryLines"] = [
            self._shown(number, row, line, entry)
            for number, (row, line) in enumerate(zip(entry.rows, lines, strict=True))
        ]
        self.records.put("JournalEntries", jdt, head, origin=origin, lag=lag)
        self.records.enter(jdt, entry.day, origin, lines)
        return jdt

    def _lines(self, entry: Entry) -> list[LedgerLine]:
        local, system = self.settings.local_currency, self.settings.system_currency
        minors = [from_text(row.amount, entry.currency).minor for row in entry.rows]
        homes = [
            from_text(self.rounded(row.amount * entry.rate, local) if row.local is None else row.local, local).minor
            for row in entry.rows
        ]
        if sum(minors):
            raise Refused(-10, "Unbalanced Transaction")
        if drift := sum(homes):
            # The rounding of the conversion rests on a line that nobody gave a local amount for, the last of them.
            free = [n for n, row in enumerate(entry.rows) if row.local is None]
            if not free or entry.rate == 1:
                raise Refused(-10, "Unbalanced Transaction")
            homes[free[-1]] -= drift
        rate = self.rate(entry.day, system)
        other = [from_text(self.rounded(to_decimal(Money(m, local)) / rate, system), system).minor for m in homes]
        other[-1] -= sum(other)
        return [
            LedgerLine(row.account, row.card, entry.currency, minor, home, sys)
            for row, minor, home, sys in zip(entry.rows, minors, homes, other, strict=True)
        ]

    def _shown(self, number: int, row: Row, line: LedgerLine, entry: Entry) -> dict[str, Any]:
        settings = self.settings
        local = to_decimal(Money(line.local, settings.local_currency))
        system = to_decimal(Money(line.system, settings.system_currency))
        foreign = entry.currency != settings.local_currency
        amount = to_decimal(Money(line.minor, entry.currency)) if foreign else _ZERO
        other = next((each for each in entry.rows if (each.amount > 0) != (row.amount > 0)), row)
        return {
            "Line_ID": number, "AccountCode": row.account, "ShortName": row.card or row.account,
            "ControlAccount": row.account if row.card else None,
            "ContraAccount": other.card or other.account,
            "Debit": max(local, _ZERO), "Credit": max(-local, _ZERO), "DebitSys": max(system, _ZERO),
            "CreditSys": max(-system, _ZERO), "FCDebit": max(amount, _ZERO), "FCCredit": max(-amount, _ZERO),
            "FCCurrency": entry.currency if foreign else None, "DueDate": entry.day, "TaxDate": entry.day,
            "ReferenceDate1": entry.day, "LineMemo": entry.head.get("Memo", ""), "Reference1": "", "Reference2": "",
            "TaxGroup": None, "BaseSum": _ZERO, "VatAmount": _ZERO, "VatLine": NO, **row.extra,
        }  # fmt: skip

    def reverse(
        self, jdt: int, day: str, head: dict[str, Any], made: tuple[str, int], origin: str, lag: float = 0.0
    ) -> int:
        """The entry that undoes another, amount for amount."""
        found = self.records.find("JournalEntries", jdt)
        if found is None:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        before = self.records.lines_of(jdt)
        lines = [msgspec.structs.replace(li, minor=-li.minor, local=-li.local, system=-li.system) for li in before]
        new = self.records.store.next_number("JdtNum")
        shown = []
        for row in found.body["JournalEntryLines"]:
            swapped = {**row, "ReferenceDate1": day, "DueDate": day, "TaxDate": day}
            for one, two in (("Debit", "Credit"), ("DebitSys", "CreditSys"), ("FCDebit", "FCCredit")):
                swapped[one], swapped[two] = row[two], row[one]
            swapped["BaseSum"] = -row["BaseSum"]
            shown.append(swapped)
        body = {**found.body, **head, "JdtNum": new, "Number": first_number("JournalEntries") - 1 + new, "ReferenceDate": day, "DueDate": day, "TaxDate": day,
                "VatDate": day, "OriginalJournal": _ORIGINS[made[0]], "Original": made[1] or new,
                "BaseReference": str(made[1] or new), "JournalEntryLines": shown}  # fmt: skip
        self.records.put("JournalEntries", new, body, origin=origin, lag=lag)
        self.records.enter(new, day, origin, lines)
        return new
