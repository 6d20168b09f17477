"""Schema step 0006: see sql/0006_pre_books_guards.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0006_pre_books_guards.sql")
