"""What a refusal of Odoo means, judged by the name of its exception: over JSON-RPC the status is always 200.

JSON-2 answers with the exception as the whole body, JSON-RPC under ``error.data``. ``debug`` holds a traceback and is never read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NoReturn

import msgspec

from leja.connectors.contract import AlreadyThere, Later, Outcome, Rejected
from leja.core.errors import NeedsConsent, NeedsReview, Transient

_DENIED: Final = frozenset({"odoo.exceptions.AccessDenied", "werkzeug.exceptions.Unauthorized", "odoo.http.SessionExpiredException"})
_FORBIDDEN: Final = frozenset({"odoo.exceptions.AccessError", "werkzeug.exceptions.Forbidden"})
# The server has retried five times by itself, or load() swallowed it: nothing of the call remains.
_CLASHES: Final = ("could not serialize", "deadlock detected", "could not obtain lock", "concurrent update")
_POSTED: Final = ("readonly fields on a posted move", "on a posted journal entry", "lines of a posted entry", "must be in draft",
                  "only draft payments", "payment that is not in draft", "modify a posted")  # fmt: skip
_GONE: Final = ("no matching record found", "is deprecated", "is archived", "does not exist or has been deleted", "inactive currency")
_LOCKED: Final = ("prior to and inclusive of", "lock date")


class Fault(msgspec.Struct, frozen=True):
    """An exception of the server: its full name and its words. ``debug`` is not read."""

    name: str = ""
    message: str = ""


class OdooFault(Exception):
    """The server raised an exception: nothing of the call remains there."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"{fault.name}: {fault.message}")
        self.fault = fault


def clashed(fault: Fault) -> bool:
    """Whether another transaction was in the way."""
    return (fault.name.startswith("psycopg2.") and not no_database(fault)) or any(words in fault.message.lower() for words in _CLASHES)


def no_database(fault: Fault) -> bool:
    """Whether the server knows no database of that name."""
    return fault.name.startswith("psycopg2.") and fault.message.startswith("database ") and "does not exist" in fault.message


def posted_already(words: str) -> bool:
    """Whether the words say that what was to be changed is posted."""
    return any(part in words.lower() for part in _POSTED)


def outcome_of(fault: Fault, now: datetime) -> Outcome:
    """The outcome of a write that was refused: the whole call was rolled back."""
    words = shown(fault)
    text = words.lower()
    if clashed(fault):
        return Later(until=now, why=words)
    if posted_already(words):
        return AlreadyThere(words=words)
    if fault.name in _DENIED:
        return Rejected(code="odoo-authorisation", words=words, remedy="consent")
    if fault.name in _FORBIDDEN:
        return Rejected(code="odoo-forbidden", words=words)
    if any(part in text for part in _LOCKED):
        return Rejected(code="odoo-period-locked", words=words, remedy="period_locked")
    if any(part in text for part in _GONE):
        return Rejected(code="odoo-reference-inactive", words=words, remedy="mapping")
    return Rejected(code="odoo-refused", words=words)


def raise_for_read(fault: Fault) -> NoReturn:
    """What a read that was refused ends in."""
    words = shown(fault)
    if no_database(fault):
        raise NeedsReview("odoo-database", f"the server has no such database: {words}", remedy="Set database of the connection.")
    if clashed(fault):
        raise Transient("odoo-clash", words)
    if fault.name in _DENIED:
        raise NeedsConsent("odoo-authorisation", f"Odoo no longer accepts the API key: {words}")
    if fault.name in _FORBIDDEN:
        raise NeedsReview(
            "odoo-forbidden", f"the user may not read what is needed: {words}",
            remedy="Give the user the rights that the connector's page names.",
        )
    raise NeedsReview("odoo-read-refused", f"Odoo refused a read: {words}")


def shown(fault: Fault) -> str:
    """The vendor's words, shortened, without anything of a traceback."""
    return f"{fault.name.rpartition('.')[2]}: {fault.message}"[:600] if fault.name else fault.message[:600]
