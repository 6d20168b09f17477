"""What stands over there under our references: documents that count, and drafts that were left behind.

Sales documents are searched by externalDocumentNumber, which is unique nowhere; journals by the document number of their
ledger entries, which is our reference, and while they are not posted by the code of their batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.business_central.api import named, rows
from leja.connectors.business_central.drafts import SETS, batch_code, customer_tag
from leja.connectors.business_central.wire import (
    Batch,
    CreditMemo,
    Customer,
    Entry,
    Invoice,
    JournalBatch,
    Line,
    PaymentBatch,
    Sales,
    day,
)
from leja.connectors.contract import Draft, RemoteDocument, Session
from leja.core.money import Money, from_text

SHAPES: Final[Mapping[str, tuple[type[Any], str]]] = {
    "SalesInvoice": (Invoice, "salesInvoiceLines"), "SalesCreditMemo": (CreditMemo, "salesCreditMemoLines"),
    "Journal": (JournalBatch, "journalLines"), "CustomerPayment": (PaymentBatch, "customerPayments"),
}
DRAFTS: Final = frozenset({"", " ", "Draft", "In Review"})


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A draft over there; ``same``: it says what ours says, so that it may be posted as it is."""

    remote_id: str
    same: bool


class Standing(msgspec.Struct, kw_only=True):
    """What bears one reference: documents that count, each with what speaks against it, and drafts."""

    counting: list[tuple[RemoteDocument, str]] = []
    left: list[Left] = []


async def standing(session: Session, drafts: Sequence[Draft]) -> list[Standing]:
    """What stands there of each draft, in order."""
    found: dict[tuple[str, str], Standing] = defaultdict(Standing)
    for kind in dict.fromkeys(draft.kind for draft in drafts):
        alike = {draft.reference: draft for draft in drafts if draft.kind == kind}
        if kind == "Customer":
            await _customers(session, alike, found)
        elif kind in ("SalesInvoice", "SalesCreditMemo"):
            await _sales(session, kind, alike, found)
        else:
            await _journals(session, kind, alike, found)
    return [found[draft.kind, draft.reference] for draft in drafts]


async def _customers(session: Session, alike: Mapping[str, Draft], found: dict[tuple[str, str], Standing]) -> None:
    for reference in alike:
        tag = customer_tag(reference)
        text = f"contains(displayName,'{tag.replace(chr(39), chr(39) * 2)}')"
        for row in await rows(session, "customers", Customer, {"$filter": text}):
            if row.display_name.endswith(tag):
                document = RemoteDocument(kind="Customer", remote_id=row.id, reference=reference, number=row.number)
                why = "it is blocked" if row.blocked.strip() else ""
                found["Customer", reference].counting.append((document, why))


async def _sales(
    session: Session, kind: str, alike: Mapping[str, Draft], found: dict[tuple[str, str], Standing]
) -> None:
    shape, lines = SHAPES[kind]
    by_key = {reference.upper(): reference for reference in alike}
    query = {"$expand": lines}
    for row in await named(session, SETS[kind], shape, "externalDocumentNumber", list(alike), query):
        reference = by_key.get(row.external_document_number.upper())
        # A corrective document is the vendor's own: cancelling ours copied our reference into it.
        if reference is None or row.status == "Corrective":
            continue
        draft, there = alike[reference], found[kind, reference]
        if row.status in DRAFTS:
            there.left.append(Left(remote_id=row.id, same=same_sales(draft, row)))
        else:
            there.counting.append((sales_document(kind, row, draft.total.currency), "it is canceled" if row.status == "Canceled" else ""))


def sales_document(kind: str, row: Sales, currency: str) -> RemoteDocument:
    """A posted sales document as Business Central states it."""
    return RemoteDocument(
        kind=kind, remote_id=row.id, reference=row.external_document_number, number=row.number,
        version=row.last_modified_date_time, total=from_text(row.total_amount_including_tax, currency), date=day(row.posting_date),
    )


def same_sales(draft: Draft, row: Sales) -> bool:
    """Whether a draft over there says what ours says."""
    body = msgspec.json.decode(draft.body)
    said = body.get("salesInvoiceLines") or body.get("salesCreditMemoLines") or []
    ours = sorted((one["lineObjectNumber"], Decimal(str(one["unitPrice"])) * one["quantity"], one["taxCode"]) for one in said)
    theirs = sorted((one.line_object_number, one.unit_price * one.quantity, one.tax_code) for one in row.lines)
    total = from_text(row.total_amount_including_tax, draft.total.currency)
    return ours == theirs and total == draft.total and day(row.posting_date) == draft.date and row.customer_id == body["customerId"]


async def _journals(
    session: Session, kind: str, alike: Mapping[str, Draft], found: dict[tuple[str, str], Standing]
) -> None:
    shape, lines = SHAPES[kind]
    references = {batch_code(reference): reference for reference in alike}
    for batch in await named(session, SETS[kind], shape, "code", list(references), {"$expand": lines}):
        reference = references.get(batch.code.upper(), "")
        if reference and batch.display_name == reference:
            left = Left(remote_id=batch.id, same=same_journal(alike[reference], batch))
            found[kind, reference].left.append(left)
    entries: dict[str, list[Entry]] = defaultdict(list)
    for entry in await named(session, "generalLedgerEntries", Entry, "documentNumber", list(alike)):
        entries[entry.document_number.upper()].append(entry)
    for reference, draft in alike.items():
        if posted := entries.get(reference.upper()):
            document = journal_document(kind, posted, draft.total.currency)
            found[kind, reference].counting.append((document, ""))


def journal_document(kind: str, entries: Sequence[Entry], currency: str) -> RemoteDocument:
    """A posted journal, which only its ledger entries tell of: its total is their debits."""
    debits = sum((from_text(entry.debit_amount, currency) for entry in entries), Money(0, currency))
    return RemoteDocument(
        kind=kind, remote_id=entries[0].document_number, reference=entries[0].document_number, number=entries[0].document_number,
        version=max(entry.last_modified_date_time for entry in entries), total=debits, date=day(entries[0].posting_date),
    )


def same_journal(draft: Draft, batch: Batch) -> bool:
    """Whether a batch over there holds exactly the lines of ours."""
    body = msgspec.json.decode(draft.body)
    said = body.get("journalLines") or body.get("customerPayments") or []

    def ours(line: Mapping[str, Any]) -> tuple[str, Decimal, str, str]:
        place = line.get("accountNumber") or line.get("accountId") or line.get("customerId") or ""
        return str(place).lower(), Decimal(str(line["amount"])), line["documentNumber"], line["postingDate"]

    numbered = {str(line["accountNumber"]).lower() for line in said if "accountNumber" in line}

    def theirs(line: Line) -> tuple[str, Decimal, str, str]:
        number = line.account_number.lower()
        place = number if number in numbered else (line.account_id or line.customer_id).lower()
        return place, line.amount, line.document_number, line.posting_date

    return sorted(map(ours, said)) == sorted(map(theirs, batch.lines))
