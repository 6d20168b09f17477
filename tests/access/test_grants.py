"""Tokens that rotate on use, several workers, and a process that dies at any point of a refresh."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from leja.access.grants import EARLY, PATIENCE, GrantKeeper, load, store
from leja.access.vault import Vault
from leja.core.errors import NeedsConsent, OutcomeUnknown, Transient
from leja.database.engine import Database
from leja.http.oauth import Tokens

ORG, CONNECTION = uuid4(), uuid4()


class Died(BaseException):
    """The process is gone: nothing after this point runs."""


class Vendor:
    """A token endpoint that voids a refresh token when it gives the next; ``grace`` still takes the one before."""

    def __init__(self, clock: Any, *, grace: bool = False) -> None:
        self.clock, self.grace, self.number, self.calls = clock, grace, 1, 0
        self.before: BaseException | None = None
        self.after: BaseException | None = None

    async def refresh(self, tokens: Tokens) -> Tokens:
        self.calls += 1
        await asyncio.sleep(0)
        if self.before is not None:
            raise self.before
        given = int(tokens.refresh.removeprefix("R"))
        if given != self.number and not (self.grace and given == self.number - 1):
            raise NeedsConsent("oauth-token-refused", "the vendor refused to give tokens: invalid_grant")
        self.number += 1
        if self.after is not None:
            raise self.after
        return tokens_of(self.number, self.clock())


def tokens_of(number: int, now: datetime) -> Tokens:
    return Tokens(access=f"A{number}", refresh=f"R{number}", obtained_at=now, expires_at=now + timedelta(hours=1))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open_file(tmp_path / "keys")


@pytest.fixture
def connected(database: Database, vault: Vault, clock: Any) -> Database:
    with database.transaction() as conn:
        conn.execute(
            "INSERT INTO org (org_id, name, base_currency, created_at) VALUES (%s, 'o', 'GBP', %s)", (ORG, clock())
        )
        conn.execute(
            "INSERT INTO connection (org_id, connection_id, name, slug, duty, start_date, door, created_at)"
            " VALUES (%s, %s, 'c', 'x', 'accounting', %s, 'd', %s)",
            (ORG, CONNECTION, clock().date(), clock()),
        )
        assert store(conn, ORG, vault, CONNECTION, tokens_of(1, clock())) == 1
    return database


def keeper(database: Database, vault: Vault, clock: Any, vendor: Vendor, holder: str = "one") -> GrantKeeper:
    async def sleep(seconds: float) -> None:
        clock.forward(seconds=seconds)
        await asyncio.sleep(0.002)

    return GrantKeeper(
        database=database,
        vault=vault,
        org_id=ORG,
        connection_id=CONNECTION,
        refresher=vendor.refresh,
        now=clock,
        holder=holder,
        sleep=sleep,
    )


def bearer(one: GrantKeeper, *, rejected: bool = False) -> str:
    headers: dict[str, str] = {}
    asyncio.run(one.authorise(headers, rejected=rejected))
    return headers["authorization"]


def over(clock: Any) -> None:
    clock.forward(hours=1)


def test_a_token_that_holds_is_used_and_one_that_is_over_is_renewed_and_saved_first(
    connected: Database, vault: Vault, clock: Any
) -> None:
    vendor = Vendor(clock)
    assert bearer(keeper(connected, vault, clock, vendor)) == "Bearer A1"
    clock.forward(seconds=3600 - EARLY.total_seconds())
    assert bearer(keeper(connected, vault, clock, vendor)) == "Bearer A2"
    with connected.transaction() as conn:
        grant = load(conn, ORG, vault, CONNECTION)
    assert (grant.generation, grant.tokens.refresh, grant.refresh_begun_at) == (2, "R2", None)
    assert bearer(keeper(connected, vault, clock, vendor, "two")) == "Bearer A2"
    assert vendor.calls == 1


def test_many_workers_refresh_once(connected: Database, vault: Vault, clock: Any) -> None:
    vendor = Vendor(clock)
    over(clock)

    async def all_at_once() -> set[str]:
        async def one(holder: str) -> str:
            headers: dict[str, str] = {}
            await keeper(connected, vault, clock, vendor, holder).authorise(headers, rejected=False)
            return headers["authorization"]

        return set(await asyncio.gather(*(one(f"worker-{n}") for n in range(6))))

    assert asyncio.run(all_at_once()) == {"Bearer A2"}
    assert vendor.calls == 1


def test_a_401_renews_once_and_a_second_caller_takes_what_was_just_renewed(
    connected: Database, vault: Vault, clock: Any
) -> None:
    vendor = Vendor(clock)
    clock.forward(minutes=5)
    assert bearer(keeper(connected, vault, clock, vendor), rejected=True) == "Bearer A2"
    assert bearer(keeper(connected, vault, clock, vendor, "two"), rejected=True) == "Bearer A2"
    assert vendor.calls == 1


@pytest.mark.parametrize("grace", [True, False])
@pytest.mark.parametrize("where", ["before the call", "after the answer", "while saving"])
def test_after_a_crash_the_old_token_is_tried_once_and_then_consent_is_asked_for_with_the_reason(
    connected: Database, vault: Vault, clock: Any, where: str, grace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor(clock, grace=grace)
    over(clock)
    doomed = keeper(connected, vault, clock, vendor, "doomed")
    if where == "before the call":
        vendor.before = Died()
    elif where == "after the answer":
        vendor.after = Died()
    else:
        monkeypatch.setattr(doomed, "_save", lambda *_: (_ for _ in ()).throw(Died()))
    with pytest.raises(Died):
        bearer(doomed)
    vendor.before = vendor.after = None
    begun = clock().isoformat()
    calls = vendor.calls
    survivor = keeper(connected, vault, clock, vendor, "survivor")
    if grace or where == "before the call":
        assert bearer(survivor) == f"Bearer A{vendor.number}"
        assert vendor.calls == calls + 1
        return
    with pytest.raises(NeedsConsent, match="never saved, and the old refresh token is refused") as caught:
        bearer(survivor)
    assert begun in str(caught.value)
    assert vendor.calls == calls + 1
    with pytest.raises(NeedsConsent, match=begun.replace("+", r"\+")):
        bearer(survivor)
    assert vendor.calls == calls + 1, "a grant that needs consent is never tried again"


def test_another_waits_for_a_refresh_under_way_until_patience_ends(
    connected: Database, vault: Vault, clock: Any
) -> None:
    vendor = Vendor(clock)
    over(clock)
    started = clock()
    vendor.before = Died()
    with pytest.raises(Died):
        bearer(keeper(connected, vault, clock, vendor, "doomed"))
    vendor.before = None
    assert bearer(keeper(connected, vault, clock, vendor, "survivor")) == "Bearer A2"
    assert clock() - started >= PATIENCE


def test_an_answer_that_was_lost_is_tried_again_at_once_and_an_outage_never_asks_for_consent(
    connected: Database, vault: Vault, clock: Any
) -> None:
    vendor = Vendor(clock)
    over(clock)
    one = keeper(connected, vault, clock, vendor)
    vendor.before = OutcomeUnknown("http-unclear", "no answer within 30 seconds")
    for _ in range(3):
        with pytest.raises(Transient, match="grant-refresh-unclear"):
            bearer(one)
    vendor.before = Transient("http-no-connection", "cannot be reached")
    with pytest.raises(Transient):
        bearer(one)
    vendor.before = None
    before = clock()
    assert bearer(one) == "Bearer A2"
    assert clock() == before


def test_a_refusal_without_a_lost_refresh_gives_the_vendors_reason_and_consent_mends_it(
    connected: Database, vault: Vault, clock: Any
) -> None:
    vendor = Vendor(clock)
    vendor.number = 9
    over(clock)
    with pytest.raises(NeedsConsent, match="connected again: the vendor refused to give tokens: invalid_grant"):
        bearer(keeper(connected, vault, clock, vendor))
    with connected.transaction() as conn:
        store(conn, ORG, vault, CONNECTION, tokens_of(9, clock()))
    assert bearer(keeper(connected, vault, clock, vendor)) == "Bearer A9"


def test_a_database_that_is_away_when_the_answer_comes_does_not_lose_the_tokens(
    connected: Database, vault: Vault, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor(clock)
    over(clock)
    one = keeper(connected, vault, clock, vendor)
    save, tries = one._save, []

    def flaky(*given: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise Transient("database-away", "the database cannot be reached")
        return save(*given)

    monkeypatch.setattr(one, "_save", flaky)
    assert bearer(one) == "Bearer A2"
    assert bearer(keeper(connected, vault, clock, vendor)) == "Bearer A2"


def test_tokens_are_not_readable_in_the_database_and_not_printed(connected: Database, vault: Vault, clock: Any) -> None:
    with connected.transaction() as conn:
        row = conn.execute("SELECT ciphertext FROM token_grant WHERE org_id = %s", (ORG,)).fetchone()
    assert row is not None
    assert b"R1" not in bytes(row[0])  # type: ignore[call-overload]
    assert "R1" not in repr(tokens_of(1, datetime.now(UTC)))


def test_a_connection_that_was_never_connected_says_so(connected: Database, vault: Vault) -> None:
    with connected.transaction() as conn, pytest.raises(NeedsConsent, match="not been connected"):
        load(conn, ORG, vault, UUID(int=1))
