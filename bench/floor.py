"""The floor: the rows that a run wrote, copied into tables of the same columns that have no trigger, key or index."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import psycopg

from bench.ground import Stopwatch

TABLES = (
    "document", "party", "document_revision", "document_link", "processor_reference", "entry", "line", "balance_day", "balance_month", "chain", "outbox",
)
Owner = psycopg.Connection[tuple[object, ...]]


class Rows(msgspec.Struct):
    """The rows of one table as they were read back, with the types of its columns."""

    table: str
    columns: list[str]
    types: list[str]
    rows: list[tuple[object, ...]]


def prepare(conn: Owner) -> None:
    """Tables of the same columns and nothing else."""
    conn.execute("CREATE SCHEMA floor")
    for table in TABLES:
        conn.execute(f"CREATE TABLE floor.{table} AS SELECT * FROM {table} WITH NO DATA".encode())


def read(conn: Owner, org_id: UUID) -> list[Rows]:
    """Everything that was written for an organisation, ready to be copied again."""
    found = []
    for table in TABLES:
        described = conn.execute(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum", (table,)).fetchall()
        rows = conn.execute(f"SELECT * FROM {table} WHERE org_id = %s".encode(), (org_id,), binary=True).fetchall()
        found.append(Rows(table, [str(row[0]) for row in described], [str(row[1]) for row in described], rows))
    return found


def copy(conn: Owner, written: Sequence[Rows], batches: int) -> float:
    """Copy them in as many transactions as the run had, by the same client, in the same binary form; the seconds it took."""
    with Stopwatch() as watch:
        for at in range(batches):
            with conn.transaction():
                for rows in written:
                    _copy_part(conn, rows, rows.rows[len(rows.rows) * at // batches : len(rows.rows) * (at + 1) // batches])
    return watch.seconds


def _copy_part(conn: Owner, rows: Rows, part: Sequence[tuple[object, ...]]) -> None:
    if not part:
        return
    statement = f"COPY floor.{rows.table} ({', '.join(rows.columns)}) FROM STDIN (FORMAT BINARY)".encode()
    with conn.cursor() as cursor, cursor.copy(statement) as into:
        into.set_types(rows.types)
        for row in part:
            into.write_row(row)


def copy_ready(conn: Owner, written: Sequence[Rows], batches: int) -> float:
    """The same from bytes that are ready in memory, so that only the server works; the seconds it took."""
    ready = [[_bytes(conn, rows, at, batches) for rows in written] for at in range(batches)]
    with Stopwatch() as watch:
        for parts in ready:
            with conn.transaction():
                for rows, data in zip(written, parts, strict=True):
                    with conn.cursor() as cursor, cursor.copy(f"COPY floor.{rows.table} FROM STDIN (FORMAT BINARY)".encode()) as into:
                        into.write(data)
    return watch.seconds


def _bytes(conn: Owner, rows: Rows, at: int, batches: int) -> bytes:
    """A part of a table as COPY wants it, made by the server from what was copied before."""
    first, last = len(rows.rows) * at // batches, len(rows.rows) * (at + 1) // batches
    query = f"COPY (SELECT * FROM floor.{rows.table} OFFSET {first} LIMIT {last - first}) TO STDOUT (FORMAT BINARY)"
    with conn.cursor() as cursor, cursor.copy(query.encode()) as out:
        return b"".join(bytes(part) for part in out)


def empty(conn: Owner) -> None:
    """Clear the floor for the next round."""
    for table in TABLES:
        conn.execute(f"TRUNCATE floor.{table}".encode())
