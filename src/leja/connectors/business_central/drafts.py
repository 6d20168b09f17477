"""The exact request of one step: a draft over there, which posting makes count. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from leja.connectors.bundle_lines import moved
from leja.connectors.business_central.stated import dimensions, untaxed
from leja.connectors.contract import BundleLine, Chart, Draft, RemoteDocument, Step
from leja.core.errors import BrokenInvariant
from leja.core.money import Money, to_decimal

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
Json = dict[str, Any]
SETS: Final[Mapping[str, str]] = {
    "Customer": "customers", "SalesInvoice": "salesInvoices", "SalesCreditMemo": "salesCreditMemos",
    "CustomerPayment": "customerPaymentJournals", "Journal": "journals",
}
_WORDS: Final = 100


def draft(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Draft:
    """The request of a step: body, what it moves and what it comes to."""
    body = {"Customer": _customer, "SalesInvoice": _sales, "SalesCreditMemo": _sales, "CustomerPayment": _payment,
            "Journal": _journal}[step.kind](step, chart, accepted)
    return Draft(
        step=step.name,
        kind=step.kind,
        reference=step.reference,
        method="POST",
        path=f"/{SETS[step.kind]}",
        headers={"content-type": "application/json"},
        body=_ENCODER.encode(body),
        date=step.bundle.date,
        total=Money(_total(step), step.bundle.currency),
        moves=moved(step.lines),
        text=f"{step.kind} {step.reference}",
    )


def _total(step: Step) -> int:
    """A sales document comes to what the customer owes or is owed; a journal to its debits."""
    if step.kind in ("SalesInvoice", "SalesCreditMemo"):
        return abs(_control(step).amount.minor)
    return sum(max(0, line.amount.minor) for line in step.lines)


def _control(step: Step) -> BundleLine:
    return next(line for line in step.lines if line.account_kind == "receivable")


def batch_code(reference: str) -> str:
    """The code of the journal batch of a reference: ten characters, unique over there."""
    digest = hashlib.sha256(reference.encode()).digest()
    return f"LJ{base64.b32encode(digest).decode()[:8]}"


def customer_tag(reference: str) -> str:
    """Our mark in a customer's name; API v2.0 has no field for it, and their numbers are the vendor's own."""
    return f"[{reference}]"


def _customer(step: Step, _chart: Chart, _accepted: Mapping[str, RemoteDocument]) -> Json:
    party, tag = step.bundle.customer, customer_tag(step.reference)
    if party is None or not party.external_id:
        return {"displayName": f"Sales through Leja {tag}", "type": "Company"}
    named = (party.company or party.name or "Customer")[: _WORDS - len(tag) - 1]
    body: Json = {"displayName": f"{named} {tag}", "type": "Company" if party.company else "Person"}
    if party.email and len(party.email) <= 80:
        body["email"] = party.email
    return body


def _sales(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    bundle, invoice = step.bundle, step.kind == "SalesInvoice"
    day = bundle.date.isoformat()
    sold = [line for line in step.lines if line.account_kind != "receivable" and not line.role.startswith("output_tax")]
    body: Json = {
        "externalDocumentNumber": step.reference, "customerId": _id(accepted, "customer"), "postingDate": day,
        "invoiceDate" if invoice else "creditMemoDate": day,
    }
    if invoice:
        body["dueDate"] = (bundle.due or bundle.date).isoformat()
    sign = -1 if invoice else 1
    body["salesInvoiceLines" if invoice else "salesCreditMemoLines"] = [_line(line, sign, chart) for line in sold]
    return body


def _line(line: BundleLine, sign: int, chart: Chart) -> Json:
    amount = to_decimal(Money(sign * line.amount.minor, line.amount.currency))
    return {
        "lineType": "Account",
        "lineObjectNumber": line.account,
        "description": (line.description or line.role)[:_WORDS],
        # What goes against the document is a negative quantity: prices are not negative.
        "quantity": 1 if amount > 0 else -1,
        "unitPrice": abs(amount),
        "taxCode": line.tax_code or untaxed(chart),
        **_dimensions(line, chart),
    }


def _dimensions(line: BundleLine, chart: Chart) -> Json:
    marks = dimensions(chart, line.dimensions)
    return {"dimensionSetLines": [{"code": code, "valueCode": value} for code, value in marks]} if marks else {}


def _payment(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    tender = next(line for line in step.lines if line.account_kind != "receivable")
    account = next((one for one in chart.accounts if one.id == tender.account), None)
    if account is None:
        raise BrokenInvariant("business-central-step-order", f"account {tender.account} is not in the chart")
    line: Json = {
        "customerId": _id(accepted, "customer"),
        "postingDate": step.bundle.date.isoformat(),
        "documentNumber": step.reference,
        "externalDocumentNumber": step.reference,
        # A receipt takes from what the customer owes: a general journal line, so negative.
        "amount": to_decimal(-tender.amount),
        "description": (tender.description or step.bundle.number or tender.role)[:_WORDS],
    }
    settled = accepted.get(step.detail["settles"])
    if settled is not None and settled.kind == "SalesInvoice":
        line["appliesToInvoiceId"] = settled.remote_id
    return {
        "code": batch_code(step.reference), "displayName": step.reference, "balancingAccountId": account.system,
        "customerPayments": [line],
    }


def _journal(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    lines = []
    for line in step.lines:
        owed = line.account_kind == "receivable"
        place: Json = {"accountType": "Customer", "accountId": _id(accepted, "customer")} if owed else {
            "accountType": "G/L Account", "accountNumber": line.account}
        lines.append({
            **place, "postingDate": step.bundle.date.isoformat(), "documentNumber": step.reference,
            "externalDocumentNumber": step.reference, "amount": to_decimal(line.amount),
            "description": (line.description or step.bundle.text or line.role)[:_WORDS], **_dimensions(line, chart),
        })
    return {"code": batch_code(step.reference), "displayName": step.reference, "journalLines": lines}


def _id(accepted: Mapping[str, RemoteDocument], name: str) -> str:
    try:
        return accepted[name].remote_id
    except KeyError:
        raise BrokenInvariant(
            "business-central-step-order", f"step {name!r} was not accepted before it was needed"
        ) from None
