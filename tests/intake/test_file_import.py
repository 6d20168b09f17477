"""A file is imported once, whole, line by line, in flat memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from leja.connectors.contract import ReadEvent, Webhooks
from leja.core.errors import Refused
from leja.database.engine import Database
from leja.database.review import items
from leja.intake.file_import import FileConnection, Imported, import_file
from leja.intake.inbox import Kept

from .conftest import NOW, Place

# Files are played with one connector's; without its folder there is nothing to play.
Settings = pytest.importorskip("leja.connectors.retail_csv").Settings
_source = pytest.importorskip("leja.connectors.retail_csv.source")
detect, read_file = _source.detect, _source.read_file

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def read(headers: Mapping[str, str], body: bytes) -> tuple[ReadEvent, ...]:
    if "x-event-id" not in headers:
        raise Refused("webhook-key-missing", "no id")
    return (ReadEvent(key=headers["x-event-id"], topic=headers.get("x-topic", "")),)


def shop(place: Place) -> FileConnection:
    webhooks = Webhooks(verify=lambda *_: None, read=read, secret_setting="s")
    return FileConnection(connection_id=place.connection_id, webhooks=webhooks)


def till(place: Place, **settings: Any) -> FileConnection:
    return FileConnection(
        connection_id=place.connection_id, settings=Settings(**settings), read_file=read_file, detect=detect
    )


def held(database: Database, place: Place) -> list[tuple[Any, ...]]:
    with database.transaction() as conn:
        return conn.execute(
            "SELECT e.event_key, e.topic, b.body, s.state FROM event e JOIN event_body b USING (org_id, event_id)"
            " JOIN event_state s USING (org_id, event_id) WHERE e.org_id = %s ORDER BY s.seq", (place.org_id,)
        ).fetchall()  # fmt: skip


def put(database: Database, place: Place, connection: FileConnection, path: Path, **more: Any) -> Imported:
    return import_file(database, place.org_id, connection, path, clock=lambda: NOW, **more)


def written(tmp_path: Path, content: str | bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


LINES = [
    {"topic": "orders/create", "headers": {"X-Event-Id": "e1", "Authorization": "Bearer s"}, "body": {"total": "1.50"}},
    {"topic": "orders/create", "headers": {"X-Event-Id": "e2"}, "body": '{"total": "1.50"}'},
    {"topic": "orders/create", "body": {"total": "2"}, "key": "mine"},
    {"topic": "orders/create", "body": {"total": "2"}},
]


def test_json_lines_end_in_the_same_inbox_under_the_same_keys(database: Database, place: Place, tmp_path: Path) -> None:
    content = "".join(json.dumps(line) + "\n" for line in LINES)
    path = written(tmp_path, content)
    assert put(database, place, shop(place), path).kept == Kept(4)
    own = f"file/{hashlib.sha256(content.encode()).hexdigest()[:32]}/4"
    assert held(database, place) == [
        ("e1", "orders/create", b'{"total": "1.50"}', "new"),
        ("e2", "orders/create", b'{"total": "1.50"}', "new"),
        ("mine", "orders/create", b'{"total": "2"}', "new"),
        (own, "orders/create", b'{"total": "2"}', "new"),
    ]


def test_importing_twice_changes_nothing_packed_or_not(database: Database, place: Place, tmp_path: Path) -> None:
    content = "".join(json.dumps(line) + "\n" for line in LINES).encode()
    put(database, place, shop(place), written(tmp_path, content))
    packed = written(tmp_path, gzip.compress(content), "packed.gz")
    assert put(database, place, shop(place), packed).already
    assert put(database, place, shop(place), packed, again=True).kept == Kept(0, 4)
    assert len(held(database, place)) == 4


BAD = [
    ("{", "ends too early"),
    ('{"topic": "t", "topic": "t", "body": {}}', "stands twice"),
    ('{"topic": "t", "body": {"a": NaN}}', "NaN is not a number"),
    ('{"topic": "t", "body": {"a": 1e3}}', "has an exponent"),
    ('{"topic": "t", "body": {"a": ' + "9" * 50 + "}}", "50 characters"),
    ('{"topic": "t", "body": ' + "[" * 5000 + "}", "deeper than"),
    ('{"topic": "t"}', "missing required field"),
    ('{"topic": "t", "body": {}, "extra": 1}', "unknown field"),
    ('{"body": {}}', "no id"),
    ('{"topic": "t", "body": "\\u0000"}', "NUL"),
    ('{"topic": "t", "body": "\udc80"}', "not UTF-8"),
]


def test_a_bad_line_is_parked_with_its_number_and_the_rest_goes_on(
    database: Database, place: Place, tmp_path: Path
) -> None:
    good = json.dumps(LINES[2])
    content = "\n".join([good, *[line for line, _ in BAD], json.dumps(LINES[0])])
    path = written(tmp_path, content.encode("utf-8", "surrogateescape"))
    said = put(database, place, shop(place), path)
    assert (said.kept, said.unreadable) == (Kept(2 + len(BAD)), len(BAD))
    assert [row[3] for row in held(database, place)] == ["new"] + ["parked"] * len(BAD) + ["new"]
    with database.transaction() as conn:
        found = sorted(items(conn, place.org_id), key=lambda item: int(str(item.facts["row"])))
    for number, ((_, why), item) in enumerate(zip(BAD, found, strict=True), 2):
        assert f"Line {number} of the file" in item.message
        assert why in item.message, item.message


def csv_rows(invoices: int, lines: int = 2) -> str:
    return "".join(
        f"{i},85123A,A LAMP,1,{13 + i % 15}/12/2010 08:26,2.55,17850,United Kingdom\n"
        for i in range(invoices)
        for _ in range(lines)
    )


def test_a_table_gives_one_event_per_invoice_and_shows_its_shape(
    database: Database, place: Place, tmp_path: Path
) -> None:
    said = put(database, place, till(place), written(tmp_path, HEAD + csv_rows(3)))
    assert said.kept == Kept(3)
    assert said.shape is not None
    assert said.shape.date_format == "dd/mm/yyyy"
    assert [row[0] for row in held(database, place)] == ["invoice/0", "invoice/1", "invoice/2"]
    assert held(database, place)[0][2].count(b"85123A") == 2


@pytest.mark.parametrize(
    ("content", "settings", "code"),
    [
        ("", {}, "file-empty"),
        ("InvoiceNo,StockCode\n1,2\n", {}, "file-column-missing"),
        (HEAD + csv_rows(1), {"columns": {"invoice": "Bon"}}, "file-column-missing"),
        (HEAD + "1,A,B,1,13/12/2010,2.55,1,UK\n1,A,B,1,13/12/2010,\"2,55\",1,UK\n", {}, "file-amount-format"),
        (HEAD + '1,A,B,1,13/12/2010 08:26,"2,55",1,UK\n', {"decimal_mark": "."}, "file-amount-format"),
        (HEAD + '1,A,B,1,13/12/2010 08:26,"2,555",1,UK\n', {}, "file-amount-format"),
        (HEAD + "1,A,B,1,01/12/2010 08:26,2.55,1,UK\n", {}, "file-date-ambiguous"),
        (HEAD + "1,A,B,1,13/12/2010 08:26,2.55,1,UK\n1,A,B,1,12/13/2010,2.55,1,UK\n", {}, "file-date-format"),
        (HEAD.encode() + b"1,A,\xa3,1,13/12/2010 08:26,2.55,1,UK\n", {"encoding": "utf-8"}, "file-encoding"),
        (HEAD.encode() + b"1,A,\x81,1,13/12/2010 08:26,2.55,1,UK\n", {}, "file-encoding"),
        (HEAD.encode("utf-16"), {}, "file-encoding"),
        (HEAD + csv_rows(5000) + '1,A,"B,1,13/12/2010 08:26,2.55,1,UK\n', {}, "file-quotes"),
        (gzip.compress(HEAD.encode() + csv_rows(100).encode())[:-20], {}, "file-truncated"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_whole_file_is_refused_before_anything_is_written(
    database: Database, place: Place, tmp_path: Path, content: str | bytes, settings: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        put(database, place, till(place, **settings), written(tmp_path, content))
    assert refused.value.code == code
    assert held(database, place) == []


def test_a_byte_far_down_in_another_encoding_is_found_before_anything_is_written(
    database: Database, place: Place, tmp_path: Path
) -> None:
    content = HEAD.encode() + csv_rows(4000).encode() + b"9,A,\xa3 LAMP,1,13/12/2010 08:26,2.55,1,UK\n"
    content += csv_rows(4000).replace("2.55", "2.56").encode()
    with pytest.raises(Refused) as refused:
        put(database, place, till(place, encoding="utf-8"), written(tmp_path, content))
    assert refused.value.code == "file-encoding"
    said = put(database, place, till(place), written(tmp_path, content))
    assert said.shape is not None
    assert said.shape.encoding == "cp1252"


def test_a_table_for_a_connection_that_reads_none_is_refused(database: Database, place: Place, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        put(database, place, shop(place), written(tmp_path, HEAD))
    assert refused.value.code == "file-format-unknown"


def test_a_row_with_too_few_fields_is_parked_and_the_rest_goes_on(
    database: Database, place: Place, tmp_path: Path
) -> None:
    said = put(database, place, till(place), written(tmp_path, HEAD + csv_rows(2) + "9,A\n" + csv_rows(1)))
    assert (said.kept, said.unreadable) == (Kept(3), 1)
    with database.transaction() as conn:
        assert "Line 6 cannot be read" in items(conn, place.org_id)[0].message


def test_an_invoice_that_comes_again_far_below_is_parked_and_not_lost(
    database: Database, place: Place, tmp_path: Path
) -> None:
    first = csv_rows(1)
    path = written(tmp_path, HEAD + first + csv_rows(60).replace("\n0,", "\n99,").removeprefix(first) + first)
    said = put(database, place, till(place, look_ahead_rows=20), path)
    assert said.kept.conflicting == 1
    assert [row[0] for row in held(database, place) if row[3] == "parked"] == ["invoice/0#2"]


class _Crash(Exception):
    pass


def test_an_import_goes_on_where_a_crash_stopped_it(database: Database, place: Place, tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + csv_rows(3500))

    def crash(state: Imported) -> None:
        if state.read >= 2000:
            raise _Crash

    with pytest.raises(_Crash):
        put(database, place, till(place), path, progress=crash)
    assert len(held(database, place)) == 2000
    steps: list[int] = []
    said = put(database, place, till(place), path, progress=lambda state: steps.append(state.read))
    assert (said.kept, steps) == (Kept(1500), [3000, 3500])
    assert put(database, place, till(place), path).already


def test_a_cost_list_becomes_standing_costs_once(database: Database, place: Place, tmp_path: Path) -> None:
    one = written(tmp_path, "sku,cost,effective_from\nA,1.25,2010-12-01\nB,0.333,2010-12-01\n", "one")
    two = written(tmp_path, "sku,cost,effective_from\nA,1.30,2011-01-01\nB,0.333,2010-12-01\nC,-1,2010-12-01\n", "two")
    assert put(database, place, till(place), one).kept == Kept(2)
    assert put(database, place, till(place), two).unreadable == 1
    with database.transaction() as conn:
        found = conn.execute("SELECT sku, effective_from::text, cost::text FROM item_cost ORDER BY 1, 2").fetchall()
    assert found == [("A", "2010-12-01", "1.25"), ("A", "2011-01-01", "1.30"), ("B", "2010-12-01", "0.333")]


def test_memory_stays_flat_however_long_the_file_is(database: Database, place: Place, tmp_path: Path) -> None:
    peaks = []
    for number, invoices in enumerate((4_000, 40_000)):
        path = tmp_path / f"long-{invoices}"
        with path.open("w") as file:
            file.write(HEAD)
            for i in range(invoices):
                day = 13 + i % 15
                file.write(f"{number}-{i},85123A,A LAMP,1,{day}/12/2010 08:26,2.55,17850,United Kingdom\n" * 2)
        tracemalloc.start()
        put(database, place, till(place, look_ahead_rows=1000), path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 + 200_000
