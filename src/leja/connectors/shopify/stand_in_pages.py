"""What all nodes are made with: global ids, instants, money, and pages of connections with their cursors."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from leja.connectors.shopify.stand_in_graphql import FieldRefused
from leja.connectors.shopify.stand_in_orders import Record, presented, short

LARGEST_PAGE: Final = 250
_EVERYTHING: Final = 1_000_000_000
_unpaged: ContextVar[bool] = ContextVar("unpaged", default=False)
Bag = Callable[[int], Record]


def zulu(moment: float | None) -> str | None:
    """An instant as GraphQL writes it."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def gid(kind: str, id_: int) -> str:
    """A global id."""
    return f"gid://shopify/{kind}/{id_}"


def number_of(id_: str, kind: str) -> int | None:
    """The number in a global id of that kind, or None."""
    head, _, tail = str(id_).rpartition("/")
    return int(tail) if head == f"gid://shopify/{kind}" and tail.isdigit() else None


@contextmanager
def unpaged() -> Iterator[None]:
    """Inside it connections give everything: bulk operations know no pages."""
    before = _unpaged.set(True)
    try:
        yield
    finally:
        _unpaged.reset(before)


def page_size(first: int | None, last: int | None) -> int:
    """The size asked for. Raises FieldRefused as the vendor does without one, or over 250."""
    if _unpaged.get():
        return _EVERYTHING
    if first is None and last is None:
        raise FieldRefused("you must provide one of first or last", "BAD_REQUEST")
    size = first if first is not None else last or 0
    if not 0 <= size <= LARGEST_PAGE:
        raise FieldRefused(f"first or last must be between 0 and {LARGEST_PAGE}", "BAD_REQUEST")
    return size


def connection(items: Sequence[Any], make: Callable[[Any], Record]) -> Callable[..., Record]:
    """A connection over a list that is at hand; its cursors are places in the list."""

    def page(
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        reverse: bool = False,
        **_: Any,
    ) -> Record:
        size = page_size(first, last)
        first = size if last is None else first
        rows = list(enumerate(items))
        if reverse:
            rows.reverse()
        start = next((at + 1 for at, (i, _) in enumerate(rows) if after and cursor(i) == after), 0)
        end = next((at for at, (i, _) in enumerate(rows) if before and cursor(i) == before), len(rows))
        window = rows[start:end]
        chosen = window[:size] if first is not None else window[len(window) - size :]
        return paged(
            [(cursor(i), make(item)) for i, item in chosen],
            more=len(chosen) < len(window) if first is not None else end < len(rows),
            earlier=start > 0 if first is not None else len(chosen) < len(window),
        )

    return page


def cursor(place: Any) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def uncursor(text: str) -> str:
    """What a cursor of ours says."""
    try:
        return base64.urlsafe_b64decode(text.encode()).decode()
    except ValueError:
        raise FieldRefused("Invalid cursor for current pagination sort.", "BAD_REQUEST") from None


def paged(rows: Sequence[tuple[str, Record]], *, more: bool, earlier: bool = False) -> Record:
    """A connection's answer."""
    return {
        "nodes": [node for _, node in rows],
        "edges": [{"cursor": place, "node": node} for place, node in rows],
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": earlier,
            "startCursor": rows[0][0] if rows else None,
            "endCursor": rows[-1][0] if rows else None,
        },
    }


def money(amount: int, currency: str) -> Record:
    """A MoneyV2."""
    return {"amount": short(amount, currency), "currencyCode": currency}


def bags(order: Record) -> Bag:
    """Makes a MoneyBag of the order's two currencies."""

    def bag(amount: int) -> Record:
        return {
            "shopMoney": money(amount, order["currency"]),
            "presentmentMoney": money(presented(amount, order), order["presentment"]),
        }

    return bag
