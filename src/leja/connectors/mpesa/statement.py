"""From the bytes of an organisation statement to one event per row, in bounded memory, its running balance proved."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from typing import Final

from leja.connectors.contract import FileShape, RawEvent
from leja.connectors.mpesa import Settings
from leja.connectors.mpesa.meaning import slug
from leja.connectors.mpesa.shape import PREAMBLE_MAX, header_of, moment, own_code
from leja.connectors.mpesa.wire import RECEIPT, ROW_TOPIC, UNREADABLE_TOPIC, Row, encode
from leja.core.errors import Refused
from leja.core.money import format_minor, from_text

LINE_MAX: Final = 1_000_000
_AMOUNT: Final = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d{1,15})(\.\d{1,4})?\Z", re.ASCII)
_PARTY: Final = re.compile(r"\s+(from|to)\s+[\d+*]{4,}.*\Z", re.IGNORECASE | re.DOTALL)
_ACCOUNT: Final = re.compile(r"\sAcc\.\s*(.+)\Z", re.IGNORECASE)


def events(chunks: Iterable[bytes], shape: FileShape, settings: Settings) -> Iterator[RawEvent]:
    """The events of a statement. Raises Refused ``file-...`` and ``mpesa-statement-...`` for the file as a whole."""
    reader = csv.reader(_lines(chunks, shape.encoding), delimiter=shape.delimiter, strict=True)
    proof = Proof(settings.currency) if settings.prove_balance else None
    try:
        preamble: list[list[str]] = []
        for fields in reader:
            preamble.append(fields)
            if all(heading in fields for heading in shape.columns.values()) or len(preamble) >= PREAMBLE_MAX:
                break
        place, _ = header_of(preamble, shape.columns)
        own_code(preamble[:place], settings)
        headings = preamble[place]
        at = {name: headings.index(heading) for name, heading in shape.columns.items()}
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            line: int = reader.line_num
            yield _event(fields, len(headings), at, shape, line, proof, settings.currency)
    except csv.Error as error:
        raise Refused(
            "file-quotes", f"the file cannot be read on from line {reader.line_num}: {error}",
            remedy="A quotation mark is opened there or before and never closed; mend the file.",
        ) from None  # fmt: skip


class Proof:
    """The running balance: each row's is that of the row before it and what the row moved, oldest or newest first.

    Which way the file runs shows by itself; rows that move nothing bear the balance at their time.
    """

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._before: tuple[int, int] | None = None
        self._forward = self._backward = True

    def skip(self) -> None:
        """A row that cannot be read stands here: the chain begins anew behind it."""
        self._before = None

    def add(self, balance: int, moved: int, line: int) -> None:
        """The next row of the file. Raises Refused ``mpesa-statement-balance`` where it holds neither way."""
        if self._before is not None:
            above, above_moved = self._before
            self._forward = self._forward and balance == above + moved
            self._backward = self._backward and above == balance + above_moved
            if not (self._forward or self._backward):
                raise Refused(
                    "mpesa-statement-balance",
                    f"line {line}: the balance {format_minor(balance, self._currency)} does not follow from the row above it,"
                    f" {format_minor(above, self._currency)}: rows are missing or were changed",
                    remedy="Export the statement again, whole and unchanged; or switch the setting prove_balance off if it "
                    "shows several accounts at once.",
                )
        self._before = (balance, moved)


def _event(
    fields: list[str], width: int, at: dict[str, int], shape: FileShape, line: int, proof: Proof | None, currency: str
) -> RawEvent:
    try:
        row = _row(fields, width, at, shape)
        moved = _minor(row.paid_in, currency) - _minor(row.withdrawn, currency)
        balance = _minor(row.balance, currency) if row.balance else None
    except (ValueError, Refused) as problem:
        if proof is not None:
            proof.skip()
        return RawEvent(
            key="", topic=UNREADABLE_TOPIC, body=encode(fields), origin="file",
            headers={"leja-row": str(line), "leja-unreadable": f"Line {line} cannot be read: {problem}."},
        )  # fmt: skip
    completed = row.status.casefold() == "completed"
    if proof is not None and balance is not None:
        proof.add(balance, moved if completed else 0, line)
    key = f"statement/{row.receipt}/{slug(row.reason or row.details)}/{row.status.casefold() or 'none'}/{moved}"
    return RawEvent(key=key, topic=ROW_TOPIC, body=encode(row), headers={"leja-row": str(line)}, origin="file")


def _row(fields: list[str], width: int, at: dict[str, int], shape: FileShape) -> Row:
    """The row in plain writing. Raises ValueError with what is wrong."""
    if len(fields) != width:
        raise ValueError(f"it has {len(fields)} fields of {width}")
    given = {name: fields[place].strip() for name, place in at.items()}
    receipt = given["receipt"].upper()
    if not RECEIPT.match(receipt):
        raise ValueError(f"{receipt[:40]!r} is no receipt number")
    try:
        when = moment(given["at"], shape.date_format)
    except ValueError:
        raise ValueError(f"{given['at'][:40]!r} is no date as {shape.date_format}") from None
    details = given.get("details", "")
    typed = _ACCOUNT.search(details)
    return Row(
        receipt=receipt, at=when.isoformat(timespec="seconds"), status=given["status"], reason=given["reason"],
        details=_PARTY.sub("", details), paid_in=_plain(given["paid_in"]), withdrawn=_plain(given["withdrawn"]).lstrip("-"),
        balance=_plain(given.get("balance", "")), linked=given.get("linked", "").upper(),
        account=given.get("account", "") or (typed.group(1).strip() if typed else ""),
    )  # fmt: skip


def _plain(text: str) -> str:
    """An amount without the commas between its thousands. Raises ValueError."""
    if text and not _AMOUNT.match(text):
        raise ValueError(f"{text[:40]!r} is no amount")
    return text.replace(",", "").lstrip("+")


def _minor(text: str, currency: str) -> int:
    return from_text(text or "0", currency).minor


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The file's lines with their ends, decoded strictly; only the line in hand is kept."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    number, rest = 0, ""
    try:
        for chunk in chunks:
            *whole, rest = (rest + decoder.decode(chunk)).split("\n")
            for line in whole:
                number += 1
                yield line + "\n"
            if len(rest) > LINE_MAX:
                raise Refused(
                    "file-line-too-long", f"line {number + 1} of the file has more than {LINE_MAX} characters"
                )
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Refused("file-encoding", f"the file is not {encoding}: a byte after line {number} is wrong",
                      remedy="State the right encoding, for example cp1252.") from None  # fmt: skip
    if rest:
        yield rest
