"""Lists: parameters, filters, pages and their headers.

``after``, ``before``, ``modified_after`` and ``modified_before`` exclude the instant itself. Without ``dates_are_gmt``
they are the shop's wall clock. ``orderby`` of orders is date, id, include, title or slug: *modified* is seen for
refunds and, in newer versions, elsewhere, so orders refuse it here unless ``orderby_modified`` allows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from leja.connectors.woocommerce.stand_in_keys import Params, php_query
from leja.connectors.woocommerce.stand_in_orders import one_of
from leja.connectors.woocommerce.stand_in_refusals import WordPressError, invalid
from leja.connectors.woocommerce.stand_in_shop import Record, Shop, wp_answer
from leja_sandbox.kit import Answer, Request

_ORDERS_BY: Final = {
    "date": "created",
    "id": "id",
    "include": "id",
    "title": "id",
    "slug": "id",
    "modified": "modified",
}
_DATES: Final = (("after", "created", ">"), ("before", "created", "<"), ("modified_after", "modified", ">"),
                 ("modified_before", "modified", "<"))  # fmt: skip
_TRUE: Final = ("1", "true", "yes", "on")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a request for a list asks for, checked."""

    params: Params
    per_page: int
    page: int
    offset: int
    order: str
    orderby: str
    include: tuple[int, ...]
    exclude: tuple[int, ...]


def wanted(request: Request, orderby: Sequence[str], order_default: str = "desc") -> Wanted:
    """Reads and checks the parameters that all lists have. Raises WordPressError."""
    params = php_query(request.query_string)
    per_page = _whole(params, "per_page", 10, 1, 100)
    page = _whole(params, "page", 1, 1, None)
    offset = _whole(params, "offset", -1, 0, None)
    order = str(params.get("order", order_default))
    if order not in ("asc", "desc"):
        raise _not_one_of("order", ("asc", "desc"))
    by = str(params.get("orderby", orderby[0]))
    if by not in orderby:
        raise _not_one_of("orderby", orderby)
    return Wanted(
        params=params,
        per_page=per_page,
        page=page,
        offset=offset if offset >= 0 else (page - 1) * per_page,
        order=order,
        orderby=by,
        include=tuple(_ids(params, "include")),
        exclude=tuple(_ids(params, "exclude")),
    )


def listed(params: Params, name: str) -> list[str]:
    """A list parameter: separated by commas or repeated with brackets."""
    value = params.get(name)
    if value is None:
        return []
    rows = list(value.values()) if isinstance(value, dict) else str(value).split(",")
    return [str(row).strip() for row in rows if str(row).strip()]


def truth(params: Params, name: str) -> bool:
    """A parameter that is yes or no."""
    return str(params.get(name, "")).lower() in _TRUE


class Lists:
    """Finds orders and refunds by columns and everything else in memory."""

    def __init__(self, shop: Shop, statuses: Sequence[str], orderby_modified: bool) -> None:
        self._shop, self._statuses = shop, statuses
        names = ("date", "id", "include", "title", "slug")
        self._orderby = (*names, "modified") if orderby_modified else names

    def orders(self, request: Request) -> tuple[Wanted, list[Record], int]:
        """A page of orders, with how many there are in all."""
        asked = wanted(request, self._orderby)
        where: list[str] = ["parent = 0"]
        values: list[Any] = []
        statuses = listed(asked.params, "status") or ["any"]
        allowed = ("any", "trash", *self._statuses)
        if bad := [status for status in statuses if status not in allowed]:
            raise invalid({f"status[{statuses.index(bad[0])}]": f"status is not one of {one_of(allowed)}."},
                          "rest_not_in_enum")  # fmt: skip
        if "any" in statuses:
            where.append("status <> 'trash'")
        else:
            where.append(f"status IN ({', '.join('?' * len(statuses))})")
            values += statuses
        if customer := asked.params.get("customer"):
            where.append("customer = ?")
            values.append(int(customer))
        return self._page(asked, where, values, request)

    def refunds(self, request: Request, order_id: int | None = None) -> tuple[Wanted, list[Record], int]:
        """A page of the refunds of an order, or of the shop."""
        asked = wanted(request, ("date", "id", "include", "title", "slug", "modified"))
        where, values = ("parent > 0", []) if order_id is None else ("parent = ?", [order_id])
        return self._page(asked, [where], values, request)

    def _page(
        self, asked: Wanted, where: list[str], values: list[Any], request: Request
    ) -> tuple[Wanted, list[Record], int]:
        where.append("visible <= ?")
        values.append(request.now.timestamp())
        for name, column, sign in _DATES:
            if text := asked.params.get(name):
                where.append(f"{column} {sign} ?")
                values.append(self._moment(name, str(text), truth(asked.params, "dates_are_gmt")))
        for ids, word in ((asked.include, "IN"), (asked.exclude, "NOT IN")):
            if ids:
                where.append(f"id {word} ({', '.join('?' * len(ids))})")
                values += ids
        found = " AND ".join(where)
        column, order = _ORDERS_BY[asked.orderby], asked.order.upper()
        rows = self._shop.select(found, values, f"{column} {order}, id {order}", asked.per_page, asked.offset)
        if asked.orderby == "include":
            rows.sort(key=lambda row: asked.include.index(row["id"]) if row["id"] in asked.include else -1)
        return asked, rows, self._shop.count(found, values)

    def rows(
        self,
        request: Request,
        every: Sequence[Record],
        orderby: Sequence[str],
        order_default: str,
        keep: Callable[[Record, Params], bool],
    ) -> tuple[Wanted, list[Record], int]:
        """A page of things that are few: ``every`` oldest first."""
        asked = wanted(request, orderby, order_default)
        found = [row for row in every if keep(row, asked.params) and self._dated(row, asked.params)]
        found = [row for row in found if (not asked.include or row["id"] in asked.include)
                 and row["id"] not in asked.exclude]  # fmt: skip
        name = {"date": "created", "registered_date": "created", "modified": "modified"}.get(asked.orderby, "id")
        found.sort(key=lambda row: row.get(name) or 0, reverse=asked.order == "desc")
        return asked, found[asked.offset : asked.offset + asked.per_page], len(found)

    def _dated(self, row: Record, params: Params) -> bool:
        for name, column, sign in _DATES:
            if (text := params.get(name)) and column in row:
                moment = self._moment(name, str(text), truth(params, "dates_are_gmt"))
                if not (row[column] > moment if sign == ">" else row[column] < moment):
                    return False
        return True

    def _moment(self, name: str, text: str, gmt: bool) -> int:
        try:
            return self._shop.instant(text.replace(" ", "+") if "T" in text else text, gmt=gmt)
        except ValueError:
            raise invalid({name: "Invalid date."}, "rest_invalid_date") from None

    def answer(self, request: Request, asked: Wanted, shapes: list[Any], total: int) -> Answer:
        """The page with the counts and the links to its neighbours."""
        pages = ceil(total / asked.per_page)
        links = []
        if asked.page > 1:
            links.append((min(asked.page - 1, pages), "prev"))
        if asked.page < pages:
            links.append((asked.page + 1, "next"))
        told = [f'<{self._address(request, asked, number)}>; rel="{word}"' for number, word in links]
        headers = {"x-wp-total": str(total), "x-wp-totalpages": str(pages)}
        if told:
            headers["link"] = ", ".join(told)
        return wp_answer(shapes, headers=headers)

    def _address(self, request: Request, asked: Wanted, page: int) -> str:
        pairs: list[tuple[str, str]] = []
        for name, value in {**asked.params, "page": str(page)}.items():
            inner = value.items() if isinstance(value, dict) else None
            pairs += [(f"{name}[{key}]", one) for key, one in inner] if inner is not None else [(name, value)]
        return f"{self._shop.url}{request.path}?{urlencode(pairs)}"


def decimals(params: Params) -> int | None:
    """The parameter ``dp``, or None."""
    return _whole(params, "dp", 2, 0, 8) if "dp" in params else None


def _whole(params: Params, name: str, default: int, least: int, most: int | None) -> int:
    text = str(params.get(name, default))
    if not text.removeprefix("-").isdigit():
        raise invalid({name: f"{name} is not of type integer."}, "rest_invalid_type")
    value = int(text)
    if name not in params:
        return value
    if value < least or (most is not None and value > most):
        words = f"must be between {least} (inclusive) and {most} (inclusive)"
        if most is None:
            words = f"must be greater than or equal to {least}"
        raise invalid({name: f"{name} {words}"}, "rest_out_of_bounds")
    return value


def _ids(params: Params, name: str) -> list[int]:
    rows = listed(params, name)
    if any(not row.isdigit() for row in rows):
        raise invalid({name: f"{name}[0] is not of type integer."}, "rest_invalid_type")
    return [int(row) for row in rows]


def _not_one_of(name: str, names: Sequence[str]) -> WordPressError:
    words = " and ".join(names) if len(names) == 2 else one_of(names)
    return invalid({name: f"{name} is not one of {words}."}, "rest_not_in_enum")
