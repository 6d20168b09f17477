"""Documents as rows: which version is the latest, and the writing of new revisions without personal data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from leja.books import chain
from leja.core.clock import offset_minutes
from leja.core.ids import uuid7
from leja.database.copying import Rows, copied
from leja.database.engine import Connection
from leja.documents.document import Document, kind_of
from leja.documents.fulfilment import Fulfilment
from leja.documents.parts import Party
from leja.documents.payment import Payment
from leja.documents.payout import Payout
from leja.documents.refund import Refund

Identity = tuple[UUID, str, str]  # connection, kind, external id


class Latest(msgspec.Struct):
    """The newest revision of a document that is stored or about to be."""

    document_id: UUID
    revision: int
    version: str
    digest: bytes
    entries: int = 0


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A revision that is about to be written. ``document`` has the party taken out, ``facts`` are its canonical bytes."""

    document_id: UUID
    revision: int
    connection_id: UUID
    kind: str
    document: Document
    facts: bytes
    content: bytes
    event_id: UUID
    party: Party | None
    flags: tuple[str, ...] = ()


def identity(connection_id: UUID, document: Document) -> Identity:
    """What makes a document the same document."""
    return connection_id, kind_of(document), document.header.external_id


def latest(conn: Connection, org_id: UUID, wanted: Iterable[Identity]) -> dict[Identity, Latest]:
    """The newest revision of each of these documents that is stored."""
    keys = sorted(set(wanted))
    if not keys:
        return {}
    rows = conn.execute(
        "SELECT d.connection_id, d.kind, d.external_id, d.document_id, r.revision, r.version, r.digest"
        " FROM unnest(%b::uuid[], %b::text[], %b::text[]) AS w(connection_id, kind, external_id)"
        " JOIN document d ON d.org_id = %s AND d.connection_id = w.connection_id AND d.kind = w.kind"
        " AND d.external_id = w.external_id"
        " CROSS JOIN LATERAL (SELECT revision, version, digest FROM document_revision r WHERE r.org_id = %s"
        " AND r.document_id = d.document_id ORDER BY revision DESC LIMIT 1) r",
        ([k[0] for k in keys], [k[1] for k in keys], [k[2] for k in keys], org_id, org_id),
    ).fetchall()
    return {(r[0], str(r[1]), str(r[2])): Latest(r[3], int(r[4]), str(r[5]), bytes(r[6])) for r in rows}


def write(conn: Connection, org_id: UUID, revisions: Sequence[Revision], now: datetime) -> dict[tuple[UUID, int], bytes]:
    """Write documents, parties, revisions and links by COPY; gives each revision's digest for the chain."""
    documents: list[tuple[object, ...]] = []
    rows: list[tuple[object, ...]] = []
    links: list[tuple[object, ...]] = []
    names: list[tuple[object, ...]] = []
    digests: dict[tuple[UUID, int], bytes] = {}
    parties = _write_parties(conn, org_id, revisions, now)
    for made in revisions:
        header = made.document.header
        if made.revision == 1:
            documents.append((org_id, made.document_id, made.connection_id, made.kind, header.external_id))
            links += [
                (org_id, made.document_id, relation, made.connection_id, kind, to) for relation, kind, to in _links(made.document)
            ]
        names += [(org_id, *name, made.document_id) for name in references_of(made.document)]
        offset, stored = offset_minutes(header.occurred_at), made.facts.decode()
        party_id, party_digest = parties.get((made.document_id, made.revision), (None, None))
        rows.append((
            org_id, made.document_id, made.revision, header.version, made.content, made.event_id, header.occurred_at, offset,
            header.business_day, header.number, header.currency, stored, party_id, party_digest, header.withdrawn,
            list(made.flags), now))
        digests[(made.document_id, made.revision)] = chain.revision_digest(
            org_id, made.document_id, made.revision, made.connection_id, made.kind, header.external_id, header.version,
            made.content, made.event_id, header.occurred_at, offset, header.business_day, header.number, header.currency,
            stored, party_id, party_digest, header.withdrawn, made.flags, now)
    _copy(conn, _DOCUMENT, documents)
    _copy(conn, _REVISION, rows)
    _copy(conn, _LINK, links)
    _name(conn, names)
    return digests


_DOCUMENT = Rows("document", {"org_id": "uuid", "document_id": "uuid", "connection_id": "uuid", "kind": "text", "external_id": "text"})
_REVISION = Rows("document_revision", {
    "org_id": "uuid", "document_id": "uuid", "revision": "int4", "version": "text", "digest": "bytea", "event_id": "uuid",
    "occurred_at": "timestamptz", "offset_minutes": "int4", "business_day": "date", "number": "text", "currency": "text",
    "facts": "text", "party_id": "uuid", "party_digest": "bytea", "withdrawn": "bool", "flags": "text[]",
    "recorded_at": "timestamptz"})
_LINK = Rows("document_link", {
    "org_id": "uuid", "document_id": "uuid", "relation": "text", "connection_id": "uuid", "kind": "text", "external_id": "text"})
_PARTY = Rows("party", {
    "org_id": "uuid", "party_id": "uuid", "connection_id": "uuid", "external_id": "text", "salt": "bytea", "data": "text",
    "digest": "bytea"})


def _copy(conn: Connection, into: Rows, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        with copied(conn, into) as write_row:
            for row in rows:
                write_row(row)


def references_of(document: Document) -> list[tuple[str, str]]:
    """What a document names at processors, as (processor, reference): its tenders, or what a payout settles."""
    if isinstance(document, Payout):
        named = {(document.processor, part.reference) for part in document.components if part.kind in ("charge", "refund")}
    else:
        tenders = (document.tender,) if isinstance(document, Payment) else getattr(document, "tenders", ())
        named = {(one.processor, name) for one in tenders if one.processor for name in (one.reference, *one.also)}
    return sorted(name for name in named if name[1])


def _name(conn: Connection, names: Sequence[tuple[object, ...]]) -> None:
    """A name is kept once, however many revisions say it."""
    if names:
        columns = list(zip(*dict.fromkeys(names), strict=True))
        conn.execute(
            "INSERT INTO processor_reference (org_id, processor, reference, document_id)"
            " SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::uuid[]) ON CONFLICT DO NOTHING",
            [list(column) for column in columns])


def _write_parties(
    conn: Connection, org_id: UUID, revisions: Sequence[Revision], now: datetime
) -> dict[tuple[UUID, int], tuple[UUID, bytes]]:
    """One row for each new wording of a party; the revision keeps its salted digest."""
    named = [(made, made.party) for made in revisions if made.party is not None]
    if not named:
        return {}
    known = _known_parties(conn, org_id, [party.external_id for _, party in named])
    rows: list[tuple[object, ...]] = []
    found: dict[tuple[UUID, int], tuple[UUID, bytes]] = {}
    for made, party in named:
        data = msgspec.json.encode(party).decode()
        key = (made.connection_id, party.external_id, data)
        if key not in known:
            salt = os.urandom(16)
            known[key] = (uuid7(now), chain.party_digest(salt, data))
            rows.append((org_id, known[key][0], made.connection_id, party.external_id, salt, data, known[key][1]))
        found[(made.document_id, made.revision)] = known[key]
    _copy(conn, _PARTY, rows)
    return found


def _known_parties(
    conn: Connection, org_id: UUID, external_ids: Iterable[str]
) -> dict[tuple[UUID, str, str], tuple[UUID, bytes]]:
    ids = sorted(set(external_ids))
    rows = conn.execute(
        "SELECT connection_id, external_id, data, party_id, digest FROM party WHERE org_id = %s AND external_id = ANY(%s)"
        " AND data IS NOT NULL",
        (org_id, ids),
    ).fetchall()
    return {(row[0], str(row[1]), str(row[2])): (row[3], bytes(row[4])) for row in rows}


def _links(document: Document) -> list[tuple[str, str, str]]:
    if isinstance(document, Refund) and document.sale:
        return [("refund_of", "sale", document.sale)]
    if isinstance(document, Fulfilment):
        return [("fulfilment_of", "sale", document.sale)]
    if isinstance(document, Payment):
        return [("payment_of", kind, to.document) for to in document.allocations for kind in ("sale", "invoice")]
    return []

