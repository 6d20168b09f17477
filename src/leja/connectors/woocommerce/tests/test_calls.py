"""How the connector calls a shop: where the keys travel, and what it makes of answers."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from msgspec.structs import replace

from leja.connectors.woocommerce.calls import get, identified, page, tell
from leja.connectors.woocommerce.tests.shop import Shop, run
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Http


def answering(shop: Shop, *answers: httpx2.Response) -> Any:
    """A session whose shop gives these answers, the last one for ever."""
    session, left = shop.session(), list(answers)

    async def answer(request: httpx2.Request) -> httpx2.Response:
        shop.asked.append(request)
        return left.pop(0) if len(left) > 1 else left[0]

    http = Http(base_url=session.base_url, now=shop.clock, transport=httpx2.MockTransport(answer), sleep=shop.sleep,
                private_hosts=frozenset({"127.0.0.1:80"}))  # fmt: skip
    http.pacing.sleep = shop.sleep
    return replace(session, http=http)


def test_over_http_the_key_signs_and_each_call_has_a_nonce_of_its_own() -> None:
    shop = Shop()
    session = shop.session()
    shop.sell()
    for _ in range(2):
        assert run(page(session, "/orders", {"dates_are_gmt": "true"})).total == 1
    queries = [parse_qs(request.url.query.decode()) for request in shop.asked]
    assert all("authorization" not in request.headers for request in shop.asked)
    assert all("cs_sandbox" not in str(request.url) for request in shop.asked)
    assert queries[0]["oauth_nonce"] != queries[1]["oauth_nonce"]
    assert queries[0]["oauth_signature_method"] == ["HMAC-SHA256"]


def test_over_https_the_key_travels_in_a_header_unless_the_host_strips_it() -> None:
    session = Shop().session()
    query, headers = identified(session, "GET", "https://lamu.example/wp-json/wc/v3/orders", {"page": "1"})
    assert query == {"page": "1"}
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"ck_sandbox:cs_sandbox"
    query, headers = identified(Shop().session(key_in_query=True), "GET", "https://lamu.example/x", {})
    assert (query, headers) == ({"consumer_key": "ck_sandbox", "consumer_secret": "cs_sandbox"}, {})
    with pytest.raises(NeedsConsent) as caught:
        identified(Shop().session(consumer_secret=""), "GET", "https://lamu.example/x", {})
    assert caught.value.code == "woocommerce-key"


@pytest.mark.parametrize("in_query", [False, True])
def test_a_shop_behind_tls_takes_the_key_in_its_header_or_where_the_host_demands_it(in_query: bool) -> None:
    shop = Shop("https://lamu.example")
    number = shop.sell()
    session = shop.session(key_in_query=in_query)
    assert run(get(session, f"/orders/{number}"))["id"] == number
    (request,) = shop.asked
    assert ("authorization" in request.headers) != in_query
    assert (b"cs_sandbox" in request.url.query) == in_query
    assert b"oauth" not in request.url.query


def test_a_key_that_was_taken_back_needs_consent() -> None:
    shop = Shop()
    shop.control("revoke_key", key="ck_sandbox")
    with pytest.raises(NeedsConsent) as caught:
        run(get(shop.session(), "/orders/1"))
    assert caught.value.code == "http-unauthorised"


def test_what_is_not_there_is_none_and_a_shop_without_an_api_says_so() -> None:
    shop = Shop()
    assert run(get(shop.session(), "/orders/999")) is None
    with pytest.raises(Refused) as caught:
        run(get(shop.session(api="/wp-json/wc/v9"), "/orders/999"))
    assert caught.value.code == "woocommerce-no-route"
    assert "permalinks" in (caught.value.remedy or "")


def test_a_404_of_a_firewall_proves_nothing_about_an_order() -> None:
    page_ = httpx2.Response(404, content=b"<html>Not here</html>", headers={"content-type": "text/html"})
    with pytest.raises(Refused) as caught:
        run(get(answering(Shop(), page_), "/orders/41"))
    assert caught.value.code == "woocommerce-refused"


def test_a_host_that_strips_the_count_is_read_all_the_same() -> None:
    bare = httpx2.Response(200, content=b'[{"id":1}]', headers={"content-type": "application/json"})
    listed = run(page(answering(Shop(), bare), "/orders", {}))
    assert (listed.rows, listed.total) == ([{"id": 1}], 1)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (403, b'{"code":"woocommerce_rest_cannot_view"}', NeedsConsent, "woocommerce-permission"),
        (400, b'{"code":"rest_invalid_param","message":"Ung\xc3\xbcltig"}', Refused, "woocommerce-refused"),
        (200, b"{", Transient, "woocommerce-answer"),
        (200, b'{"not":"a list"}', Transient, "woocommerce-answer"),
    ],
)
def test_answers_are_sorted_by_code_and_not_by_words(
    status: int, body: bytes, kind: type[LejaError], code: str
) -> None:
    session = answering(Shop(), httpx2.Response(status, content=body, headers={"content-type": "application/json"}))
    with pytest.raises(kind) as caught:
        run(page(session, "/orders", {}))
    assert caught.value.code == code


def test_a_firewalls_page_is_asked_again() -> None:
    shop = Shop()
    html = httpx2.Response(200, content=b"<html>Checking your browser</html>", headers={"content-type": "text/html"})
    rows = httpx2.Response(200, content=b"[]", headers={"content-type": "application/json", "x-wp-total": "0"})
    assert run(page(answering(shop, html, rows), "/orders", {})).rows == []
    assert len(shop.asked) == 2
    nonces = {parse_qs(urlsplit(str(request.url)).query)["oauth_nonce"][0] for request in shop.asked}
    assert len(nonces) == 2, "each try is signed anew"


def test_a_write_is_made_once_and_its_unreadable_answer_is_an_unknown_outcome() -> None:
    shop = Shop()
    session = answering(shop, httpx2.Response(201, content=b"<html>", headers={"content-type": "text/html"}))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(tell(session, "POST", "/webhooks", {"topic": "order.created"}))
    assert len(shop.asked) == 1
