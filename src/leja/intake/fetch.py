"""Fetch: completes what was only heard of.

The answer is an event; it takes the wish off the list in its transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from leja.connectors.contract import RawEvent, Session, Wanted
from leja.core.clock import Clock
from leja.core.errors import Refused, Transient
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.database.review import open_item
from leja.intake.inbox import Kept, keep

BATCH: Final = 50
TRIES_BEFORE_REVIEW: Final = 6
FAILURES_MAX: Final = 3
FetchVerb = Callable[[Session, Sequence[Wanted]], Awaitable[tuple[RawEvent, ...]]]


class Fetched(msgspec.Struct, frozen=True):
    """How many things were asked for, how many were answered, and what their answers were to the inbox."""

    asked: int = 0
    answered: int = 0
    kept: Kept = Kept()


class _Claim(msgspec.Struct, frozen=True):
    wanted: Wanted
    tries: int
    wanted_at: datetime


def want(
    conn: Connection,
    org_id: UUID,
    connection_id: UUID,
    things: Sequence[Wanted],
    now: datetime,
    event_id: UUID | None = None,
) -> None:
    """Put things on the list.

    What is on it already is wanted anew: an answer that is under way may be too old for it.
    """
    for thing in things:
        conn.execute(
            "INSERT INTO wanted (org_id, connection_id, kind, external_id, event_id, wanted_at, not_before)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (org_id, connection_id, kind, external_id)"
            " DO UPDATE SET wanted_at = EXCLUDED.wanted_at",
            (org_id, connection_id, thing.kind, thing.external_id, event_id, now, now),
        )


async def fetch(
    database: Database,
    org_id: UUID,
    connection_id: UUID,
    verb: FetchVerb,
    session: Session,
    *,
    clock: Clock,
    batch: int = BATCH,
) -> Fetched:
    """Ask for everything that is due now, one thing at a time, so that one that fails holds up no other.

    A thing that fails is tried again later. Raises what the vendor's call raises if it fails ``FAILURES_MAX`` times in
    a row, or in a way that waiting does not mend; what was answered until then is kept.
    """
    fetched, failures = Fetched(), 0
    while claims := await asyncio.to_thread(_claim, database, org_id, connection_id, clock(), batch):
        for claim in claims:
            try:
                failpoint("intake.before-fetch-call")
                answers = await verb(session, [claim.wanted])
                failpoint("intake.after-fetch-call")
                failures = 0
            except (Transient, Refused) as error:
                answers = ()
                failures += isinstance(error, Transient)
                if failures >= FAILURES_MAX:
                    raise
            kept = await asyncio.to_thread(_keep_answers, database, org_id, connection_id, claim, answers, clock())
            failpoint("intake.after-fetch-commit")
            fetched = Fetched(fetched.asked + 1, fetched.answered + bool(answers), fetched.kept + kept)
    return fetched


def _claim(database: Database, org_id: UUID, connection_id: UUID, now: datetime, batch: int) -> list[_Claim]:
    """What is due, put off at once: half a minute, doubled with each try, a day at most.

    So no two runs ask for the same.
    """
    with database.transaction() as conn:
        found = conn.execute(
            "WITH due AS (SELECT kind, external_id FROM wanted WHERE org_id = %(org)s"
            " AND connection_id = %(connection)s AND not_before <= %(now)s ORDER BY wanted_at, kind, external_id"
            " LIMIT %(batch)s FOR UPDATE SKIP LOCKED)"
            " UPDATE wanted w SET tries = tries + 1,"
            " not_before = %(now)s + least(interval '30 seconds' * power(2, least(tries, 20)), interval '1 day')"
            " FROM due WHERE w.org_id = %(org)s AND w.connection_id = %(connection)s AND w.kind = due.kind"
            " AND w.external_id = due.external_id RETURNING w.kind, w.external_id, w.tries, w.wanted_at",
            {"org": org_id, "connection": connection_id, "now": now, "batch": batch},
        ).fetchall()
    return [
        _Claim(Wanted(kind=str(kind), external_id=str(key)), int(str(tries)), wanted_at)
        for kind, key, tries, wanted_at in found
    ]


def _keep_answers(
    database: Database, org_id: UUID, connection_id: UUID, claim: _Claim, answers: Sequence[RawEvent], now: datetime
) -> Kept:
    thing = claim.wanted
    with database.transaction() as conn:
        kept = keep(conn, org_id, connection_id, [answering(event, thing) for event in answers], now)
        if answers:
            conn.execute(
                "DELETE FROM wanted WHERE org_id = %s AND connection_id = %s AND kind = %s AND external_id = %s"
                " AND wanted_at = %s",
                (org_id, connection_id, thing.kind, thing.external_id, claim.wanted_at),
            )
        elif claim.tries >= TRIES_BEFORE_REVIEW:
            _review(conn, org_id, connection_id, claim, now)
        failpoint("intake.before-fetch-commit")
    return kept


def ask_again(conn: Connection, org_id: UUID, subject: str, now: datetime) -> int:
    """Ask at once for the thing that a review item is about; says how many are asked for."""
    connection_id, kind, external_id = named(subject)
    return conn.execute(
        "UPDATE wanted SET not_before = %s, tries = 0 WHERE org_id = %s AND connection_id = %s AND kind = %s AND external_id = %s",
        (now, org_id, connection_id, kind, external_id),
    ).rowcount


def forget(conn: Connection, org_id: UUID, subject: str) -> tuple[UUID, str, str]:
    """Take the thing that a review item is about off the list; says its connection, kind and id."""
    connection_id, kind, external_id = named(subject)
    conn.execute(
        "DELETE FROM wanted WHERE org_id = %s AND connection_id = %s AND kind = %s AND external_id = %s",
        (org_id, connection_id, kind, external_id),
    )
    return connection_id, kind, external_id


def named(subject: str) -> tuple[UUID, str, str]:
    """Connection, kind and id of a review item's subject "wanted/<connection>/<kind>/<id>"."""
    _, connection_id, kind, external_id = subject.split("/", 3)
    return UUID(connection_id), kind, external_id


def answering(event: RawEvent, thing: Wanted) -> RawEvent:
    """The event as the answer to what was wanted."""
    return msgspec.structs.replace(event, origin="fetch", parent=event.parent or _name(thing))


def _review(conn: Connection, org_id: UUID, connection_id: UUID, claim: _Claim, now: datetime) -> None:
    thing = claim.wanted
    open_item(
        conn, org_id, "fetch-unanswered", f"wanted/{connection_id}/{_name(thing)}",
        f"The {thing.kind} {thing.external_id} was asked for {claim.tries} times and its source does not have it.",
        "If it was deleted there, dismiss this. It is asked for again once a day.", now,
        connection_id=connection_id, waits_for=f"fetch/{_name(thing)}",
    )  # fmt: skip


def _name(thing: Wanted) -> str:
    return f"{thing.kind}/{thing.external_id}"
