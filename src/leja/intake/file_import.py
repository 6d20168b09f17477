"""File import: JSON lines or a connector's own table, plain or gzip, streamed into the inbox.

What is wrong with the whole file is refused before anything is written. A line that cannot be read is kept and parked
with its number; the rest goes on. Importing a file twice changes nothing; after a crash it goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from leja.connectors.contract import COST_LIST_TOPIC, FileShape, RawEvent, Webhooks
from leja.core.clock import Clock
from leja.core.errors import LejaError, Refused
from leja.core.failpoints import failpoint
from leja.database.engine import Connection, Database
from leja.intake import json_lines
from leja.intake.file_content import Surveyed, chunks, lines, survey
from leja.intake.inbox import GROUP_BYTES_MAX, GROUP_MAX, Arrival, Kept, Parking, keep_group

UNREADABLE_MAX: Final = 10_000
ReadFile = Callable[[Iterable[bytes], str, Any], Iterator[RawEvent]]
Detect = Callable[[bytes, Any], FileShape]


class FileConnection(msgspec.Struct, frozen=True, kw_only=True):
    """The connection that a file is for: its settings, and those verbs of its connector that read files."""

    connection_id: UUID
    settings: Any = None
    webhooks: Webhooks | None = None
    read_file: ReadFile | None = None
    detect: Detect | None = None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import has come. ``read`` are events (lines, invoices); ``planned`` is 0 where it is not known."""

    read: int = 0
    planned: int = 0
    kept: Kept = Kept()
    unreadable: int = 0
    shape: FileShape | None = None
    already: bool = False


Progress = Callable[[Imported], None]


class _Item(msgspec.Struct, frozen=True):
    """One step of the file: the arrivals that a line or invoice gives."""

    arrivals: tuple[Arrival, ...]
    size: int
    unreadable: bool = False


def import_file(
    database: Database,
    org_id: UUID,
    connection: FileConnection,
    path: Path,
    *,
    clock: Clock,
    progress: Progress | None = None,
    again: bool = False,
) -> Imported:
    """Import a file. Raises Refused ``file-...``; ``again`` reads a file once more that was imported already."""
    surveyed = survey(path)
    shape = file_shape(connection, surveyed)
    stated = _stated(connection, shape)
    planned = sum(1 for _ in _table(path, connection, stated)) if shape else 0
    written = msgspec.json.encode({"shape": shape, "settings": stated}).decode()
    with database.transaction() as conn:
        done, skip = _begin(conn, org_id, connection.connection_id, surveyed.digest, path.name, written, clock())
    if done and not again:
        return Imported(read=skip, planned=planned, shape=shape, already=True)
    source = _items(org_id, connection, path, surveyed, stated if shape else None)
    state = Imported(read=0 if again else skip, planned=planned, shape=shape)
    for group in _groups(islice(source, state.read, None)):
        with database.transaction() as conn:
            state = _write(conn, org_id, connection.connection_id, surveyed.digest, path.name, group, state, clock())
            failpoint("intake.before-file-commit")
        failpoint("intake.after-file-commit")
        if progress is not None:
            progress(state)
        if state.unreadable > UNREADABLE_MAX:
            raise Refused("file-mostly-unreadable", f"more than {UNREADABLE_MAX} lines of {path.name} cannot be read")
    with database.transaction() as conn:
        conn.execute(
            "UPDATE file_import SET finished_at = %s WHERE org_id = %s AND connection_id = %s AND file_hash = %s",
            (clock(), org_id, connection.connection_id, surveyed.digest),
        )
        failpoint("intake.before-file-end-commit")
    return state


def file_shape(connection: FileConnection, surveyed: Surveyed) -> FileShape | None:
    """How a table is written, to be shown before it is read; None for JSON lines. Raises Refused ``file-...``."""
    if surveyed.form == "json_lines":
        return None
    if connection.detect is None or connection.read_file is None:
        raise Refused("file-format-unknown", "the file is neither JSON lines nor a table that this connection can read")
    return connection.detect(surveyed.sample, connection.settings)


def _stated(connection: FileConnection, shape: FileShape | None) -> Any:
    """The settings with what was detected put in, so that the reading cannot find something else."""
    if shape is None:
        return None
    found = {name: getattr(shape, name) for name in ("encoding", "delimiter", "decimal_mark", "date_format", "columns")}
    return msgspec.structs.replace(connection.settings, **found)


def _begin(
    conn: Connection, org_id: UUID, connection_id: UUID, digest: bytes, name: str, shape: str, now: datetime
) -> tuple[bool, int]:
    """Whether the file was imported whole, and how much of it was: nothing if it is to be read in another way."""
    conn.execute(
        "INSERT INTO file_import (org_id, connection_id, file_hash, name, shape, started_at)"
        " VALUES (%s, %s, %s, %s, %s::jsonb, %s) ON CONFLICT DO NOTHING",
        (org_id, connection_id, digest, name, shape, now),
    )
    row = conn.execute(
        "SELECT finished_at IS NOT NULL, rows_read, shape = %s::jsonb FROM file_import"
        " WHERE org_id = %s AND connection_id = %s AND file_hash = %s",
        (shape, org_id, connection_id, digest),
    ).fetchone()
    assert row is not None
    done, read, same = row
    if same:
        return bool(done), int(str(read))
    conn.execute(
        "UPDATE file_import SET shape = %s::jsonb, rows_read = 0, finished_at = NULL"
        " WHERE org_id = %s AND connection_id = %s AND file_hash = %s",
        (shape, org_id, connection_id, digest),
    )
    return False, 0


def _write(
    conn: Connection, org_id: UUID, connection_id: UUID, digest: bytes, name: str, group: list[_Item], state: Imported,
    now: datetime,
) -> Imported:  # fmt: skip
    arrivals = [arrival for item in group for arrival in item.arrivals]
    kept = keep_group(conn, arrivals, now)
    _write_costs(conn, org_id, [a.event for a in arrivals if a.event.topic == COST_LIST_TOPIC], name, now)
    state = msgspec.structs.replace(
        state,
        read=state.read + len(group),
        kept=state.kept + kept,
        unreadable=state.unreadable + sum(item.unreadable for item in group),
    )
    conn.execute(
        "UPDATE file_import SET rows_read = greatest(rows_read, %s), rows_new = rows_new + %s"
        " WHERE org_id = %s AND connection_id = %s AND file_hash = %s",
        (state.read, kept.new, org_id, connection_id, digest),
    )
    return state


def _groups(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    group: list[_Item] = []
    size = 0
    for item in items:
        group.append(item)
        size += item.size
        if len(group) >= GROUP_MAX or size >= GROUP_BYTES_MAX:
            yield group
            group, size = [], 0
    if group:
        yield group


def _items(
    org_id: UUID, connection: FileConnection, path: Path, surveyed: Surveyed, stated: Any | None
) -> Iterator[_Item]:
    file = surveyed.digest.hex()[:32]
    if stated is None:
        for number, line in enumerate(lines(path), 1):
            yield _line_item(org_id, connection, line, file, number)
    else:
        for event in _table(path, connection, stated):
            yield _table_item(org_id, connection.connection_id, event, file)


def _table(path: Path, connection: FileConnection, stated: Any) -> Iterator[RawEvent]:
    assert connection.read_file is not None
    return connection.read_file(chunks(path), path.name, stated)


def _table_item(org_id: UUID, connection_id: UUID, event: RawEvent, file: str) -> _Item:
    row, why = event.headers.get("leja-row", ""), event.headers.get("leja-unreadable", "")
    own = msgspec.structs.replace(
        event, key=event.key or f"file/{file}/{row}", headers={**event.headers, "leja-file": file}, origin="file"
    )
    arrival = Arrival(org_id=org_id, connection_id=connection_id, event=own, parking=_parking(why) if why else None)
    return _Item((arrival,), len(event.body), unreadable=bool(why))


def _line_item(org_id: UUID, connection: FileConnection, line: bytes | None, file: str, number: int) -> _Item:
    place = f"file/{file}/{number}"
    if line is not None and not line.strip():
        return _Item((), 0)
    try:
        if line is None:
            raise Refused("file-line-unreadable", "it is too long")
        body = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        found = json_lines.events(body, place, connection.webhooks)
    except LejaError as error:
        why = f"Line {number} of the file cannot be read: {error.message}."
        event = RawEvent(
            key=place, topic="unreadable-line", body=line or b"", origin="file",
            headers={"leja-file": file, "leja-row": str(number), "leja-unreadable": why},
        )  # fmt: skip
        parked = Arrival(org_id=org_id, connection_id=connection.connection_id, event=event, parking=_parking(why))
        return _Item((parked,), len(line or b""), unreadable=True)
    arrivals = tuple(
        Arrival(org_id=org_id, connection_id=connection.connection_id, event=_from_file(event, file)) for event in found
    )
    return _Item(arrivals, sum(len(event.body) for event in found))


def _from_file(event: RawEvent, file: str) -> RawEvent:
    """Says which file it came from.

    The line is not said: a vendor's event that stands twice in a file is a repetition.
    """
    return msgspec.structs.replace(event, headers={**event.headers, "leja-file": file})


def _parking(why: str) -> Parking:
    remedy = "Mend the line and import it in a file of its own, or dismiss this item if it says nothing."
    return Parking(code="file-line-unreadable", message=why, remedy=remedy)


def _write_costs(conn: Connection, org_id: UUID, events: list[RawEvent], name: str, now: datetime) -> None:
    """Standing costs, each unless it is what is known already for that item and day."""
    costs: dict[tuple[str, date], Decimal] = {}
    for event in events:
        said = msgspec.json.decode(event.body, type=dict[str, str])
        costs[said["sku"], date.fromisoformat(said["effective_from"])] = Decimal(said["cost"])
    for (sku, day), cost in costs.items():
        conn.execute(
            "INSERT INTO item_cost (org_id, sku, effective_from, cost, source, recorded_at)"
            " SELECT %(org)s, %(sku)s, %(day)s, %(cost)s, %(source)s, %(now)s WHERE %(cost)s IS DISTINCT FROM"
            " (SELECT cost FROM item_cost WHERE org_id = %(org)s AND sku = %(sku)s AND effective_from = %(day)s"
            " ORDER BY recorded_at DESC LIMIT 1) ON CONFLICT DO NOTHING",
            {"org": org_id, "sku": sku, "day": day, "cost": cost, "source": f"file {name}", "now": now},
        )
