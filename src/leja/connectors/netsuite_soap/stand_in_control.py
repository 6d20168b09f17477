"""The control of the stand-in: what a bookkeeper over there, or a test, does behind the API's back."""

from __future__ import annotations

import copy
from datetime import date
from decimal import Decimal
from typing import Any

from leja.connectors.netsuite_soap.stand_in_company import Company, month_end
from leja.connectors.netsuite_soap.stand_in_passport import Passports
from leja.connectors.netsuite_soap.stand_in_records import Invalid, Stored
from leja.connectors.netsuite_soap.stand_in_shapes import ITEMS, KINDS, TRANSACTIONS
from leja_sandbox.kit import StandIn


class _Hand:
    """The actions; each raises ValueError with its reason."""

    def __init__(self, company: Company, passports: Passports) -> None:
        self._company, self._passports = company, passports

    def grant(self) -> dict[str, str]:
        """A token as an administrator makes it: account, consumer_key, consumer_secret, token_id, token_secret."""
        return self._passports.grant()

    def books(self, origin: str | None = None, until: str = "9999-12-31") -> list[dict[str, Any]]:
        """The whole ledger by account (internal id), day, currency and origin, in minor units, debit positive."""
        names = {a.id: a.body["acctName"] for a in self._company.records.each(("account",))}
        return [
            {"account": account, "name": names[account], "day": day.isoformat(), "currency": currency, "minor": minor,
             "home_minor": home, "origin": which}
            for account, day, currency, minor, home, which in self._company.records.sums(origin, until)
        ]  # fmt: skip

    def documents(self, kind: str = "", origin: str = "api") -> list[dict[str, Any]]:
        """The transactions there; those that were deleted are ``gone``."""
        kinds = (kind,) if kind else TRANSACTIONS
        records = self._company.records
        there = [_summary(stored, self._company.shown(stored)) for stored in records.each(kinds)]
        dead = [
            {**_summary(s, s.body), "gone": True} for s in records.gone() if s.kind in kinds and s.kind in TRANSACTIONS
        ]
        return [row for row in (*there, *dead) if origin in ("", row["origin"])]

    def document(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002 - the word of the control's JSON
        """One transaction with its body and its postings."""
        stored = self._stored(kind, id)
        rows = self._company.records.postings_of(stored.id)
        postings = [{"account": a, "day": d, "currency": c, "minor": m, "home_minor": h} for a, d, c, m, h in rows]
        body = self._company.shown(stored)
        return {**_summary(stored, body), "body": body, "postings": postings}

    def alter(
        self, kind: str, id: str, amount: str | None = None, day: str | None = None,  # noqa: A002
        account: str | None = None, line: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """Edits an accepted document: the amount of a line (or payment), the day, or the account it rests on."""
        stored = self._stored(kind, id)
        body = copy.deepcopy(stored.body)
        if day is not None:
            body |= {"tranDate": day, "postingPeriod": None}
        if amount is not None:
            _set_amount(kind, body, amount, line)
        if account is not None:
            self._set_account(kind, body, account, line)
        self._rewritten(stored, body)
        return self.document(kind, id)

    def void(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Voids a transaction over there: it stays, with nothing posted; the lines of a journal entry become zero."""
        stored = self._stored(kind, id)
        body: dict[str, Any] = {"status": "Voided", "total": "0", "memo": f"VOID {stored.body.get('memo', '')}".strip()}
        if kind == "journalEntry":
            rows = stored.body["lineList"]["line"]
            zeros = [{**row, **{side: "0" for side in ("debit", "credit") if side in row}} for row in rows]
            body["lineList"] = {"line": zeros}
        self._company.rewrite(stored, body, voided=True)
        return {**self.document(kind, id), "status": "VOIDED"}

    def delete(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Deletes a document over there; what was applied to it is free again."""
        stored = self._stored(kind, id)
        self._company.records.store.execute("DELETE FROM netsuite_apply WHERE doc = ?", int(stored.id))
        self._company.records.remove(stored)
        return {"id": stored.id, "gone": True}

    def foreign(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody types a document over there: it is a foreign entry. Amounts are text."""
        try:
            stored = self._company.add(kind, body, origin="foreign")
        except Invalid as problem:
            raise ValueError(str(problem)) from None
        return self.document(kind, stored.id) if kind in TRANSACTIONS else dict(stored.body)

    def lock(self, day: str = "") -> dict[str, str]:
        """Closes the accounting periods up to and including that of ``day``, whole months as over there; "" opens them."""
        until = month_end(date.fromisoformat(day)).isoformat() if day else ""
        self._company.records.prefer("locked_until", until)
        return {"locked_until": until}

    def deactivate(self, kind: str = "account", id: str = "", active: bool = False) -> dict[str, Any]:  # noqa: A002
        """Makes an account, customer or item inactive, or brings it back. ``kind`` "item" is any item."""
        stored = self._company.records.of_group(KINDS[ITEMS[0] if kind == "item" else kind].group, id)
        if stored is None:
            raise ValueError(f"there is no {kind} {id}")
        body = {**stored.body, "isInactive": "false" if active else "true"}
        self._company.records.write(stored.kind, stored.id, body, origin=stored.origin)
        return {"id": stored.id, "active": active}

    def revoke_tokens(self) -> dict[str, str]:
        """The administrator revokes every token."""
        self._passports.revoke()
        return {"grants": "revoked"}

    def ignore_filters(self, on: bool = True) -> dict[str, bool]:
        """Searches answer everything from now on."""
        self._company.records.prefer("ignore_filters", on)
        return {"on": on}

    def _stored(self, kind: str, id_: str) -> Stored:
        stored = self._company.records.find(kind, id_) if kind in KINDS else None
        if stored is None:
            raise ValueError(f"there is no {kind} {id_}")
        return stored

    def _rewritten(self, stored: Stored, body: dict[str, Any]) -> None:
        kept = {name: value for name, value in body.items() if value is not None}
        try:
            self._company.rewrite(stored, kept)
        except Invalid as problem:
            raise ValueError(str(problem)) from None

    def _set_account(self, kind: str, body: dict[str, Any], account: str, line: int) -> None:
        if kind == "journalEntry":
            body["lineList"]["line"][line]["account"] = {"internalId": account}
        elif kind == "customerPayment":
            body |= {"account": {"internalId": account}, "undepFunds": "false"}
        else:
            body["itemList"]["item"][line]["item"] = {"internalId": self._item_on(account)}

    def _item_on(self, account: str) -> str:
        for item in self._company.records.each(ITEMS):
            if item.body["incomeAccount"]["internalId"] == account and item.body.get("isInactive") != "true":
                return item.id
        body = {"itemId": f"ACCOUNT {account}", "incomeAccount": {"internalId": account}}
        return self._company.add(ITEMS[0], body, origin="foreign").id


def hand(stand_in: StandIn, company: Company, passports: Passports) -> None:
    """Adds the actions to the stand-in's control."""
    actions = _Hand(company, passports)
    for name in (
        "grant", "books", "documents", "document", "alter", "void", "delete", "foreign", "lock", "deactivate",
        "revoke_tokens", "ignore_filters",
    ):  # fmt: skip
        stand_in.control.action(name)(getattr(actions, name))


def _summary(stored: Stored, body: dict[str, Any]) -> dict[str, Any]:
    total = body.get("total")
    if total is None:
        rows = body["lineList"]["line"]
        total = str(sum((_decimal(row.get("debit")) for row in rows), _decimal(None)))
    note = " ".join(body[name] for name in ("externalId", "otherRefNum", "memo") if body.get(name))
    status = "VOIDED" if body.get("status") == "Voided" else body.get("status", "")
    return {"kind": stored.kind, "id": stored.id, "number": body.get("tranId", ""), "note": note,
            "day": body["tranDate"][:10], "total": total, "currency": body["currency"]["name"], "origin": stored.origin,
            "status": status}  # fmt: skip


def _set_amount(kind: str, body: dict[str, Any], amount: str, line: int) -> None:
    if kind == "customerPayment":
        body["payment"] = amount
        body["applyList"] = None
    elif kind == "journalEntry":
        rows = body["lineList"]["line"]
        side = "debit" if rows[line].get("debit") else "credit"
        other = "credit" if side == "debit" else "debit"
        across = next(row for row in rows if row.get(other))
        across[other] = str(_decimal(across[other]) + _decimal(amount) - _decimal(rows[line][side]))
        rows[line][side] = amount
    else:
        row = body["itemList"]["item"][line]
        for name in ("rate", "grossAmt", "tax1Amt"):
            row.pop(name, None)
        row["amount"] = amount


def _decimal(text: str | None) -> Decimal:
    return Decimal(text or 0)
