"""The control of the stand-in: what a bookkeeper over there, or a test, does behind the API's back."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from leja.connectors.xero.stand_in_hooks import Hooks
from leja.connectors.xero.stand_in_organisation import DOCUMENTS, Organisation
from leja.connectors.xero.stand_in_records import Stored
from leja.connectors.xero.stand_in_shapes import IDS, NUMBERS, Invalid, Malformed
from leja_sandbox.kit import StandIn, TokenBook


class _Hand:
    """The actions; each raises ValueError with its reason."""

    def __init__(self, organisation: Organisation, tokens: TokenBook, hooks: Hooks) -> None:
        self._organisation, self._tokens, self._hooks = organisation, tokens, hooks

    def grant(self, scope: str = "offline_access accounting.settings") -> dict[str, str]:
        """Consent without a browser: tokens as the token endpoint would give them."""
        settings = self._organisation.settings
        grant = self._tokens.issue(settings.client_id, scope, {"tenantId": settings.tenant})
        return {"access_token": grant.access, "refresh_token": grant.refresh, "tenantId": settings.tenant}

    def books(self, origin: str | None = None, until: str = "9999-12-31") -> list[dict[str, Any]]:
        """The whole ledger by account, day, currency and origin (api or foreign), in minor units, debit positive."""
        names = {a.body["Code"]: a.body["Name"] for a in self._organisation.records.each("Accounts")}
        return [
            {"account": account, "name": names[account], "day": day.isoformat(), "currency": currency, "minor": minor,
             "home_minor": home, "origin": which}
            for account, day, currency, minor, home, which in self._organisation.records.sums(origin, until)
        ]  # fmt: skip

    def documents(self, kind: str = "", origin: str = "api") -> list[dict[str, Any]]:
        """The documents there."""
        return [
            _summary(stored)
            for each in ([kind] if kind else DOCUMENTS)
            for stored in self._organisation.records.each(each)
            # The two sides of a transfer are shown as the one transfer that they are.
            if origin in ("", stored.origin) and not str(stored.body.get("Type", "")).endswith("-TRANSFER")
        ]

    def document(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002 - the word of the control's JSON
        """One document with its body and its postings."""
        stored = self._stored(kind, id)
        rows = self._organisation.records.postings_of(kind, stored.id)
        postings = [{"account": a, "day": d, "currency": c, "minor": m, "home_minor": h} for a, d, c, m, h in rows]
        return {**_summary(stored), "body": self._organisation.shown(stored), "postings": postings}

    def alter(
        self, kind: str, id: str, amount: str | None = None, day: str | None = None,  # noqa: A002
        account: str | None = None, line: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """Edits an accepted document: the amount of a line (or payment), the day, or the account it rests on."""
        stored = self._stored(kind, id)
        body = copy.deepcopy(stored.body)
        if day is not None:
            body["Date"] = day
        if amount is not None:
            _set_amount(kind, body, Decimal(amount), line)
        if account is not None:
            _set_account(kind, body, account, line)
        try:
            self._organisation.rewrite(stored, body)
        except Invalid as problem:
            raise ValueError(str(problem)) from None
        return self.document(kind, id)

    def void(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Voids (payments, bank transactions and transfers: deletes) a document over there."""
        stored = self._stored(kind, id)
        if kind == "Payments":
            self._organisation.remove_payment(stored)
        else:
            status = "DELETED" if kind in ("BankTransactions", "BankTransfers") else "VOIDED"
            self._organisation.rewrite(stored, {**stored.body, "Status": status})
        return self.document(kind, id)

    def foreign(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody types a document over there: it is a foreign entry. Amounts are given as text."""
        try:
            return self._organisation.accept(kind, _exact(body), create=True, origin="foreign")
        except (Invalid, Malformed) as problem:
            raise ValueError(str(problem)) from None

    def lock(self, day: str = "") -> dict[str, str]:
        """Locks the books up to and including ``day``; "" opens them."""
        self._organisation.prefer("lock_date", day)
        return {"lock_date": day}

    def deactivate(self, kind: str = "Accounts", id: str = "", code: str = "", active: bool = False) -> dict[str, Any]:  # noqa: A002
        """Archives an account (by code or id) or a contact, or brings it back."""
        records = self._organisation.records
        numbered = records.by_number(kind, code or id) if kind == "Accounts" else []
        stored = numbered[0] if numbered else self._stored(kind, id)
        field = "ContactStatus" if kind == "Contacts" else "Status"
        body = {**stored.body, field: "ACTIVE" if active else "ARCHIVED"}
        number = body.get(NUMBERS[kind], "")
        records.write(kind, stored.id, body, origin=stored.origin, number=number, name=body["Name"] if active else "")
        return {"id": stored.id, "active": active}

    def rounding(self, per_document: bool = False) -> dict[str, bool]:
        """Tax rounded on the document's sum instead of per line, from now on."""
        self._organisation.prefer("tax_per_document", per_document)
        return {"per_document": per_document}

    def tier(self, advanced: bool) -> dict[str, bool]:
        """Whether the app's commercial tier may read Journals."""
        self._organisation.prefer("advanced", advanced)
        return {"advanced": advanced}

    def reconcile(self, id: str, kind: str = "Payments", reconciled: bool = True) -> dict[str, Any]:  # noqa: A002
        """Marks a payment or bank transaction as reconciled with the bank over there."""
        stored = self._stored(kind, id)
        self._organisation.records.rewrite(stored, {**stored.body, "IsReconciled": reconciled})
        return self.document(kind, id)

    def webhooks_to(self, url: str = "") -> dict[str, Any]:
        """Saves the webhook's address in the portal: sends the intent to receive, active if it is answered rightly."""
        if url:
            return self._hooks.intent(url)
        self._organisation.prefer("webhook_url", "")
        return {"active": False, "answers": []}

    def expire_tokens(self) -> dict[str, str]:
        """Access tokens are expired now."""
        self._tokens.expire()
        return {"access_tokens": "expired"}

    def revoke_tokens(self) -> dict[str, str]:
        """The user disconnects the app."""
        self._tokens.revoke()
        return {"grants": "revoked"}

    def _stored(self, kind: str, id_: str) -> Stored:
        stored = self._organisation.records.find(kind, id_)
        if stored is None:
            raise ValueError(f"there is no {kind} {id_}")
        return stored


def hand(stand_in: StandIn, organisation: Organisation, tokens: TokenBook, hooks: Hooks) -> None:
    """Adds the actions to the stand-in's control."""
    actions = _Hand(organisation, tokens, hooks)
    for name in (
        "grant",
        "books",
        "documents",
        "document",
        "alter",
        "void",
        "foreign",
        "lock",
        "deactivate",
        "rounding",
        "tier",
        "reconcile",
        "webhooks_to",
        "expire_tokens",
        "revoke_tokens",
    ):
        stand_in.control.action(name)(getattr(actions, name))
    stand_in.control.action("delete")(actions.void)


def _summary(stored: Stored) -> dict[str, Any]:
    body = stored.body
    total = body.get("Total", body.get("Amount"))
    if total is None:
        total = sum(line["LineAmount"] for line in body.get("JournalLines", ()) if line["LineAmount"] > 0)
    return {"kind": stored.kind, "id": body[IDS[stored.kind]], "number": body.get(NUMBERS.get(stored.kind, ""), ""),
            "day": body["Date"], "total": str(total), "currency": body.get("CurrencyCode", ""), "origin": stored.origin,
            "status": body.get("Status", ""), "note": body.get("Reference", body.get("Narration", ""))}  # fmt: skip


def _exact(value: Any) -> Any:
    names = ("UnitAmount", "LineAmount", "Amount", "TaxAmount", "Quantity")
    if isinstance(value, dict):
        return {k: Decimal(v) if k in names and isinstance(v, str) else _exact(v) for k, v in value.items()}
    return [_exact(part) for part in value] if isinstance(value, list) else value


def _set_amount(kind: str, body: dict[str, Any], amount: Decimal, line: int) -> None:
    if kind in ("Payments", "BankTransfers"):
        body["Amount"] = amount
    elif kind == "ManualJournals":
        chosen = body["JournalLines"][line]
        other = next(row for row in body["JournalLines"] if row["LineAmount"] * chosen["LineAmount"] < 0)
        other["LineAmount"] -= amount - chosen["LineAmount"]
        chosen["LineAmount"] = amount
        for row in (chosen, other):
            row.pop("TaxAmount", None)
    else:
        chosen = body["LineItems"][line]
        for name in ("LineAmount", "TaxAmount", "DiscountRate", "DiscountAmount"):
            chosen.pop(name, None)
        chosen |= {"Quantity": Decimal(1), "UnitAmount": amount}


def _set_account(kind: str, body: dict[str, Any], account: str, line: int) -> None:
    if kind == "Payments":
        body["Account"] = {"Code": account}
    elif kind == "BankTransfers":
        body["ToBankAccount"] = {"Code": account}
    else:
        chosen = body["JournalLines" if kind == "ManualJournals" else "LineItems"][line]
        chosen.pop("AccountID", None)
        chosen["AccountCode"] = account
