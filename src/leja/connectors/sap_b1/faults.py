"""What a refusal of Service Layer means. Judged by code and words together: one code stands for many reasons.

``{"error": {"code": "-2035", "message": "..."}}`` in OData 4; in OData 3 the code is a number and the message an object.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NoReturn

import msgspec

from leja.connectors.contract import AlreadyThere, Later, Outcome, Rejected, Unknown
from leja.core.errors import NeedsReview, Transient

_TAKEN: Final = ("already exists", "already assigned", "1320000140")
_PERIOD: Final = ("period locked", "posting period", "period is locked", "locked period", "permissible range")
_MISSING: Final = ("no matching records", "is inactive", "title account", "valid tax group", "has a wrong type")


class _Message(msgspec.Struct, frozen=True):
    value: str = ""


class _Error(msgspec.Struct, frozen=True):
    code: str | int = ""
    message: str | _Message = ""


class _Fault(msgspec.Struct, frozen=True):
    error: _Error


def words_of(body: bytes) -> tuple[str, str]:
    """Code and words of a refusal; both empty where the body holds none."""
    try:
        error = msgspec.json.decode(body, type=_Fault).error
    except msgspec.DecodeError:
        return "", ""
    return str(error.code), error.message if isinstance(error.message, str) else error.message.value


def outcome_of(status: int, body: bytes, key_table: str, now: datetime) -> Outcome:
    """The outcome of a write that was refused. A change set that failed left nothing behind."""
    code, words = words_of(body)
    said, text = f"{code} {words}".strip() or f"HTTP {status} without words", words.lower()
    if code == "301":
        return Later(until=now, why=said)
    if status >= 500 or not code:
        return Unknown(why=said)
    if key_table and f"u_{key_table}".lower() in text:
        return Rejected(code="sap-b1-key-table", words=said)
    if code == "-2035" or any(mark in text for mark in _TAKEN):
        return AlreadyThere(words=said)
    if code == "-4013" or any(mark in text for mark in _PERIOD):
        return Rejected(code="sap-b1-period-locked", words=said, remedy="period_locked")
    if code == "-2039" or status == 412:
        return Rejected(code="sap-b1-stale", words=said, remedy="replan")
    if "exchange rate" in text:
        return Rejected(code="sap-b1-rate-missing", words=said)
    if code == "-2028" or any(mark in text for mark in _MISSING):
        return Rejected(code="sap-b1-reference-inactive", words=said, remedy="mapping")
    return Rejected(code="sap-b1-refused", words=said)


def raise_for_read(status: int, body: bytes) -> NoReturn:
    """What a read that was refused ends in."""
    code, words = words_of(body)
    if not code:
        raise Transient("sap-b1-answer-unreadable", f"Service Layer answered {status} without words")
    raise NeedsReview("sap-b1-read-refused", f"SAP Business One refused a read: {code} {words}")
