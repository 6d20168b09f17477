"""Schema step 0020: see sql/0020_pre_allowances_and_restores.sql."""

from leja.database.migrations.run_sql import run_sql, step_before

revision = "0020"
down_revision = step_before(revision)


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0020_pre_allowances_and_restores.sql")
