"""The transactions as XML: sales, payments, journal entries. Elements stand in the order of the vendor's schema.

A day is told as noon without an offset: whether the account takes that as its own time or as UTC, it is the same day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from leja.connectors.contract import BundleLine, Chart, RemoteDocument, Step
from leja.connectors.netsuite_soap.edition import read
from leja.connectors.netsuite_soap.envelope import element, ref
from leja.connectors.netsuite_soap.names import item_for
from leja.connectors.netsuite_soap.plan import PAID, item_lines
from leja.connectors.netsuite_soap.tax import coded
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money, to_decimal

MARK: Final = "leja:"
_CUSTOM_PRICE: Final = "-1"
_MEMO: Final = 999
# Kind -> prefix and type in the schema, and the order of the fields that are told, of the head and of a line.
SALES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "invoice": (
        "sales", "Invoice",
        "entity tranDate department class location subsidiary currency dueDate otherRefNum memo account exchangeRate itemList",
        "item description amount isTaxable quantity price rate tax1Amt taxCode",
    ),
    "cashSale": (
        "sales", "CashSale",
        "entity tranDate department class location subsidiary otherRefNum memo undepFunds currency account exchangeRate itemList",
        "item quantity description price rate amount isTaxable tax1Amt taxCode",
    ),
    "creditMemo": (
        "customers", "CreditMemo",
        "currency entity tranDate department class location subsidiary otherRefNum memo account exchangeRate itemList",
        "item quantity description price rate amount isTaxable taxCode tax1Amt",
    ),
    "cashRefund": (
        "customers", "CashRefund",
        "entity tranDate department class location subsidiary otherRefNum memo account currency exchangeRate itemList",
        "item quantity description price rate amount taxCode tax1Amt isTaxable",
    ),
}  # fmt: skip
_PAYMENT: Final = "arAcct customer currency payment tranDate memo exchangeRate undepFunds account class department location applyList"
_JOURNAL: Final = "tranDate currency exchangeRate department class location subsidiary memo approved lineList"


def id_of(accepted: Mapping[str, RemoteDocument], name: str) -> str:
    """The internal id of a record that an earlier step made."""
    try:
        return accepted[name].remote_id
    except KeyError:
        raise BrokenInvariant("netsuite-soap-step-order", f"step {name!r} was not accepted before it was needed") from None


def memo(step: Step) -> str:
    """Words for people; our mark first."""
    return " ".join(part for part in (f"{MARK}{step.reference}", step.bundle.number, step.bundle.text) if part)[:_MEMO]


def day(value: date) -> str:
    """A day as a dateTime."""
    return f"{value.isoformat()}T12:00:00"


def _amount(money: Money) -> str:
    return format(to_decimal(money), "f")


def _ordered(order: str, fields: Mapping[str, str]) -> list[str]:
    """The fields that have something in them, in the schema's order."""
    return [fields[name] for name in order.split() if fields.get(name)]


def _head(prefix: str, step: Step, chart: Chart) -> dict[str, str]:
    """The fields that every transaction has. The currency is told wherever the account's list knows it."""
    bundle, edition = step.bundle, read(chart.edition)
    texts = {"tranDate": day(bundle.date), "memo": memo(step)}
    refs = {
        "subsidiary": edition.subsidiary, "department": edition.department, "class": edition.class_id,
        "location": edition.location, "currency": edition.currencies.get(bundle.currency, ""),
    }  # fmt: skip
    if bundle.currency != chart.home_currency:
        texts["exchangeRate"] = format(bundle.rate, "f")
    fields = {name: element(f"{prefix}:{name}", text=text) for name, text in texts.items()}
    return fields | {name: ref(f"{prefix}:{name}", id_) for name, id_ in refs.items() if id_}


def sales(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> str:
    """An invoice, cash sale, credit memo or cash refund: a line per account and tax code."""
    prefix, name, order, line_order = SALES[step.kind]
    sign = 1 if step.kind in ("creditMemo", "cashRefund") else -1
    taxed = coded(item_lines(step), chart)
    rows = []
    for line, code, tax in zip(taxed.lines, taxed.codes, taxed.taxes, strict=True):
        item = item_for(chart, line.account)
        there = item.id if item is not None else id_of(accepted, f"item-{line.account}")
        rows.append(element(f"{prefix}:item", *_ordered(line_order, _row(prefix, line, sign, there, code, tax))))
    fields = _head(prefix, step, chart)
    fields["entity"] = ref(f"{prefix}:entity", id_of(accepted, "customer"))
    fields["itemList"] = element(f"{prefix}:itemList", *rows)
    fields["account"] = ref(f"{prefix}:account", _stands_on(step))
    if step.kind == "cashSale":
        fields["undepFunds"] = element(f"{prefix}:undepFunds", text="false")
    if step.bundle.number:
        fields["otherRefNum"] = element(f"{prefix}:otherRefNum", text=step.bundle.number[:45])
    if step.kind == "invoice" and step.bundle.due is not None:
        fields["dueDate"] = element(f"{prefix}:dueDate", text=day(step.bundle.due))
    return element("msg:record", *_ordered(order, fields), kind=f"{prefix}:{name}", externalId=step.reference)


def _row(prefix: str, line: BundleLine, sign: int, item: str, code: str, tax: Money | None) -> dict[str, str]:
    amount = _amount(Money(sign * line.amount.minor, line.amount.currency))
    fields = {
        "item": ref(f"{prefix}:item", item),
        "quantity": element(f"{prefix}:quantity", text="1"),
        "description": element(f"{prefix}:description", text=(line.description or line.role)[:999]),
        "price": ref(f"{prefix}:price", _CUSTOM_PRICE),
        "rate": element(f"{prefix}:rate", text=amount),
        "amount": element(f"{prefix}:amount", text=amount),
    }
    if code:
        fields["taxCode"] = ref(f"{prefix}:taxCode", code)
    else:
        fields["isTaxable"] = element(f"{prefix}:isTaxable", text="false")
    if tax is not None:
        text = _amount(Money(sign * tax.minor, tax.currency))
        fields["tax1Amt"] = element(f"{prefix}:tax1Amt", text=text)
    return fields


def _stands_on(step: Step) -> str:
    """The account that takes the money, or that holds what is owed."""
    if step.kind in PAID:
        return step.detail["main"]
    return next(line.account for line in step.lines if line.account_kind == "receivable")


def payment(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> str:
    """A customer's payment of one invoice."""
    tender, owed = sorted(step.lines, key=lambda line: line.account_kind == "receivable")
    settled = accepted.get(step.detail["settles"])
    if settled is None or settled.kind != "invoice":
        raise NeedsReview(
            "netsuite-soap-invoice-missing",
            f"{step.reference} pays {step.detail['settles']}, which is no invoice that NetSuite has accepted",
            remedy="Deliver the invoice first; the payment goes on by itself.",
        )
    amount = _amount(tender.amount)
    apply = {"apply": "true", "doc": settled.remote_id, "amount": amount}
    row = element("customers:apply", *(element(f"customers:{name}", text=text) for name, text in apply.items()))
    fields = _head("customers", step, chart)
    fields |= {
        "arAcct": ref("customers:arAcct", owed.account),
        "customer": ref("customers:customer", id_of(accepted, "customer")),
        "payment": element("customers:payment", text=amount),
        "undepFunds": element("customers:undepFunds", text="false"),
        "account": ref("customers:account", tender.account),
        "applyList": element("customers:applyList", row),
    }
    rest = _ordered(_PAYMENT, fields)
    return element("msg:record", *rest, kind="customers:CustomerPayment", externalId=step.reference)


def journal(step: Step, chart: Chart, customer: str) -> str:
    """A journal entry; lines of receivables name the customer, lines of payables the supplier of the settings."""
    edition = read(chart.edition)
    whom = {"receivable": customer, "payable": edition.supplier}
    rows = []
    for line in step.lines:
        side = "debit" if line.amount.minor > 0 else "credit"
        inside = [ref("general:account", line.account), element(f"general:{side}", text=_amount(_unsigned(line.amount)))]
        inside.append(element("general:memo", text=(line.description or line.role)[:_MEMO]))
        if entity := whom.get(line.account_kind, ""):
            inside.append(ref("general:entity", entity))
        dimensions = (("department", edition.department), ("class", edition.class_id), ("location", edition.location))
        inside += [ref(f"general:{name}", id_) for name, id_ in dimensions if id_]
        rows.append(element("general:line", *inside))
    fields = _head("general", step, chart)
    fields["approved"] = element("general:approved", text="true")
    fields["lineList"] = element("general:lineList", *rows)
    return element("msg:record", *_ordered(_JOURNAL, fields), kind="general:JournalEntry", externalId=step.reference)


def _unsigned(money: Money) -> Money:
        return Money(abs(money.minor), money.currency)
