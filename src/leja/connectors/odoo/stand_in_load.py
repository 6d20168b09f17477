"""``load()``: rows of text become records with external ids, once made and afterwards updated, all or nothing.

Errors come back in ``messages`` with ``ids`` false. A line without an external id of its own is appended again by each
replay (measured on 18.0).
"""

from __future__ import annotations

from typing import Any, Final

from leja.connectors.odoo.stand_in_errors import Refusal
from leja.connectors.odoo.stand_in_fields import Field
from leja.connectors.odoo.stand_in_orm import Database
from leja.connectors.odoo.stand_in_posting import Posting
from leja.connectors.odoo.stand_in_records import Body
from leja.connectors.odoo.stand_in_values import Deferred

CONFLICT: Final = "could not serialize access due to concurrent update"


class _Wrong(Exception):
    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message, self.field = message, field


class Loading:
    """Imports rows into a model."""

    def __init__(self, db: Database, posting: Posting) -> None:
        self.db, self._posting = db, posting

    def load(self, model: str, fields: list[str], data: list[list[Any]]) -> Body:
        """Shape ``{"ids": [..] | false, "messages": [{type, message, record, rows}], "nextrow": 0}``."""
        paths = [f.split("/") for f in fields]
        store, left = self.db.env.store, self.db.env.store.get("preference", "conflicts") or 0
        if left:
            store.put("preference", "conflicts", left - 1)
            return _failed(_message(CONFLICT, 0, (0, max(len(data) - 1, 0))))
        messages: list[Body] = []
        ids: list[int] = []
        try:
            with store.transaction():
                for record, (start, end) in enumerate(_extents(self.db, model, paths, data)):
                    try:
                        with store.transaction():
                            ids.append(self._record(model, paths, data[start:end]))
                            self._posting.flush()
                    except _Wrong as wrong:
                        messages.append(_message(wrong.message, record, (start, end - 1), wrong.field))
                    except Refusal as refusal:
                        messages.append(_message(_imported(refusal), record, (start, end - 1)))
                if messages:
                    raise _Wrong("nothing of it is kept")
        except _Wrong:
            self.db.pending.clear()
            return _failed(*messages)
        return {"ids": ids, "messages": [], "nextrow": 0}

    def _record(self, model: str, paths: list[list[str]], rows: list[list[Any]]) -> int:
        external, id_, vals = self._values(model, paths, rows)
        return self.upsert(model, external, id_, vals)

    def upsert(self, model: str, external: str, id_: int, vals: Body) -> int:
        """Makes or changes the record that the external or database id names."""
        if external:
            module, name = self._split(external)
            found = self.db.records.external(module, name)
            if found and self.db.records.get(*found) is not None:
                if found[0] != model:
                    raise _Wrong(f"The external id {external} is of {found[0]}, not of {model}", "id")
                id_ = found[1]
        if id_:
            self.db.write(model, id_, vals)
            return id_
        id_ = self.db.create(model, vals)
        if external:
            self.db.create("ir.model.data", {"module": module, "name": name, "model": model, "res_id": id_})
        return id_

    def _split(self, external: str) -> tuple[str, str]:
        module, dot, name = external.partition(".")
        if not dot:
            module, name = self.db.call.context.get("_import_current_module", "__import__"), module
        if "." in name:
            raise _Wrong(f"The external id {external} holds more than one dot", "id")
        return module, name

    def _values(self, model: str, paths: list[list[str]], rows: list[list[Any]]) -> tuple[str, int, Body]:
        external, id_ = "", 0
        vals: Body = {}
        known = self.db.fields(model)
        children: dict[str, list[int]] = {}
        for column, path in enumerate(paths):
            cell, name = rows[0][column], path[0]
            if name == "id":
                external = str(cell or "")
            elif name == ".id":
                id_ = int(cell) if cell not in ("", None, False) else 0
            else:
                if name not in known:
                    self.db.check_field(model, name)
                field = known[name]
                if field.type == "one2many":
                    children.setdefault(name, []).append(column)
                else:
                    # An empty cell of a column empties the field; a default is then not taken (ir_fields.py, for_model).
                    vals[name] = False if cell in ("", None) else self._cell(model, field, path[1:], cell)
        for name, columns in children.items():
            vals[name] = self._children(known[name], paths, columns, rows)
        return external, id_, vals

    def _children(self, field: Field, paths: list[list[str]], columns: list[int], rows: list[list[Any]]) -> list[Any]:
        inner = [paths[c][1:] for c in columns]
        picked = [[row[c] for c in columns] for row in rows]
        picked = [row for row in picked if any(cell not in ("", None, False) for cell in row)]
        commands: list[Any] = []
        for start, end in _extents(self.db, field.relation, inner, picked):
            external, id_, vals = self._values(field.relation, inner, picked[start:end])
            if external:
                found = self.db.records.external(*self._split(external))
                id_ = found[1] if found and self.db.records.get(*found) is not None else id_
            if id_:
                commands.append([1, id_, vals])
            elif external:
                commands.append(_Named(self, field, external, vals))
            else:
                commands.append([0, 0, vals])
        return [c for c in commands if c]

    def _cell(self, model: str, field: Field, suffix: list[str], cell: Any) -> Any:
        text = str(cell).strip()
        if field.type == "many2one":
            return self._reference(field, suffix, text)
        if field.type == "many2many":
            return [[6, 0, [self._reference(field, suffix, part.strip()) for part in text.split(",") if part.strip()]]]
        if field.type == "boolean":
            if text.lower() not in ("1", "true", "yes", "0", "false", "no"):
                raise _Wrong(f"Unknown value '{text}' for boolean field '{field.name}'", field.name)
            return text.lower() in ("1", "true", "yes")
        if field.type == "selection":
            return _choice(field, text)
        if field.type in ("float", "monetary", "integer"):
            try:
                return self.db.convert(model, field, text)
            except (Refusal, ValueError):
                kind = "an integer" if field.type == "integer" else "a number"
                raise _Wrong(f"'{text}' does not seem to be {kind} for field '{field.name}'", field.name) from None
        if field.type in ("date", "datetime"):
            try:
                return self.db.convert(model, field, text)
            except Refusal:
                raise _Wrong(f"'{text}' does not seem to be a valid date for field '{field.name}'", field.name) from None
        return cell

    def _reference(self, field: Field, suffix: list[str], text: str) -> int:
        kind = suffix[0] if suffix else ""
        if kind == ".id":
            if text.isdigit() and self.db.records.get(field.relation, int(text)) is not None:
                return int(text)
            raise _Wrong(f"No matching record found for database id '{text}' in field '{field.name}'", field.name)
        if kind == "id":
            found = self.db.records.external(*self._split(text))
            if found and found[0] == field.relation:
                return found[1]
            raise _Wrong(f"No matching record found for external id '{text}' in field '{field.name}'", field.name)
        ids = self.db.search(field.relation, [])
        for id_ in ids:
            body = self.db.records.get(field.relation, id_) or {}
            if text in (self.db.name_of(field.relation, id_), body.get("name"), body.get("code")):
                return id_
        raise _Wrong(f"No matching record found for name '{text}' in field '{field.name}'", field.name)


class _Named(Deferred):
    """The command of a new child that gets an external id: carried out where the parent's id is known."""

    def __init__(self, loading: Loading, field: Field, external: str, vals: Body) -> None:
        super().__init__([0, 0, vals])
        self.loading, self.field, self.external = loading, field, external

    def carry_out(self, parent: int) -> None:
        """Makes the child below its parent."""
        vals = {**self[2], self.field.inverse: parent}
        self.loading.upsert(self.field.relation, self.external, 0, vals)


def _extents(db: Database, model: str, paths: list[list[str]], data: list[list[Any]]) -> list[tuple[int, int]]:
    # A row that fills no cell outside of the many-fields goes on with the record before it.
    many = {name for name, field in db.fields(model).items() if field.type == "one2many"}
    heads = [c for c, path in enumerate(paths) if path[0] not in many]
    starts = [n for n, row in enumerate(data) if n == 0 or any(row[c] not in ("", None, False) for c in heads)]
    return list(zip(starts, [*starts[1:], len(data)], strict=True))


def _choice(field: Field, text: str) -> str:
    for choice in field.choices:
        if text in (choice, choice.replace("_", " ").capitalize()):
            return choice
    if field.choices:
        raise _Wrong(f"Value '{text}' not found in selection field '{field.name}'", field.name)
    return text


def _imported(refusal: Refusal) -> str:
    if refusal.name.startswith("odoo."):
        return refusal.message
    return f"Unknown error during import: {refusal.name.rpartition('.')[2]}: {refusal.message}"


def _message(words: str, record: int, rows: tuple[int, int], field: str = "") -> Body:
    found: Body = {"rows": {"from": rows[0], "to": rows[1]}, "record": record, "type": "error", "message": words}
    return {**found, "field": field} if field else found


def _failed(*messages: Body) -> Body:
    return {"ids": False, "messages": list(messages), "nextrow": 0}
