"""The exact request of one step: a table for ``load()``, in which document and lines bear external ids. Pure.

A column ``x/.id`` names a database id, ``x/id`` an external one; continuation rows leave the cells of the head empty. An empty
cell of a column sets the field to nothing (odoo/addons/base/models/ir_fields.py, ``for_model``), so a line without tax gets
none even where its account has a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from leja.connectors.bundle_lines import moved
from leja.connectors.contract import Chart, Draft, RemoteDocument, Step
from leja.connectors.odoo.api import JSON2_SINCE
from leja.connectors.odoo.edition import Edition, read
from leja.connectors.odoo.names import line_name, model_of, module_of, name_of
from leja.connectors.odoo.plan import document_lines
from leja.connectors.odoo.tax import taxed
from leja.core.errors import BrokenInvariant, NeedsReview
from leja.core.money import Money, rounded, to_decimal

MEMO_SINCE: Final = 18
_TYPES: Final = {"Invoice": "out_invoice", "CreditNote": "out_refund", "Entry": "entry"}
Cells = dict[str, str]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a draft: the table, and the documents that it settles once it is posted."""

    fields: tuple[str, ...]
    data: tuple[tuple[str, ...], ...]
    settles: tuple[str, ...] = ()


_encoder: Final = msgspec.json.Encoder()


def draft(step: Step, chart: Chart, accepted: Mapping[str, RemoteDocument]) -> Draft:
    """The request of a step: body, what it moves and what it comes to."""
    edition = read(chart.edition)
    head, lines = _table(step, chart, edition, accepted)
    model = model_of(step.kind)
    return Draft(
        step=step.name,
        kind=step.kind,
        reference=step.reference,
        method="POST",
        path=f"/json/2/{model}/load" if edition.major >= JSON2_SINCE else "/jsonrpc",
        headers={"accept": "application/json", "content-type": "application/json"},
        body=_encoder.encode(_request(head, lines, _settles(step, accepted))),
        date=step.bundle.date,
        total=_total(step),
        moves=moved(step.lines),
        text=f"{model} {step.reference}",
    )


def _request(head: Cells, lines: Sequence[Cells], settles: tuple[str, ...]) -> Request:
    columns = tuple(lines[0]) if lines else ()
    first, *rest = [tuple(line[name] for name in columns) for line in lines] or [()]
    empty = ("",) * len(head)
    data = ((*head.values(), *first), *((*empty, *row) for row in rest))
    return Request(fields=(*head, *columns), data=data, settles=settles)


def _total(step: Step) -> Money:
    """What the document comes to: what is owed or paid, of a journal entry its debits."""
    if step.kind in ("Invoice", "CreditNote"):
        return Money(abs(sum(line.amount.minor for line in document_lines(step))), step.bundle.currency)
    return Money(sum(max(0, line.amount.minor) for line in step.lines), step.bundle.currency)


def _table(step: Step, chart: Chart, edition: Edition, accepted: Mapping[str, RemoteDocument]) -> tuple[Cells, list[Cells]]:
    head: Cells = {"id": f"{module_of(edition.company)}.{name_of(step.kind, step.reference)}"}
    if step.kind == "Customer":
        return head | _partner(step), []
    abroad = {"currency_id/.id": edition.currencies[step.bundle.currency]} if step.bundle.currency != chart.home_currency else {}
    if step.kind == "Payment":
        return head | _payment(step, edition, accepted) | abroad, []
    head |= {"move_type": _TYPES[step.kind], "date": step.bundle.date.isoformat(), "ref": _words(step)} | abroad
    takes_back = _takes_back(step, accepted)
    if takes_back:
        head["reversed_entry_id/.id"] = takes_back
    if step.kind == "Entry":
        head["journal_id/.id"] = edition.general_journal
        return head, _entry_lines(step, chart, edition, accepted)
    return head | _invoice(step, edition, accepted), _invoice_lines(step, chart, edition)


def _words(step: Step) -> str:
    """What people see: our reference, then the number and the words of what happened."""
    bundle = step.bundle
    said = (step.reference, bundle.number, bundle.text if step.kind == "Entry" else "")
    return " ".join(part for part in said if part)[:200]


def _partner(step: Step) -> Cells:
    party = step.bundle.customer
    named = party is not None and bool(party.external_id)
    name = (party.company or party.name or party.external_id) if party is not None and named else "Customers through Leja"
    return {
        "name": name[:200],
        "email": party.email[:200] if party is not None and named else "",
        "is_company": "1" if party is not None and named and party.company else "0",
        "customer_rank": "1",
        "property_account_receivable_id/.id": step.detail["receivable"],
    }


def _payment(step: Step, edition: Edition, accepted: Mapping[str, RemoteDocument]) -> Cells:
    tender, owed = step.lines
    return {
        "payment_type": "inbound" if tender.amount.minor > 0 else "outbound",
        "partner_type": "customer",
        "partner_id/.id": _id(accepted, "customer"),
        "amount": _text(to_decimal(_total(step))),
        "date": step.bundle.date.isoformat(),
        "memo" if edition.major >= MEMO_SINCE else "ref": _words(step),
        "journal_id/.id": step.detail["journal"],
        "destination_account_id/.id": owed.account,
    }


def _invoice(step: Step, edition: Edition, accepted: Mapping[str, RemoteDocument]) -> Cells:
    bundle = step.bundle
    return {
        "journal_id/.id": edition.sale_journal,
        "partner_id/.id": _id(accepted, "customer"),
        "invoice_date": bundle.date.isoformat(),
        "invoice_date_due": (bundle.due or bundle.date).isoformat(),
        "invoice_origin": bundle.number[:200],
    }


def _invoice_lines(step: Step, chart: Chart, edition: Edition) -> list[Cells]:
    sign = 1 if step.kind == "CreditNote" else -1
    shown = taxed(document_lines(step), chart)
    return [
        {
            "invoice_line_ids/id": f"{module_of(edition.company)}.{line_name(step.reference, number)}",
            "invoice_line_ids/name": (line.description or line.role)[:500],
            "invoice_line_ids/quantity": "1",
            "invoice_line_ids/price_unit": _text(sign * to_decimal(line.amount)),
            "invoice_line_ids/account_id/.id": line.account,
            "invoice_line_ids/tax_ids/.id": shown.tax(line),
        }
        for number, line in enumerate(shown.lines, start=1)
    ]


def _entry_lines(step: Step, chart: Chart, edition: Edition, accepted: Mapping[str, RemoteDocument]) -> list[Cells]:
    currency = step.bundle.currency
    foreign = currency != chart.home_currency
    home = _at_home(step, chart) if foreign else [to_decimal(line.amount) for line in step.lines]
    customer = _id(accepted, "customer") if "customer" in step.after else ""
    found = []
    for number, (line, balance) in enumerate(zip(step.lines, home, strict=True), start=1):
        cells: Cells = {
            "line_ids/id": f"{module_of(edition.company)}.{line_name(step.reference, number)}",
            "line_ids/account_id/.id": line.account,
            "line_ids/partner_id/.id": customer if line.account_kind == "receivable" else "",
            "line_ids/name": (line.description or line.role)[:500],
            "line_ids/debit": _text(max(balance, Decimal(0))),
            "line_ids/credit": _text(max(-balance, Decimal(0))),
        }
        if foreign:
            cells |= {"line_ids/currency_id/.id": edition.currencies[currency], "line_ids/amount_currency": _text(to_decimal(line.amount))}
        found.append(cells)
    return found


def _at_home(step: Step, chart: Chart) -> list[Decimal]:
    """The lines in home currency by our rate, each rounded once; what that leaves goes to the largest line."""
    amounts = [rounded(to_decimal(line.amount) * step.bundle.rate, chart.home_currency) for line in step.lines]
    largest = max(range(len(amounts)), key=lambda place: abs(amounts[place].minor))
    left = sum(amount.minor for amount in amounts)
    amounts[largest] = Money(amounts[largest].minor - left, chart.home_currency)
    return [to_decimal(amount) for amount in amounts]


def _text(amount: Decimal) -> str:
    return format(amount, "f")


def _takes_back(step: Step, accepted: Mapping[str, RemoteDocument]) -> str:
    """The document that a refund takes back, if it is one of the same sort: an invoice, or an entry."""
    if step.bundle.kind not in ("refund", "credit_note") or len(step.bundle.applies_to) != 1 or step.name != "document":
        return ""
    taken = accepted.get(step.bundle.applies_to[0])
    wanted = {"CreditNote": "Invoice", "Entry": "Entry"}.get(step.kind)
    return taken.remote_id if taken is not None and taken.kind == wanted else ""


def _settles(step: Step, accepted: Mapping[str, RemoteDocument]) -> tuple[str, ...]:
    name = step.detail.get("settles", "")
    if not name:
        return ()
    settled = accepted.get(name)
    if settled is None:
        raise NeedsReview(
            "odoo-settled-missing", f"{step.reference} settles {name}, which is no document that Odoo has accepted",
            remedy="Deliver that document first; the payment goes on by itself.",
        )
    return (settled.remote_id,) if settled.kind in _TYPES else ()


def _id(accepted: Mapping[str, RemoteDocument], name: str) -> str:
    try:
        return accepted[name].remote_id
    except KeyError:
        raise BrokenInvariant("odoo-step-order", f"step {name!r} was not accepted before it was needed") from None


def request_of(body: bytes) -> Request:
    """The request in a draft's body."""
    return msgspec.json.decode(body, type=Request)
