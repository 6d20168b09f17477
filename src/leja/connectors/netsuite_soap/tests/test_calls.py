"""Passports and calls: the vendor's vector, a passport of its own for each try, faults by what may be done about them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leja.connectors.contract import Later, Rejected, Unknown
from leja.connectors.netsuite_soap import CONNECTOR, Settings, api, faults, target
from leja.connectors.netsuite_soap.envelope import envelope
from leja.connectors.netsuite_soap.faults import Fault, outcome_of_fault, outcome_of_status, read_answer
from leja.connectors.netsuite_soap.nodes import Unreadable, parse
from leja.connectors.netsuite_soap.passport import account_number, passport, signature
from leja.connectors.netsuite_soap.stand_in_passport import signature as theirs
from leja.connectors.netsuite_soap.tests.account import NOW, account, sold
from leja.connectors.netsuite_soap.tests.judges import judged
from leja.connectors.netsuite_soap.tests.test_stand_in import SPECS
from leja.connectors.netsuite_soap.wire import Status
from leja.core.errors import LejaError, NeedsConsent, NeedsReview, Refused, Transient
from leja.http.client import Answer

# The example of the vendor's help (article_163240164565): inputs, secrets and signature.
PARTS = (
    "1234567",
    "71cc02b731f05895561ef0862d71553a3ac99498a947c3b7beaf4a1e4a29f7c4",
    "89e08d9767c5ac85b374415725567d05b54ecf0960ad2470894a52f741020d82",
    "6obMKq0tmY8ylVOdEkA1",
    "1439829974",
)
SECRETS = (
    "7278da58caf07f5c336301a601203d10a58e948efa280f0618e25fcee1ef2abd",
    "060cd9ab3ffbbe1e3d3918e90165ffd37ab12acc76b4691046e2d29c7d7674c2",
)
SIGNED = "FCghIZqXNetuZY8ILWOFH0ucdfzQOmAuL+q+kF21zPs="
VENDOR = Settings(
    account="1234567", consumer_key=PARTS[1], consumer_secret=SECRETS[0], token_id=PARTS[2], token_secret=SECRETS[1]
)


# --- signatures -------------------------------------------------------------------------------------------------------


def test_the_vendors_example_is_signed_to_the_letter() -> None:
    assert signature(*PARTS, key="&".join(SECRETS)) == SIGNED


@given(st.integers(0, len("&".join(PARTS)) - 1), st.sampled_from("0aZ&"))
def test_a_signature_fails_when_any_byte_of_what_is_signed_changes(at: int, put: str) -> None:
    text = "&".join(PARTS)
    changed = text[:at] + put + text[at + 1 :]
    parts = changed.split("&")
    if changed == text or len(parts) != 5:
        return
    assert signature(*parts, key="&".join(SECRETS)) != SIGNED
    assert signature(*parts, key="&".join(SECRETS)) == theirs(tuple(parts), *SECRETS)  # type: ignore[arg-type]


@pytest.mark.parametrize("secrets", [(SECRETS[0][:-1], SECRETS[1]), (SECRETS[0], SECRETS[1][1:]), SECRETS[::-1]])
def test_a_signature_fails_with_another_secret(secrets: tuple[str, str]) -> None:
    assert signature(*PARTS, key="&".join(secrets)) != SIGNED


def test_a_passport_is_what_the_schema_says() -> None:
    text = passport(VENDOR, datetime.fromtimestamp(int(PARTS[4]), UTC), PARTS[3])
    judged("getServerTime", "", text)
    assert re.findall(r"<core:(\w+)", text) == ["account", "consumerKey", "token", "nonce", "timestamp", "signature"]
    assert f'<core:signature algorithm="HMAC-SHA256">{SIGNED}</core:signature>' in text


@pytest.mark.parametrize("name", ["account", "consumer_key", "consumer_secret", "token_id", "token_secret"])
def test_a_token_that_lacks_a_part_is_asked_for(name: str) -> None:
    with pytest.raises(NeedsConsent) as refused:
        passport(msgspec.structs.replace(VENDOR, **{name: ""}), NOW, "abcdef")
    assert refused.value.code == "netsuite-soap-token"


def test_a_sandbox_account_is_named_as_the_vendor_names_it() -> None:
    assert account_number(Settings(account="1234567-sb1")) == "1234567_SB1"
    assert CONNECTOR.base_url.format(account="1234567-sb1") == "https://1234567-sb1.suitetalk.api.netsuite.com"


def test_the_end_of_soap_is_declared() -> None:
    assert CONNECTOR.api_version_ends is not None
    assert CONNECTOR.api_version_ends.year == 2028
    assert "2028.2" in CONNECTOR.api_version


# --- reads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["answer_lost", "error_after", "error_before", "cut_before", "rate_limited"])
def test_a_read_is_tried_again_under_a_new_passport(fault: str) -> None:
    """The stand-in takes a nonce once, as the vendor does: the same call again would be refused as a replay."""
    with account() as there:
        before = there.chart()
        there.fault(fault, path="POST /services/*", times=2)
        assert there.chart() == before
        assert there.stand_in.env.faults.played[fault] == 2


def test_a_revoked_token_needs_consent_for_reads_and_writes() -> None:
    with account() as there:
        draft, _ = there.draft(sold(), there.chart())
        there.control("revoke_tokens")
        with pytest.raises(NeedsConsent) as refused:
            there.chart()
        assert refused.value.code == "netsuite-soap-login"
        outcome = there.deliver(draft)
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.remedy) == ("netsuite-soap-login", "consent")
        assert there.ledger() == {}


def test_a_clock_that_is_wrong_is_a_refused_log_in() -> None:
    with account() as there:
        late = msgspec.structs.replace(there.session, now=lambda: there.clock() + timedelta(minutes=30))
        with pytest.raises(NeedsConsent):
            there.run(target.chart(late))


@pytest.mark.parametrize("settings", [{"gone_from": "2026-01-01"}, {"versions": ("2023_1",)}])
def test_an_endpoint_that_is_gone_says_that_soap_ends(settings: dict[str, Any]) -> None:
    with account(stand_in=settings) as there:
        with pytest.raises(NeedsReview) as refused:
            there.chart()
        assert refused.value.code == "netsuite-soap-retired"
        assert "REST" in refused.value.remedy
        outcome = there.run(target.deliver(there.session, [_any_draft()]))[0]
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.remedy) == ("netsuite-soap-retired", "consent")


def _any_draft() -> Any:
    with account() as there:
        return there.draft(sold(), there.chart())[0]


@pytest.mark.parametrize("version", ["2025.2", "", "../x", "2025_2 "])
def test_what_is_no_version_never_reaches_an_address(version: str) -> None:
    with account() as there, pytest.raises(Refused) as refused:
        there.run(target.chart(there.with_settings(version=version)))
    assert refused.value.code == "netsuite-soap-version"


def test_an_older_endpoint_is_spoken_to_in_its_own_version() -> None:
    with account(version="2023_2") as there:
        there.tell(sold())
        assert there.ledger() == {"3": 12_000, "26": -10_000, "15": -2_000}


# --- faults -----------------------------------------------------------------------------------------------------------


def fault(name: str, code: str, words: str = "words") -> Answer:
    """A SOAP fault as the vendor words it."""
    inside = f"<code>{code}</code><message>{words}</message>"
    detail = f'<detail><f:{name} xmlns:f="urn:faults_2025_2.platform.webservices.netsuite.com">{inside}</f:{name}></detail>'
    body = envelope("2025_2", (), f"<soap:Fault><faultcode>x</faultcode><faultstring>{words}</faultstring>{detail}</soap:Fault>")
    return Answer(500, {}, body)


FAULTS: list[tuple[Answer, type[LejaError], str, Any]] = [
    (fault("exceededConcurrentRequestLimitFault", "WS_REQUEST_BLOCKED"), Transient, "netsuite-soap-busy", Later),
    (fault("exceededRequestLimitFault", "WS_CONCUR_SESSION_DISALLWD"), Transient, "netsuite-soap-busy", Later),
    (fault("unexpectedErrorFault", "UNEXPECTED_ERROR"), Transient, "netsuite-soap-unclear", Unknown),
    (fault("invalidCredentialsFault", "INVALID_LOGIN_CREDENTIALS"), NeedsConsent, "netsuite-soap-login", "consent"),
    (fault("invalidSessionFault", "INVALID_SESSION"), NeedsConsent, "netsuite-soap-login", "consent"),
    (fault("insufficientPermissionFault", "INSUFFICIENT_PERMISSION"), NeedsConsent, "netsuite-soap-login", "consent"),
    (fault("invalidVersionFault", "UNSUPPORTED_WS_VERSION"), NeedsReview, "netsuite-soap-retired", "consent"),
    (fault("exceededRecordCountFault", "MAX_RCRDS_EXCEEDED"), NeedsReview, "netsuite-soap-read-refused", "review"),
    (fault("x", "", "org.xml.sax.SAXException: Invalid element"), NeedsReview, "netsuite-soap-read-refused", "review"),
    (fault("x", "", "java.lang.NullPointerException"), Transient, "netsuite-soap-unclear", Unknown),
    (Answer(404, {}, b""), NeedsReview, "netsuite-soap-retired", "consent"),
]


@pytest.mark.parametrize(("answer", "read", "code", "written"), FAULTS)
def test_a_fault_is_read_by_what_may_be_done(answer: Answer, read: type[LejaError], code: str, written: Any) -> None:
    found = read_answer(answer)
    assert isinstance(found, Fault)
    with pytest.raises(read) as raised:
        faults.raise_for_fault(found)
    assert raised.value.code == code
    outcome = outcome_of_fault(found, NOW)
    if isinstance(written, str):
        assert isinstance(outcome, Rejected)
        assert outcome.remedy == written
    else:
        assert isinstance(outcome, written)
    if isinstance(outcome, Later):
        assert (outcome.until - NOW).total_seconds() == 5
        assert isinstance(raised.value, Transient)
        assert raised.value.retry_after == 5


STATUSES = {
    "DUP_RCRD": "AlreadyThere", "TRAN_PERIOD_CLOSED": "period_locked", "TRAN_PRD_CLOSED": "period_locked",
    "INVALID_KEY_OR_REF": "mapping", "RCRD_DSNT_EXIST": "mapping", "RCRD_HAS_BEEN_CHANGED": "replan", "USER_ERROR": "review",
    "DUP_ENTITY": "review", "DUP_ITEM": "review", "UNEXPECTED_ERROR": "Unknown", "WS_REQUEST_BLOCKED": "Later",
    "INSUFFICIENT_PERMISSION": "review",
}  # fmt: skip


@pytest.mark.parametrize(("code", "remedy"), STATUSES.items())
def test_the_status_of_a_record_is_read_by_what_may_be_done(code: str, remedy: str) -> None:
    outcome = outcome_of_status(Status(False, code, "why"), NOW)
    assert getattr(outcome, "remedy", type(outcome).__name__) == remedy
    if isinstance(outcome, Rejected):
        assert "why" in outcome.words
        assert code in outcome.words


def test_every_code_is_one_of_the_vendors() -> None:
    if not SPECS.is_dir():
        pytest.skip("NOT RUN: ../shared is absent")
    text = (SPECS / "xsd" / "platform.faultTypes.xsd").read_text()
    theirs_ = set(re.findall(r'value="([A-Z0-9_]+)"', text))
    ours = faults.BUSY | faults._PERIOD | faults._MAPPING | faults._STALE | faults._UNCLEAR | faults._NAMED | api._EXPIRED
    assert ours <= theirs_
    names = (SPECS / "xsd" / "platform.faults.xsd").read_text().lower()
    for name in (*faults._BUSY_FAULTS, *faults._LOGIN_FAULTS, *faults._REFUSED_FAULTS, "invalidversionfault"):
        assert f'"{name.lower()}"' in names


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"<Envelope/>", b"{}", envelope("2025_2", (), "<a/><b/>")])
def test_what_is_no_answer_is_never_taken_for_one(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_answer(Answer(200, {}, body))


def test_an_answer_with_status_500_that_is_no_fault_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_answer(Answer(500, {}, envelope("2025_2", (), "<msg:addListResponse/>")))


def test_the_names_of_criteria_are_the_vendors() -> None:
    wanted = [
        api.criteria("Transaction", api.among("type", ["_invoice"])),
        api.criteria("Transaction", api.at_least("lastModifiedDate", "2026-05-01T00:00:00.000+00:00")),
        api.criteria("Transaction", api.beginning("externalIdString", "LJ"), api.at_least("lastModifiedDate", "2026-05-01T00:00:00Z", "before")),
        api.criteria("Transaction", api.referring("subsidiary", ["1"]), api.at_least("tranDate", "2026-05-01T12:00:00", "within", "2026-05-31T12:00:00")),
        api.criteria("Item", api.beginning("externalIdString", "LJI-")),
        api.criteria("AccountingPeriod", api.at_least("endDate", "2026-05-01T12:00:00"), api.is_false("isQuarter"), api.is_false("isYear")),
    ]  # fmt: skip
    for one in wanted:
        judged("search", one)
    assert parse(envelope("2025_2", (), wanted[0])).name == "Envelope"
