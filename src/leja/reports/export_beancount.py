"""The books as a beancount ledger, entry by entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from leja.core.currency import exponent
from leja.database.engine import Connection
from leja.reports.account_names import account_names
from leja.reports.costed import base_currency, costed
from leja.reports.ledger_lines import PostedEntry, Wanted, every_entry


def export_beancount(conn: Connection, org_id: UUID, wanted: Wanted | None = None) -> Iterator[str]:
    """The ledger in pieces of whole lines; ``bean-check`` accepts it."""
    names = account_names(conn, org_id)
    base = base_currency(conn, org_id)
    # Total costs become unit costs inside beancount, with 28 digits; a tenth of a minor unit is far above that.
    tolerance = Decimal(1).scaleb(-exponent(base) - 1)
    yield f'option "operating_currency" "{base}"\noption "inferred_tolerance_default" "{base}:{tolerance:f}"\n\n'
    yield from (f"1970-01-01 open {name}\n" for name in names.values())
    for entry in every_entry(conn, org_id, wanted):
        yield _entry(entry, names, base)


def _entry(entry: PostedEntry, names: dict[str, str], base: str) -> str:
    facts = {
        "entry": entry.number,
        "document": entry.document_id,
        "revision": entry.revision,
        "kind": entry.document_kind,
        "source-id": entry.external_id,
        "connection": entry.connection,
        "label": entry.label,
        "reverses": entry.reverses,
        "business-day": entry.business_day,
    }
    rows = [f"\n{entry.posting_date} * {_quoted(entry.text or entry.label)}\n"]
    rows += [f"  {name}: {_quoted(value)}\n" for name, value in facts.items() if value is not None]
    for line in entry.lines:
        about = {"role": line.role, "location": line.location, "channel": line.channel, "tax-code": line.tax_code}
        for amount in costed(line, base):
            rows.append(f"  {names[line.account]}  {amount}\n")
            rows += [f"    {name}: {_quoted(value)}\n" for name, value in about.items() if value]
    return "".join(rows)


def _quoted(value: object) -> str:
    text = " ".join(re.sub(r"[\x00-\x1f\x7f\u0085\u2028\u2029]", " ", str(value)).split())
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
