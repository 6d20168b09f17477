"""Reconciliation: which items settle one another, what stays open, and the exchange difference between them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from leja.connectors.odoo import stand_in_chart as chart
from leja.connectors.odoo.stand_in_errors import user_error
from leja.connectors.odoo.stand_in_orm import Database
from leja.connectors.odoo.stand_in_records import Body

if TYPE_CHECKING:
    from leja.connectors.odoo.stand_in_posting import Posting

_LINE: Final = "account.move.line"
_PARTIAL: Final = "account.partial.reconcile"
_ZERO: Final = Decimal(0)


class Reconciling:
    """Partial reconciliations and what they leave open."""

    def __init__(self, db: Database, posting: Posting) -> None:
        self.db, self._posting = db, posting

    def reconcile(self, ids: list[int]) -> None:
        """Settles debit items against credit items of one account, oldest first. Raises a UserError."""
        lines = [(id_, self.db.seen(_LINE, id_)) for id_ in dict.fromkeys(ids)]
        if not lines:
            return
        if any(b["reconciled"] for _i, b in lines):
            raise user_error("You are trying to reconcile some entries that are already reconciled.")
        if len({b["account_id"] for _i, b in lines}) > 1:
            raise user_error("Entries are not from the same account.")
        if any(self._state(b) != "posted" for _i, b in lines):
            raise user_error("You can only reconcile posted entries.")
        if not self._open_account(lines[0][1]):
            account = self.db.seen("account.account", lines[0][1]["account_id"])
            raise user_error(f"Account {account['code']} {account['name']} does not allow reconciliation.")
        ordered = sorted(lines, key=lambda row: (self._move(row[1])["date"], row[0]))
        for debit in [i for i, b in ordered if b["balance"] > 0]:
            for credit in [i for i, b in ordered if b["balance"] < 0]:
                self._match(debit, credit)
        self._close([i for i, _b in lines])
        for move in dict.fromkeys(b["move_id"] for _i, b in lines):
            self.refresh(move)

    def _match(self, debit: int, credit: int) -> None:
        owes, pays = self.db.seen(_LINE, debit), self.db.seen(_LINE, credit)
        one = owes["currency_id"] == pays["currency_id"]
        if one:
            amount = min(owes["amount_residual_currency"], -pays["amount_residual_currency"])
            parts = self._share(owes, amount), self._share(pays, amount)
            home, foreign = min(parts), (amount, amount)
        else:
            home = min(owes["amount_residual"], -pays["amount_residual"])
            foreign = self._foreign(owes, home), self._foreign(pays, home)
        if home <= 0 and foreign[0] <= 0:
            return
        self.db.create(_PARTIAL, {
            "debit_move_id": debit, "credit_move_id": credit, "amount": home, "debit_amount_currency": foreign[0],
            "credit_amount_currency": foreign[1],
        })  # fmt: skip
        for line in (debit, credit):
            self._residual(line)

    def _share(self, line: Body, amount: Decimal) -> Decimal:
        open_foreign, open_home = _open(line)
        if amount == open_foreign:
            return open_home
        return self.db.rounded(open_home * amount / open_foreign, self._home(line)) if open_foreign else _ZERO

    def _foreign(self, line: Body, home: Decimal) -> Decimal:
        open_foreign, open_home = _open(line)
        if home == open_home:
            return open_foreign
        return self.db.rounded(open_foreign * home / open_home, line["currency_id"]) if open_home else _ZERO

    def _close(self, ids: list[int]) -> None:
        """A group that is settled gets its number; in a foreign currency the difference at home gets a move."""
        lines = [(i, self.db.seen(_LINE, i)) for i in ids]
        for id_, body in lines:
            if body["currency_id"] != self._home(body) and not body["amount_residual_currency"] and body["amount_residual"]:
                self._exchange(id_, body)
        group = self._group(ids)
        bodies = [self.db.seen(_LINE, i) for i in group]
        if any(b["amount_residual"] or b["amount_residual_currency"] for b in bodies):
            partials = self._partials(group)
            for id_ in group if partials else ():
                self.db.touch(_LINE, id_, matching_number=f"P{min(partials)}")
            return
        full = self.db.create("account.full.reconcile", {})
        for partial in self._partials(group):
            self.db.records.update(_PARTIAL, partial, full_reconcile_id=full)
        for id_ in group:
            self.db.touch(_LINE, id_, full_reconcile_id=full, matching_number=str(full))

    def _exchange(self, line: int, body: Body) -> None:
        gap, company = body["amount_residual"], self._move(body)["company_id"]
        other = self._posting.account(chart.FX_LOSS if gap > 0 else chart.FX_GAIN, company)
        shared = {"currency_id": body["currency_id"], "amount_currency": _ZERO, "partner_id": body["partner_id"]}
        move = self.db.create("account.move", {
            "move_type": "entry", "journal_id": chart.EXCHANGE_JOURNAL, "date": self._latest(line),
            "line_ids": [[0, 0, {**shared, "account_id": body["account_id"], "balance": -gap, "name": "Currency exchange rate difference"}],
                         [0, 0, {**shared, "account_id": other, "balance": gap, "name": "Currency exchange rate difference"}]],
        })  # fmt: skip
        self._posting.post(move)
        twin = next(i for i, b in self.db.records.children(_LINE, move) if b["account_id"] == body["account_id"])
        debit, credit = (line, twin) if gap > 0 else (twin, line)
        partial = self.db.create(_PARTIAL, {"debit_move_id": debit, "credit_move_id": credit, "amount": abs(gap)})
        self.db.records.update(_PARTIAL, partial, exchange_move_id=move)
        for id_ in (line, twin):
            self._residual(id_)

    def _latest(self, line: int) -> str:
        days = [self._move(self.db.seen(_LINE, i))["date"] for i in self._group([line])]
        return str(max(days))

    def undo(self, ids: list[int]) -> None:
        """Takes these items out of their reconciliations; exchange moves are reversed."""
        for id_ in ids:
            for partial in self._partials([id_]):
                body = self.db.seen(_PARTIAL, partial)
                group = self._group([id_])
                self.db.records.remove(_PARTIAL, partial)
                for line in group:
                    self.db.touch(_LINE, line, full_reconcile_id=False, matching_number=False)
                    self._residual(line)
                if body["exchange_move_id"]:
                    self._reverse_exchange(body["exchange_move_id"])
                for move in {self.db.seen(_LINE, line)["move_id"] for line in group}:
                    self.refresh(move)

    def _reverse_exchange(self, move: int) -> None:
        body = self.db.seen("account.move", move)
        lines = [
            [0, 0, {"account_id": b["account_id"], "balance": -b["balance"], "amount_currency": _ZERO, "name": b["name"],
                    "currency_id": b["currency_id"], "partner_id": b["partner_id"]}]
            for _i, b in self.db.records.children(_LINE, move)
        ]  # fmt: skip
        vals = {"move_type": "entry", "journal_id": body["journal_id"], "date": body["date"], "line_ids": lines,
                "reversed_entry_id": move, "ref": f"Reversal of: {body['name']}"}  # fmt: skip
        self._posting.post(self.db.create("account.move", vals))

    # --- what is open ---------------------------------------------------------------------------------------------

    def refresh(self, move: int) -> None:
        """Works out again what of a move is open, and its payment state."""
        body = self.db.seen("account.move", move)
        open_home = open_foreign = _ZERO
        terms = []
        for id_, line in self.db.records.children(_LINE, move):
            line = self._residual(id_)
            if line["display_type"] == "payment_term":
                terms.append(id_)
                open_home += line["amount_residual"]
                open_foreign += line["amount_residual_currency"]
        if body["move_type"] == "entry":
            return
        state = self._payment_state(body, terms, abs(open_foreign))
        self.db.touch(
            "account.move", move, amount_residual=abs(open_foreign), amount_residual_signed=open_home, payment_state=state
        )

    def _payment_state(self, body: Body, terms: list[int], left: Decimal) -> str:
        if body["state"] != "posted":
            return "not_paid"
        if left:
            return "partial" if left != body["amount_total"] else "not_paid"
        if not body["amount_total"]:
            return "paid"
        others = [self._move(self.db.seen(_LINE, i)) for i in self._group(terms) if i not in terms]
        if others and all(o["move_type"] in ("out_refund", "in_refund", "out_invoice", "in_invoice") for o in others):
            return "reversed" if body["move_type"] in ("out_invoice", "in_invoice") else "paid"
        waiting = any(o.get("of_payment") for o in others) and self.db.settings.outstanding
        return "in_payment" if waiting else "paid"

    def _residual(self, id_: int) -> Body:
        body = self.db.seen(_LINE, id_)
        home, foreign = body["balance"], body["amount_currency"]
        if not self._open_account(body):
            return self.db.records.update(_LINE, id_, amount_residual=_ZERO, amount_residual_currency=_ZERO, reconciled=False)
        for _p, part in self.db.records.rows(_PARTIAL, parent=[id_]):
            home -= part["amount"]
            foreign -= part["debit_amount_currency"]
        for _p, part in self.db.records.rows(_PARTIAL, mark=[str(id_)]):
            home += part["amount"]
            foreign += part["credit_amount_currency"]
        settled = not home and not foreign and self._state(body) == "posted" and bool(body["balance"] or self._partials([id_]))
        return self.db.records.update(_LINE, id_, amount_residual=home, amount_residual_currency=foreign, reconciled=settled)

    def _open_account(self, line: Body) -> bool:
        account = self.db.records.get("account.account", line["account_id"] or 0) or {}
        return bool(account.get("reconcile")) or account.get("account_type") in ("asset_cash", "liability_credit_card")

    def _partials(self, lines: list[int]) -> list[int]:
        found = [i for i, _b in self.db.records.rows(_PARTIAL, parent=lines)] if lines else []
        found += [i for i, _b in self.db.records.rows(_PARTIAL, mark=[str(i) for i in lines])] if lines else []
        return list(dict.fromkeys(found))

    def _group(self, lines: list[int]) -> list[int]:
        group, fresh = list(dict.fromkeys(lines)), list(lines)
        while fresh:
            ends: list[int] = []
            for partial in self._partials(fresh):
                body = self.db.seen(_PARTIAL, partial)
                ends += [body["debit_move_id"], body["credit_move_id"]]
            fresh = [e for e in dict.fromkeys(ends) if e not in group]
            group += fresh
        return group

    def settled_with(self, move: int) -> list[int]:
        """The other moves that the items of a move are reconciled with."""
        lines = [i for i, _b in self.db.records.children(_LINE, move)]
        group = [i for i in self._group(lines) if i not in lines]
        return list(dict.fromkeys(self.db.seen(_LINE, i)["move_id"] for i in group))

    def _move(self, line: Body) -> Body:
        return self.db.records.get("account.move", line["move_id"]) or {}

    def _state(self, line: Body) -> Any:
        return self._move(line).get("state")

    def _home(self, line: Body) -> int:
        return self.db.home(self._move(line)["company_id"])


def _open(line: Body) -> tuple[Decimal, Decimal]:
    return abs(line["amount_residual_currency"]), abs(line["amount_residual"])
