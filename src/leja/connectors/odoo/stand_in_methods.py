"""The methods that can be called: their signatures, arguments bound by position or by name, groups and sums."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.odoo.stand_in_errors import Refusal, access_error, not_found, unprocessable, user_error
from leja.connectors.odoo.stand_in_load import Loading
from leja.connectors.odoo.stand_in_orm import Database
from leja.connectors.odoo.stand_in_posting import Posting
from leja.connectors.odoo.stand_in_records import Body
from leja.connectors.odoo.stand_in_values import with_point

Signature = tuple[str, ...]
_AGGREGATE: Final = re.compile(r"(\w+)(?::(\w+))?(?:\((\w+)\))?\Z")
_SINCE: Final = {"formatted_read_group": 18, "has_access": 18}
_UNTIL: Final = {"name_get": 16}


class Methods:
    """Calls methods of models as the doors name them."""

    def __init__(self, db: Database, posting: Posting) -> None:
        self.db, self._posting = db, posting
        self._loading = Loading(db, posting)
        self._generic: Mapping[str, tuple[Signature, Callable[..., Any]]] = {
            "create": (("vals_list",), self._create),
            "load": (("fields", "data"), self._loading.load),
            "search": (("domain", "offset?", "limit?", "order?"), self._search),
            "search_count": (("domain", "limit?"), lambda model, domain, limit=None: len(self._search(model, domain, 0, limit))),
            "search_read": (("domain?", "fields?", "offset?", "limit?", "order?", "load?"), self._search_read),
            "name_search": (("name?", "args?", "operator?", "limit?"), self._name_search),
            "fields_get": (("allfields?", "attributes?"), self._fields_get),
            "check_access_rights": (("operation", "raise_exception?"), self._check_access),
            "read_group": (("domain", "fields", "groupby", "offset?", "limit?", "orderby?", "lazy?"), self._read_group),
            "formatted_read_group": (("domain", "groupby?", "aggregates?", "having?", "offset?", "limit?", "order?"), self._formatted),
            "read": (("ids", "fields?", "load?"), self._read),
            "write": (("ids", "vals"), self._write),
            "unlink": (("ids",), self._unlink),
            "exists": (("ids",), lambda model, ids: [i for i in ids if self.db.records.get(model, i) is not None]),
            "has_access": (("ids", "operation"), lambda model, ids, operation: model not in self.db.denied),  # noqa: ARG005
            "name_get": (("ids",), lambda model, ids: [[i, self.db.name_of(model, i)] for i in ids]),
        }  # fmt: skip

    def page(self, model: str) -> Body:
        """Shape ``{"methods": {name: {"parameters": {name: {}}, "api": ["model"]?}}}``: what the official client reads."""
        shown: Body = {}
        for name, (signature, _f) in {**self._generic, **self.db.models[model].methods()}.items():
            if self._offered(name):
                names: Body = {p.rstrip("?"): {} for p in signature if p != "ids"}
                shown[name] = {"parameters": names, "api": [] if signature[:1] == ("ids",) else ["model"]}
        return {"model": model, "methods": shown}

    def _offered(self, name: str) -> bool:
        return self.db.version >= _SINCE.get(name, 0) and self.db.version <= _UNTIL.get(name, 99)

    def by_name(self, model: str, method: str, arguments: Body) -> Any:
        """JSON-2: ``ids`` and ``context`` beside the named arguments. Raises Refusal."""
        if not self.db.knows(model):
            raise not_found(f"the model '{model}' does not exist")
        self._private(model, method)
        signature, function, own = self._found(model, method)
        if signature is None:
            raise not_found(f"The method '{model}.{method}' does not exist")
        given = {k: v for k, v in arguments.items() if k not in ("ids", "context")}
        if signature[:1] != ("ids",):
            if arguments.get("ids"):
                raise unprocessable(f"cannot call {model}.{method} with ids")
        else:
            given["ids"] = _ids(arguments.get("ids") or [])
        names = [p.rstrip("?") for p in signature]
        for name in given:
            if name not in names:
                raise unprocessable(f"got an unexpected keyword argument '{name}'")
        for name in signature:
            if not name.endswith("?") and name not in given:
                raise unprocessable(f"missing a required argument: '{name}'")
        return self._run(model, function, own, given)

    def by_position(self, model: str, method: str, args: list[Any], named: Body) -> Any:
        """``execute_kw``: arguments in order, the ids first where the method works on records. Raises Refusal."""
        if not self.db.knows(model):
            raise user_error(f"Object {model} doesn't exist")
        self._private(model, method)
        signature, function, own = self._found(model, method)
        if signature is None:
            raise Refusal("builtins.AttributeError", f"The method '{model}.{method}' does not exist")
        names = [p.rstrip("?") for p in signature]
        given = {k: v for k, v in named.items() if k != "context"}
        if len(args) > len(names):
            wrong = f"{model}.{method}() takes {len(names)} positional arguments but {len(args)} were given"
            raise Refusal("builtins.TypeError", wrong)
        given |= dict(zip(names, args, strict=False))
        if "args" in given and "args" not in names:
            raise Refusal("builtins.TypeError", f"{method}() got an unexpected keyword argument 'args'")
        absent = [p for p in signature if not p.endswith("?") and p not in given]
        unknown = [k for k in given if k not in names]
        if absent or unknown:
            words = f"missing 1 required positional argument: '{absent[0]}'" if absent else f"got an unexpected keyword argument '{unknown[0]}'"
            raise Refusal("builtins.TypeError", f"{model}.{method}() {words}")
        if "ids" in given:
            given["ids"] = _ids(given["ids"])
        single = method == "create" and isinstance(given.get("vals_list"), dict)
        result = self._run(model, function, own, given)
        return result[0] if single else result

    def _private(self, model: str, method: str) -> None:
        if method.startswith("_"):
            raise access_error(f"Private methods (such as '{model}.{method}') cannot be called remotely.")

    def _found(self, model: str, method: str) -> tuple[Signature | None, Callable[..., Any], bool]:
        own = self.db.models[model].methods()
        if method in own:
            return (*own[method], True)
        if method in self._generic and self._offered(method):
            return (*self._generic[method], False)
        return None, list, False

    def _run(self, model: str, function: Callable[..., Any], own: bool, given: Body) -> Any:
        if own:
            self.db.may(model, "write")
        try:
            result = function(**given) if own else function(model, **given)
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError) as problem:
            # What the vendor's own code would stumble over as well: the exception's name goes out.
            raise Refusal(f"builtins.{type(problem).__name__}", str(problem)) from problem
        self._posting.flush()
        return result

    # --- of every model -------------------------------------------------------------------------------------------

    def _create(self, model: str, vals_list: Any) -> list[int]:
        rows = [vals_list] if isinstance(vals_list, dict) else vals_list
        return [self.db.create(model, row) for row in rows]

    def _search(self, model: str, domain: Any, offset: Any = 0, limit: Any = None, order: Any = None) -> list[int]:
        return self.db.search(model, domain, offset or 0, limit or None, order or "")

    def _search_read(self, model: str, domain: Any = None, fields: Any = None, offset: Any = 0, limit: Any = None,
                     order: Any = None, load: str = "_classic_read") -> list[Body]:  # fmt: skip
        return self.db.read(model, self._search(model, domain, offset, limit, order), fields, load)

    def _read(self, model: str, ids: list[int], fields: Any = None, load: str = "_classic_read") -> list[Body]:
        return self.db.read(model, ids, fields, load)

    def _write(self, model: str, ids: list[int], vals: Body) -> bool:
        for id_ in ids:
            self.db.write(model, id_, vals)
        return True

    def _unlink(self, model: str, ids: list[int]) -> bool:
        for id_ in ids:
            self.db.unlink(model, id_)
        return True

    def _name_search(self, model: str, name: str = "", args: Any = None, operator: str = "ilike", limit: Any = 100) -> list[Any]:
        found = [(i, self.db.name_of(model, i)) for i in self.db.search(model, args or [])]
        exact = operator == "="
        return [[i, n] for i, n in found if (n == name if exact else name.lower() in n.lower())][: limit or None]

    def _fields_get(self, model: str, allfields: Any = None, attributes: Any = None) -> Body:
        self.db.may(model, "read")
        pages = {n: f.page() for n, f in self.db.fields(model).items() if not allfields or n in allfields}
        return {n: {k: v for k, v in p.items() if not attributes or k in attributes} for n, p in pages.items()}

    def _check_access(self, model: str, operation: str, raise_exception: bool = True) -> bool:
        if raise_exception:
            self.db.may(model, operation)
        return model not in self.db.denied

    # --- groups and sums ------------------------------------------------------------------------------------------

    def _groups(self, model: str, domain: Any, groupby: Any) -> list[tuple[list[Any], list[tuple[str, str]], list[int]]]:
        keys = [groupby] if isinstance(groupby, str) else list(groupby or [])
        found: dict[str, tuple[list[Any], list[tuple[str, str]], list[int]]] = {}
        for id_ in self.db.search(model, domain):
            body = self.db.seen(model, id_)
            values, terms = [], []
            for key in keys:
                name, _, unit = key.partition(":")
                self.db.check_field(model, name)
                value = self.db.outward(model, id_, body, name)
                if unit and value:
                    value = value[: {"day": 10, "month": 7, "year": 4}.get(unit, 10)]
                values.append(value)
                terms.append((name, self.db.value(model, id_, body, name)))
            found.setdefault(repr(values), (values, terms, []))[2].append(id_)
        return list(found.values())

    def _sum(self, model: str, name: str, how: str, ids: list[int]) -> Any:
        if name in ("__count", "id") and how in ("", "count", "__count"):
            return len(ids)
        self.db.check_field(model, name)
        values = [self.db.value(model, i, self.db.seen(model, i), name) for i in ids]
        if how == "count":
            return len([v for v in values if v])
        if how in ("max", "min"):
            best = (max if how == "max" else min)(values)
            return with_point(best) if isinstance(best, Decimal) else best
        if how in ("array_agg", "recordset"):
            return values
        return with_point(sum(values, Decimal(0)))

    def _read_group(self, model: str, domain: Any, fields: Any, groupby: Any, offset: Any = 0, limit: Any = None,
                    orderby: Any = None, lazy: bool = True) -> list[Body]:  # fmt: skip  # noqa: ARG002
        keys = [groupby] if isinstance(groupby, str) else list(groupby or [])
        keys = keys[:1] if lazy else keys
        rows = []
        for values, terms, ids in self._groups(model, domain, keys):
            row: Body = dict(zip(keys, values, strict=True))
            for spec in fields or []:
                match = _AGGREGATE.match(spec)
                if match and match[1] not in [k.partition(":")[0] for k in keys]:
                    row[match[1]] = self._sum(model, match[3] or match[1], match[2] or "sum", ids)
            row[f"{keys[0].partition(':')[0]}_count" if lazy and keys else "__count"] = len(ids)
            row["__domain"] = ["&"] * len(terms) + [[n, "=", v] for n, v in terms] + list(domain or []) if domain else [[n, "=", v] for n, v in terms]
            rows.append(row)
        return rows[offset or 0 :][: limit or None]

    def _formatted(self, model: str, domain: Any, groupby: Any = (), aggregates: Any = (), having: Any = (),  # noqa: ARG002
                   offset: Any = 0, limit: Any = None, order: Any = None) -> list[Body]:  # fmt: skip  # noqa: ARG002
        rows = []
        for values, terms, ids in self._groups(model, domain, groupby):
            row: Body = dict(zip(groupby, values, strict=True))
            for spec in aggregates:
                name, _, how = spec.partition(":")
                row[spec] = self._sum(model, name, how, ids)
            row["__extra_domain"] = [[n, "=", v] for n, v in terms]
            rows.append(row)
        return rows[offset or 0 :][: limit or None]


def _ids(value: Any) -> list[int]:
    listed = list(value) if isinstance(value, list | tuple) else [value] if value else []
    if any(type(i) is not int for i in listed):
        raise Refusal("builtins.TypeError", f"ids must be integers, not {value!r}")
    return listed


