"""The subscriptions of the stand-in of Business Central: handshake, thin unsigned notifications, expiry, refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from leja.connectors.business_central.tests.stand_in_tenant import Tenant, problem


class Listener:
    """An address that answers the handshake and keeps what it is told."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.status, self.echo = 200, True
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length", 0)))
                token = parse_qs(urlsplit(self.path).query).get("validationToken")
                answer = token[0].encode() if token and outer.echo else b""
                if not token:
                    outer.bodies.append(json.loads(raw))
                    outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                self.send_response(200 if token else outer.status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    running = Tenant(foreign=False, webhook_compress=1.0, collection_over=3)
    yield running
    running.stop()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


def subscribe(tenant: Tenant, url: str, resource: str = "customers", **more: str) -> httpx2.Response:
    where = f"/api/v2.0/companies({tenant.granted['company']})/{resource}"
    return tenant.call("POST", f"{tenant.root}/subscriptions", {"notificationUrl": url, "resource": where, **more})


def deliver(tenant: Tenant) -> None:
    """Half a minute of the stand-in's time passes, and it sends what is due."""
    assert tenant.stand_in.webhooks is not None
    tenant.clock.advance(31)
    until = time.monotonic() + 10
    while tenant.stand_in.webhooks.due() and time.monotonic() < until:
        time.sleep(0.02)


def test_the_address_must_answer_the_handshake(tenant: Tenant, listener: Listener) -> None:
    listener.echo = False
    assert problem(subscribe(tenant, listener.url))[0] == "BadRequest"
    listener.echo = True
    made = subscribe(tenant, listener.url, clientState="secret")
    assert made.status_code == 201
    assert made.json()["expirationDateTime"] == "2026-06-04T09:00:00.000Z"
    assert problem(subscribe(tenant, listener.url))[0] == "Internal_EntityWithSameKeyExists"
    assert problem(subscribe(tenant, listener.url, "itemLedgerEntries"))[0] == "BadRequest_ResourceNotFound"
    assert (
        problem(subscribe(tenant, listener.url, "items", clientState="x" * 2049))[0]
        == "Application_StringExceededLength"
    )
    where = (
        f"/v2.0/{tenant.granted['tenant']}/Production/api/microsoft/runtime/beta/companies({tenant.granted['company']})"
    )
    named = [row["resource"].rpartition("/")[2] for row in tenant.get(f"{where}/webhookSupportedResources")["value"]]
    assert "salesInvoices" in named
    assert "itemLedgerEntries" not in named


def test_changes_of_one_record_are_told_once_without_a_signature(tenant: Tenant, listener: Listener) -> None:
    id_ = subscribe(tenant, listener.url, clientState="secret").json()["subscriptionId"]
    subscribe(tenant, listener.url, "salesInvoices", clientState="other")
    customer = tenant.customer()
    tenant.call("PATCH", f"customers({customer['id']})", {"city": "Leeds"}, {"If-Match": "*"})
    draft = tenant.invoice(5, customer=customer["number"])
    deliver(tenant)
    (body,) = listener.bodies
    told = {row["subscriptionId"]: row for row in body["value"]}
    assert len(body["value"]) == 2
    assert (told[id_]["changeType"], told[id_]["clientState"]) == ("created", "secret")
    assert told[id_]["resource"] == f"api/v2.0/companies({tenant.granted['company']})/customers({customer['id']})"
    assert not any("signature" in name for name in listener.headers[0])
    lines = f"salesInvoices({draft['id']})/salesInvoiceLines"
    tenant.make(lines, {"lineType": "Comment", "description": "a change of a line is one of its header"})
    tenant.call("DELETE", f"customers({tenant.customer()['id']})", headers={"If-Match": "*"})
    deliver(tenant)
    assert sorted(row["changeType"] for row in listener.bodies[1]["value"]) == ["deleted", "updated"]


def test_many_changes_become_one_of_a_collection(tenant: Tenant, listener: Listener) -> None:
    subscribe(tenant, listener.url)
    for _ in range(4):
        tenant.customer()
    deliver(tenant)
    ((row,),) = [body["value"] for body in listener.bodies]
    assert row["changeType"] == "collection"
    assert row["resource"].endswith("/customers?$filter=lastModifiedDateTime%20gt%202026-06-01T09:00:00.000Z")


def test_silence_is_tried_again_and_a_refusal_deletes_the_subscription(tenant: Tenant, listener: Listener) -> None:
    subscribe(tenant, listener.url)
    for status in (503, 429, 408):
        listener.status = status
        tenant.customer() if status == 503 else None
        deliver(tenant)
        tenant.clock.advance(600)
    listener.status = 200
    deliver(tenant)
    assert len(listener.bodies) == 4
    assert len(tenant.control("subscriptions")) == 1
    listener.status = 401
    tenant.customer()
    deliver(tenant)
    assert tenant.control("subscriptions") == []
    listener.status = 200
    tenant.customer()
    deliver(tenant)
    assert len(listener.bodies) == 5


def test_a_subscription_lives_three_days_unless_it_is_renewed(tenant: Tenant, listener: Listener) -> None:
    made = subscribe(tenant, listener.url).json()
    path = f"{tenant.root}/subscriptions('{made['subscriptionId']}')"
    tenant.clock.advance(2 * 86_400)
    tenant.granted = tenant.control("grant")
    assert problem(tenant.call("PATCH", path, {}))[0] == "BadRequest_InvalidToken"
    listener.echo = False
    assert problem(tenant.call("PATCH", path, {}, {"If-Match": made["@odata.etag"]}))[0] == "BadRequest"
    listener.echo = True
    assert tenant.call("PATCH", path, {}, {"If-Match": made["@odata.etag"]}).status_code == 200
    tenant.clock.advance(2 * 86_400)
    assert len(tenant.control("subscriptions")) == 1
    tenant.clock.advance(2 * 86_400)
    assert tenant.control("subscriptions") == []
    tenant.granted = tenant.control("grant")
    assert problem(tenant.call("GET", path), 404)[0] == "BadRequest_NotFound"
    again = subscribe(tenant, listener.url).json()
    assert (
        tenant.call(
            "DELETE", f"{tenant.root}/subscriptions('{again['subscriptionId']}')", headers={"If-Match": "*"}
        ).status_code
        == 204
    )
    assert tenant.get(f"{tenant.root}/subscriptions")["value"] == []
