"""What the vendor publishes: every example decodes, every field is known, every signature is verified to the byte."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import stripe

from leja.connectors.contract import RawEvent
from leja.connectors.stripe import API_VERSION, wire
from leja.connectors.stripe.decoding import decode
from leja.connectors.stripe.webhook import TOPICS, read, verify
from leja.core.errors import Refused

from .account import Account, answer
from .signing import headers as signed

SHAPES = {"Charge": wire.Charge, "Refund": wire.Refund, "Payout": wire.Payout, "BalanceTransaction": wire.Movement,
          "Dispute": wire.Dispute, "Invoice": wire.Invoice, "CreditNote": wire.CreditNote, "Topup": wire.Topup}  # fmt: skip


def specs(shared: Path) -> Path:
    return shared / "specs" / "stripe"


@pytest.mark.parametrize("name", SHAPES)
def test_every_field_of_the_vendors_client_is_read_or_ignored_on_purpose(shared: Path, name: str) -> None:
    stated = set(json.loads((specs(shared) / "fields_2026-10-28.endive.json").read_text())["objects"][name])
    shape = SHAPES[name]
    fields = {field.encode_name for field in msgspec.structs.fields(shape)}
    assert fields & shape.IGNORED == set()
    assert fields | shape.IGNORED == stated


def test_every_type_of_event_is_known_to_the_vendor_and_none_is_refused(shared: Path) -> None:
    stated = json.loads((specs(shared) / "fields_2026-10-28.endive.json").read_text())
    assert stated["api_version"] == API_VERSION
    assert set(TOPICS) <= set(stated["event_types"])
    context = Account().context
    for kind in stated["event_types"]:
        body = {"id": "evt_1", "type": kind, "created": 1, "data": {"object": {"id": "x_1", "object": "x"}}}
        if not kind.startswith("charge.dispute."):
            decoded = decode(RawEvent(key="k", topic=kind, body=json.dumps(body).encode()), context)
            assert decoded.wanted or decoded.ignored
            assert decoded.wanted or kind not in TOPICS or kind == "invoice_payment.paid", kind


def test_the_vectors_verify_and_no_changed_byte_does(shared: Path) -> None:
    vector = json.loads((specs(shared) / "examples" / "signature_vector.json").read_text())
    now, body, secrets = datetime.fromtimestamp(1791000000, UTC), vector["body"].encode(), [vector["secret"]]
    for header in (vector["header"], vector["header_during_rotation"]):
        verify({"stripe-signature": header}, body, secrets, now)
        verify({"stripe-signature": header}, body, ["other", *secrets], now)
        for place in range(len(body)):
            touched = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            with pytest.raises(Refused):
                verify({"stripe-signature": header}, touched, secrets, now)
    header = vector["header"]
    for place in range(len(header)):
        # A "v1" that is spelt otherwise counts for nothing, and nothing else is in this header.
        touched = header[:place] + chr(ord(header[place]) ^ 1) + header[place + 1 :]
        with pytest.raises(Refused):
            verify({"stripe-signature": touched}, body, secrets, now)


def test_what_is_too_old_is_refused_and_v0_counts_for_nothing(shared: Path) -> None:
    vector = json.loads((specs(shared) / "examples" / "signature_vector.json").read_text())
    at, body, secrets = datetime.fromtimestamp(1791000000, UTC), vector["body"].encode(), [vector["secret"]]
    headers = {"stripe-signature": vector["header"]}
    verify(headers, body, secrets, at + timedelta(seconds=300))
    verify(headers, body, secrets, at - timedelta(days=1))
    with pytest.raises(Refused) as caught:
        verify(headers, body, secrets, at + timedelta(seconds=301))
    assert caught.value.code == "signature-old"
    with pytest.raises(Refused) as missing:
        verify({"stripe-signature": vector["header"].replace("v1=", "v0=")}, body, secrets, at)
    assert missing.value.code == "signature-missing"


def test_the_vendors_own_client_and_we_verify_each_other() -> None:
    body, secret, now = '{"id":"evt_1","object":"event","type":"payout.paid"}', "whsec_x", int(time.time())
    header = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=now)
    verify({"stripe-signature": header}, body.encode(), [secret], datetime.fromtimestamp(now, UTC))
    assert stripe.WebhookSignature.verify_header(body, signed(body.encode(), secret, now)["stripe-signature"], secret, 300)


@pytest.mark.parametrize("body", [{"id": "", "type": "x.y", "object": "event"}, {"id": "e", "type": "", "object": "event"},
                                  {"id": "e", "type": "x.y", "object": "charge"}])  # fmt: skip
def test_what_is_no_event_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read({}, json.dumps(body).encode())


def test_an_event_of_a_connected_account_names_it() -> None:
    (event,) = read({}, b'{"id":"evt_1","object":"event","type":"charge.succeeded","account":"acct_7"}')
    assert (event.key, event.topic, event.account) == ("evt_1", "charge.succeeded", "acct_7")


def test_a_field_that_nobody_knows_is_reported(shared: Path) -> None:
    body = json.loads((specs(shared) / "examples" / "charge.json").read_text()) | {"surprise": 1}
    assert decode(answer("charge", body), Account().context).unread == ("surprise",)
