"""Redaction, signatures, retry."""

from __future__ import annotations

import asyncio

import pytest

from leja.core.errors import OutcomeUnknown, Refused, Transient
from leja.http.redaction import kept_headers, scrub
from leja.http.retry import Patience, reads
from leja.http.signatures import signed, verify


def test_only_listed_headers_are_kept() -> None:
    kept = kept_headers({
        "X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": "sig", "Authorization": "Bearer x",
        "X-Shopify-Access-Token": "t", "Cookie": "a", "Content-Type": "application/json", "X-Custom": "y",
        "X-Shopify-Webhook-Id": "1", "X-Shopify-Triggered-At": "2026-01-01T00:00:00Z", "X-Topic-Token": "secret",
        "Shopify-Event-Id": "9",
    })
    assert kept == {
        "x-shopify-topic": "orders/create", "content-type": "application/json", "x-shopify-webhook-id": "1",
        "x-shopify-triggered-at": "2026-01-01T00:00:00Z", "shopify-event-id": "9",
    }


def test_texts_lose_their_secrets() -> None:
    text = "GET https://a.com/?access_token=abc123&x=1 Authorization: Bearer abcdef123456 with hunter2hunter2"
    clean = scrub(text, ["hunter2hunter2", ""])
    assert "abc123" not in clean
    assert "abcdef123456" not in clean
    assert "hunter2" not in clean
    assert "x=1" in clean


def test_a_signature_is_that_of_any_valid_secret_over_these_bytes_alone() -> None:
    body = b'{"a":1}'
    verify(["new", "old"], body, signed("old", body))
    verify(["new"], body, signed("new", body, encoding="hex", algorithm="sha512"), encoding="hex", algorithm="sha512")
    for secrets, message, given in (
        (["new"], body, signed("old", body)), (["old"], body + b" ", signed("old", body)), ([], body, signed("", body)),
        ([""], body, signed("", body)), (["old"], body, "ä"), (["old"], body, signed("old", body)[:-1]),
    ):
        with pytest.raises(Refused) as caught:
            verify(secrets, message, given)
        assert caught.value.code == "signature-wrong"
    with pytest.raises(Refused) as caught:
        verify(["old"], body, None)
    assert caught.value.code == "signature-missing"


def test_waits_grow_with_jitter_up_to_a_bound() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def always() -> None:
        raise Transient("http-server", "x")

    async def go() -> None:
        with pytest.raises(Transient):
            await reads(always, Patience(attempts=6, first=1, longest=5, jitter=0.5), sleep=sleep, chance=lambda: 1.0)

    asyncio.run(go())
    assert slept == [1.5, 3.0, 6.0, 7.5, 7.5]


def test_an_unknown_outcome_is_never_tried_again() -> None:
    tries = 0

    async def once() -> None:
        nonlocal tries
        tries += 1
        raise OutcomeUnknown("http-unclear", "x")

    async def go() -> None:
        with pytest.raises(OutcomeUnknown):
            await reads(once)

    asyncio.run(go())
    assert tries == 1
