"""From the bytes of a file to one event per invoice, in bounded memory.

Rows of an invoice need not follow each other: an invoice is complete when none of the next ``look_ahead_rows`` rows is
its own. Should its number come again after that, the later rows are an event under the same key with another place in
the file: the inbox parks that for review, so they are neither lost nor booked unseen.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final

from leja.connectors.contract import COST_LIST_TOPIC, FileShape, RawEvent
from leja.connectors.retail_csv.shape import moment
from leja.connectors.retail_csv.wire import INVOICE_TOPIC, UNREADABLE_TOPIC, Invoice, Row, StandingCost, encode
from leja.core.errors import Refused

ROWS_PER_INVOICE_MAX: Final = 50_000
LINE_MAX: Final = 1_000_000
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,12})?\Z", re.ASCII)


class _Open:
    """An invoice whose rows are still being collected."""

    __slots__ = ("first_line", "last_seen", "rows")

    def __init__(self, first_line: int) -> None:
        self.rows: list[Row] = []
        self.first_line = first_line
        self.last_seen = 0


def events(chunks: Iterable[bytes], shape: FileShape, look_ahead_rows: int) -> Iterator[RawEvent]:
    """The events of a file. Raises Refused for what is wrong with the file as a whole: ``file-...``."""
    reader = csv.reader(_lines(chunks, shape.encoding), delimiter=shape.delimiter, strict=True)
    try:
        headings = next(reader, [])
        at = _places(headings, shape)
        if "cost" in at:
            yield from _costs(reader, headings, at, shape)
        else:
            yield from _invoices(reader, headings, at, shape, look_ahead_rows)
    except csv.Error as error:
        raise Refused(
            "file-quotes",
            f"the file cannot be read on from line {reader.line_num}: {error}",
            remedy="A quotation mark is opened there or before and never closed; mend the file.",
        ) from None


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The file's lines with their ends, decoded strictly; only the line in hand is kept."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    number, rest = 1, ""
    try:
        for chunk in chunks:
            *lines, rest = (rest + decoder.decode(chunk)).split("\n")
            for line in lines:
                number += 1
                yield line + "\n"
            if len(rest) > LINE_MAX:
                raise Refused("file-line-too-long", f"line {number} of the file has more than {LINE_MAX} characters")
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Refused(
            "file-encoding",
            f"the file is not {encoding}: a byte after line {number} is wrong",
            remedy="State the right encoding, for example cp1252.",
        ) from None
    if rest:
        yield rest


def _places(headings: list[str], shape: FileShape) -> dict[str, int]:
    missing = [heading for heading in shape.columns.values() if heading not in headings]
    if missing:
        raise Refused("file-column-missing", f"the file has no column {missing[0]!r}; it has {', '.join(headings)}")
    return {name: headings.index(heading) for name, heading in shape.columns.items()}


def _invoices(
    reader: Iterator[list[str]], headings: list[str], at: dict[str, int], shape: FileShape, look_ahead_rows: int
) -> Iterator[RawEvent]:
    collected: OrderedDict[str, _Open] = OrderedDict()
    for count, fields in enumerate(reader):
        if not fields:
            continue
        line: int = reader.line_num  # type: ignore[attr-defined]
        number = fields[at["invoice"]].strip() if len(fields) == len(headings) else ""
        if not number or not number.isprintable() or len(number) > 200:
            yield _unreadable(fields, line, f"it has {len(fields)} fields of {len(headings)}, or no invoice number")
            continue
        held = collected.get(number)
        if held is None:
            held = collected[number] = _Open(line)
        else:
            collected.move_to_end(number)
        held.rows.append(_row(fields, at, shape, line))
        held.last_seen = count
        if len(held.rows) > ROWS_PER_INVOICE_MAX:
            raise Refused(
                "file-invoice-too-long", f"invoice {number} has more than {ROWS_PER_INVOICE_MAX} rows at line {line}"
            )
        while next(iter(collected.values())).last_seen < count - look_ahead_rows:
            yield _event(*collected.popitem(last=False))
    for number, held in collected.items():
        yield _event(number, held)


def _event(number: str, held: _Open) -> RawEvent:
    return RawEvent(
        key=f"invoice/{number}",
        topic=INVOICE_TOPIC,
        body=encode(Invoice(invoice=number, rows=tuple(held.rows))),
        headers={"leja-row": str(held.first_line)},
        origin="file",
    )


def _unreadable(fields: list[str], line: int, why: str) -> RawEvent:
    return RawEvent(
        key="",
        topic=UNREADABLE_TOPIC,
        body=encode(fields),
        headers={"leja-row": str(line), "leja-unreadable": f"Line {line} cannot be read: {why}."},
        origin="file",
    )


def _row(fields: list[str], at: dict[str, int], shape: FileShape, line: int) -> Row:
    """The row in plain writing; with its fault, if it has one: the invoice then waits as a whole."""
    quantity = _plain(fields[at["quantity"]], shape)
    price = _plain(fields[at["unit_price"]], shape)
    fault, when = "", ""
    try:
        when = moment(fields[at["date"]].strip(), shape.date_format).isoformat(timespec="seconds")
    except ValueError:
        fault = f"line {line}: {fields[at['date']]!r} is no date as {shape.date_format}"
    for name, text in (("quantity", quantity), ("unit price", price)):
        if not _NUMBER.match(text):
            fault = f"line {line}: the {name} {text[:40]!r} is not a plain number"
    return Row(
        code=fields[at["stock_code"]].strip(),
        title=fields[at["description"]].strip() if "description" in at else "",
        quantity=quantity,
        at=when,
        price=price,
        customer=fields[at["customer"]].strip() if "customer" in at else "",
        country=fields[at["country"]].strip() if "country" in at else "",
        fault=fault,
    )


def _plain(text: str, shape: FileShape) -> str:
    """A number with a point, whatever the file's mark is; a point in a file with commas is left to be refused."""
    text = text.strip()
    if shape.decimal_mark == "," and "." not in text:
        return text.replace(",", ".", 1)
    return text if shape.decimal_mark == "." else f"{text} (with a point)"


def _costs(
    reader: Iterator[list[str]], headings: list[str], at: dict[str, int], shape: FileShape
) -> Iterator[RawEvent]:
    for fields in reader:
        if not fields:
            continue
        line: int = reader.line_num  # type: ignore[attr-defined]
        if len(fields) != len(headings):
            yield _unreadable(fields, line, f"it has {len(fields)} fields of {len(headings)}")
            continue
        sku, cost = fields[at["sku"]].strip(), _plain(fields[at["cost"]], shape)
        try:
            day = moment(fields[at["effective_from"]].strip(), shape.date_format).date().isoformat()
        except ValueError:
            day = ""
        if (
            not day
            or not sku.isprintable()
            or not 0 < len(sku) <= 200
            or not _NUMBER.match(cost)
            or cost.startswith("-")
        ):
            yield _unreadable(fields, line, "an item, a cost of zero or more and a date are needed")
            continue
        yield RawEvent(
            key=f"cost/{sku}/{day}/{cost}",
            topic=COST_LIST_TOPIC,
            body=encode(StandingCost(sku=sku, cost=cost, effective_from=day)),
            headers={"leja-row": str(line)},
            origin="file",
        )
