"""What the stand-in's database remembers: rows by model and id, ids counted per model, search by domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.odoo.stand_in_fields import MODELS, decimals_of, fields_of
from leja_sandbox.kit import Store

Body = dict[str, Any]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS odoo_record (
    model TEXT NOT NULL, id INTEGER NOT NULL, parent INTEGER NOT NULL, mark TEXT NOT NULL, origin TEXT NOT NULL,
    visible_from REAL NOT NULL, body BLOB NOT NULL, PRIMARY KEY (model, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS odoo_parent ON odoo_record (model, parent);
CREATE INDEX IF NOT EXISTS odoo_mark ON odoo_record (model, mark);
CREATE TABLE IF NOT EXISTS odoo_external (
    module TEXT NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL, res_id INTEGER NOT NULL, id INTEGER NOT NULL,
    PRIMARY KEY (module, name)) WITHOUT ROWID;
"""
# One field of each model that leads to its whole (children), one that is looked up by value (searches start there).
PARENT: Final[Mapping[str, str]] = {
    "account.move.line": "move_id", "sale.order.line": "order_id", "pos.order.line": "order_id",
    "pos.payment": "pos_order_id", "res.currency.rate": "currency_id", "account.payment.term.line": "payment_id",
    "account.partial.reconcile": "debit_move_id", "account.move": "reversed_entry_id", "ir.model.data": "res_id",
    "account.tax.repartition.line": "tax_id",
}  # fmt: skip
MARK: Final[Mapping[str, str]] = {
    "account.move": "ref", "sale.order": "client_order_ref", "res.partner": "ref", "ir.model.data": "name",
    "product.product": "default_code", "account.account": "code", "account.partial.reconcile": "credit_move_id",
    "pos.order": "pos_reference",
}  # fmt: skip


class Records:
    """The rows. Bodies that are handed out must not be changed: ``save`` takes a new one."""

    def __init__(self, store: Store, version: int) -> None:
        self.store, self.version = store, version
        self._kept: dict[tuple[str, int], tuple[bytes, Body]] = {}
        store.schema(_SCHEMA)

    def get(self, model: str, id_: int) -> Body | None:
        """One row, or None; searching may not see it yet. Raises TypeError for what is no id."""
        if not isinstance(id_, int):
            raise TypeError(f"unhashable type: '{type(id_).__name__}'")
        rows = self.store.execute("SELECT id, body FROM odoo_record WHERE model = ? AND id = ?", model, id_)
        return self._read(model, rows[0]) if rows else None

    def origin(self, model: str, id_: int) -> str:
        """Who made the row: "api", "foreign" or "" (the founding)."""
        rows = self.store.execute("SELECT origin FROM odoo_record WHERE model = ? AND id = ?", model, id_)
        return str(rows[0][0]) if rows else ""

    def insert(self, model: str, body: Mapping[str, Any], origin: str = "", visible_from: float = 0.0, id_: int = 0) -> int:
        """A new row; its id, the next of its model unless one is given."""
        if id_:
            self.store.execute(
                "INSERT INTO number VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = max(last, excluded.last)",
                f"odoo/{model}", id_,
            )  # fmt: skip
        else:
            id_ = self.store.next_number(f"odoo/{model}")
        self.store.execute(
            "INSERT INTO odoo_record VALUES (?,?,?,?,?,?,?)",
            model, id_, self._parent(model, body), self._mark(model, body), origin, visible_from, _encoded(body),
        )  # fmt: skip
        return id_

    def save(self, model: str, id_: int, body: Mapping[str, Any]) -> None:
        """Writes a row again."""
        self.store.execute(
            "UPDATE odoo_record SET parent = ?, mark = ?, body = ? WHERE model = ? AND id = ?",
            self._parent(model, body), self._mark(model, body), _encoded(body), model, id_,
        )  # fmt: skip

    def update(self, model: str, id_: int, **values: Any) -> Body:
        """Changes some fields of a row that is there; the new body."""
        body = {**(self.get(model, id_) or {}), **values}
        self.save(model, id_, body)
        return body

    def remove(self, model: str, id_: int) -> None:
        """Deletes a row and its external ids."""
        self.store.execute("DELETE FROM odoo_record WHERE model = ? AND id = ?", model, id_)
        for (row,) in self.store.execute("SELECT id FROM odoo_external WHERE model = ? AND res_id = ?", model, id_):
            self.store.execute("DELETE FROM odoo_record WHERE model = 'ir.model.data' AND id = ?", row)
        self.store.execute("DELETE FROM odoo_external WHERE model = ? AND res_id = ?", model, id_)

    def rows(self, model: str, seen_at: float = 9e18, **only: Any) -> list[tuple[int, Body]]:
        """Rows in order of id; ``only`` may hold ``id`` (ids), ``parent`` and ``mark`` (lists of values)."""
        where, values = "model = ? AND visible_from <= ?", [model, seen_at]
        for column, wanted in only.items():
            where += f" AND {column} IN ({','.join('?' * len(wanted))})"
            values += wanted
        found = self.store.execute(f"SELECT id, body FROM odoo_record WHERE {where} ORDER BY id", *values)
        return [(int(row[0]), self._read(model, row)) for row in found]

    def children(self, model: str, parent: int) -> list[tuple[int, Body]]:
        """The rows of a whole, such as the lines of a move."""
        return self.rows(model, parent=[parent])

    def external(self, module: str, name: str) -> tuple[str, int] | None:
        """What an external id names: model and id."""
        rows = self.store.execute("SELECT model, res_id FROM odoo_external WHERE module = ? AND name = ?", module, name)
        return (str(rows[0][0]), int(rows[0][1])) if rows else None

    def name_externally(self, module: str, name: str, model: str, id_: int, row: int) -> None:
        """Keeps an external id beside its ``ir.model.data`` row."""
        self.store.execute("INSERT INTO odoo_external VALUES (?,?,?,?,?)", module, name, model, id_, row)

    def externals_of(self, model: str, id_: int) -> list[str]:
        """The external ids of a row, as ``module.name``."""
        rows = self.store.execute(
            "SELECT module, name FROM odoo_external WHERE model = ? AND res_id = ? ORDER BY id", model, id_
        )
        return [f"{module}.{name}" for module, name in rows]

    def _read(self, model: str, row: tuple[Any, ...]) -> Body:
        id_, blob = int(row[0]), bytes(row[1])
        kept = self._kept.get((model, id_))
        if kept is None or kept[0] != blob:
            body = msgspec.json.decode(blob)
            for name in decimals_of(model, self.version) & body.keys() if model in MODELS else ():
                body[name] = Decimal(body[name])
            kept = self._kept[model, id_] = (blob, body)
        return kept[1]

    def _parent(self, model: str, body: Mapping[str, Any]) -> int:
        return int(body.get(PARENT.get(model, ""), 0) or 0)

    def _mark(self, model: str, body: Mapping[str, Any]) -> str:
        return str(body.get(MARK.get(model, ""), "") or "")


def _encoded(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(body)


# --- domains ------------------------------------------------------------------------------------------------------


class BadDomain(Exception):
    """A filter that cannot be read, with the vendor's words."""


Look = Callable[[str, Body, str], Any]
"""(model, row, path) -> value, or list of values of an x2many or of a path through one."""


def narrowed(model: str, domain: Iterable[Any]) -> dict[str, list[Any]]:
    """Which of ``id``, ``parent`` and ``mark`` a plain conjunction pins down: where a search may begin."""
    found: dict[str, list[Any]] = {}
    terms = list(domain)
    if any(isinstance(t, str) and t != "&" for t in terms):
        return {}
    columns = {"id": "id", PARENT.get(model, ""): "parent", MARK.get(model, ""): "mark"}
    for term in terms:
        if isinstance(term, str) or len(term) != 3:
            continue
        name, operator, value = term
        listed = list(value) if operator == "in" and isinstance(value, list | tuple) else [value] if operator == "=" else None
        kind = str if columns.get(name) == "mark" else int
        if name and listed and name in columns and len(listed) < 500 and all(type(v) is kind for v in listed):
            found.setdefault(columns[name], listed)
    return found


def holds(domain: list[Any], look: Callable[[str], Any], check: Callable[[str], None]) -> bool:
    """Whether a row meets a domain in prefix notation; ``look`` gives values by path, ``check`` refuses unknown ones."""
    stack: list[bool] = []
    for term in reversed(domain):
        if term == "!":
            stack.append(not stack.pop())
        elif term in ("&", "|"):
            if len(stack) < 2:
                raise BadDomain(f"Domain is malformed: {domain}")
            first, second = stack.pop(), stack.pop()
            stack.append(first and second if term == "&" else first or second)
        else:
            stack.append(_leaf(term, look, check))
    return all(stack)


def _leaf(term: Any, look: Callable[[str], Any], check: Callable[[str], None]) -> bool:
    if not isinstance(term, list | tuple) or len(term) != 3:
        raise BadDomain(f"Invalid leaf {term!r}")
    name, operator, wanted = term
    if isinstance(name, int):
        return bool(name == wanted)
    check(name)
    value = look(name)
    values = value if isinstance(value, list) else [value]
    test = _TESTS.get(operator)
    if test is None:
        raise BadDomain(f"Invalid operator {operator!r} in domain term {term!r}")
    if operator in _NOT:
        return not _TESTS[_NOT[operator]](values, wanted)
    return test(values, wanted)


def _same(value: Any, wanted: Any) -> bool:
    if wanted in (False, None):
        return value in (False, None, "")
    if isinstance(value, Decimal) and isinstance(wanted, int | Decimal):
        return bool(value == wanted)
    return bool(value == wanted) and not (wanted is True and value is not True)


def _equal(values: list[Any], wanted: Any) -> bool:
    if wanted in (False, None):
        return not values or any(_same(v, wanted) for v in values)
    return any(_same(v, wanted) for v in values)


def _among(values: list[Any], wanted: Any) -> bool:
    many = wanted if isinstance(wanted, list | tuple) else [wanted]
    return any(_equal(values, w) for w in many)


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[list[Any], Any], bool]:
    def compare(values: list[Any], wanted: Any) -> bool:
        return any(v is not False and v is not None and v != "" and test(v, wanted) for v in values)

    return compare


def _like(fold: bool, exact: bool) -> Callable[[list[Any], Any], bool]:
    def like(values: list[Any], wanted: Any) -> bool:
        pattern = str(wanted)
        words = [str(v) for v in values if v not in (False, None)]
        if fold:
            pattern, words = pattern.lower(), [w.lower() for w in words]
        if exact:
            ends = pattern.endswith("%"), pattern.startswith("%")
            core = pattern.strip("%")
            return any(
                (core in w) if all(ends) else w.startswith(core) if ends[0] else w.endswith(core) if ends[1] else w == core
                for w in words
            )  # fmt: skip
        return any(pattern in w for w in words)

    return like


_TESTS: Final[Mapping[str, Callable[[list[Any], Any], bool]]] = {
    "=": _equal, "==": _equal, "!=": _equal, "<>": _equal, "in": _among, "not in": _among, "child_of": _among,
    "<": _compared(lambda a, b: bool(a < b)), "<=": _compared(lambda a, b: bool(a <= b)),
    ">": _compared(lambda a, b: bool(a > b)), ">=": _compared(lambda a, b: bool(a >= b)),
    "like": _like(False, False), "ilike": _like(True, False), "=like": _like(False, True), "=ilike": _like(True, True),
    "not like": _like(False, False), "not ilike": _like(True, False), "=?": lambda v, w: w in (False, None) or _equal(v, w),
}  # fmt: skip
_NOT: Final = {"!=": "=", "<>": "=", "not in": "in", "not like": "like", "not ilike": "ilike"}


def known(model: str, version: int, path: str) -> bool:
    """Whether a dotted path leads through fields that are there."""
    for part in path.split("."):
        if model not in MODELS or part not in fields_of(model, version):
            return False
        model = fields_of(model, version)[part].relation or "-"
    return True
