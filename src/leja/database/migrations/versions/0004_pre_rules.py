"""Schema step 0004: see sql/0004_pre_rules.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0004_pre_rules.sql")
