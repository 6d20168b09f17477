"""How an organisation statement is written: encoding, delimiter, order of its dates, and which column holds what.

Its header stands behind a preamble of changing length, its columns have changed names and order over the years, and its
dates are written day first or year first. What is not stated is found; what contradicts itself is refused.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from leja.connectors.contract import FileShape
from leja.connectors.mpesa import Settings
from leja.core.errors import Refused

PREAMBLE_MAX: Final = 60
NEEDED: Final = ("receipt", "at", "status", "paid_in", "withdrawn", "reason")
_HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "receipt": ("receiptno", "receipt", "receiptnumber"),
    "at": ("completiontime", "date", "completiondate"),
    "details": ("details",),
    "status": ("transactionstatus", "status"),
    "paid_in": ("paidin",),
    "withdrawn": ("withdrawn", "paidout"),
    "balance": ("balance",),
    "reason": ("reasontype", "transactiontype"),
    "linked": ("linkedtransactionid",),
    "account": ("acno", "transactionpartydetails", "accountno"),
}
_DATE: Final = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?\Z", re.ASCII)
DAY_FIRST: Final = "dd-mm-yyyy"
YEAR_FIRST: Final = "yyyy-mm-dd"


def detected(sample: bytes, settings: Settings) -> FileShape:
    """The shape of the statement that ``sample`` (its head, whole lines) was taken from. Raises Refused ``file-...``."""
    encoding = settings.encoding or _encoding(sample)
    text = _text(sample, encoding)
    if not text.strip():
        raise Refused("file-empty", "the statement has no rows")
    delimiter = settings.delimiter or max(",;\t|", key=text.count)
    rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
    place, columns = header_of(rows[:PREAMBLE_MAX], settings.columns)
    own_code(rows[:place], settings)
    at = rows[place].index(columns["at"])
    body = [row for row in rows[place + 1 :] if len(row) == len(rows[place])]
    found = FileShape(
        encoding=encoding, delimiter=delimiter, decimal_mark=settings.decimal_mark or ".",
        date_format=settings.date_format or _date_format([row[at].strip() for row in body]), columns=columns,
        detected=tuple(name for name in ("encoding", "delimiter", "date_format") if not getattr(settings, name)),
    )  # fmt: skip
    if len(found.delimiter) != 1 or found.decimal_mark != ".":
        raise Refused("file-amount-format", "a statement has one character between its columns, and decimal points")
    if not found.date_format.startswith(("dd", "yyyy")):
        raise Refused(
            "file-date-format", f"{found.date_format!r} is no date format; known are {DAY_FIRST} and {YEAR_FIRST}"
        )
    return found


def header_of(rows: Sequence[Sequence[str]], stated: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Which of the rows is the header, and our names for its columns. Raises Refused ``file-column-missing``."""
    best: tuple[int, dict[str, str]] = (0, {})
    for place, row in enumerate(rows):
        plain = {re.sub(r"[^a-z]", "", heading.casefold()): heading for heading in reversed(row)}
        names = {name: plain[key] for name, keys in _HEADINGS.items() for key in reversed(keys) if key in plain}
        names |= {name: heading for name, heading in stated.items() if heading in row and name in _HEADINGS}
        if all(name in names for name in NEEDED):
            return place, names
        if len(names) > len(best[1]):
            best = place, names
    missing = [name for name in NEEDED if name not in best[1]]
    raise Refused(
        "file-column-missing", f"no row of the statement's first {PREAMBLE_MAX} is its header; missing are {', '.join(missing)}",
        remedy="Export the organisation statement as CSV, or state the headings in the connection's setting `columns`.",
    )  # fmt: skip


def own_code(preamble: Iterable[Sequence[str]], settings: Settings) -> None:
    """The statement must be that of the connection's short code, where it names one. Raises Refused ``mpesa-statement-code``."""
    for row in preamble:
        for label, value in pairwise(row):
            if label.casefold().strip(" :") == "short code" and value.strip() and value.strip() != settings.short_code:
                raise Refused(
                    "mpesa-statement-code", f"this is the statement of {value.strip()}, not of {settings.short_code}",
                    remedy="Import it on the connection of its own short code.",
                )  # fmt: skip


def moment(text: str, order: str) -> datetime:
    """A local time from the file's text; ``order`` begins with "dd" or "yyyy". Raises ValueError."""
    found = _DATE.match(text.strip())
    if found is None:
        raise ValueError(text)
    first, second, third, hour, minute, second_ = (int(part or 0) for part in found.groups())
    year, month, day = (first, second, third) if order.startswith("yyyy") else (third, second, first)
    return datetime(year, month, day, hour, minute, second_)  # noqa: DTZ001 - the zone is the wallet's, known to decode


def _date_format(dates: Sequence[str]) -> str:
    orders = {_order(text) for text in dates if _DATE.match(text)}
    if len(orders) > 1:
        raise Refused("file-date-format", "the statement writes its dates in several ways: day first and year first",
                      remedy="Export it again, or import each part by itself.")  # fmt: skip
    return orders.pop() if orders else DAY_FIRST


def _order(text: str) -> str:
    found = _DATE.match(text)
    return YEAR_FIRST if found is not None and len(found.group(1)) == 4 else DAY_FIRST


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refused("file-encoding", "the file is UTF-16", remedy="Save it as CSV in UTF-8 and import that.")
    if sample.startswith((b"\xd0\xcf\x11\xe0", b"PK")):
        raise Refused(
            "file-format-unknown", "the file is a spreadsheet", remedy="Save it as CSV in UTF-8 and import that."
        )
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _text(sample: bytes, encoding: str) -> str:
    try:
        return sample.decode(encoding)
    except LookupError:
        raise Refused("file-encoding", f"{encoding!r} is no encoding that is known here") from None
    except UnicodeDecodeError:
        raise Refused("file-encoding", f"the file is not {encoding}", remedy="State the right encoding.") from None
