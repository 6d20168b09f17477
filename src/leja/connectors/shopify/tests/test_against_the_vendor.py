"""Against the vendor's own material: schema, REST examples, signature vectors."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import build_client_schema, parse, validate

from leja.connectors.contract import Context, RawEvent
from leja.connectors.shopify import queries, rest, source, webhook, wire
from leja.connectors.shopify.meaning import documents_of
from leja.connectors.shopify.reading import read
from leja.core.errors import Refused
from leja.documents.sale import Sale

SPECS = Path(__file__).resolve().parents[6] / "shared" / "specs" / "shopify"
CONTEXT = Context(settings=None, zone="America/New_York", base_currency="USD")
pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="NOT RUN: ../shared is absent")

# What an example is not: read by this connector, and why.
NOT_READ = {
    "customer.json": "the order carries its customer", "disputes-list.json": "disputes come with the payout",
    "draft-orders-list.json": "a draft is no sale", "gift-cards-list.json": "the sale of a card is an order line",
    "inventory-items-list.json": "no stock in this connector yet", "inventory-level-adjust.json": "no stock yet",
    "inventory-levels-list.json": "no stock yet", "locations-list.json": "locations are set up, not decoded",
    "payouts-list.json": "payouts are read over GraphQL, with their lines", "product.json": "no catalogue",
    "refund-calculate.json": "a calculation, nothing that happened", "variant.json": "no catalogue",
    "tender-transactions-list.json": "the order's own movements say the same", "webhook-create.json": "GraphQL",
    "webhooks-list.json": "GraphQL",
}
MOVED = "order_transactions/create"
TOPIC = {"refunds": "refunds/create", "transactions": MOVED, "transaction": MOVED}


@pytest.mark.parametrize("quarter", ["2026-07", "2026-10"])
def test_every_question_is_valid_by_the_schema(quarter: str) -> None:
    whole = json.loads(gzip.decompress((SPECS / f"admin_graphql_introspection_{quarter}.json.gz").read_bytes()))
    schema = build_client_schema(whole["data"], assume_valid=True)
    assert len(queries.ALL) == 14
    for text in queries.ALL:
        assert [error.message for error in validate(schema, parse(text))] == []


def test_every_topic_we_subscribe_to_exists() -> None:
    topics = json.loads((SPECS / "webhook_topics_2026-10.json").read_text())
    known = json.dumps(topics)
    for topic in webhook.TOPICS:
        assert f'"{topic}"' in known


def examples() -> list[tuple[str, str, dict[str, Any]]]:
    """Every example that is a thing of ours: file, topic, body."""
    found = []
    for path in sorted((SPECS / "examples" / "rest-2026-07").glob("*.json")):
        if path.name in NOT_READ:
            continue
        (name, content), *_ = json.loads(path.read_text()).items()
        topic = TOPIC.get(name, "orders/updated")
        found += [(path.name, topic, one) for one in (content if isinstance(content, list) else [content])]
    return found


def test_every_example_is_read_or_stands_in_the_list() -> None:
    names = {path.name for path in (SPECS / "examples" / "rest-2026-07").glob("*.json")}
    assert set(NOT_READ) <= names
    assert len(examples()) >= 15


@pytest.mark.parametrize(("name", "topic", "body"), examples() if SPECS.is_dir() else [])
def test_an_example_decodes_with_no_field_unread(name: str, topic: str, body: dict[str, Any]) -> None:
    decoded = source.decode(RawEvent(key="k", topic=topic, body=json.dumps(body).encode()), CONTEXT)
    assert decoded.unread == ()
    assert decoded.documents or decoded.wanted


ORDERS = [(name, body) for name, topic, body in examples() if topic == "orders/updated"] if SPECS.is_dir() else []


@pytest.mark.parametrize(("name", "body"), ORDERS)
def test_the_lines_of_an_example_come_to_its_total(name: str, body: dict[str, Any]) -> None:
    order, _ = read(json.dumps(body).encode(), wire.Order)
    (sale, *_), ties = documents_of(rest.facts_of(order), CONTEXT)
    assert isinstance(sale, Sale)
    charged = sum(line.listed.minor - (line.discount.minor if line.discount else 0) for line in sale.lines)
    taxes = sum(tax.amount.minor for line in sale.lines for tax in line.taxes)
    assert charged + (0 if sale.prices_include_tax else taxes) == sale.total.minor
    # The vendor put the refund of another order into these; it must be seen not to tie.
    assert ties == (not body["refunds"])


def test_the_signature_vector_holds() -> None:
    vector = json.loads((SPECS / "examples" / "signature-vectors.json").read_text())["webhook"]
    body = vector["raw_body_utf8"].encode()
    webhook.verify({"x-shopify-hmac-sha256": vector["value"]}, body, ["other", vector["secret"]], None)  # type: ignore[arg-type]
    webhook.verify({"Shopify-Hmac-SHA256": vector["value"]}, body, [vector["secret"]], None)  # type: ignore[arg-type]
    forged = base64.b64encode(bytes([base64.b64decode(vector["value"])[0] ^ 1, *base64.b64decode(vector["value"])[1:]]))
    with pytest.raises(Refused):
        webhook.verify({"x-shopify-hmac-sha256": forged.decode()}, body, [vector["secret"]], None)  # type: ignore[arg-type]
