"""The control of the stand-in: what a bookkeeper or a salesperson over there, or a test, does behind the API's back.

Kinds of documents: ``account.move`` and ``account.payment`` (whose moves are not listed apart); ids are database ids.
"""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any, Final

from leja.connectors.odoo.stand_in_errors import Refusal
from leja.connectors.odoo.stand_in_methods import Methods
from leja.connectors.odoo.stand_in_moves import Moves
from leja.connectors.odoo.stand_in_orm import Database
from leja.connectors.odoo.stand_in_payments import Payments
from leja.connectors.odoo.stand_in_records import Body
from leja.connectors.odoo.stand_in_sales import SaleOrders
from leja.connectors.odoo.stand_in_till import Till
from leja_sandbox.kit import StandIn

_MOVE, _PAYMENT, _LINE = "account.move", "account.payment", "account.move.line"
_NAMES: Final = (
    "grant", "books", "documents", "document", "alter", "void", "delete", "foreign", "lock", "deactivate", "ignore_filters",
    "rounding", "deny", "conflicts", "expire_keys", "revoke_keys", "set_rate",
)  # fmt: skip


def sums(db: Database, origin: str | None, until: str = "9999-12-31") -> dict[tuple[str, str, str], tuple[int, int]]:
    """``(account id, day, currency)`` -> minor units in the currency and at home, of posted moves of that origin."""
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    wanted = {
        i: b for i, b in db.records.rows(_MOVE)
        if b["state"] == "posted" and b["date"] <= until and origin in (None, db.records.origin(_MOVE, i))
    }  # fmt: skip
    for _line, body in db.records.rows(_LINE):
        move = wanted.get(body["move_id"])
        if move is None or not body["account_id"]:
            continue
        account, currency, minor, home = _posting(db, move, body)
        key = (account, move["date"], currency)
        before = found.get(key, (0, 0))
        found[key] = (before[0] + minor, before[1] + home)
    return found


def _posting(db: Database, move: Body, line: Body) -> tuple[str, str, int, int]:
    currency = db.seen("res.currency", line["currency_id"])
    minor = int(line["amount_currency"].scaleb(int(currency["places"])))
    home = int(line["balance"].scaleb(db.places(db.home(move["company_id"]))))
    return str(line["account_id"]), str(currency["name"]), minor, home


class _Hand:
    """The actions; each raises ValueError or KeyError with its reason."""

    def __init__(self, db: Database, moves: Moves, payments: Payments, methods: Methods) -> None:
        self.db, self._moves, self._payments, self._methods = db, moves, payments, methods

    def grant(self) -> dict[str, str]:
        """A new API key, and what else a connection needs."""
        key = secrets.token_hex(20)
        self.db.env.store.put("preference", "password_changed", False)
        self.db.env.store.put("odoo_key", key, {"until": self.db.env.now() + 86400 * self.db.settings.key_days})
        settings = self.db.settings
        return {"api_key": key, "database": settings.database, "login": settings.login, "uid": "2", "company_id": "1"}

    def books(self, origin: str | None = None, until: str = "9999-12-31") -> list[dict[str, Any]]:
        """The whole ledger by account, day, currency and origin, in minor units, debit positive."""
        rows = []
        for which in (origin,) if origin else ("api", "foreign"):
            for (account, day, currency), (minor, home) in sorted(sums(self.db, which, until).items()):
                name = self.db.name_of("account.account", int(account))
                rows.append({"account": account, "name": name, "day": day, "currency": currency, "minor": minor,
                             "home_minor": home, "origin": which})  # fmt: skip
        return rows

    def documents(self, kind: str = "", origin: str = "api") -> list[dict[str, Any]]:
        """The documents there, deleted and cancelled ones marked."""
        rows = []
        for which in (kind,) if kind else (_MOVE, _PAYMENT):
            for id_, body in self.db.records.rows(which):
                if origin in ("", self.db.records.origin(which, id_)) and not body.get("of_payment"):
                    rows.append(self._summary(which, id_, body))
            rows += [g for g in self.db.env.store.each("odoo_gone") if g["kind"] == which and origin in ("", g["origin"])]
        return rows

    def _summary(self, kind: str, id_: int, body: Body) -> dict[str, Any]:
        payment = kind == _PAYMENT
        number = self._payments.shown(id_, body, "name") if payment else body["name"]
        dead = body["state"] in ("cancel", "canceled")
        return {"kind": kind, "id": str(id_), "number": number or "", "note": body.get("memo" if payment else "ref", body.get("ref")) or "",
                "day": body["date"], "total": str(body["amount"] if payment else body["amount_total"]),
                "currency": self.db.seen("res.currency", body["currency_id"])["name"], "origin": self.db.records.origin(kind, id_),
                "status": "VOIDED" if dead else body["state"], "move": body["move_id"] if payment else id_,
                "external_ids": self.db.records.externals_of(kind, id_)}  # fmt: skip

    def document(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """One document with its body and its postings."""
        body = self._body(kind, id)
        move = body["move_id"] if kind == _PAYMENT else int(id)
        head = self.db.records.get(_MOVE, move or 0) or {}
        lines = [b for _i, b in self.db.records.children(_LINE, move or 0) if b["account_id"]] if head.get("state") == "posted" else []
        postings = []
        for line in lines:
            account, currency, minor, home = _posting(self.db, head, line)
            postings.append({"account": account, "day": head["date"], "currency": currency, "minor": minor, "home_minor": home})
        with self.db.acting({}):
            page = self.db.read(kind, [int(id)])[0]
        return {**self._summary(kind, int(id), body), "body": page, "postings": postings}

    def _body(self, kind: str, id_: str) -> Body:
        body = self.db.records.get(kind, int(id_)) if kind in (_MOVE, _PAYMENT) else None
        if body is None:
            raise ValueError(f"there is no {kind} {id_}")
        return body

    def alter(
        self,
        kind: str,
        id: str,  # noqa: A002
        amount: str | None = None,
        day: str | None = None,
        account: str | None = None,
        line: int = 0,
    ) -> dict[str, Any]:
        """Edits an accepted document: a line's (or a payment's) amount, its day, or the account it rests on."""
        body = self._body(kind, id)
        move = int(body["move_id"] if kind == _PAYMENT else id)
        with self.db.acting({}, origin="hand"):
            settled = self._moves.posting.reconciling.settled_with(move)
            self._moves.posting.to_draft(move)
            if amount is not None:
                self._set_amount(move, Decimal(amount), line, kind)
            if day is not None:
                self.db.records.update(_MOVE, move, date=day, **({"invoice_date": day} if self._move_type(move) != "entry" else {}))
                self._moves.recompute(move)
            if account is not None:
                self.db.write(_LINE, self._lines(move)[line], {"account_id": int(account)})
            self._moves.posting.flush()
            self._moves.posting.post(move, locked=False)
            self._again(move, settled)
            if kind == _PAYMENT:
                lines = self.db.records.children(_LINE, move)
                total = max(abs(b["amount_currency"]) for _i, b in lines)
                self.db.touch(_PAYMENT, int(id), amount=total, date=self.db.seen(_MOVE, move)["date"])
        return self.document(kind, id)

    def _move_type(self, move: int) -> str:
        return str(self.db.seen(_MOVE, move)["move_type"])

    def _lines(self, move: int) -> list[int]:
        return [i for i, b in self.db.records.children(_LINE, move) if b["display_type"] == "product"]

    def _set_amount(self, move: int, amount: Decimal, line: int, kind: str) -> None:  # noqa: ARG002
        lines = self._lines(move)
        if self._move_type(move) != "entry":
            self.db.write(_LINE, lines[line], {"price_unit": amount, "quantity": 1, "discount": 0})
            return
        chosen = self.db.seen(_LINE, lines[line])
        signed = abs(amount) if chosen["amount_currency"] >= 0 else -abs(amount)
        other = next(i for i in lines if i != lines[line] and self.db.seen(_LINE, i)["amount_currency"] * signed <= 0)
        gap = signed - chosen["amount_currency"]
        changed = {lines[line]: signed, other: self.db.seen(_LINE, other)["amount_currency"] - gap}
        for id_, value in changed.items():
            self.db.write(_LINE, id_, {"amount_currency": value})

    def _again(self, move: int, settled: list[int]) -> None:
        # Whoever edits a settled document settles it again, as far as it goes.
        for other in settled:
            mine = {b["account_id"]: i for i, b in self.db.records.children(_LINE, move) if not b["reconciled"]}
            for line, body in self.db.records.children(_LINE, other):
                if body["account_id"] in mine and body["amount_residual"] and self.db.seen(_MOVE, other)["state"] == "posted":
                    self._moves.posting.reconciling.reconcile([mine[body["account_id"]], line])

    def void(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Cancels a document over there."""
        body = self._body(kind, id)
        with self.db.acting({}, origin="hand"):
            move = int(body["move_id"] if kind == _PAYMENT else id)
            self._moves.posting.to_draft(move)
            self._moves.posting.button_cancel([move])
            if kind == _PAYMENT:
                self.db.touch(_PAYMENT, int(id), state="canceled" if self.db.version >= 18 else "cancel")
        return self.document(kind, id)

    def delete(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Deletes a document over there: reset to draft, then unlinked. A sales order may be deleted as well."""
        if kind == "sale.order":
            self.db.touch(kind, int(id), state="cancel")
            self.db.models[kind].unlink(int(id))
            return {"kind": kind, "id": id, "gone": True}
        body = self._body(kind, id)
        gone = {**self._summary(kind, int(id), body), "gone": True}
        with self.db.acting({}, origin="hand"):
            move = int(body["move_id"] if kind == _PAYMENT else id)
            self._moves.posting.to_draft(move)
            self._moves.erase(move)
            self.db.records.remove(kind, int(id))
        self.db.env.store.put("odoo_gone", f"{kind}/{id}", gone)
        return gone

    def foreign(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody types a document over there and posts it."""
        try:
            with self.db.acting({}, origin="foreign"):
                id_ = self.db.create(kind, dict(body))
                self._moves.posting.flush()
                if kind == _MOVE:
                    self._moves.posting.post(id_, locked=False)
                elif kind == _PAYMENT:
                    self._payments.action_post([id_])
        except Refusal as refusal:
            raise ValueError(refusal.message) from None
        return self.document(kind, str(id_)) if kind in (_MOVE, _PAYMENT) else {"kind": kind, "id": str(id_)}

    def lock(self, day: str = "") -> dict[str, str]:
        """Closes the books up to and including ``day``; "" opens them."""
        self.db.touch("res.company", 1, fiscalyear_lock_date=day or False)
        return {"fiscalyear_lock_date": day}

    def deactivate(self, kind: str, id: str, active: bool = False) -> dict[str, Any]:  # noqa: A002
        """Archives an account, a partner or a product (or brings it back)."""
        if self.db.records.get(kind, int(id)) is None:
            raise ValueError(f"there is no {kind} {id}")
        old = kind == "account.account" and self.db.version < 19
        self.db.touch(kind, int(id), **({"deprecated": not active} if old else {"active": active}))
        return {"id": id, "active": active}

    def ignore_filters(self, on: bool = True) -> dict[str, bool]:
        """Searches answer everything."""
        self.db.env.store.put("preference", "ignore_filters", on)
        return {"on": on}

    def rounding(self, globally: bool = False) -> dict[str, str]:
        """Tax rounded on the document's sum instead of per line, from now on."""
        method = "round_globally" if globally else "round_per_line"
        self.db.touch("res.company", 1, tax_calculation_rounding_method=method)
        return {"tax_calculation_rounding_method": method}

    def deny(self, model: str, denied: bool = True) -> dict[str, list[str]]:
        """The user's groups do not allow a model (any more)."""
        (self.db.denied.add if denied else self.db.denied.discard)(model)
        return {"denied": sorted(self.db.denied)}

    def conflicts(self, times: int = 1) -> dict[str, int]:
        """The next ``times`` loads lose against another transaction."""
        self.db.env.store.put("preference", "conflicts", times)
        return {"conflicts": times}

    def expire_keys(self) -> dict[str, str]:
        """Every API key has reached its end, as each does after three months."""
        for (key,) in self.db.env.store.execute("SELECT id FROM record WHERE kind = 'odoo_key'"):
            self.db.env.store.put("odoo_key", key, {"until": 0})
        return {"keys": "expired"}

    def revoke_keys(self) -> dict[str, str]:
        """The user deletes the keys and changes the password."""
        self.expire_keys()
        self.db.env.store.put("preference", "password_changed", True)
        return {"keys": "revoked"}

    def set_rate(self, currency: str, day: str, rate: str) -> dict[str, str]:
        """A rate of a day: units for one of the home currency."""
        with self.db.acting({}, origin=""):
            id_ = self.db.search("res.currency", [["name", "=", currency]])[0]
            self.db.create("res.currency.rate", {"name": day, "rate": rate, "currency_id": id_, "company_id": 1})
        return {"currency": currency, "day": day, "rate": rate}


def hand(stand_in: StandIn, db: Database, moves: Moves, payments: Payments, orders: SaleOrders, methods: Methods) -> None:
    """Adds the actions to the stand-in's control."""
    actions = _Hand(db, moves, payments, methods)
    for name in _NAMES:
        stand_in.control.action(name)(getattr(actions, name))
    Till(db, moves, orders).hand(stand_in)
