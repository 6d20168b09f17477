"""The control of the stand-in: what a bookkeeper over there, or a test, does behind the API's back.

Kinds are entity sets (Invoices, JournalEntries), ids their keys.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any, Final

from leja.connectors.sap_b1.stand_in_actions import Actions
from leja.connectors.sap_b1.stand_in_books import Entry
from leja.connectors.sap_b1.stand_in_company import MARKETING, PAYMENTS, Company
from leja.connectors.sap_b1.stand_in_records import Stored, encoded
from leja.connectors.sap_b1.stand_in_shapes import NO, YES, Refused
from leja_sandbox.kit import StandIn

KINDS: Final = (*MARKETING, *PAYMENTS, "JournalEntries")
# Where a caller may have left a mark of its own; the control shows all of it as the document's note.
_SAID: Final = (
    "NumAtCard", "Comments", "Remarks", "Memo", "Reference", "Reference1", "Reference2", "Reference3", "CounterReference",
    "TransferReference", "JournalMemo", "JournalRemarks",
)  # fmt: skip


class _Hand:
    """The actions; each raises ValueError with its reason."""

    def __init__(self, company: Company, actions: Actions) -> None:
        self._company, self._actions = company, actions

    def grant(self) -> dict[str, str]:
        """What an administrator types into Leja: the database, a user, a password."""
        settings = self._company.settings
        return {"CompanyDB": settings.company_db, "UserName": settings.user, "Password": settings.password}

    def books(self, origin: str | None = None, until: str = "9999-12-31") -> list[dict[str, Any]]:
        """The whole ledger by account, day, currency and origin (api or foreign), in minor units, debit positive."""
        names = {a.id: a.body["Name"] for a in self._company.records.each("ChartOfAccounts")}
        return [
            {"account": account, "name": names[account], "day": day.isoformat(), "currency": currency, "minor": minor,
             "home_minor": home, "origin": which}
            for account, day, currency, minor, home, which in self._company.records.sums(origin, until)
        ]  # fmt: skip

    def documents(self, kind: str = "", origin: str = "api") -> list[dict[str, Any]]:
        """The documents there; of the journal entries those that stand for themselves."""
        return [
            self._summary(stored)
            for each in ([kind] if kind else KINDS)
            for stored in self._company.records.each(each)
            if origin in ("", stored.origin)
            and stored.body.get("OriginalJournal", "ttJournalEntry") == "ttJournalEntry"
        ]

    def document(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002 - the word of the control's JSON
        """One document with its body and its postings."""
        stored = self._stored(kind, id)
        jdt = self._entry(stored)
        found = self._company.records.find("JournalEntries", jdt or 0)
        day = found.body["ReferenceDate"] if found else ""
        postings = [
            {"account": li.account, "day": day, "currency": li.currency, "minor": li.minor, "home_minor": li.local}
            for li in self._company.records.lines_of(jdt)
        ]
        return {**self._summary(stored), "body": stored.body, "postings": postings}

    def alter(
        self, kind: str, id: str, amount: str | None = None, day: str | None = None,  # noqa: A002
        account: str | None = None, line: int = 0, note: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Changes a posted document's amount, day or account as only a repair in the database can: no screen lets one.

        ``note`` changes what a bookkeeper may change: the remarks (the memo of a journal entry).
        """
        stored = self._stored(kind, id)
        body = copy.deepcopy(stored.body)
        if note is not None:
            body[{"JournalEntries": "Memo"}.get(kind, "Remarks" if kind in PAYMENTS else "Comments")] = note
        if amount is not None:
            _set_amount(kind, body, Decimal(amount), line)
        if account is not None:
            _set_account(kind, body, account, line)
        if day is not None:
            body["ReferenceDate" if kind == "JournalEntries" else "DocDate"] = day
        try:
            self._rewrite(stored, body)
        except Refused as problem:
            raise ValueError(problem.words) from None
        return self.document(kind, id)

    def void(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Cancels a document over there: a cancellation document or a reversing entry is made."""
        stored = self._stored(kind, id)
        try:
            if kind in PAYMENTS:
                self._actions.cancel_payment(stored, foreign=True)
            elif kind == "JournalEntries":
                self._actions.cancel_journal(stored, foreign=True)
            elif kind == "Orders":
                self._actions.run(stored, "Cancel", {})
            else:
                self._actions.cancel_document(stored, {}, foreign=True)
        except Refused as problem:
            raise ValueError(problem.words) from None
        return self.document(kind, id)

    def foreign(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody types a document over there: it is a foreign entry. Amounts are given as text."""
        try:
            return self._summary(self._company.add(kind, body, origin="foreign"))
        except Refused as problem:
            raise ValueError(problem.words) from None

    def lock(self, day: str = "") -> dict[str, str]:
        """Locks the posting periods up to and including ``day``; "" opens them."""
        self._company.books.prefer("lock_date", day)
        return {"lock_date": day}

    def period(self, month: str, status: str = "ltUnlocked") -> dict[str, str]:
        """Sets the status of one posting period, ``2026-06``: ltUnlocked, ltUnlockedExceptSales, ltPeriodClosing, ltLocked."""
        if status not in ("ltUnlocked", "ltUnlockedExceptSales", "ltPeriodClosing", "ltLocked"):
            raise ValueError(f"{status} is no status of a period")
        self._company.books.prefer(f"period/{month}", status)
        return {"month": month, "status": status}

    def deactivate(
        self,
        kind: str = "ChartOfAccounts",
        id: str = "",  # noqa: A002
        code: str = "",
        active: bool = False,
    ) -> dict[str, Any]:
        """Makes an account, item or partner inactive, or active again."""
        stored = self._stored(kind, code or id)
        field = "FrozenFor" if kind == "ChartOfAccounts" else "Frozen"
        self._company.records.put(kind, stored.id, {**stored.body, field: NO if active else YES})
        return {"id": stored.id, "active": active}

    def rounding(self, per_document: bool = False) -> dict[str, bool]:
        """Tax on the sum of each tax group instead of per row, from now on."""
        self._company.books.prefer("group_lines_in_vat", per_document)
        return {"per_document": per_document}

    def approval(self, on: bool = True) -> dict[str, bool]:
        """An approval procedure stops every document from now on: it becomes a draft."""
        self._company.books.prefer("approval", on)
        return {"approval": on}

    def rate(self, currency: str, day: str, rate: str) -> dict[str, str]:
        """Enters an exchange rate for a day."""
        self._company.books.set_rate(day, currency, Decimal(rate))
        return {"currency": currency, "day": day, "rate": rate}

    def restart(self) -> dict[str, str]:
        """Service Layer starts again: sessions end, new user-defined fields and tables can be used."""
        self._company.user_fields.load()
        return self.expire_tokens()

    def expire_tokens(self) -> dict[str, str]:
        """Every session is over now."""
        self._company.records.store.execute("DELETE FROM sap_session")
        return {"sessions": "expired"}

    def revoke_tokens(self) -> dict[str, str]:
        """The user is locked: no session, no new login."""
        self._company.books.prefer("user_locked", True)
        return self.expire_tokens()

    # --- within ---------------------------------------------------------------------------------------------------

    def _stored(self, kind: str, id_: str) -> Stored:
        stored = self._company.records.find(kind, id_)
        if stored is None:
            raise ValueError(f"there is no {kind} {id_}")
        return stored

    def _entry(self, stored: Stored) -> int:
        if stored.kind == "JournalEntries":
            return int(stored.id)
        if stored.kind in PAYMENTS:
            return self._actions.entry_of(stored)
        return int(stored.body.get("TransNum") or 0)

    def _rewrite(self, stored: Stored, body: dict[str, Any]) -> None:
        company, kind = self._company, stored.kind
        jdt = self._entry(stored)
        if kind == "JournalEntries":
            entry = company.journals.build(body)
        elif kind in PAYMENTS:
            for to_kind, to_id in company.records.unapply(kind, stored.id):
                company.settle(to_kind, to_id)
            built = company.payments.build(kind, body)
            entry, body = built.entry, built.body
            for each in built.applied:
                home = int(abs(each.local).scaleb(company.settings.places(company.settings.local_currency)))
                company.records.apply(kind, stored.id, each.kind, each.id, each.minor, home)
                company.settle(each.kind, each.id)
        else:
            changed = stored.body["DocumentLines"]
            body["DocumentLines"] = [
                row if row != before else _again(row, body, company.settings.local_currency)
                for row, before in zip(body["DocumentLines"], changed, strict=True)
            ]
            document = company.documents.build(kind, body, company.books.partner(body["CardCode"], "OINV.CardCode"))
            body = document.body
            memo = company.records.find("JournalEntries", jdt)
            head = {"Memo": memo.body["Memo"], "Reference": memo.body["Reference"]} if memo else {}
            entry = Entry(body["DocDate"], document.currency, document.rate, document.rows, head)
        if kind != "JournalEntries":
            entry.made_by, entry.made_id = kind, body["DocEntry"]
            company.touch(stored, body)
        if entry.rows:
            company.books.enter(entry, stored.origin, jdt=jdt)
        if kind in ("Invoices", "CreditNotes"):
            company.settle(kind, stored.id)

    def _summary(self, stored: Stored) -> dict[str, Any]:
        body, kind = stored.body, stored.kind
        local = self._company.settings.local_currency
        currency = body.get("DocCurrency", local)
        gone = body.get("Cancelled") == YES or body.get("CancelStatus", "csNo") != "csNo"
        if kind == "JournalEntries":
            rows = body["JournalEntryLines"]
            currency = next((row["FCCurrency"] for row in rows if row["FCCurrency"]), local)
            side = "Debit" if currency == local else "FCDebit"
            day, total, number = body["ReferenceDate"], sum((row[side] for row in rows), Decimal(0)), body["Number"]
            gone = self._company.records.store.get("reversal", stored.id) is not None
        elif kind in PAYMENTS:
            day, number = body["DocDate"], body["DocNum"]
            total = sum((row["CreditSum"] for row in body["PaymentCreditCards"]), body["CashSum"] + body["TransferSum"])
        else:
            day, number = body["DocDate"], body["DocNum"]
            total = body["DocTotalFc"] if currency != local else body["DocTotal"]
        said = [
            body.get(name) for name in (*_SAID, *(name for name in body if name.startswith("U_"))) if body.get(name)
        ]
        return {"kind": kind, "id": stored.id, "number": str(number), "day": day, "total": encoded(total).decode(),
                "currency": currency, "origin": stored.origin, "gone": gone, "note": " ".join(map(str, said))}  # fmt: skip


def hand(stand_in: StandIn, company: Company, actions: Actions) -> None:
    """Adds the actions to the stand-in's control."""
    own = _Hand(company, actions)
    for name in (
        "grant", "books", "documents", "document", "alter", "void", "foreign", "lock", "period", "deactivate", "rounding",
        "approval", "rate", "restart", "expire_tokens", "revoke_tokens",
    ):  # fmt: skip
        stand_in.control.action(name)(getattr(own, name))
    for name, other in (("cancel", own.void), ("archive", own.deactivate)):
        stand_in.control.action(name)(other)


def _again(row: dict[str, Any], body: dict[str, Any], local: str) -> dict[str, Any]:
    """A row that nobody touched, so that it comes out as it was: by its total with tax unless a discount is on it."""
    kept = {
        name: value for name, value in row.items() if name not in ("LineTotal", "GrossTotal", "PriceAfterVAT", "Price")
    }
    if body["DiscountPercent"]:
        return kept
    return {**kept, "GrossTotal": row["GrossTotal"] if body["DocCurrency"] == local else row["GrossTotalFC"]}


def _set_amount(kind: str, body: dict[str, Any], amount: Decimal, line: int) -> None:
    if kind in PAYMENTS:
        means = "TransferSum" if body["TransferSum"] else "CashSum"
        for row in body["PaymentInvoices"]:
            row["SumApplied"] = min(Decimal(row.get("SumApplied") or amount), amount)
        body[means] = amount
    elif kind == "JournalEntries":
        rows = body["JournalEntryLines"]
        side, other = ("Debit", "Credit") if rows[line]["Debit"] else ("Credit", "Debit")
        against = next(row for row in rows if row[other])
        against[other] += amount - rows[line][side]
        rows[line][side] = amount
    else:
        row = body["DocumentLines"][line]
        for name in ("LineTotal", "GrossTotal", "PriceAfterVAT", "Price", "BaseType"):
            row.pop(name, None)
        row |= {"Quantity": Decimal(1), "UnitPrice": amount, "DiscountPercent": Decimal(0)}


def _set_account(kind: str, body: dict[str, Any], account: str, line: int) -> None:
    if kind in PAYMENTS:
        body["TransferAccount" if body["TransferSum"] else "CashAccount"] = account
    elif kind == "JournalEntries":
        body["JournalEntryLines"][line] |= {"AccountCode": account, "ShortName": account}
    else:
        row = body["DocumentLines"][line]
        body["DocumentLines"][line] = {
            **_again(row, body, body["DocCurrency"] if not row["GrossTotalFC"] else ""),
            "AccountCode": account,
        }
