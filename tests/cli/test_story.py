"""The whole way by commands alone: connect, map, take in, tell, look, explain, lock, anchor, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.stage import Leja, Stage


def balances(leja: Leja) -> dict[str, int]:
    return {one["account"]: one["amount"] for one in leja.json("books", "trial-balance")["accounts"] if one["amount"]}


def ready(stage: Stage, tmp_path: Path, *, target: str = "ledger") -> dict[str, Any]:
    """Till and accounting system connected, mapped, a file taken in and told."""
    stage.till()
    stage.books(target)
    stage.leja("mapping", "mode", target, "each")
    stage.leja.json("mapping", "suggest", target, "--accept")
    stage.leja.json("intake", "file", "till", str(stage.sales_file(tmp_path)))
    done = stage.leja.json("sync")
    assert stage.leja.json("mapping", "check", target)["troubles"] == []
    return dict(done)


def test_a_file_of_sales_reaches_the_books_and_the_accounting_system(stage: Stage, tmp_path: Path) -> None:
    done = ready(stage, tmp_path)
    assert done["standing"]["parked"] == 0
    assert not done["failed"]
    assert balances(stage.leja) == {"1100-retail_terminal": 3_133, "1200": -185, "4000": -3_133, "4810": 185}
    assert stage.leja.json("books", "trial-balance", "--at", "2026-05-04")["accounts"][0]["amount"] == 3_133
    told = stage.control("ledger", "ledger")
    assert len([one for one in told if one]) >= 3


def test_explain_leads_from_each_end_to_the_other(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    leja = stage.leja
    by_figure = leja.json("explain", "account", "4000", "2026-05-04")["found"]
    assert [(f["currency"], f["amount"]) for f in by_figure["figures"]] == [("GBP", -3_133)]
    line = by_figure["figures"][0]["lines"][0]
    trace = by_figure["traces"][0]
    assert trace["kind"] == "sale"
    told = trace["told"][0]
    assert (told["target"], told["state"], told["outcome"]) == ("ledger", "done", "accepted")
    remote = told["remote"][0]
    for words in (
        ["entry", str(line["entry"])],
        [str(line["entry"])],
        [line["document_id"]],
        ["document", trace["external_id"]],
        [line["event_id"]],
        [told["reference"]],
        ["remote", remote["remote_id"]],
    ):
        found = leja.json("explain", *words)["found"]
        assert line["document_id"] in {one["document_id"] for one in found["traces"]}, words
    shown = leja.json("explain", "event", line["event_id"], "--raw")["found"]["traces"][0]["events"][0]
    assert "KIKAPU BASKET" in shown["body"]
    assert leja.json("explain", line["event_id"])["found"]["traces"][0]["events"][0]["body"] is None
    assert remote["remote_id"] in leja("explain", str(line["entry"])).stdout
    assert leja.json("explain", "no such thing", code=2)["error"]["code"] == "explain-unknown"


def test_a_second_run_of_everything_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    before = balances(stage.leja), len(stage.control("ledger", "ledger"))
    again = stage.leja.json("intake", "file", "till", str(tmp_path / "till.csv"))
    assert again["already"]
    done = stage.leja.json("sync")
    assert (done["recorded"]["entries"], done["delivered"]["ledger"]["sent"]) == (0, 0)
    assert (balances(stage.leja), len(stage.control("ledger", "ledger"))) == before


def test_books_are_listed_and_exported(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    leja = stage.leja
    page = leja.json("books", "entries", "--limit", "2")
    assert [entry["number"] for entry in page["entries"]] == [1, 2]
    rest = leja.json("books", "entries", "--after", str(page["next_after"]))
    assert next(entry["number"] for entry in rest["entries"]) == 3
    assert {"1100-retail_terminal", "1200", "4000", "4810"} == {
        a["code"] for a in leja.json("books", "accounts", "--used")["accounts"]
    }
    assert "2026-05-04 * " in leja("books", "export", "--format", "hledger").stdout
    assert "open Income:4000-Sales" in leja.json("books", "export", "--format", "beancount")["journal"]
    written = leja.json("books", "export", "--format", "csv", "-o", str(tmp_path / "books.csv"))
    assert (tmp_path / "books.csv").stat().st_size == written["bytes"]
    assert leja.json("books", "export", "-o", "/proc/nowhere", code=2)["error"]["code"] == "file-unwritable"


def test_a_locked_period_refuses_and_a_reopened_one_does_not(stage: Stage, tmp_path: Path) -> None:
    ready(stage, tmp_path)
    leja = stage.leja
    assert leja.json("period", "lock", "2026-05", "--reason", "return filed")["state"] == "locked"
    assert leja.json("period", "lock", "2026-05", "--reason", "again", code=2)["error"]["code"] == "period-state"
    assert leja.json("period", "reopen", "2026-05", "--reason", "a late invoice")["state"] == "open"
    listed = {one["period"]: one for one in leja.json("period", "list")["periods"]}
    assert [change["reason"] for change in listed["2026-05"]["changes"]] == ["return filed", "a late invoice"]
    assert leja.json("period", "lock", "May", "--reason", "x", code=2)["error"]["code"] == "period-unknown"


def test_anchors_verify_and_a_changed_row_is_named(stage: Stage, tmp_path: Path, owner_connection: Any) -> None:
    ready(stage, tmp_path)
    leja, file = stage.leja, tmp_path / "heads.jsonl"
    made = leja.json("audit", "anchor", "-o", str(file))["anchor"]
    good = leja.json("audit", "verify", "--anchor", str(file))
    assert good["ok"]
    assert good["anchored_until"] == made["position"]
    assert good["access_log"]["lines"] > 5
    owner_connection.execute("ALTER TABLE line DISABLE TRIGGER ALL")
    owner_connection.execute("UPDATE line SET memo = 'forged' WHERE entry_number = 1 AND line_number = 1")
    bad = leja.json("audit", "verify", "--anchor", str(file), code=1)
    assert [(one["tampering"], one["kind"], one["subject"]) for one in bad["bad"]] == [("changed", "entry", "1")]
    file.write_text(json.dumps(made | {"hash": "00" * 32}))
    assert leja.json("audit", "verify", "--anchor", str(file), code=2)["error"]["code"] == "anchor-signature"


def test_check_sums_up_again_and_repairs_a_wrong_balance(stage: Stage, tmp_path: Path, owner_connection: Any) -> None:
    ready(stage, tmp_path)
    leja = stage.leja
    assert leja.json("check", "--rebuild")["ok"]
    owner_connection.execute("UPDATE balance_day SET debit = debit + 7 WHERE account = '4810'")
    assert not leja.json("check", code=1)["ok"]
    found = leja.json("check", "--rebuild", code=1)["organisations"][0]["rebuilt"]
    assert (found["different"], found["repaired"]) == (1, False)
    assert leja.json("check", "--repair")["organisations"][0]["rebuilt"]["repaired"]
    assert leja.json("check", "--rebuild")["ok"]


def test_a_daily_summary_is_explained_down_to_every_sale_in_it(stage: Stage, tmp_path: Path) -> None:
    stage.till()
    stage.books("accounts")
    leja = stage.leja
    leja("mapping", "mode", "accounts", "daily")
    leja("mapping", "suggest", "accounts", "--accept")
    leja("intake", "file", "till", str(stage.sales_file(tmp_path)))
    done = leja.json("sync", "accounts")
    assert list(done["delivered"]) == ["accounts"]
    assert leja.json("sync", "till")["delivered"]["accounts"]["sent"] == 0
    told = leja.json("explain", "700001")["found"]["traces"][0]["told"][0]
    assert (told["target"], told["state"], told["members"]) == ("accounts", "done", 2)
    found = leja.json("explain", told["reference"])["found"]
    assert {trace["external_id"] for trace in found["traces"]} == {"700001", "700002"}
