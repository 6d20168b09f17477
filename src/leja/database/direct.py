"""Statements past the driver's cursors: one round trip, and none of the work that a cursor does before and after.

For the few statements of a single entry, which cost the driver more than the ledger; everything else goes the usual way. What
the server refuses is raised as by a cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from psycopg import errors, generators
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from leja.database.arrays import Byteas
from leja.database.engine import Connection

# Types by their numbers, which are the same in every PostgreSQL: src/include/catalog/pg_type.dat.
_UUID, _JSONB, _BYTEAS = 2950, 3802, 1001
_Value = UUID | str | Byteas


def ask_at_the_beginning(conn: Connection, question: str) -> str | None:
    """The one text that ``question`` answers with; the transaction is begun on the same way, unless it runs already.

    ``question`` holds no value that somebody could choose: it is sent as it stands.
    """
    begins = not conn.autocommit and conn.pgconn.transaction_status == TransactionStatus.IDLE
    with conn.lock:
        conn.pgconn.send_query(("BEGIN;" + question if begins else question).encode())
        answer = _answered(conn)
    value = answer.get_value(0, 0)
    return None if value is None else value.decode()


def call(conn: Connection, statement: bytes, values: Sequence[_Value]) -> None:
    """Run a statement in the running transaction; ``str`` are JSON."""
    encoding = conn.info.encoding
    sent = [_sent(value, encoding) for value in values]
    with conn.lock:
        conn.pgconn.send_query_params(
            statement, [data for data, _, _ in sent], [type_ for _, type_, _ in sent], [form for _, _, form in sent]
        )
        _answered(conn)


def _sent(value: _Value, encoding: str) -> tuple[bytes, int, Format]:
    if isinstance(value, UUID):
        return value.bytes, _UUID, Format.BINARY
    if isinstance(value, Byteas):
        return value.data, _BYTEAS, Format.BINARY
    return value.encode(encoding), _JSONB, Format.TEXT


def _answered(conn: Connection) -> PGresult:
    """The last result. Raises what the server says, as a cursor would."""
    results: list[PGresult] = conn.wait(generators.execute(conn.pgconn))
    for result in results:
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise errors.error_from_result(result, conn.info.encoding)
    return results[-1]
