"""What is at hand while a drift is mended, and the deliverables that mending makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from leja.books.periods import Periods
from leja.core.ids import uuid7
from leja.database.engine import Connection
from leja.database.ledger import Ledger
from leja.delivery import groups
from leja.delivery.bundle import GroupFacts, NetLine, Terms
from leja.delivery.drift import Altered, Drifted
from leja.delivery.summaries import reference
from leja.delivery.target import Target

WayOut = Literal["accept", "repost", "reverse"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a person decided. ``on``: the posting date of a reversal. ``shown``: the mark of the drift that was shown.

    ``accounts``: remote account -> the one of our accounts that is meant, where several lead there.
    """

    way: WayOut
    on: date
    by: str
    reason: str = ""
    shown: str = ""
    accounts: Mapping[str, str] = {}


class Deliverable(msgspec.Struct, frozen=True, kw_only=True):
    """A deliverable as it is stored; ``bundle`` is its JSON, without a customer."""

    deliverable_id: UUID
    group_key: str
    family: str
    lane: str
    date: date
    bundle: str
    in_base: bool
    state: str


class Bench(msgspec.Struct, kw_only=True):
    """``members`` are the deliverable's entries, ``lines`` the net lines of its group; ``parts`` how many the group has."""

    conn: Connection
    ledger: Ledger
    target: Target
    terms: Terms
    deliverable: Deliverable
    facts: GroupFacts
    drift: Drifted
    members: tuple[int, ...]
    group_members: tuple[int, ...]
    lines: tuple[NetLine, ...]
    choice: Choice
    now: datetime
    parts: int

    @property
    def org_id(self) -> UUID:
        """The organisation."""
        return self.target.org_id

    @property
    def periods(self) -> Periods:
        """Which periods of our books are locked."""
        return Periods(locked=frozenset(self.ledger.locked_periods()))

    def next_reference(self) -> tuple[int, str]:
        """The next part of the group, and its reference."""
        self.parts += 1
        return self.parts, reference(self.facts.mark, self.parts)

    def add(
        self, kind: str, day: date, because: str, *, bundle: str = "{}", state: str = "done", members: Sequence[int] = (),
        called: tuple[int, str] | None = None,
    ) -> UUID:
        """A further deliverable of the group, with the entries that it accounts for; gives its id."""
        deliverable_id = uuid7(self.now)
        part, named = called or self.next_reference()
        one = self.deliverable
        self.conn.execute(
            "INSERT INTO deliverable (org_id, deliverable_id, connection_id, group_key, part, kind, reference, family, lane, date,"
            " bundle, in_base, state, because, not_before, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (self.org_id, deliverable_id, self.target.connection_id, one.group_key, part, kind, named, one.family, one.lane, day,
             bundle, one.in_base, state, because, self.now, self.now),
        )
        self.conn.execute(
            "INSERT INTO deliverable_member (org_id, connection_id, entry_number, deliverable_id) SELECT %s, %s, unnest(%s::bigint[]), %s",
            (self.org_id, self.target.connection_id, list(members), deliverable_id),
        )
        return deliverable_id

    def hold_to_stand(self, documents: Sequence[Altered]) -> None:
        """From now on we hold to stand there what was read there; what is gone is held no more."""
        for one in documents:
            at = (self.org_id, one.deliverable_id, one.step)
            if one.gone:
                self.conn.execute("DELETE FROM remote_document WHERE org_id = %s AND deliverable_id = %s AND step = %s", at)
                continue
            self.conn.execute(
                "UPDATE remote_document SET moves = %s::jsonb, date = %s, total = coalesce(%s, total), version = %s, recorded_at = %s"
                " WHERE org_id = %s AND deliverable_id = %s AND step = %s",
                (msgspec.json.encode(dict(one.stands), order="sorted").decode(), one.day, one.total_there, one.version, self.now, *at),
            )


def bench_of(
    conn: Connection, ledger: Ledger, target: Target, terms: Terms, found: Drifted, choice: Choice, now: datetime
) -> Bench:
    """Read what mending a drift must know."""
    columns = ", ".join(Deliverable.__struct_fields__)
    row = conn.execute(
        f"SELECT {columns} FROM deliverable WHERE org_id = %s AND deliverable_id = %s".encode(), (target.org_id, found.deliverable_id)
    ).fetchone() or ()
    one = Deliverable(**dict(zip(Deliverable.__struct_fields__, row, strict=True)))
    at = (target.org_id, target.connection_id, one.group_key)
    rows = conn.execute(
        "SELECT m.entry_number FROM deliverable d JOIN deliverable_member m ON m.org_id = d.org_id AND m.deliverable_id = d.deliverable_id"
        " WHERE d.org_id = %s AND d.connection_id = %s AND d.group_key = %s ORDER BY 1", at).fetchall()
    members = tuple(groups.members_of(conn, target.org_id, one.deliverable_id))
    every = tuple(int(str(row[0])) for row in rows)
    buckets = groups.load_buckets(conn, target.org_id, {one.group_key: members or every})[one.group_key]
    last = conn.execute(
        "SELECT max(part) FROM deliverable WHERE org_id = %s AND connection_id = %s AND group_key = %s", at).fetchone()
    return Bench(
        conn=conn, ledger=ledger, target=target, terms=terms, deliverable=one, drift=found, members=members, group_members=every,
        facts=groups.group_facts(conn, target.org_id, target.connection_id, [one.group_key])[one.group_key],
        lines=tuple(line for bucket in buckets for line in bucket.lines), choice=choice, now=now,
        parts=int(str(last[0])) if last else 0)
