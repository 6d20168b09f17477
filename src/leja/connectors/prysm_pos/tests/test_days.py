"""Days of tills through the real door and the real books: late, twice, shuffled, lost, from a file, contradicted, broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from leja import flow
from leja.access import connections, organisations
from leja.access.connection_secrets import put_secret
from leja.access.mapping import ALWAYS, default_role
from leja.access.vault import Vault
from leja.connectors import registry
from leja.connectors.prysm_pos.stand_in import DEFAULTS, STAND_IN
from leja.connectors.prysm_pos.tests.test_mapping import MAPPING
from leja.database import review
from leja.database.engine import Database
from leja.database.rules import set_recognition
from leja.house import House, Settings
from leja.intake.file_import import FileConnection, import_file
from leja.reconcile.closures import check_closures
from leja.web.webhook_door import WebhookDoor
from leja_sandbox.kit import SimulatedClock, StandIn, environment

START = datetime(2026, 9, 14, 10, tzinfo=UTC)
ROLES = ("clearing:card", "clearing:voucher", "clearing:mobile_wallet", "petty_expense:milk", "petty_expense:petty_cash")


class Chain:
    """Tills, the door that they post to, and the books behind it, on one clock."""

    def __init__(self, database: Database, folder: Path, settings: dict[str, Any] | None = None, **tills: Any) -> None:
        self.clock, self.database, self.runner = SimulatedClock(START), database, asyncio.Runner()
        self.house = House(Settings(home=folder), database, Vault.open_file(folder / f"{uuid4()}.key"), self.clock)
        with database.transaction() as conn:
            self.org = organisations.create(conn, f"Chain {uuid4()}", base_currency="GBP", zone="Europe/London", now=START)
            set_recognition(conn, self.org.org_id, "", "sale", ALWAYS, START)
            roles = [default_role(conn, self.org.org_id, role) for role in ROLES]
            flow.decide_mapping(conn, self.org.org_id, roles, by="test", reason="suite", now=START)
            self.connection = connections.add(
                conn, self.org.org_id, "prysm_pos", "tills", start_date=START.date() - timedelta(days=30), now=START,
                duty="sales", settings=settings or {},
            )
            put_secret(conn, self.org.org_id, self.house.vault, self.connection.connection_id, "webhook_secret", DEFAULTS["secret"], START)
        url = f"http://leja.test/hooks/{self.connection.door}"
        self.stand_in: StandIn = STAND_IN.build(environment(clock=self.clock, seed=7, settings={"url": url, "compress": 1.0, **tills}))
        self.app = WebhookDoor(self.house.doors(), self.house.committer(), self.clock)
        self.app.start()
        self.answers: list[httpx2.Response] = []

    def close(self) -> None:
        self.app.stop()
        self.runner.close()

    def __getattr__(self, action: str) -> Any:
        """An action of the tills; what is given by place goes to what it is first: a sale, else a store and a till."""

        def acted(*places: Any, **named: Any) -> Any:
            first = {"connect": ("url",), "broken": ("how",), "pay_account": ("customer", "amount"),
                     **dict.fromkeys(("give_back", "exchange", "void", "contradict"), ("sale",))}  # fmt: skip
            given = dict(zip(first.get(action, ("store", "till", {"drift": "seconds"}.get(action, "business_date"))), places, strict=False))
            return self.stand_in.control.call(action, **given, **named)

        return acted

    def told(self) -> list[int]:
        """Everything that is due is posted and recorded; the answers."""

        async def sent() -> list[int]:
            before = len(self.answers)
            queue = self.stand_in.webhooks
            assert queue is not None

            async def heard(response: httpx2.Response) -> None:
                await response.aread()
                self.answers.append(response)

            async with httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=self.app), event_hooks={"response": [heard]}, timeout=30
            ) as client:
                while await queue.send_due(client):
                    pass
            return [answer.status_code for answer in self.answers[before:]]

        found = self.runner.run(sent())
        while flow.record(self.house.bookkeeper(self.org), self.clock).events:
            pass
        return found

    def imported(self, lines: str, folder: Path) -> Any:
        """A file of events, one a line, read as ``leja import`` does."""
        path = folder / f"{uuid4()}.jsonl"
        path.write_text(lines)
        connection = FileConnection(connection_id=self.connection.connection_id, webhooks=registry.verb("prysm_pos", "webhooks"))
        done = import_file(self.database, self.org.org_id, connection, path, clock=self.clock)
        while flow.record(self.house.bookkeeper(self.org), self.clock).events:
            pass
        return done

    def exported(self) -> str:
        async def asked() -> str:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.stand_in.app), base_url="http://pos") as client:
                return (await client.get("/export/events.jsonl")).text

        return self.runner.run(asked())

    def books(self) -> dict[tuple[str, str], int]:
        """The balance of each role on each day, zeros left out."""
        with self.database.transaction() as conn:
            rows = conn.execute(
                "SELECT l.role, e.business_day::text, sum(l.base)::bigint FROM line l JOIN entry e ON e.org_id = l.org_id"
                " AND e.number = l.entry_number WHERE l.org_id = %s GROUP BY 1, 2 HAVING sum(l.base) <> 0", (self.org.org_id,)).fetchall()
        return {(str(role), str(day)): int(minor) for role, day, minor in rows}  # type: ignore[call-overload]

    def waiting(self) -> list[tuple[str, str]]:
        """Code and message of all that a person must look at, the days of the tills compared."""
        with self.database.transaction() as conn:
            check_closures(conn, self.org.org_id, self.clock())
            return [(item.code, item.message) for item in review.items(conn, self.org.org_id)]


@pytest.fixture
def open_chain(shelf: Database, tmp_path: Path) -> Iterator[Any]:
    made: list[Chain] = []

    def opened(**given: Any) -> Chain:
        made.append(Chain(shelf, tmp_path, **given))
        return made[-1]

    yield opened
    for chain in made:
        chain.close()


def trade(chain: Chain, **more: Any) -> None:
    """Two days at three tills, with everything that happens there."""
    for day in range(2):
        for store, till in (("S001", "W01"), ("S001", "W02"), ("S002", "W01")):
            chain.trade(store, till, count=14, **more)
        chain.clock.advance(86_400 if not day else 3600)


def test_days_of_trade_tie_to_what_the_tills_say(open_chain: Any) -> None:
    chain = open_chain(cash_rounding=5)
    trade(chain)
    assert set(chain.told()) == {200}
    assert chain.waiting() == []
    books = chain.books()
    by_kind: dict[str, int] = {}
    for store, till in (("S001", "W01"), ("S001", "W02"), ("S002", "W01")):
        for day in ("2026-09-14", "2026-09-15"):
            for kind, minor in chain.day(store, till, day)["tenders"].items():
                by_kind[kind] = by_kind.get(kind, 0) + minor
    ours = {role.split(":")[-1]: 0 for role, _ in books if role.startswith("clearing:")}
    for (role, _), minor in books.items():
        if role.startswith("clearing:"):
            ours[role.split(":")[-1]] += minor
    assert ours == {kind: minor for kind, minor in by_kind.items() if kind not in ("cash", "gift_card") and minor}
    assert sum(minor for (role, _), minor in books.items() if role == "cash:till") == by_kind["cash"]
    assert sum(minor for (role, _), minor in books.items() if role == "store_credit_liability") == 0


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_tills_that_were_offline_for_days_lead_to_the_same_books(open_chain: Any, order: str) -> None:
    plain, late = open_chain(), open_chain()
    for chain in (plain, late):
        if chain is late:
            for store, till in (("S001", "W01"), ("S001", "W02"), ("S002", "W01")):
                chain.offline(store, till)
        trade(chain)
    assert set(plain.told()) == {200}
    assert late.told() == []
    late.clock.advance(3 * 86_400)
    for store, till in (("S002", "W01"), ("S001", "W01"), ("S001", "W02")):
        late.offline(store, till, on=False, order=order, twice=True)
        assert set(late.told()) == {200}
    assert late.books() == plain.books()
    assert late.waiting() == plain.waiting() == []


def test_a_lost_transaction_is_named_by_its_number_until_the_file_brings_it(open_chain: Any, tmp_path: Path) -> None:
    chain = open_chain()
    chain.ring(pay="cash")
    lost = chain.ring(pay="cash", webhooks="lost")
    chain.skip(count=1)
    chain.drawer(kind="no_sale")
    chain.ring(training=True)
    chain.close_day()
    chain.told()
    ((code, message),) = chain.waiting()
    assert code == "closure-differs"
    assert "numbers 004711..004715: 4 are stated, 3 are here; missing: 004712;" in message
    assert "drawer: the till states 43.20 GBP, here are 21.60" in message
    done = chain.imported(chain.exported(), tmp_path)
    assert (done.kept.new, done.kept.conflicting, done.unreadable) == (1, 0, 0)
    assert chain.waiting() == []
    assert lost["sequence"] == "004712"


def test_a_day_that_is_sent_again_under_new_names_changes_nothing(open_chain: Any) -> None:
    chain = open_chain()
    trade(chain)
    chain.told()
    before = chain.books()
    for new_ids in (False, True):
        assert chain.resend("S001", "W01", "2026-09-14", new_ids=new_ids) > 10
        assert set(chain.told()) == {200}
    assert (chain.books(), chain.waiting()) == (before, [])


def test_the_same_number_with_other_content_is_answered_409_and_shown(open_chain: Any) -> None:
    chain = open_chain()
    sale = chain.ring()
    chain.told()
    before = chain.books()
    chain.contradict(sale["id"])
    assert chain.told() == [409]
    assert json.loads(chain.answers[-1].content)["error"]["code"] == "key_conflict"
    assert [code for code, _ in chain.waiting()] == ["event-key-conflict"]
    assert chain.books() == before
    chain.contradict(sale["id"])
    assert chain.told() == [409], "told again, it is a contradiction still"
    assert len(chain.waiting()) == 1


@pytest.mark.parametrize(("how", "code", "path"), [
    ("unbalanced", "unbalanced", "$.data.totals.gross"),
    ("number", "contract_violation", "$.data.lines[0].net_amount"),
    ("no_offset", "contract_violation", "$.data.ended_at"),
    ("missing", "contract_violation", "$.data.business_date"),
    ("decimals", "unbalanced", "$.data.totals.gross"),
])  # fmt: skip
def test_what_breaks_the_contract_is_answered_422_with_paths_kept_and_never_booked(open_chain: Any, how: str, code: str, path: str) -> None:
    chain = open_chain()
    chain.broken(how)
    assert chain.told() == [422]
    error = json.loads(chain.answers[-1].content)["error"]
    assert (error["code"], path in error["paths"]) == (code, True)
    assert chain.answers[-1].headers["content-type"] == "application/json"
    ((held, message),) = chain.waiting()
    assert held == ("prysm-unbalanced" if code == "unbalanced" else "prysm-contract")
    assert path in message
    assert chain.books() == {}


def test_a_card_number_is_refused_and_nothing_of_it_is_kept(open_chain: Any) -> None:
    chain = open_chain()
    chain.broken("card_number")
    assert chain.told() == [400]
    assert json.loads(chain.answers[-1].content) == {"code": "prysm-card-number"}
    with chain.database.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM event WHERE org_id = %s", (chain.org.org_id,)).fetchone() == (0,)


def test_a_wrong_clock_and_a_wrong_secret_are_refused(open_chain: Any) -> None:
    chain = open_chain()
    chain.drift("S001", "W01", 301)
    chain.ring()
    assert chain.told() == [401]
    assert json.loads(chain.answers[-1].content) == {"code": "prysm-timestamp"}
    chain.drift("S001", "W01", -299)
    chain.ring()
    assert chain.told() == [200]
    url = f"http://leja.test/hooks/{chain.connection.door}"
    chain.connect(url, secret="whsec_" + "B" * 44)
    chain.ring()
    assert chain.told() == [401]
    chain.connect(url, secret="whsec_" + "B" * 44, old_secret=DEFAULTS["secret"])
    chain.ring()
    assert chain.told() == [200], "during a rotation both sign"


def test_a_ping_is_heard_and_books_nothing(open_chain: Any) -> None:
    chain = open_chain()
    chain.ping()
    assert chain.told() == [200]
    assert (chain.books(), chain.waiting()) == ({}, [])


def test_voids_undo_whatever_it_was_in_any_order(open_chain: Any) -> None:
    chain = open_chain()
    first = chain.ring(pay="cash", webhooks="late", delay=500.0)
    chain.void(first["id"])
    sale = chain.ring(pay="cash")
    back = chain.give_back(sale["id"], pay="cash")
    chain.void(back["id"])
    chain.void(chain.drawer(kind="pay_out", amount="5.00", reason="Milk")["id"])
    chain.void(chain.exchange(sale["id"], new=[{"sku": "JUG", "price": "30.00", "rate": "20.00"}], pay="cash")["id"])
    again = chain.give_back(sale["id"], pay="cash")
    chain.told()
    chain.clock.advance(600)
    chain.told()
    chain.close_day()
    chain.told()
    assert chain.waiting() == []
    left = {role: minor for (role, _), minor in chain.books().items()}
    assert set(left) == {"sales", "sales_discounts", "sales_returns"}
    assert sum(left.values()) == 0
    assert Decimal(again["gross"]) == -Decimal(sale["gross"])


def test_sales_on_account_are_owed_until_they_are_paid(open_chain: Any) -> None:
    chain = open_chain()
    chain.ring(pay="on_account", customer={"id": "C1", "name": "Ada"})
    chain.pay_account({"id": "C1"}, "10.00")
    chain.close_day()
    chain.told()
    assert chain.waiting() == []
    left = {role: minor for (role, _), minor in chain.books().items()}
    assert (left["receivable"], left["cash:till"], left["customer_credits"]) == (2160, 1000, -1000)


def test_tips_rounding_gift_cards_and_tenders_stand_where_they_belong(open_chain: Any) -> None:
    chain = open_chain(cash_rounding=5)
    chain.ring(lines=[{"sku": "A", "price": "8.99", "rate": "0"}, {"kind": "gift_card_sale", "price": "25.00"}],
               pay=[{"kind": "gift_card", "amount": "10.00"}, {"kind": "card", "amount": "5.00"}, {"kind": "cash"}])  # fmt: skip
    chain.ring(lines=[{"sku": "A", "price": "8.99", "rate": "0"}], pay="card", tip="1.50")
    chain.drawer(kind="pay_out", amount="3.00", reason="Milk")
    chain.ring(lines=[{"sku": "A", "price": "8.99", "rate": "0"}], pay="cash")
    chain.close_day(counted={"cash": "24.39"})
    chain.told()
    left = {role: minor for (role, _), minor in chain.books().items()}
    assert left == {
        "gift_card_liability": -1500, "clearing:card": 1549, "cash:till": 2439, "sales": -2697, "tips_payable": -150,
        "cash_rounding": -1, "petty_expense:milk": 300, "cash_over_short": 60,
    }  # fmt: skip
    assert chain.waiting() == []


def test_a_till_with_words_of_its_own_is_read_through_the_mapping(open_chain: Any) -> None:
    chain = open_chain(settings={"mapping": MAPPING}, speaks="native")
    sale = chain.ring(pay="card")
    chain.give_back(sale["id"], pay="card", linked=False)
    assert set(chain.told()) == {200}
    assert chain.waiting() == []
    assert {role: minor for (role, _), minor in chain.books().items()} == {"sales": -2000, "sales_discounts": 200, "sales_returns": 1800}
    assert sale["gross"] == "21.60"
