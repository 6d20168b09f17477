"""The stand-in of M-Pesa against the portal's own samples, and its customers, its callbacks and its statement."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leja.connectors.mpesa.stand_in import STAND_IN
from leja_sandbox.kit import SimulatedClock, StandIn, environment

SPECS = Path(__file__).resolve().parents[5].parent / "shared" / "specs" / "mpesa" / "examples"
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
needs_samples = pytest.mark.skipif(not SPECS.is_dir(), reason="THE PORTAL'S SAMPLES ARE NOT HERE (shared/specs/mpesa)")
FORMS = {"%d-%m-%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"}


class Running:
    """A stand-in in process, with a token."""

    def __init__(self, seed: int = 1, **chosen: Any) -> None:
        self.clock = SimulatedClock(START)
        self.stand_in: StandIn = STAND_IN.build(environment(clock=self.clock, seed=seed, settings=chosen))
        self.token = self.control("grant")["access_token"]

    def control(self, name: str, /, **arguments: Any) -> Any:
        return self.stand_in.control.call(name, **arguments)

    def call(self, path: str, body: Any = None, *, method: str = "POST", headers: dict[str, str] | None = None) -> httpx2.Response:
        async def send() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=self.stand_in.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://daraja") as client:
                given = {"Authorization": f"Bearer {self.token}"} if headers is None else headers
                content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
                return await client.request(method, path, content=content, headers=given)

        return asyncio.run(send())

    def told(self, topic: str = "") -> list[dict[str, Any]]:
        rows = [row for row in self.stand_in.outgoing() if topic in ("", row.topic) and row.state != "lost"]
        return [json.loads(row.body, parse_float=Decimal) for row in rows]

    def register(self, **more: str) -> httpx2.Response:
        body = {"ShortCode": "600966", "ResponseType": "Completed", "ConfirmationURL": "https://shop.example/in", **more}
        return self.call("/mpesa/c2b/v2/registerurl", body)

    def push(self, **more: Any) -> httpx2.Response:
        plain = base64.b64encode(b"600966sandbox-passkey20260302090000").decode()
        return self.call("/mpesa/stkpush/v1/processrequest", {
            "BusinessShortCode": 600966, "Password": plain, "Timestamp": "20260302090000",
            "TransactionType": "CustomerPayBillOnline", "Amount": "1", "PartyA": "254722000000", "PartyB": "600966",
            "PhoneNumber": "254722111111", "CallBackURL": "https://shop.example/stk", "AccountReference": "INV-1",
            "TransactionDesc": "goods", **more,
        })  # fmt: skip

    def pull(self, start: str, end: str, offset: str = "0") -> httpx2.Response:
        body = {"ShortCode": "600966", "StartDate": start, "EndDate": end, "OffSetValue": offset}
        return self.call("/pulltransactions/v1/query", body)

    def pull_register(self) -> httpx2.Response:
        return self.call("/pulltransactions/v1/register", {"ShortCode": "600966", "RequestType": "Pull",
                         "NominatedNumber": "0722000000", "CallBackURL": "https://shop.example/pull"})  # fmt: skip

    def asked(self, what: str, **more: Any) -> httpx2.Response:
        path = {"TransactionReversal": "reversal/v1/request", "AccountBalance": "accountbalance/v1/query",
                "TransactionStatusQuery": "transactionstatus/v1/query"}[what]  # fmt: skip
        party = {"ReceiverParty": "600966", "RecieverIdentifierType": "11"} if "Reversal" in what else {
            "PartyA": "600966", "IdentifierType": "4"}  # fmt: skip
        return self.call(f"/mpesa/{path}", {
            "Initiator": "leja-api", "SecurityCredential": "c2VjcmV0", "CommandID": what, "Remarks": "ok",
            "ResultURL": "https://shop.example/result", "QueueTimeOutURL": "https://shop.example/late", **party, **more,
        })  # fmt: skip


def shape(value: Any) -> Any:
    """Names and types of a body, and of lists the first row's; the values of ``Key`` and ``Name`` count as names."""
    if isinstance(value, dict):
        return {name: value[name] if name in ("Key", "Name") else shape(part) for name, part in sorted(value.items())}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__


def sample(name: str) -> Any:
    return json.loads((SPECS / f"mpesa-{name}.json").read_text(), parse_float=Decimal)


@needs_samples
def test_every_answer_and_callback_has_the_shape_of_the_portals_sample() -> None:
    it = Running()
    assert shape(it.register().json()) == shape(sample("c2b-registerurl-response"))
    paid = it.control("pay", amount=5, reference="INV-1000")
    assert shape(it.told("c2b.confirmation")[0]) == shape(sample("c2b-confirmation"))
    assert shape(it.push().json()) == shape(sample("stk-ack"))
    assert shape(it.told("stk")[0]) == shape(sample("stk-callback-success"))
    assert shape(it.pull_register().json()) == shape(sample("pull-register-response"))
    acknowledged = dict.fromkeys(sample("b2c-ack"), "str")
    for what, topic, name in (
        ("TransactionReversal", "reversal", "reversal-result-success"), ("AccountBalance", "balance", "accountbalance-result"),
    ):  # fmt: skip
        more = {"TransactionID": paid["receipt"], "Amount": "5"} if topic == "reversal" else {}
        assert shape(it.asked(what, **more).json()) == acknowledged
        assert shape(it.told(topic)[0]) == shape(sample(name))
    it.asked("TransactionStatusQuery", TransactionID=paid["receipt"])
    told = it.told("status")[0]["Result"]
    expected = sample("txstatus-result")["Result"]
    assert told.keys() == expected.keys()
    keys = {row["Key"] for row in told["ResultParameters"]["ResultParameter"]}
    assert keys - {"CreditPartyName"} == {row["Key"] for row in expected["ResultParameters"]["ResultParameter"]}


@needs_samples
def test_the_portals_request_samples_are_understood() -> None:
    it = Running(shortcode="600000")
    it.call("/pulltransactions/v1/register", sample("pull-register-request"))
    # Its dates are of no kind: "8:36:00" and "10:10:000".
    assert it.call("/pulltransactions/v1/query", sample("pull-query-request")).json()["ResponseCode"] == "1001"
    status = Running(shortcode="600782")
    assert status.call("/mpesa/transactionstatus/v1/query", sample("txstatus-request")).json()["ResponseCode"] == "0"
    back = Running(shortcode="603021")
    assert back.call("/mpesa/reversal/v1/request", sample("reversal-request")).json()["ResponseCode"] == "0"
    assert shape(back.told("reversal")[0]["Result"]) == {**shape(sample("b2c-result-failure")["Result"])}


@needs_samples
@pytest.mark.parametrize(("name", "kind"), [("specs/mpesa/examples/mpesa-org-statement-sample.csv", "paybill"), ("domain/bank_samples/mpesa_org_statement.csv", "till")])
def test_the_statement_is_laid_out_as_the_samples(name: str, kind: str) -> None:
    theirs = list(csv.reader(io.StringIO((SPECS.parents[2] / name).read_text())))
    it = Running(kind=kind)
    it.control("pay", amount=1500, reference="INV-1001" if kind == "paybill" else "")
    it.control("sweep", charge="24.75")
    ours = list(csv.reader(io.StringIO(it.control("statement", first="2026-03-02", dates="day_first" if kind == "paybill" else "iso"))))
    header = next(index for index, row in enumerate(theirs) if row[0] == "Receipt No.")
    assert ours[header] == theirs[header]
    assert [row[0] for row in ours[:header]] == [row[0] for row in theirs[:header]]
    known = {(row[9], row[4]) for row in theirs[header + 1 :]}
    assert {(row[9], row[4]) for row in ours[header + 1 :]} - {("Charge", "Completed")} <= known


def test_the_token_lasts_an_hour_and_wants_the_right_key() -> None:
    it = Running()
    basic = {"Authorization": "Basic " + base64.b64encode(b"sandbox-key:sandbox-secret").decode()}
    answer = it.call("/oauth/v1/generate?grant_type=client_credentials", method="GET", headers=basic).json()
    assert answer["expires_in"] == 3599
    assert len(answer["access_token"]) == 28
    it.token = answer["access_token"]
    assert it.register().status_code == 200
    it.clock.advance(3600)
    refused = it.register()
    assert (refused.status_code, refused.json()["errorCode"]) == (400, "400.003.01")
    assert it.push().json()["errorCode"] == "404.001.03"
    wrong = {"Authorization": "Basic " + base64.b64encode(b"sandbox-key:other").decode()}
    assert it.call("/oauth/v1/generate?grant_type=client_credentials", method="GET", headers=wrong).json()["errorCode"] == "400.008.01"
    assert it.call("/oauth/v1/generate?grant_type=password", method="GET", headers=basic).json()["errorCode"] == "400.008.02"


@pytest.mark.parametrize(("body", "code"), [
    (b"{", "400.002.05"),
    ({"ShortCode": "600966", "ResponseType": "Completed"}, "400.003.02"),
    ({"ShortCode": "600966", "ResponseType": "completed", "ConfirmationURL": "https://a.example"}, "400.003.02"),
    ({"ShortCode": "1", "ResponseType": "Completed", "ConfirmationURL": "https://a.example"}, "400.003.02"),
    ({"ShortCode": "600966", "ResponseType": "Completed", "ConfirmationURL": "https://a.example", "Colour": "red"}, "400.002.05"),
])  # fmt: skip
def test_what_the_vendor_refuses_is_refused_in_its_words(body: Any, code: str) -> None:
    answer = Running().call("/mpesa/c2b/v2/registerurl", body)
    assert answer.json().keys() == {"requestId", "errorCode", "errorMessage"}
    assert (answer.status_code, answer.json()["errorCode"]) == (400, code)


def test_other_doors_and_verbs() -> None:
    it = Running()
    assert it.call("/mpesa/b2c/v3/nothing", {}).json()["errorCode"] == "404.001.01"
    assert it.call("/mpesa/c2b/v2/registerurl", method="GET").json()["errorCode"] == "404.001.04"
    assert it.call("/mpesa/stkpush/v1/processrequest", method="GET").json()["errorCode"] == "405.001"


def test_production_takes_addresses_once_and_not_every_address() -> None:
    it = Running(environment="production")
    for url in ("http://shop.example/in", "https://shop.example/mpesa/in", "https://shop.example/query", "https://x.ngrok.io/in"):
        assert it.register(ConfirmationURL=url).json()["errorCode"] == "400.003.02", url
    assert it.register().status_code == 200
    assert it.register().json()["errorMessage"] == "Urls are already registered."
    it.control("delete_urls")
    assert it.register().status_code == 200


def test_limits_are_errors_of_the_server() -> None:
    it = Running(per_second=2, per_day=3)
    assert [it.register().status_code for _ in range(2)] == [200, 200]
    assert (it.register().status_code, it.register().json()["errorCode"]) == (500, "500.003.02")
    it.clock.advance(2)
    assert it.register().status_code == 200
    it.clock.advance(2)
    assert it.register().json()["errorCode"] == "500.003.03"
    plain = Running()
    plain.stand_in.env.faults.add("rate_limited")
    assert (plain.register().status_code, plain.register().json()["errorCode"]) == (500, "500.003.02")


def test_confirmations_are_lost_repeated_and_forged_and_never_tried_again() -> None:
    it = Running()
    it.register()
    paid = it.control("pay", amount=300, reference="INV-7")
    it.control("pay", amount=300, webhooks="lost")
    it.control("pay", amount=300, webhooks="twice")
    it.control("confirm_again", receipt=paid["receipt"])
    forged = it.control("forge", amount=900)
    assert [body["TransID"] for body in it.told()].count(paid["receipt"]) == 2
    assert len(it.told()) == 5
    assert forged["receipt"] not in {row["receipt"] for row in it.control("rows")}
    asyncio.run(it.stand_in.webhooks.send_due(httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(500)))))  # type: ignore[union-attr]
    assert {row.state for row in it.stand_in.outgoing()} == {"given_up", "lost"}


def test_nobody_is_told_before_an_address_is_registered() -> None:
    it = Running()
    it.control("pay", amount=300)
    assert it.told() == []
    assert len(it.control("rows")) == 2


@pytest.mark.parametrize(("answer", "default", "status"), [
    ({"ResultCode": "0", "ResultDesc": "Accepted"}, "Cancelled", "Completed"),
    ({"ResultCode": "C2B00012", "ResultDesc": "Rejected"}, "Completed", "Cancelled"),
    (None, "Completed", "Completed"),
    (None, "Cancelled", "Cancelled"),
])  # fmt: skip
def test_the_shop_or_its_default_decides_on_a_payment(answer: Any, default: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def shop(_url: str, body: bytes) -> Any:
        asked.append(json.loads(body))
        return answer

    monkeypatch.setattr("leja.connectors.mpesa.stand_in_calls.ask", shop)
    it = Running(validation=True)
    it.register(ValidationURL="https://shop.example/check", ResponseType=default)
    assert it.control("pay", amount=500, reference="INV-9")["status"] == status
    assert (asked[0]["OrgAccountBalance"], asked[0]["BillRefNumber"]) == ("", "INV-9")
    assert len(it.told("c2b.confirmation")) == (status == "Completed")
    assert it.control("report")["balance"] == (50_000 - 275 if status == "Completed" else 0)


def test_a_push_is_paid_refused_or_waits() -> None:
    it = Running(stk="wait")
    it.register()
    name = it.push().json()["CheckoutRequestID"]
    secret = {"BusinessShortCode": "600966", "Timestamp": "20260302090000", "CheckoutRequestID": name,
              "Password": base64.b64encode(b"600966sandbox-passkey20260302090000").decode()}  # fmt: skip
    assert it.call("/mpesa/stkpushquery/v1/query", secret).json()["errorMessage"] == "The transaction is being processed"
    assert it.push().json()["errorMessage"].startswith("Unable to lock subscriber")
    it.control("answer_push", code=1032)
    assert it.call("/mpesa/stkpushquery/v1/query", secret).json()["ResultCode"] == "1032"
    assert "CallbackMetadata" not in it.told("stk")[0]["Body"]["stkCallback"]
    it.push()
    push = it.control("answer_push")
    assert it.told("c2b.confirmation")[0]["TransID"] == push["receipt"]
    assert it.push(Password="x").json()["errorMessage"] == "Wrong credentials"
    assert it.push(Amount="1.50").json()["errorMessage"] == "Bad Request - Invalid Amount"
    it.push(TransactionType="CustomerBuyGoodsOnline")
    assert it.control("answer_push")["code"] == "2028"


def test_pull_reaches_back_48_hours_in_pages_of_rows() -> None:
    it = Running(pull_page=2)
    assert it.pull("2026-03-01 00:00:00", "2026-03-02 10:00:00").status_code == 500
    assert [it.pull_register().json()["ResponseStatus"] for _ in range(2)] == ["1000", "1001"]
    for amount in (100, 200, 300):
        it.control("pay", amount=amount, at="2026-03-02T05:00:00+00:00")
    it.control("pay", amount=400, status="Cancelled")
    it.control("pay", amount=500, pull_after=600)
    first = it.pull("2026-03-02 08:00:00", "2026-03-02 10:00:00").json()
    rest = it.pull("2026-03-02 08:00:00", "2026-03-02 10:00:00", "2").json()
    assert [row["amount"] for row in first["Response"][0] + rest["Response"][0]] == ["100.00", "200.00", "300.00"]
    assert first["Response"][0][0]["trxDate"] == "2026-03-02T05:00:00Z"
    assert it.pull("2026-03-02 08:00:00", "2026-03-02 10:00:00", "3").json()["Response"] == [[]]
    it.clock.advance(700)
    assert it.pull("2026-03-02 08:00:00", "2026-03-02 10:00:00", "3").json()["Response"][0][0]["amount"] == "500.00"
    it.clock.advance(timedelta(hours=47).total_seconds())
    it.token = it.control("grant")["access_token"]
    later = it.pull("2026-03-02 00:00:00", "2026-03-04 10:00:00").json()
    assert [row["amount"] for row in later["Response"][0]] == ["500.00"]


def test_a_payment_is_reversed_once_and_by_the_right_user() -> None:
    it = Running()
    paid = it.control("pay", amount=1000)
    it.control("pay", amount=1000)
    order = {"TransactionID": paid["receipt"], "Amount": "1000"}
    it.asked("TransactionReversal", **order, Initiator="somebody")
    it.asked("TransactionReversal", **order)
    it.asked("TransactionReversal", **order)
    it.asked("TransactionReversal", TransactionID="SKC82PACB8", Amount="1")
    codes = [body["Result"]["ResultCode"] for body in it.told("reversal")]
    assert codes == [2001, 0, "R000001", "R000002"]
    assert it.control("report")["sums"]["refunds"] == {"KES": 100_000}
    it.asked("TransactionStatusQuery", TransactionID="SKC82PACB8")
    assert it.told("status")[0]["Result"]["ResultCode"] == "SFC_IC0003"
    it.control("sweep")
    with pytest.raises(ValueError, match="insufficient"):
        it.control("sweep", amount="1")


def test_the_same_seed_plays_the_same_shop_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    def played(seed: int) -> str:
        it = Running(seed)
        it.control("pay", amount=700)
        it.control("pay", amount=900, name="")
        it.control("sweep", charge="24.75")
        return str(it.control("statement", first="2026-03-02"))

    assert played(4) == played(4)
    assert played(4) != played(5)
    kept: dict[str, Any] = {"clock": SimulatedClock(START), "path": tmp_path / "mpesa.db"}
    for _ in range(2):
        STAND_IN.build(environment(**kept)).control.call("pay", amount=700)
    assert len({row["receipt"] for row in STAND_IN.build(environment(**kept)).control.call("rows")}) == 2


def read(text: str) -> list[dict[str, str]]:
    lines = list(csv.reader(io.StringIO(text)))
    start = next(index for index, row in enumerate(lines) if row[0] in ("Receipt No.", "Receipt"))
    return [dict(zip(lines[start], row, strict=True)) for row in lines[start + 1 :]]


def minor(text: str) -> int:
    return int(Decimal(text.replace(",", "") or "0") * 100)


moves = st.lists(st.one_of(
    st.tuples(st.just("pay"), st.integers(1, 70_000)), st.tuples(st.just("sweep"), st.integers(0, 3000)),
    st.tuples(st.just("reverse"), st.integers(0, 9)), st.tuples(st.just("cancelled"), st.integers(1, 500)),
), max_size=12)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(moves, st.sampled_from(["same", "own"]), st.sampled_from(["paybill", "till"]), st.booleans())
def test_every_statement_proves_itself_by_its_balances(moves: list[tuple[str, int]], receipts: str, kind: str, older: bool) -> None:
    it = Running(charge_receipt=receipts, kind=kind)
    paid: list[str] = []
    for what, number in moves:
        it.clock.advance(61)
        if what in ("pay", "cancelled"):
            row = it.control("pay", amount=number, status="Completed" if what == "pay" else "Cancelled")
            paid += [row["receipt"]] if what == "pay" else []
        elif what == "sweep" and it.control("report")["balance"] > number:
            it.control("sweep", charge=f"{number / 100:.2f}")
        elif what == "reverse" and number < len(paid) and it.control("report")["balance"] > 8_000_000:
            it.control("reverse", receipt=paid.pop(number))
    rows = read(it.control("statement", first="2026-03-02", newest_first=False, older=older))
    balance = 0
    for row in rows:
        withdrawn = -minor(row["Withdrawn"]) if older else minor(row["Withdrawn"])
        balance += minor(row["Paid In"]) + withdrawn
        assert minor(row["Balance"]) == balance
    report = it.control("report")
    assert balance == report["balance"]
    day = report["days"].get("2026-03-02", {"payments": 0, "charges": 0, "sweeps": 0, "reversals": 0})
    assert balance == day["payments"] - day["charges"] - day["sweeps"] - day["reversals"]
    names = [(row.get("Receipt No.", row.get("Receipt")), row.get("Reason Type", row.get("Transaction Type"))) for row in rows]
    assert len(set(names)) == len(names)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        Running(colour="red")
