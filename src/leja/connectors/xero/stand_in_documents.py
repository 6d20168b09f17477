"""Invoices, credit notes, payments, bank transactions, manual journals: the vendor's rules and what each one posts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import uuid4

import msgspec

from leja.connectors.xero.stand_in_bank import CREDITS, INWARD, control, credit_lines, transfer
from leja.connectors.xero.stand_in_chart import CREDITORS, DEBTORS, REALISED, VAT, OrganisationSettings
from leja.connectors.xero.stand_in_masters import Masters
from leja.connectors.xero.stand_in_pricing import Line, Pricing, price_line, totals
from leja.connectors.xero.stand_in_records import Posting, Records, Stored
from leja.connectors.xero.stand_in_shapes import Invalid
from leja.core.money import from_text

_ZERO: Final = Decimal(0)
# What a payment may settle.
PAID: Final = ("Invoice", "CreditNote", "Overpayment", "Prepayment")
_SALES: Final = ("ACCREC", "ACCRECCREDIT", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT")
_PAYMENT_TYPES: Final = {
    "ACCREC": "ACCRECPAYMENT", "ACCPAY": "ACCPAYPAYMENT", "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT", "RECEIVE-OVERPAYMENT": "AROVERPAYMENTPAYMENT",
    "SPEND-OVERPAYMENT": "APOVERPAYMENTPAYMENT", "RECEIVE-PREPAYMENT": "ARPREPAYMENTPAYMENT",
    "SPEND-PREPAYMENT": "APPREPAYMENTPAYMENT",
}  # fmt: skip
_POSTED: Final = ("AUTHORISED", "PAID", "POSTED")
_NEXT: Final = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("SUBMITTED", "AUTHORISED", "DRAFT", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
    "POSTED": ("POSTED", "VOIDED"),
    "PAID": ("PAID",),
}


class Built(msgspec.Struct, frozen=True):
    """A document ready to be kept."""

    body: dict[str, Any]
    currency: str
    postings: tuple[Posting, ...]
    number: str = ""
    source: str = ""
    link: tuple[str, str, int] | None = None


class Documents:
    """Builds documents from accepted fields."""

    def __init__(self, records: Records, masters: Masters, settings: OrganisationSettings) -> None:
        self.records, self.masters, self.settings = records, masters, settings

    def build(
        self,
        kind: str,
        body: dict[str, Any],
        before: Stored | None,
        origin: str,
        unit_places: int,
        *,
        settled: bool = True,
    ) -> Built:
        """The document with everything that the vendor adds. Raises Invalid.

        ``settled`` false: what has been paid may change too, as nobody could do over there but a test needs.
        """
        if kind in ("Invoices", "CreditNotes"):
            return self._trade(kind, body, before, origin, unit_places, settled)
        if kind == "BankTransactions":
            return self._bank(body, before, origin, unit_places)
        if kind == "BankTransfers":
            return self._transfer(body)
        return self._journal(body, before) if kind == "ManualJournals" else self._payment(body)

    # --- shared ---------------------------------------------------------------------------------------------------

    def home(self, amount: Decimal, rate: Decimal) -> Decimal:
        """In the base currency: the rate is foreign units for one of the base."""
        unit = Decimal(1).scaleb(-self.settings.places(self.settings.base_currency))
        return (amount / rate).quantize(unit, rounding=ROUND_HALF_UP)

    def _posted(self, rate: Decimal, rows: list[tuple[str, Decimal, str, str]]) -> tuple[Posting, ...]:
        found = [
            Posting(code, amount, self.home(amount, rate), tax, words) for code, amount, tax, words in rows if amount
        ]
        if left := sum((p.home for p in found), _ZERO):
            last = found[-1]
            found[-1] = Posting(last.account, last.amount, last.home - left, last.tax_type, last.text)
        return tuple(found)

    def _currency(self, body: dict[str, Any], default: str) -> tuple[str, Decimal]:
        currency = self.masters.currency(body.get("CurrencyCode", default))
        rate = Decimal(body.get("CurrencyRate") or self.settings.day_rate(currency))
        if currency == self.settings.base_currency:
            rate = Decimal(1)
        if rate <= 0 or rate != rate.quantize(Decimal("0.000001")):
            raise Invalid("CurrencyRate must be greater than zero and have at most 6 decimal places.")
        body |= {"CurrencyCode": currency, "CurrencyRate": rate}
        return currency, rate

    def _pricing(self, currency: str, mode: str, unit_places: int, discounts: bool) -> Pricing:
        kept = self.records.store.get("preference", "tax_per_document")
        return Pricing(self.settings.places(currency), unit_places, mode, self.masters.percentages(), discounts,
                       bool(kept and kept["value"]))  # fmt: skip

    def _lines(self, body: dict[str, Any], pricing: Pricing, sold: bool, firm: bool) -> list[Line]:
        found = []
        for given in body.get("LineItems", ()):
            line = {"LineItemID": str(uuid4()), **given}
            if not firm and not (line.get("AccountCode") or line.get("AccountID") or line.get("ItemCode")):
                kept = price_line(line, "", line.get("TaxType", "NONE"), pricing)
                found.append(kept)
                continue
            account = self.masters.line_account(line, sold)
            if account["SystemAccount"] in ("DEBTORS", "CREDITORS", "RETAINEDEARNINGS"):
                raise Invalid(f"Account code '{account['Code']}' is not a valid code for this document.")
            found.append(price_line(line, account["Code"], line.get("TaxType", account["TaxType"]), pricing))
        return found

    def _status(self, body: dict[str, Any], before: Stored | None, default: str, also: str = "") -> str:
        now = before.body["Status"] if before else None
        status = str(body.get("Status") or now or default)
        if now is not None and status not in (*_NEXT.get(now, (now,)), also):
            raise Invalid(f"Document status {now} cannot be changed to {status}: not of valid status for modification")
        if now in ("VOIDED", "DELETED", "PAID") and before is not None:
            raise Invalid("Invoice not of valid status for modification")
        body["Status"] = status
        return status

    # --- invoices and credit notes --------------------------------------------------------------------------------

    def _trade(
        self, kind: str, body: dict[str, Any], before: Stored | None, origin: str, unit_places: int, settled: bool
    ) -> Built:
        if "Type" not in body:
            raise Invalid("Type must be specified.")
        status, sold = self._status(body, before, "DRAFT"), body["Type"] in _SALES
        firm = status in ("AUTHORISED", "SUBMITTED")
        if not body.get("Contact"):
            raise Invalid("A Contact must be specified for this type of transaction")
        contact = self.masters.contact(body["Contact"], origin)
        body["Contact"] = {"ContactID": contact["ContactID"], "Name": contact["Name"]}
        currency, rate = self._currency(body, contact.get("DefaultCurrency", self.settings.base_currency))
        mode = body.setdefault("LineAmountTypes", "Exclusive")
        pricing = self._pricing(currency, mode, unit_places, body["Type"] == "ACCREC")
        lines = self._lines(body, pricing, sold, firm)
        problems = []
        if firm and not lines:
            problems.append("One or more line items must be specified")
        if firm and kind == "Invoices" and "DueDate" not in body:
            problems.append("Due Date cannot be empty")
        if any(firm and not line.kept.get("Description") for line in lines):
            problems.append("Description must be specified on every line.")
        net, tax = totals(lines, pricing)
        if net + tax < 0:
            problems.append("The document total must be zero or greater.")
        if problems:
            raise Invalid(*problems)
        body |= {"LineItems": [line.kept for line in lines], "SubTotal": net, "TotalTax": tax, "Total": net + tax}
        if settled and before is not None and self.records.links_to(kind, before.id):
            if status == "VOIDED":
                raise Invalid("Invoice cannot be voided: it has payments or credit notes applied. Remove them first.")
            if net + tax != before.body["Total"] or body["Date"] != before.body["Date"]:
                raise Invalid("Invoice not of valid status for modification: payments have been applied")
        control = DEBTORS if sold else CREDITORS
        sign = (1 if sold else -1) * (1 if kind == "Invoices" else -1)
        rows = [(control, sign * (net + tax), "", ""), (VAT, -sign * tax, "", "")]
        rows += [(li.account, -sign * li.net, li.kept["TaxType"], li.kept.get("Description", "")) for li in lines]
        postings = self._posted(rate, rows) if status in _POSTED else ()
        return Built(body, currency, postings, self._number(kind, body, before), body["Type"])

    def _number(self, kind: str, body: dict[str, Any], before: Stored | None) -> str:
        field = "InvoiceNumber" if kind == "Invoices" else "CreditNoteNumber"
        number = body.get(field) or (before.body.get(field, "") if before else "")
        if not number and body["Type"] in _SALES:
            series = "INV" if kind == "Invoices" else "CN"
            number = f"{series}-{self.records.store.next_number(f'xero_{series}'):04d}"
        if number:
            body[field] = number
        own_id = before.id if before else ""
        if number and body["Type"] in _SALES:
            for other in self.records.by_number(kind, number):
                if (
                    other.id != own_id
                    and other.body["Type"] in _SALES
                    and other.body["Status"] not in ("DELETED", "VOIDED")
                ):
                    word = "Invoice" if kind == "Invoices" else "Credit Note"
                    raise Invalid(f"{word} # must be unique.")
        return str(number)

    def due(self, kind: str, stored: Stored) -> int:
        """What is open of an invoice or credit note, in minor units."""
        whole = from_text(stored.body["Total"], stored.body["CurrencyCode"]).minor
        return whole - sum(minor for _k, _i, minor in self.records.links_to(kind, stored.id))

    # --- money ----------------------------------------------------------------------------------------------------

    def _bank(self, body: dict[str, Any], before: Stored | None, origin: str, unit_places: int) -> Built:
        missing = [name for name in ("Type", "LineItems", "BankAccount") if not body.get(name)]
        if missing:
            raise Invalid(*(f"{name} must be specified." for name in missing))
        if body["Type"].endswith("-TRANSFER"):
            raise Invalid(f"{body['Type']} cannot be created here: use BankTransfers.")
        if before is not None and (before.body["Type"] != body["Type"] or before.body["Type"] in CREDITS):
            raise Invalid("Bank transaction not of valid type for modification")
        account = self.masters.account(body["BankAccount"], "BankAccount")
        if account["Type"] != "BANK":
            raise Invalid("The bank account must be an account of type BANK.")
        status = self._status(body, before, "AUTHORISED", "DELETED")
        if body.get("Contact"):
            contact = self.masters.contact(body["Contact"], origin)
            body["Contact"] = {"ContactID": contact["ContactID"], "Name": contact["Name"]}
        if body.get("CurrencyCode", account["CurrencyCode"]) != account["CurrencyCode"]:
            raise Invalid("The currency must be that of the bank account.")
        currency, rate = self._currency(body, account["CurrencyCode"])
        lines, pricing = self._bank_lines(body, currency, unit_places)
        if any(not line.kept.get("Description") for line in lines):
            raise Invalid("Description must be specified on every line.")
        net, tax = totals(lines, pricing)
        if net + tax < 0:
            raise Invalid("The bank transaction total must be zero or greater.")
        body |= {"LineItems": [line.kept for line in lines], "SubTotal": net, "TotalTax": tax, "Total": net + tax}
        body["BankAccount"] = {k: account[k] for k in ("AccountID", "Code", "Name")}
        body.setdefault("IsReconciled", False)
        sign = 1 if body["Type"] in INWARD else -1
        rows = [(account["Code"], sign * (net + tax), "", ""), (VAT, -sign * tax, "", "")]
        rows += [(li.account, -sign * li.net, li.kept["TaxType"], li.kept.get("Description", "")) for li in lines]
        source = "CASHREC" if sign > 0 else "CASHPAID"
        source = CREDITS[body["Type"]][2] if body["Type"] in CREDITS else source
        return Built(body, currency, self._posted(rate, rows) if status in _POSTED else (), "", source)

    def _bank_lines(self, body: dict[str, Any], currency: str, unit_places: int) -> tuple[list[Line], Pricing]:
        if body["Type"] in CREDITS:
            body |= {"LineAmountTypes": body.get("LineAmountTypes", "NoTax"), "LineItems": credit_lines(body)}
            pricing = self._pricing(currency, "NoTax", unit_places, False)
            own = control(body["Type"])
            return [price_line({"LineItemID": str(uuid4()), **line}, own, "NONE", pricing)
                    for line in body["LineItems"]], pricing  # fmt: skip
        mode = body.setdefault("LineAmountTypes", "Exclusive")
        pricing = self._pricing(currency, mode, unit_places, False)
        return self._lines(body, pricing, body["Type"] == "RECEIVE", True), pricing

    def _transfer(self, body: dict[str, Any]) -> Built:
        currency, amounts = transfer(self.masters, body, self.settings.places(self.settings.base_currency))
        rate = self.settings.day_rate(currency)
        body["CurrencyRate"] = rate
        return Built(body, currency, self._posted(rate, [(a, m, "", "") for a, m in amounts]), "", "TRANSFER")

    def _payment(self, body: dict[str, Any]) -> Built:
        kind, other = self._paid(body)
        if not body.get("Account"):
            raise Invalid("An account must be specified for the payment.")
        account = self.masters.account(body["Account"])
        if account["Type"] != "BANK" and not account["EnablePaymentsToAccount"]:
            raise Invalid("Account must be a bank account, or have payments to it enabled.")
        currency = other.body["CurrencyCode"]
        if account.get("CurrencyCode", self.settings.base_currency) not in (currency, self.settings.base_currency):
            raise Invalid("The account is in another currency than the document.")
        if "Amount" not in body or body["Amount"] <= 0:
            raise Invalid("Payment amount must be greater than zero")
        amount = self._pricing(currency, "NoTax", 2, False).exact(body["Amount"], "Amount")
        if other.body["Status"] != "AUTHORISED":
            raise Invalid("Payments can only be made against Authorised documents")
        minor = from_text(amount, currency).minor
        if minor > self.due(kind, other):
            raise Invalid("Payment amount exceeds the amount outstanding on this document")
        then = other.body["CurrencyRate"]
        rate = Decimal(body.get("CurrencyRate") or (1 if currency == self.settings.base_currency else then))
        inward = (other.body["Type"] in _SALES) == (kind == "Invoices")
        control = DEBTORS if other.body["Type"] in _SALES else CREDITORS
        sign = 1 if inward else -1
        postings = [
            Posting(account["Code"], sign * amount, sign * self.home(amount, rate)),
            Posting(control, -sign * amount, -sign * self.home(amount, then)),
        ]
        if difference := -sum((p.home for p in postings), _ZERO):
            postings.append(Posting(REALISED, _ZERO, difference))
        body |= {
            "Amount": amount,
            "BankAmount": amount,
            "CurrencyRate": rate,
            "Status": "AUTHORISED",
            "HasAccount": True,
            "PaymentType": _PAYMENT_TYPES[other.body["Type"]],
            "Account": {k: account[k] for k in ("AccountID", "Code", "Name")},
        }
        body.setdefault("IsReconciled", False)
        return Built(body, currency, tuple(postings), "", body["PaymentType"], (kind, other.id, minor))

    def _paid(self, body: dict[str, Any]) -> tuple[str, Stored]:
        wanted = [name for name in PAID if body.get(name) or body.get(f"{name}Number")]
        if len(wanted) != 1:
            raise Invalid("Exactly one of Invoice, CreditNote, Prepayment and Overpayment must be given.")
        name = wanted[0]
        kind, ref = f"{name}s", body.get(name) or {}
        number = ref.get(f"{name}Number") or body.get(f"{name}Number", "")
        found = self.records.find(kind, ref[f"{name}ID"]) if f"{name}ID" in ref else None
        if found is None and number:
            live = [s for s in self.records.by_number(kind, number) if s.body["Status"] not in ("DELETED", "VOIDED")]
            found = live[0] if live else None
        if found is None:
            raise Invalid(f"{name} could not be found")
        body[name] = {f"{name}ID": found.id}
        if name in ("Invoice", "CreditNote"):
            body[name][f"{name}Number"] = found.body.get(f"{name}Number", "")
        body.pop(f"{name}Number", None)
        return kind, found

    # --- manual journals ------------------------------------------------------------------------------------------

    def _journal(self, body: dict[str, Any], before: Stored | None) -> Built:
        if not body.get("Narration"):
            raise Invalid("Narration must be specified.")
        status = self._status(body, before, "DRAFT")
        base = self.settings.base_currency
        mode = body.setdefault("LineAmountTypes", "NoTax")
        pricing = self._pricing(base, mode, 2, False)
        rows: list[tuple[str, Decimal, str, str]] = []
        kept = []
        for given in body.get("JournalLines", ()):
            if "LineAmount" not in given:
                raise Invalid("LineAmount must be specified on every journal line.")
            account = self.masters.account(given)
            if account["Type"] == "BANK" or account["SystemAccount"] in ("DEBTORS", "CREDITORS", "RETAINEDEARNINGS"):
                raise Invalid(
                    f"Account code '{account['Code']}' is not a valid code for this document: journals cannot be"
                    " posted to bank accounts or to accounts receivable and payable."
                )
            amount = pricing.exact(given["LineAmount"], "LineAmount")
            tax_type = given.get("TaxType", "NONE" if mode == "NoTax" else account["TaxType"])
            if tax_type not in pricing.percentages:
                raise Invalid(f"The TaxType code '{tax_type}' cannot be used with account code '{account['Code']}'.")
            tax = pricing.tax_of(amount, pricing.percentages[tax_type])
            if "TaxAmount" in given and mode != "NoTax":
                tax = pricing.exact(given["TaxAmount"], "TaxAmount")
            net = amount - tax if mode == "Inclusive" else amount
            words = given.get("Description", "")
            rows += [(account["Code"], net, tax_type, words), (VAT, tax, "", "")]
            kept.append({"Description": words, "TaxType": tax_type, "LineAmount": amount, "TaxAmount": tax,
                         "AccountCode": account["Code"], "AccountID": account["AccountID"],
                         "Tracking": given.get("Tracking", []), "IsBlank": False})  # fmt: skip
        if len(kept) < 2:
            raise Invalid("A manual journal needs at least two journal lines.")
        debits = sum((amount for _c, amount, _t, _w in rows if amount > 0), _ZERO)
        total_credits = sum((amount for _c, amount, _t, _w in rows if amount < 0), _ZERO)
        if debits + total_credits:
            raise Invalid(f"The total debits ({debits}) must equal total credits ({total_credits})")
        body["JournalLines"] = kept
        body.setdefault("ShowOnCashBasisReports", True)
        postings = self._posted(Decimal(1), rows) if status in _POSTED else ()
        return Built(body, base, postings, "", "MANJOURNAL")
