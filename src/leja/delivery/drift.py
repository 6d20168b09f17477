"""Documents of ours that others edited, voided or deleted at a target: found from what was last read back, and valued."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from leja.connectors.contract import RemoteLine
from leja.core.money import format_minor
from leja.database import review
from leja.database.engine import Connection
from leja.delivery import charts

CODE: Final = "drift"
WAYS_OUT: Final = (
    "`leja review accept` has our books follow what stands there, `leja review repost` brings it back to what our books say,"
    " `leja review reverse` takes it out on both sides; each shows first what would be done. If somebody sets it right over there,"
    " this settles by itself."
)


class Altered(msgspec.Struct, frozen=True, kw_only=True):
    """One document that is not what we told. ``told`` and ``stands``: remote account -> minor units, debit positive."""

    deliverable_id: UUID
    step: str
    kind: str
    remote_id: str
    reference: str
    number: str
    state: Literal["edited", "voided", "deleted"]
    told_day: date
    day: date
    currency: str
    told: Mapping[str, int]
    stands: Mapping[str, int]
    total: int | None
    total_there: int | None
    version: str

    @property
    def gone(self) -> bool:
        """Whether it counts for nothing any more."""
        return self.state != "edited"

    def sentence(self, names: Mapping[str, str] | None = None) -> str:
        """What happened to it, for people; ``names`` says what remote accounts are called."""
        name = f"{self.kind} {self.number or self.remote_id}"
        if self.gone:
            return f"{name} was {self.state} there"
        return f"{name} was edited there: {'; '.join(self._changes(names or {}))}"

    def _changes(self, names: Mapping[str, str]) -> Iterable[str]:
        if None not in (self.total, self.total_there) and self.total != self.total_there:
            yield f"total {self._shown(self.total_there or 0)} instead of {self._shown(self.total or 0)}"
        if self.day != self.told_day:
            yield f"date {self.day} instead of {self.told_day}"
        for account in sorted(self.told.keys() | self.stands.keys()):
            ours, theirs = self.told.get(account, 0), self.stands.get(account, 0)
            if ours != theirs:
                yield f"account {names.get(account, account)}: {self._shown(theirs)} instead of {self._shown(ours)}"

    def _shown(self, minor: int) -> str:
        return f"{format_minor(minor, self.currency)} {self.currency}"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One remote account on one day: what was told and what stands there, minor units, debit positive."""

    account: str
    day: date
    currency: str
    ours: int
    theirs: int


class Drifted(msgspec.Struct, frozen=True, kw_only=True):
    """A deliverable with documents that are not what was told."""

    deliverable_id: UUID
    documents: tuple[Altered, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Where the sums differ, by account, day and currency."""
        return gaps(self.documents)

    @property
    def mark(self) -> str:
        """What this drift looks like now, in sixteen digits: a decision is for what was shown."""
        return hashlib.sha256(msgspec.json.encode(self.documents, order="sorted")).hexdigest()[:16]


def subject_of(deliverable_id: UUID) -> str:
    """The review queue's name of a drift."""
    return f"drift/{deliverable_id}"


def gaps(documents: Sequence[Altered]) -> tuple[Gap, ...]:
    """Where what was told and what stands there differ."""
    ours: dict[tuple[date, str, str], int] = defaultdict(int)
    theirs: dict[tuple[date, str, str], int] = defaultdict(int)
    for one in documents:
        for account, amount in one.told.items():
            ours[one.told_day, one.currency, account] += amount
        for account, amount in one.stands.items():
            theirs[one.day, one.currency, account] += amount
    return tuple(
        Gap(account=account, day=day, currency=currency, ours=ours[day, currency, account], theirs=theirs[day, currency, account])
        for day, currency, account in sorted(ours.keys() | theirs.keys())
        if ours[day, currency, account] != theirs[day, currency, account]
    )


def altered(conn: Connection, org_id: UUID, connection_id: UUID, deliverable_id: UUID | None = None) -> list[Altered]:
    """The documents of a target (or of one deliverable) that were last read back as something else than what was told."""
    rows = conn.execute(
        "SELECT r.deliverable_id, r.step, r.kind, r.remote_id, r.reference, coalesce(nullif(s.number, ''), r.number), s.state, r.date,"
        " coalesce(s.date, r.date), r.currency, r.moves, s.lines, r.total, s.total, s.version"
        " FROM remote_document r JOIN remote_state s ON s.org_id = r.org_id AND s.connection_id = r.connection_id"
        " AND s.kind = r.kind AND s.remote_id = r.remote_id WHERE r.org_id = %(org)s AND r.connection_id = %(to)s"
        " AND NOT s.foreign_entry AND (%(of)s::uuid IS NULL OR r.deliverable_id = %(of)s) AND r.moves <> '{}'::jsonb"
        " ORDER BY r.deliverable_id, r.step",
        {"org": org_id, "to": connection_id, "of": deliverable_id},
    ).fetchall()
    return [one for one in map(_read, rows) if one is not None]


def drifted(conn: Connection, org_id: UUID, connection_id: UUID, deliverable_id: UUID) -> Drifted | None:
    """How a deliverable drifted; None where all of it stands as told."""
    found = altered(conn, org_id, connection_id, deliverable_id)
    return Drifted(deliverable_id=deliverable_id, documents=tuple(found)) if found else None


def show_in_review(conn: Connection, org_id: UUID, connection_id: UUID, found: Sequence[Altered], now: datetime) -> None:
    """One review item for each deliverable that drifted; those that drift no more are settled."""
    by_deliverable: dict[UUID, list[Altered]] = defaultdict(list)
    for one in found:
        by_deliverable[one.deliverable_id].append(one)
    _settle_others(conn, org_id, connection_id, [subject_of(one) for one in by_deliverable], now)
    names = charts.account_names(conn, org_id, connection_id) if found else {}
    for deliverable_id, documents in by_deliverable.items():
        drift = Drifted(deliverable_id=deliverable_id, documents=tuple(documents))
        review.open_item(
            conn, org_id, CODE, subject_of(deliverable_id), "; ".join(one.sentence(names) for one in documents), WAYS_OUT, now,
            connection_id=connection_id,
            facts={"deliverable": str(deliverable_id), "differences": msgspec.to_builtins(drift.gaps), "mark": drift.mark},
        )


def _settle_others(conn: Connection, org_id: UUID, connection_id: UUID, still: Sequence[str], now: datetime) -> None:
    rows = conn.execute(
        "SELECT subject FROM review_item WHERE org_id = %s AND connection_id = %s AND code = %s AND settled_at IS NULL"
        " AND NOT (subject = ANY(%s))",
        (org_id, connection_id, CODE, list(still)),
    ).fetchall()
    review.settle_many(conn, org_id, [str(row[0]) for row in rows], "agrees", "leja", now)


def _read(row: tuple[object, ...]) -> Altered | None:
    told = {account: amount for account, amount in msgspec.convert(row[10], dict[str, int]).items() if amount}
    stands: dict[str, int] = {}
    for line in msgspec.convert(row[11], list[RemoteLine]):
        stands[line.account] = stands.get(line.account, 0) + line.amount.minor
    stands = {account: amount for account, amount in stands.items() if amount}
    state = "edited" if row[6] == "present" else row[6]
    one = Altered(
        deliverable_id=row[0], step=str(row[1]), kind=str(row[2]), remote_id=str(row[3]), reference=str(row[4]),  # type: ignore[arg-type]
        number=str(row[5]), state=state, told_day=row[7], day=row[8], currency=str(row[9]), told=told,  # type: ignore[arg-type]
        stands=({} if state != "edited" else stands or told), total=row[12], total_there=row[13], version=str(row[14]))  # type: ignore[arg-type]
    if not one.gone and one.stands == one.told and one.day == one.told_day and (
            one.total is None or one.total_there is None or one.total == one.total_there):
        return None
    return msgspec.structs.replace(one, day=one.told_day) if one.gone else one
