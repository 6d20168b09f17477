"""The review queue: what a person must decide, tried again or dismissed."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery

from leja import flow
from leja.core.errors import Refused
from leja.database import review
from leja.database.engine import Connection as Conn
from leja.database.review import ReviewItem
from leja.web.api_access import Asking, acting, reading
from leja.web.api_page import ORG, READ, Limit, OrgId


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """How many things went on."""

    released: int


class Dismissed(msgspec.Struct, frozen=True, kw_only=True):
    """The item that was closed."""

    item_id: UUID


@get(f"{ORG}/review", opt=READ, sync_to_thread=True, operation_id="review")
def items(request: Asking, org: OrgId, settled: FromQuery[bool] = False, limit: Limit = 100) -> list[ReviewItem]:
    """Open items, or settled ones, oldest first."""
    return reading(request, org, lambda conn, org_id: review.items(conn, org_id, settled=settled, limit=limit))


@get(f"{ORG}/review/{{item:uuid}}", opt=READ, sync_to_thread=True, operation_id="reviewItem")
def item(request: Asking, org: OrgId, item: FromPath[UUID]) -> ReviewItem:
    """One item."""
    return reading(request, org, lambda conn, org_id: _found(conn, org_id, item))


@post(
    f"{ORG}/review/{{item:uuid}}/retry",
    opt={"scope": "review"},
    status_code=200,
    sync_to_thread=True,
    operation_id="retry",
)
def retry(request: Asking, org: OrgId, item: FromPath[UUID]) -> Retried:
    """Try what the item is about again, after its cause was mended."""
    released = acting(
        request,
        org,
        "review.retry",
        f"review/{item}",
        lambda conn, org_id, by, now: flow.retry(conn, org_id, _found(conn, org_id, item), by=by, now=now),
    )
    return Retried(released=released)


@post(
    f"{ORG}/review/{{item:uuid}}/dismiss",
    opt={"scope": "review"},
    status_code=200,
    sync_to_thread=True,
    operation_id="dismiss",
)
def dismiss(request: Asking, org: OrgId, item: FromPath[UUID]) -> Dismissed:
    """Leave it at that: what the item is about is not done."""
    acting(
        request,
        org,
        "review.dismiss",
        f"review/{item}",
        lambda conn, org_id, by, now: flow.dismiss(conn, org_id, _found(conn, org_id, item), by=by, now=now),
    )
    return Dismissed(item_id=item)


def _found(conn: Conn, org_id: UUID, item_id: UUID) -> ReviewItem:
    found = review.item(conn, org_id, item_id)
    if found is None:
        raise Refused("review-unknown", f"there is no review item {item_id}", remedy="List them first.")
    return found


HANDLERS = (items, item, retry, dismiss)
