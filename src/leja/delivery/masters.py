"""Records that documents refer to (items, customers, contacts): each is told once, then known by its id there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast
from uuid import UUID

from leja.connectors.contract import RemoteDocument, Step
from leja.database.engine import Connection

Name = tuple[str, str]


def name_of(step: Step) -> Name | None:
    """Kind and reference of a step that makes such a record; None for a step that moves the ledger."""
    return None if step.lines else (step.kind, step.reference)


def known(conn: Connection, org_id: UUID, connection_id: UUID, steps: Iterable[Step]) -> dict[Name, RemoteDocument]:
    """The records of these steps that the target has already, as it last answered."""
    wanted = {name for step in steps if (name := name_of(step)) is not None}
    if not wanted:
        return {}
    rows = conn.execute(
        "SELECT kind, remote_id, reference, version, number FROM remote_document"
        " WHERE org_id = %s AND connection_id = %s AND reference = ANY(%s) AND moves = '{}'::jsonb ORDER BY recorded_at",
        (org_id, connection_id, sorted({reference for _, reference in wanted})),
    ).fetchall()
    found: dict[Name, RemoteDocument] = {}
    for row in rows:
        kind, remote_id, reference, version, number = cast("tuple[str, str, str, str, str]", row)
        if (kind, reference) in wanted:
            found[kind, reference] = RemoteDocument(
                kind=kind, remote_id=remote_id, reference=reference, version=version, number=number
            )
    return found


def standing(steps: Iterable[Step], there: Mapping[Name, RemoteDocument]) -> dict[str, RemoteDocument]:
    """Step name -> the record that stands at the target already."""
    return {step.name: there[name] for step in steps if (name := name_of(step)) is not None and name in there}
