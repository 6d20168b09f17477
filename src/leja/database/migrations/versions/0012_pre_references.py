"""Schema step 0012: see sql/0012_pre_references.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0012_pre_references.sql")
