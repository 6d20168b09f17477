"""Schema step 0008: see sql/0008_pre_review.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0008_pre_review.sql")
