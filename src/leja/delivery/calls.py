"""Calls to a target: which drafts go out together, until when, and what came of them. One outcome per draft, always."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import msgspec

from leja.connectors.contract import Later, Outcome, Rejected, Session, Unknown
from leja.core.clock import Clock
from leja.core.errors import LejaError, NeedsConsent, Refused, Transient
from leja.delivery.attempt import Sending
from leja.delivery.target import Target

CALL_SECONDS = 30
MARGIN_SECONDS = 1.0


def call_seconds() -> int:
    """After how many seconds a call is given up on our side (``LEJA_CALL_SECONDS``)."""
    text = os.environ.get("LEJA_CALL_SECONDS", str(CALL_SECONDS))
    if not text.isdigit() or not int(text):
        raise Refused("setting-unreadable", f"LEJA_CALL_SECONDS is {text!r}, not a whole number of seconds")
    return int(text)


def cut(target: Target, sends: Iterable[Sending]) -> list[tuple[Sending, ...]]:
    """Sendings cut into calls: live ones first, in the vendor's batch size, apart where the vendor takes them apart."""
    together: frozenset[str] | None = getattr(target.verbs, "TOGETHER", None)
    size = max(1, target.limits.batch)

    def kind(sending: Sending) -> tuple[bool, str]:
        return sending.lane != "live", "" if together is None else sending.step.kind

    calls: list[tuple[Sending, ...]] = []
    for (_, name), group in groupby(sorted(sends, key=kind), key=kind):
        alike = list(group)
        most = size if together is None or name in together else 1
        calls += [tuple(alike[at : at + most]) for at in range(0, len(alike), most)]
    return calls


async def deliver(target: Target, batch: Sequence[Sending], deadline: datetime, clock: Clock) -> tuple[Outcome, ...]:
    """Send. What was certainly not sent before the deadline is Later; what may have been is Unknown."""
    drafts = tuple(sending.draft for sending in batch)
    seconds = (deadline - clock()).total_seconds()
    session = _timely(target.session, batch[0].lane, deadline - timedelta(seconds=min(MARGIN_SECONDS, seconds / 10)))
    everyone: Outcome
    try:
        outcomes = await asyncio.wait_for(target.verbs.deliver(session, drafts), max(0.01, seconds))
        if len(outcomes) == len(drafts):
            return tuple(outcomes)
        everyone = Unknown(why=f"{len(outcomes)} outcomes for {len(drafts)} drafts")
    except NeedsConsent as error:
        everyone = Rejected(code=error.code, words=error.message, remedy="consent")
    except Transient as error:
        everyone = Later(until=clock() + timedelta(seconds=error.retry_after or 0), why=error.message)
    except Refused as error:
        everyone = Rejected(code=error.code, words=error.message)
    except TimeoutError:
        everyone = Unknown(why="no answer before the deadline")
    except (LejaError, OSError) as error:
        everyone = Unknown(why=str(error))
    return (everyone,) * len(drafts)


def _timely(session: Session, lane: str, moment: datetime) -> Session:
    """The session with a client that aborts its calls in time, so that it is known which of them were never made."""
    http = session.http.in_lane("live" if lane == "live" else "backfill").before(moment)
    return msgspec.structs.replace(session, http=http)
