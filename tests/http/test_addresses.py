"""Where calls may go, and where not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leja.core.errors import Refused
from leja.http import addresses
from leja.http.addresses import Addresses, PinnedBackend, Target, expanded, matches, private_hosts, public, resolved


def code(call: Any) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return str(caught.value.code)


@pytest.mark.parametrize(
    "url",
    ["https://u:p@a.com/", "https://a.com\\@b.com/", "ftp://a.com/", "//a.com/", "https:///x", "https://a.com:99999/",
     "https://a b.com/", "https://ä.com/", "javascript:alert(1)", "https://a.com\r\nhost: b"],
)
def test_tricks_in_an_address_are_refused(url: str) -> None:
    assert code(lambda: Addresses(("a.com",)).target(url)) == "address-unreadable"


def test_only_declared_hosts_are_called() -> None:
    allowed = Addresses(("*.myshopify.com", "api.example.com"))
    assert allowed.target("https://x.myshopify.com/a").host == "x.myshopify.com"
    for url in ("https://myshopify.com", "https://evilmyshopify.com", "https://x.myshopify.com.evil.com",
                "https://API.example.com.evil.org", "https://127.0.0.1", "https://[::1]"):
        assert code(lambda url=url: allowed.target(url)) == "address-host"


def test_plain_http_needs_a_name_in_the_setting() -> None:
    assert code(lambda: Addresses(("a.com",)).target("http://a.com/")) == "address-scheme"
    named = private_hosts({"LEJA_ALLOW_PRIVATE_HOSTS": " A.com , 127.0.0.1:8443 "})
    assert Addresses(("a.com",), named).target("http://a.com/").port == 80
    assert Addresses(("127.0.0.1",), named).target("http://127.0.0.1:8443/").port == 8443
    assert code(lambda: Addresses(("127.0.0.1",), named).target("http://127.0.0.1:9000/")) == "address-scheme"


@pytest.mark.parametrize(
    "number", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.9.9", "169.254.169.254", "0.0.0.0", "::1",
               "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "100.64.0.1", "224.0.0.1"],
)
def test_numbers_inside_private_networks_are_known(number: str) -> None:
    assert not public(number)


def test_a_name_that_leads_inside_is_refused_though_its_name_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", port)), (2, 1, 6, "", ("10.0.0.5", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", lookup)

    async def go() -> None:
        with pytest.raises(Refused) as caught:
            await resolved(Target("https", "a.com", 443), Addresses(("a.com",)))
        assert caught.value.code == "address-private"
        allowed = Addresses(("a.com",), frozenset({"a.com"}))
        assert await resolved(Target("https", "a.com", 443), allowed) == "93.184.216.34"

    asyncio.run(go())


def test_the_number_that_was_judged_is_the_number_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = iter(["93.184.216.34", "127.0.0.1"])
    connected: list[str] = []

    async def once(target: Target, allowed: Addresses) -> str:
        return next(lookups)

    monkeypatch.setattr(addresses, "resolved", once)
    backend = PinnedBackend(Addresses(("a.com",)))

    class Network:
        async def connect_tcp(self, host: str, *_: Any) -> Any:
            connected.append(host)

    backend._network = Network()  # type: ignore[assignment]
    asyncio.run(backend.connect_tcp("a.com", 443))
    assert connected == ["93.184.216.34"]


def test_host_patterns_and_placeholders() -> None:
    assert expanded(("{shop}", "api.example.com"), {"shop": "x.myshopify.com", "n": 1}) == (
        "x.myshopify.com", "api.example.com")
    assert matches("a.b.com", "*.b.com")
    assert not matches("b.com", "*.b.com")
