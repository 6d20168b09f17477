"""The control of the stand-in: what a bookkeeper over there, or a test, does behind the API's back."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from leja.connectors.quickbooks.stand_in_company import Company
from leja.connectors.quickbooks.stand_in_limits import Meter
from leja.connectors.quickbooks.stand_in_records import TRANSACTIONS, Stored
from leja.connectors.quickbooks.stand_in_shapes import Fault
from leja_sandbox.kit import StandIn, TokenBook


class _Hand:
    """The actions; each raises ValueError or KeyError with its reason."""

    def __init__(self, company: Company, tokens: TokenBook) -> None:
        self._company, self._tokens = company, tokens

    def grant(self, scope: str = "com.intuit.quickbooks.accounting") -> dict[str, str]:
        """Consent without a browser: tokens as the token endpoint would give them."""
        settings = self._company.settings
        grant = self._tokens.issue(settings.client_id, scope, {"realmId": settings.realm})
        return {"access_token": grant.access, "refresh_token": grant.refresh, "realmId": settings.realm}

    def books(self, origin: str | None = None, until: str = "9999-12-31") -> list[dict[str, Any]]:
        """The whole ledger by account, day, currency and origin (api or foreign), in minor units, debit positive."""
        names = {a.id: a.body["Name"] for a in self._company.records.each("Account")}
        return [
            {"account": account, "name": names[account], "day": day.isoformat(), "currency": currency, "minor": minor,
             "home_minor": home, "origin": which}
            for account, day, currency, minor, home, which in self._company.records.sums(origin, until)
        ]  # fmt: skip

    def documents(self, kind: str = "", origin: str = "api") -> list[dict[str, Any]]:
        """The transactions there, deleted ones marked."""
        return [
            _summary(stored)
            for each in ([kind] if kind else TRANSACTIONS)
            for stored in self._company.records.each(each, gone=True)
            if origin in ("", stored.origin)
        ]

    def document(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """One document with its body and its postings."""
        stored = self._stored(kind, id)
        rows = self._company.records.postings_of(kind, id)
        postings = [{"account": a, "day": d, "currency": c, "minor": m, "home_minor": h} for a, d, c, m, h in rows]
        return {**_summary(stored), "body": self._company.shown(kind, stored.body), "postings": postings}

    def alter(
        self,
        kind: str,
        id: str,  # noqa: A002
        amount: str | None = None,
        day: str | None = None,
        account: str | None = None,
        line: int = 0,
    ) -> dict[str, Any]:
        """Edits an accepted document: a line's (or a payment's) amount, the day, or the account it rests on."""
        stored = self._stored(kind, id)
        body = copy.deepcopy(stored.body)
        if day is not None:
            body["TxnDate"] = day
        if amount is not None:
            _set_amount(kind, body, Decimal(amount), line)
        if account is not None:
            _set_account(kind, body, account, line)
        try:
            self._company.rewrite(stored, body)
        except Fault as fault:
            raise ValueError(str(fault)) from None
        return self.document(kind, id)

    def void(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Voids a document over there."""
        self._company.voided(self._stored(kind, id))
        return self.document(kind, id)

    def delete(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Deletes a document over there."""
        stored = self._stored(kind, id)
        return self._company.delete(kind, {"Id": id, "SyncToken": stored.body["SyncToken"]})

    def foreign(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody types a document over there: it is a foreign entry."""
        try:
            return self._company.create(kind, _exact(body), origin="foreign", duplicates=True)
        except Fault as fault:
            raise ValueError(str(fault)) from None

    def lock(self, day: str = "") -> dict[str, str]:
        """Closes the books up to and including ``day``; "" opens them."""
        self._company.prefer("book_close", day)
        return {"book_close": day}

    def warn_duplicates(self, on: bool = True) -> dict[str, bool]:
        """Whether the company refuses a DocNumber that was used before."""
        self._company.prefer("warn_duplicates", on)
        return {"warn_duplicates": on}

    def deactivate(self, kind: str, id: str, active: bool = False) -> dict[str, Any]:  # noqa: A002
        """Makes an account, item, customer or vendor inactive (or active again)."""
        stored = self._stored(kind, id)
        self._company.rewrite(stored, {**stored.body, "Active": active})
        return {"id": id, "active": active}

    def rounding(self, per_document: bool = False) -> dict[str, bool]:
        """Tax rounded per document instead of per line, from now on."""
        self._company.prefer("tax_per_document", per_document)
        return {"per_document": per_document}

    def lapse(self, lapsed: bool = True) -> dict[str, bool]:
        """The company's subscription ends (or goes on): every call answers a Fault 6190 with status 200."""
        self._company.prefer("lapsed", lapsed)
        return {"lapsed": lapsed}

    def metered(self, month: str = "", budget: int | None = None) -> dict[str, int]:
        """How many reads were counted in a month (this one by default); ``budget`` sets how many there may be."""
        if budget is not None:
            self._company.prefer("reads_per_month", budget)
        meter = Meter(self._company.settings, self._company.env.store)
        return {"used": meter.used(month or f"{self._company.env.clock():%Y-%m}"), "budget": meter.budget}

    def webhooks_to(self, url: str = "") -> dict[str, str]:
        """Says in the app's portal where webhooks go from now on; "" ends them."""
        self._company.prefer("webhook_url", url)
        return {"webhook_url": url}

    def expire_tokens(self) -> dict[str, str]:
        """Access tokens are expired now."""
        self._tokens.expire()
        return {"access_tokens": "expired"}

    def revoke_tokens(self) -> dict[str, str]:
        """The user disconnects the app."""
        self._tokens.revoke()
        return {"grants": "revoked"}

    def _stored(self, kind: str, id_: str) -> Stored:
        stored = self._company.records.find(kind, id_)
        if stored is None or stored.gone:
            raise ValueError(f"there is no {kind} {id_}")
        return stored


def hand(stand_in: StandIn, company: Company, tokens: TokenBook) -> None:
    """Adds the actions to the stand-in's control."""
    actions = _Hand(company, tokens)
    for name in (
        "grant",
        "books",
        "documents",
        "document",
        "alter",
        "void",
        "delete",
        "foreign",
        "lock",
        "warn_duplicates",
        "deactivate",
        "rounding",
        "lapse",
        "metered",
        "webhooks_to",
        "expire_tokens",
        "revoke_tokens",
    ):
        stand_in.control.action(name)(getattr(actions, name))


def _summary(stored: Stored) -> dict[str, Any]:
    body = stored.body
    return {"kind": stored.kind, "id": stored.id, "number": body.get("DocNumber", ""), "day": body.get("TxnDate", ""),
            "total": str(body.get("TotalAmt", body.get("Amount", "0"))), "currency": body["CurrencyRef"]["value"],
            "origin": stored.origin, "gone": stored.gone, "note": body.get("PrivateNote", "")}  # fmt: skip


def _exact(value: Any) -> Any:
    """Amounts that came as text are read as numbers, since the control's JSON must not carry floats."""
    if isinstance(value, dict):
        return {k: Decimal(v) if k in ("Amount", "TotalAmt", "UnitPrice", "Qty") and isinstance(v, str) else _exact(v)
                for k, v in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [_exact(part) for part in value]
    return value


def _set_amount(kind: str, body: dict[str, Any], amount: Decimal, line: int) -> None:
    if kind in ("Payment", "BillPayment"):
        body["TotalAmt"] = amount
        if len(body.get("Line", ())) == 1:
            body["Line"][0]["Amount"] = min(amount, body["Line"][0]["Amount"])
        return
    if kind == "Transfer":
        body["Amount"] = amount
        return
    lines = [row for row in body["Line"] if row["DetailType"] not in ("SubTotalLineDetail", "DescriptionOnly")]
    chosen = lines[line]
    delta = amount - chosen["Amount"]
    chosen["Amount"] = amount
    detail = chosen[chosen["DetailType"]]
    for name in ("Qty", "UnitPrice", "TaxInclusiveAmt"):
        detail.pop(name, None)
    if kind == "JournalEntry":
        other = next(row for row in lines if row[row["DetailType"]]["PostingType"] != detail["PostingType"])
        other["Amount"] += delta
    elif kind != "Deposit":
        body.pop("TxnTaxDetail", None)


def _set_account(kind: str, body: dict[str, Any], account: str, line: int) -> None:
    if kind == "JournalEntry":
        body["Line"][line]["JournalEntryLineDetail"]["AccountRef"] = {"value": account}
        return
    field = "AccountRef" if kind == "Purchase" else "DepositToAccountRef"
    if field not in body:
        raise ValueError(f"a {kind} rests on no account of its own")
    body[field] = {"value": account}
