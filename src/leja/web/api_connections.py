"""Organisations, connections and their events. No secret, and no webhook address, is ever shown."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromQuery, PathParameter, QueryParameter

from leja import flow
from leja.access import connections, organisations
from leja.access.metered_reads import stored
from leja.access.organisations import Organisation
from leja.connectors import registry
from leja.core.errors import Refused
from leja.database.engine import Connection as Conn
from leja.http.metering import Reads
from leja.intake.arrivals import Arrived, arrivals
from leja.intake.proof import Proof
from leja.reports.standing import Standing, TargetStanding, standing, target
from leja.web.api_access import Asking, acting, house_of, reading
from leja.web.api_page import ORG, READ, After, Limit, Name, OrgId, Page, page

EventState = FromQuery[Literal["", "new", "done", "ignored", "observed", "waiting", "parked"]]
PROOF_DAYS_MAX = 92


class ShownConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as it may be shown."""

    connection_id: UUID
    name: str
    platform: str
    duty: str
    settings: dict[str, Any]
    tenant: str
    start_date: date
    standing: TargetStanding | None = None
    reads: MonthOfReads | None = None


class MonthOfReads(msgspec.Struct, frozen=True, kw_only=True):
    """What a vendor admits in a month, what of it is used, and the day on which it would be used up at this pace."""

    month: date
    allowance: int
    used: int
    ends_on: date | None

    @classmethod
    def of(cls, reads: Reads | None) -> MonthOfReads | None:
        """As it is shown; None where nothing is metered."""
        if reads is None:
            return None
        return cls(month=reads.month, allowance=reads.allowance, used=reads.used, ends_on=reads.ends_on)


class UnderWay(msgspec.Struct, frozen=True, kw_only=True):
    """What workers remember of a step that ran: when it may run again, and what failed last."""

    step: str
    connection: str
    begun_at: datetime
    ended_at: datetime | None
    not_before: datetime
    failures: int
    because: str


@get("/orgs", opt=READ, sync_to_thread=True, operation_id="organisations")
def orgs(request: Asking) -> list[Organisation]:
    """The organisations that the token speaks for: one."""
    return reading(request, request.user.org_id, lambda conn, org_id: [organisations.by_id(conn, org_id)])


@get(f"{ORG}/standing", opt=READ, sync_to_thread=True, operation_id="standing")
def where(request: Asking, org: OrgId) -> Standing:
    """Where things stand: what waits, what is held or parked, what must be decided."""
    return reading(request, org, standing)


@get(f"{ORG}/work", opt=READ, sync_to_thread=True, operation_id="work")
def work(request: Asking, org: OrgId) -> list[UnderWay]:
    """What the workers last did for the organisation, and what fails."""
    return reading(request, org, _work)


def _work(conn: Conn, org_id: UUID) -> list[UnderWay]:
    rows = conn.execute(
        "SELECT w.step, coalesce(c.name, ''), w.begun_at, w.ended_at, w.not_before, w.failures, w.because FROM work w"
        " LEFT JOIN connection c ON c.org_id = w.org_id AND c.connection_id::text = w.subject WHERE w.org_id = %s ORDER BY 1, 2",
        (org_id,),
    ).fetchall()
    return [UnderWay(**dict(zip(UnderWay.__struct_fields__, row, strict=True))) for row in rows]


@get(f"{ORG}/connections", opt=READ, sync_to_thread=True, operation_id="connections")
def connection_list(request: Asking, org: OrgId) -> list[ShownConnection]:
    """The connections, in the order in which they were added."""
    now = house_of(request).clock()
    return reading(request, org, lambda conn, org_id: _connections(conn, org_id, now))


def _connections(conn: Conn, org_id: UUID, now: datetime) -> list[ShownConnection]:
    return [
        ShownConnection(
            connection_id=found.connection_id,
            name=found.name,
            platform=found.slug,
            duty=found.duty,
            settings=_shown(found),
            tenant=found.tenant,
            start_date=found.start_date,
            standing=target(conn, org_id, found.connection_id) if found.duty == "accounting" else None,
            reads=MonthOfReads.of(stored(conn, org_id, found.connection_id, found.connector.limits.reads_per_month, now)),
        )
        for found in connections.connections(conn, org_id)
    ]


def _shown(found: connections.Connection) -> dict[str, Any]:
    hidden = connections.secret_names(found.connector)
    return {name: value for name, value in found.settings.items() if name not in hidden}


@get(f"{ORG}/events", opt=READ, sync_to_thread=True, operation_id="events")
def events(
    request: Asking,
    org: OrgId,
    in_state: EventState = "",
    connection: Name = "",
    before: After = 0,
    limit: Limit = 100,
) -> Page[Arrived]:
    """What arrived, newest first."""
    found = reading(
        request,
        org,
        lambda conn, org_id: arrivals(conn, org_id, state=in_state, connection=connection, before=before, limit=limit),
    )
    return page(found, limit, lambda event: event.seq)


@post(f"{ORG}/connections/{{name:str}}/proof", opt={"scope": "review"}, status_code=200, operation_id="proof")
async def prove(
    request: Asking,
    org: OrgId,
    name: Annotated[str, PathParameter(max_length=200)],
    days: Annotated[int, QueryParameter(ge=1, le=PROOF_DAYS_MAX)] = 7,
) -> Proof:
    """Compare what the source says it has of the last days with what is held here; what is missing is fetched."""
    house = house_of(request)
    found = await asyncio.to_thread(
        reading, request, org, lambda conn, org_id: connections.connection(conn, org_id, name)
    )
    verbs = registry.taking_in(found.slug)
    if "ids" not in verbs:
        raise Refused("connector-capability", f"{found.connector.title} cannot say which things it has")
    await asyncio.to_thread(_noted, request, org, name, days)
    session = await asyncio.to_thread(house.session, found)
    try:
        since = house.clock() - timedelta(days=days)
        return await flow.prove(house.database, found.org_id, found.connection_id, verbs, session, since, house.clock)
    finally:
        await session.http.close()


def _noted(request: Asking, org: UUID, name: str, days: int) -> None:
    acting(request, org, "intake.proof", name, lambda *_: None, {"days": days})


HANDLERS = (orgs, where, work, connection_list, events, prove)
