"""One movement of money that two connections tell of: the shop that sold, and the processor that settles.

They name it alike: the shop's tender bears the processor's references. What a payment is worth to the books depends on what
other connections recorded under its names, so it is posted again when they record more, less or nothing of it any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from uuid import UUID

from leja.bookkeeping.revisions import Identity
from leja.database.engine import Connection
from leja.documents.dispute import Dispute
from leja.documents.document import Document, from_facts, kind_of
from leja.documents.parts import Tender
from leja.documents.payment import Payment
from leja.documents.refund import Refund
from leja.documents.sale import Sale
from leja.posting.known import Elsewhere
from leja.posting.post import names_of, needs

Name = tuple[str, str]  # processor, its reference


class Movements:
    """Documents by the names of their movements, those that are stored and those of this batch; newest wins."""

    def __init__(self, starts: dict[UUID, date]) -> None:
        self._starts = starts
        self._documents: dict[Identity, Document] = {}
        self._by_name: dict[Name, dict[Identity, None]] = defaultdict(dict)

    def __bool__(self) -> bool:
        return bool(self._documents)

    def fork(self) -> Movements:
        """A copy that may learn without changing this one."""
        copy = Movements(self._starts)
        copy._documents = dict(self._documents)
        copy._by_name = defaultdict(dict, {name: dict(keys) for name, keys in self._by_name.items()})
        return copy

    def learn(self, connection_id: UUID, document: Document) -> None:
        """Take a document in, in place of its earlier version."""
        key = (connection_id, kind_of(document), document.header.external_id)
        self._documents[key] = document
        for name in named(document):
            self._by_name[name][key] = None

    def document(self, key: Identity) -> Document | None:
        """A document by its identity."""
        return self._documents.get(key)

    def payments(self) -> list[Identity]:
        """The payments that are seen elsewhere."""
        return [key for key, document in self._documents.items() if isinstance(document, Payment)]

    def payments_of(self, document: Document, before: Document | None) -> list[Identity]:
        """The payments that name a movement of a sale or refund, as it is now or was before."""
        if not isinstance(document, (Sale, Refund)):
            return []
        names = [*named(document), *(named(before) if before is not None else ())]
        found = dict.fromkeys(key for name in names for key in self._by_name.get(name, ()))
        return [key for key in found if key[1] == "payment" and not self._before_start(key[0], self._documents[key])]

    def elsewhere(self, connection_id: UUID, payment: Payment) -> Elsewhere | None:
        """What other connections recorded of a payment's movement."""
        names = set(names_of(payment.tender))
        amount, by, other = 0, [], False
        for key, document in self._sharing(names, connection_id):
            for sign, tender in _tenders(document):
                if names.isdisjoint(names_of(tender)):
                    continue
                by.append(document.header.number or key[2])
                if tender.amount.currency == payment.tender.amount.currency:
                    amount += sign * tender.amount.minor
                else:
                    other = True
        return Elsewhere(amount, tuple(dict.fromkeys(by)), other) if by else None

    def original(self, connection_id: UUID, dispute: Dispute) -> Sale | None:
        """The sale that a dispute is about, wherever it was recorded."""
        found = [one for _, one in self._sharing({(dispute.processor, dispute.reference)}, connection_id) if isinstance(one, Sale)]
        return found[0] if len(found) == 1 else None

    def _sharing(self, names: set[Name], connection_id: UUID) -> Iterator[tuple[Identity, Sale | Refund]]:
        """Sales and refunds of other connections that bear one of the names and are in the books."""
        for key in dict.fromkeys(key for name in sorted(names) for key in self._by_name.get(name, ())):
            document = self._documents[key]
            header = document.header
            if key[0] == connection_id or header.test or header.withdrawn or self._before_start(key[0], document):
                continue
            if isinstance(document, Sale) or (isinstance(document, Refund) and document.state == "succeeded"):
                yield key, document

    def _before_start(self, connection_id: UUID, document: Document) -> bool:
        """Such a document is evidence and not in the books."""
        return document.header.business_day < self._starts.get(connection_id, date.min)


def named(document: Document) -> tuple[Name, ...]:
    """The names of a document's movements, as far as they link connections."""
    if isinstance(document, (Sale, Refund)):
        return tuple(dict.fromkeys(name for tender in document.tenders for name in names_of(tender)))
    return needs(document).movements if isinstance(document, (Payment, Dispute)) else ()


def _tenders(document: Sale | Refund) -> Iterator[tuple[int, Tender]]:
    sign = 1 if isinstance(document, Sale) else -1
    for tender in document.tenders:
        yield sign, tender


def movements(
    conn: Connection, org_id: UUID, documents: Sequence[tuple[UUID, Document]], stored: Sequence[UUID]
) -> Movements:
    """What is stored under the names of these documents, and under the other names of the payments found so.

    ``stored`` are the ids of those that are known already: what their earlier versions named counts as well.
    """
    names = {name for _, document in documents for name in named(document)} | _named_before(conn, org_id, stored)
    if not names:
        return Movements({})
    found = Movements(_starts(conn, org_id))
    asked: set[Name] = set()
    while names - asked:
        fresh = _load(conn, org_id, names - asked)
        asked |= names
        for connection_id, document in fresh:
            found.learn(connection_id, document)
            if isinstance(document, Payment):
                names.update(named(document))
    return found


def _named_before(conn: Connection, org_id: UUID, stored: Sequence[UUID]) -> set[Name]:
    if not stored:
        return set()
    rows = conn.execute(
        "SELECT processor, reference FROM processor_reference WHERE org_id = %s AND document_id = ANY(%s)", (org_id, list(stored)),
    ).fetchall()
    return {(str(row[0]), str(row[1])) for row in rows}


def _starts(conn: Connection, org_id: UUID) -> dict[UUID, date]:
    rows = conn.execute("SELECT connection_id, start_date FROM connection WHERE org_id = %s", (org_id,)).fetchall()
    return {row[0]: row[1] for row in rows}


def _load(conn: Connection, org_id: UUID, names: Iterable[Name]) -> list[tuple[UUID, Document]]:
    wanted = sorted(names)
    rows = conn.execute(
        "SELECT DISTINCT ON (d.document_id) d.connection_id, r.facts FROM unnest(%s::text[], %s::text[]) AS w (processor, reference)"
        " JOIN processor_reference p ON p.org_id = %s AND p.processor = w.processor AND p.reference = w.reference"
        " JOIN document d ON d.org_id = p.org_id AND d.document_id = p.document_id AND d.kind IN ('sale', 'refund', 'payment')"
        " JOIN document_revision r ON r.org_id = d.org_id AND r.document_id = d.document_id"
        " ORDER BY d.document_id, r.revision DESC",
        ([name[0] for name in wanted], [name[1] for name in wanted], org_id),
    ).fetchall()
    found = [(row[0], from_facts(str(row[1]).encode())) for row in rows]
    return [(connection, one) for connection, one in found if not isinstance(one, Payment) or one.seen_elsewhere]  # type: ignore[misc]
