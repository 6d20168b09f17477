"""Schema step 0014: see sql/0014_pre_single_entries.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0014_pre_single_entries.sql")
