"""The stand-in plays a recording of a real shop: the same requests get the same answers, and the same webhooks go out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leja.connectors.woocommerce.stand_in import STAND_IN
from leja.connectors.woocommerce.stand_in_hooks import sign
from leja.connectors.woocommerce.stand_in_keys import signature
from leja.connectors.woocommerce.tests.stand_in_calls import Listener, call
from leja_sandbox.kit import SimulatedClock, StandIn, environment

SPECS = Path(__file__).resolve().parents[6] / "shared" / "specs" / "woocommerce"
RECORDED = SPECS / "recorded"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="NOT RUN: ../shared is absent")

# Random in the shop, or a count of rows of its database that nothing shows.
FREE = {"order_key", "payment_url"}
QUERY = {"order deleted (force)": {"force": "true"},
         "orders modified_after page": {"modified_after": "2026-11-23T08:32:14", "dates_are_gmt": "true"}}
SECONDS = 3


def recorded_calls() -> dict[str, Any]:
    return json.loads((RECORDED / "rest_calls_run1.json").read_text()) if RECORDED.is_dir() else {}


def recorded_hooks() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(RECORDED.glob("0*.json"))]


def same(real: Any, ours: Any, path: str = "$") -> list[str]:
    """Where two values differ: in structure, order of fields, type or value; instants may differ by seconds."""
    name = path.rsplit(".", 1)[-1]
    if name in FREE:
        return [] if type(real) is type(ours) else [path]
    if isinstance(real, dict):
        if not isinstance(ours, dict) or list(real) != list(ours):
            return [f"{path}: fields {list(ours) if isinstance(ours, dict) else ours} for {list(real)}"]
        return [d for key in real for d in same(real[key], ours[key], f"{path}.{key}")]
    if isinstance(real, list):
        if not isinstance(ours, list) or len(real) != len(ours):
            return [f"{path}: {ours} for {real}"]
        return [d for i, (a, b) in enumerate(zip(real, ours, strict=True)) for d in same(a, b, f"{path}[{i}]")]
    if name.startswith("date_") and real and ours:
        return [] if abs((datetime.fromisoformat(real) - datetime.fromisoformat(ours)).total_seconds()) <= SECONDS else [f"{path}: {ours} for {real}"]
    if name == "id" and "meta_data" in path:
        return [] if type(real) is type(ours) else [path]
    return [] if type(real) is type(ours) and real == ours else [f"{path}: {ours!r} for {real!r}"]


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    """The whole recording, played once: answers by name, and what the queue sent in its two runs."""
    clock = SimulatedClock(datetime(2026, 11, 23, 8, 32, 9, tzinfo=UTC))
    settings = {"currency": "USD", "country": "US", "state": "CA", "zone": "UTC", "tax_rates": [], "secure": True}
    shop = STAND_IN.build(environment(clock=clock, public_url="http://127.0.0.1:8080", settings=settings))
    answers, heard = {}, Listener()
    for name, recorded in recorded_calls().items():
        clock.set(datetime.strptime(recorded["headers"]["Date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC))
        asked = recorded["request"]
        answers[name] = call(shop, asked["method"], asked["path"], asked["body"], **QUERY.get(name, {}))
        if name in ("webhook action.woocommerce_order_refunded", "order created (processing)"):
            clock.advance(1)
            while heard.run(shop):
                pass
    clock.set(datetime(2026, 11, 23, 8, 32, 39, tzinfo=UTC))
    while heard.run(shop):
        pass
    return {"answers": answers, "heard": heard.got, "shop": shop}


@pytest.mark.parametrize("name", list(recorded_calls()))
def test_every_recorded_request_gets_the_recorded_answer(played, name):
    recorded, ours = recorded_calls()[name], played["answers"][name]
    assert ours.status_code == recorded["status"]
    body = ours.json()
    if name == "webhook list":  # its times of change are those of deliveries, which are played at other seconds
        recorded["body"] = [{**row, "date_modified": None, "date_modified_gmt": None} for row in recorded["body"]]
        body = [{**row, "date_modified": None, "date_modified_gmt": None} for row in body]
    assert same(recorded["body"], body) == []
    theirs = {key.lower(): value for key, value in recorded["headers"].items()}
    for key in set(theirs) - {"host", "date", "connection", "x-powered-by"}:
        assert ours.headers[key] == theirs[key], key


def test_every_recorded_webhook_goes_out_in_its_turn_with_its_body(played):
    recorded = recorded_hooks()
    assert len(played["heard"]) == len(recorded)
    for real, (headers, body, url) in zip(recorded, played["heard"], strict=True):
        assert url.endswith(real["path"])
        if real["topic"] == "ping":
            assert body.decode() == real["body_raw"]
            assert headers["content-type"] == "application/x-www-form-urlencoded"
            assert not [name for name in headers if name.startswith("x-wc")]
            continue
        assert same(json.loads(real["body_raw"]), json.loads(body)) == [], real["scenario"]
        assert headers["x-wc-webhook-signature"] == sign(real["secret"], body)


def test_headers_of_webhooks_are_the_recorded_ones(played):
    for real, (headers, _, _) in zip(recorded_hooks(), played["heard"], strict=True):
        theirs = {name.lower(): value for name, value in real["headers"]}
        assert set(theirs) <= set(headers)
        for name in set(theirs) - {"host", "content-length", "x-wc-webhook-signature", "x-wc-webhook-delivery-id"}:
            assert headers[name] == theirs[name], name


def test_deliveries_of_one_webhook_in_one_second_share_their_id_as_recorded(played):
    ids = [(dict(real["headers"]).get("X-WC-Webhook-Delivery-ID"), headers.get("x-wc-webhook-delivery-id"))
           for real, (headers, _, _) in zip(recorded_hooks(), played["heard"], strict=True)]  # fmt: skip
    assert len(set(ids)) == len({real for real, _ in ids}) == len({ours for _, ours in ids})


def test_bodies_escape_slashes_and_letters_as_php_does(played):
    order = next(body for headers, body, _ in played["heard"] if headers.get("x-wc-webhook-topic") == "order.created")
    assert rb"http:\/\/127.0.0.1:8080\/checkout" in order
    cancelled = played["answers"]["order -> cancelled"].content
    assert rb"\u00fcn\u00efcode \u2615 1\/2" in cancelled


@pytest.mark.parametrize("real", [r for r in (recorded_hooks() if RECORDED.is_dir() else []) if r["signature_verified"]],
                         ids=lambda r: r["scenario"][:30])  # fmt: skip
def test_signatures_are_those_of_the_real_shop(real):
    assert dict(real["headers"])["X-WC-Webhook-Signature"] == sign(real["secret"], real["body_raw"].encode())


def test_the_published_oauth_vector_verifies():
    vector = json.loads((SPECS / "examples" / "signature-vectors.json").read_text())["oauth1_over_http"]
    assert signature("GET", vector["url"], vector["params"], vector["consumer_secret"]) == vector["oauth_signature"]


def _shop(played: dict[str, Any]) -> StandIn:
    return played["shop"]


def test_the_report_is_what_the_recording_left(played):
    report = _shop(played).control.call("report")
    assert report["days"] == {"2026-11-23": {"orders": {"USD": 7917}, "tax": {"USD": 595}, "refunds": {"USD": 7917}}}
