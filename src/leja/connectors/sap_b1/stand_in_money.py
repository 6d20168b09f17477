"""Payments and journal entries: what they must say, and what they post.

A payment's sums are in its own currency (DocCurrency), what it applies to a document in local currency (SumApplied) or,
for a document in a foreign one, in that (AppliedFC). Not confirmed by a page: that a realised exchange difference stands
in the payment's own journal entry, and that a credit note in a payment is applied with a plus sign.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.sap_b1 import stand_in_chart as chart
from leja.connectors.sap_b1.stand_in_books import Books, Entry, Row
from leja.connectors.sap_b1.stand_in_records import Records, Stored
from leja.connectors.sap_b1.stand_in_shapes import NO, YES, Refused
from leja.core.money import from_text

_ZERO: Final = Decimal(0)
_TARGETS: Final = {
    "it_Invoice": "Invoices", "it_CredItnote": "CreditNotes", "it_PurchaseInvoice": "PurchaseInvoices",
    "it_JournalEntry": "JournalEntries",
}  # fmt: skip
# What adds to a customer's debt, and what takes from it: a receipt settles the one, a refund the other.
_SIDES: Final = {"Invoices": 1, "CreditNotes": -1, "PurchaseInvoices": -1}


class Applied(msgspec.Struct):
    """What a payment takes of a document: minor units of the document's currency, and local money at its own rate."""

    kind: str
    id: str
    minor: int
    local: Decimal
    amount: Decimal


class BuiltPayment(msgspec.Struct):
    """A payment that was worked out."""

    body: dict[str, Any]
    entry: Entry
    applied: list[Applied]


class Payments:
    """Incoming and outgoing payments."""

    def __init__(self, records: Records, books: Books) -> None:
        self.records, self.books, self.settings = records, books, books.settings

    def build(self, kind: str, given: dict[str, Any]) -> BuiltPayment:
        """The payment with its journal entry. Raises Refused."""
        table = "ORCT" if kind == "IncomingPayments" else "OVPM"
        sign = 1 if kind == "IncomingPayments" else -1
        body = {**_new(kind), **given}
        local = self.settings.local_currency
        if body["DocType"] != "rAccount":
            partner = self.books.partner(body.get("CardCode"), f"{table}.CardCode")
            body |= {"CardName": partner.body["CardName"]}
            default = partner.body["Currency"] if partner.body["Currency"] != "##" else local
        else:
            partner, default = None, local
        currency = body.get("DocCurrency") or default
        rate = self.books.rate(body["DocDate"], currency)
        if body.get("DocRate") and currency != local:
            rate = body["DocRate"]
        body |= {"DocCurrency": currency, "DocRate": rate}
        means = self._means(body, currency, table)
        total = sum((row.amount for row in means), _ZERO)
        if total <= 0:
            raise Refused(-10, f"Payment has no sum: give at least one means of payment  [{table}]")
        foreign = total if currency != local else _ZERO
        body |= {"CashSumFC": Decimal(body["CashSum"]) if foreign else _ZERO}
        head = {"Memo": body.get("JournalRemarks") or "", "Reference": str(body.get("Reference1") or ""),
                "Reference2": str(body.get("CounterReference") or "")}  # fmt: skip
        rows = [msgspec.structs.replace(row, amount=sign * row.amount) for row in means]
        if partner is None:
            rows += self._accounts(body, sign, total, table)
            return BuiltPayment(body, Entry(body["DocDate"], currency, rate, rows, head, kind), [])
        applied = [
            self._applied(kind, partner, currency, row, place) for place, row in enumerate(body["PaymentInvoices"])
        ]
        body["PaymentInvoices"] = [
            self._paid(number, row, each)
            for number, (row, each) in enumerate(zip(body["PaymentInvoices"], applied, strict=True))
        ]
        rows += self._settled(body, partner, applied, sign, total, rate)
        return BuiltPayment(body, Entry(body["DocDate"], currency, rate, rows, head, kind), applied)

    def _means(self, body: dict[str, Any], currency: str, table: str) -> list[Row]:
        found = []
        for account, amount, what in (
            (body.get("CashAccount"), body.get("CashSum"), "CashAcct"),
            (body.get("TransferAccount"), body.get("TransferSum"), "TrsfrAcct"),
        ):
            if amount:
                found.append((account, amount, f"{table}.{what}"))
        for place, card in enumerate(body["PaymentCreditCards"]):
            kept = self.records.find("CreditCards", card.get("CreditCard") or 0)
            if kept is None:
                raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
            where = f"RCT3.CreditAcct][line: {place + 1}"
            found.append((card.get("CreditAcct") or kept.body["GLAccount"], card.get("CreditSum") or _ZERO, where))
        rows = []
        for account, amount, where in found:
            if amount != self.books.rounded(amount, currency) or amount < 0:
                raise Refused(-10, f"Invalid amount  [{where}]")
            rows.append(Row(self.books.account(account, where, manual=True).id, Decimal(amount)))
        return rows

    def _accounts(self, body: dict[str, Any], sign: int, total: Decimal, table: str) -> list[Row]:
        rows = []
        for place, row in enumerate(body["PaymentAccounts"]):
            where = f"RCT4.AcctCode][line: {place + 1}"
            account = self.books.account(row.get("AccountCode"), where, manual=True)
            rows.append(Row(account.id, -sign * (row.get("SumPaid") or _ZERO)))
        if -sign * sum((row.amount for row in rows), _ZERO) != total:
            raise Refused(-10, f"Total of the accounts does not equal the sum of the payment means  [{table}]")
        return rows

    def _applied(self, kind: str, partner: Stored, currency: str, row: dict[str, Any], place: int) -> Applied:
        where = f"RCT2.DocNum][line: {place + 1}"
        target = _TARGETS[row.get("InvoiceType") or "it_Invoice"]
        found = self.records.find(target, row.get("DocEntry") or 0)
        if found is None or target not in _SIDES or found.body["CardCode"] != partner.id:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        body = found.body
        if body["DocumentStatus"] == "bost_Close" or body["CancelStatus"] != "csNo":
            raise Refused(-10, f"Invoice is already closed or blocked  [{where}]")
        local = self.settings.local_currency
        theirs = body["DocCurrency"]
        if currency not in (theirs, local):
            raise Refused(-10, f"Currency of the payment is not that of the document  [{where}]")
        wanted = row.get("AppliedFC") if theirs != local else row.get("SumApplied")
        total = Decimal(body["DocTotalFc"] if theirs != local else body["DocTotal"])
        taken, taken_local = self.records.applied_to(target, found.id)
        places = self.settings.places(theirs)
        due = total - Decimal(taken).scaleb(-places)
        amount = abs(Decimal(wanted)) if wanted is not None else due
        if not amount or amount > due or amount != self.books.rounded(amount, theirs):
            raise Refused(-10, f"Amount applied is more than the balance due of the document  [{where}]")
        home = self.books.rounded(amount * body["DocRate"], local)
        if amount == due:
            home = Decimal(body["DocTotal"]) - Decimal(taken_local).scaleb(-self.settings.places(local))
        side = _SIDES[target] * (1 if kind == "IncomingPayments" else -1)
        return Applied(target, found.id, from_text(amount, theirs).minor, side * home, side * amount)

    def _paid(self, number: int, row: dict[str, Any], each: Applied) -> dict[str, Any]:
        document = self.records.find(each.kind, each.id)
        currency = document.body["DocCurrency"] if document else self.settings.local_currency
        foreign = abs(each.amount) if currency != self.settings.local_currency else _ZERO
        return {
            **row, "LineNum": number, "InvoiceType": row.get("InvoiceType") or "it_Invoice",
            "SumApplied": abs(each.local), "AppliedFC": foreign, "DocRate": document.body["DocRate"] if document else _ZERO,
        }  # fmt: skip

    def _settled(
        self, body: dict[str, Any], partner: Stored, applied: list[Applied], sign: int, total: Decimal, rate: Decimal
    ) -> list[Row]:
        """The customer's side: what is applied at the documents' own rates, the rest on account, and the difference."""
        local, currency = self.settings.local_currency, body["DocCurrency"]
        wanted = body.get("ControlAccount") or partner.body["DebitorAccount"]
        control = self.books.account(wanted, "ORCT.BpAct").id
        taken = _ZERO
        for each in applied:
            foreign = self.records.find(each.kind, each.id)
            theirs = foreign.body["DocCurrency"] if foreign else local
            # A foreign document that is paid in local money takes what its amount is worth on the day.
            taken += each.amount if theirs == currency else self.books.rounded(
                each.amount * self.books.rate(body["DocDate"], theirs), local)  # fmt: skip
        if taken > total or taken < 0:
            raise Refused(-10, "Amounts applied are more than the payment  [ORCT.DocTotal]")
        worth = self.books.rounded(total * rate, local)
        home = sum((each.local for each in applied), _ZERO)
        if taken < total:
            home += worth - self.books.rounded(taken * rate, local)
        rows = [Row(control, -sign * total, card=partner.id, local=-sign * home)]
        if worth != home:
            rows.append(Row(self.settings.code(chart.REALISED), _ZERO, local=-sign * (worth - home)))
        return rows


def _new(kind: str) -> dict[str, Any]:
    return {
        "DocType": "rCustomer" if kind == "IncomingPayments" else "rSupplier", "CashAccount": None, "CashSum": _ZERO,
        "TransferAccount": None, "TransferSum": _ZERO, "TransferDate": None, "TransferReference": None,
        "Reference1": None, "Reference2": None, "CounterReference": None, "Remarks": None, "JournalRemarks": None,
        "Cancelled": NO, "PaymentInvoices": [], "PaymentCreditCards": [], "PaymentAccounts": [],
    }  # fmt: skip


class Journals:
    """Manual journal entries."""

    def __init__(self, records: Records, books: Books) -> None:
        self.records, self.books, self.settings = records, books, books.settings

    def build(self, body: dict[str, Any]) -> Entry:
        """The entry of a body. Raises Refused."""
        lines = body.get("JournalEntryLines") or []
        if len(lines) < 2:
            raise Refused(-10, "A journal entry needs at least two rows  [JDT1]")
        if body.get("AutoVAT") == YES:
            raise Refused(-5006, "The requested action is not supported for this object.")
        local = self.settings.local_currency
        currencies = {row["FCCurrency"] for row in lines if row.get("FCCurrency")} - {local}
        if len(currencies) > 1:
            raise Refused(-10, "Only one foreign currency is allowed in a journal entry here  [JDT1.FCCurrency]")
        currency = currencies.pop() if currencies else local
        day = body["ReferenceDate"]
        rate = self.books.rate(day, currency)
        rows = [self._row(row, currency, rate, place + 1) for place, row in enumerate(lines)]
        if currency != local and sum(row.local or _ZERO for row in rows):
            raise Refused(-10, "Unbalanced Transaction")
        head = {name: value for name, value in body.items() if name != "JournalEntryLines" and value is not None}
        return Entry(day, currency, rate, rows, head)

    def _row(self, row: dict[str, Any], currency: str, rate: Decimal, place: int) -> Row:
        account, card = self._account(row, place)
        local = self.settings.local_currency
        home = self._side(row, "Debit", "Credit", local, place)
        keep = ("LineMemo", "Reference1", "Reference2", "AdditionalReference", "ProjectCode", "CostingCode",
                "CostingCode2", "CostingCode3", "CostingCode4", "CostingCode5", "TaxGroup", "BaseSum", "VatLine",
                "BPLID", "DueDate", "TaxDate")  # fmt: skip
        extra = {name: row[name] for name in row if (name in keep or name.startswith("U_")) and row[name] is not None}
        if "TaxGroup" in extra and self.records.find("VatGroups", extra["TaxGroup"]) is None:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        if currency == local:
            return Row(account, home, card=card, local=home, extra=extra)
        amount = self._side(row, "FCDebit", "FCCredit", currency, place)
        if amount and not home:
            home = self.books.rounded(amount * rate, local)
        return Row(account, amount, card=card, local=home, extra=extra)

    def _account(self, row: dict[str, Any], place: int) -> tuple[str, str]:
        """The account that a line rests on, and the partner if it is one's."""
        name = row.get("ShortName")
        partner = self.records.find("BusinessPartners", name) if name else None
        if partner is not None:
            self.books.partner(name, f"JDT1.ShortName][line: {place}")
            control = row.get("ControlAccount") or row.get("AccountCode") or partner.body["DebitorAccount"]
            return self.books.account(control, f"JDT1.Account][line: {place}").id, partner.id
        code = row.get("AccountCode") or name
        return self.books.account(code, f"JDT1.Account][line: {place}", manual=True).id, ""

    def _side(self, row: dict[str, Any], debit: str, credit: str, currency: str, place: int) -> Decimal:
        one, two = Decimal(row.get(debit) or 0), Decimal(row.get(credit) or 0)
        if one and two:
            raise Refused(-10, f"Enter a debit or a credit, not both  [JDT1.{debit}][line: {place}]")
        amount = one - two
        if amount != self.books.rounded(amount, currency):
            raise Refused(-10, f"Amount has too many decimals  [JDT1.{debit}][line: {place}]")
        return amount
