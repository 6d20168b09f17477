"""What the outbox and the books say of the groups that are due: members, net lines, and what the group is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from leja.connectors.contract import RemoteDocument
from leja.core.money import Money
from leja.database.engine import Connection
from leja.delivery.bundle import Bucket, GroupFacts, NetLine
from leja.delivery.summaries import group_mark, identity
from leja.documents.parts import Party


class DueGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group with entries that its target was not told of. ``next_part`` is 1 + the parts that are known."""

    facts: GroupFacts
    family: str
    lane: str
    next_part: int
    buckets: tuple[Bucket, ...]
    later: bool
    applied: Mapping[str, RemoteDocument] = {}


class DueRow(msgspec.Struct, frozen=True):
    """A group that is due, its family, and its oldest due entry."""

    group_key: str
    family: str
    lane: str
    first: int


def due_rows(
    conn: Connection, org_id: UUID, connection_id: UUID, lane: str, now: datetime, limit: int
) -> list[DueRow]:
    """The next groups of a lane in the order of their oldest due row, at most one per family."""
    rows = conn.execute(
        "SELECT DISTINCT ON (family) group_key, family, lane, entry_number FROM ("
        " SELECT group_key, family, lane, entry_number FROM outbox WHERE org_id = %s AND connection_id = %s AND"
        " held = ''"
        " AND lane = %s AND due_at <= %s ORDER BY due_at, entry_number LIMIT %s) due ORDER BY family, entry_number",
        (org_id, connection_id, lane, now, limit * 4),
    ).fetchall()
    found = [DueRow(str(r[0]), str(r[1]), str(r[2]), int(str(r[3]))) for r in rows]
    return sorted(found, key=lambda row: row.first)[:limit]


def busy_families(conn: Connection, org_id: UUID, connection_id: UUID, families: Sequence[str]) -> set[str]:
    """Families in which something is under way, parked, or held in the outbox: what comes after it waits."""
    rows = conn.execute(
        "SELECT family FROM deliverable WHERE org_id = %(org)s AND connection_id = %(to)s AND family ="
        " ANY(%(families)s)"
        " AND state IN ('open', 'parked') UNION SELECT family FROM outbox WHERE org_id = %(org)s AND connection_id"
        " = %(to)s"
        " AND family = ANY(%(families)s) AND held <> '' AND waits_for NOT LIKE 'family/%%'",
        {"org": org_id, "to": connection_id, "families": list(families)},
    ).fetchall()
    return {str(row[0]) for row in rows}


def load(
    conn: Connection, org_id: UUID, connection_id: UUID, group_keys: Sequence[str], family: Mapping[str, str], lane: str,
    told_as: Mapping[str, str] | None = None,
) -> list[DueGroup]:
    """Everything that planning must know of these groups, each group whole; ``told_as`` names those that will be others."""
    members: dict[str, list[int]] = {}
    for row in conn.execute(
        "SELECT group_key, entry_number FROM outbox WHERE org_id = %s AND connection_id = %s AND group_key = ANY(%s)"
        " ORDER BY entry_number",
        (org_id, connection_id, list(group_keys)),
    ):
        members.setdefault((told_as or {}).get(str(row[0]), str(row[0])), []).append(int(str(row[1])))
    parts = _parts(conn, org_id, connection_id, list(members))
    facts = group_facts(conn, org_id, connection_id, list(members))
    buckets = load_buckets(conn, org_id, members)
    applied = remote_by_reference(conn, org_id, connection_id, [r for f in facts.values() for r in f.applies_to])
    return [
        DueGroup(
            facts=facts[key], family=family[key], lane=lane, next_part=parts.get(key, (0, False))[0] + 1,
            later=parts.get(key, (0, False))[1], buckets=buckets[key],
            applied={r: d for r, d in applied.items() if r.partition("-")[0] in facts[key].applies_to},
        )
        for key in (members if told_as else group_keys)
        if key in members
    ]


def _parts(
    conn: Connection, org_id: UUID, connection_id: UUID, group_keys: Sequence[str]
) -> dict[str, tuple[int, bool]]:
    rows = conn.execute(
        "SELECT group_key, max(part), bool_or(state <> 'withdrawn') FROM deliverable"
        " WHERE org_id = %s AND connection_id = %s AND group_key = ANY(%s) GROUP BY group_key",
        (org_id, connection_id, list(group_keys)),
    ).fetchall()
    return {str(row[0]): (int(str(row[1])), bool(row[2])) for row in rows}


def members_of(conn: Connection, org_id: UUID, deliverable_id: UUID) -> list[int]:
    """The entries that a deliverable tells of; none where it only sets right what others changed."""
    return [int(str(row[0])) for row in conn.execute(
        "SELECT entry_number FROM deliverable_member WHERE org_id = %s AND deliverable_id = %s ORDER BY entry_number",
        (org_id, deliverable_id),
    )]


def load_buckets(conn: Connection, org_id: UUID, members: Mapping[str, Sequence[int]]) -> dict[str, tuple[Bucket, ...]]:
    """The net lines of each group's entries, by posting date and currency."""
    numbers = [number for entries in members.values() for number in entries]
    keys = [key for key, entries in members.items() for _ in entries]
    entries = conn.execute(
        "SELECT m.group_key, e.number, e.posting_date, e.business_day,"
        " (SELECT CASE WHEN count(DISTINCT l.currency) = 1 THEN min(l.currency) ELSE '' END FROM line l"
        "  WHERE l.org_id = e.org_id AND l.entry_number = e.number)"
        " FROM unnest(%s::text[], %s::bigint[]) AS m (group_key, number)"
        " JOIN entry e ON e.org_id = %s AND e.number = m.number ORDER BY e.number",
        (keys, numbers, org_id),
    ).fetchall()
    which: dict[tuple[str, date, str], list[int]] = {}
    days: dict[tuple[str, date, str], set[date]] = {}
    for key, number, posting, business, currency in entries:
        at = (str(key), posting, str(currency))
        which.setdefault(at, []).append(int(str(number)))
        days.setdefault(at, set()).add(business)
    lines = _net_lines(conn, org_id, which)
    buckets: dict[str, list[Bucket]] = {key: [] for key in members}
    for at in sorted(which, key=lambda at: (at[0], at[1], min(which[at]))):
        buckets[at[0]].append(Bucket(
            posting_date=at[1], currency=at[2], members=tuple(which[at]), lines=tuple(lines.get(at, ())),
            business_days=tuple(sorted(days[at])),
        ))
    return {key: tuple(found) for key, found in buckets.items()}


def _net_lines(
    conn: Connection, org_id: UUID, which: Mapping[tuple[str, date, str], Sequence[int]]
) -> dict[tuple[str, date, str], list[NetLine]]:
    places = list(which)
    at = [n for n, place in enumerate(places) for _ in which[place]]
    numbers = [number for place in places for number in which[place]]
    rows = conn.execute(
        "SELECT m.at, l.account, l.role, l.currency, l.tax_code, l.location, l.channel, sum(l.amount)::text,"
        " sum(l.base)::text"
        " FROM unnest(%s::int[], %s::bigint[]) AS m (at, number) JOIN line l ON l.org_id = %s AND l.entry_number ="
        " m.number"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
        (at, numbers, org_id),
    ).fetchall()
    found: dict[tuple[str, date, str], list[NetLine]] = {}
    for row in rows:
        place, account, role, currency, code, location, channel, amount, base = (str(part) for part in row)
        found.setdefault(places[int(place)], []).append(NetLine(
            account=account, role=role, currency=currency, tax_code=code, location=location, channel=channel,
            amount=int(amount), base=int(base),
        ))
    return found


def group_facts(
    conn: Connection, org_id: UUID, connection_id: UUID, group_keys: Sequence[str]
) -> dict[str, GroupFacts]:
    """What each group is. A document's group is described by its latest revision."""
    found = {key: _daily(org_id, connection_id, key) for key in group_keys if not key.startswith("document/")}
    ids = {UUID(key.removeprefix("document/")): key for key in group_keys if key.startswith("document/")}
    if ids:
        found.update(_documents(conn, org_id, connection_id, ids))
    return found


def _daily(org_id: UUID, connection_id: UUID, key: str) -> GroupFacts:
    mark = group_mark(org_id, connection_id, identity(key, ""))
    return GroupFacts(group_key=key, mark=mark, kind="daily", currency=key.rsplit("/", 1)[1])


class _Due(msgspec.Struct):
    due: date | None = None


def _documents(
    conn: Connection, org_id: UUID, connection_id: UUID, ids: Mapping[UUID, str]
) -> dict[str, GroupFacts]:
    rows = conn.execute(
        "SELECT DISTINCT ON (d.document_id) d.document_id, d.connection_id, d.kind, d.external_id, r.number,"
        " r.currency,"
        " CASE WHEN d.kind = 'invoice' THEN r.facts END, p.data FROM document d"
        " JOIN document_revision r ON r.org_id = d.org_id AND r.document_id = d.document_id"
        " LEFT JOIN party p ON p.org_id = r.org_id AND p.party_id = r.party_id"
        " WHERE d.org_id = %s AND d.document_id = ANY(%s) ORDER BY d.document_id, r.revision DESC",
        (org_id, list(ids)),
    ).fetchall()
    applies = _applies_to(conn, org_id, connection_id, list(ids))
    found: dict[str, GroupFacts] = {}
    for document_id, source, kind, external_id, number, currency, facts, party in rows:
        key = ids[document_id]
        told = identity(key, f"{source}/{kind}/{external_id}")
        found[key] = GroupFacts(
            group_key=key, mark=group_mark(org_id, connection_id, told), kind=str(kind), currency=str(currency),
            number=str(number), due=msgspec.json.decode(str(facts), type=_Due).due if facts else None,
            customer=msgspec.json.decode(str(party), type=Party) if party else None,
            applies_to=applies.get(document_id, ()),
        )
    return found


def _applies_to(
    conn: Connection, org_id: UUID, connection_id: UUID, ids: Sequence[UUID]
) -> dict[UUID, tuple[str, ...]]:
    """References of what was told of the documents that these settle, and of their own earlier parts."""
    rows = conn.execute(
        "SELECT l.document_id, v.reference FROM document_link l JOIN document d ON d.org_id = l.org_id"
        " AND d.connection_id = l.connection_id AND d.kind = l.kind AND d.external_id = l.external_id"
        " JOIN deliverable v ON v.org_id = l.org_id AND v.connection_id = %(to)s AND v.state = 'done'"
        " AND v.group_key = 'document/' || d.document_id::text WHERE l.org_id = %(org)s AND l.document_id ="
        " ANY(%(ids)s)"
        " UNION SELECT substr(v.group_key, 10)::uuid, v.reference FROM deliverable v WHERE v.org_id = %(org)s"
        " AND v.connection_id = %(to)s AND v.state = 'done' AND v.group_key = ANY(%(keys)s) ORDER BY 1, 2",
        {"org": org_id, "to": connection_id, "ids": list(ids), "keys": [f"document/{one}" for one in ids]},
    ).fetchall()
    found: dict[UUID, tuple[str, ...]] = {}
    for document_id, reference in rows:
        found[document_id] = (*found.get(document_id, ()), str(reference))
    return found


def remote_by_reference(
    conn: Connection, org_id: UUID, connection_id: UUID, references: Sequence[str]
) -> dict[str, RemoteDocument]:
    """The remote documents of these deliverables, by their own reference and, the first, by the deliverable's."""
    if not references:
        return {}
    rows = conn.execute(
        "SELECT v.reference, r.reference, r.kind, r.remote_id, r.version, r.number, r.total, r.currency, r.date"
        " FROM deliverable v JOIN remote_document r ON r.org_id = v.org_id AND r.deliverable_id = v.deliverable_id"
        " WHERE v.org_id = %s AND v.connection_id = %s AND v.reference = ANY(%s) ORDER BY v.reference,"
        " r.recorded_at, r.step",
        (org_id, connection_id, list(references)),
    ).fetchall()
    found: dict[str, RemoteDocument] = {}
    for whole, own, kind, remote_id, version, number, total, currency, day in rows:
        document = RemoteDocument(
            kind=str(kind), remote_id=str(remote_id), reference=str(own), version=str(version), number=str(number),
            total=None if total is None else Money(int(str(total)), str(currency)), date=day,
        )
        found[str(own)] = document
        found.setdefault(str(whole), document)
    return found
