"""The control of the stand-in: what a bookkeeper over there, or a test, does behind the API's back.

Kinds are the names of entity sets; a posted journal is ``journals`` (or ``customerPaymentJournals``) and its id is its
document number, the only thing that remains of it. What is posted cannot be edited or deleted by anybody over there:
``alter`` is what a data fix does, ``delete`` what a restore of the environment to an earlier moment does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from leja.connectors.business_central.stand_in_chart import CHART, NOTHING
from leja.connectors.business_central.stand_in_company import Company
from leja.connectors.business_central.stand_in_hooks import Hooks
from leja.connectors.business_central.stand_in_model import BATCHES, DOCUMENTS, SETS, BadRequest
from leja.connectors.business_central.stand_in_records import Entry, Heading, Stored
from leja_sandbox.kit import StandIn, TokenBook

_MARKED: Final = ("Canceled", "Corrective")


class _Hand:
    """The actions; each raises ValueError with its reason."""

    def __init__(self, company: Company, tokens: TokenBook, hooks: Hooks) -> None:
        self._company, self._tokens, self._hooks = company, tokens, hooks
        self._records, self._settings = company.records, company.settings

    def grant(self) -> dict[str, str]:
        """A token as the token endpoint would give it, and what names the place; the application's card is enabled."""
        self._records.store.put("preference", "disabled", {"value": False})
        grant = self._tokens.issue(self._settings.client_id)
        return {"access_token": grant.access, "refresh_token": "", "tenant": self._settings.tenant,
                "environment": self._settings.environment, "company": self._settings.company}  # fmt: skip

    def books(self, origin: str | None = None, until: str = "9999-12-31") -> list[dict[str, Any]]:
        """The whole ledger by account, day and origin (api or foreign), in minor units, debit positive."""
        names = {number: name for number, name, *_rest in CHART}
        return [
            {"account": account, "name": names[account], "day": day.isoformat(), "currency": self._settings.base_currency,
             "minor": minor, "home_minor": minor, "origin": which}
            for account, day, minor, which in self._records.sums(origin, until)
        ]  # fmt: skip

    def documents(self, kind: str = "", origin: str = "api") -> list[dict[str, Any]]:
        """Sales documents, drafts among them, and posted journals."""
        rows = [
            self._summary(stored) for each in DOCUMENTS if kind in ("", each) for stored in self._records.each(each)
        ]
        rows += [row for each in BATCHES if kind in ("", each) for row in self._journals(each)]
        return [row for row in rows if origin in ("", row["origin"])]

    def _summary(self, stored: Stored) -> dict[str, Any]:
        body = stored.body
        status = "VOIDED" if body["status"] in _MARKED else body["status"]
        return {"kind": stored.kind, "id": stored.id, "number": stored.number, "day": body["postingDate"],
                "total": str(body["totalAmountIncludingTax"]), "currency": body["currencyCode"], "origin": stored.origin,
                "status": status, "note": body["externalDocumentNumber"]}  # fmt: skip

    def _journals(self, kind: str) -> list[dict[str, Any]]:
        places = self._settings.places("")
        rows = self._records.store.execute(
            "SELECT document, day, min(text), sum(max(minor, 0)), origin, count(DISTINCT type), min(type) FROM bc_entry"
            " WHERE kind = ? GROUP BY source, origin ORDER BY min(number)", kind,
        )  # fmt: skip
        return [
            {"kind": kind, "id": document, "number": document, "day": day, "total": str(Decimal(total).scaleb(-places)),
             "currency": self._settings.base_currency, "origin": origin, "status": "Posted", "note": text}
            | ({"gone": True, "status": "VOIDED"} if self._reversed(kind, document, day) else {})
            for document, day, text, total, origin, _types, _type in rows
        ]  # fmt: skip

    def _reversed(self, kind: str, document: str, day: str) -> bool:
        rows = self._records.store.execute("SELECT sum(minor), count(*) FROM bc_entry WHERE kind = ? AND source = ? GROUP BY account",
                                           kind, f"{document}/{day}")  # fmt: skip
        return all(total == 0 for total, _count in rows)

    def document(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002 - the word of the control's JSON
        """One document with its body and its postings."""
        if kind in DOCUMENTS:
            stored = self._stored(kind, id)
            row, body, source = self._summary(stored), self._company.shown(stored), stored.id
        else:
            found = [row for row in self._journals(kind) if row["id"] == id]
            if not found:
                raise ValueError(f"there is no {kind} {id}")
            row, body, source = found[0], {}, f"{id}/{found[0]['day']}"
        postings = [
            {"account": account, "day": day, "currency": self._settings.base_currency, "minor": minor}
            for _n, _i, day, _d, _t, account, _x, minor, _m, _k in self._records.entries("kind = ? AND source = ?", kind, source)
        ]  # fmt: skip
        return {**row, "body": body, "postings": postings}

    def alter(
        self, kind: str, id: str, amount: str | None = None, day: str | None = None,  # noqa: A002
        account: str | None = None, line: int = 0,
    ) -> dict[str, Any]:  # fmt: skip
        """A data fix: another amount of a line, another day or another account; the entries follow."""
        if kind not in DOCUMENTS:
            self._alter_journal(kind, id, amount, day, account, line)
            return self.document(kind, id)
        stored = self._stored(kind, id)
        body = {**stored.body, **({"postingDate": day} if day else {})}
        stored = self._records.rewrite(stored, body)
        rows = [row for row in self._company.sales.lines(stored) if row.body["lineType"] != "Comment"]
        chosen = dict(rows[line].body)
        if amount is not None:
            chosen |= {"quantity": Decimal(1), "unitPrice": Decimal(amount), "discountPercent": Decimal(0),
                       "discountAmount": Decimal(0), "_by_percent": True}  # fmt: skip
        if account is not None:
            found = self._records.by_number("accounts", account)
            if found is None:
                raise ValueError(f"there is no account {account}")
            chosen |= {
                "lineType": "Account",
                "accountId": found.id,
                "lineObjectNumber": found.number,
                "itemId": NOTHING,
            }
        self._records.rewrite(rows[line], chosen)
        stored = self._company.sales.reprice(stored)
        self._company.sales.post_again(stored)
        return self.document(kind, id)

    def _alter_journal(
        self, kind: str, id_: str, amount: str | None, day: str | None, account: str | None, line: int
    ) -> None:
        before = self.document(kind, id_)
        source = f"{id_}/{before['day']}"
        rows = self._records.entries("kind = ? AND source = ?", kind, source)
        chosen, minor = rows[line][0], rows[line][7]
        change = self._records.store.execute
        if amount is not None:
            wanted = int(Decimal(amount).scaleb(self._settings.places("")))
            other = next(row for row in rows if row[7] * minor < 0)
            change("UPDATE bc_entry SET minor = ? WHERE number = ?", wanted, chosen)
            change("UPDATE bc_entry SET minor = ? WHERE number = ?", other[7] - (wanted - minor), other[0])
        if account is not None:
            change("UPDATE bc_entry SET account = ? WHERE number = ?", account, chosen)
        if day is not None:
            change(
                "UPDATE bc_entry SET day = ?, source = ? WHERE kind = ? AND source = ?",
                day,
                f"{id_}/{day}",
                kind,
                source,
            )
        change("UPDATE bc_entry SET made = ? WHERE kind = ? AND document = ?", self._company.env.now(), kind, id_)

    def void(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Cancels an invoice or credit memo over there (payments are unapplied first), or reverses a journal."""
        if kind in DOCUMENTS:
            stored = self._stored(kind, id)
            stored = self._records.rewrite(stored, {**stored.body, "_settled": Decimal(0), "status": "Open"})
            self._try(lambda: self._company.actions.cancel(stored, stored.origin))
            return self.document(kind, id)
        before = self.document(kind, id)
        source = f"{id}/{before['day']}"
        heading = Heading(day=before["day"], document=id, type=" ", kind=kind, source=source, origin=before["origin"])
        self._records.post(heading, [
            Entry(account=account, minor=-minor, text=text)
            for _n, _i, _day, _d, _t, account, text, minor, _m, _k in self._records.entries("kind = ? AND source = ?", kind, source)
        ])  # fmt: skip
        return self.document(kind, id)

    def delete(self, kind: str, id: str) -> dict[str, Any]:  # noqa: A002
        """The document is gone with its entries, as after a restore of the environment."""
        if kind in DOCUMENTS:
            stored, source = self._stored(kind, id), id
            self._records.remove(stored)
        else:
            source = f"{id}/{self.document(kind, id)['day']}"
        self._records.store.execute("DELETE FROM bc_entry WHERE kind = ? AND source = ?", kind, source)
        return {"kind": kind, "id": id, "gone": True}

    def foreign(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Somebody types a document over there and posts it: it is a foreign entry. Amounts may be text."""
        given = _exact(kind, body)

        def act() -> dict[str, Any]:
            if kind in BATCHES:
                code = given.setdefault("code", f"TYPED{self._records.store.next_number('bc_typed')}")
                batch = self._company.create(kind, given, origin="foreign")
                self._company.journals.post(batch, "foreign")
                self._records.remove(self._records.get(kind, batch.id))
                return {"code": code}
            made = self._company.create(kind, given, origin="foreign")
            if kind in DOCUMENTS and SETS[kind].actions[0] == "post":
                self._company.act(made, "post", origin="foreign")
            return self._company.shown(self._records.get(kind, made.id))

        return dict(self._try(act))

    def lock(self, day: str = "") -> dict[str, str]:
        """Allows posting only after ``day``; "" allows any day."""
        first = (date.fromisoformat(day) + timedelta(days=1)).isoformat() if day else ""
        self._records.store.put("preference", "posting", {"from": first, "to": ""})
        return {"lock": day}

    def deactivate(self, kind: str = "accounts", id: str = "", active: bool = False) -> dict[str, Any]:  # noqa: A002
        """Blocks an account, a customer or an item (by id or number), or opens it again."""
        stored = self._records.find(kind, id) or self._records.by_number(kind, id)
        if stored is None:
            raise ValueError(f"there is no {kind} {id}")
        blocked: Any = (" " if active else "All") if kind == "customers" else not active
        self._records.rewrite(stored, {**stored.body, "blocked": blocked})
        return {"id": stored.id, "active": active}

    def expire_tokens(self) -> dict[str, str]:
        """Access tokens are expired now."""
        self._tokens.expire()
        return {"access_tokens": "expired"}

    def revoke_tokens(self) -> dict[str, str]:
        """The application's card over there is disabled: its tokens, and those that Entra goes on giving, are refused."""
        self._records.store.put("preference", "disabled", {"value": True})
        self._tokens.revoke()
        return {"grants": "revoked"}

    def subscriptions(self) -> list[dict[str, Any]]:
        """The subscriptions that live."""
        return [self._hooks.shown(stored) for stored in self._hooks.live()]

    def _stored(self, kind: str, id_: str) -> Stored:
        stored = self._records.find(kind, id_)
        if stored is None:
            raise ValueError(f"there is no {kind} {id_}")
        return stored

    def _try(self, act: Any) -> Any:
        try:
            return act()
        except BadRequest as problem:
            raise ValueError(problem.message) from None


def hand(stand_in: StandIn, company: Company, tokens: TokenBook, hooks: Hooks) -> None:
    """Adds the actions to the stand-in's control."""
    actions = _Hand(company, tokens, hooks)
    for name in (
        "grant", "books", "documents", "document", "alter", "void", "delete", "foreign", "lock", "deactivate",
        "expire_tokens", "revoke_tokens", "subscriptions",
    ):  # fmt: skip
        stand_in.control.action(name)(getattr(actions, name))


def _exact(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts that were given as text become numbers."""
    shape, found = SETS[kind], dict(body)
    for name, value in body.items():
        if name in shape.below:
            found[name] = [_exact(shape.below[name], part) for part in value]
        elif name in shape.fields and shape.fields[name].type == "decimal":
            found[name] = Decimal(str(value))
    return found
