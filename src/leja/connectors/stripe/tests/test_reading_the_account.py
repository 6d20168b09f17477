"""Asking the account: events and what they make wanted, endpoints, keys, errors, windows, plans and proofs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from leja.connectors.contract import GONE_TOPIC, Context, Gone, RawEvent, Wanted
from leja.connectors.stripe import API_VERSION
from leja.connectors.stripe.calls import page
from leja.connectors.stripe.decoding import decode
from leja.connectors.stripe.pull import fetch
from leja.connectors.stripe.sweep import backfill, day_totals, ids, plan, poll
from leja.connectors.stripe.webhook import TOPICS, subscribe, verify
from leja.core.errors import NeedsConsent, Refused, Transient
from leja.documents.document import facts
from leja_sandbox.kit import Answer

from .account import START, Account

DOOR = "https://leja.test/hooks/door"
ALL = (START - timedelta(days=1), START + timedelta(days=60))


def every_page(account: Account, cursor: str | None = None) -> tuple[list[RawEvent], str]:
    page = account.run(poll(account.session, cursor))
    events = list(page.events)
    while page.more:
        page = account.run(poll(account.session, page.cursor))
        events += page.events
    return events, page.cursor


def wanted_by(kind: str, **inner: Any) -> tuple[Wanted, ...]:
    body = {"id": "evt_1", "type": kind, "object": "event", "created": 1, "data": {"object": {"id": "x_1", **inner}}}
    return decode(RawEvent(key="k", topic=kind, body=json.dumps(body).encode()), Account().context).wanted


@pytest.mark.parametrize(("kind", "inner", "wanted"), [
    ("charge.succeeded", {}, ("charge", "x_1")), ("charge.refunded", {}, ("refunds", "x_1")), ("charge.refund.updated", {}, ("refund", "x_1")),
    ("refund.failed", {}, ("refund", "x_1")), ("payment_intent.succeeded", {"latest_charge": "ch_1"}, ("charge", "ch_1")),
    ("payment_intent.succeeded", {}, ("payment_intent", "x_1")), ("payout.paid", {}, ("payout", "x_1")), ("topup.succeeded", {}, ("topup", "x_1")),
    ("invoice.paid", {}, ("invoice", "x_1")), ("invoice_payment.paid", {"payment": {"payment_intent": "pi_1"}}, ("payment_intent", "pi_1")),
    ("credit_note.created", {}, ("credit_note", "x_1")), ("checkout.session.completed", {"payment_intent": "pi_2"}, ("payment_intent", "pi_2")),
])  # fmt: skip
def test_an_event_makes_wanted_what_it_is_about(kind: str, inner: dict[str, Any], wanted: tuple[str, str]) -> None:
    assert [(one.kind, one.external_id) for one in wanted_by(kind, **inner)] == [wanted]


@pytest.mark.parametrize("kind", ["charge.pending", "payout.created", "balance.available", "customer.created", "invoice.created",
                                  "invoice_payment.paid", "checkout.session.completed"])  # fmt: skip
def test_an_event_without_money_makes_nothing_wanted(kind: str) -> None:
    assert wanted_by(kind) == ()


def test_a_thin_event_is_completed_by_reading_what_it_names() -> None:
    account = Account()
    made = account.charge(amount=1250)
    thin = {"id": "evt_9", "object": "v2.core.event", "type": "v1.charge.succeeded", "created": "2026-06-01T09:00:00.000Z",
            "related_object": {"id": made["id"], "type": "charge", "url": "/v1/charges/x"}}  # fmt: skip
    (wanted,) = decode(RawEvent(key="k", topic="v1.charge.succeeded", body=json.dumps(thin).encode()), account.context).wanted
    (event,) = account.run(fetch(account.session, [wanted]))
    assert decode(event, account.context).documents[0].header.external_id == made["id"]


def test_every_name_can_be_fetched_and_what_is_not_there_has_no_answer() -> None:
    account = Account()
    made = account.charge(amount=1000)
    account.refund(charge=made["id"], amount=100)
    account.refund(charge=made["id"], amount=200)
    assert len(account.fetched("refunds", made["id"])) == 2
    for kind, name in (("sale", made["id"]), ("payment", made["id"]), ("payment_intent", made["payment_intent"])):
        (event,) = account.fetched(kind, name)
        assert event.topic == "object/charge"
    assert account.fetched("charge", "ch_gone") == ()
    assert account.fetched("fee", "txn_1:fee") == ()
    with pytest.raises(Refused) as caught:
        account.fetched("customer", "cus_1")
    assert caught.value.code == "stripe-wanted"


def test_the_key_and_the_version_go_with_every_call_and_the_account_where_there_is_one() -> None:
    account = Account(settings={"account": "acct_1SSANDBOX"})
    account.fetched("charge", account.charge(amount=100)["id"])
    assert account.headers["stripe-version"] == API_VERSION
    assert account.headers["authorization"] == "Bearer sk_test_sandbox"
    assert account.headers["stripe-account"] == "acct_1SSANDBOX"
    plain = Account()
    plain.fetched("charge", plain.charge(amount=100)["id"])
    assert "stripe-account" not in plain.headers


def test_a_restricted_key_that_may_not_and_a_key_that_is_dead_need_their_owner() -> None:
    rights = {"rk_test_x": ["charge", "invoice_payment"]}
    account = Account(key="rk_test_x", restricted=rights)
    account.fetched("charge", account.charge(amount=100)["id"])
    with pytest.raises(NeedsConsent) as caught:
        account.run(poll(account.session, None))
    assert caught.value.code == "stripe-scope"
    account.revoke_tokens()
    dead = Account()
    dead.revoke_tokens()
    with pytest.raises(NeedsConsent):
        dead.run(poll(dead.session, None))


# --- the one endpoint -------------------------------------------------------------------------------------------------


def test_an_endpoint_is_made_once_with_our_version_and_its_secret_is_handed_on() -> None:
    account = Account()
    made = account.run(subscribe(account.session, DOOR))
    assert (made.created, made.alive) == (TOPICS, ())
    (endpoint,) = account.endpoints()
    assert (endpoint["url"], endpoint["api_version"], set(endpoint["enabled_events"])) == (DOOR, API_VERSION, set(TOPICS))
    account.charge(amount=100)
    row = account.stand_in.outgoing()[0]
    verify({name.lower(): value for name, value in row.headers.items()}, row.body, [made.secrets["webhook_secret"]], account.clock())
    known = Account(settings={"webhook_secret": "whsec_known"})
    known.stand_in = account.stand_in
    known.session = _with_secret(account)
    again = account.run(subscribe(known.session, DOOR))
    assert (again.alive, again.created, again.repaired, again.secrets) == (TOPICS, (), (), {})


def _with_secret(account: Account, secret: str = "whsec_known") -> Any:
    settings = msgspec.structs.replace(account.session.settings, webhook_secret=secret)
    return msgspec.structs.replace(account.session, settings=settings)


def test_an_endpoint_that_stripe_disabled_or_that_lacks_a_type_is_repaired() -> None:
    account = Account()
    account.run(subscribe(account.session, DOOR))
    session = _with_secret(account)
    row = account.stand_in.env.store.get("webhook_endpoint", account.endpoints()[0]["id"])
    account.stand_in.env.store.put("webhook_endpoint", row["id"], {**row, "status": "disabled"})
    assert set(account.run(subscribe(session, DOOR)).repaired) == set(TOPICS)
    assert account.endpoints()[0]["status"] == "enabled"
    account.stand_in.env.store.put("webhook_endpoint", row["id"], {**row, "enabled_events": list(TOPICS[1:])})
    repaired = account.run(subscribe(session, DOOR))
    assert (repaired.repaired, len(repaired.alive)) == ((TOPICS[0],), len(TOPICS) - 1)
    assert set(account.endpoints()[0]["enabled_events"]) == set(TOPICS)


def test_an_endpoint_whose_secret_nobody_has_is_made_anew_and_others_are_left_alone() -> None:
    account = Account(endpoint="https://elsewhere.test/hook")
    first = account.run(subscribe(account.session, DOOR))
    second = account.run(subscribe(account.session, DOOR))
    assert (second.repaired, second.created) == (TOPICS, ())
    assert second.secrets != first.secrets
    assert sorted(row["url"] for row in account.endpoints()) == ["https://elsewhere.test/hook", DOOR]
    row = next(row for row in account.endpoints() if row["url"] == DOOR)
    account.stand_in.env.store.put("webhook_endpoint", row["id"], {**row, "api_version": "2019-01-01"})
    assert account.run(subscribe(_with_secret(account), DOOR)).repaired == TOPICS


# --- windows ----------------------------------------------------------------------------------------------------------


def test_a_poll_begins_with_events_and_balance_and_goes_on_with_events() -> None:
    account = Account()
    account.charges(count=70)
    events, cursor = every_page(account)
    assert len([one for one in events if one.topic == "object/balance_transaction"]) == 70
    assert len({one.key for one in events}) == len(events)
    account.clock.advance(3600)
    account.asked.clear()
    made = account.charge(amount=500)
    again, later = every_page(account, cursor)
    assert made["id"] in b"".join(one.body for one in again).decode()
    assert not [one for one in account.asked if "balance_transactions" in one]
    assert {one.key: one.body for one in events}.items() >= {
        one.key: one.body for one in again if one.key in {each.key for each in events}
    }.items()
    account.clock.advance(40 * 86400)
    account.charge(amount=600)
    every_page(account, later)
    assert [one for one in account.asked if "balance_transactions" in one]


def test_a_poll_looks_back_ten_minutes_and_no_further() -> None:
    account = Account()
    old = account.charge(amount=100)["id"]
    account.clock.advance(3600)
    last = account.charge(amount=200)["id"]
    _, cursor = every_page(account)
    account.clock.advance(60)
    new = account.charge(amount=300)["id"]
    bodies = b"".join(one.body for one in every_page(account, cursor)[0]).decode()
    assert [name in bodies for name in (old, last, new)] == [False, True, True]


def test_a_cursor_may_be_an_instant_and_nothing_else() -> None:
    account = Account()
    account.charge(amount=100)
    assert every_page(account, "2026-05-31T00:00:00+00:00")[0]
    with pytest.raises(Refused):
        account.run(poll(account.session, "{]"))


def test_a_backfill_reads_the_window_page_by_page_and_nothing_outside_it() -> None:
    account = Account(settings={"invoices": False})
    account.charges(count=130)
    account.refund(charge=account.charge(amount=900)["id"])
    account.payout()
    account.topup(amount=100)
    account.dispute(charge=account.charge(amount=900)["id"])
    account.clock.advance(2 * 86400)
    account.charge(amount=1)
    until = START + timedelta(days=1)
    events, cursor = [], None
    while True:
        page = account.run(backfill(account.session, START, until, cursor))
        events += page.events
        cursor = page.cursor
        if not page.more:
            break
    kinds: dict[str, int] = {}
    for event in events:
        kinds[event.topic] = kinds.get(event.topic, 0) + 1
        assert decode(event, account.context).documents or event.topic == "object/charge"
    assert kinds == {"object/charge": 132, "object/refund": 1, "object/payout": 1, "object/topup": 1, "object/dispute": 1}


def test_a_converted_charge_of_a_backfill_bears_its_rate_too() -> None:
    account = Account(settings={"invoices": False})
    account.charge(amount=10000, currency="eur")
    page = account.run(backfill(account.session, *ALL, None))
    (sale,) = decode(page.events[0], account.context).documents
    assert str(sale.rate.rate) == "0.86"


def test_a_plan_counts_what_is_little_and_estimates_what_is_much() -> None:
    account = Account()
    account.charges(count=150)
    small = account.run(plan(account.session, *ALL))
    assert small.events == 150
    assert small.calls > 150
    assert not [one for one in small.warnings if "estimated" in one]
    for _ in range(20):
        account.clock.advance(3600)
        account.charges(count=100)
    much = account.run(plan(account.session, START - timedelta(hours=1), account.clock() + timedelta(hours=1)))
    assert [one for one in much.warnings if "estimated" in one]
    assert 1900 < much.events < 2700


def test_what_exists_there_and_what_the_balance_says_agree() -> None:
    account = Account()
    for currency in ("gbp", "eur"):
        charge = account.charge(amount=1000, currency=currency)["id"]
        account.refund(charge=charge, amount=300)
    account.charge(amount=700, capture=False)
    account.charge(amount=700, status="failed")
    gone = account.refund(charge=account.charge(amount=500)["id"], status="pending")["id"]
    account.settle_refund(refund=gone, status="failed")
    invoice = account.invoice(lines=[{"unit_amount": 100}], pay=True)
    assert invoice["status"] == "paid"
    found = account.run(ids(account.session, *ALL))
    assert sorted((one.kind, one.total.minor, one.total.currency) for one in found) == [
        ("payment", 100, "GBP"), ("refund", 300, "EUR"), ("refund", 300, "GBP"), ("sale", 500, "GBP"), ("sale", 1000, "EUR"), ("sale", 1000, "GBP"),
    ]  # fmt: skip
    totals = account.run(day_totals(account.session, *ALL))
    assert sorted((one.kind, one.count, one.total.minor, one.total.currency) for one in totals) == [
        ("payment", 1, 100, "GBP"), ("refund", 1, 300, "EUR"), ("refund", 1, 300, "GBP"), ("sale", 1, 1000, "EUR"), ("sale", 2, 1500, "GBP"),
    ]  # fmt: skip
    others = Account(duty="payments")
    others.refund(charge=others.charge(amount=1000)["id"], amount=300)
    assert [(one.kind, one.total.minor) for one in others.run(ids(others.session, *ALL))] == [("payment", 1000), ("payment", -300)]


def test_an_answer_that_cannot_be_read_is_tried_again_and_words_of_a_refusal_are_handed_on() -> None:
    account = Account(per_second=0)
    with pytest.raises(Refused, match="No such"):
        account.run(_first(account, {"starting_after": "evt_none"}))
    account.stand_in.error = lambda status, after: account.stand_in.env and _odd(status)
    account.stand_in.env.faults.add("error_before", path="GET *", times=50, status=409)
    with pytest.raises(Transient):
        account.run(_first(account, {}))


async def _first(account: Account, query: dict[str, str]) -> Any:
    return await page(account.session, "/v1/events", query)


def _odd(status: int) -> Any:
    return Answer(status=status, body=b"<html>")


def test_what_the_proof_no_longer_finds_is_withdrawn() -> None:
    account = Account()
    sale = account.only("charge", account.charge(amount=100)["id"])
    gone = Gone(kind="sale", external_id=sale.header.external_id, version=sale.header.version, found_at=datetime(2026, 6, 9, tzinfo=UTC),
                facts=facts(sale).decode())  # fmt: skip
    (withdrawn,) = decode(RawEvent(key="k", topic=GONE_TOPIC, body=msgspec.json.encode(gone)), account.context).documents
    assert withdrawn.header.withdrawn
    assert withdrawn.header.version > sale.header.version


def test_invoices_can_be_left_unread() -> None:
    context = Account(settings={"invoices": False}).context
    body = {"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": {"id": "in_1"}}}
    decoded = decode(RawEvent(key="k", topic="invoice.paid", body=json.dumps(body).encode()), context)
    assert decoded.ignored
    assert decoded.wanted == ()
    assert decode(RawEvent(key="k", topic="invoice.paid", body=json.dumps(body).encode()), Context(settings=None, zone="UTC")).wanted
