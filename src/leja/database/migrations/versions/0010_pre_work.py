"""Schema step 0010: see sql/0010_pre_work.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0010_pre_work.sql")
