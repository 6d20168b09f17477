"""Schema step 0013: see sql/0013_pre_processor_references.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0013_pre_processor_references.sql")
