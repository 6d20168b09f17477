"""The stand-in judged by the vendor: its official client over a socket, and the member lists of its current version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from leja.connectors.stripe.stand_in import STAND_IN
from leja_sandbox.server import SandboxServer

FIELDS = Path(__file__).parents[6] / "shared/specs/stripe/fields_2026-10-28.endive.json"
# Members that the vendor shows only where they are expanded, at creation, or to platforms.
RARE = {"Charge": {"refunds", "level3"}, "Invoice": {"payments", "deleted"}, "WebhookEndpoint": {"deleted", "secret"},
        "Customer": {"deleted"}}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(slugs=["stripe"], specs={"stripe": STAND_IN}, own_ports=True, seed=7) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: SandboxServer) -> stripe.StripeClient:
    return stripe.StripeClient(
        "sk_test_sandbox", base_addresses={"api": server.root_url("stripe")}, max_network_retries=2
    )


@pytest.fixture(scope="module")
def played(server: SandboxServer) -> SandboxServer:
    call = server.stand_in("stripe").control.call
    charges = [call("charge", amount=amount, application_fee=10) for amount in (5000, 2500, 900)]
    call("refund", charge=charges[0]["id"], amount=1000)
    call("dispute", charge=charges[1]["id"])
    call("topup", amount=700)
    invoice = call("invoice", lines=[{"unit_amount": 1000, "tax_rate": "0.2"}], pay=True)
    call("credit_note", invoice=invoice["id"], amount=600)
    call("payout")
    return server


def test_the_official_client_walks_everything(played, client):
    assert [row.amount for row in client.v1.charges.list({"limit": 2}).auto_paging_iter()] == [1200, 900, 2500, 5000]
    payout = client.v1.payouts.list().data[0]
    moved = list(
        client.v1.balance_transactions.list(
            {"payout": payout.id, "limit": 3, "expand": ["data.source"]}
        ).auto_paging_iter()
    )
    assert sum(row.net for row in moved if row.type != "payout") == payout.amount
    assert {row.source.object for row in moved if row.source} >= {"charge", "refund", "dispute", "topup", "payout"}
    charge = client.v1.charges.retrieve(moved[-1].source.id, {"expand": ["refunds", "balance_transaction"]})
    assert (charge.refunds.data[0].amount, charge.balance_transaction.net) == (1000, 5000 - 95 - 10)
    payment = client.v1.invoice_payments.list().data[0]
    assert client.v1.payment_intents.retrieve(
        payment.payment.payment_intent, {"expand": ["latest_charge"]}
    ).latest_charge.paid


def test_the_official_client_pays_refunds_and_meets_errors(played, client, server):
    made = client.v1.payment_intents.create(
        {"amount": 1500, "currency": "gbp", "confirm": True}, {"idempotency_key": "k1"}
    )
    again = client.v1.payment_intents.create(
        {"amount": 1500, "currency": "gbp", "confirm": True}, {"idempotency_key": "k1"}
    )
    assert made.id == again.id
    assert client.v1.refunds.create({"payment_intent": made.id, "amount": 500}).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
        client.v1.charges.retrieve("ch_none")
    with pytest.raises(stripe.CardError, match="declined"):
        client.v1.payment_intents.create({"amount": 5, "currency": "gbp", "payment_method": "pm_card_chargeDeclined"})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create({"amount": 9, "currency": "gbp"}, {"idempotency_key": "k1"})
    wrong = stripe.StripeClient("sk_test_wrong", base_addresses={"api": server.root_url("stripe")})
    with pytest.raises(stripe.AuthenticationError):
        wrong.v1.balance.retrieve()
    server.stand_in("stripe").env.faults.add("rate_limited", path="GET /v1/balance", times=1)
    with pytest.raises(stripe.RateLimitError):
        client.v1.balance.retrieve()


def test_an_answer_that_was_lost_is_asked_for_again_by_the_client(played, client, server):
    stand_in = server.stand_in("stripe")
    before = stand_in.env.store.count("charge")
    stand_in.env.faults.add("answer_lost", path="POST /v1/payment_intents", times=1)
    made = client.v1.payment_intents.create({"amount": 1700, "currency": "gbp", "confirm": True})
    assert (made.status, stand_in.env.store.count("charge")) == ("succeeded", before + 1)


def test_the_official_client_keeps_endpoints_and_destinations(client):
    made = client.v1.webhook_endpoints.create({"url": "https://x.test/", "enabled_events": ["charge.succeeded"]})
    assert made.secret.startswith("whsec_")
    client.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert client.v1.webhook_endpoints.list().data[0].status == "disabled"
    client.v1.webhook_endpoints.delete(made.id)
    assert client.v1.webhook_endpoints.list().data == []
    thin = client.v2.core.event_destinations.create({
        "name": "n", "type": "webhook_endpoint", "event_payload": "thin", "enabled_events": ["v1.charge.succeeded"],
        "webhook_endpoint": {"url": "https://x.test/thin"},
    })  # fmt: skip
    assert client.v2.core.event_destinations.retrieve(thin.id).status == "enabled"


def test_every_object_has_the_members_of_its_version(played, client):
    if not FIELDS.exists():
        pytest.skip(f"the vendor's member lists are not here: {FIELDS} is missing")
    fields: dict[str, dict[str, str]] = json.loads(FIELDS.read_text())["objects"]
    invoice = client.v1.invoices.list().data[0]
    shown: dict[str, Any] = {
        "Charge": client.v1.charges, "Refund": client.v1.refunds, "PaymentIntent": client.v1.payment_intents,
        "Payout": client.v1.payouts, "BalanceTransaction": client.v1.balance_transactions, "Dispute": client.v1.disputes,
        "Invoice": client.v1.invoices, "InvoicePayment": client.v1.invoice_payments, "Topup": client.v1.topups,
        "CreditNote": client.v1.credit_notes, "Customer": client.v1.customers, "Event": client.v1.events,
    }  # fmt: skip
    bodies = {name: room.list().data[0].to_dict() for name, room in shown.items()}
    bodies["InvoiceLineItem"] = invoice.lines.data[0].to_dict()
    bodies["Balance"] = client.v1.balance.retrieve().to_dict()
    problems = []
    for name, body in bodies.items():
        wanted = set(fields[name]) - RARE.get(name, set())
        extra = set(body) - set(fields[name]) - {"presentment_details"}
        problems += [f"{name} lacks {field}" for field in sorted(wanted - set(body))]
        problems += [f"{name} has {field}, which the version does not know" for field in sorted(extra)]
        for field, type_ in fields[name].items():
            if field in body and body[field] is None and not type_.startswith("Optional"):
                problems.append(f"{name}.{field} is null")
            if field in body and type_ == "int" and not isinstance(body[field], int):
                problems.append(f"{name}.{field} is no integer")
    assert problems == []


def test_every_event_type_is_one_of_the_vendors(played, client):
    if not FIELDS.exists():
        pytest.skip(f"the vendor's event types are not here: {FIELDS} is missing")
    known = set(json.loads(FIELDS.read_text())["event_types"])
    assert {row.type for row in client.v1.events.list({"limit": 100}).auto_paging_iter()} <= known
