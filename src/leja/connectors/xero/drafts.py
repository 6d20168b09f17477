"""The exact request of one step. Pure: the same step, chart and earlier answers always give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.bundle_lines import moved
from leja.connectors.contract import BundleLine, Chart, Draft, RemoteDocument, Step
from leja.connectors.xero.tax import coded, untaxed
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money, to_decimal

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
Json = dict[str, Any]

# Step kind -> collection, method, and whether the unit price may keep four decimals.
WHERE: Final[Mapping[str, tuple[str, str, bool]]] = {
    "Contact": ("Contacts", "POST", False),
    "Invoice": ("Invoices", "PUT", True),
    "CreditNote": ("CreditNotes", "PUT", True),
    "Payment": ("Payments", "PUT", False),
    "RefundPayment": ("Payments", "PUT", False),
    "Receive": ("BankTransactions", "PUT", True),
    "Spend": ("BankTransactions", "PUT", True),
    "Overpayment": ("BankTransactions", "PUT", True),
    "BankTransfer": ("BankTransfers", "PUT", False),
    "ManualJournal": ("ManualJournals", "PUT", False),
}


def draft(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Draft:
    """The request of a step: body, what it moves and what it comes to."""
    collection, method, unit_decimals = WHERE[step.kind]
    query = {} if step.kind == "BankTransfer" else {"summarizeErrors": "false"}
    if unit_decimals:
        query["unitdp"] = "4"
    return Draft(
        step=step.name,
        kind=step.kind,
        reference=step.reference,
        method=method,
        path=f"/{collection}",
        query=query,
        headers={"accept": "application/json", "content-type": "application/json"},
        body=_ENCODER.encode({collection: [_element(step, chart, accepted)]}),
        date=step.bundle.date,
        total=Money(sum(max(0, minor) for minor in _sides(step).values()), step.bundle.currency),
        moves=moved(step.lines),
        text=f"{step.kind} {step.reference}",
    )


def _sides(step: Step) -> dict[str, int]:
    """What makes up the total: of an invoice or bank transaction its one control line, else all debits."""
    if step.kind in ("ManualJournal", "Payment", "RefundPayment", "BankTransfer", "Contact"):
        return {str(number): line.amount.minor for number, line in enumerate(step.lines)}
    return {"": abs(_control(step).amount.minor)}


def _control(step: Step) -> BundleLine:
    """The line that Xero posts by itself: receivables, or the bank account."""
    kind = "receivable" if step.kind in ("Invoice", "CreditNote") else "bank"
    return next(line for line in step.lines if line.account_kind == kind)


def mark(reference: str) -> str:
    """Our mark on a document."""
    return f"leja:{reference}"


def _element(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    if step.kind == "Contact":
        return _contact(step)
    if step.kind == "ManualJournal":
        return _journal(step, chart)
    if step.kind in ("Payment", "RefundPayment"):
        return _payment(step, chart, accepted)
    if step.kind == "BankTransfer":
        return _transfer(step, chart)
    return _with_lines(step, chart, accepted)


def _contact(step: Step) -> Json:
    party = step.bundle.customer
    if party is None or not party.external_id:
        return {"Name": "Sales through Leja", "ContactNumber": step.reference}
    named = (party.company or party.name or "Customer")[:180]
    body: Json = {"Name": f"{named} ({party.external_id})"[:255], "ContactNumber": step.reference}
    if party.email:
        body["EmailAddress"] = party.email[:255]
    return body


def _journal(step: Step, chart: Chart) -> Json:
    bundle = step.bundle
    return {
        "Narration": " ".join(part for part in (mark(step.reference), bundle.number, bundle.text) if part)[:1000],
        "Date": bundle.date.isoformat(),
        "Status": "POSTED",
        "LineAmountTypes": "NoTax",
        "JournalLines": [
            {
                "LineAmount": to_decimal(line.amount),
                **_account(line.account, chart),
                "Description": (line.description or line.role)[:1000],
                "TaxType": untaxed(chart),
            }
            for line in step.lines
        ],
    }


def _account(account: str, chart: Chart) -> Json:
    """How a line names an account: by code where there is one; bank accounts often have none."""
    code = next((known.code for known in chart.accounts if known.id == account), "")
    return {"AccountCode": code} if code else {"AccountID": account}


def _place(account: str, chart: Chart) -> Json:
    """How a payment or bank transaction names an account."""
    code = next((known.code for known in chart.accounts if known.id == account), "")
    return {"Code": code} if code else {"AccountID": account}


def _payment(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    tender = next(line for line in step.lines if line.account_kind != "receivable")
    wanted, field = ("Invoice", "InvoiceID") if step.kind == "Payment" else ("CreditNote", "CreditNoteID")
    settled = accepted.get(step.detail["settles"])
    if settled is None or settled.kind != wanted:
        raise NeedsReview(
            "xero-settled-missing",
            f"{step.reference} settles {step.detail['settles']}, which is no {wanted} that Xero has accepted",
            remedy="Deliver what it settles first; the payment goes on by itself.",
        )
    body: Json = {
        wanted: {field: settled.remote_id},
        "Account": _place(tender.account, chart),
        "Date": step.bundle.date.isoformat(),
        "Amount": to_decimal(Money(abs(tender.amount.minor), tender.amount.currency)),
        "Reference": mark(step.reference),
    }
    return body | _rate(step, chart)


def _transfer(step: Step, chart: Chart) -> Json:
    to = max(step.lines, key=lambda line: line.amount.minor)
    source = min(step.lines, key=lambda line: line.amount.minor)
    body: Json = {
        "FromBankAccount": _place(source.account, chart),
        "ToBankAccount": _place(to.account, chart),
        "Amount": to_decimal(to.amount),
        "Date": step.bundle.date.isoformat(),
        "Reference": mark(step.reference),
    }
    return body | _rate(step, chart)


def _rate(step: Step, chart: Chart) -> Json:
    """Xero counts units of the foreign currency per unit of the home currency: the other way round than we do."""
    if step.bundle.currency == chart.home_currency:
        return {}
    return {"CurrencyRate": (1 / step.bundle.rate).quantize(Decimal("0.000001"))}


def _with_lines(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    bundle, control = step.bundle, _control(step)
    sign = -1 if control.amount.minor > 0 else 1
    others = [line for line in step.lines if line is not control]
    sold = coded(others, chart)
    shown: Sequence[BundleLine] = others if sold is None else sold
    body: Json = {
        "Type": _TYPES[step.kind],
        "Contact": {"ContactID": _id(accepted, "contact")},
        "Date": bundle.date.isoformat(),
        "LineAmountTypes": "NoTax" if sold is None else "Exclusive",
        "LineItems": [_line(line, sign, chart, with_tax=sold is not None) for line in shown],
        "Reference": mark(step.reference),
        "CurrencyCode": bundle.currency,
        "Status": "AUTHORISED",
    }
    if step.kind == "Invoice":
        body |= {"InvoiceNumber": step.reference, "DueDate": (bundle.due or bundle.date).isoformat()}
    elif step.kind == "CreditNote":
        body["CreditNoteNumber"] = step.reference
    else:
        body["BankAccount"] = _place(control.account, chart)
    return body | _rate(step, chart)


_TYPES: Final[Mapping[str, str]] = {
    "Invoice": "ACCREC", "CreditNote": "ACCRECCREDIT", "Receive": "RECEIVE", "Spend": "SPEND",
    "Overpayment": "RECEIVE-OVERPAYMENT",
}


def _line(line: BundleLine, sign: int, chart: Chart, *, with_tax: bool) -> Json:
    amount = to_decimal(Money(sign * line.amount.minor, line.amount.currency))
    body: Json = {
        "Description": (line.description or line.role)[:1000],
        "Quantity": 1,
        "UnitAmount": amount,
        "LineAmount": amount,
        **_account(line.account, chart),
        "TaxType": line.tax_code if with_tax and line.tax_code else untaxed(chart),
    }
    if with_tax:
        tax = line.tax.minor if line.tax is not None and line.tax_code else 0
        body["TaxAmount"] = to_decimal(Money(sign * tax, line.amount.currency))
    return body


def _id(accepted: Mapping[str, RemoteDocument], name: str) -> str:
    try:
        return accepted[name].remote_id
    except KeyError:
        raise BrokenInvariant("xero-step-order", f"step {name!r} was not accepted before it was needed") from None
