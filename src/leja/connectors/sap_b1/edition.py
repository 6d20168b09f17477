"""What planning and drafting must know of the company beside its chart; it travels in ``Chart.edition`` as plain words.

``GB`` or ``GB orders branch=2 tax=TaxCode Invoices=31 JournalEntries=17``: country, whether invoices are drawn from orders, the
branch, the field that names a tax on a line, and the number of the series by object.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """The company's ways."""

    country: str = ""
    orders: bool = False
    branch: int = 0
    tax_field: str = "VatGroup"
    series: Mapping[str, int] = {}


def written(edition: Edition) -> str:
    """The words of ``Chart.edition``."""
    words = [edition.country or "-"]
    if edition.orders:
        words.append("orders")
    if edition.branch:
        words.append(f"branch={edition.branch}")
    if edition.tax_field != "VatGroup":
        words.append(f"tax={edition.tax_field}")
    words += [f"{kind}={number}" for kind, number in sorted(edition.series.items())]
    return " ".join(words)


def read(text: str) -> Edition:
    """What the words say."""
    country, *rest = text.split() or [""]
    pairs = dict(word.split("=", 1) for word in rest if "=" in word)
    return Edition(
        country="" if country == "-" else country,
        orders="orders" in rest,
        branch=int(pairs.pop("branch", "0")),
        tax_field=pairs.pop("tax", "VatGroup"),
        series={kind: int(number) for kind, number in pairs.items()},
    )
