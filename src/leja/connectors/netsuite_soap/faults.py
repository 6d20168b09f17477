"""What a refusal of SuiteTalk means: SOAP faults (always HTTP 500) and the statuses of single records inside an answer of 200.

Codes: ``platform.faultTypes.xsd`` of the vendor; which may be tried again: its help, section_N3539420.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NoReturn

import msgspec

from leja.connectors.contract import AlreadyThere, Later, Outcome, Rejected, Unknown
from leja.connectors.netsuite_soap.nodes import Node, Unreadable, parse
from leja.connectors.netsuite_soap.wire import Status
from leja.core.errors import LejaError, NeedsConsent, NeedsReview, Transient
from leja.http.client import Answer

BUSY_SECONDS: Final = 5
# Calls over the account's concurrency, which SOAP, REST and RESTlets share: nothing was done.
BUSY: Final = frozenset({
    "WS_REQUEST_BLOCKED", "WS_CONCUR_SESSION_DISALLWD", "WS_EXCEEDED_CONCUR_USERS_ALLWD", "EXCEEDED_MAX_CONCUR_RQST",
    "CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED", "CONCUR_SEARCH_DISALLWD",
})  # fmt: skip
_BUSY_FAULTS: Final = ("exceededConcurrentRequestLimitFault", "exceededRequestLimitFault", "exceededUsageLimitFault")
_LOGIN_FAULTS: Final = ("invalidCredentialsFault", "invalidSessionFault", "invalidAccountFault", "insufficientPermissionFault")
_REFUSED_FAULTS: Final = ("exceededRecordCountFault", "exceededRequestSizeFault")
_PERIOD: Final = frozenset({"TRAN_PERIOD_CLOSED", "TRAN_PRD_CLOSED", "CLOSED_TRAN_PRD"})
_MAPPING: Final = frozenset({
    "INVALID_KEY_OR_REF", "RCRD_DSNT_EXIST", "INACTIVE_RCRD_FOR_ROLE", "INVALID_ACCT_TYP",
})  # fmt: skip
_STALE: Final = frozenset({"RCRD_HAS_BEEN_CHANGED", "RCRD_EDITED_SINCE_RETRIEVED"})
_UNCLEAR: Final = frozenset({
    "UNEXPECTED_ERROR", "UNEXPECTED_FAILURE", "JE_UNEXPECTED_ERROR", "SESSION_TIMED_OUT", "SSS_TIME_LIMIT_EXCEEDED",
    "TIMEOUT_THE_RECORD_DOESNT_EXIST_ANYMORE",
})  # fmt: skip
_NAMED: Final = frozenset({"DUP_ENTITY", "DUP_ENTITY_NAME", "DUP_ITEM", "DUP_ITEM_NAME", "DUP_NAME"})


class Fault(msgspec.Struct, frozen=True):
    """A SOAP fault: the element of its detail, "" where it has none, its code and its words."""

    name: str
    code: str
    words: str


def fault_in(root: Node) -> Fault | None:
    """The fault of an envelope; None where it holds an answer."""
    found = root.child("Body", "Fault")
    if found is None:
        return None
    detail = found.child("detail")
    for each in detail.children if detail is not None else ():
        if each.name.endswith("Fault"):
            return Fault(each.name, each.value("code"), each.value("message") or found.value("faultstring"))
    return Fault("", "", found.value("faultstring"))


def read_answer(answer: Answer) -> Node | Fault:
    """The element of the answer's body, or the fault. Raises Unreadable.

    Where the endpoint itself is gone (404) that is a fault of our own making: nobody words one any more.
    """
    if answer.status in (404, 410):
        return Fault("invalidVersionFault", "GONE", f"HTTP {answer.status}: there is no endpoint of this version")
    root = parse(answer.body)
    fault = fault_in(root)
    if fault is not None:
        return fault
    content = root.child("Body")
    if root.name != "Envelope" or answer.status >= 400 or content is None or len(content.children) != 1:
        raise Unreadable(f"HTTP {answer.status} with no answer in an envelope")
    return content.children[0]


def said(code: str, words: str) -> str:
    """Code and words for people."""
    return f"{code}: {words}".strip(": ")[:500] or "refused without words"


def outcome_of_fault(fault: Fault, now: datetime) -> Outcome:
    """What a fault of a write means for everything in it."""
    words = said(fault.code, fault.words)
    if fault.code in BUSY or fault.name in _BUSY_FAULTS:
        return Later(until=now + timedelta(seconds=BUSY_SECONDS), why=words)
    if fault.name == "invalidVersionFault":
        return Rejected(code="netsuite-soap-retired", words=words, remedy="consent")
    if fault.name in _LOGIN_FAULTS:
        return Rejected(code="netsuite-soap-login", words=words, remedy="consent")
    # An envelope that its parser refused reached no record.
    if fault.name in _REFUSED_FAULTS or (not fault.name and "org.xml.sax" in fault.words):
        return Rejected(code="netsuite-soap-refused", words=words)
    return Unknown(why=words)


def outcome_of_status(status: Status, now: datetime) -> Outcome:
    """What the refusal of one record means."""
    code, words = status.code, said(status.code, status.words)
    if code in BUSY:
        return Later(until=now + timedelta(seconds=BUSY_SECONDS), why=words)
    if code in _UNCLEAR:
        return Unknown(why=words)
    if code in ("DUP_RCRD", "DUP_TRANS"):
        return AlreadyThere(words=words)
    if code in _PERIOD:
        return Rejected(code="netsuite-soap-period-locked", words=words, remedy="period_locked")
    if code in _MAPPING:
        return Rejected(code="netsuite-soap-reference-invalid", words=words, remedy="mapping")
    if code in _STALE:
        return Rejected(code="netsuite-soap-stale", words=words, remedy="replan")
    if code in _NAMED:
        return Rejected(code="netsuite-soap-name-taken", words=words)
    return Rejected(code="netsuite-soap-refused", words=words)


def raise_for_fault(fault: Fault) -> NoReturn:
    """What a fault of a read ends in."""
    raise _error_of(fault)


def _error_of(fault: Fault) -> LejaError:
    words = said(fault.code, fault.words)
    if fault.code in BUSY or fault.name in _BUSY_FAULTS:
        return Transient("netsuite-soap-busy", f"NetSuite is at its limit of calls at once: {words}", retry_after=BUSY_SECONDS)
    if fault.name == "invalidVersionFault":
        return NeedsReview(
            "netsuite-soap-retired", f"NetSuite no longer serves this endpoint: {words}",
            remedy="Set version to 2025_2, the last one; with release 2028.2 SOAP is gone: connect the account by REST.",
        )  # fmt: skip
    if fault.name in _LOGIN_FAULTS:
        return NeedsConsent(
            "netsuite-soap-login", f"NetSuite refused the token or its role: {words}",
            remedy="Check account, token and role, and this computer's clock; a new token: leja secret rotate.",
        )  # fmt: skip
    if fault.name in _REFUSED_FAULTS or (not fault.name and "org.xml.sax" in fault.words):
        return NeedsReview("netsuite-soap-read-refused", f"NetSuite refused a read: {words}")
    return Transient("netsuite-soap-unclear", f"NetSuite answered with a fault: {words}")


def raise_for_status(status: Status) -> NoReturn:
    """What the refusal of a read ends in."""
    words = said(status.code, status.words)
    if status.code in BUSY:
        raise Transient("netsuite-soap-busy", f"NetSuite is at its limit: {words}", retry_after=BUSY_SECONDS)
    if status.code in _UNCLEAR:
        raise Transient("netsuite-soap-unclear", f"NetSuite could not read: {words}")
    raise NeedsReview("netsuite-soap-read-refused", f"NetSuite refused a read: {words}")
