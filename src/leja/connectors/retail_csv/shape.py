"""How a file is written: stated by the user, or found in a sample of it; what the file cannot decide must be stated."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from leja.connectors.contract import FileShape
from leja.connectors.retail_csv import Settings
from leja.core.errors import Refused

REQUIRED: Final = ("invoice", "stock_code", "quantity", "date", "unit_price")
COST_REQUIRED: Final = ("sku", "cost", "effective_from")
_HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "invoice": (
        "invoiceno",
        "invoice",
        "invoicenumber",
        "receipt",
        "receiptno",
        "receiptnumber",
        "orderno",
        "ordernumber",
    ),
    "stock_code": ("stockcode", "sku", "item", "itemcode", "productcode", "article", "articleno"),
    "description": ("description", "title", "name", "itemname", "productname"),
    "quantity": ("quantity", "qty", "units"),
    "date": ("invoicedate", "date", "datetime", "soldat", "receiptdate", "orderdate"),
    "unit_price": ("unitprice", "price"),
    "customer": ("customerid", "customer", "customerno", "customernumber"),
    "country": ("country",),
    "sku": ("sku", "stockcode", "item", "itemcode", "productcode"),
    "cost": ("cost", "unitcost", "costprice"),
    "effective_from": ("effectivefrom", "from", "validfrom", "effectivedate"),
}
_FORMATS: Final = {"dmy": "dd/mm/yyyy", "mdy": "mm/dd/yyyy", "ymd": "yyyy-mm-dd"}
_DATE: Final = re.compile(
    r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*\Z", re.ASCII
)
_POINT: Final = re.compile(r"[+-]?\d+\.\d+\Z", re.ASCII)
_COMMA: Final = re.compile(r"[+-]?\d+,\d+\Z", re.ASCII)
_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3},\d{3}\Z", re.ASCII)


def detected(sample: bytes, settings: Settings) -> FileShape:
    """The shape of the file that ``sample`` (its head, and whole lines of the rest) was taken from.

    Refused ``file-...``.
    """
    encoding = settings.encoding or _encoding(sample)
    lines = [line.removesuffix("\r") for line in _text(sample, encoding).split("\n")]
    if not lines or not lines[0].strip():
        raise Refused("file-empty", "the file has no line of headings")
    delimiter = settings.delimiter or _delimiter(lines[0])
    rows = list(csv.reader(lines, delimiter=delimiter))
    columns = _columns(rows[0], settings.columns)
    body = [row for row in rows[1:] if len(row) == len(rows[0])]
    at = {name: rows[0].index(heading) for name, heading in columns.items()}
    dates = [row[at["effective_from" if "cost" in columns else "date"]].strip() for row in body]
    amounts = [row[at["cost" if "cost" in columns else "unit_price"]].strip() for row in body]
    shape = FileShape(
        encoding=encoding,
        delimiter=delimiter,
        decimal_mark=_decimal_mark(amounts, settings.decimal_mark),
        date_format=_date_format(dates, settings.date_format),
        columns=columns,
        detected=tuple(
            name for name in ("encoding", "delimiter", "decimal_mark", "date_format") if not getattr(settings, name)
        ),
    )
    _require_one_character(shape)
    return shape


def moment(text: str, order: str) -> datetime:
    """A local time from the file's text.

    ``order`` is the start of a date format: "dd", "mm" or "yyyy". Raises ValueError.
    """
    found = _DATE.match(text)
    if found is None:
        raise ValueError(text)
    first, second, third, hour, minute, seconds = (int(part or 0) for part in found.groups())
    if order.startswith("yyyy"):
        year, month, day = first, second, third
    else:
        year, month, day = (third, second, first) if order.startswith("dd") else (third, first, second)
    if year < 1900:
        raise ValueError(text)
    return datetime(year, month, day, hour, minute, seconds)  # noqa: DTZ001 - the zone is the place's, known to decode


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Refused("file-encoding", "the file is UTF-16", remedy="Save it as CSV in UTF-8 and import that.")
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for encoding in ("utf-8", "cp1252"):
        try:
            sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise Refused("file-encoding", "the file is neither UTF-8 nor Windows-1252", remedy="State its encoding.")


def _text(sample: bytes, encoding: str) -> str:
    try:
        return sample.decode(encoding)
    except LookupError:
        raise Refused("file-encoding", f"{encoding!r} is no encoding that is known here") from None
    except UnicodeDecodeError as error:
        line = sample[: error.start].count(b"\n") + 1
        raise Refused(
            "file-encoding",
            f"the file is not {encoding}: a byte near line {line} is wrong",
            remedy="State the right encoding, for example cp1252.",
        ) from None


def _delimiter(heading: str) -> str:
    return max(",;\t|", key=heading.count)


def _columns(headings: Sequence[str], stated: Mapping[str, str]) -> dict[str, str]:
    """Our names for the columns. What is stated must be there; the rest is found by well-known headings."""
    for name, heading in stated.items():
        if name not in _HEADINGS:
            raise Refused(
                "file-column-missing", f"{name!r} is no column that is read; known are {', '.join(_HEADINGS)}"
            )
        if heading not in headings:
            raise Refused("file-column-missing", f"the file has no column {heading!r}; it has {', '.join(headings)}")
    plain = {re.sub(r"[^a-z]", "", heading.casefold()): heading for heading in reversed(headings)}
    names = {**{name: plain[key] for name in _HEADINGS for key in reversed(_HEADINGS[name]) if key in plain}, **stated}
    if "invoice" not in names and "cost" in names:
        wanted: Iterable[str] = COST_REQUIRED
        names = {name: names[name] for name in COST_REQUIRED if name in names}
    else:
        wanted = REQUIRED
        names = {name: heading for name, heading in names.items() if name not in COST_REQUIRED}
    missing = [name for name in wanted if name not in names]
    if missing:
        raise Refused(
            "file-column-missing",
            f"no column of the file is known to hold: {', '.join(missing)}; it has {', '.join(headings)}",
            remedy="State which heading holds it in the connection's setting `columns`.",
        )
    return names


def _decimal_mark(amounts: Sequence[str], stated: str) -> str:
    points = [text for text in amounts if _POINT.match(text)]
    commas = [text for text in amounts if _COMMA.match(text)]
    if stated:
        wrong = commas if stated == "." else points
        if wrong:
            raise Refused(
                "file-amount-format", f"the decimal mark is stated as {stated!r}, but the file has {wrong[0]}"
            )
        return stated
    if points and commas:
        raise Refused("file-amount-format", f"the file has decimal points and commas: {points[0]} and {commas[0]}")
    if commas and all(_THOUSANDS.match(text) for text in commas):
        raise Refused(
            "file-amount-format",
            f"{commas[0]} may have a decimal comma or a comma between thousands",
            remedy="State the decimal mark in the connection's settings.",
        )
    return "," if commas else "."


def _date_format(dates: Sequence[str], stated: str) -> str:
    if stated:
        if not stated.startswith(tuple(_FORMATS.values())):
            raise Refused("file-date-format", f"{stated!r} is no date format; known are {', '.join(_FORMATS.values())}")
        return stated
    orders = {order for text in dates if (order := _order(text))}
    if len(orders) > 1:
        raise Refused("file-date-format", f"the file writes its dates in several ways: {', '.join(sorted(orders))}")
    if not orders:
        example = dates[0] if dates else "no date at all"
        raise Refused(
            "file-date-ambiguous",
            f"the file does not decide which part of its dates is the day: {example}",
            remedy="State dd/mm/yyyy or mm/dd/yyyy as the connection's date format.",
        )
    return _FORMATS[orders.pop()]


def _order(text: str) -> str:
    """What this one date says about the order of its parts; empty if nothing."""
    found = _DATE.match(text)
    if found is None:
        return ""
    if len(found.group(1)) == 4:
        return "ymd"
    first, second = int(found.group(1)), int(found.group(2))
    return "dmy" if first > 12 >= second else "mdy" if second > 12 >= first else ""


def _require_one_character(shape: FileShape) -> None:
    if len(shape.delimiter) != 1 or shape.decimal_mark not in (".", ","):
        raise Refused("file-amount-format", "the delimiter is one character, the decimal mark a point or a comma")
