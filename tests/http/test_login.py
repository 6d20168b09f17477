"""Sessions that a password opens, and systems whose certificate nobody else knows."""

from __future__ import annotations

import asyncio
import datetime
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from leja.core.errors import LejaError, NeedsConsent, Refused
from leja.http.client import Http, trusted
from leja.http.login import SessionKeeper


class Counted:
    """Logs in, and counts how often; ``slow`` lets others wait for it meanwhile."""

    def __init__(self, *, slow: bool = False, fails: bool = False) -> None:
        self.slow, self.fails, self.times = slow, fails, 0

    async def __call__(self) -> dict[str, str]:
        self.times += 1
        if self.slow:
            await asyncio.sleep(0.01)
        if self.fails:
            raise NeedsConsent("test-login", "no")
        return {"cookie": f"session-{self.times}"}


async def one(authorise: Any, *, rejected: bool = False) -> str:
    headers: dict[str, str] = {}
    await authorise(headers, rejected=rejected)
    return headers["cookie"]


def test_a_session_is_shared_and_renewed_once_by_all_whose_call_was_refused() -> None:
    log_in = Counted(slow=True)

    async def call(authorise: Any) -> list[str]:
        return [await one(authorise), await one(authorise, rejected=True)]

    async def many() -> list[list[str]]:
        authorise = SessionKeeper().of(log_in, "facts")
        return await asyncio.gather(*(asyncio.create_task(call(authorise)) for _ in range(6)))

    told = asyncio.run(many())
    assert {tuple(each) for each in told} == {("session-1", "session-2")}
    assert log_in.times == 2


def test_whoever_was_refused_with_an_old_session_takes_the_one_that_another_opened() -> None:
    log_in = Counted()

    async def both() -> list[str]:
        authorise = SessionKeeper().of(log_in, "facts")
        ready, go_on = asyncio.Event(), asyncio.Event()

        async def late() -> list[str]:
            first = await one(authorise)
            ready.set()
            await go_on.wait()
            return [first, await one(authorise, rejected=True)]

        task = asyncio.create_task(late())
        await ready.wait()
        assert await asyncio.create_task(_refused(authorise)) == "session-2"
        go_on.set()
        return await task

    assert asyncio.run(both()) == ["session-1", "session-2"]
    assert log_in.times == 2


async def _refused(authorise: Any) -> str:
    await one(authorise)
    return await one(authorise, rejected=True)


def test_a_log_in_that_fails_is_tried_again_by_the_next_call() -> None:
    log_in, keeper = Counted(fails=True), SessionKeeper()

    async def calls() -> str:
        with pytest.raises(NeedsConsent):
            await one(keeper.of(log_in, "facts"))
        log_in.fails = False
        return await one(keeper.of(log_in, "facts"))

    assert asyncio.run(calls()) == "session-2"


def test_other_facts_open_another_session() -> None:
    log_in, keeper = Counted(), SessionKeeper()

    async def calls() -> list[str]:
        return [await one(keeper.of(log_in, facts)) for facts in ("old", "old", "new")]

    assert asyncio.run(calls()) == ["session-1", "session-1", "session-2"]


def test_a_keeper_serves_several_loops() -> None:
    log_in, keeper = Counted(), SessionKeeper()
    assert [asyncio.run(one(keeper.of(log_in, "facts"))) for _ in range(3)] == ["session-1"] * 3


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def private_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A system whose certificate is its own authority: address and certificate."""
    place = tmp_path_factory.mktemp("tls")
    certificate = _certificate(place)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off",
                            ssl_certfile=str(place / "cert.pem"), ssl_keyfile=str(place / "key.pem"))  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}", certificate
    server.should_exit = True
    thread.join(10)


def _certificate(place: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    (place / "cert.pem").write_bytes(pem)
    (place / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))  # fmt: skip
    return pem.decode()


def called(url: str, trust: str) -> int:
    port = url.rpartition(":")[2]

    async def call() -> int:
        http = Http(base_url=url, private_hosts=frozenset({f"localhost:{port}", f"127.0.0.1:{port}"}), trust=trust)
        try:
            return (await http.send("GET", "/", write=False)).status
        finally:
            await http.close()

    return asyncio.run(call())


def test_a_private_authority_is_believed_only_where_it_is_stated(private_system: tuple[str, str]) -> None:
    url, certificate = private_system
    assert called(url, certificate) == 200
    with pytest.raises(LejaError, match="cannot be reached"):
        called(url, "")


def test_the_name_in_the_certificate_is_checked_all_the_same(private_system: tuple[str, str]) -> None:
    url, certificate = private_system
    with pytest.raises(LejaError, match="cannot be reached"):
        called(url.replace("localhost", "127.0.0.1"), certificate)


def test_certificates_that_are_none_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        trusted("no certificate")
    assert refused.value.code == "certificates-unreadable"
