"""What a refusal of Business Central means: by its code, and by its English words where the code says too little."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from leja.connectors.business_central.wire import Part, Problem, Said
from leja.connectors.contract import AlreadyThere, Later, Outcome, Rejected, Unknown

_LOCKED: Final = ("allowed posting dates", "posting date is not within", "period is closed", "fiscal year is closed")
_MAPPING: Final = (
    "blocked must be equal", "is blocked", "direct posting must be equal", "does not match to a", "does not exist",
    "cannot be found in the related table", "posting group must have a value",
)
_SAME: Final = "Internal_EntityWithSameKeyExists"
_RELATION: Final = "Internal_InvalidTableRelation"
BUSY_SECONDS: Final = 30


def said_by(part: Part) -> Said:
    """Code and words of a part that was refused."""
    try:
        return msgspec.json.decode(part.body, type=Problem).error
    except msgspec.DecodeError:
        return Said(message=f"HTTP {part.status} without words")


def words_of(said: Said) -> str:
    """The vendor's words without the correlation id, which is another one each time."""
    return (said.message.partition("CorrelationId:")[0].strip() or said.code or "refused without words")[:500]


def refusal(part: Part, now: datetime) -> Outcome:
    """The outcome of a part that was answered with an error."""
    said = said_by(part)
    words, text = words_of(said), said.message.lower()
    if part.status == 429:
        return Later(until=now + timedelta(seconds=BUSY_SECONDS), why=words)
    if part.status in (401, 403):
        return Rejected(code="business-central-authorisation", words=words, remedy="consent")
    if part.status >= 500 or part.status in (408, 409):
        return Unknown(why=words)
    if any(sign in text for sign in _LOCKED):
        return Rejected(code="business-central-period-locked", words=words, remedy="period_locked")
    if said.code == _SAME:
        return AlreadyThere(words=words)
    if said.code == _RELATION or any(sign in text for sign in _MAPPING):
        return Rejected(code="business-central-reference-invalid", words=words, remedy="mapping")
    return Rejected(code="business-central-validation", words=words)
