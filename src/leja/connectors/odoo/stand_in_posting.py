"""Posting: numbers, lock dates that move a document's date without a word, drafts again, cancellations."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from leja.connectors.odoo.stand_in_errors import user_error, validation_error
from leja.connectors.odoo.stand_in_orm import Database
from leja.connectors.odoo.stand_in_reconcile import Reconciling
from leja.connectors.odoo.stand_in_records import Body

_SALE: Final = ("out_invoice", "out_refund", "out_receipt")
_PURCHASE: Final = ("in_invoice", "in_refund", "in_receipt")
_TITLES: Final = {
    "out_invoice": "Customer Invoice", "out_refund": "Customer Credit Note", "in_invoice": "Vendor Bill",
    "in_refund": "Vendor Credit Note", "out_receipt": "Sales Receipt", "in_receipt": "Purchase Receipt",
}  # fmt: skip
_MONTHLY: Final = re.compile(r"(.*?)((?:19|20)\d\d)(\D+)(0[1-9]|1[0-2])(\D+)\Z")
_YEARLY: Final = re.compile(r"(.*?)((?:19|20)\d\d)(\D+)\Z")


class Posting:
    """What happens between draft, posted and cancelled."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.reconciling = Reconciling(db, self)

    def account(self, number: int, company: int) -> int:
        """The account of a company that stands for one of the first company's chart."""
        if company == 1:
            return number
        return number + 1000 * (company - 1)

    @staticmethod
    def later(day: str, days: int) -> str:
        """A day some days on."""
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()

    # --- post -----------------------------------------------------------------------------------------------------

    def action_post(self, ids: list[int]) -> bool:
        """Posts drafts; answers false, as the vendor does on success."""
        for id_ in ids:
            self.post(id_)
        return False

    def post(self, id_: int, *, locked: bool = True) -> None:
        """Posts one draft. ``locked`` False: by somebody whom no lock date stops."""
        body = self.db.seen("account.move", id_)
        self._may_post(id_, body)
        today = self.db.call.today
        if body["move_type"] in _SALE and not body["invoice_date"]:
            body = self.db.records.update("account.move", id_, invoice_date=today, date=today)
        moved = self.moved(body) if locked else body["date"]
        if moved != body["date"]:
            body = self.db.records.update("account.move", id_, date=moved)
        name = body["name"] or self._next(body)
        if self._taken(id_, name, body["journal_id"]):
            raise validation_error("Another entry with the same name already exists.")
        prefix, number = _split(name)
        reference = body["payment_reference"] or (name if body["move_type"] == "out_invoice" else False)
        self.db.touch(
            "account.move", id_, state="posted", name=name, posted_before=True, payment_reference=reference,
            sequence_prefix=prefix, sequence_number=number,
        )  # fmt: skip
        self._remember(body, prefix, number, len(name) - len(prefix))
        self._name_term(id_, body, reference)
        self.reconciling.refresh(id_)
        self._settle_reversed(id_, body)

    def _settle_reversed(self, id_: int, body: Body) -> None:
        # A credit note that names what it reverses settles it when it is posted.
        old = self.db.records.get("account.move", body["reversed_entry_id"] or 0)
        if old is None or old["state"] != "posted" or body["move_type"] == "entry":
            return
        both = [*self.db.records.children("account.move.line", body["reversed_entry_id"]), *self.db.records.children("account.move.line", id_)]
        terms = [(i, b) for i, b in both if b["display_type"] == "payment_term" and not b["reconciled"]]
        if len(terms) == 2 and terms[0][1]["account_id"] == terms[1][1]["account_id"]:
            self.reconciling.reconcile([i for i, _b in terms])

    def _may_post(self, id_: int, body: Body) -> None:
        if body["state"] != "draft":
            raise user_error(f"The entry {body['name'] or '/'} (id {id_}) must be in draft.")
        lines = [b for _i, b in self.db.records.children("account.move.line", id_) if b["display_type"] not in ("line_section", "line_note")]
        real = [b for b in lines if b["display_type"] not in ("tax", "payment_term")]
        if not real:
            raise user_error("You need to add a line before posting.")
        currency = self.db.seen("res.currency", body["currency_id"])
        if not currency["active"]:
            raise user_error(f"You cannot validate a document with an inactive currency: {currency['name']}")
        title = _TITLES.get(body["move_type"])
        if title and not body["partner_id"]:
            who = "Customer" if body["move_type"] in _SALE else "Vendor"
            raise user_error(f"The field '{who}' is required, please complete it to validate the {title}.")
        if body["move_type"] in _PURCHASE and not body["invoice_date"]:
            raise user_error("The Bill/Refund date is required to validate this document.")
        if title and body["amount_total"] < 0:
            raise user_error(
                "You cannot validate an invoice with a negative total amount. You should create a credit note instead. Use "
                "the action menu to transform it into a credit note or refund."
            )

    def _name_term(self, id_: int, body: Body, reference: Any) -> None:
        if body["move_type"] == "entry":
            return
        words = " - ".join(w for w in (body["ref"], reference) if w)
        for line, row in self.db.records.children("account.move.line", id_):
            if row["display_type"] == "payment_term":
                self.db.records.update("account.move.line", line, name=words or False)

    # --- lock dates -----------------------------------------------------------------------------------------------

    def lock_date(self, body: Body) -> str:
        """The last closed day for a move of this kind, "" where nothing is closed."""
        company = self.db.seen("res.company", body["company_id"])
        names = ["fiscalyear_lock_date", "hard_lock_date"]
        if self.db.version < 18:
            # Advisers may still post before the period lock date; the API's user is none.
            names.append("period_lock_date")
        journal = self.db.seen("account.journal", body["journal_id"])["type"]
        if journal in ("sale", "purchase"):
            names.append(f"{journal}_lock_date")
        return max((str(company.get(name) or "") for name in names), default="")

    def moved(self, body: Body) -> str:
        """The accounting date that posting gives: the same day unless it is closed.

        Measured: an invoice goes to the first open day, an entry to today's. Where the journal counts by month or year, the
        vendor's source takes the end of that month or year, or today if that comes first.
        """
        lock, today = self.lock_date(body), date.fromisoformat(self.db.call.today)
        if not lock or body["date"] > lock:
            return str(body["date"])
        opened = date.fromisoformat(lock) + timedelta(days=1)
        style = self._style(body)
        kind = "month" if not style or _MONTHLY.match(style[0]) else "year" if _YEARLY.match(style[0]) else "never"
        end = opened
        if kind == "month":
            end = opened.replace(day=calendar.monthrange(opened.year, opened.month)[1])
        elif kind == "year":
            end = opened.replace(month=12, day=31)
        if body["move_type"] in _SALE:
            return (opened if kind == "never" else max(opened, min(today, end))).isoformat()
        if kind == "never":
            return max(opened, today).isoformat() if body["move_type"] == "entry" else opened.isoformat()
        return (end if today > end else max(opened, today)).isoformat()

    def refuse_locked(self, body: Body) -> None:
        """A posted move in a closed period stays as it is."""
        lock = self.lock_date(body)
        if lock and body["date"] <= lock:
            raise user_error(f"You cannot add/modify entries prior to and inclusive of: {lock}.")

    # --- numbers --------------------------------------------------------------------------------------------------

    def _class(self, body: Body) -> str:
        journal = self.db.seen("account.journal", body["journal_id"])
        if body["move_type"] in ("out_refund", "in_refund") and journal["refund_sequence"]:
            return "R"
        return "P" if body.get("of_payment") and journal["payment_sequence"] else ""

    def _style(self, body: Body) -> tuple[str, int] | None:
        kept = self.db.env.store.get("odoo_style", f"{body['journal_id']}/{self._class(body)}")
        return (str(kept[0]), int(kept[1])) if kept else None

    def _next(self, body: Body) -> str:
        """The next number: the last name given in the journal decides how the next one looks, whoever gave it."""
        style, day = self._style(body), str(body["date"])
        if style is None:
            journal = self.db.seen("account.journal", body["journal_id"])
            head = f"{self._class(body)}{journal['code']}/{day[:4]}/"
            yearly = journal["type"] in ("sale", "bank", "cash", "credit")
            style = (head, 5) if yearly else (f"{head}{day[5:7]}/", 4)
        prefix, width = style
        if match := _MONTHLY.match(prefix):
            prefix = f"{match[1]}{day[:4]}{match[3]}{day[5:7]}{match[5]}"
        elif match := _YEARLY.match(prefix):
            prefix = f"{match[1]}{day[:4]}{match[3]}"
        last = self.db.env.store.get("odoo_number", f"{body['journal_id']}/{prefix}") or 0
        return f"{prefix}{last + 1:0{width}d}"

    def _remember(self, body: Body, prefix: str, number: int, width: int) -> None:
        store = self.db.env.store
        store.put("odoo_style", f"{body['journal_id']}/{self._class(body)}", [prefix, width])
        key = f"{body['journal_id']}/{prefix}"
        store.put("odoo_number", key, max(number, store.get("odoo_number", key) or 0))
        store.put("odoo_name", f"{body['journal_id']}/{prefix}{number:0{width}d}", True)

    def _taken(self, id_: int, name: str, journal: int) -> bool:
        if self.db.env.store.get("odoo_name", f"{journal}/{name}") is None:
            return False
        return any(
            i != id_ and b["name"] == name and b["journal_id"] == journal and b["state"] == "posted"
            for i, b in self.db.records.rows("account.move")
        )

    def is_last(self, body: Body) -> bool:
        """Whether no later number of the same series was given."""
        last = self.db.env.store.get("odoo_number", f"{body['journal_id']}/{body['sequence_prefix']}")
        return bool(last == body["sequence_number"])

    # --- back and away --------------------------------------------------------------------------------------------

    def button_draft(self, ids: list[int]) -> None:
        """Resets posted and cancelled moves; their reconciliations are undone."""
        for id_ in ids:
            body = self.db.seen("account.move", id_)
            if body["state"] not in ("posted", "cancel"):
                raise user_error("Only posted/cancelled journal entries can be reset to draft.")
            if body["state"] == "posted":
                self.refuse_locked(body)
            self.to_draft(id_)

    def to_draft(self, id_: int) -> None:
        """Resets one move without asking."""
        self.reconciling.undo([line for line, _b in self.db.records.children("account.move.line", id_)])
        self.db.touch("account.move", id_, state="draft")
        self.reconciling.refresh(id_)

    def button_cancel(self, ids: list[int]) -> None:
        """Cancels drafts; posted ones are reset first."""
        for id_ in ids:
            if self.db.seen("account.move", id_)["state"] == "posted":
                self.button_draft([id_])
            if self.db.seen("account.move", id_)["state"] != "draft":
                raise user_error("Only draft journal entries can be cancelled.")
            self.db.touch("account.move", id_, state="cancel")

    def flush(self) -> None:
        """The end of a call: whatever it touched must balance."""
        touched, self.db.pending = self.db.pending, set()
        for id_ in sorted(touched):
            lines = self.db.records.children("account.move.line", id_)
            if sum((b["balance"] for _i, b in lines), Decimal(0)):
                raise user_error(self._unbalanced(id_, [b for _i, b in lines]))

    def _unbalanced(self, id_: int, lines: list[Body]) -> str:
        if self.db.version >= 18:
            return "The entry is not balanced."
        body = self.db.seen("account.move", id_)
        debit, credit = (sum((b[side] for b in lines), Decimal(0)) for side in ("debit", "credit"))
        return (
            f"The move ({body['name'] or '/'}) is not balanced.\nThe total of debits equals {debit} and the total of credits "
            f"equals {credit}.\nYou might want to specify a default account on journal to automatically balance each move."
        )


def _split(name: str) -> tuple[str, int]:
    digits = re.search(r"\d{1,18}\Z", name)
    return (name[: digits.start()], int(digits.group())) if digits else (name, 0)


