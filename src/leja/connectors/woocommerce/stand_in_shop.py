"""The shop of the stand-in: its facts, its numbers, its clock, and what it keeps.

Amounts are stored as text of exact decimals with up to six places, as WooCommerce keeps them; they are rounded to the
shop's decimals only where the vendor does it. Instants are whole seconds of the epoch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from leja_sandbox.kit import Answer, Environment, json_answer

Record = dict[str, Any]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS wc_order (
    id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, status TEXT NOT NULL, customer INTEGER NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, visible REAL NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS wc_order_created ON wc_order (created, id);
CREATE INDEX IF NOT EXISTS wc_order_modified ON wc_order (modified, id);
CREATE INDEX IF NOT EXISTS wc_order_parent ON wc_order (parent, id);
"""
_SIX: Final = Decimal("0.000001")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_ALPHABET: Final = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner has set; the settings of the stand-in name them."""

    version: str
    wordpress: str
    title: str
    currency: str
    decimals: int
    country: str
    state: str
    zone: str
    prices_include_tax: bool
    round_at_subtotal: bool


class Shop:
    """Keeps orders and refunds (``wc_order``: a refund has a parent) and hands out numbers.

    Every method runs inside a transaction of the store that the caller opened.
    """

    def __init__(self, env: Environment, facts: Facts) -> None:
        self.env, self.facts, self.url = env, facts, env.public_url.rstrip("/")
        self._zone = ZoneInfo(facts.zone)
        env.store.schema(_SCHEMA)

    # --- numbers, time, keys ----------------------------------------------------------------------------------------

    def post_id(self) -> int:
        """The next id of orders, refunds, products and coupons: they share one series."""
        return self.env.store.next_number("post", 10)

    def item_id(self) -> int:
        """The next id of a line of an order, of whatever kind."""
        return self.env.store.next_number("order_item")

    def meta(self, key: str, value: Any, kind: str = "order") -> Record:
        """A row of meta data with an id of its own."""
        return {"id": self.env.store.next_number(f"{kind}_meta"), "key": key, "value": value}

    def now(self) -> int:
        """The shop's time: WordPress keeps whole seconds."""
        return int(self.env.now())

    def local(self, moment: int | None) -> str | None:
        """An instant as the shop's wall clock, without a zone."""
        return None if moment is None else datetime.fromtimestamp(moment, self._zone).strftime("%Y-%m-%dT%H:%M:%S")

    def day(self, moment: int) -> str:
        """The day of an instant on the shop's wall clock."""
        return datetime.fromtimestamp(moment, self._zone).date().isoformat()

    def instant(self, text: str, *, gmt: bool = False) -> int:
        """Seconds of the epoch of a date as WordPress reads it. Raises ValueError.

        Without a zone it is the site's wall clock, or UTC with ``gmt``. With a zone it is first turned into the
        site's wall clock (``WP_Date_Query::build_mysql_datetime``), so a value in UTC with ``Z`` that is then compared
        with a column in UTC is off by the site's offset: what the vendor's issues 12594 and 14539 are about.
        """
        moment = datetime.fromisoformat(text)
        wall = moment.astimezone(self._zone).replace(tzinfo=None) if moment.tzinfo else moment
        return int(wall.replace(tzinfo=UTC if gmt else self._zone).timestamp())

    def letters(self, count: int) -> str:
        """Random letters, from the seed."""
        return "".join(self.env.random.choice(_ALPHABET) for _ in range(count))

    # --- orders and refunds -----------------------------------------------------------------------------------------

    def get(self, order_id: int | str, *, refund: bool = False) -> Record | None:
        """The order (or refund) of that id, or None."""
        rows = self.env.store.execute(
            f"SELECT body FROM wc_order WHERE id = ? AND parent {'>' if refund else '='} 0", int(order_id)
        )
        return msgspec.json.decode(rows[0][0]) if rows else None

    def must(self, order: int | str) -> Record:
        """The order of that id or number. Raises ValueError."""
        if str(order).isdigit() and (found := self.get(order)):
            return found
        for found in self.select("parent = 0", [], "id", -1):
            if found["number"] == str(order):
                return found
        raise ValueError(f"there is no order {order}")

    def keep(self, order: Record, *, lag: float = 0.0) -> None:
        """Writes an order or a refund; ``lag`` is after how many seconds lists find what is new."""
        old = self.env.store.execute("SELECT visible FROM wc_order WHERE id = ?", order["id"])
        visible = max(old[0][0] if old else 0.0, self.env.now() + lag if lag else 0.0)
        self.env.store.execute(
            "INSERT OR REPLACE INTO wc_order VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            order["id"], order["parent"], order["status"], order["customer_id"], order["created"], order["modified"],
            visible, msgspec.json.encode(order),
        )  # fmt: skip

    def drop(self, order_id: int) -> None:
        """Removes an order with its refunds, or a refund."""
        self.env.store.execute("DELETE FROM wc_order WHERE id = ? OR parent = ?", order_id, order_id)

    def select(self, where: str, values: list[Any], order_by: str, limit: int, offset: int = 0) -> list[Record]:
        """Orders by a condition over the columns of ``wc_order``."""
        rows = self.env.store.execute(
            f"SELECT body FROM wc_order WHERE {where} ORDER BY {order_by} LIMIT ? OFFSET ?", *values, limit, offset
        )
        return [msgspec.json.decode(row[0]) for row in rows]

    def count(self, where: str, values: list[Any]) -> int:
        """How many there are by such a condition."""
        return int(self.env.store.execute(f"SELECT count(*) FROM wc_order WHERE {where}", *values)[0][0])

    def refunds(self, order_id: int) -> list[Record]:
        """The refunds of an order, the newest first as the vendor lists them."""
        return self.select("parent = ?", [order_id], "created DESC, id DESC", -1)

    def change(self, order: Record) -> None:
        """Writes an order that was changed now."""
        order["modified"] = max(self.now(), order["modified"])
        self.keep(order)


# --- amounts and JSON as PHP writes them ------------------------------------------------------------------------------


def number(value: Any) -> Decimal:
    """An amount from text, an integer or an exact number; empty is zero. Raises ValueError."""
    if value in ("", None):
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"{value!r} is no amount")
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        raise ValueError(f"{value!r} is no amount") from None
    if not found.is_finite():
        raise ValueError(f"{value!r} is no amount")
    return found


def six(value: Decimal) -> Decimal:
    """Rounded to the six places that the vendor computes taxes to."""
    return value.quantize(_SIX, ROUND_HALF_UP)


def rounded(value: Decimal, decimals: int, *, half_down: bool = False) -> Decimal:
    """Rounded to the shop's decimals, halves away from zero unless ``half_down``."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_DOWN if half_down else ROUND_HALF_UP)


def shown(value: Any, decimals: int) -> str:
    """An amount as REST shows it: text with that many places, and no minus zero."""
    found = rounded(number(value), decimals)
    return f"{found if found else abs(found):f}"


def php(value: Decimal) -> int | Decimal:
    """A JSON number as PHP prints it: at most 16 digits, and no fraction where there is none."""
    short = Decimal(f"{value:.16g}") if value else Decimal(0)
    return int(short) if short == short.to_integral_value() else Decimal(f"{short.normalize():f}")


def wp_json(value: Any) -> bytes:
    """JSON as ``wp_json_encode`` writes it: slashes escaped, everything else than ASCII as ``\\uXXXX``."""
    text = json_answer(value).body.decode().replace("/", "\\/")
    return _NOT_ASCII.sub(_escaped, text).encode("ascii")


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def wp_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A REST answer with that body."""
    return Answer(
        status=status,
        body=wp_json(value),
        headers={"content-type": "application/json; charset=UTF-8", **(headers or {})},
    )
