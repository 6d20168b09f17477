"""Schema step 0001: see sql/0001_pre_access.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0001_pre_access.sql")
