"""Schema step 0009: see sql/0009_pre_append_only.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0009_pre_append_only.sql")
