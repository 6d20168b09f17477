"""Run one of the SQL files inside a migration, exactly as it stands."""

from __future__ import annotations

from pathlib import Path

from alembic import op

SQL = Path(__file__).parent / "sql"


def run_sql(name: str) -> None:
    """Execute ``sql/<name>`` on the migration's connection; the file may hold several statements."""
    cursor = op.get_bind().connection.cursor()
    cursor.execute((SQL / name).read_text().encode())


def step_before(revision: str) -> str:
    """The step that stands before this one: steps that were written at the same time are ordered by their numbers."""
    return max(number for path in SQL.glob("[0-8]*.sql") if (number := path.name[:4]) < revision)
