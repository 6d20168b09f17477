"""A till's export as a table: how it is written, and one event for each transaction whose rows stand together."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from leja.connectors.contract import FileShape, RawEvent
from leja.connectors.prysm_pos import Settings
from leja.connectors.prysm_pos.mapping import dedupe_key, mapped, paths_of, require_supported
from leja.connectors.prysm_pos.webhook import canonical, natural_key, require_no_card
from leja.core.errors import LejaError, Refused

ROWS_MAX: Final = 2000
_DELIMITERS: Final = (",", ";", "\t", "|")
_COMMA: Final = re.compile(r"-?[0-9.]*,[0-9]{1,2}\Z")
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def detected(sample: bytes, settings: Settings) -> FileShape:
    """How the file is written, as stated or as found in its head. Raises Refused ``file-...`` or ``prysm-mapping``."""
    require_supported(settings.mapping)
    encoding = settings.encoding or _encoding(sample)
    lines = sample.decode(encoding, "replace").splitlines()
    if not lines or not lines[0].strip():
        raise Refused("file-empty", "the file has no line of headings")
    delimiter = settings.delimiter or max(_DELIMITERS, key=lines[0].count)
    rows = list(csv.reader(lines[:2000], delimiter=delimiter))
    columns = {member: path for member, path in paths_of(settings.mapping).items() if not path.startswith("$.")}
    _require_columns(rows[0], (*columns.values(), *dedupe_key(settings.mapping)))
    at = [rows[0].index(path) for path in dict.fromkeys(columns.values())]
    values = [row[place] for row in rows[1:] if len(row) == len(rows[0]) for place in at]
    mark = settings.decimal_mark or ("," if delimiter != "," and any(map(_COMMA.match, values)) else ".")
    found = [name for name in ("encoding", "delimiter", "decimal_mark") if not getattr(settings, name)]
    return FileShape(encoding=encoding, delimiter=delimiter, decimal_mark=mark, date_format=settings.date_format,
                     columns=columns, detected=tuple(found))  # fmt: skip


def events(chunks: Iterable[bytes], settings: Settings) -> Iterator[RawEvent]:
    """One event for each run of rows that bear one key. What cannot be read is an event that says why.

    The same key further down is told again under its own name: the inbox holds it against the first.
    """
    mapping = _with_mark(settings.mapping, settings.decimal_mark or ".")
    reader = csv.reader(_lines(chunks, settings.encoding or "utf-8"), delimiter=settings.delimiter or ",", strict=True)
    try:
        headings = next(reader, [])
        names = dedupe_key(mapping)
        _require_columns(headings, names)
        key: tuple[str, ...] = ()
        rows: list[dict[str, str]] = []
        first = 0
        for fields in reader:
            if not any(fields):
                continue
            row = dict(zip(headings, fields, strict=False))
            own = tuple(row.get(name, "") for name in names)
            if rows and (own != key or len(rows) >= ROWS_MAX):
                yield _event(rows, first, mapping, settings)
                rows = []
            if not rows:
                key, first = own, reader.line_num
            rows.append(row)
        if rows:
            yield _event(rows, first, mapping, settings)
    except csv.Error as error:
        raise Refused(
            "file-quotes", f"the file cannot be read on from line {reader.line_num}: {error}",
            remedy="A quotation mark is opened there or before and never closed; mend the file.",
        ) from None  # fmt: skip


def _event(rows: list[dict[str, str]], line: int, mapping: Mapping[str, Any], settings: Settings) -> RawEvent:
    native = {**rows[0], "rows": rows}
    place = {"leja-row": str(line)}
    try:
        require_no_card(native)
        said = mapped(native, mapping, settings.zone)
        key = natural_key(said)
        if not key:
            raise Refused("prysm-mapping", "store, till, business date and sequence number are not all there")
    except LejaError as error:
        why = f"Line {line} of the file cannot be read: {error.message}."
        body = b"{}" if error.code == "prysm-card-number" else _encode(native)
        return RawEvent(key="", topic="unreadable", body=body, headers={**place, "leja-unreadable": why})
    return RawEvent(key=key, topic=str(said["type"]), body=canonical(said), headers=place)


def _with_mark(node: Any, mark: str) -> Any:
    """The mapping with the file's decimal mark put where numbers are read and none is stated."""
    if isinstance(node, list):
        return [_with_mark(part, mark) for part in node]
    if not isinstance(node, Mapping):
        return node
    own = {name: _with_mark(part, mark) for name, part in node.items()}
    return {"decimal_mark": mark, **own} if "path" in own and ("number" in own or "sign" in own) else own


def _require_columns(headings: list[str], wanted: Iterable[str]) -> None:
    missing = [name for name in wanted if name not in headings]
    if missing:
        raise Refused("file-column-missing", f"the file has no column {missing[0]!r}; it has {', '.join(headings)}")


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The file's lines with their ends, decoded strictly; only the line in hand is kept."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    rest = ""
    try:
        for chunk in chunks:
            *whole, rest = (rest + decoder.decode(chunk)).split("\n")
            yield from (line + "\n" for line in whole)
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Refused(
            "file-encoding", f"the file is not {encoding}", remedy="State the right encoding, for example cp1252."
        ) from None
    if rest:
        yield rest


def _encoding(sample: bytes) -> str:
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return "utf-8" if error.start > len(sample) - 4 else "cp1252"
    return "utf-8"
