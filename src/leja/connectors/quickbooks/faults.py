"""What a fault of QuickBooks means. Judged by code and words together: sources disagree about the codes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NoReturn

import msgspec

from leja.connectors.contract import AlreadyThere, Later, Outcome, Rejected, Unknown
from leja.connectors.quickbooks.wire import Fault
from leja.core.errors import NeedsConsent, NeedsReview, Transient

THROTTLED_SECONDS: Final = 60
_CONSENT: Final = frozenset({"3200", "120", "3100"})
_MISSING: Final = frozenset({"610", "2500"})


def fault_in(body: bytes) -> Fault | None:
    """The fault that a body holds, whatever its HTTP status was."""
    try:
        envelope = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        raw = envelope.get("Fault", envelope.get("fault"))
        return None if raw is None else msgspec.json.decode(raw, type=Fault)
    except msgspec.DecodeError:
        return None


def words(fault: Fault) -> str:
    """The vendor's own words, with the code."""
    said = [f"{error.code} {error.message}: {error.detail}".strip(" :") for error in fault.error]
    return "; ".join(said) or f"a fault of type {fault.type or 'unknown'} without words"


def outcome_of(fault: Fault, now: datetime) -> Outcome:
    """The outcome of a write that was answered with a fault."""
    codes = {str(error.code).lstrip("0") for error in fault.error}
    said = words(fault)
    text = said.lower()
    if "throttle" in text or "3001" in codes:
        return Later(until=now + timedelta(seconds=THROTTLED_SECONDS), why=said)
    if "period closed" in text or "6200" in codes or ("6210" in codes and "duplicate" not in text):
        return Rejected(code="quickbooks-period-closed", words=said, remedy="period_locked")
    if "6240" in codes or "6140" in codes or "duplicate document number" in text or "duplicate name" in text:
        return AlreadyThere(words=said)
    if "5010" in codes or "stale object" in text:
        return Rejected(code="quickbooks-stale", words=said, remedy="replan")
    return _permanent(fault, codes, said, text)


def _permanent(fault: Fault, codes: set[str], said: str, text: str) -> Outcome:
    if codes & _MISSING or "inactive" in text or "has been deleted" in text:
        return Rejected(code="quickbooks-reference-inactive", words=said, remedy="mapping")
    if codes & _CONSENT or fault.type.lower() in ("authenticationfault", "authorizationfault", "authentication"):
        return Rejected(code="quickbooks-authorisation", words=said, remedy="consent")
    if "6190" in codes:
        return Rejected(code="quickbooks-subscription", words=said)
    if fault.type.lower() == "systemfault" or codes & {"10000", "500"}:
        return Unknown(why=said)
    return Rejected(code="quickbooks-validation", words=said)


def raise_for_read(status: int, fault: Fault | None) -> NoReturn:
    """What a read that was answered with a fault ends in."""
    said = words(fault) if fault is not None else f"HTTP {status} without a fault"
    codes = {str(error.code).lstrip("0") for error in fault.error} if fault is not None else set()
    if "3001" in codes or "throttle" in said.lower():
        raise Transient("quickbooks-throttled", said, retry_after=THROTTLED_SECONDS)
    if codes & _CONSENT or status == 403:
        raise NeedsConsent("quickbooks-authorisation", said)
    raise NeedsReview("quickbooks-read-refused", f"QuickBooks refused a read: {said}")
