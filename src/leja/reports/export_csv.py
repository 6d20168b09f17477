"""The books as CSV, one row per line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from leja.core.money import format_minor
from leja.database.engine import Connection
from leja.reports.costed import base_currency
from leja.reports.ledger_lines import PostedEntry, Wanted, every_entry

COLUMNS: Final = (
    "entry",
    "line",
    "posting_date",
    "business_day",
    "label",
    "text",
    "reverses",
    "document",
    "revision",
    "kind",
    "source_id",
    "source_number",
    "connection",
    "account",
    "role",
    "debit",
    "credit",
    "currency",
    "base_debit",
    "base_credit",
    "base_currency",
    "rate",
    "location",
    "channel",
    "tax_code",
    "tax_point",
    "return_period",
    "memo",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def export_csv(conn: Connection, org_id: UUID, wanted: Wanted | None = None) -> Iterator[str]:
    """The journal in pieces of whole rows, amounts in major units."""
    base = base_currency(conn, org_id)
    yield ",".join(COLUMNS) + "\r\n"
    for entry in every_entry(conn, org_id, wanted):
        buffer = io.StringIO()
        csv.writer(buffer).writerows(_rows(entry, base))
        yield buffer.getvalue()


def _rows(entry: PostedEntry, base: str) -> Iterator[tuple[object, ...]]:
    for at, line in enumerate(entry.lines, 1):
        yield (
            entry.number,
            at,
            entry.posting_date,
            entry.business_day,
            _text(entry.label),
            _text(entry.text),
            entry.reverses or "",
            entry.document_id,
            entry.revision,
            entry.document_kind,
            _text(entry.external_id),
            _text(entry.document_number),
            _text(entry.connection),
            _text(line.account),
            line.role,
            *_sides(line.amount, line.currency),
            line.currency,
            *_sides(line.base, base),
            base,
            format(line.rate, "f"),
            _text(line.location),
            _text(line.channel),
            _text(line.tax_code),
            line.tax_point or "",
            line.return_period,
            _text(line.memo),
        )


def _sides(minor: int, currency: str) -> tuple[str, str]:
    text = format_minor(abs(minor), currency)
    return (text, "") if minor >= 0 else ("", text)


def _text(text: str) -> str:
    """Text that a spreadsheet shows and does not run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
