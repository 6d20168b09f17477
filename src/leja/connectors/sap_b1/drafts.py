"""The exact request of one step. Pure: the same step, chart and earlier answers always give the same bytes.

Keys of documents are told as text, which Service Layer takes for numbers too: a preview has a word in their place. What
is sent is the document as here together with the row of the key table that bears its reference (``delivering``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from leja.connectors.bundle_lines import moved, net
from leja.connectors.contract import BundleLine, Chart, Draft, RemoteDocument, Step
from leja.connectors.sap_b1.documents import MARK
from leja.connectors.sap_b1.edition import Edition, read
from leja.connectors.sap_b1.names import customer_name
from leja.connectors.sap_b1.plan import DOCUMENTS, item_lines, steps
from leja.connectors.sap_b1.tax import coded
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money, rounded, to_decimal

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_ORDER: Final = 17
_APPLIED: Final = {"IncomingPayments": ("Invoices", "it_Invoice"), "VendorPayments": ("CreditNotes", "it_CredItnote")}
Json = dict[str, Any]


def draft(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Draft:
    """The request of a step: body, what it moves and what it comes to."""
    return Draft(
        step=step.name,
        kind=step.kind,
        reference=step.reference,
        method="POST",
        path=f"/{step.kind}",
        body=_ENCODER.encode(_body(step, chart, accepted)),
        date=step.bundle.date,
        total=_total(step, chart),
        moves=moved(step.lines),
        text=f"{step.kind} {step.reference}",
    )


def _total(step: Step, chart: Chart) -> Money:
    """What the document comes to: its rows, or the money of a payment, or the debits of a journal entry."""
    currency = step.bundle.currency
    if step.kind == "Orders":
        return _total(_invoice_of(step, chart), chart)
    if step.kind in DOCUMENTS:
        return Money(abs(net(item_lines(step))), currency)
    return Money(sum(max(0, line.amount.minor) for line in step.lines), currency)


def _body(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    edition = read(chart.edition)
    if step.kind == "BusinessPartners":
        return _partner(step)
    if step.kind == "JournalEntries":
        return _journal(step, chart, edition, accepted)
    if step.kind in _APPLIED:
        return _payment(step, chart, edition, accepted)
    return _document(step, chart, edition, accepted)


def mark(reference: str) -> str:
    """Our mark on a document."""
    return f"{MARK}{reference}"


def _words(step: Step, length: int) -> str:
    bundle = step.bundle
    return " ".join(part for part in (mark(step.reference), bundle.number, bundle.text) if part)[:length]


def _series(step: Step, edition: Edition) -> Json:
    return {"Series": edition.series[step.kind]} if step.kind in edition.series else {}


def _money(step: Step, chart: Chart) -> Json:
    """Currency and rate: local currency for one unit of the foreign one, as our books have it."""
    body: Json = {"DocCurrency": step.bundle.currency}
    if step.bundle.currency != chart.home_currency:
        body["DocRate"] = step.bundle.rate
    return body


def _partner(step: Step) -> Json:
    """A customer or the one supplier, in every currency (``##``)."""
    if step.name == "supplier":
        return {
            "CardCode": step.reference,
            "CardName": "Suppliers through Leja",
            "CardType": "cSupplier",
            "Currency": "##",
        }
    body: Json = {
        "CardCode": step.reference, "CardName": customer_name(step.bundle), "CardType": "cCustomer", "Currency": "##",
    }  # fmt: skip
    party = step.bundle.customer
    if party is not None and party.email:
        body["EmailAddress"] = party.email[:100]
    return body


# --- orders, invoices, credit notes -----------------------------------------------------------------------------------


def _invoice_of(step: Step, chart: Chart) -> Step:
    """The invoice that is drawn from an order."""
    return next(each for each in steps(step.bundle, chart) if each.kind == "Invoices")


def _document(step: Step, chart: Chart, edition: Edition, accepted: Mapping[str, RemoteDocument]) -> Json:
    source = _invoice_of(step, chart) if step.kind == "Orders" else step
    bundle = step.bundle
    body: Json = {
        "DocType": "dDocument_Service",
        "CardCode": _id(accepted, "customer"),
        "DocDate": bundle.date.isoformat(),
        "TaxDate": bundle.date.isoformat(),
        "DocDueDate": (bundle.due or bundle.date).isoformat(),
        "NumAtCard": step.reference,
        "Comments": _words(step, 254),
        **_money(step, chart),
        **_series(step, edition),
    }
    if step.kind in DOCUMENTS:
        body["ControlAccount"] = _control(step)
    if edition.branch:
        body["BPL_IDAssignedToInvoice"] = edition.branch
    sign = 1 if step.kind == "CreditNotes" else -1
    taxed = coded(item_lines(source), chart)
    order = accepted.get("order") if step.kind == "Invoices" else None
    rows = []
    for number, (line, code) in enumerate(zip(taxed.lines, taxed.codes, strict=True)):
        row = _row(line, sign, code, chart, edition)
        if order is not None:
            row |= {"BaseType": _ORDER, "BaseEntry": order.remote_id, "BaseLine": number}
        rows.append(row)
    return body | {"DocumentLines": rows}


def _row(line: BundleLine, sign: int, code: str, chart: Chart, edition: Edition) -> Json:
    """A row on an account. Its total in local currency; in a foreign one its price, for a total would be local."""
    amount = to_decimal(Money(sign * line.amount.minor, line.amount.currency))
    field = "LineTotal" if line.amount.currency == chart.home_currency else "UnitPrice"
    return {
        "ItemDescription": (line.description or line.role)[:100],
        "AccountCode": line.account,
        field: amount,
        edition.tax_field: code,
    }


def _control(step: Step) -> str:
    return next(line.account for line in step.lines if line.account_kind == "receivable")


# --- payments and journal entries -------------------------------------------------------------------------------------


def _payment(step: Step, chart: Chart, edition: Edition, accepted: Mapping[str, RemoteDocument]) -> Json:
    """Money that settles an invoice, or goes back on a credit note: a transfer, for its reference can be searched."""
    tender = next(line for line in step.lines if line.account_kind != "receivable")
    wanted, kind = _APPLIED[step.kind]
    settled = accepted.get(step.detail["settles"])
    if settled is None or settled.kind != wanted:
        raise NeedsReview(
            "sap-b1-settled-missing",
            f"{step.reference} settles {step.detail['settles']}, which is none of the {wanted} that stand there",
            remedy="Deliver what it settles first; the payment goes on by itself.",
        )
    bundle = step.bundle
    amount = to_decimal(Money(abs(tender.amount.minor), tender.amount.currency))
    applied = "SumApplied" if bundle.currency == chart.home_currency else "AppliedFC"
    body: Json = {
        "DocType": "rCustomer",
        "CardCode": _id(accepted, "customer"),
        "DocDate": bundle.date.isoformat(),
        "TaxDate": bundle.date.isoformat(),
        "TransferAccount": tender.account,
        "TransferSum": amount,
        "TransferDate": bundle.date.isoformat(),
        "TransferReference": step.reference,
        "Remarks": _words(step, 254),
        "ControlAccount": _control(step),
        "PaymentInvoices": [{"DocEntry": settled.remote_id, applied: amount, "InvoiceType": kind}],
        **_money(step, chart),
        **_series(step, edition),
    }
    return body | ({"BPLID": edition.branch} if edition.branch else {})


def _journal(step: Step, chart: Chart, edition: Edition, accepted: Mapping[str, RemoteDocument]) -> Json:
    day = step.bundle.date.isoformat()
    local = _local(step, chart)
    lines = []
    for line, home in zip(step.lines, local, strict=True):
        row = _account(line, accepted) | {"LineMemo": (line.description or line.role)[:50]}
        row["Debit" if line.amount.minor > 0 else "Credit"] = abs(to_decimal(home))
        if step.bundle.currency != chart.home_currency:
            row |= {"FCCurrency": step.bundle.currency}
            row["FCDebit" if line.amount.minor > 0 else "FCCredit"] = abs(to_decimal(line.amount))
        if edition.branch:
            row["BPLID"] = edition.branch
        lines.append(row)
    return {
        "ReferenceDate": day, "TaxDate": day, "DueDate": day, "Memo": _words(step, 254), "Reference3": step.reference,
        "JournalEntryLines": lines, **_series(step, edition),
    }  # fmt: skip


def _account(line: BundleLine, accepted: Mapping[str, RemoteDocument]) -> Json:
    """A line on an account, or on a partner and its control account."""
    if line.account_kind in ("receivable", "payable"):
        partner = "customer" if line.account_kind == "receivable" else "supplier"
        return {"ShortName": _id(accepted, partner), "ControlAccount": line.account}
    return {"AccountCode": line.account}


def _local(step: Step, chart: Chart) -> list[Money]:
    """What each line is in local currency; what rounding leaves over rests on the largest line."""
    home = chart.home_currency
    if step.bundle.currency == home:
        return [line.amount for line in step.lines]
    found = [rounded(to_decimal(line.amount) * step.bundle.rate, home) for line in step.lines]
    largest = max(range(len(found)), key=lambda number: abs(found[number].minor))
    found[largest] = Money(found[largest].minor - sum(each.minor for each in found), home)
    return found


def _id(accepted: Mapping[str, RemoteDocument], name: str) -> str:
    try:
        return accepted[name].remote_id
    except KeyError:
        raise BrokenInvariant("sap-b1-step-order", f"step {name!r} was not accepted before it was needed") from None
