"""Schema step 0007: see sql/0007_pre_delivery.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0007_pre_delivery.sql")
