"""What happened to a sending without a clear answer is asked, never assumed and never sent blindly again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from leja.connectors.contract import Ambiguous, Finding, Found
from leja.connectors.outcomes import differences
from leja.core.errors import LejaError
from leja.delivery.attempt import Sending
from leja.delivery.target import Target


async def ask(target: Target, sendings: Sequence[Sending], seconds: float) -> tuple[Finding | None, ...]:
    """One finding per sending, in order; None where even the question had no answer."""
    drafts = tuple(sending.draft for sending in sendings)
    try:
        findings = await asyncio.wait_for(target.verbs.find(target.session, drafts), seconds)
    except (LejaError, TimeoutError, OSError):
        return (None,) * len(drafts)
    return tuple(_believed(sending, finding) for sending, finding in zip(sendings, findings, strict=True))


def _believed(sending: Sending, finding: Finding) -> Finding:
    """A find that disagrees with what was sent is none: a vendor may ignore its filter and return anything."""
    if not isinstance(finding, Found):
        return finding
    wrong = differences(sending.draft, finding.document)
    return Ambiguous(why="; ".join(wrong), documents=(finding.document,)) if wrong else finding
