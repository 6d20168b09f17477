"""Schema step 0003: see sql/0003_pre_documents.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0003_pre_documents.sql")
