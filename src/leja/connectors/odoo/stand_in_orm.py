"""The object layer: records made, written, read and searched as Odoo's ORM does, with hooks for what a model knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from leja.connectors.odoo.stand_in_chart import Settings
from leja.connectors.odoo.stand_in_errors import access_error, missing, validation_error, value_error
from leja.connectors.odoo.stand_in_fields import MISSING_MODELS, MODELS, Field, fields_of
from leja.connectors.odoo.stand_in_records import MARK, BadDomain, Body, Records, holds, known, narrowed
from leja.connectors.odoo.stand_in_values import (
    Deferred,
    Named,
    exact,
    is_empty,
    moment,
    required_words,
    sortable,
    with_point,
)
from leja_sandbox.kit import Environment

_NAMED: Final = {"ir.model.data": "complete_name", "res.users": "name", "account.partial.reconcile": "id"}


class Call(msgspec.Struct, kw_only=True):
    """One call: its context, the companies it may see (the first is the current one), its instant, who makes it."""

    context: Body
    companies: list[int]
    now: datetime
    origin: str = "api"
    lag: float = 0.0

    @property
    def company(self) -> int:
        """The current company's id."""
        return self.companies[0]

    @property
    def today(self) -> str:
        """The day, ISO."""
        return self.now.date().isoformat()


class Model:
    """What one model knows beyond its fields. Methods named in ``methods`` are called by name: signature -> function.

    A signature is ``("ids", "name", "other?")``: with "ids" first it works on records, "?" marks what may be left out.
    """

    def __init__(self, db: Database, name: str) -> None:
        self.db, self.name = db, name

    def methods(self) -> Mapping[str, tuple[tuple[str, ...], Callable[..., Any]]]:
        """The model's own methods."""
        return {}

    def prepared(self, vals: Body) -> Body:
        """Values for a new row, defaults added."""
        return vals

    def made(self, id_: int, vals: Body) -> None:
        """After a row was made."""

    def write(self, id_: int, vals: Body) -> None:
        """Changes a row; commands of x2many fields follow."""
        self.db.store_values(self.name, id_, vals)

    def unlink(self, id_: int) -> None:
        """Deletes a row."""
        self.db.records.remove(self.name, id_)

    def shown(self, id_: int, body: Body, field: str) -> Any:
        """A value that is worked out on reading, or None for those that are kept."""

    def display(self, id_: int, body: Body) -> str:
        """The display name."""
        return str(body.get(_NAMED.get(self.name, "name")) or f"{self.name},{id_}")


class Database:
    """One database of one version. Everything runs inside ``acting``, in a transaction of the store."""

    def __init__(self, env: Environment, settings: Settings) -> None:
        self.env, self.settings, self.version = env, settings, settings.major
        self.records = Records(env.store, self.version)
        self.models: dict[str, Model] = {name: Model(self, name) for name in MODELS}
        self.call = Call(context={}, companies=[1], now=env.clock())
        self.denied: set[str] = set()
        self.pending: set[int] = set()
        self.changed: dict[tuple[str, int], None] = {}
        self.told: Callable[[str, int], None] = lambda _model, _id: None

    # --- who calls ------------------------------------------------------------------------------------------------

    @contextmanager
    def acting(self, context: Body | None = None, *, origin: str = "api", lag: float = 0.0, now: datetime | None = None) -> Iterator[None]:
        """Everything inside is done by this caller. Raises Refusal for companies that are not the user's."""
        before, own = self.call, self.user_companies()
        if not isinstance(context, dict | None):
            raise value_error(f"a context is a dictionary, not {context!r}")
        wanted = (context or {}).get("allowed_company_ids")
        if wanted and not set(wanted) <= set(own):
            raise access_error("Access to unauthorized or invalid companies.")
        self.pending.clear()
        self.changed.clear()
        self.call = Call(
            context=context or {}, companies=list(wanted or own), origin=origin, lag=lag, now=now or self.env.clock()
        )
        try:
            yield
            for model, id_ in self.changed:
                self.told(model, id_)
        finally:
            self.changed.clear()
            self.call = before

    def user_companies(self) -> list[int]:
        """The ids of the companies of the only user."""
        user = self.records.get("res.users", 2)
        return list(user["company_ids"]) if user else [1]

    # --- shapes ---------------------------------------------------------------------------------------------------

    def knows(self, model: str) -> bool:
        """Whether the model is installed."""
        return model in MODELS and (self.settings.pos or model not in MISSING_MODELS)

    def fields(self, model: str) -> Mapping[str, Field]:
        """The fields of a model in this version."""
        return fields_of(model, self.version)

    def check_field(self, model: str, path: str) -> None:
        """Refuses a field that is not there, in the version's words."""
        if not known(model, self.version, path):
            where = f"in '{model}'" if self.version >= 19 else f"on model '{model}'"
            raise value_error(f"Invalid field '{path}' {where}")

    def places(self, currency: int) -> int:
        """Decimal places of a currency."""
        return int((self.records.get("res.currency", currency) or {}).get("places", 2))

    def rounded(self, amount: Decimal, currency: int) -> Decimal:
        """An amount in a currency, half up, away from zero."""
        return amount.quantize(Decimal(1).scaleb(-self.places(currency)), ROUND_HALF_UP)

    def home(self, company: int) -> int:
        """The id of a company's currency."""
        return int((self.records.get("res.company", company) or {})["currency_id"])

    def rate(self, currency: int, company: int, day: str) -> Decimal:
        """Units of the currency for one of the company's, on a day; 1 where no rate was entered."""
        if currency == self.home(company):
            return Decimal(1)
        rates = [b for _i, b in self.records.children("res.currency.rate", currency) if b["company_id"] in (False, company)]
        before = sorted((b for b in rates if b["name"] <= day), key=lambda b: str(b["name"]))
        if before:
            return Decimal(before[-1]["rate"])
        return Decimal(min(rates, key=lambda b: str(b["name"]))["rate"]) if rates else Decimal(1)

    # --- making and changing --------------------------------------------------------------------------------------

    def convert(self, model: str, field: Field, value: Any) -> Any:
        """A value as it is kept. Raises Refusal for what the column cannot hold."""
        empty = value is None or value is False
        kind = field.type
        if kind in ("float", "monetary"):
            return Decimal(0) if empty else exact(value)
        if kind == "boolean":
            return bool(value)
        if kind in ("integer", "many2one_reference"):
            return 0 if empty else int(value)
        if kind in ("many2many", "one2many"):
            return self._linked(field, value)
        if empty or value == "":
            return False
        if kind in ("date", "datetime"):
            return moment(str(value), kind)
        if kind == "selection":
            if field.choices and value not in field.choices:
                raise value_error(f"Wrong value for {model}.{field.name}: {value!r}")
            return str(value)
        if kind == "many2one":
            return self._target(field, value)
        return value if kind == "json" else str(value)

    def _target(self, field: Field, value: Any) -> int:
        if isinstance(value, list | tuple):
            value = value[0]
        if type(value) is not int:
            raise value_error(f"Wrong value for {field.name}: {value!r}")
        if field.relation in MODELS and self.records.get(field.relation, value) is None:
            raise missing(field.relation, value)
        return value

    def _linked(self, field: Field, value: Any) -> list[int]:
        ids: list[int] = []
        for command in value or []:
            if isinstance(command, int):
                ids.append(command)
                continue
            number = command[0]
            if number == 6:
                ids = list(command[2])
            elif number == 4:
                ids.append(command[1])
            elif number in (2, 3):
                ids = [i for i in ids if i != command[1]]
            elif number == 5:
                ids = []
            elif number == 0:
                ids.append(self.create(field.relation, command[2]))
        for id_ in ids:
            if field.relation in MODELS and self.records.get(field.relation, id_) is None:
                raise missing(field.relation, id_)
        return list(dict.fromkeys(ids))

    def create(self, model: str, vals: Body, id_: int = 0, kept: Body | None = None) -> int:
        """Makes a row with its children; its id. ``kept`` are computed values that are simply kept."""
        self.may(model, "create")
        for name in vals:
            self.check_field(model, name)
        handler = self.models[model]
        vals = handler.prepared(dict(vals))
        fields, now = self.fields(model), self._stamp()
        body: Body = {n: self.convert(model, f, None) for n, f in fields.items() if not (f.inverse or n in ("id", "display_name"))}
        body |= {"create_date": now, "write_date": now, "create_uid": 2, "write_uid": 2}
        for name, value in vals.items():
            field = fields[name]
            if not field.inverse and not field.computed:
                body[name] = self.convert(model, field, value)
        body |= kept or {}
        for name, field in fields.items():
            if field.required and not field.computed and not field.inverse and is_empty(field, body.get(name)):
                raise validation_error(required_words(MODELS[model][0], model, name))
        visible = self.env.now() + self.call.lag if self.call.lag else 0.0
        id_ = self.records.insert(model, body, self.call.origin, visible, id_)
        self._commands(model, id_, vals)
        handler.made(id_, vals)
        self.changed[model, id_] = None
        return id_

    def write(self, model: str, id_: int, vals: Body) -> None:
        """Changes a row."""
        self.may(model, "write")
        for name in vals:
            self.check_field(model, name)
        self.seen(model, id_)
        self.models[model].write(id_, dict(vals))

    def store_values(self, model: str, id_: int, vals: Body) -> Body:
        """Keeps values, carries out the commands; the new body."""
        fields = self.fields(model)
        body = dict(self.seen(model, id_))
        for name, value in vals.items():
            field = fields[name]
            if field.computed or field.inverse:
                continue
            if field.type == "many2many" and any(isinstance(c, list | tuple) and c[0] in (2, 3, 4) for c in value or []):
                value = [[6, 0, body.get(name) or []], *value]
            body[name] = self.convert(model, field, value)
        body |= {"write_date": self._stamp(), "write_uid": 2}
        self.records.save(model, id_, body)
        self.changed[model, id_] = None
        self._commands(model, id_, vals)
        return body

    def _commands(self, model: str, id_: int, vals: Body) -> None:
        for name, value in vals.items():
            field = self.fields(model).get(name)
            if field is None or not field.inverse or field.computed:
                continue
            for command in value or []:
                self._command(field, id_, command)

    def _command(self, field: Field, id_: int, command: Any) -> None:
        if isinstance(command, int):
            return
        number, which, *rest = command
        if isinstance(command, Deferred):
            command.carry_out(id_)
        elif number == 0:
            self.create(field.relation, {**rest[0], field.inverse: id_})
        elif number == 1:
            self.write(field.relation, which, rest[0])
        elif number in (2, 3):
            self.unlink(field.relation, which)
        elif number in (5, 6):
            keep = set(rest[0]) if number == 6 and rest and rest[0] else set()
            for child, _body in self.records.children(field.relation, id_):
                if child not in keep:
                    self.unlink(field.relation, child)

    def unlink(self, model: str, id_: int) -> None:
        """Deletes a row."""
        self.may(model, "unlink")
        self.seen(model, id_)
        self.models[model].unlink(id_)

    def touch(self, model: str, id_: int, **values: Any) -> Body:
        """Changes kept values without any rule, with a new write_date."""
        self.changed[model, id_] = None
        return self.records.update(model, id_, **values, write_date=self._stamp())

    def _stamp(self) -> str:
        return self.call.now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

    # --- access ---------------------------------------------------------------------------------------------------

    def may(self, model: str, operation: str) -> None:
        """Refuses what the user's groups do not allow."""
        if self.call.origin == "api" and model in self.denied:
            verbs = {"read": "access", "write": "modify", "create": "create", "unlink": "delete"}
            raise access_error(
                f"You are not allowed to {verbs[operation]} '{MODELS[model][0]}' ({model}) records.\n\n"
                "Contact your administrator to request access if necessary."
            )

    def visible(self, body: Body) -> bool:
        """Whether the call's companies include the row's."""
        own = body.get("company_ids") or ([body["company_id"]] if body.get("company_id") else [])
        return not own or bool(set(own) & set(self.call.companies))

    def seen(self, model: str, id_: int) -> Body:
        """A row that must be there and be allowed."""
        body = self.records.get(model, id_)
        if body is None:
            raise missing(model, id_)
        if model not in ("res.users", "res.company") and not self.visible(body):
            raise access_error(
                "Uh-oh! Looks like you have stumbled upon some top-secret records.\n\n"
                f"Sorry, you don't have 'read' access to:\n- {MODELS[model][0]} ({model})"
            )
        return body

    # --- reading --------------------------------------------------------------------------------------------------

    def search(self, model: str, domain: Any, offset: int = 0, limit: int | None = None, order: str = "") -> list[int]:
        """Ids of the rows that meet a domain, in order."""
        self.may(model, "read")
        terms = list(domain or [])
        if not (self.env.store.get("preference", "ignore_filters") and self.call.origin == "api"):
            found = self._matching(model, terms)
        else:
            found = self.records.rows(model)
        for part in reversed([p.strip() for p in (order or "id").split(",")]):
            name, _, direction = part.partition(" ")
            self.check_field(model, name)
            found.sort(key=lambda row: sortable(self.value(model, row[0], row[1], name)), reverse=direction.strip().lower() == "desc")
        ids = [id_ for id_, _body in found][int(offset or 0) :]
        return ids[: int(limit)] if limit else ids

    def _matching(self, model: str, terms: list[Any]) -> list[tuple[int, Body]]:
        named = any(isinstance(t, list | tuple) and t and t[0] == "active" for t in terms)
        active = "active" in self.fields(model) and not named and self.call.context.get("active_test", True)
        for term in terms:
            if isinstance(term, list | tuple) and term and isinstance(term[0], str):
                self.check_field(model, term[0])
        rows = self.records.rows(model, self.env.now(), **narrowed(model, terms))
        try:
            return [
                (id_, body)
                for id_, body in rows
                if (not active or body.get("active")) and (model == "res.users" or self.visible(body))
                and holds(terms, lambda path: self._path(model, id_, body, path), lambda path: self.check_field(model, path))  # noqa: B023
            ]  # fmt: skip
        except BadDomain as bad:
            raise value_error(str(bad)) from None
        except TypeError as bad:
            raise value_error(f"Invalid domain: {bad}") from None

    def _path(self, model: str, id_: int, body: Body, path: str) -> Any:
        name, _, rest = path.partition(".")
        value = self.value(model, id_, body, name)
        relation = self.fields(model)[name].relation
        if not rest:
            if relation and type(value) is int and value and isinstance(body.get(name), int):
                return Named(value, self.name_of(relation, value))
            return value
        ids = value if isinstance(value, list) else [value] if value else []
        found: list[Any] = []
        for target in ids:
            inner = self.records.get(relation, target)
            if inner is not None:
                deep = self._path(relation, target, inner, rest)
                found += deep if isinstance(deep, list) else [deep]
        return found

    def value(self, model: str, id_: int, body: Body, name: str) -> Any:
        """A field's value as kept: many2one an id, x2many ids, amounts Decimal."""
        if name == "id":
            return id_
        if name == "display_name":
            return self.models[model].display(id_, body)
        shown = self.models[model].shown(id_, body, name)
        if shown is not None:
            return shown
        field = self.fields(model)[name]
        if field.inverse:
            return [child for child, row in self._many(field, id_) if row.get(field.inverse) == id_]
        return body.get(name, self.convert(model, field, None))

    def _many(self, field: Field, id_: int) -> list[tuple[int, Body]]:
        # A reconciliation is kept below its debit; its credit finds it by the value.
        marked = MARK.get(field.relation) == field.inverse
        return self.records.rows(field.relation, mark=[str(id_)]) if marked else self.records.children(field.relation, id_)

    def name_of(self, model: str, id_: int) -> str:
        """The display name of a row of any model."""
        body = self.records.get(model, id_) or {}
        return self.models[model].display(id_, body) if model in self.models else f"{model},{id_}"

    def read(self, model: str, ids: list[int], fields: list[str] | None = None, load: str = "_classic_read") -> list[Body]:
        """Rows as the client sees them; those that are not there are left out."""
        self.may(model, "read")
        names = list(fields or self.fields(model))
        for name in names:
            self.check_field(model, name)
        found = []
        for id_ in ids:
            if self.records.get(model, id_) is None:
                continue
            body = self.seen(model, id_)
            found.append({"id": id_, **{n: self.outward(model, id_, body, n, load) for n in names if n != "id"}})
        return found

    def outward(self, model: str, id_: int, body: Body, name: str, load: str = "_classic_read") -> Any:
        """One value as the client sees it: many2one ``[id, name]``, empty ``false``, amounts with a point."""
        field, value = self.fields(model)[name], self.value(model, id_, body, name)
        if field.type in ("float", "monetary"):
            return with_point(value)
        if field.type == "many2one" and value and load == "_classic_read":
            return [value, self.name_of(field.relation, value)]
        if field.type == "datetime" and value:
            return value[:19]
        return value if value is not None and value != "" else False
