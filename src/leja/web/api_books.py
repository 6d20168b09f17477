"""The books: trial balance, entries, documents, and where each figure comes from."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import get
from litestar.params import FromQuery, QueryParameter

from leja.core.errors import Refused
from leja.reports.documents_page import RecordedDocument, documents_page
from leja.reports.explain import Explained, explain
from leja.reports.ledger_lines import PostedEntry, Wanted, entries_page
from leja.reports.trial_balance import Balance, trial_balance
from leja.web.api_access import Asking, reading
from leja.web.api_page import ORG, READ, After, Limit, Name, OrgId, Page, page

Kind = FromQuery[Literal["", "sale", "fulfilment", "refund", "payment", "payout", "invoice", "fee", "stock_move"]]


@get(f"{ORG}/trial-balance", opt=READ, sync_to_thread=True, operation_id="trialBalance")
def balances(request: Asking, org: OrgId, at: FromQuery[date | None] = None) -> list[Balance]:
    """The trial balance at the end of a day, or of all that was posted. Amounts in minor units, debit positive."""
    return reading(request, org, lambda conn, org_id: trial_balance(conn, org_id, at))


@get(f"{ORG}/entries", opt=READ, sync_to_thread=True, operation_id="entries")
def entries(
    request: Asking,
    org: OrgId,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    account: Name = "",
    document: FromQuery[UUID | None] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[PostedEntry]:
    """Journal entries with their lines, by number."""
    wanted = Wanted(since=since, until=until, account=account or None, document_id=document)
    found = reading(request, org, lambda conn, org_id: entries_page(conn, org_id, wanted, after=after, limit=limit))
    return page(found, limit, lambda entry: entry.number)


@get(f"{ORG}/documents", opt=READ, sync_to_thread=True, operation_id="documents")
def documents(
    request: Asking,
    org: OrgId,
    kind: Kind = "",
    connection: Name = "",
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
    before: FromQuery[UUID | None] = None,
    limit: Limit = 100,
) -> Page[RecordedDocument]:
    """Documents in their latest revision, newest first."""
    found = reading(
        request,
        org,
        lambda conn, org_id: documents_page(
            conn, org_id, kind=kind, connection=connection, since=since, until=until, before=before, limit=limit
        ),
    )
    return page(found, limit, lambda document: document.document_id)


@get(f"{ORG}/explain", opt=READ, sync_to_thread=True, operation_id="explain")
def explained(
    request: Asking, org: OrgId, of: Annotated[str, QueryParameter(min_length=1, max_length=300)]
) -> Explained:
    """From a figure ("account 1100 2026-05-31"), entry, document, event or remote document to all the others."""
    words = of.split()
    if not words:
        raise Refused("explain-unknown", "it is not said what is to be explained")
    return reading(request, org, lambda conn, org_id: explain(conn, org_id, words))


HANDLERS = (balances, entries, documents, explained)
