"""Files that cannot be read as they are: refused whole before a row is written, or the bad rows parked alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .front import Front, explained, refusal

HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
GOOD = "1001,K-101,KITENGE CLOTH,2,14/05/2026 09:12,18.50,C-7,United Kingdom\n"
NEXT = "1003,K-102,KIKOI,1,16/05/2026 09:12,9.50,C-7,United Kingdom\n"

WHOLE: dict[str, tuple[bytes, dict[str, Any], str, tuple[str, ...]]] = {
    "a wrong column": (
        (HEAD.replace("UnitPrice", "Preis") + GOOD).encode(), {}, "file-column-missing", ("price", "Preis"),
    ),
    "a wrong encoding": (
        (HEAD + GOOD).encode() + b"1002,K,CAF\xe9,1,15/05/2026 09:12,2.00,,France\n", {"encoding": "utf-8"},
        "file-encoding", ("utf-8",),
    ),
    "decimal commas where points are stated": (
        (HEAD + GOOD.replace("18.50", '"18,50"')).encode(), {"decimal_mark": "."}, "file-amount-format", ("18,50",),
    ),
    "points and commas mixed": (
        (HEAD + GOOD + NEXT.replace("9.50", '"9,50"')).encode(), {}, "file-amount-format", ("9,50",),
    ),
    "no rows at all": (b"", {}, "file-empty", ("empty",)),
}  # fmt: skip


@pytest.mark.parametrize("what", WHOLE)
def test_a_file_that_is_wrong_as_a_whole_is_refused_before_a_row_is_written(
    front: Front, tmp_path: Path, what: str
) -> None:
    content, settings, code, words = WHOLE[what]
    refused = refusal(lambda: front.put(content, tmp_path / "sales.csv", **settings))
    assert refused.code == code
    for word in words:
        assert word in refused.message, refused.message
    assert front.states() == []
    front.put((HEAD + GOOD).encode(), tmp_path / "mended.csv")
    front.record()
    assert len(front.booked()) == 1, "the mended file goes in"
    front.clean()


def test_decimal_commas_that_are_stated_are_read(front: Front, tmp_path: Path) -> None:
    front.put((HEAD + GOOD.replace("18.50", '"18,50"')).encode(), tmp_path / "sales.csv", decimal_mark=",")
    front.record()
    assert front.rows("SELECT sum(base)::bigint FROM line WHERE org_id = :org AND base > 0") == [(3700,)]
    front.clean()


@pytest.mark.parametrize(
    ("row", "held", "words"),
    [
        ("1002,K-101,CLOTH,many,15/05/2026 09:12,18.50,C-7,United Kingdom\n", "many", ("1002", "many")),
        ("1002,K-101,CLOTH,1,31/02/2026 09:12,18.50,C-7,United Kingdom\n", "31/02/2026", ("1002", "31/02/2026")),
        ("1002,K-101,CLOTH,1,15/05/2026 09:12,eighteen,C-7,United Kingdom\n", "eighteen", ("1002", "eighteen")),
        ("1002,K-101\n", "K-101", ("3", "cannot be read")),
    ],
    ids=["a quantity in words", "a day that is none", "a price in words", "a row cut short"],
)
def test_a_bad_row_is_parked_with_its_invoice_and_the_rest_goes_on(
    front: Front, tmp_path: Path, row: str, held: str, words: tuple[str, ...]
) -> None:
    front.put((HEAD + GOOD + row + NEXT).encode(), tmp_path / "sales.csv")
    front.record()
    assert sorted(front.states()) == ["done", "done", "parked"]
    kept = front.bodies()[front.states().index("parked")]
    assert held.encode() in kept, "what could not be read stands in the inbox as it came"
    (item,) = front.items()
    for word in words:
        assert word in item.message, item.message
    explained(item.code)
    assert front.rows("SELECT sum(base)::bigint FROM line WHERE org_id = :org AND base > 0") == [(3700 + 950,)]
    front.clean()
