"""Calling GraphQL: one question, its errors sorted by remedy, its cost kept; and connections page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.contract import Session
from leja.connectors.shopify.queries import API_VERSION
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Answer
from leja.http.retry import Patience, reads

PATH: Final = f"/admin/api/{API_VERSION}/graphql.json"
DEADLINE: Final = 60.0
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
encoder: Final = msgspec.json.Encoder(decimal_format="number")


async def ask(
    session: Session, query: str, variables: Mapping[str, Any], *, write: bool = False, patience: Patience | None = None
) -> dict[str, Any]:
    """The ``data`` of the answer. A question is asked again when Transient; a mutation never."""
    content = encoder.encode({"query": query, "variables": variables})
    if write:
        return await _once(session, content, write=True)
    return await reads(
        lambda: _once(session, content, write=False), patience or Patience(), sleep=session.http.pacing.sleep
    )


async def _once(session: Session, content: bytes, *, write: bool) -> dict[str, Any]:
    answer = await session.http.send(
        "POST", PATH, headers={"content-type": "application/json", "accept": "application/json"},
        content=content, write=write, deadline_seconds=DEADLINE, cost=1.0,
    )
    if answer.status != 200:
        raise _by_status(answer)
    try:
        whole = _decoder.decode(answer.body)
    except (msgspec.DecodeError, ArithmeticError) as error:
        code = "shopify-answer"
        if write:
            raise OutcomeUnknown(code, "Shopify's answer to a write cannot be read") from error
        raise Transient(code, "Shopify's answer cannot be read") from error
    if not isinstance(whole, dict):
        raise Transient("shopify-answer", "Shopify's answer is no object")
    budget = _budget(session, whole)
    if whole.get("errors"):
        raise _by_errors(whole["errors"], budget, write=write)
    data = whole.get("data")
    if not isinstance(data, dict):
        raise Transient("shopify-answer", "Shopify's answer holds no data")
    return data


def _budget(session: Session, whole: Mapping[str, Any]) -> float:
    """Tells the pace what is left of the cost budget; returns how long the budget needs for this very query."""
    cost = (whole.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    if not status:
        return 1.0
    available, maximum = float(status.get("currentlyAvailable", 0)), float(status.get("maximumAvailable", 1000))
    rate = max(float(status.get("restoreRate", 50)), 0.1)
    session.http.pacing.points(available=available, maximum=maximum, restore_rate=rate)
    return max(1.0, (float(cost.get("requestedQueryCost") or 0) - available) / rate)


def _by_status(answer: Answer) -> LejaError:
    words = answer.body[:200].decode("utf-8", "replace")
    if answer.status == 423:
        return Transient("shopify-locked", "the shop is locked for now", retry_after=60.0)
    if answer.status in (402, 403, 404, 430):
        return Refused("shopify-closed", f"Shopify refuses this shop or app ({answer.status}): {words}")
    return Refused("shopify-query", f"Shopify answered {answer.status}: {words}")


def _by_errors(errors: Any, budget: float, *, write: bool) -> LejaError:
    """GraphQL says everything with status 200: throttled, denied, broken inside, or our own mistake."""
    if not isinstance(errors, list):
        return Refused("shopify-query", f"Shopify refuses the query: {str(errors)[:300]}")
    said = [one for one in errors if isinstance(one, dict)]
    codes = {str((one.get("extensions") or {}).get("code", "")) for one in said}
    words = "; ".join(str(one.get("message", "")) for one in said)[:300]
    if "THROTTLED" in codes or "throttled" in words.lower():
        return Transient("shopify-throttled", "the cost budget is used up for now", retry_after=budget)
    if "MAX_COST_EXCEEDED" in codes:
        return Refused("shopify-query-cost", words)
    if "ACCESS_DENIED" in codes:
        return NeedsConsent("shopify-scope", f"a scope or approval is missing: {words}")
    if "INTERNAL_SERVER_ERROR" in codes or "internal error" in words.lower():
        if write:
            return OutcomeUnknown("shopify-internal", words)
        return Transient("shopify-internal", words)
    return Refused("shopify-query", f"Shopify refuses the query: {words}")


def at(data: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any] | None:
    """The object under ``path``, or None where the shop has none."""
    found: Any = data
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def next_page(connection: Mapping[str, Any]) -> str | None:
    """The cursor of the next page; only ``hasNextPage`` decides, a page may be short or empty."""
    info = connection.get("pageInfo") or {}
    if not info.get("hasNextPage"):
        return None
    if not info.get("endCursor"):
        raise Transient("shopify-answer", "a page says that more follows, but not where")
    return str(info["endCursor"])


async def pages(
    session: Session, query: str, variables: Mapping[str, Any], path: Sequence[str], *, after: str | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Every node of a connection, page after page."""
    while True:
        connection = at(await ask(session, query, {**variables, "after": after}), path)
        if connection is None:
            return
        for node in connection.get("nodes") or ():
            yield node
        after = next_page(connection)
        if after is None:
            return
