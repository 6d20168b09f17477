"""Schema step 0022: see sql/0022_pre_typed_in.sql."""

from leja.database.migrations.run_sql import run_sql, step_before

revision = "0022"
down_revision = step_before(revision)


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0022_pre_typed_in.sql")
