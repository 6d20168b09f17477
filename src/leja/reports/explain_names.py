"""What a word names: an entry's number, a document's id or number, an event, a document at a target or our reference to it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from leja.core.errors import Refused
from leja.database.engine import Connection

KINDS = ("entry", "document", "event", "remote")
FOUND_MAX = 1000


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: which kinds, the documents behind them, and the events that were named."""

    what: str
    documents: tuple[UUID, ...]
    events: tuple[UUID, ...]


def find(conn: Connection, org_id: UUID, words: list[str]) -> Named:
    """Find what the words name; the first may say of which kind it is. Raises Refused ``explain-unknown``."""
    kinds: Sequence[str] = KINDS
    if len(words) > 1 and words[0] in KINDS:
        kinds = [words.pop(0)]
    word = " ".join(words).strip()
    if not word:
        raise Refused(
            "explain-unknown", "nothing was named", remedy="Give an entry number, an id, a number or a reference."
        )
    found = {kind: _FINDERS[kind](conn, org_id, word) for kind in kinds}
    what = "+".join(kind for kind, (documents, events) in found.items() if documents or events)
    if not what:
        raise Refused(
            "explain-unknown",
            f"nothing here is named {word!r}",
            remedy="Give an entry number, the id or number of a document, an event id, or a document at a target.",
        )
    return Named(
        what=what,
        documents=tuple(dict.fromkeys(one for documents, _ in found.values() for one in documents)),
        events=tuple(dict.fromkeys(one for _, events in found.values() for one in events)),
    )


Ids = tuple[list[UUID], list[UUID]]


def _entry(conn: Connection, org_id: UUID, word: str) -> Ids:
    if not word.isdecimal() or len(word) > 18:
        return [], []
    return _ids(
        conn, "SELECT document_id FROM entry WHERE org_id = %s AND number = %s LIMIT %s", (org_id, int(word))
    ), []


def _document(conn: Connection, org_id: UUID, word: str) -> Ids:
    known = _uuid(word)
    if known is not None:
        return _ids(
            conn, "SELECT document_id FROM document WHERE org_id = %s AND document_id = %s LIMIT %s", (org_id, known)
        ), []
    # A sale comes before what belongs to it: a fulfilment or refund may bear its number.
    named = _ids(
        conn,
        "SELECT document_id FROM document d WHERE org_id = %(org)s AND (external_id = %(word)s OR EXISTS (SELECT 1"
        " FROM document_revision r WHERE r.org_id = d.org_id AND r.document_id = d.document_id"
        " AND r.number = ANY(%(numbers)s))) ORDER BY kind NOT IN ('sale', 'invoice'), document_id LIMIT %(limit)s",
        {"org": org_id, "word": word, "numbers": [word, f"#{word}"], "limit": FOUND_MAX},
    )
    return named, []


def _event(conn: Connection, org_id: UUID, word: str) -> Ids:
    known = _uuid(word)
    if known is not None:
        events = _ids(conn, "SELECT event_id FROM event WHERE org_id = %s AND event_id = %s LIMIT %s", (org_id, known))
    else:
        events = _ids(conn, "SELECT event_id FROM event WHERE org_id = %s AND event_key = %s LIMIT %s", (org_id, word))
    documents = _ids(
        conn,
        "SELECT DISTINCT document_id FROM document_revision WHERE org_id = %s AND event_id = ANY(%s) ORDER BY 1"
        " LIMIT %s",
        (org_id, events),
    )
    return documents, events


def _remote(conn: Connection, org_id: UUID, word: str) -> Ids:
    told = _ids(
        conn,
        "SELECT deliverable_id FROM (SELECT deliverable_id FROM deliverable WHERE org_id = %(org)s AND reference = %(word)s"
        " UNION SELECT deliverable_id FROM remote_document WHERE org_id = %(org)s"
        " AND (remote_id = %(word)s OR reference = %(word)s OR number = %(word)s)) found ORDER BY 1 LIMIT %(limit)s",
        {"org": org_id, "word": word, "limit": FOUND_MAX},
    )
    documents = _ids(
        conn,
        "SELECT document_id FROM deliverable_member m JOIN entry e ON e.org_id = m.org_id AND e.number = m.entry_number"
        " WHERE m.org_id = %s AND m.deliverable_id = ANY(%s) GROUP BY 1 ORDER BY min(e.number) LIMIT %s",
        (org_id, told),
    )
    return documents, []


_FINDERS = {"entry": _entry, "document": _document, "event": _event, "remote": _remote}


def _ids(conn: Connection, query: str, values: tuple[object, ...] | dict[str, object]) -> list[UUID]:
    given = values if isinstance(values, dict) else (*values, FOUND_MAX)
    return [row[0] for row in conn.execute(query.encode(), given).fetchall()]


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None
