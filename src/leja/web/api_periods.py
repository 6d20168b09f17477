"""Periods: listed, locked, reopened."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.params import JSONBody, PathParameter

from leja.closing.lock import lock
from leja.closing.period_change import PeriodChange, PeriodState, periods
from leja.closing.reopen import reopen
from leja.web.api_access import Asking, acting, reading
from leja.web.api_page import ORG, READ, OrgId

Period = Annotated[str, PathParameter(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$", description="Such as 2026-05.")]
PERIOD: dict[str, Any] = {"scope": "period"}


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why; it stands beside the change for ever."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


@get(f"{ORG}/periods", opt=READ, sync_to_thread=True, operation_id="periods")
def listed(request: Asking, org: OrgId) -> list[PeriodState]:
    """Every period that was posted into or locked, with its changes."""
    return reading(request, org, periods)


@post(f"{ORG}/periods/{{period:str}}/lock", opt=PERIOD, status_code=200, sync_to_thread=True, operation_id="lockPeriod")
def locked(request: Asking, org: OrgId, period: Period, data: JSONBody[Reason]) -> PeriodChange:
    """From now on nothing is posted in it."""
    return acting(
        request,
        org,
        "period.lock",
        period,
        lambda conn, org_id, by, now: lock(conn, org_id, period, by, data.reason, now),
    )


@post(
    f"{ORG}/periods/{{period:str}}/reopen",
    opt=PERIOD,
    status_code=200,
    sync_to_thread=True,
    operation_id="reopenPeriod",
)
def reopened(request: Asking, org: OrgId, period: Period, data: JSONBody[Reason]) -> PeriodChange:
    """It may be posted into again; that it was, and why, stays visible."""
    return acting(
        request,
        org,
        "period.reopen",
        period,
        lambda conn, org_id, by, now: reopen(conn, org_id, period, by, data.reason, now),
    )


HANDLERS = (listed, locked, reopened)
