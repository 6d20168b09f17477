"""Schema step 0002: see sql/0002_pre_intake.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0002_pre_intake.sql")
