"""The vendor's own client drives the stand-in: OAuth 1.0a over http, Basic and keys in the query over https."""

from __future__ import annotations

import asyncio
import datetime
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from woocommerce import API
from woocommerce.oauth import OAuth

from leja.connectors.woocommerce.stand_in import STAND_IN
from leja_sandbox.kit import environment
from leja_sandbox.server import SandboxServer

BEAN = {"name": "Beans", "sku": "B", "price": "9.99", "quantity": 3}
KEYS = {"consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox", "version": "wc/v3", "timeout": 20}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(slugs=["woocommerce"], specs={"woocommerce": STAND_IN}, own_ports=True) as server:
        yield server


def test_orders_are_made_read_changed_listed_and_deleted(sandbox: SandboxServer) -> None:
    api = API(url=sandbox.root_url("woocommerce"), **KEYS)
    product = api.post("products", {"name": "Tea", "regular_price": "4.50"}).json()
    made = api.post("orders", {"set_paid": True, "line_items": [{"product_id": product["id"], "quantity": 2}]})
    assert made.status_code == 201, made.text
    order = made.json()
    assert order["status"] == "processing"
    assert api.put(f"orders/{order['id']}", {"status": "completed"}).json()["status"] == "completed"
    found = api.get("orders", params={"per_page": 100, "modified_after": "2026-01-01T00:00:00", "status": "any"})
    assert order["id"] in [row["id"] for row in found.json()]
    refund = api.post(f"orders/{order['id']}/refunds", {"amount": "1.00", "api_refund": False})
    assert refund.status_code == 201, refund.text
    assert api.delete(f"orders/{order['id']}", params={"force": True}).status_code == 200
    assert api.get(f"orders/{order['id']}").status_code == 404


def test_a_shop_in_a_folder_signs_with_its_folder() -> None:
    with SandboxServer(slugs=["woocommerce:folder"], specs={"woocommerce": STAND_IN}) as server:
        api = API(url=server.url("folder"), **KEYS)
        assert api.get("orders", params={"status": "any"}).json() == []
        assert server.url("folder").endswith("/folder")


def test_a_wrong_secret_and_an_old_timestamp_are_refused(sandbox: SandboxServer) -> None:
    url = sandbox.root_url("woocommerce")
    wrong = API(url=url, **{**KEYS, "consumer_secret": "cs_other"})
    assert wrong.get("orders").json()["message"] == "Invalid signature - provided signature does not match."
    assert API(url=url, **{**KEYS, "consumer_key": "ck_other"}).get("orders").json()["message"] == "Consumer key is invalid."
    def signed(timestamp: int) -> requests.Response:
        oauth = OAuth(url=f"{url}/wp-json/wc/v3/orders", consumer_key="ck_sandbox", consumer_secret="cs_sandbox",
                      version="wc/v3", method="GET", oauth_timestamp=timestamp)  # fmt: skip
        return requests.get(oauth.get_oauth_url(), timeout=20)

    assert signed(int(time.time()) - 1_000).json()["message"] == "Invalid timestamp."
    oauth = OAuth(url=f"{url}/wp-json/wc/v3/orders", consumer_key="ck_sandbox", consumer_secret="cs_sandbox",
                  version="wc/v3", method="GET", oauth_timestamp=int(time.time()))  # fmt: skip
    once = oauth.get_oauth_url()
    assert requests.get(once, timeout=20).status_code == 200
    assert requests.get(once, timeout=20).json()["message"] == "Invalid nonce - nonce has already been used."


def test_basic_over_plain_http_is_not_even_looked_at(sandbox: SandboxServer) -> None:
    no = requests.get(f"{sandbox.root_url('woocommerce')}/wp-json/wc/v3/orders", auth=("ck_sandbox", "cs_sandbox"), timeout=20)
    assert (no.status_code, no.json()["code"]) == (401, "woocommerce_rest_cannot_view")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A shop behind TLS with a certificate of its own making; the address."""
    place = tmp_path_factory.mktemp("tls")
    _certificate(place)
    shop = STAND_IN.build(environment(public_url="https://127.0.0.1"))
    config = uvicorn.Config(shop.app, host="127.0.0.1", port=0, log_level="error", lifespan="off",
                            ssl_certfile=str(place / "cert.pem"), ssl_keyfile=str(place / "key.pem"))  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def _certificate(place: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    (place / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (place / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("in_the_query", [False, True])
def test_over_https_basic_or_the_query_carries_the_keys(secure: str, in_the_query: bool) -> None:
    settings: dict[str, Any] = {**KEYS, "verify_ssl": False, "query_string_auth": in_the_query}
    api = API(url=secure, **settings)
    assert api.post("orders", {"status": "processing"}).status_code == 201
    assert api.get("orders", params={"per_page": 5}).json()[0]["status"] == "processing"
    wrong = API(url=secure, **{**settings, "consumer_secret": "cs_other"})
    assert wrong.get("orders").json()["message"] == "Consumer secret is invalid."


def test_webhooks_arrive_over_a_socket_with_a_signature(sandbox: SandboxServer) -> None:
    shop = sandbox.stand_in("woocommerce")
    api = API(url=sandbox.root_url("woocommerce"), **KEYS)
    made = api.post("webhooks", {"topic": "order.created", "secret": "s", "delivery_url": f"{sandbox.root_url('woocommerce')}/in"})
    assert made.status_code == 201
    shop.control.call("place_order", lines=[BEAN])
    deadline = time.monotonic() + 10
    while shop.control.call("outgoing")["given_up"] < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert shop.control.call("webhooks")[0]["failures"] == 1  # nobody listens there: the ping does not count
