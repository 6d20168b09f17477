"""What others changed at a target, mended; what was booked, undone and redone. Each is shown first with ``preview``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from leja import flow
from leja.access import connections, organisations
from leja.bookkeeping.undo import Scope, What
from leja.core.clock import business_day
from leja.core.errors import Refused
from leja.database import mending, review
from leja.delivery.drift import CODE
from leja.delivery.look_alikes import CODE as LOOK_ALIKE
from leja.delivery.mend_bench import Choice, WayOut
from leja.delivery.target import Target
from leja.delivery.typed_in import Answer, Verdict
from leja.house import House
from leja.web.api_access import Asking, house_of, not_there, reading
from leja.web.api_page import ORG, READ, Limit, OrgId

Text = Annotated[str, msgspec.Meta(max_length=200)]
Reason = Annotated[str, msgspec.Meta(max_length=1000)]
REVIEW = {"scope": "review"}


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a drift. ``shown`` is the ``mark`` of the answer to a preview: the decision is for what was shown.

    ``on``: posting date of a reversal, today if none is given. ``accounts``: an account over there -> which of ours is meant.
    """

    way: WayOut
    preview: bool = False
    on: date | None = None
    reason: Reason = ""
    shown: Text = ""
    accounts: dict[Text, Text] = {}


class TypedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the document over there is the one that is about to be told. ``document``: its id, where several look alike."""

    answer: Answer
    document: Text = ""
    reason: Reason = ""
    preview: bool = False


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """What is undone: ``name`` is an entry's number, a document's id or number, or a file's name or hash; ``connection`` a
    connection's name. ``on``: the day of the reversals, today if none is given; with ``on_its_own_day``, each entry's own."""

    what: What
    name: Text = ""
    connection: Text = ""
    since: date | None = None
    until: date | None = None
    on: date | None = None
    on_its_own_day: bool = False
    reason: Reason = ""
    preview: bool = False


class Redo(msgspec.Struct, frozen=True, kw_only=True):
    """On which day it counts again; today if none is given."""

    on: date | None = None
    reason: Reason = ""
    preview: bool = False


@get(f"{ORG}/mendings", opt=READ, sync_to_thread=True, operation_id="mendings")
def kept(request: Asking, org: OrgId, limit: Limit = 100) -> list[mending.Mended]:
    """What was decided about changes at a target, undone and redone, newest first."""
    return reading(request, org, lambda conn, org_id: mending.kept(conn, org_id, limit=limit))


@post(f"{ORG}/review/{{item:uuid}}/mend", opt=REVIEW, status_code=200, sync_to_thread=True, operation_id="mend")
def mend(request: Asking, org: OrgId, item: FromPath[UUID], data: JSONBody[Mend]) -> flow.Decided:
    """Accept, repost or reverse what others changed at a target."""
    house, by = _acting(request, org)
    with house.database.transaction() as conn:
        found = review.item(conn, org, item)
    if found is None:
        raise Refused("review-unknown", f"there is no review item {item}", remedy="List them first.")
    if found.code != CODE or found.connection_id is None:
        raise Refused("review-no-drift", f"{found.code} is no change that others made at a target", remedy=found.remedy)
    choice = Choice(way=data.way, on=data.on or _today(house, org), by=by, reason=data.reason, shown=data.shown, accounts=data.accounts)
    deliverable_id = UUID(found.subject.removeprefix("drift/"))
    return asyncio.run(house.decide(flow.mend_drift, org, found.connection_id, deliverable_id, choice, only_show=data.preview))


@post(f"{ORG}/review/{{item:uuid}}/typed-in", opt=REVIEW, status_code=200, sync_to_thread=True, operation_id="typedIn")
def typed_in(request: Asking, org: OrgId, item: FromPath[UUID], data: JSONBody[TypedIn]) -> flow.Decided:
    """Say whether a person typed in already what a target is about to be told."""
    house, by = _acting(request, org)
    with house.database.transaction() as conn:
        found = review.item(conn, org, item)
    if found is None or found.connection_id is None or found.code != LOOK_ALIKE:
        raise Refused("review-no-look-alike", f"{item} is no item about something that was typed in", remedy="List the items first.")
    verdict = Verdict(answer=data.answer, by=by, document=data.document, reason=data.reason)
    group = found.subject.split("/", 2)[2]
    return asyncio.run(house.decide(flow.decide_typed_in, org, found.connection_id, group, verdict, only_show=data.preview))


@post(f"{ORG}/undo", opt=REVIEW, status_code=200, sync_to_thread=True, operation_id="undo")
def undo(request: Asking, org: OrgId, data: JSONBody[Undo]) -> flow.Reversed:
    """Take back what was booked by dated reversals."""
    house, by = _acting(request, org)
    with house.database.transaction() as conn:
        of = connections.connection(conn, org, data.connection).connection_id if data.connection else None
    scope = Scope(what=data.what, name=data.name, connection_id=of, since=data.since, until=data.until)
    on = None if data.on_its_own_day else data.on or _today(house, org)

    def act(targets: Sequence[Target]) -> flow.Reversed:
        return flow.undo(
            house.database, org, scope, on, targets, by=by, reason=data.reason, clock=house.clock, only_show=data.preview)

    return asyncio.run(house.with_targets(org, act))


@post(f"{ORG}/undo/{{mending_id:uuid}}/redo", opt=REVIEW, status_code=200, sync_to_thread=True, operation_id="redo")
def redo(request: Asking, org: OrgId, mending_id: FromPath[UUID], data: JSONBody[Redo]) -> flow.Reversed:
    """Say again what an undoing took out."""
    house, by = _acting(request, org)

    def act(targets: Sequence[Target]) -> flow.Reversed:
        return flow.redo(
            house.database, org, mending_id, data.on or _today(house, org), targets, by=by, reason=data.reason, clock=house.clock,
            only_show=data.preview)

    return asyncio.run(house.with_targets(org, act))


def _acting(request: Asking, org_id: UUID) -> tuple[House, str]:
    """The house, and who acts; the flow keeps the trail itself, in the transaction that does it."""
    if org_id != request.user.org_id:
        raise not_there(org_id)
    return house_of(request), f"token:{request.user.name}"


def _today(house: House, org_id: UUID) -> date:
    with house.database.transaction() as conn:
        home = organisations.by_id(conn, org_id)
    return business_day(house.clock(), home.zone, home.day_end_minutes)


HANDLERS = (kept, mend, typed_in, undo, redo)
