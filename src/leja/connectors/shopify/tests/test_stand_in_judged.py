"""The stand-in of Shopify, held to the vendor's own descriptions and driven by the vendor's client."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import shopify
from graphql import (
    GraphQLNonNull,
    build_client_schema,
    is_enum_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_union_type,
    parse,
    validate,
)

from leja.connectors.shopify.stand_in import STAND_IN
from leja.connectors.shopify.stand_in_graphql import load_schema
from leja.connectors.shopify.stand_in_hooks import Hooks
from leja.connectors.shopify.stand_in_orders import Orders, Shop
from leja.connectors.shopify.tests.stand_in_shop import call, query, rich
from leja_sandbox.kit import Environment, SimulatedClock, StandIn, environment
from leja_sandbox.server import SandboxServer


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(datetime(2026, 6, 1, 9, tzinfo=UTC))


@pytest.fixture
def env(clock: SimulatedClock) -> Environment:
    return environment(clock=clock)


@pytest.fixture
def shop(env: Environment) -> StandIn:
    return STAND_IN.build(env)


@pytest.fixture
def served(clock: SimulatedClock) -> Iterator[SandboxServer]:
    with SandboxServer(specs={"shopify": STAND_IN}, clock=clock, own_ports=True) as server:
        yield server


@pytest.fixture
def reference() -> Path:
    folder = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "shopify"
    if not folder.is_dir():
        pytest.skip("NOT RUN: ../shared is absent, so the vendor's own descriptions cannot judge")
    return folder


@pytest.fixture(params=["2026-07", "2026-10"])
def official(reference: Path, request: pytest.FixtureRequest) -> Any:
    with gzip.open(reference / f"admin_graphql_introspection_{request.param}.json.gz") as file:
        return build_client_schema(json.load(file)["data"])


# --- the vendor's description ---------------------------------------------------------------------------------------


# What the stand-in's version, 2026-10, has and the one before it had not.
NEWER = {"OrderDisplayFulfillmentStatus.FULFILLMENT_NOT_REQUIRED"}


def test_our_schema_says_nothing_that_the_vendor_does_not(official, request):
    newer = NEWER if request.node.callspec.params["official"] == "2026-07" else set()
    ours = load_schema()
    seen = 0
    for name, kind in ours.type_map.items():
        if name.startswith("__"):
            continue
        theirs = {"Query": official.query_type, "Mutation": official.mutation_type}.get(name) or official.type_map[name]
        for value in getattr(kind, "values", {}):
            assert (value in theirs.values) != (f"{name}.{value}" in newer), f"{name}.{value}"
        for field, described in getattr(kind, "fields", {}).items():
            assert str(described.type) == str(theirs.fields[field].type), f"{name}.{field}"
            seen += 1
            for argument, its in getattr(described, "args", {}).items():
                assert str(its.type) == str(theirs.fields[field].args[argument].type), f"{name}.{field}({argument})"
        for interface in getattr(kind, "interfaces", ()):
            assert interface.name in {one.name for one in theirs.interfaces}, name
    assert seen > 600


OURS = load_schema()


def everything(kind: Any, above: tuple[str, ...] = ()) -> str:
    """A selection of all fields that the stand-in has below a type, no type inside itself."""
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    if is_interface_type(kind) or is_union_type(kind):
        schema = OURS
        inside = [(one.name, everything(one, above)) for one in schema.get_possible_types(kind)]
        parts = [f"... on {name} {below}" for name, below in inside if below]
        return "{ __typename " + " ".join(parts) + " }"
    chosen = []
    for name, field in kind.fields.items():
        inner = field.type
        while hasattr(inner, "of_type"):
            inner = inner.of_type
        if is_leaf_type(inner):
            chosen.append(name)
        elif inner.name not in above and len(above) < 7 and (below := everything(inner, (*above, kind.name))):
            first = "(first: 2)" if "first" in field.args else ""
            chosen.append(f"{name}{first} {below}")
    return "{ " + " ".join(chosen) + " }" if chosen else ""


def judged(value: Any, kind: Any, selections: Any, schema: Any, path: str) -> int:
    """Holds an answer to the vendor's types; returns how many values were judged."""
    if isinstance(kind, GraphQLNonNull):
        assert value is not None, f"{path} is null"
        kind = kind.of_type
    if value is None:
        return 1
    if is_list_type(kind):
        assert isinstance(value, list), path
        return 1 + sum(judged(item, kind.of_type, selections, schema, f"{path}[]") for item in value)
    if is_enum_type(kind):
        assert value in kind.values, f"{path}: {value}"
        return 1
    if is_leaf_type(kind):
        right = {"Int": int, "Boolean": bool, "Float": float}.get(kind.name, str)
        assert type(value) is right, f"{path}: {value!r} is no {kind.name}"
        return 1
    seen = 0
    for node in selections.selections:
        if node.kind == "inline_fragment":
            if node.type_condition.name.value == value["__typename"]:
                inside = schema.type_map[value["__typename"]]
                seen += judged(value, inside, node.selection_set, schema, path)
            continue
        name = node.name.value
        if name != "__typename":
            seen += judged(value[name], kind.fields[name].type, node.selection_set, schema, f"{path}.{name}")
    return seen


def test_every_field_that_is_served_is_answered_as_the_vendor_types_it(shop, official):
    rich(shop)
    shop.control.call("cancel", order=shop.control.call("place_order", lines=[{"title": "C", "price": "1"}])["name"])
    shop.control.call("payout", lines=[{"kind": "ADJUSTMENT", "amount": "-1.00", "reason": "odd"}])
    query(shop, 'mutation { webhookSubscriptionCreate(topic: ORDERS_CREATE, webhookSubscription: {uri: "https://a.b"})'
                " { userErrors { message } } }")  # fmt: skip
    seen = 0
    ours = load_schema().query_type
    for field in ("orders", "shopifyPaymentsAccount", "webhookSubscriptions", "locations", "shop", "tenderTransactions",
                  "currentAppInstallation", "publicApiVersions", "ordersCount"):  # fmt: skip
        arguments = "(first: 2)" if "first" in ours.fields[field].args else ""
        text = f"{{ {field}{arguments} {everything(ours.fields[field].type)} }}"
        assert validate(official, parse(text)) == [], field
        shop.env.clock.advance(100)
        answer = query(shop, text)
        assert "errors" not in answer, (field, answer.get("errors"))
        seen += judged(answer["data"], official.query_type, parse(text).definitions[0].selection_set, official, "data")
    assert seen > 2000


def test_the_reference_queries_are_answered(shop, reference, official):
    made = rich(shop)
    asked = {
        "orders-incremental": {"q": "updated_at:>='2026-03-01T00:00:00Z'"},
        "order-sales-agreements": {"id": f"gid://shopify/Order/{made['id']}"},
        "payouts": {},
        "balance-transactions": {},
        "tender-transactions": {},
        "webhook-subscription-create": {"t": "ORDERS_PAID", "s": {"uri": "https://example.com/hook"}},
    }
    for name, variables in asked.items():
        text = (reference / "examples" / "graphql" / f"{name}.graphql").read_text()
        answer = query(shop, text, **variables)
        assert "errors" not in answer, name
        document = parse(text).definitions[0]
        root = official.mutation_type if document.operation.value == "mutation" else official.query_type
        assert judged(answer["data"], root, document.selection_set, official, name) > 2


def shape_of(value: Any, path: str = "") -> set[str]:
    """The paths of all keys."""
    if isinstance(value, dict):
        return {p for key, inner in value.items() for p in {f"{path}.{key}", *shape_of(inner, f"{path}.{key}")}}
    if isinstance(value, list):
        return {p for inner in value for p in shape_of(inner, f"{path}[]")}
    return set()


def test_the_rest_order_has_the_fields_of_the_vendors_samples(shop, reference):
    made = rich(shop)
    ours = call(shop, "GET", f"/admin/api/2026-07/orders/{made['id']}.json").json()
    theirs = json.loads((reference / "examples" / "rest-2026-07" / "order.json").read_text())
    top, expected = set(ours["order"]), set(theirs["order"])
    assert top == expected
    for part in ("line_items", "fulfillments", "refunds", "shipping_lines", "tax_lines", "discount_applications"):
        lacking = set(theirs["order"][part][0]) - set(ours["order"][part][0])
        assert lacking <= {"title", "code"}, part
    refund = json.loads((reference / "examples" / "rest-2026-07" / "refunds-list.json").read_text())["refunds"][0]
    assert set(ours["order"]["refunds"][0]) == set(refund)
    row = json.loads((reference / "examples" / "rest-2026-07" / "transactions-list.json").read_text())["transactions"][
        0
    ]
    listed = call(shop, "GET", f"/admin/api/2026-07/orders/{made['id']}/transactions.json").json()["transactions"]
    assert set(listed[0]) == set(row)


def test_the_traps_of_the_vendors_json_are_there(shop):
    made = rich(shop)
    body = call(shop, "GET", f"/admin/api/2026-07/orders/{made['id']}/refunds.json").text
    assert '"subtotal":10.92' in body
    assert '"total_tax":' in body
    row = json.loads(body)["refunds"][0]["transactions"][0]["total_unsettled_set"]["shop_money"]
    assert row == {"amount": "0.0", "currency": "GBP"}


# --- the vendor's client --------------------------------------------------------------------------------------------


@pytest.fixture
def session(served: SandboxServer) -> Iterator[None]:
    place = urlsplit(served.root_url("shopify"))
    shopify.Session.setup(
        api_key="sandbox-client", secret="shpss_sandbox", protocol="http", myshopify_domain="x", port=1
    )
    opened = shopify.Session("shop.x", "2026-07", "shpat_sandbox")
    opened.url = place.netloc
    shopify.ShopifyResource.activate_session(opened)
    yield
    shopify.ShopifyResource.clear_session()


def test_the_official_client_pages_through_the_orders(served, session):
    control = served.stand_in("shopify").control
    made = control.call("place_orders", orders=[{"lines": [{"title": "Cup", "price": "3.00"}]} for _ in range(12)])
    page, found = shopify.Order.find(status="any", limit=5), []
    while True:
        found += [order.id for order in page]
        if not page.has_next_page():
            break
        page = page.next_page()
    assert sorted(found) == [row["id"] for row in made]
    assert shopify.Order.count(status="any") == 12
    assert len(shopify.Order.find()) == 0, "paid and shipped orders are archived, and open is the default"


def test_the_official_client_reads_an_order_its_transactions_and_refunds(served, session):
    made = rich(served.stand_in("shopify"))
    order = shopify.Order.find(made["id"])
    assert (order.name, order.financial_status, order.total_price) == ("#1001", "partially_refunded", "61.10")
    assert [row.kind for row in shopify.Transaction.find(order_id=made["id"])] == ["sale", "refund", "sale"]
    refund = shopify.Refund.find(order_id=made["id"])[0]
    assert refund.order_adjustments[0].amount == "4.30"


def test_the_official_client_runs_graphql(served, session):
    rich(served.stand_in("shopify"))
    answer = json.loads(
        shopify.GraphQL().execute("{ orders(first: 1) { nodes { name totalPriceSet { shopMoney { amount } } } } }")
    )
    assert answer["data"]["orders"]["nodes"][0]["totalPriceSet"]["shopMoney"]["amount"] == "61.1"


def test_the_official_client_accepts_the_signature_of_the_oauth_call_back(shop):
    shopify.Session.setup(api_key="sandbox-client", secret="shpss_sandbox")
    answer = call(shop, "GET", "/admin/oauth/authorize?client_id=sandbox-client&scope=read_orders&state=s"
                  "&redirect_uri=https://leja.test/back", headers={})  # fmt: skip
    back = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert shopify.Session.calculate_hmac(back) == back["hmac"]


def test_the_signature_is_the_vendors(reference, clock):
    vector = json.loads((reference / "examples" / "signature-vectors.json").read_text())["webhook"]
    shop = STAND_IN.build(environment(clock=clock, settings={"client_secret": vector["secret"]}))
    facts = Shop(domain="d", name="n", currency="GBP", zone="UTC", fee_rate=0, fee_flat=0, payments=False)
    hooks = Hooks(shop.env, Orders(shop.env, facts), None, vector["secret"], 1.0)
    headers = hooks.signed_headers("orders/create", vector["raw_body_utf8"].encode(), "e", "2026-10")
    assert headers[vector["header"]] == vector["value"]
