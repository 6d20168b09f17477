"""Schema step 0005: see sql/0005_pre_books.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0005_pre_books.sql")
