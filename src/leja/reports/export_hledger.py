"""The books as an hledger journal, entry by entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import UUID

from leja.core.currency import exponent
from leja.database.engine import Connection
from leja.reports.account_names import account_names
from leja.reports.costed import base_currency, costed
from leja.reports.ledger_lines import PostedEntry, Wanted, every_entry


def export_hledger(conn: Connection, org_id: UUID, wanted: Wanted | None = None) -> Iterator[str]:
    """The journal in pieces of whole lines; ``hledger check --strict`` accepts it."""
    names = account_names(conn, org_id)
    base = base_currency(conn, org_id)
    yield from (f"account {name}\n" for name in names.values())
    used = conn.execute("SELECT DISTINCT currency FROM balance_month WHERE org_id = %s", (org_id,)).fetchall()
    for currency in sorted({base, *(str(row[0]) for row in used)}):
        yield f"commodity 1000.{'0' * exponent(currency)} {currency}\n"
    for entry in every_entry(conn, org_id, wanted):
        yield _entry(entry, names, base)


def _entry(entry: PostedEntry, names: dict[str, str], base: str) -> str:
    tags = {
        "entry": entry.number,
        "document": entry.document_id,
        "revision": entry.revision,
        "kind": entry.document_kind,
        "source_id": entry.external_id,
        "connection": entry.connection,
        "label": entry.label,
        "reverses": entry.reverses,
        "business_day": entry.business_day if entry.business_day != entry.posting_date else None,
    }
    title = _plain(entry.text) or entry.label
    rows = [f"\n{entry.posting_date} * ({entry.number}) {_plain(title)}\n"]
    rows += [f"    ; {name}: {_plain(value)}\n" for name, value in tags.items() if value not in (None, "")]
    for line in entry.lines:
        facts = {"role": line.role, "location": line.location, "channel": line.channel, "tax_code": line.tax_code}
        comment = ", ".join(f"{name}: {_plain(value)}" for name, value in facts.items() if value)
        rows += [f"    {names[line.account]}  {amount}  ; {comment}\n" for amount in costed(line, base)]
    return "".join(rows)


def _plain(value: object) -> str:
    """Text that can neither begin a comment nor end a tag."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f\u0085\u2028\u2029;,]", " ", str(value)).split())
