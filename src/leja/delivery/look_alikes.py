"""Documents that others entered at a target and that look like what it is about to be told: perhaps typed in already.

Looked for before the first part of a group is told, among documents of others that are known from listings: what changed, and
once the whole opening stretch by its dates. So it costs one listing for a window of days, and never a call per sale.

Alike is: present, not ours, in the same currency, dated at most some days away, and either of the same number, or of the same
total with an account in common. By default only what happened before the target was connected is looked at: from then on people
know that Leja tells it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec

from leja.connectors.contract import RemoteDocument, RemoteLine, RemoteState
from leja.core.money import Money
from leja.database.engine import Connection, Database
from leja.delivery.adopt import keep_states
from leja.delivery.plan import Planned, Trouble
from leja.delivery.target import Target

Look = Literal["opening", "always", "never"]
CODE: Final = "perhaps-typed-in"
DAYS: Final = 3
STREAM: Final = "dated"
WINDOW: Final = timedelta(days=31)
NAMED_MAX: Final = 5
_SAYS_NOTHING: Final = re.compile(r"[^0-9A-Z]")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Whether look-alikes are looked for: of what happened before ``connected``, always or never; and how many days away."""

    look: Look
    days: int
    connected: date

    def asks(self, business_day: date) -> bool:
        """Whether what happened on that day is looked for."""
        return self.look == "always" or (self.look == "opening" and business_day <= self.connected)


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """A document of others that looks like a group: what it is, what it does to the accounts there, and why it is alike."""

    document: RemoteDocument
    lines: tuple[RemoteLine, ...]
    because: str

    def sentence(self) -> str:
        """The document, for people."""
        one = self.document
        return f"{one.kind} {one.number or one.remote_id} of {one.date}, {one.total} (id {one.remote_id}, {self.because})"


def subject_of(connection_id: UUID, group_key: str) -> str:
    """The review queue's name, and what a decision releases."""
    return f"typed-in/{connection_id}/{group_key}"


def decided_subject(connection_id: UUID, group_key: str) -> str:
    """Under which name a decision is kept."""
    return f"group/{connection_id}/{group_key}"


def rule_of(conn: Connection, org_id: UUID, connection_id: UUID) -> Rule:
    """The rule of a target."""
    row = conn.execute(
        "SELECT r.look, r.days, c.created_at::date FROM connection c LEFT JOIN typed_in_rule r ON r.org_id = c.org_id"
        " AND r.connection_id = c.connection_id WHERE c.org_id = %s AND c.connection_id = %s",
        (org_id, connection_id),
    ).fetchone()
    look, days, connected = row or (None, None, date.min)
    return Rule(look=look or "opening", days=DAYS if days is None else int(str(days)), connected=connected)  # type: ignore[arg-type]


def set_rule(conn: Connection, org_id: UUID, connection_id: UUID, look: Look, days: int, by: str, now: datetime) -> None:
    """Say whether look-alikes are looked for at a target."""
    conn.execute(
        "INSERT INTO typed_in_rule (org_id, connection_id, look, days, set_by, set_at) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (org_id, connection_id) DO UPDATE SET look = EXCLUDED.look, days = EXCLUDED.days, set_by = EXCLUDED.set_by,"
        " set_at = EXCLUDED.set_at",
        (org_id, connection_id, look, days, by, now),
    )


async def list_stretch(database: Database, target: Target, now: datetime) -> int:
    """List what others dated into the days that are about to be told and were not listed yet; says how many documents.

    A window of days is listed once: what is entered there later is told by what changed.
    """
    verb = getattr(target.verbs, "dated", None)
    span = await asyncio.to_thread(_unlisted, database, target) if verb is not None else None
    if span is None or verb is None:
        return 0
    since, until = span
    states: list[RemoteState] = []
    while since <= until:
        end = min(until, since + WINDOW)
        states += await verb(target.session, since, end)
        since = end + timedelta(days=1)
    await asyncio.to_thread(_keep, database, target, states, span, now)
    return len(states)


def alike(conn: Connection, org_id: UUID, connection_id: UUID, planned: Sequence[Planned], rule: Rule) -> dict[str, list[Alike]]:
    """The look-alikes of first parts, by group; those that somebody decided on already are left out."""
    asked = [
        one for one in planned
        if one.bundle is not None and one.part == 1 and not one.adopts and any(map(rule.asks, one.bucket.business_days))
    ]
    if not asked:
        return {}
    settled = _decided(conn, org_id, connection_id, [one.facts.group_key for one in asked])
    asked = [one for one in asked if one.facts.group_key not in settled]
    theirs = _theirs(conn, org_id, connection_id, asked, rule.days)
    found: dict[str, list[Alike]] = {}
    for one in asked:
        those = [like for document, lines in theirs if (like := _like(one, document, lines, rule.days)) is not None]
        if those:
            found[one.facts.group_key] = those
    return found


def trouble(connection_id: UUID, group_key: str, those: Sequence[Alike]) -> Trouble:
    """What a person is asked."""
    named = "; ".join(one.sentence() for one in those[:NAMED_MAX])
    return Trouble(
        CODE, subject_of(connection_id, group_key), f"perhaps typed in already: {named}",
        "`leja review same` if that document is this one: then it counts as told by it and nothing is sent."
        " `leja review different` if it is another: then this is sent.")


def _like(planned: Planned, document: RemoteDocument, lines: tuple[RemoteLine, ...], days: int) -> Alike | None:
    bundle = planned.bundle
    if bundle is None or document.date is None or document.total is None or document.total.currency != bundle.currency:
        return None
    if abs((document.date - bundle.date).days) > days and abs((document.date - planned.bucket.posting_date).days) > days:
        return None
    ours, theirs = _plain(bundle.number), _plain(document.number)
    if ours and ours == theirs:
        return Alike(document=document, lines=lines, because="the same number")
    shared = {line.account for line in lines} & {line.account for line in bundle.lines}
    if shared and abs(document.total.minor) in totals(planned):
        return Alike(document=document, lines=lines, because="the same total, and an account in common")
    return None


def totals(planned: Planned) -> set[int]:
    """What a person may have typed as the total of a bundle: what was owed or paid, or what was sold with its tax."""
    lines = planned.bundle.lines if planned.bundle else ()
    debits = sum(line.amount.minor for line in lines if line.amount.minor > 0)
    sold = sum(line.amount.minor for line in lines if line.account_kind in ("income", "tax"))
    return {minor for minor in (debits, abs(sold)) if minor}


def _plain(number: str) -> str:
    return _SAYS_NOTHING.sub("", number.upper())


def _theirs(
    conn: Connection, org_id: UUID, connection_id: UUID, asked: Sequence[Planned], days: int
) -> list[tuple[RemoteDocument, tuple[RemoteLine, ...]]]:
    """Documents of others near these days that come to one of the totals or bear one of the numbers."""
    bundles = [one.bundle for one in asked if one.bundle is not None]
    if not bundles:
        return []
    near = [day for one in asked if one.bundle for day in (one.bundle.date, one.bucket.posting_date)]
    rows = conn.execute(
        "SELECT kind, remote_id, version, number, total, currency, date, lines FROM remote_state WHERE org_id = %s"
        " AND connection_id = %s AND foreign_entry AND state = 'present' AND total IS NOT NULL AND currency = ANY(%s)"
        " AND date BETWEEN %s AND %s AND (abs(total) = ANY(%s) OR regexp_replace(upper(number), '[^0-9A-Z]', '', 'g') = ANY(%s))"
        " ORDER BY date, kind, remote_id LIMIT 5000",
        (org_id, connection_id, sorted({one.currency for one in bundles}), min(near) - timedelta(days=days),
         max(near) + timedelta(days=days), sorted({minor for one in asked for minor in totals(one)}),
         sorted({plain for one in bundles if (plain := _plain(one.number))})),
    ).fetchall()
    return [
        (RemoteDocument(kind=kind, remote_id=remote_id, reference="", version=version, number=number, total=Money(total, currency), date=day),
         msgspec.convert(lines, tuple[RemoteLine, ...]))
        for kind, remote_id, version, number, total, currency, day, lines in rows
    ]


def _decided(conn: Connection, org_id: UUID, connection_id: UUID, keys: Collection[str]) -> set[str]:
    names: Mapping[str, str] = {decided_subject(connection_id, key): key for key in keys}
    rows = conn.execute(
        "SELECT subject FROM mending WHERE org_id = %s AND kind IN ('same', 'different') AND subject = ANY(%s)", (org_id, list(names))
    ).fetchall()
    return {names[str(row[0])] for row in rows}


def _unlisted(database: Database, target: Target) -> tuple[date, date] | None:
    """The window that is to be listed; None where all that is waiting lies in what was listed, or is not asked for."""
    with database.transaction() as conn:
        rule = rule_of(conn, target.org_id, target.connection_id)
        if rule.look == "never":
            return None
        row = conn.execute(
            "SELECT min(least(e.posting_date, e.business_day)), max(greatest(e.posting_date, e.business_day)) FROM outbox o"
            " JOIN entry e ON e.org_id = o.org_id AND e.number = o.entry_number WHERE o.org_id = %s AND o.connection_id = %s"
            " AND (%s OR e.business_day <= %s)",
            (target.org_id, target.connection_id, rule.look == "always", rule.connected),
        ).fetchone()
        kept = conn.execute(
            "SELECT cursor FROM stream_cursor WHERE org_id = %s AND connection_id = %s AND stream = %s",
            (target.org_id, target.connection_id, STREAM),
        ).fetchone()
    if row is None or row[0] is None:
        return None
    since, until = row[0] - timedelta(days=rule.days), row[1] + timedelta(days=rule.days)
    if kept is None:
        return since, until
    first, last = (date.fromisoformat(part) for part in str(kept[0]).split("/"))
    if first <= since and until <= last:
        return None
    return min(first, since), max(last, until)


def _keep(database: Database, target: Target, states: Sequence[RemoteState], span: tuple[date, date], now: datetime) -> None:
    with database.transaction() as conn:
        keep_states(conn, target.org_id, target.connection_id, states, now)
        conn.execute(
            "INSERT INTO stream_cursor (org_id, connection_id, stream, cursor, saved_at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (org_id, connection_id, stream) DO UPDATE SET cursor = EXCLUDED.cursor, saved_at = EXCLUDED.saved_at",
            (target.org_id, target.connection_id, STREAM, f"{span[0]}/{span[1]}", now),
        )
