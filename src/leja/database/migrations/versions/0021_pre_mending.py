"""Schema step 0021: see sql/0021_pre_mending.sql."""

from leja.database.migrations.run_sql import run_sql, step_before

revision = "0021"
down_revision = step_before(revision)


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0021_pre_mending.sql")
