"""Telling Business Central against its stand-in, step by step: what was left half done, what is refused, what is read."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.business_central import Settings, source, target
from leja.connectors.business_central.chart import tax_rates
from leja.connectors.business_central.drafts import batch_code
from leja.connectors.business_central.faults import refusal
from leja.connectors.business_central.stand_in import STAND_IN
from leja.connectors.business_central.standing import standing
from leja.connectors.business_central.wire import Part
from leja.connectors.contract import (
    Absent,
    Accepted,
    AlreadyThere,
    Bundle,
    BundleLine,
    Chart,
    Context,
    Draft,
    Found,
    Later,
    Outcome,
    Rejected,
    RemoteDocument,
    Session,
    Unknown,
)
from leja.core.errors import NeedsConsent, NeedsReview
from leja.core.money import Money
from leja.http.client import Http
from leja_sandbox.kit import SimulatedClock
from leja_sandbox.server import SandboxServer

START = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
DAY = date(2026, 5, 4)
STATED = {
    "tenant_id": "7c1f5c4e-2b0e-4a51-9f1a-3a1d5d2f6b70", "company": "2a9b6f34-53a4-4e0b-9d3c-8f1b1c0a7e21",
    "tax_rates": "STANDARD=20@20300, REDUCED=5@20300", "untaxed_code": "NO VAT", "dimensions": "channel=DEPARTMENT",
}
CASH, SALES, VAT, COST, STOCK, OWED, BANK = "10340", "40100", "20300", "50100", "10700", "10400", "10100"
KINDS = {CASH: "current_asset", SALES: "income", VAT: "tax", COST: "cost_of_sales", STOCK: "current_asset",
         OWED: "receivable", BANK: "bank", "20400": "current_liability"}


class Scene:
    """A company behind loopback, and a session to it."""

    def __init__(self, **stand_in: Any) -> None:
        self.clock = SimulatedClock(START)
        self.server = SandboxServer(
            specs={"business_central": STAND_IN}, clock=self.clock, settings={"business_central": {"foreign": False, **stand_in}}
        ).start()
        self.stand_in = self.server.stand_in("business_central")
        self.token = self.control("grant")["access_token"]
        self.runner = asyncio.Runner()
        self.http = Http(
            base_url=self.server.url("business_central"), authorise=self._authorise, now=self.clock, sleep=self._pass,
            private_hosts=frozenset({f"127.0.0.1:{self.server.port}"}),
        )
        self.session = Session(
            http=self.http, settings=msgspec.convert(STATED, Settings), base_url="", tenant="", now=self.clock,
            context=Context(settings=None, zone="UTC"),
        )
        self.chart: Chart = self.run(target.chart(self.session))

    async def _authorise(self, headers: dict[str, str], *, rejected: bool) -> None:
        headers["authorization"] = f"Bearer {self.token}"

    async def _pass(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    def run(self, doing: Awaitable[Any]) -> Any:
        return self.runner.run(doing)  # type: ignore[arg-type]

    def control(self, action: str, /, **arguments: Any) -> Any:
        return self.stand_in.control.call(action, **arguments)

    def draft(self, bundle: Bundle, name: str = "document", **accepted: RemoteDocument) -> Draft:
        step = next(one for one in target.steps(bundle, self.chart) if one.name == name)
        return target.draft(step, self.chart, {"customer": self.customer(), **accepted})

    def customer(self) -> RemoteDocument:
        step = target.steps(sale(), self.chart)[0]
        draft = target.draft(step, self.chart, {})
        (found,) = self.run(target.find(self.session, [draft]))
        if isinstance(found, Found):
            return found.document
        (outcome,) = self.run(target.deliver(self.session, [draft]))
        assert isinstance(outcome, Accepted)
        return outcome.document

    def deliver(self, *drafts: Draft) -> tuple[Outcome, ...]:
        return tuple(self.run(target.deliver(self.session, drafts)))

    def ledger(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for row in self.control("ledger"):
            sums[row["account"]] = sums.get(row["account"], 0) + row["minor"]
        return {account: minor for account, minor in sums.items() if minor}

    def post(self, path: str, body: bytes) -> Any:
        place = f"/v2.0/{STATED['tenant_id']}/Production/api/v2.0/companies({STATED['company']})"
        answer = self.run(self.http.send("POST", place + path, headers={"content-type": "application/json"}, content=body, write=True))
        assert answer.status < 300, answer.body
        return msgspec.json.decode(answer.body) if answer.body else None

    def days_later(self, days: int) -> None:
        """Time passes; the token that ends meanwhile is another one then."""
        self.clock.advance(days * 86_400)
        self.token = self.control("grant")["access_token"]

    def batches(self) -> list[Any]:
        return [row for kind in ("journals", "customerPaymentJournals") for row in self.stand_in.env.store.execute(
            "SELECT id FROM bc_record WHERE kind = ?", kind)]  # fmt: skip

    def close(self) -> None:
        self.run(self.http.close())
        self.runner.close()
        self.server.stop()


@pytest.fixture
def scene() -> Iterator[Scene]:
    running = Scene()
    yield running
    running.close()


def line(account: str, minor: int, role: str = "", **more: Any) -> BundleLine:
    return BundleLine(account=account, account_kind=KINDS[account], role=role or KINDS[account], amount=Money(minor, "GBP"), **more)


def sale(reference: str = "LJSALE00000001AB", net: int = 10_000, tax: int = 2_000, **more: Any) -> Bundle:
    lines = (line(CASH, net + tax), line(SALES, -net, "sales", tax_code="STANDARD", tax=Money(-tax, "GBP")), line(VAT, -tax, "output_tax"))
    return Bundle(**{"reference": reference, "kind": "sale", "date": DAY, "currency": "GBP", "lines": lines, **more})


def journal(reference: str = "LJOURN0000001AB", minor: int = 4_000, **more: Any) -> Bundle:
    lines = (line(COST, minor, "cogs"), line(STOCK, -minor, "inventory"))
    return Bundle(**{"reference": reference, "kind": "journal", "date": DAY, "currency": "GBP", "lines": lines, **more})


# --- planning ---------------------------------------------------------------------------------------------------------


def plan(scene: Scene, bundle: Bundle) -> list[tuple[str, str, str]]:
    return [(step.name, step.kind, step.reference) for step in target.steps(bundle, scene.chart)]


def test_a_sale_is_an_invoice_and_a_payment_that_settles_it(scene: Scene) -> None:
    bundle = sale(lines=(*sale().lines, line(COST, 300, "cogs"), line(STOCK, -300, "inventory")))
    assert plan(scene, bundle) == [
        ("customer", "Customer", "LEJA-DAILY"), ("document", "SalesInvoice", "LJSALE00000001AB"),
        ("payment-1", "CustomerPayment", "LJSALE00000001AB-P1"), ("cost", "Journal", "LJSALE00000001AB-C"),
    ]
    (made,) = scene.deliver(scene.draft(bundle))
    assert isinstance(made, Accepted)
    assert made.document.number.startswith("PS-INV")
    (paid,) = scene.deliver(scene.draft(bundle, "payment-1", document=made.document))
    assert isinstance(paid, Accepted)
    assert scene.ledger() == {CASH: 12_000, SALES: -10_000, VAT: -2_000}
    assert scene.control("documents", kind="salesInvoices")[0]["status"] == "Paid"


def test_tax_that_would_come_to_another_cent_is_told_by_journal(scene: Scene) -> None:
    assert [kind for _n, kind, _r in plan(scene, sale(tax=1_999))] == ["Journal"]
    lines = (line(CASH, 2_404), line(SALES, -1_002, "sales", tax_code="STANDARD", tax=Money(-200, "GBP")),
             line(SALES, -1_002, "sales", tax_code="STANDARD", tax=Money(-200, "GBP")), line(VAT, -400, "output_tax"))
    assert [kind for _n, kind, _r in plan(scene, sale(lines=lines))] == ["Journal"], "the group comes to 4.01"
    exact = (line(CASH, 2_405), *lines[1:3], line(VAT, -401, "output_tax"))
    assert plan(scene, sale(lines=exact))[1][1] == "SalesInvoice"


def test_without_a_group_for_what_is_untaxed_such_a_sale_is_told_by_journal(scene: Scene) -> None:
    lines = (line(CASH, 1_300), line(SALES, -1_000, "sales", tax_code="STANDARD", tax=Money(-200, "GBP")),
             line("20400", -100, "gift_card_liability"), line(VAT, -200, "output_tax"))
    assert plan(scene, sale(lines=lines))[1][1] == "SalesInvoice"
    scene.chart = msgspec.structs.replace(scene.chart, edition="")
    assert [kind for _n, kind, _r in plan(scene, sale(lines=lines))] == ["Journal"]


def test_money_both_ways_is_settled_by_a_journal(scene: Scene) -> None:
    lines = (*sale().lines, line(CASH, -3_000), line(BANK, 3_000))
    assert [kind for _n, kind, _r in plan(scene, sale(lines=lines))] == ["Customer", "SalesInvoice", "CustomerPayment", "CustomerPayment"]
    back = tuple(msgspec.structs.replace(one, amount=-one.amount, tax=None if one.tax is None else -one.tax) for one in sale().lines)
    assert [(kind, reference) for _n, kind, reference in plan(scene, sale(lines=back, kind="refund"))] == [
        ("Customer", "LEJA-DAILY"), ("SalesCreditMemo", "LJSALE00000001AB"), ("Journal", "LJSALE00000001AB-S")]


@pytest.mark.parametrize(("lines", "code"), [
    ((line(OWED, 5), BundleLine(account="10401", account_kind="receivable", role="r", amount=Money(-5, "GBP"))),
     "business-central-receivables"),
    ((line(BANK, 5), BundleLine(account="20100", account_kind="payable", role="p", amount=Money(-5, "GBP"))), "business-central-payables"),
])  # fmt: skip
def test_what_cannot_be_told_is_held_with_its_reason(scene: Scene, lines: tuple[BundleLine, ...], code: str) -> None:
    with pytest.raises(NeedsReview) as held:
        target.steps(journal(lines=lines), scene.chart)
    assert held.value.code == code


def test_another_currency_is_held_and_base_would_help(scene: Scene) -> None:
    with pytest.raises(NeedsReview) as held:
        target.steps(journal(currency="EUR"), scene.chart)
    assert held.value.facts["in_base"] is True


def test_a_third_decimal_is_held_and_base_would_not_help(scene: Scene) -> None:
    chart = msgspec.structs.replace(scene.chart, home_currency="TND")
    lines = tuple(msgspec.structs.replace(one, amount=Money(minor, "TND")) for one, minor in zip(journal().lines, (1_001, -1_001), strict=True))
    with pytest.raises(NeedsReview) as held:
        target.steps(journal(currency="TND", lines=lines), chart)
    assert (held.value.code, held.value.facts["in_base"]) == ("business-central-decimals", False)
    whole = tuple(msgspec.structs.replace(one, amount=Money(minor, "TND")) for one, minor in zip(journal().lines, (1_010, -1_010), strict=True))
    assert len(target.steps(journal(currency="TND", lines=whole), chart)) == 1


def test_mapped_dimensions_stand_on_the_entries(scene: Scene) -> None:
    lines = tuple(msgspec.structs.replace(one, dimensions={"channel": "sales", "location": "x"}) for one in journal().lines)
    draft = scene.draft(journal(lines=lines))
    assert all(one["dimensionSetLines"] == [{"code": "DEPARTMENT", "valueCode": "SALES"}]
               for one in msgspec.json.decode(draft.body)["journalLines"])  # fmt: skip
    assert isinstance(scene.deliver(draft)[0], Accepted)


# --- what was left half done ------------------------------------------------------------------------------------------


def test_a_draft_that_was_left_is_posted_and_not_doubled(scene: Scene) -> None:
    draft = scene.draft(sale())
    left = scene.post(draft.path, draft.body)["id"]
    assert scene.run(target.find(scene.session, [draft])) == (Absent(),)
    (outcome,) = scene.deliver(draft)
    assert isinstance(outcome, Accepted)
    assert outcome.document.remote_id == left
    assert len(scene.control("documents")) == 1


def test_a_journal_batch_that_was_left_is_posted_and_not_doubled(scene: Scene) -> None:
    draft = scene.draft(journal())
    scene.post(draft.path, draft.body)
    assert scene.run(target.find(scene.session, [draft])) == (Absent(),)
    assert isinstance(scene.deliver(draft)[0], Accepted)
    assert scene.ledger() == {COST: 4_000, STOCK: -4_000}
    assert scene.batches() == [], "emptied batches are removed"


@pytest.mark.parametrize("bundles", [(sale(), sale(net=5_000, tax=1_000)), (journal(), journal(minor=3_000))])
def test_a_draft_that_says_something_else_is_removed_and_made_anew(scene: Scene, bundles: tuple[Bundle, Bundle]) -> None:
    old, new = (scene.draft(bundle) for bundle in bundles)
    scene.post(old.path, old.body)
    (outcome,) = scene.deliver(new)
    assert isinstance(outcome, Accepted)
    assert outcome.document.total == new.total
    assert len(scene.control("documents")) == 1
    assert scene.batches() == []


def test_two_drafts_of_one_reference_leave_one_document(scene: Scene) -> None:
    draft = scene.draft(sale())
    scene.post(draft.path, draft.body)
    scene.post(draft.path, draft.body)
    assert isinstance(scene.deliver(draft)[0], Accepted)
    assert len(scene.control("documents")) == 1


@pytest.mark.parametrize("bundle", [sale(), journal()])
def test_what_stands_there_is_not_made_again(scene: Scene, bundle: Bundle) -> None:
    draft = scene.draft(bundle)
    scene.deliver(draft)
    before = scene.ledger()
    assert isinstance(scene.deliver(draft)[0], AlreadyThere)
    assert scene.ledger() == before


def test_a_batch_of_others_under_our_code_is_not_posted(scene: Scene) -> None:
    draft = scene.draft(journal())
    body = msgspec.json.decode(draft.body) | {"displayName": "Somebody's"}
    scene.post("/journals", msgspec.json.encode(body))
    assert isinstance(scene.deliver(draft)[0], AlreadyThere)
    assert scene.ledger() == {}


def test_a_lost_answer_is_unknown_and_then_found(scene: Scene) -> None:
    draft = scene.draft(sale())
    scene.control("fault", kind="answer_lost", path="POST *$batch", times=1, skip=1)
    assert isinstance(scene.deliver(draft)[0], Unknown)
    (found,) = scene.run(target.find(scene.session, [draft]))
    assert isinstance(found, Found)


@pytest.fixture(scope="module")
def lasting() -> Iterator[Scene]:
    running = Scene()
    yield running
    running.close()


_SOLD = st.lists(st.tuples(st.sampled_from(["STANDARD", "REDUCED", ""]), st.integers(-30_000, 60_000).filter(bool)), min_size=1, max_size=5)
_NUMBERS = itertools.count(1)


@given(_SOLD, st.sampled_from([0, 0, 1]))
@settings(max_examples=40, deadline=None)
def test_whatever_is_sold_the_ledger_moves_to_the_cent(lasting: Scene, sold: list[tuple[str, int]], off: int) -> None:
    """By sales document where the tax is what the group comes to, else by journal; never a cent beside."""
    taxes: dict[str, int] = {}
    for code, percent in (("STANDARD", 20), ("REDUCED", 5)):
        base = Decimal(sum(net for name, net in sold if name == code)) * percent / 100
        taxes[code] = int(base.quantize(Decimal(1), ROUND_HALF_UP))
    tax = sum(taxes.values()) + off
    lines = [line(SALES, -net, "sales", tax_code=code, tax=Money(0, "GBP") if code else None) for code, net in sold]
    if tax:
        lines.append(line(VAT, -tax, "output_tax"))
    paid = sum(net for _code, net in sold) + tax
    if not paid:
        return
    bundle = sale(f"LJPROP{next(_NUMBERS):08}AB", lines=(line(CASH, paid), *lines))
    kinds = [kind for _n, kind, _r in plan(lasting, bundle)]
    assert ("Journal" in kinds and len(kinds) == 1) == bool(off)
    before, accepted = lasting.ledger(), {"customer": lasting.customer()}
    for step in target.steps(bundle, lasting.chart):
        if step.lines:
            (outcome,) = lasting.deliver(target.draft(step, lasting.chart, accepted))
            assert isinstance(outcome, Accepted), outcome
            accepted[step.name] = outcome.document
    after = lasting.ledger()
    moved = {account: after.get(account, 0) - before.get(account, 0) for account in {*before, *after}}
    wanted: dict[str, int] = {}
    for one in bundle.lines:
        wanted[one.account] = wanted.get(one.account, 0) + one.amount.minor
    assert {a: m for a, m in moved.items() if m} == {a: m for a, m in wanted.items() if m}


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_locked_day_is_refused_and_no_draft_stays(scene: Scene) -> None:
    drafts = [scene.draft(sale()), scene.draft(journal())]
    scene.control("lock", day="2026-05-31")
    for draft in drafts:
        (outcome,) = scene.deliver(draft)
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.remedy) == ("business-central-period-locked", "period_locked")
    assert scene.control("documents") == []
    assert scene.batches() == []
    assert scene.run(target.chart(scene.session)).locked_until == date(2026, 5, 31)


def test_a_draft_that_comes_to_another_total_is_removed_and_not_posted(scene: Scene) -> None:
    draft = scene.draft(sale())
    (outcome,) = scene.deliver(msgspec.structs.replace(draft, total=Money(12_001, "GBP")))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "business-central-total"
    assert (scene.control("documents"), scene.ledger()) == ([], {})


def test_one_that_is_refused_does_not_hold_the_others_of_its_batch(scene: Scene) -> None:
    drafts = [scene.draft(journal(f"LJOURN000000{n}AB", 1_000 + n)) for n in range(3)]
    scene.control("deactivate", kind="accounts", id=COST)
    other = scene.draft(journal("LJOURN0000009AB", lines=(line(BANK, 7), line(CASH, -7))))
    outcomes = scene.deliver(*drafts, other)
    assert [type(one) for one in outcomes] == [Rejected, Rejected, Rejected, Accepted]
    assert {one.remedy for one in outcomes if isinstance(one, Rejected)} == {"mapping"}
    assert scene.ledger() == {BANK: 7, CASH: -7}


@pytest.mark.parametrize(("status", "code", "words", "expected"), [
    (429, "Application_TooManyRequests", "Too many", Later), (503, "Internal_TenantUnavailable", "busy", Unknown),
    (409, "Request_EntityChanged", "changed", Unknown), (401, "Authentication_InvalidCredentials", "no", Rejected),
    (400, "Internal_EntityWithSameKeyExists", "exists", AlreadyThere), (400, "Application_DialogException", "no", Rejected),
])  # fmt: skip
def test_refusals_are_told_apart(status: int, code: str, words: str, expected: type[Outcome]) -> None:
    body = msgspec.json.encode({"error": {"code": code, "message": f"{words}  CorrelationId:  1."}})
    outcome = refusal(Part(id="1", status=status, body=msgspec.Raw(body)), START)
    assert isinstance(outcome, expected)
    if isinstance(outcome, Rejected):
        assert outcome.words == words
        assert (outcome.remedy == "consent") == (status == 401)


def test_a_gateway_that_gave_up_is_unknown_and_a_limit_costs_nothing(scene: Scene) -> None:
    draft = scene.draft(journal())
    scene.control("fault", kind="error_after", path="POST *$batch", status=504, times=1, skip=1)
    assert isinstance(scene.deliver(draft)[0], Unknown)
    assert isinstance(scene.run(target.find(scene.session, [draft]))[0], Found)
    other = scene.draft(journal("LJOURN0000009AB"))
    for skip in (0, 1):
        scene.control("fault", kind="rate_limited", path="POST *$batch", times=1, skip=skip)
        assert isinstance(scene.deliver(other)[0], Later), "what was made is a draft, nothing more"
    assert isinstance(scene.deliver(other)[0], Accepted)
    assert scene.ledger() == {COST: 8_000, STOCK: -8_000}


# --- reading ----------------------------------------------------------------------------------------------------------


def test_what_was_cancelled_over_there_is_voided_and_its_mirror_is_not_ours(scene: Scene) -> None:
    draft = scene.draft(sale(lines=(line(OWED, 12_000), *sale().lines[1:]), kind="invoice"))
    (made,) = scene.deliver(draft)
    assert isinstance(made, Accepted)
    scene.control("void", kind="salesInvoices", id=made.document.remote_id)
    (state,) = scene.run(target.read_back(scene.session, [made.document]))
    assert (state.state, state.lines) == ("voided", ())
    page = scene.run(target.changed(scene.session, None))
    assert [(one.document.kind, one.document.reference, one.lines) for one in page.states if one.document.kind == "SalesCreditMemo"] == [
        ("SalesCreditMemo", "", ())]
    (found,) = scene.run(target.find(scene.session, [draft]))
    assert "canceled" in found.why


def test_an_order_of_reference_is_read_whatever_its_capitals(scene: Scene) -> None:
    draft = scene.draft(sale())
    scene.deliver(draft)
    (there,) = scene.run(standing(scene.session, [draft]))
    assert len(there.counting) == 1


def test_lists_are_read_to_their_last_page() -> None:
    running = Scene(page=3)
    try:
        assert len(running.chart.accounts) > 50
        for number in range(4):
            running.deliver(running.draft(journal(f"LJOURN000000{number}AB", 100 + number)))
        rows = running.run(target.balances(running.session, DAY, DAY))
        assert {row.account: row.amount.minor for row in rows} == {COST: 406, STOCK: -406}
        assert running.run(target.balances(running.session, date(2026, 5, 5), date(2026, 5, 6))) == ()
    finally:
        running.close()


def test_the_chart_says_what_settings_state(scene: Scene) -> None:
    kinds = {account.id: account.kind for account in scene.chart.accounts}
    assert {name: kinds[name] for name in (BANK, OWED, VAT, SALES, COST)} == {
        BANK: "bank", OWED: "receivable", VAT: "tax", SALES: "income", COST: "cost_of_sales"}
    assert {code.id: (str(code.rate), code.account) for code in scene.chart.tax_codes}["STANDARD"] == ("20", "20300")
    assert not next(one for one in scene.chart.accounts if one.id == "20100").takes_payments
    with pytest.raises(NeedsReview):
        tax_rates("STANDARD")


def test_a_company_that_is_not_stated_is_asked_for(scene: Scene) -> None:
    nowhere = msgspec.structs.replace(scene.session, settings=Settings())
    with pytest.raises(NeedsReview) as asked:
        scene.run(target.chart(nowhere))
    assert asked.value.code == "business-central-place"
    wrong = msgspec.structs.replace(scene.session, settings=msgspec.convert({**STATED, "company": STATED["tenant_id"]}, Settings))
    with pytest.raises(NeedsReview):
        scene.run(target.chart(wrong))


def test_codes_of_batches_fit_and_differ() -> None:
    codes = {batch_code(f"LJ{number:014}") for number in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {10}


# --- webhooks ---------------------------------------------------------------------------------------------------------


def test_the_validation_token_is_echoed_and_notifications_start_nothing() -> None:
    answer = source.handshake({"leja-query": "validationToken=a%20b"}, b"", ())
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"a b")
    assert source.handshake({"leja-query": ""}, b"{}", ()) is None
    admit: Callable[..., None] = source.nudges.admit
    admit({}, b"no json", (), START)
    assert source.nudges.read({}, b"no json") == ()
    assert source.nudges.refusal_status < 300


class _Listener(BaseHTTPRequestHandler):
    """Leja's door as far as the vendor sees it: the handshake, and success for everything else."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        answer = source.handshake({"leja-query": urlsplit(self.path).query}, b"", ())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.body if answer else b"")

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_subscriptions_are_made_once_and_renewed_before_they_end(scene: Scene) -> None:
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _Listener)
    Thread(target=listener.serve_forever, daemon=True).start()
    try:
        callback = f"http://127.0.0.1:{listener.server_address[1]}/hooks/door"
        first = scene.run(source.subscribe(scene.session, callback))
        assert (first.created, first.alive) == (source.RESOURCES, ())
        scene.days_later(2)
        again = scene.run(source.subscribe(scene.session, callback))
        assert (again.created, again.alive) == ((), source.RESOURCES)
        scene.days_later(2)
        assert len(scene.control("subscriptions")) == 3, "renewed for three days more"
        scene.days_later(2)
        assert scene.run(source.subscribe(scene.session, callback)).created == source.RESOURCES
    finally:
        listener.shutdown()
        listener.server_close()


# --- the stand-in, where it was mended --------------------------------------------------------------------------------


def test_accounts_bear_the_subcategories_of_the_standard_chart(scene: Scene) -> None:
    """Codeunit "G/L Account Category Mgt." of the base application: Cash, Accounts Receivable, Inventory, Current Assets."""
    rows = {row[0]: msgspec.json.decode(row[1]) for row in scene.stand_in.env.store.execute(
        "SELECT number, body FROM bc_record WHERE kind = 'accounts'")}  # fmt: skip
    assert {number: rows[number]["subCategory"] for number in (BANK, OWED, STOCK, CASH)} == {
        BANK: "Cash", OWED: "Accounts Receivable", STOCK: "Inventory", CASH: "Current Assets"}


def test_a_disabled_application_is_refused_although_entra_goes_on_giving_tokens(scene: Scene) -> None:
    """automation-apis-using-s2s-authentication: the card in Business Central must have the state Enabled."""
    scene.control("revoke_tokens")
    form = b"grant_type=client_credentials&client_id=sandbox-client&client_secret=sandbox-secret&scope=https%3A%2F%2Fapi.businesscentral.dynamics.com%2F.default"
    answer = scene.run(scene.http.send("POST", f"/{STATED['tenant_id']}/oauth2/v2.0/token", content=form, write=True, anonymous=True))
    assert answer.status == 200
    scene.token = msgspec.json.decode(answer.body)["access_token"]
    with pytest.raises(NeedsConsent):
        scene.run(target.chart(scene.session))
    scene.control("grant")
    assert scene.run(target.chart(scene.session)) == scene.chart
