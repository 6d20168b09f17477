"""What every target says alike: of a call that got no answer, and of a remote document that is not the drafted one. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from leja.connectors.contract import Draft, Later, Rejected, RemoteDocument, Unknown
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Transient


def without_answer(error: LejaError, now: datetime, *, busy_seconds: float = 0) -> Later | Unknown | Rejected:
    """The outcome of a write that ended in an error of ours. ``busy_seconds``: the least wait after "too many calls"."""
    if isinstance(error, Transient):
        least = busy_seconds if error.code == "http-too-many" else 0
        return Later(until=now + timedelta(seconds=max(least, error.retry_after or 0)), why=error.message)
    if isinstance(error, OutcomeUnknown):
        return Unknown(why=error.message)
    if isinstance(error, NeedsConsent):
        return Rejected(code=error.code, words=error.message, remedy="consent")
    return Rejected(code=error.code, words=error.message)


def differences(draft: Draft, document: RemoteDocument) -> list[str]:
    """In what a remote document is not the drafted one: reference, total, day. What it does not state is no difference."""
    said = []
    if document.reference != draft.reference:
        said.append(f"reference {document.reference!r} instead of {draft.reference!r}")
    if document.total is not None and document.total != draft.total:
        said.append(f"total {document.total} instead of {draft.total}")
    if document.date is not None and document.date != draft.date:
        said.append(f"date {document.date} instead of {draft.date}")
    return said
