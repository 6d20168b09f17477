"""By commands alone: what others changed over there, shown and mended; what was taken in by mistake, undone and redone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.stage import Stage
from tests.cli.test_story import balances, ready


def changed(stage: Stage, action: str, **given: Any) -> str:
    """Somebody changes the first document over there; gives the review item's id."""
    (one, *_) = stage.control("ledger", "documents", kind="SalesReceipt")
    stage.control("ledger", action, kind="SalesReceipt", id=one["id"], **given)
    found = stage.leja.json("review", "look", "ledger", code=1)["items"]
    assert [item["code"] for item in found] == ["drift"]
    return str(found[0]["item_id"])


@pytest.mark.parametrize("way", ["accept", "repost", "reverse"])
def test_a_deleted_document_is_shown_and_mended(stage: Stage, tmp_path: Path, way: str) -> None:
    ready(stage, tmp_path)
    leja, before = stage.leja, balances(stage.leja)
    item = changed(stage, "delete")
    words = leja("review", way, item[-12:], "--preview").stdout
    assert "was deleted there" in words
    assert ("would be told SalesReceipt" in words) == (way == "repost")
    assert balances(leja) == before
    assert leja.json("review", way, item, code=2)["error"]["code"] == "confirmation-missing"
    done = leja.json("review", way, item, "--yes", "--reason", "typed twice")
    assert done["done"]
    assert (balances(leja) == before) == (way == "repost")
    leja.json("sync")
    assert leja.json("review", "look", "ledger")["items"] == []
    assert not leja.json("review", way, item, "--yes")["done"], "twice does what once did"
    assert "Nothing is left to mend" in leja("review", way, item, "--yes").stdout
    listed = leja.json("undo", "list")["mendings"]
    assert [(one["kind"], one["reason"]) for one in listed] == [(way, "typed twice")]
    assert leja.json("check")["ok"]


def test_an_import_is_undone_shown_first_and_redone(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    leja, before = stage.leja, balances(stage.leja)
    words = leja("undo", "import", "till.csv", "--preview").stdout
    assert "would book entry" in words
    assert "in our books, per account:" in words
    assert "ledger: would be told" in words
    assert balances(leja) == before
    assert leja.json("undo", "import", "till.csv", "--on", "2020-01-01", "--yes", code=2)["error"]["code"] == "undo-too-early"
    done = leja.json("undo", "import", "till.csv", "--yes", "--reason", "wrong file")
    assert done["done"]
    assert balances(leja) == {}
    assert not leja.json("undo", "import", "till.csv", "--yes")["done"]
    leja.json("sync")
    sums: dict[str, int] = {}
    for row in stage.control("ledger", "ledger"):
        sums[row["account"]] = sums.get(row["account"], 0) + row["minor"]
    assert not any(sums.values())
    assert leja.json("undo", "redo", done["mending_id"][-12:], "--yes")["count"] == done["count"]
    assert balances(leja) == before
    assert [one["kind"] for one in leja.json("undo", "list")["mendings"]] == ["redo", "undo"]


def test_a_day_and_an_entry_are_undone(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    leja = stage.leja
    assert leja.json("undo", "entry", "1", "--yes", "--on", "each")["entries"][0]["posting_date"] == "2026-05-04"
    assert leja.json("undo", "day", "2026-05-04", "--connection", "till", "--yes")["count"] == 1
    assert leja.json("undo", "connection", "till", "--since", "2026-05-05", "--yes")["count"] == 1
    assert balances(leja) == {}
    assert leja.json("undo", "document", "700001", "--yes")["count"] == 0


def test_a_period_that_is_locked_names_the_first_open_day(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    leja = stage.leja
    leja("period", "lock", "2026-05", "--reason", "return filed")
    error = leja.json("undo", "entry", "1", "--on", "2026-05-31", "--yes", code=2)["error"]
    assert error["code"] == "undo-period-locked"
    assert "--on 2026-06-01" in error["remedy"]


def test_only_a_drift_is_mended(stage: Stage, tmp_path: Path) -> None:
    stage.till()
    stage.books()
    stage.leja.json("intake", "file", "till", str(stage.sales_file(tmp_path)))
    stage.leja("sync", code=3)
    item = stage.leja.json("review", "list")["items"][0]["item_id"]
    assert stage.leja.json("review", "accept", item, code=2)["error"]["code"] == "review-no-drift"


def test_the_rule_for_what_was_typed_in_is_shown_and_set(stage: Stage) -> None:
    stage.till()
    stage.books()
    leja = stage.leja
    assert leja.json("connection", "typed-in", "ledger")["look"] == "opening"
    set_ = leja.json("connection", "typed-in", "ledger", "--look", "always", "--days", "2")
    assert (set_["look"], set_["days"]) == ("always", 2)
    assert leja.json("connection", "typed-in", "ledger", "--look", "now", code=2)["error"]["code"] == "typed-in-rule"
    assert leja.json("connection", "typed-in", "till", code=2)["error"]["code"] == "connection-duty"


def test_only_a_look_alike_is_said_to_be_the_same(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    item = changed(stage, "delete")
    for said in ("same", "different"):
        assert stage.leja.json("review", said, item, code=2)["error"]["code"] == "review-no-look-alike"
