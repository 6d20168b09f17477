"""What the targets were told, what still waits, and whether books and targets agree."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery

from leja.access import connections
from leja.core.errors import Refused
from leja.database.engine import Connection as Conn
from leja.delivery.told import Telling, Waiting, tellings, waiting
from leja.reconcile.agreement import Agreement, agreement
from leja.web.api_access import Asking, reading
from leja.web.api_page import ORG, READ, Limit, Name, OrgId, Page, page

State = FromQuery[Literal["", "open", "done", "parked", "withdrawn"]]
AGREEMENT_SECONDS = 90


class Agreed(msgspec.Struct, frozen=True, kw_only=True):
    """Whether books and target agree on our own documents, and every difference if not."""

    agree: bool
    agreement: Agreement


@get(f"{ORG}/deliveries", opt=READ, sync_to_thread=True, operation_id="deliveries")
def told(
    request: Asking,
    org: OrgId,
    target: Name = "",
    in_state: State = "",
    before: FromQuery[UUID | None] = None,
    limit: Limit = 100,
) -> Page[Telling]:
    """What the targets were told, newest first, with the documents that stand there."""
    found = reading(
        request,
        org,
        lambda conn, org_id: tellings(conn, org_id, target=target, state=in_state, before=before, limit=limit),
    )
    return page(found, limit, lambda telling: telling.deliverable_id)


@get(f"{ORG}/deliveries/waiting", opt=READ, sync_to_thread=True, operation_id="waiting")
def yet_to_go(request: Asking, org: OrgId, target: Name = "", limit: Limit = 100) -> list[Waiting]:
    """The groups that wait for their time or are held, and why."""
    return reading(request, org, lambda conn, org_id: waiting(conn, org_id, target=target, limit=limit))


@get(f"{ORG}/agreement", opt=READ, sync_to_thread=True, operation_id="agreement")
def agree(
    request: Asking,
    org: OrgId,
    target: Name,
    since: FromQuery[date | None] = None,
    until: FromQuery[date | None] = None,
) -> Agreed:
    """Compare our books, what a target was told and what was last read back there, per account and day."""
    return reading(
        request, org, lambda conn, org_id: _agreed(conn, org_id, target, since, until), seconds=AGREEMENT_SECONDS
    )


def _agreed(conn: Conn, org_id: UUID, target: str, since: date | None, until: date | None) -> Agreed:
    found = connections.connection(conn, org_id, target)
    if found.duty != "accounting":
        raise Refused("connection-duty", f"{target} is no accounting connection", remedy="Name one that is.")
    compared = agreement(conn, org_id, found.connection_id, since or found.start_date, until or date(9999, 12, 31))
    return Agreed(agree=compared.agree, agreement=compared)


HANDLERS = (told, yet_to_go, agree)
