"""Receipts of M-Pesa by callback, pull and statement: one document each, and books that agree with the wallet."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.contract import RawEvent, Wanted
from leja.connectors.mpesa import CONNECTOR, source
from leja.connectors.mpesa.pull import REACH
from leja.connectors.mpesa.stand_in_wallet import Declined
from leja.connectors.mpesa.tests.wallet import SETTINGS, START, Wallet, amount_of
from leja.core.errors import LejaError, NeedsConsent, NeedsReview, Refused, Transient

CLEARING, FEES, ASIDE = "clearing:mpesa_till", "processor_fees:mobile_money", "unidentified_receipts"


def wanted_of(body: dict[str, Any]) -> tuple[Wanted, ...]:
    raw = json.dumps(body).encode()
    source.nudges.admit({}, raw, (), START)
    return source.nudges.read({}, raw)


def confirmation(**more: Any) -> dict[str, Any]:
    return {"TransactionType": "Pay Bill", "TransID": "UE40AAAA01", "TransTime": "20260504091500", "TransAmount": "5.00",
            "BusinessShortCode": "600966", "BillRefNumber": "A", "OrgAccountBalance": "25.00", "MSISDN": "2547 ***** 126",
            **more}  # fmt: skip


# --- callbacks --------------------------------------------------------------------------------------------------------


def test_a_confirmation_and_a_push_name_one_receipt_and_nothing_else():
    push = {"Body": {"stkCallback": {"MerchantRequestID": "m", "CheckoutRequestID": "c", "ResultCode": 0, "CallbackMetadata": {
        "Item": [{"Name": "Amount", "Value": 5.0}, {"Name": "MpesaReceiptNumber", "Value": "UE40AAAA01"},
                 {"Name": "TransactionDate", "Value": 20260504091500}, {"Name": "Balance"}]}}}}  # fmt: skip
    assert wanted_of(push) == wanted_of(confirmation()) == (Wanted(kind="payment", external_id="UE40AAAA01/20260504091500"),)
    assert wanted_of(confirmation(TransTime="soon"))[0].external_id == "UE40AAAA01/unknown"
    push["Body"]["stkCallback"]["ResultCode"] = "0"
    assert len(wanted_of(push)) == 1


@pytest.mark.parametrize("code", [1, 1032, "1037", 2001, None])
def test_a_push_that_failed_names_nothing(code):
    assert wanted_of({"Body": {"stkCallback": {"ResultCode": code, "ResultDesc": "no"}}}) == ()


def test_results_of_other_requests_are_taken_and_name_nothing():
    assert wanted_of({"Result": {"ResultCode": 0, "TransactionID": "SKE52PAWR9"}}) == ()


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{}", b'{"a":1}', b"null", b'{"TransID":1,"TransAmount":"1","BusinessShortCode":"2"}', b"x" * 70_000,
    b'{"Body":{"stkCallback":[]}}', b'{"TransID":"A","TransID":"B"}',
])  # fmt: skip
def test_what_does_not_look_like_m_pesa_is_not_let_in(body):
    with pytest.raises(Refused):
        source.nudges.admit({}, body, (), START)


def test_a_call_with_a_number_that_is_no_receipt_is_refused():
    for number in ("'; DROP TABLE", "", "ä" * 10):
        with pytest.raises(Refused):
            wanted_of(confirmation(TransID=number))


def test_validation_is_answered_yes_and_a_confirmation_is_not():
    answer = source.handshake({}, json.dumps(confirmation(OrgAccountBalance="")).encode(), ())
    assert answer is not None
    assert (answer.status, json.loads(answer.body)) == (200, {"ResultCode": "0", "ResultDesc": "Accepted"})
    assert source.handshake({}, json.dumps(confirmation()).encode(), ()) is None
    for other in (b"", b"[]", b"{", b'{"Body":{}}', b"x" * 70_000):
        assert source.handshake({}, other, ()) is None


def test_the_stand_ins_own_calls_are_understood_and_a_forged_one_finds_nothing():
    wallet = Wallet(confirmation_url="https://leja.test/in", validation=False)
    wallet.subscribe()
    paid = wallet.call("pay", amount=1500, reference="INV-1001")
    wallet.call("forge", amount=9000)
    real, forged = (json.loads(row.body) for row in wallet.stand_in.outgoing())
    (event,) = wallet.ask(lambda session: source.fetch(session, wanted_of(real)))
    assert wallet.ask(lambda session: source.fetch(session, wanted_of(forged))) == ()
    assert [amount_of(document) for document in wallet.documents([event]).values()] == [150000]
    assert event.key == f"pull/{paid['receipt']}"
    assert event in wallet.poll()[0]


def test_a_nudge_that_lies_about_its_time_is_found_all_the_same():
    wallet = Wallet()
    wallet.subscribe()
    paid = wallet.call("pay", amount=100)
    for stamp in ("20260504010000", "20200101000000", "99999999999999", "unknown"):
        (event,) = wallet.ask(lambda s: source.fetch(s, [Wanted(kind="payment", external_id=f"{paid['receipt']}/{stamp}")]))  # noqa: B023
        assert event.key == f"pull/{paid['receipt']}"


def test_a_nudge_is_searched_on_every_page():
    wallet = Wallet(pull_page=2)
    wallet.subscribe()
    receipts = [wallet.call("pay", amount=100)["receipt"] for _ in range(5)]
    for receipt in receipts:
        (event,) = wallet.ask(lambda s: source.fetch(s, [Wanted(kind="payment", external_id=f"{receipt}/unknown")]))  # noqa: B023
        assert event.key == f"pull/{receipt}"


def test_a_nudge_with_its_time_searches_an_hour_and_not_two_days():
    wallet = Wallet(pull_page=10)
    wallet.subscribe()
    for _ in range(60):
        wallet.call("pay", amount=100)
        wallet.clock.advance(1800)
    paid = wallet.call("pay", amount=100)
    stamp = f"{wallet.clock() + timedelta(hours=3):%Y%m%d%H%M%S}"
    before = wallet.stand_in.accepted
    wallet.ask(lambda session: source.fetch(session, [Wanted(kind="payment", external_id=f"{paid['receipt']}/{stamp}")]))
    assert wallet.stand_in.accepted - before == 2  # the token and one page


@pytest.mark.parametrize(("kind", "name"), [
    ("fee", "UE40AAAA01/20260504091500"), ("payment", "UE40AAAA01"), ("payment", "UE40AAAA01/pay-bill-reversal"), ("payment", "x/unknown"),
])  # fmt: skip
def test_only_what_a_callback_named_can_be_fetched(kind, name):
    with pytest.raises(Refused):
        Wallet().ask(lambda session: source.fetch(session, [Wanted(kind=kind, external_id=name)]))


# --- pull -------------------------------------------------------------------------------------------------------------


def test_a_poll_reads_every_page_and_again_what_came_late():
    wallet = Wallet(pull_page=7)
    wallet.subscribe()
    for number in range(20):
        wallet.call("pay", amount=100 + number)
        wallet.clock.advance(60)
    late = wallet.call("pay", amount=999, pull_after=3600)
    events, cursor = wallet.poll()
    assert len({event.key for event in events}) == len(events) == 20
    wallet.clock.advance(4000)
    again, _ = wallet.poll(cursor)
    assert f"pull/{late['receipt']}" in {event.key for event in again}
    assert {event.key: event.body for event in events}.items() <= {event.key: event.body for event in again}.items()


def test_a_poll_that_comes_too_late_says_what_it_cannot_know():
    wallet = Wallet()
    wallet.subscribe()
    _, cursor = wallet.poll()
    wallet.call("pay", amount=100)
    wallet.clock.advance(REACH.total_seconds() - 1)
    assert [event.topic for event in wallet.poll(cursor)[0]] == ["pull/transaction"]
    wallet.clock.advance(3600)
    wallet.call("pay", amount=200)
    events, _ = wallet.poll(cursor)
    assert [event.topic for event in events] == ["pull/gap", "pull/transaction"]
    with pytest.raises(NeedsReview, match="2026-05-04T06:00:00Z"):
        source.decode(events[0], wallet.context())
    wallet.clock.advance(60)
    assert wallet.poll(cursor)[0][0] == events[0]  # the same gap again is no new one


def test_a_first_poll_has_no_gap_and_a_strange_cursor_is_refused():
    wallet = Wallet()
    wallet.subscribe()
    assert wallet.poll(None)[0] == []
    for cursor in ("x", "1/2/3", "2026-05-04T06:00:00Z/2026-05-04T07:00:00Z/x", "2026-05-04"):
        with pytest.raises(Refused) as caught:
            wallet.poll(cursor)
        assert caught.value.code == "mpesa-cursor"


@pytest.mark.parametrize("kind", ["rate_limited", "error_before", "error_after", "answer_lost", "cut_before", "token_expired"])
def test_faults_of_reading_are_ridden_out(kind):
    wallet = Wallet()
    wallet.subscribe()
    wallet.call("pay", amount=100)
    wallet.stand_in.env.faults.add(kind, path="POST /pull*/query", times=1)
    assert len(wallet.poll()[0]) == 1
    assert wallet.stand_in.env.faults.played[kind] == 1


def test_wrong_keys_need_consent():
    for wrong in ({"consumer_key": "other"}, {"consumer_secret": ""}):
        wallet = Wallet(msgspec.structs.replace(SETTINGS, **wrong))
        with pytest.raises(NeedsConsent):
            wallet.poll()
    wallet = Wallet()
    wallet.subscribe()
    wallet.stand_in.env.faults.add("token_expired", path="POST /pull*/query")
    with pytest.raises(NeedsConsent):
        wallet.poll()


def test_a_refusal_says_the_vendors_words_and_no_secret():
    wallet = Wallet(msgspec.structs.replace(SETTINGS, short_code="111111"))
    with pytest.raises(Refused, match="Invalid ShortCode") as caught:
        wallet.poll()
    assert "sandbox-secret" not in str(caught.value.as_dict())


def test_without_registration_the_pull_service_only_fails():
    with pytest.raises(Transient):
        Wallet().poll()


def test_the_zone_of_pulled_times_is_a_setting():
    for zone, stated, hour in (("UTC", "stated", 9), ("EAT", "local", 9), ("EAT", "stated", 12)):
        wallet = Wallet(msgspec.structs.replace(SETTINGS, pull_times=stated), pull_zone=zone)
        wallet.subscribe()
        wallet.call("pay", amount=100)
        (document,) = wallet.documents(wallet.poll()[0]).values()
        assert (document.header.occurred_at.hour, document.header.occurred_at.utcoffset()) == (hour, timedelta(hours=3))


# --- subscribing ------------------------------------------------------------------------------------------------------


def test_the_pull_service_is_registered_once_and_callbacks_only_where_the_settings_say_so():
    wallet = Wallet()
    assert (wallet.subscribe().created, wallet.subscribe().alive) == (("pull",), ("pull",))
    wallet.call("pay", amount=100)
    assert wallet.stand_in.outgoing() == []
    told = Wallet(msgspec.structs.replace(SETTINGS, register_callbacks=True), environment="production")
    assert told.subscribe().created == ("pull", "c2b")
    assert told.subscribe().alive == ("pull", "c2b")
    told.call("pay", amount=100)
    assert len(told.stand_in.outgoing()) == 1


@pytest.mark.parametrize("url", ["http://leja.test/hooks/a", "https://leja.test/hooks/aSQLb", "https://m-pesa.test/a", "https://x/EXEC"])
def test_an_address_that_daraja_would_refuse_is_not_sent(url):
    wallet = Wallet(msgspec.structs.replace(SETTINGS, register_callbacks=True))
    with pytest.raises(Refused) as caught:
        wallet.subscribe(url)
    assert caught.value.code == "mpesa-callback"


# --- the books --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["till", "paybill"])
@pytest.mark.parametrize("charge_receipt", ["same", "own"])
@pytest.mark.parametrize("dates", ["day_first", "iso"])
def test_the_wallet_and_its_clearing_account_agree(kind, charge_receipt, dates):
    wallet = Wallet(kind=kind, charge_receipt=charge_receipt)
    wallet.subscribe()
    paid = [wallet.call("pay", amount=amount, reference="" if kind == "till" else "A1")["receipt"] for amount in (1500, 2300, 150)]
    wallet.call("pay", amount=700, status="Cancelled")
    wallet.call("reverse", receipt=paid[0])
    wallet.call("sweep", amount=1000, charge="24.75")
    report = wallet.call("report")
    (day,) = report["days"].values()
    books = wallet.books(wallet.statement(dates=dates))
    assert books[CLEARING] == report["balance"]
    assert (books[FEES], books["bank"]) == (day["charges"], day["sweeps"])
    assert books[ASIDE] == day["reversals"] - day["payments"]


def test_post_27_a_till_its_charge_and_its_sweep_come_to_nothing():
    wallet = Wallet(kind="till", charge_rate="0")
    for amount in (1500, 2300, 700):
        wallet.call("pay", amount=amount)
    wallet.call("sweep", charge="24.75")
    assert wallet.books(wallet.statement()) == {"bank": 447525, FEES: 2475, ASIDE: -450000}


def test_post_49_a_receipt_is_unidentified_at_once():
    wallet = Wallet(charge_rate="0")
    wallet.subscribe()
    wallet.call("pay", amount=1500, reference="???")
    assert wallet.books(wallet.poll()[0]) == {CLEARING: 150000, ASIDE: -150000}


def test_the_same_receipt_from_callback_pull_and_statement_is_one_document():
    wallet = Wallet(confirmation_url="https://leja.test/in")
    wallet.subscribe()
    paid = wallet.call("pay", amount=1500, reference="INV-1001")
    fetched = wallet.ask(lambda s: source.fetch(s, wanted_of(json.loads(wallet.stand_in.outgoing()[0].body))))
    polled, stated = wallet.poll()[0], wallet.statement()
    alone = wallet.books(stated)
    assert wallet.books(polled, fetched, stated) == wallet.books(stated, polled, polled, fetched) == alone
    found = wallet.documents(polled, stated)
    assert set(found) == {("payment", paid["receipt"]), ("fee", f"{paid['receipt']}/business-pay-bill-charge")}
    assert found["payment", paid["receipt"]].header.version.startswith("2/")
    said = {document.tender for group in (fetched, polled, stated[-1:]) for document in wallet.documents(group).values()}
    assert len(said) == 1


def test_where_receipts_are_the_only_record_they_are_sales():
    wallet = Wallet(msgspec.structs.replace(SETTINGS, receipts="sales"), charge_rate="0")
    wallet.subscribe()
    paid = wallet.call("pay", amount=1500)
    wallet.call("pay", amount=500)
    wallet.call("reverse", receipt=paid["receipt"])
    books = wallet.books(wallet.poll()[0], wallet.statement(newest_first=False))
    assert (books[CLEARING], books["sales"]) == (50000, -200000)
    assert sum(books.values()) == 0


def test_the_business_day_is_nairobis():
    wallet = Wallet(charge_rate="0")
    wallet.subscribe()
    wallet.call("pay", amount=1500, at="2026-05-03T23:59:59")
    wallet.call("pay", amount=1500, at="2026-05-04T00:00:00")
    for group in (wallet.poll()[0], wallet.statement()):
        assert sorted(str(one.header.business_day) for one in wallet.documents(group).values()) == ["2026-05-03", "2026-05-04"]


STEPS = st.lists(st.tuples(st.sampled_from(["pay", "reverse", "sweep", "charge"]), st.integers(1, 4000)), max_size=12)


@settings(max_examples=25, deadline=None)
@given(STEPS, st.sampled_from(["same", "own"]), st.booleans())
def test_whatever_happens_the_books_hold_what_the_wallet_holds(steps, charge_receipt, older):
    wallet = Wallet(charge_receipt=charge_receipt)
    wallet.subscribe()
    receipts: list[str] = []
    for name, number in steps:
        wallet.clock.advance(60)
        if name in ("pay", "charge"):
            receipts.append(wallet.call("pay", amount=number, charge="1.05" if name == "charge" else None)["receipt"])
        elif receipts:
            with suppress(ValueError, Declined):  # the wallet has too little, or the payment went back before
                wallet.call(name, **({"amount": number} if name == "sweep" else {"receipt": receipts[number % len(receipts)]}))
    stated = wallet.statement(older=older)
    assert wallet.books(wallet.poll()[0], stated).get(CLEARING, 0) == wallet.call("report")["balance"]
    assert wallet.books(stated, stated) == wallet.books(stated)


def test_an_event_without_settings_is_refused_and_the_declaration_is_honest():
    with pytest.raises(LejaError):
        source.decode(RawEvent(key="k", topic="pull/transaction", body=b"{}"), Wallet().context().__class__(settings=None, zone="UTC"))
    assert CONNECTOR.roles == {"payments"}
