"""Run one of the SQL files inside a migration, exactly as it stands."""

from __future__ import annotations

from pathlib import Path

from alembic import op

SQL = Path(__file__).parent / "sql"


def run_sql(name: str) -> None:
    """Execute ``sql/<name>`` on the migration's connection; the file may hold several statements."""
    cursor = op.get_bind().connection.cursor()
    cursor.execute((SQL / name).read_text().encode())
