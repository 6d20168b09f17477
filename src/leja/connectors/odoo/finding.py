"""Asking what happened: searched by external id, and believed only if total, date and every account agree.

A draft counts for nothing, so it is not there. Where no external id is found, a posted document in whose reference field
somebody wrote our reference is told as doubtful: it may be one whose external id was removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leja.connectors.contract import Absent, Ambiguous, Anchor, Draft, Finding, Found, RemoteDocument, Session
from leja.connectors.odoo.api import Row, read, search, words
from leja.connectors.odoo.documents import MOVE, PARTNER, Record, memo_field, named, records
from leja.connectors.odoo.names import model_of, name_of

_ANCHOR: Final = Anchor(
    field="ir.model.data (module, name)", unique=True, length=60, look_up="search of the external id", look_up_lag=0
)
ANCHORS: Final[Mapping[str, Anchor]] = dict.fromkeys(("Customer", "Invoice", "CreditNote", "Entry", "Payment"), _ANCHOR)


async def find(session: Session, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    """What stands there of each draft."""
    found: dict[int, Finding] = {}
    for model in dict.fromkeys(model_of(draft.kind) for draft in drafts):
        places = [place for place, draft in enumerate(drafts) if model_of(draft.kind) == model]
        asked = [drafts[place] for place in places]
        judged = await (_partners(session, asked) if model == PARTNER else _documents(session, model, asked))
        found |= dict(zip(places, judged, strict=True))
    return tuple(found[place] for place in range(len(drafts)))


async def _partners(session: Session, drafts: Sequence[Draft]) -> list[Finding]:
    ids = await named(session, PARTNER, [draft.reference for draft in drafts])
    there = {row["id"] for row in await read(session, PARTNER, list(ids.values()), ["name"])}
    found: list[Finding] = []
    for draft in drafts:
        remote = ids.get(draft.reference, 0)
        document = RemoteDocument(kind="Customer", remote_id=str(remote), reference=draft.reference)
        found.append(Found(document=document) if remote in there else Absent())
    return found


async def _documents(session: Session, model: str, drafts: Sequence[Draft]) -> list[Finding]:
    names = {draft.reference: name_of(draft.kind, draft.reference) for draft in drafts}
    ids = await named(session, model, list(names.values()))
    own = {ids[name]: reference for reference, name in names.items() if name in ids}
    there = await records(session, model, list(own), own)
    found = [judged(draft, there.get(ids.get(names[draft.reference], 0))) for draft in drafts]
    unknown = [draft for draft, one in zip(drafts, found, strict=True) if isinstance(one, Absent) and names[draft.reference] not in ids]
    bearing = await _bearing(session, model, unknown)
    return [
        Ambiguous(why=f"{model} {row['id']} bears {draft.reference} but not our external id")
        if isinstance(one, Absent) and (row := bearing.get(draft.reference)) is not None else one
        for draft, one in zip(drafts, found, strict=True)
    ]  # fmt: skip


async def _bearing(session: Session, model: str, drafts: Sequence[Draft]) -> dict[str, Row]:
    """Posted documents in whose reference field one of the references was written, by reference."""
    if not drafts:
        return {}
    field = "ref" if model == MOVE else await memo_field(session)
    states = ["posted"] if model == MOVE else ["posted", "paid", "in_process"]
    either: list[Any] = ["|"] * (len(drafts) - 1) + [[field, "=like", f"{draft.reference}%"] for draft in drafts]
    rows = await search(session, model, [["state", "in", states], *either], [field, "state"])
    wanted = {draft.reference for draft in drafts}
    found = {words(row[field]).partition(" ")[0]: row for row in rows if row["state"] in states}
    return {reference: row for reference, row in found.items() if reference in wanted}


def judged(draft: Draft, record: Record | None) -> Finding:
    """What a record that bears our external id means for the draft."""
    if record is None or record.state == "draft":
        return Absent()
    why = "it was cancelled there" if record.state == "cancelled" else disagreement(draft, record)
    if why:
        return Ambiguous(why=f"{draft.kind} {record.document.remote_id}: {why}", documents=(record.document,))
    return Found(document=record.document)


def disagreement(draft: Draft, record: Record) -> str:
    """In what a remote document is not the drafted one: kind, total, date or accounts; empty if in nothing."""
    document, said = record.document, []
    if document.kind != draft.kind:
        said.append(f"{document.kind} instead of {draft.kind}")
    if document.total != draft.total:
        said.append(f"total {document.total} instead of {draft.total}")
    if document.date != draft.date:
        said.append(f"date {document.date} instead of {draft.date}")
    # A draft payment of 18 and later has no journal entry yet.
    if (record.lines or record.state == "posted") and record.moves != dict(draft.moves):
        said.append(f"it moves {record.moves} instead of {dict(draft.moves)}")
    return ", ".join(said)


