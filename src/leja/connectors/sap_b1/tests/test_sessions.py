"""Sessions: opened once, shared, opened again when they ran out, and never with a password that is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from leja.connectors.contract import Chart, Rejected
from leja.connectors.sap_b1 import Settings, target
from leja.connectors.sap_b1.login import log_in
from leja.connectors.sap_b1.tests.company import bundle, company, line, taxed_invoice
from leja.core.errors import NeedsConsent, Transient
from leja.http.client import Answer
from leja.http.login import SessionKeeper


class Door:
    """Answers a log-in as the test says."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes = b"{}") -> None:
        self.answer, self.calls = Answer(status, headers, body), []

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        self.calls.append((method, path, given))
        return self.answer


SETTINGS = Settings(company_db="DB", user_name="u")
CHART = Chart(accounts=(), home_currency="GBP")
COOKIES = "B1SESSION=abc-1;HttpOnly;, ROUTEID=.node1; path=/b1s"


def test_both_cookies_are_kept_and_the_password_goes_without_a_session() -> None:
    door = Door(200, {"set-cookie": COOKIES})
    assert asyncio.run(log_in(door, SETTINGS, {"password": "p"})) == {"cookie": "B1SESSION=abc-1; ROUTEID=.node1"}
    ((method, path, given),) = door.calls
    assert (method, path, given["anonymous"]) == ("POST", "/b1s/v2/Login", True)
    assert given["content"] == b'{"CompanyDB":"DB","UserName":"u","Password":"p"}'


@pytest.mark.parametrize(("settings", "secrets"), [(SETTINGS, {}), (Settings(user_name="u"), {"password": "p"}),
                                                   (Settings(company_db="DB"), {"password": "p"})])  # fmt: skip
def test_nothing_is_sent_before_all_is_stated(settings: Settings, secrets: dict[str, str]) -> None:
    door = Door(200, {"set-cookie": COOKIES})
    with pytest.raises(NeedsConsent):
        asyncio.run(log_in(door, settings, secrets))
    assert door.calls == []


def test_a_refused_password_asks_for_another_in_the_vendors_words() -> None:
    door = Door(401, {}, b'{"error":{"code":"-304","message":"Fail to get DB Credentials from SLD"}}')
    with pytest.raises(NeedsConsent, match="-304 Fail to get DB Credentials"):
        asyncio.run(log_in(door, SETTINGS, {"password": "p"}))


def test_a_log_in_without_a_cookie_is_tried_again_later() -> None:
    with pytest.raises(Transient):
        asyncio.run(log_in(Door(200, {"set-cookie": "ROUTEID=.node1"}), SETTINGS, {"password": "p"}))


def test_one_session_serves_every_call() -> None:
    with company() as there:
        there.tell(taxed_invoice())
        there.chart()
        assert there.logins == 1


def test_a_session_that_ran_out_is_opened_again_and_nothing_is_told_twice() -> None:
    with company() as there:
        chart = there.chart()
        for number in range(3):
            there.clock.advance(31 * 60)
            there.tell(taxed_invoice(reference=f"LJAAAAAAAAAAAA{number}B"), chart)
        assert there.logins == 4
        assert there.ledger()["410010"] == -60_000
        there.clock.advance(29 * 60)
        there.tell(taxed_invoice(reference="LJAAAAAAAAAAAA9B"), chart)
        assert there.logins == 4, "it had not run out"


def test_a_session_that_ends_in_the_middle_is_opened_again() -> None:
    with company() as there:
        chart = there.chart()
        there.stand_in.env.faults.add("token_expired", path="POST /b1s/v2/$batch", times=1)
        there.tell(taxed_invoice(), chart)
        assert there.logins == 2
        assert there.stand_in.env.faults.played["token_expired"] == 1


def test_a_locked_user_pauses_deliveries() -> None:
    with company() as there:
        chart = there.chart()
        there.control("revoke_tokens")
        (step,) = target.steps(bundle("fee", [line("610020", 120), line("111060", -120)]), chart)
        outcome = there.deliver(target.draft(step, chart, {}))
        assert isinstance(outcome, Rejected)
        assert outcome.remedy == "consent"
        assert there.ledger() == {}


def test_a_wrong_password_is_never_tried_twice_for_one_call() -> None:
    with company(password="wrong") as there:
        with pytest.raises(NeedsConsent):
            there.chart()
        assert there.logins == 1


def test_many_calls_at_once_share_one_log_in_and_one_renewal() -> None:
    with company() as there:

        async def many() -> None:
            await asyncio.gather(*(target.find(there.session, [draft_of()]) for _ in range(8)))

        there.run(many())
        assert there.logins == 1
        there.control("expire_tokens")
        there.run(many())
        assert there.logins == 2


def draft_of() -> Any:
    """A draft that stands nowhere."""
    (step,) = target.steps(bundle("fee", [line("610020", 1), line("111060", -1)]), CHART)
    return target.draft(step, CHART, {})


def test_a_session_is_opened_anew_when_what_opens_it_changes() -> None:
    opened: list[str] = []

    async def calls() -> list[dict[str, str]]:
        keeper, told = SessionKeeper(), []
        for password in ("old", "old", "new", "new"):

            async def log(password: str = password) -> dict[str, str]:
                opened.append(password)
                return {"cookie": password}

            headers: dict[str, str] = {}
            await keeper.of(log, password)(headers, rejected=False)
            told.append(headers)
        return told

    assert asyncio.run(calls()) == [{"cookie": "old"}, {"cookie": "old"}, {"cookie": "new"}, {"cookie": "new"}]
    assert opened == ["old", "new"]
