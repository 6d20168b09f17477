"""Connections by command: secrets, tokens, consent, checks, webhooks, backfill and proof against the stand-ins."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from leja.cli.connection_check import ending
from leja.connectors.contract import Connector, NoAuth
from tests.cli.stage import Leja, Stage


def test_a_connection_is_added_once_checked_and_removed(stage: Stage) -> None:
    stage.books()
    leja = stage.leja
    stage.control("ledger", "about")
    checked = leja.json("connection", "check", "ledger")["connections"][0]
    assert (checked["works"], checked["called"], checked["login"]) == (True, "chart", "good")
    assert checked["limits"]["batch"] == 30
    assert leja.json("connection", "add", "quickbooks", "ledger", code=2)["error"]["code"] == "connection-exists"
    assert leja.json("connection", "remove", "ledger", code=2)["error"]["code"] == "confirmation-missing"
    assert leja.json("connection", "remove", "ledger", "--yes")["removed"] == "ledger"
    assert leja.json("connection", "list")["connections"] == []
    assert leja.json("connection", "remove", "ledger", "--yes", code=2)["error"]["code"] == "connection-unknown"


def test_a_check_warns_of_an_interface_that_the_vendor_ends() -> None:
    declared = Connector(
        slug="x", title="Vendor", roles=frozenset({"accounting"}), auth=NoAuth(), settings=msgspec.Struct, api_version="v9",
        api_version_ends=date(2028, 8, 1),
    )  # fmt: skip
    assert ending(declared, date(2026, 8, 1)) == ""
    assert ending(declared, date(2026, 8, 2)) == "Vendor v9: the vendor ends this interface on 2028-08-01, in 730 days."
    assert ending(declared, date(2028, 7, 31)).endswith("in 1 days.")
    assert "has ended this interface on 2028-08-01" in ending(declared, date(2028, 8, 1))
    assert ending(msgspec.structs.replace(declared, api_version_ends=None), date(2028, 8, 1)) == ""


def test_a_secret_never_comes_out_again(stage: Stage, owner_connection: Any) -> None:
    stage.shop()
    stage.books()
    leja = stage.leja
    shown = (
        leja("connection", "list", "--json").stdout
        + leja("connection", "check").stdout
        + leja("connection", "check", "--json").stdout
    )
    assert "shpss_sandbox" not in shown
    assert "shpat_sandbox" not in shown
    assert "sandbox-secret" not in shown
    logged = owner_connection.execute("SELECT string_agg(action || subject || detail, ' ') FROM access_log").fetchone()[
        0
    ]
    assert "connection.add" in logged
    assert "shpss_sandbox" not in logged


def test_every_connection_is_checked_even_if_one_does_not_work(stage: Stage) -> None:
    stage.shop()
    stage.leja(
        "connection",
        "add",
        "quickbooks",
        "none",
        "--set",
        "client_id=c",
        "--secret",
        "client_secret=s",
        "--base-url",
        stage.sandbox.url("ledger"),
    )
    found = {one["name"]: one for one in stage.leja.json("connection", "check", code=4)["connections"]}
    assert found["shop"]["works"]
    assert not found["none"]["works"]
    assert found["none"]["login"] == "missing"
    assert found["none"]["error"]["code"] == "grant-missing"
    assert found["shop"]["webhook_path"].startswith("/hooks/")


def test_consent_is_good_for_one_try_and_for_one_state(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    leja = stage.leja
    added = leja.json(
        "connection",
        "add",
        "quickbooks",
        "ledger",
        "--set",
        "client_id=sandbox-client",
        "--secret",
        "client_secret=sandbox-secret",
        "--base-url",
        stage.sandbox.url("ledger"),
        "--start-date",
        "2026-01-01",
    )
    asked = parse_qs(urlsplit(added["consent"]).query)
    assert asked["client_id"] == ["sandbox-client"]
    wrong = "http://localhost:8080/oauth/callback?code=x&state=other&realmId=1"
    assert leja.json("connection", "consent", "ledger", "--redirect", wrong, code=2)["error"]["code"] == "consent-state"
    right = f"http://localhost:8080/oauth/callback?code=x&state={asked['state'][0]}&realmId=1"
    assert leja.json("connection", "consent", "ledger", "--redirect", right, code=2)["error"]["code"] == "consent-state"
    again = parse_qs(urlsplit(leja.json("connection", "consent", "ledger")["consent"]).query)
    denied = f"http://localhost:8080/oauth/callback?error=access_denied&state={again['state'][0]}"
    assert (
        leja.json("connection", "consent", "ledger", "--redirect", denied, code=2)["error"]["code"] == "consent-denied"
    )


def test_a_consent_brings_tokens_that_work(stage: Stage) -> None:
    import httpx2

    leja = stage.leja
    added = leja.json(
        "connection",
        "add",
        "quickbooks",
        "ledger",
        "--set",
        "client_id=sandbox-client",
        "--secret",
        "client_secret=sandbox-secret",
        "--base-url",
        stage.sandbox.url("ledger"),
        "--start-date",
        "2026-01-01",
    )
    address = urlsplit(added["consent"])
    answer = httpx2.get(
        f"{stage.sandbox.url('ledger')}{address.path}?{address.query}", follow_redirects=False, trust_env=False
    )
    assert answer.status_code in (302, 303), answer.text
    done = leja.json("connection", "consent", "ledger", "--redirect", answer.headers["location"])
    assert done["connection"]["tenant"]
    assert leja.json("connection", "check", "ledger")["connections"][0]["works"]


def test_the_past_is_planned_fetched_resumed_and_proved(stage: Stage) -> None:
    stage.shop()
    leja = stage.leja
    orders = [
        {
            "lines": [{"sku": "K1", "title": "Kikapu", "price": "12.00", "quantity": 1}],
            "name": f"#{number}",
            "processed_at": f"2026-05-0{number}T10:00:00Z",
            "created_at": f"2026-05-0{number}T10:00:00Z",
            "webhooks": "lost",
        }
        for number in range(1, 6)
    ]
    stage.control("shop", "place_orders", orders=orders)
    plan = leja.json("intake", "backfill", "shop", "--since", "2026-05-01", "--plan")["plan"]
    assert plan["events"] >= 5
    done = leja.json("intake", "backfill", "shop", "--since", "2026-05-01", "--until", "2026-05-31")
    assert done["new"] >= 5
    assert not done["resumed"]
    leja("mapping", "set", "clearing:shopify_payments", "default")
    leja("mapping", "recognition", "sale")
    leja("sync")
    proof = leja.json("intake", "proof", "shop", "--since", "2026-05-01", "--until", "2026-05-31")["connections"][0]
    assert proof["complete"]
    assert float(proof["explained"]) == 100
    late = dict(orders[0], name="#9", processed_at="2026-05-09T10:00:00Z", created_at="2026-05-09T10:00:00Z")
    stage.control("shop", "place_orders", orders=[late])
    found = leja.json("intake", "proof", "--since", "2026-05-01", "--until", "2026-05-31", code=1)["connections"][0]
    assert len(found["missing"]) == 1
    leja("sync")
    assert leja.json("intake", "proof", "--since", "2026-05-01", "--until", "2026-05-31")["connections"][0]["complete"]
    assert leja.json("explain", "9")["found"]["traces"][0]["kind"] == "sale"


def test_webhooks_are_subscribed_and_places_have_zones(stage: Stage) -> None:
    stage.shop()
    made = stage.leja.json("connection", "subscribe", "shop", "http://127.0.0.1:8080")
    assert made["created"]
    assert not stage.leja.json("connection", "subscribe", "shop", "http://127.0.0.1:8080")["created"]
    assert (
        stage.leja.json("connection", "place", "shop", "1", "--zone", "Africa/Nairobi", "--day-end", "120")["zone"]
        == "Africa/Nairobi"
    )
    assert (
        stage.leja.json("connection", "place", "shop", "1", "--zone", "Mars", code=2)["error"]["code"] == "zone-unknown"
    )


def test_secrets_rotate_with_an_overlap_and_the_key_reseals(stage: Stage, tmp_path: Path) -> None:
    stage.shop()
    stage.books()
    leja = stage.leja
    assert leja.json("secret", "rotate", "shop", "webhook_secret=-", given="new one\n")["generation"] == 2
    assert leja.json("secret", "rotate", "shop", "nonsense=1", code=2)["error"]["code"] == "connection-settings"
    assert leja.json("secret", "rotate")["resealed"] >= 4
    assert leja.json("connection", "check", "ledger")["connections"][0]["works"]


def test_tokens_are_shown_once(leja: Leja) -> None:
    leja("org", "create", "Duka", "--currency", "GBP")
    token = leja.json("token", "create", "dashboard", "--scope", "read", "--scope", "review")["token"]
    assert token.startswith("leja_")
    assert token not in leja("token", "list", "--json").stdout
    assert leja.json("token", "revoke", "dashboard", "--yes")["revoked"] == 1
    assert leja.json("token", "revoke", "dashboard", "--yes")["revoked"] == 0
    assert leja.json("token", "list")["tokens"][0]["revoked_at"]


def test_connectors_are_listed_with_what_is_promised(leja: Leja) -> None:
    found = {one["slug"]: one for one in leja.json("connectors")["connectors"]}
    assert "deliver" in found["quickbooks"]["capabilities"]
    assert found["quickbooks"]["guarantee"]
    assert json.dumps(found["shopify"]["roles"]) == '["payments", "sales"]'
