"""Bring a database to the newest schema: Alembic orders the SQL files, the rights are renewed at the end."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

from leja.core.errors import Refused

HERE = Path(__file__).parent / "migrations"
SQL = HERE / "sql"
VERSIONS_SUPPORTED = range(16, 19)


def migrate(owner_url: str) -> None:
    """Upgrade to the newest schema. Safe to run twice and from several processes at once."""
    _require_supported(owner_url)
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["owner_url"] = owner_url
    with psycopg.connect(owner_url, autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(7305001)")
        command.upgrade(config, "head")
        _give_rights(lock)


def _give_rights(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Rights are given once for each state of schema and file: giving them locks every table, which would hold up others."""
    rights = (SQL / "9000_post_row_security.sql").read_text()
    versions = connection.execute("SELECT string_agg(version_num, ',' ORDER BY version_num) FROM alembic_version").fetchone()
    wanted = f"rights {sha256(f'{versions} {rights}'.encode()).hexdigest()}"
    given = connection.execute(
        "SELECT obj_description('alembic_version'::regclass, 'pg_class'), has_table_privilege('leja_app', 'event', 'INSERT')"
    ).fetchone()
    if given != (wanted, True):
        connection.execute(f"BEGIN; {rights}; COMMENT ON TABLE alembic_version IS '{wanted}'; COMMIT".encode())


def _require_supported(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        major = connection.info.server_version // 10000
    if major not in VERSIONS_SUPPORTED:
        raise Refused(
            "database-version",
            f"PostgreSQL {major} is not supported",
            remedy="Point LEJA_DATABASE_URL to PostgreSQL 16, 17 or 18, or unset it to use the embedded one.",
        )
