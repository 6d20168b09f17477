"""What goes wrong, part by part: exit codes, remedies, and nothing else held up."""

from __future__ import annotations

from pathlib import Path

import psycopg

from leja.database.engine import Urls
from tests.cli.stage import Leja, Stage


def test_a_vendor_that_is_away_does_not_stop_the_others(stage: Stage, tmp_path: Path) -> None:
    stage.till()
    stage.shop()
    stage.books()
    stage.leja("mapping", "mode", "ledger", "each")
    stage.leja("mapping", "suggest", "ledger", "--accept")
    stage.leja(
        "connection",
        "add",
        "shopify",
        "gone",
        "--set",
        "shop=gone.myshopify.com",
        "--access-token",
        "x",
        "--base-url",
        "http://127.0.0.1:9/gone",
        "--start-date",
        "2026-05-01",
    )
    stage.leja("intake", "file", "till", str(stage.sales_file(tmp_path)))
    done = stage.leja.json("sync", code=2)
    assert set(done["failed"]) == {"gone"}
    assert done["recorded"]["entries"] == 3
    assert done["delivered"]["ledger"]["accepted"] > 0


def test_an_account_that_is_not_mapped_parks_and_mapping_it_lets_go(stage: Stage, tmp_path: Path) -> None:
    stage.till()
    stage.books()
    stage.leja("mapping", "mode", "ledger", "each")
    stage.leja("intake", "file", "till", str(stage.sales_file(tmp_path)))
    done = stage.leja.json("sync", code=3)
    assert set(done["standing"]["review"]) == {"account-unmapped"}
    troubles = stage.leja.json("mapping", "check", "ledger", code=1)["troubles"]
    assert {one["key"] for one in troubles} == {"1100-retail_terminal", "1200", "4000", "4810"}
    item = stage.leja.json("review", "list")["items"][0]
    assert (
        stage.leja.json("review", "dismiss", item["item_id"], "--yes", code=2)["error"]["code"]
        == "review-not-dismissed"
    )
    held = stage.leja.json("mapping", "preview", "ledger")["groups"]
    assert all(one["troubles"] and not one["drafts"] for one in held)
    stage.leja("mapping", "suggest", "ledger", "--accept")
    shown = stage.leja.json("mapping", "preview", "ledger")["groups"]
    assert all(one["drafts"] and not one["troubles"] for one in shown)
    assert "7.00" not in shown[0]["drafts"][0]["body"]
    assert stage.leja.json("sync")["standing"]["review"] == {}


def test_an_account_that_was_deleted_over_there_is_named(stage: Stage, tmp_path: Path) -> None:
    stage.till()
    stage.books()
    stage.leja("mapping", "set", "ledger", "4000", "4000")
    stage.leja("intake", "file", "till", str(stage.sales_file(tmp_path)))
    stage.leja("sync", code=3)
    shown = stage.leja.json("mapping", "show", "ledger")["rules"]
    assert [(one["kind"], one["key"]) for one in shown] == [("account", "4000")]
    stage.leja.json("mapping", "suggest", "ledger", "--accept")
    assert stage.leja.json("mapping", "check", "ledger")["troubles"] == []
    stage.control("ledger", "deactivate", kind="Account", id=shown[0]["value"])
    named = stage.leja.json("mapping", "check", "ledger", code=1)["troubles"]
    assert [(one["key"], one["what"]) for one in named if one["what"] != "not mapped"] == [
        ("4000", "inactive over there")
    ]
    assert (
        stage.leja.json("mapping", "set", "ledger", "4000", "no such", code=2)["error"]["code"]
        == "mapping-remote-unknown"
    )
    assert (
        stage.leja.json("mapping", "set", "ledger", "no such", "1240", code=2)["error"]["code"]
        == "mapping-account-unknown"
    )


def test_a_role_without_account_parks_the_event_and_retry_or_dismissal_move_it(stage: Stage, tmp_path: Path) -> None:
    leja = stage.leja
    leja(
        "connection",
        "add",
        "retail_csv",
        "till",
        "--set",
        "zone=Europe/London",
        "--set",
        "currency=GBP",
        "--set",
        "processor=mystery",
        "--start-date",
        "2010-01-01",
    )
    leja("intake", "file", "till", str(stage.sales_file(tmp_path)))
    assert set(leja.json("sync", code=3)["standing"]["review"]) == {"role-unmapped"}
    items = leja.json("review", "list")["items"]
    assert leja.json("review", "show", items[0]["item_id"])["subject"].startswith("event/")
    assert leja.json("review", "retry", items[0]["item_id"])["released"] >= 1
    leja("sync", code=3)
    again = leja.json("review", "list")["items"]
    assert len(again) == len(items)
    assert {one["item_id"] for one in again} != {one["item_id"] for one in items}
    assert leja.json("review", "dismiss", again[0]["item_id"], code=2)["error"]["code"] == "confirmation-missing"
    leja("review", "dismiss", again[0]["item_id"], "--yes", "--reason", "a test sale")
    leja("mapping", "set", "clearing:mystery", "default")
    assert leja.json("sync")["standing"]["events"] == {}
    settled = {one["item_id"]: one["settled_how"] for one in leja.json("review", "list", "--settled")["items"]}
    assert settled[again[0]["item_id"]] == "dismissed"
    assert leja.json("review", "show", "zzz", code=2)["error"]["code"] == "review-unknown"


def test_a_missing_rate_parks_and_entering_it_lets_go(leja: Leja, tmp_path: Path) -> None:
    leja("org", "create", "Duka", "--currency", "KES")
    leja(
        "connection",
        "add",
        "retail_csv",
        "till",
        "--set",
        "zone=UTC",
        "--set",
        "currency=GBP",
        "--start-date",
        "2010-01-01",
    )
    leja("mapping", "set", "books", "clearing:retail_terminal", "default")
    file = tmp_path / "one.csv"
    file.write_text(
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        "1,85123A,KIKAPU,2,2026-05-04 08:26:00,2.50,17850,United Kingdom\n"
    )
    leja("intake", "file", "till", str(file))
    assert set(leja.json("sync", code=3)["standing"]["review"]) == {"rate-missing"}
    assert leja.json("mapping", "rate", "GBP", "2026-05-04", "165.5")["released"] == 1
    leja("sync")
    assert {one["base"] for one in leja.json("books", "trial-balance")["accounts"]} == {82_750, -82_750}
    assert leja.json("mapping", "rate", "GBP", "2026-05-04", "0", code=2)["error"]["code"] == "rate-unreadable"


def test_errors_have_codes_remedies_and_exit_codes(leja: Leja, tmp_path: Path) -> None:
    assert leja.json("books", "trial-balance", code=2)["error"]["code"] == "org-unnamed"
    leja("org", "create", "One", "--currency", "GBP")
    leja("org", "create", "Two", "--currency", "GBP")
    assert leja.json("books", "trial-balance", code=2)["error"]["code"] == "org-unnamed"
    assert leja.json("books", "trial-balance", "--org", "Two")["organisation"] == "Two"
    for words, code in (
        (["connection", "check", "none", "--org", "One"], "connection-unknown"),
        (["connection", "add", "nowhere", "x", "--org", "One"], "connector-unknown"),
        (["connection", "add", "retail_csv", "x", "--set", "nonsense", "--org", "One"], "pair-unreadable"),
        (["connection", "add", "retail_csv", "x", "--set", "nonsense=1", "--org", "One"], "connection-settings"),
        (["connection", "add", "retail_csv", "x", "--secret", "nonsense=1", "--org", "One"], "connection-settings"),
        (["intake", "file", "x", str(tmp_path / "none.csv"), "--org", "One"], "file-missing"),
        (["books", "trial-balance", "--at", "yesterday", "--org", "One"], "day-unreadable"),
        (["books", "entries", "--document", "x", "--org", "One"], "document-unknown"),
        (["token", "create", "x", "--scope", "everything", "--org", "One"], "token-scope"),
        (["token", "revoke", "x", "--yes", "--org", "One"], "token-unknown"),
        (["period", "lock", "2026-05", "--reason", " ", "--org", "One"], "reason-missing"),
        (["audit", "verify", "--anchor", str(tmp_path / "none"), "--org", "One"], "file-missing"),
    ):
        told = leja.json(*words, code=2)["error"]
        assert told["code"] == code, words
        assert told["remedy"], words
    result = leja("connection", "check", "none", "--org", "One", code=2)
    assert result.stdout == ""
    assert "connection-unknown" in result.stderr
    assert "→" in result.stderr


def test_a_line_that_cannot_be_read_waits_for_a_person_and_the_chain_still_verifies(
    stage: Stage, tmp_path: Path
) -> None:
    stage.till()
    bad = "700009,22633,HAND WARMER,five,2026-05-05 10:00:00,1.85,13047,United Kingdom\n"
    done = stage.leja.json("intake", "file", "till", str(stage.sales_file(tmp_path, extra=bad)))
    assert done["unreadable"] >= 0
    assert stage.leja.json("sync", code=3)["recorded"]["entries"] == 3
    items = stage.leja.json("review", "list")["items"]
    assert len(items) == 1
    explained = stage.leja.json("explain", "event", items[0]["subject"].removeprefix("event/"))["found"]
    assert explained["events"][0]["state"] == "parked"
    stage.leja("review", "dismiss", items[0]["item_id"], "--yes")
    stage.leja("sync")
    assert stage.leja.json("audit", "verify")["ok"]
    assert stage.leja.json("check", "--rebuild")["ok"]


def test_what_comes_from_outside_is_shown_as_it_is_and_never_as_markup(stage: Stage) -> None:
    stage.leja("connection", "add", "retail_csv", "till [/b] [red]", "--set", "zone=UTC", "--set", "currency=GBP")
    assert "till [/b] [red]" in stage.leja("connection", "list").stdout
    assert "till [/b] [red]" in stage.leja("connection", "check").stdout
    assert "[/x]" in stage.leja("connection", "check", "[/x]", code=2).stderr


def refused(stage: Stage, tmp_path: Path) -> list[str]:
    """Documents that the target refuses, for an account was made inactive after its chart was read; their items."""
    stage.till()
    stage.books()
    stage.leja("mapping", "mode", "ledger", "each")
    stage.leja("mapping", "suggest", "ledger", "--accept")
    remote = next(
        one["value"]
        for one in stage.leja.json("mapping", "show", "ledger")["rules"]
        if one["key"] == "1100-retail_terminal"
    )
    stage.control("ledger", "deactivate", kind="Account", id=remote)
    stage.leja("intake", "file", "till", str(stage.sales_file(tmp_path)))
    done = stage.leja.json("sync", code=3)
    assert done["standing"]["parked"] >= 2, done
    stage.control("ledger", "deactivate", kind="Account", id=remote, active=True)
    return [one["item_id"] for one in stage.leja.json("review", "list")["items"]]


def test_a_document_that_the_target_refused_goes_again_after_a_retry(stage: Stage, tmp_path: Path) -> None:
    refused(stage, tmp_path)
    stage.leja("mapping", "suggest", "ledger")
    assert stage.leja.json("review", "retry", "all")["released"] >= 0
    done = stage.leja.json("sync")
    assert done["standing"]["targets"]["ledger"] | {"next_due": None} == {
        "waiting": 0,
        "held": 0,
        "open": 0,
        "parked": 0,
        "next_due": None,
    }
    for number in ("700001", "700002"):
        assert {t["state"] for t in stage.leja.json("explain", number)["found"]["traces"][0]["told"]} == {"done"}


def test_a_document_that_is_dismissed_is_never_told_and_says_so(stage: Stage, tmp_path: Path) -> None:
    items = refused(stage, tmp_path)
    subjects = {one: stage.leja.json("review", "show", one)["subject"] for one in items}
    parked = [one for one, subject in subjects.items() if subject.startswith("deliverable/")]
    for one in parked:
        stage.leja("review", "dismiss", one, "--yes")
    stage.leja("mapping", "suggest", "ledger")
    stage.leja("review", "retry", "all")
    done = stage.leja.json("sync")
    assert done["standing"]["parked"] == 0
    told = [t for n in ("700001", "700002") for t in stage.leja.json("explain", n)["found"]["traces"][0]["told"]]
    assert sorted(t["state"] for t in told).count("withdrawn") == len(parked)
    assert stage.leja.json("check")["ok"]


def test_a_revoked_login_pauses_its_target_until_its_owner_logs_in_again(stage: Stage, tmp_path: Path) -> None:
    stage.till()
    stage.books()
    stage.leja("mapping", "mode", "ledger", "each")
    stage.leja("mapping", "suggest", "ledger", "--accept")
    stage.leja("intake", "file", "till", str(stage.sales_file(tmp_path)))
    stage.control("ledger", "revoke_tokens")
    stage.leja.json("sync", code=4)
    assert stage.leja.json("connection", "check", "ledger", code=4)["connections"][0]["login"] == "needs_consent"
    stage.books()
    assert stage.leja.json("connection", "check", "ledger")["connections"][0]["works"]
    assert stage.leja.json("sync")["delivered"]["ledger"]["accepted"] > 0


def test_a_command_waits_for_nobody_who_reads(stage: Stage, urls: Urls) -> None:
    with psycopg.connect(urls.app) as reader:
        reader.execute("SELECT count(*) FROM event")
        assert stage.leja.json("org", "list")["organisations"]
