"""The exact request of one step. Pure: the same step, chart and earlier answers always give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.bundle_lines import moved, net
from leja.connectors.contract import BundleLine, Chart, Draft, RemoteDocument, Step
from leja.connectors.quickbooks.names import item_for
from leja.connectors.quickbooks.plan import item_lines
from leja.connectors.quickbooks.tax import taxed
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money, to_decimal

MINOR_VERSION: Final = "75"
RATE_PLACES: Final = 10
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_RECORDS: Final = frozenset({"Customer", "Vendor", "Item"})

Json = dict[str, Any]


def draft(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Draft:
    """The request of a step: body, what it moves and what it comes to."""
    body = _record(step, chart) if step.kind in _RECORDS else _document(step, chart, accepted)
    return Draft(
        step=step.name,
        kind=step.kind,
        reference=step.reference,
        method="POST",
        path=f"/{step.kind.lower()}",
        query={"minorversion": MINOR_VERSION},
        headers={"accept": "application/json", "content-type": "application/json"},
        body=_ENCODER.encode(body),
        date=step.bundle.date,
        total=_total(step),
        moves=moved(step.lines),
        text=f"{step.kind} {step.reference}",
    )


def _total(step: Step) -> Money:
    """What the document comes to: the side of it that is money or debt; of a journal entry, its debits."""
    currency = step.bundle.currency
    if step.kind in ("SalesReceipt", "RefundReceipt", "Invoice", "CreditMemo"):
        return Money(abs(net(item_lines(step))), currency)
    return Money(sum(max(0, line.amount.minor) for line in step.lines), currency)


def _record(step: Step, chart: Chart) -> Json:
    """A customer, supplier or item. Its name is its anchor."""
    if step.kind == "Item":
        account = {"value": step.detail["account"]}
        return {"Name": step.reference, "Type": "NonInventory", "IncomeAccountRef": account, "Taxable": False}
    body: Json = {"DisplayName": step.reference}
    if chart.multicurrency:
        body["CurrencyRef"] = {"value": step.bundle.currency}
    party = step.bundle.customer if step.kind == "Customer" else None
    if party is None or not party.external_id:
        return body
    if party.company or party.name:
        body["PrintOnCheckName"] = (party.company or party.name)[:110]
    if party.company:
        body["CompanyName"] = party.company[:100]
    if party.email:
        body["PrimaryEmailAddr"] = {"Address": party.email[:100]}
    return body


def _document(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    bundle = step.bundle
    body: Json = {
        "TxnDate": bundle.date.isoformat(),
        "PrivateNote": note(step.reference, bundle.text, bundle.number),
    }
    if chart.multicurrency:
        body["CurrencyRef"] = {"value": bundle.currency}
        if bundle.currency != chart.home_currency:
            body["ExchangeRate"] = _rate(bundle.rate)
    if step.kind == "JournalEntry":
        return body | {"DocNumber": step.reference, "Line": [_journal_line(line, accepted) for line in step.lines]}
    if step.kind == "Payment":
        return body | _payment(step, accepted)
    return body | _sales(step, chart, accepted)


def note(reference: str, text: str, number: str) -> str:
    """The private note: our mark first, then words for people."""
    return " ".join(part for part in (f"leja:{reference}", number, text) if part)[:1000]


def _rate(rate: Decimal) -> Decimal:
    """A rate as fine as QuickBooks takes it; our books keep their own."""
    return rate if int(rate.as_tuple().exponent) >= -RATE_PLACES else round(rate, RATE_PLACES)


def _amount(money: Money) -> Decimal:
    return to_decimal(money)


def _journal_line(line: BundleLine, accepted: Mapping[str, RemoteDocument]) -> Json:
    side = "Debit" if line.amount.minor > 0 else "Credit"
    detail: Json = {"PostingType": side, "AccountRef": {"value": line.account}}
    if line.account_kind == "receivable":
        detail["Entity"] = {"Type": "Customer", "EntityRef": {"value": _id(accepted, "customer")}}
    if line.account_kind == "payable":
        detail["Entity"] = {"Type": "Vendor", "EntityRef": {"value": _id(accepted, "supplier")}}
    return _line(line, abs(line.amount.minor), "JournalEntryLineDetail", detail)


def _line(line: BundleLine, minor: int, detail_type: str, detail: Json) -> Json:
    return {
        "Amount": _amount(Money(minor, line.amount.currency)),
        "Description": (line.description or line.role)[:1000],
        "DetailType": detail_type,
        detail_type: detail,
    }


def _payment(step: Step, accepted: Mapping[str, RemoteDocument]) -> Json:
    tender = max(step.lines, key=lambda line: line.amount.minor)
    settled = accepted.get(step.detail["settles"])
    if settled is None or settled.kind != "Invoice":
        raise NeedsReview(
            "quickbooks-invoice-missing",
            f"{step.reference} pays {step.detail['settles']}, which is no invoice that QuickBooks has accepted",
            remedy="Deliver the invoice first; the payment goes on by itself.",
        )
    amount = _amount(tender.amount)
    return {
        "CustomerRef": {"value": _id(accepted, "customer")},
        "TotalAmt": amount,
        "PaymentRefNum": step.reference,
        "DepositToAccountRef": {"value": tender.account},
        "Line": [{"Amount": amount, "LinkedTxn": [{"TxnId": settled.remote_id, "TxnType": "Invoice"}]}],
    }


def _sales(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Json:
    sign = 1 if step.kind in ("RefundReceipt", "CreditMemo") else -1
    lines = item_lines(step)
    by_code = taxed(lines, chart)
    shown = lines if by_code is None else by_code.lines
    body: Json = {"DocNumber": step.reference, "Line": []}
    for line in shown:
        detail: Json = {"ItemRef": {"value": _item(line.account, chart, accepted)}, "Qty": 1}
        detail["UnitPrice"] = _amount(Money(sign * line.amount.minor, line.amount.currency))
        if by_code is not None:
            detail["TaxCodeRef"] = {"value": by_code.code(line)}
        elif chart.edition == "US":
            # A missing code means taxable there: the tax that was charged is a line of its own.
            detail["TaxCodeRef"] = {"value": "NON"}
        body["Line"].append(_line(line, sign * line.amount.minor, "SalesItemLineDetail", detail))
    if by_code is not None:
        body |= {"GlobalTaxCalculation": "TaxExcluded", "TxnTaxDetail": {"TotalTax": _amount(by_code.total(sign))}}
    elif chart.edition != "US":
        body["GlobalTaxCalculation"] = "NotApplicable"
    return body | _whom_and_where(step, accepted)


def _whom_and_where(step: Step, accepted: Mapping[str, RemoteDocument]) -> Json:
    if step.kind in ("SalesReceipt", "RefundReceipt"):
        whom: Json = {"CustomerRef": {"value": _id(accepted, "customer")}} if "customer" in step.after else {}
        return whom | {"DepositToAccountRef": {"value": step.detail["main"]}}
    body: Json = {"CustomerRef": {"value": _id(accepted, "customer")}}
    if step.kind == "Invoice" and step.bundle.due is not None:
        body["DueDate"] = step.bundle.due.isoformat()
    return body


def _item(account: str, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> str:
    known = item_for(chart, account)
    return known.id if known is not None else _id(accepted, f"item-{account}")


def _id(accepted: Mapping[str, RemoteDocument], name: str) -> str:
    try:
        return accepted[name].remote_id
    except KeyError:
        raise BrokenInvariant("quickbooks-step-order", f"step {name!r} was not accepted before it was needed") from None
