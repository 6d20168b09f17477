"""What a refusal of Xero means. There is only human text, no code per rule, so the text is judged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from leja.connectors.contract import AlreadyThere, Later, Outcome, Rejected, Unknown
from leja.connectors.xero.wire import Problem, Record

_TAKEN: Final = ("must be unique", "already been used", "already exists")
_LOCKED: Final = (
    "lock date", "locked period", "period lock", "end of year", "locked date", "period is locked", "been locked",
)
_MAPPING: Final = (
    "account code", "not a valid code", "account id", "account could not be found", "accountid", "taxtype", "tax type",
    "tax rate", "archived", "inactive", "not active", "not subscribed to currency", "currency",
)
OFFLINE_SECONDS: Final = 60


def errors_of(record: Record) -> str:
    """The vendor's words about one element; empty if it was taken."""
    said = "; ".join(error.message for error in record.validation_errors or ())
    failed = record.has_errors or record.status_attribute_string == "ERROR"
    return said or ("refused without words" if failed else "")


def refusal(said: str) -> Outcome:
    """The outcome of a document that was refused with these words."""
    text = said.lower()
    if any(sign in text for sign in _LOCKED):
        return Rejected(code="xero-period-locked", words=said, remedy="period_locked")
    if any(sign in text for sign in _TAKEN):
        return AlreadyThere(words=said)
    if any(sign in text for sign in _MAPPING):
        return Rejected(code="xero-reference-invalid", words=said, remedy="mapping")
    return Rejected(code="xero-validation", words=said)


def outcome_of_status(status: int, body: bytes, now: datetime) -> Outcome | None:
    """The outcome of a whole call that was answered with an error; nothing where the answer is one."""
    if status < 400:
        return None
    problem = _problem(body)
    elements = problem.elements or ()
    said = "; ".join(filter(None, (errors_of(element) for element in elements)))
    said = said or problem.detail or problem.message or problem.title or f"HTTP {status} without words"
    if status == 412:
        return Later(until=now + timedelta(seconds=OFFLINE_SECONDS), why=said)
    if status in (401, 403):
        return Rejected(code="xero-authorisation", words=said, remedy="consent")
    if status >= 500:
        return Unknown(why=said)
    return refusal(said)


def _problem(body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        return Problem()
