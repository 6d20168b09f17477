"""Daily closures against what we hold: what a till says its day came to must be the sum of its documents.

A till that was offline sends its day's documents late, so a difference is not an error at once: it is named in the review
queue, renewed as documents arrive, and settles itself when both sides agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from leja.core.money import format_minor
from leja.database import review
from leja.database.engine import Connection
from leja.documents.closure import Closure
from leja.documents.document import Document, from_facts
from leja.documents.parts import Line, Tender
from leja.documents.payment import Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.reconcile.till_numbers import NUMBERS, UNUSED, not_held

CODE = "closure-differs"
FLOAT = "float"
LOOK_BACK = timedelta(days=14)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One total of a closure: what the till states and what our documents come to, in minor units, with counts."""

    what: str
    currency: str
    stated: int
    held: int
    stated_count: int | None
    held_count: int
    missing: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether both sides are the same, as far as the till says."""
        return not self.missing and self.stated == self.held and self.stated_count in (None, self.held_count)

    def sentence(self) -> str:
        """The difference for people."""
        if self.what.startswith(NUMBERS):
            counts = f"{self.stated_count} are stated, {self.held_count} are here"
            named = f"; missing: {', '.join(self.missing)}" if self.missing else ""
            return f"{self.what.replace(':', ' ', 1)}: {counts}{named}"
        stated, held = (format_minor(minor, self.currency) for minor in (self.stated, self.held))
        counts = "" if self.stated_count is None else f" ({self.stated_count} against {self.held_count})"
        return f"{self.what}: the till states {stated} {self.currency}, here are {held}{counts}"


class _Sums(msgspec.Struct):
    amounts: dict[str, int] = msgspec.field(default_factory=lambda: defaultdict(int))
    counts: dict[str, int] = msgspec.field(default_factory=lambda: defaultdict(int))


def check_closures(conn: Connection, org_id: UUID, now: datetime) -> int:
    """Compare the closures of the last days and say what differs in the review queue; gives how many differ."""
    closures = _closures(conn, org_id, now.date() - LOOK_BACK)
    if not closures:
        return 0
    held = _held(conn, org_id, {(key[0], one.header.business_day) for key, one in closures.items()})
    agreed: list[str] = []
    differing = 0
    for (connection_id, external_id), closure in closures.items():
        subject = f"closure/{connection_id}/{external_id}"
        odd = [one for one in compared(closure, held[connection_id]) if not one.agrees]
        if not odd:
            agreed.append(subject)
            continue
        differing += 1
        facts: dict[str, object] = {
            "day": closure.header.business_day.isoformat(), "differences": [msgspec.to_builtins(one) for one in odd]}
        if review.was_dismissed(conn, org_id, CODE, subject, facts):
            continue
        review.open_item(
            conn, org_id, CODE, subject, f"closure {closure.header.number or external_id}: {'; '.join(one.sentence() for one in odd)}",
            "Documents of that till may still be on their way: it settles by itself when they arrive. Else look at the till's "
            "own list for the day, have it send what is missing again, or dismiss this with the reason.",
            now, connection_id=connection_id, facts=facts)
    review.settle_many(conn, org_id, agreed, "agrees", "leja", now)
    return differing


def compared(closure: Closure, documents: Iterable[Document]) -> list[Compared]:
    """Each total of a closure against the documents of its place and day. Pure."""
    documents = list(documents)
    sums = _summed(closure, documents)
    numbers = [_numbers(closure, total.what, total.count, documents) for total in closure.totals if total.what.startswith(NUMBERS)]
    return numbers + [
        Compared(
            what=total.what, currency=total.amount.currency, stated=total.amount.minor, held=sums.amounts[total.what],
            stated_count=total.count, held_count=sums.counts[total.what])
        for total in closure.totals if not total.what.startswith((NUMBERS, UNUSED, FLOAT))
    ]


def _numbers(closure: Closure, what: str, count: int | None, documents: Sequence[Document]) -> Compared:
    """The numbers that a till gave on its day against those that documents of any kind, withdrawn or not, bear here."""
    mine = (closure.header.location, closure.header.register, closure.header.business_day)
    held = {
        one.header.number for one in documents
        if (one.header.location, one.header.register, one.header.business_day) == mine
        and one.header.external_id != closure.header.external_id
    }
    unused = {total.what.removeprefix(UNUSED) for total in closure.totals if total.what.startswith(UNUSED)}
    missing, inside = not_held(what, held, unused)
    return Compared(what=what, currency=closure.header.currency, stated=0, held=0, stated_count=count, held_count=inside, missing=missing)


def _summed(closure: Closure, documents: Iterable[Document]) -> _Sums:
    sums = _Sums()
    day = closure.header.business_day
    for document in documents:
        if not _belongs(document, closure):
            continue
        if isinstance(document, Sale) and document.state != "cancelled":
            _add(sums, "sales", document.total.minor)
            _add_tenders(sums, document.tenders, day, 1)
            _add_tax(sums, document.lines, 1)
        elif isinstance(document, Refund) and document.state == "succeeded":
            _add(sums, "refunds", -document.total.minor)
            _add_tenders(sums, document.tenders, day, -1)
            _add_tax(sums, document.lines, -1)
        elif isinstance(document, Payment) and not document.seen_elsewhere:
            _add_tenders(sums, (document.tender,), day, 1)
        elif isinstance(document, Closure):
            sums.amounts["drawer"] -= sum(move.amount.minor for move in document.moves)
            sums.amounts["drawer"] += sum(total.amount.minor for total in document.totals if total.what == FLOAT)
    sums.amounts["drawer"] += sums.amounts["tender:cash"]
    return sums


def _belongs(document: Document, closure: Closure) -> bool:
    header, mine = document.header, closure.header
    if header.test or header.withdrawn or header.business_day != mine.business_day or header.currency != mine.currency:
        return False
    return header.location == mine.location and mine.register in ("", header.register)


def _add(sums: _Sums, what: str, minor: int) -> None:
    sums.amounts[what] += minor
    sums.counts[what] += 1


def _add_tenders(sums: _Sums, tenders: Sequence[Tender], day: date, sign: int) -> None:
    for tender in tenders:
        if tender.business_day in (None, day):
            _add(sums, f"tender:{tender.means}", sign * tender.amount.minor)


def _add_tax(sums: _Sums, lines: Iterable[Line], sign: int) -> None:
    sums.amounts["tax"] += sign * sum(tax.amount.minor for line in lines for tax in line.taxes if tax.owed_by == "seller")


_LATEST = (
    "SELECT DISTINCT ON (d.document_id) d.connection_id, d.external_id, r.facts, r.withdrawn FROM document d"
    " JOIN document_revision r ON r.org_id = d.org_id AND r.document_id = d.document_id"
)


def _closures(conn: Connection, org_id: UUID, since: date) -> dict[tuple[UUID, str], Closure]:
    """The closures whose day is not long ago; a withdrawn one has nothing to compare."""
    rows = conn.execute(
        f"{_LATEST} WHERE d.org_id = %s AND d.kind = 'closure' AND r.business_day >= %s"
        " ORDER BY d.document_id, r.revision DESC".encode(), (org_id, since),
    ).fetchall()
    found: dict[tuple[UUID, str], Closure] = {}
    for connection_id, external_id, facts, withdrawn in rows:
        closure = from_facts(str(facts).encode())
        if isinstance(closure, Closure):
            found[connection_id, str(external_id)] = msgspec.structs.replace(closure, totals=()) if withdrawn else closure  # type: ignore[index]
    return found


def _held(conn: Connection, org_id: UUID, days: set[tuple[UUID, date]]) -> dict[UUID, list[Document]]:
    """What tills document on these connections and days, by connection, each in its newest revision."""
    found: dict[UUID, list[Document]] = defaultdict(list)
    pairs = sorted(days)
    rows = conn.execute(
        f"{_LATEST} JOIN unnest(%s::uuid[], %s::date[]) AS w (connection_id, day) ON w.connection_id = d.connection_id"
        " AND w.day = r.business_day WHERE d.org_id = %s AND d.kind IN ('sale', 'refund', 'payment', 'closure')"
        " ORDER BY d.document_id, r.revision DESC".encode(),
        ([pair[0] for pair in pairs], [pair[1] for pair in pairs], org_id),
    ).fetchall()
    for connection_id, _, facts, _ in rows:
        found[connection_id].append(from_facts(str(facts).encode()))  # type: ignore[index]
    return found
