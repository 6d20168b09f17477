"""Against the vendor's own material: schema, REST examples, signature vectors."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import build_client_schema, parse, validate

from leja.connectors.contract import Context
from leja.connectors.shopify import queries, rest, webhook, wire
from leja.connectors.shopify.meaning import documents_of
from leja.connectors.shopify.reading import read
from leja.connectors.shopify.tests.reference import events
from leja.core.errors import Refused
from leja.documents.sale import Sale

SPECS = Path(__file__).resolve().parents[6] / "shared" / "specs" / "shopify"
CONTEXT = Context(settings=None, zone="America/New_York", base_currency="USD")
pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="NOT RUN: ../shared is absent")

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


def orders() -> list[tuple[str, dict[str, Any]]]:
    """Every order among the examples, with its file."""
    files = sorted((SPECS / "examples" / "rest-2026-07").glob("*.json"))
    return [(path.name, json.loads(event.body)) for path in files for event in events(path.name, path.read_bytes()) if event.topic == "orders/updated"]


ORDERS = orders() if SPECS.is_dir() else []


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
