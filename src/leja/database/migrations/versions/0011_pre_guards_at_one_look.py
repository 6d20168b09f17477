"""Schema step 0011: see sql/0011_pre_guards_at_one_look.sql."""

from leja.database.migrations.run_sql import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Forward only: a mistake is mended by the next step."""
    run_sql("0011_pre_guards_at_one_look.sql")
