"""What a call may end in, against a server that misbehaves on the wire."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from leja.core.errors import NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Http, retry_after
from leja.http.pacing import Pacing
from leja.http.retry import Patience

from .wire import OK, Simulated, answer, serving


def http(url: str, **more: Any) -> Http:
    clock = Simulated()
    pacing = Pacing(now=clock.now, sleep=clock.sleep)
    return Http(
        base_url=url, private_hosts=frozenset({"127.0.0.1"}), pacing=pacing, now=clock.now, sleep=clock.sleep, **more
    )


def outcome(script: tuple[Any, ...], *, write: bool, deadline: float = 5.0, **more: Any) -> Any:
    """What a call against the script ends in: an answer or an error, and the requests that arrived."""

    async def go() -> tuple[Any, list[bytes]]:
        async with serving(*script) as server:
            client = http(server.url, **more)
            try:
                result: Any = await client.send(
                    "POST", "/x", content=b"{}", write=write, deadline_seconds=deadline, idempotency_key="k-1"
                )
            except Exception as error:
                result = error
            finally:
                await client.close()
            return result, server.requests

    return asyncio.run(go())


@pytest.mark.parametrize(
    "script", [(None,), (0.5,), (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", None), (answer("500 Oops"),),
               (answer("503 Busy", "retry-after: 3"),), (answer("408 Slow"),), (b"nonsense\r\n\r\n",)],
)
def test_an_unclear_answer_is_transient_to_a_read_and_unknown_to_a_write(script: tuple[Any, ...]) -> None:
    if script[0] is not None and isinstance(script[0], bytes) and b"half" in script[0]:
        script = (script[0] + b"", )
    deadline = 0.2 if script == (0.5,) or (isinstance(script[0], bytes) and b"half" in script[0]) else 5.0
    read, _ = outcome(script, write=False, deadline=deadline)
    write, requests = outcome(script, write=True, deadline=deadline)
    assert isinstance(read, Transient), read
    assert isinstance(write, OutcomeUnknown), write
    assert write.code == "http-unclear"
    assert len(requests) == 1


@pytest.mark.parametrize("write", [True, False])
def test_a_server_error_that_the_vendor_answers_with_is_handed_on_and_no_other(write: bool) -> None:
    async def go(status: str) -> Any:
        async with serving(answer(status, body=b"<Fault/>")) as server:
            client = http(server.url)
            try:
                return await client.send("POST", "/x", content=b"{}", write=write, faults={500})
            except (Transient, OutcomeUnknown) as error:
                return error
            finally:
                await client.close()

    told = asyncio.run(go("500 Oops"))
    assert (told.status, told.body) == (500, b"<Fault/>")
    assert isinstance(asyncio.run(go("503 Busy")), OutcomeUnknown if write else Transient)


def test_a_refused_connection_is_transient_even_to_a_write() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def go() -> None:
        with pytest.raises(Transient) as caught:
            await http(f"http://127.0.0.1:{port}").send("POST", "/", write=True)
        assert caught.value.code == "http-no-connection"

    asyncio.run(go())


def test_a_name_that_does_not_resolve_is_transient_even_to_a_write() -> None:
    async def go() -> None:
        client = Http(base_url="https://nowhere.invalid")
        with pytest.raises(Transient) as caught:
            await client.send("POST", "/", write=True)
        assert caught.value.code == "http-no-connection"

    asyncio.run(go())


def test_the_idempotency_key_and_the_body_are_on_the_wire() -> None:
    result, requests = outcome((OK,), write=True)
    assert result.status == 200
    assert result.body == b"ok"
    assert b"idempotency-key: k-1" in requests[0].lower()
    assert requests[0].endswith(b"{}")


def test_429_waits_as_told_and_pauses_the_whole_connection() -> None:
    result, _ = outcome((answer("429 Slow down", "retry-after: 7"),), write=True)
    assert isinstance(result, Transient)
    assert result.retry_after == 7.0

    async def go() -> None:
        async with serving(answer("429 Slow down", "Retry-After: 7"), OK) as server:
            client = http(server.url)
            with pytest.raises(Transient):
                await client.send("GET", "/", write=False)
            assert client.pacing.delay() == pytest.approx(7.0)
            await client.close()

    asyncio.run(go())


def test_other_4xx_are_answers_for_the_connector() -> None:
    for status in (400, 403, 404, 409, 422):
        result, _ = outcome((answer(f"{status} No", body=b"why"),), write=True)
        assert (result.status, result.body) == (status, b"why")


def test_a_401_renews_the_credentials_once_inside_the_same_attempt() -> None:
    seen: list[bool] = []

    async def hook(headers: dict[str, str], *, rejected: bool) -> None:
        seen.append(rejected)
        headers["authorization"] = f"Bearer {'new' if rejected else 'old'}"

    result, requests = outcome((answer("401 Who"), OK), write=True, authorise=hook)
    assert result.status == 200
    assert seen == [False, True]
    assert b"Bearer old" in requests[0]
    assert b"Bearer new" in requests[1]
    assert requests[0].split(b"\r\n\r\n")[1] == requests[1].split(b"\r\n\r\n")[1]


def test_a_second_401_needs_consent_and_never_a_third_call() -> None:
    result, requests = outcome((answer("401 Who"), answer("401 Who"), OK), write=True)
    assert isinstance(result, NeedsConsent)
    assert len(requests) == 2


def test_a_drop_after_the_renewed_credentials_is_unknown_to_a_write() -> None:
    result, _ = outcome((answer("401 Who"), None), write=True)
    assert isinstance(result, OutcomeUnknown)


def test_credentials_never_follow_a_redirect_to_another_host() -> None:
    async def hook(headers: dict[str, str], *, rejected: bool) -> None:
        headers["authorization"] = "Bearer secret"

    async def go() -> None:
        async with serving() as other, serving(answer("302 There", f"location: {other.url}/")) as server:
            client = http(server.url, authorise=hook)
            with pytest.raises(Refused) as caught:
                await client.send("GET", "/", write=False)
            assert caught.value.code == "http-redirect"
            assert other.requests == []
            await client.close()

    asyncio.run(go())


def test_a_read_follows_a_redirect_on_its_own_host() -> None:
    result, requests = outcome((answer("302 There", "location: /new"), OK), write=False)
    assert result.status == 200
    assert b"POST /new" in requests[1]


def test_a_write_follows_no_redirect() -> None:
    done, requests = outcome((answer("303 Done", "location: /new"), OK), write=True)
    assert isinstance(done, OutcomeUnknown)
    assert len(requests) == 1
    moved, requests = outcome((answer("307 Moved", "location: /new"), OK), write=True)
    assert isinstance(moved, Refused)
    assert len(requests) == 1


def test_a_next_link_to_another_host_is_refused_before_a_byte_leaves() -> None:
    async def go() -> None:
        async with serving() as other, serving() as server:
            client = http(server.url)
            with pytest.raises(Refused) as caught:
                await client.send("GET", other.url.replace("127.0.0.1", "localhost") + "/page2", write=False)
            assert caught.value.code == "address-host"
            assert other.requests == []

    asyncio.run(go())


def test_no_cookie_is_kept() -> None:
    async def go() -> None:
        async with serving(answer("200 OK", "set-cookie: a=b"), OK) as server:
            client = http(server.url)
            await client.send("GET", "/", write=False)
            await client.send("GET", "/", write=False)
            assert b"cookie" not in server.requests[1].lower()
            await client.close()

    asyncio.run(go())


def test_an_endless_answer_is_cut_off() -> None:
    result, _ = outcome((answer("200 OK", body=b"x" * 5000),), write=False, largest_answer=1000)
    assert isinstance(result, Transient)
    assert result.code == "http-answer-size"


def test_reads_are_tried_again_and_then_given_up() -> None:
    async def go() -> None:
        async with serving(None, answer("500 Oops"), OK) as server:
            client = http(server.url)
            assert (await client.read("GET", "/")).status == 200
            assert len(server.requests) == 3
            server.script = [None] * 9
            with pytest.raises(Transient):
                await client.read("GET", "/", patience=Patience(attempts=3))
            assert len(server.requests) == 6
            await client.close()

    asyncio.run(go())


def test_being_asked_to_wait_costs_no_attempt() -> None:
    async def go() -> None:
        async with serving(*[answer("429 Wait", "retry-after: 1")] * 6, OK) as server:
            client = http(server.url)
            assert (await client.read("GET", "/", patience=Patience(attempts=2))).status == 200
            await client.close()

    asyncio.run(go())


def test_retry_after_reads_numbers_dates_and_rubbish() -> None:
    now = Simulated().now()
    assert retry_after("12", now) == 12.0
    assert retry_after("Sun, 01 Mar 2026 00:00:30 GMT", now) == 30.0
    assert retry_after("soon", now) == 1.0
    assert retry_after(None, now) == 1.0
    assert retry_after("-5", now) == 1.0
