"""What posting asked to know, read for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from uuid import UUID

from leja.books.periods import Periods
from leja.database import rules as stored
from leja.database.engine import Connection
from leja.documents.document import Document, from_facts
from leja.posting.known import Known, Needs, Rulebook
from leja.rules.mapping import AccountMapping
from leja.rules.recognition import Recognition


class Decided:
    """What an accountant decided, read once and kept while it has not changed: mapping and recognition."""

    def __init__(self) -> None:
        self._marks: tuple[object, ...] = ()
        self._mapping = AccountMapping([])
        self._recognition: tuple[Recognition, ...] = ()

    def read(self, conn: Connection, org_id: UUID) -> tuple[AccountMapping, tuple[Recognition, ...]]:
        """The mapping and recognition of now."""
        row = conn.execute(
            "SELECT (SELECT max(version) FROM mapping_version WHERE org_id = %s),"
            " (SELECT max(recorded_at) FROM recognition WHERE org_id = %s)",
            (org_id, org_id),
        ).fetchone()
        marks = (org_id, *(row or ()))
        if marks != self._marks:
            self._mapping = stored.books_mapping(conn, org_id)
            self._recognition = stored.recognition(conn, org_id)
            self._marks = marks
        return self._mapping, self._recognition


def rulebook(
    conn: Connection, org_id: UUID, base_currency: str, decided: Decided, locked: Iterable[str], needs: Sequence[Needs]
) -> Rulebook:
    """The rules and dated data that a batch's documents need."""
    mapping, recognition = decided.read(conn, org_id)
    currencies = {currency for need in needs for currency, _ in need.rate_days} - {base_currency}
    skus = {sku for need in needs for sku in need.skus}
    return Rulebook(
        base_currency=base_currency,
        mapping=mapping,
        recognition=recognition,
        rates=stored.rates(conn, org_id, currencies),
        periods=Periods(locked=frozenset(locked)),
        costs=stored.standing_costs(conn, org_id, skus),
    )


def known(
    conn: Connection, org_id: UUID, connection_id: UUID, rules: Rulebook, needs: Sequence[Needs], absent: AbstractSet[tuple[str, str]]
) -> Known:
    """The documents of one connection that a batch asked for, as posting wants them; ``absent`` are known not to be stored."""
    found = Known(rules=rules)
    families: set[str] = set()
    open_items: set[str] = set()
    asked: dict[str, set[str]] = {"sale": set(), "invoice": set()}
    for need in needs:
        asked["sale"].update(need.sales)
        asked["invoice"].update(need.invoices)
        families.update(need.families)
        open_items.update(need.open_items)
    for kind, ids in asked.items():
        for document in _by_identity(conn, org_id, connection_id, kind, [i for i in ids if (kind, i) not in absent]):
            found.learn(document)
    for document in _by_link(conn, org_id, connection_id, ["refund_of", "fulfilment_of"], ["sale"], families):
        found.learn(document)
    for document in _by_link(conn, org_id, connection_id, ["payment_of"], ["sale", "invoice"], open_items):
        found.learn(document)
    return found


_LATEST = (
    "CROSS JOIN LATERAL (SELECT facts FROM document_revision r WHERE r.org_id = d.org_id AND r.document_id = d.document_id"
    " ORDER BY revision DESC LIMIT 1) r"
)


def _by_identity(conn: Connection, org_id: UUID, connection_id: UUID, kind: str, ids: Iterable[str]) -> list[Document]:
    wanted = sorted(ids)
    if not wanted:
        return []
    rows = conn.execute(
        f"SELECT r.facts FROM document d {_LATEST} WHERE d.org_id = %s AND d.connection_id = %s AND d.kind = %s"
        " AND d.external_id = ANY(%b)".encode(),
        (org_id, connection_id, kind, wanted),
    ).fetchall()
    return [from_facts(str(row[0]).encode()) for row in rows]


def _by_link(
    conn: Connection, org_id: UUID, connection_id: UUID, relations: Sequence[str], kinds: Sequence[str], ids: Iterable[str]
) -> list[Document]:
    """The newest revisions of what hangs on these things."""
    wanted = sorted(ids)
    if not wanted:
        return []
    rows = conn.execute(
        "SELECT r.facts FROM (SELECT DISTINCT document_id FROM document_link WHERE org_id = %s AND connection_id = %s"
        " AND kind = ANY(%b) AND external_id = ANY(%b) AND relation = ANY(%b)) m"
        f" JOIN document d ON d.org_id = %s AND d.document_id = m.document_id {_LATEST}".encode(),
        (org_id, connection_id, kinds, wanted, relations, org_id),
    ).fetchall()
    return [from_facts(str(row[0]).encode()) for row in rows]


def stored_document(conn: Connection, org_id: UUID, connection_id: UUID, kind: str, external_id: str) -> Document | None:
    """The newest stored revision of one document, the party taken out."""
    found = _by_identity(conn, org_id, connection_id, kind, [external_id])
    return found[0] if found else None


