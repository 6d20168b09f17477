"""The errors of Leja, cut by what may be done next.

LejaError
  Refused          the caller must change something; never retried
  NeedsReview      a person must decide; what it concerns is parked and goes on by itself once that is mended
  NeedsConsent     the connection's owner must log in at the vendor again
  Transient        it certainly had no effect; backed off and tried again
  OutcomeUnknown   a write may have happened: ask what happened, never send blindly again
  Conflict         rows changed under us: plan again against fresh rows, never resend
  BrokenInvariant  Leja is wrong: stop

Every error has a stable ``code`` that ``docs/errors.md`` explains, a sentence for people, and a remedy.
A message names the document, what was found and what was expected. It never holds a secret or a raw body.
"""

from __future__ import annotations

from typing import Any, ClassVar


class LejaError(Exception):
    """Base of all; ``code`` is stable, ``facts`` are the typed details, ``remedy`` says the way out."""

    default_remedy: ClassVar[str] = "Read docs/errors.md under this code."

    def __init__(self, code: str, message: str, *, remedy: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy or self.default_remedy
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"

    def as_dict(self) -> dict[str, Any]:
        """The error as ``--json`` and the API print it."""
        return {"code": self.code, "message": self.message, "remedy": self.remedy, **self.facts}


class Refused(LejaError):
    """The caller must change something: bad input, bad signature, locked period."""

    default_remedy = "Change what the message names and call again."


class NeedsReview(LejaError):
    """A person must decide; the document waits in the review queue."""

    default_remedy = "Open the review queue, mend the cause, and it goes on by itself."


class NeedsConsent(LejaError):
    """The vendor no longer accepts our credentials; only a new login helps."""

    default_remedy = "Connect the account again."


class Transient(LejaError):
    """It certainly had no effect. ``retry_after`` in seconds where the vendor said so."""

    default_remedy = "Nothing to do: it is tried again by itself."

    def __init__(self, code: str, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(code, message, **facts)
        self.retry_after = retry_after


class OutcomeUnknown(LejaError):
    """A write may have happened; whoever catches this must ask before sending again."""

    default_remedy = "Nothing to do: Leja asks the other system what happened before it sends again."


class Conflict(LejaError):
    """Our rows, or the vendor's optimistic lock, changed: plan again against fresh rows."""

    default_remedy = "Nothing to do: it is planned again from fresh data."


class BrokenInvariant(LejaError):
    """Leja contradicts itself. Never caught except at the outer edge."""

    default_remedy = "Stop and report this with the output of `leja check`."
