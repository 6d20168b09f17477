"""What is done to an object beside reading and changing it: Cancel, Close, Reopen, CreateCancellationDocument.

A posted document is never deleted or emptied: cancelling an invoice or a credit note makes a second document that
mirrors it (CancelStatus csCancellation) and undoes its journal entry; a payment and a journal entry are undone by a
further journal entry. Not confirmed by a page: that a cancellation keeps the customer's reference and the user-defined
fields of what it cancels, and that it says Cancelled tNO itself.
"""

from __future__ import annotations

from typing import Any, Final

from leja.connectors.sap_b1.stand_in_books import OBJECT_CODES
from leja.connectors.sap_b1.stand_in_company import MARKETING, MASTERS, META, PAYMENTS, Company
from leja.connectors.sap_b1.stand_in_records import Stored
from leja.connectors.sap_b1.stand_in_shapes import NO, YES, Refused

_NOT_SUPPORTED: Final = "The requested action is not supported for this object."


class Actions:
    """Carries actions out; raises Refused. A bookkeeper over there (origin ``foreign``) may do so in locked periods too."""

    def __init__(self, company: Company) -> None:
        self._company, self._records, self._books = company, company.records, company.books

    def run(self, stored: Stored, action: str, given: dict[str, Any], lag: float = 0.0) -> Stored | None:
        """One action on one object; what it answers, if anything."""
        kind = stored.kind
        if action == "Cancel" and kind == "Orders":
            self._close_order(stored, cancelled=True)
        elif action in ("Close", "Reopen") and kind == "Orders":
            self._close_order(stored, reopen=action == "Reopen")
        elif action in ("Cancel", "CreateCancellationDocument") and kind in MARKETING and kind != "Orders":
            document = self.cancel_document(stored, given, lag)
            return document if action == "CreateCancellationDocument" else None
        elif action in ("Cancel", "CancelbyCurrentSystemDate") and kind in PAYMENTS:
            self.cancel_payment(stored, self._company.today if action != "Cancel" else "")
        elif action == "Cancel" and kind == "JournalEntries":
            self.cancel_journal(stored)
        else:
            raise Refused(-5006, _NOT_SUPPORTED)
        return None

    def delete(self, stored: Stored) -> None:
        """Deletes what may be deleted: masters without a posting, definitions, rows of user tables."""
        kind = stored.kind
        if kind in MARKETING or kind in PAYMENTS or kind == "JournalEntries":
            raise Refused(-5006, _NOT_SUPPORTED)
        if kind in MASTERS and self._used(stored):
            raise Refused(-10, f"'{stored.id}' cannot be removed; it is used in transactions")
        if kind in (*MASTERS, *META, "Drafts") or kind.startswith("U_"):
            self._records.remove(kind, stored.id)

    def _used(self, stored: Stored) -> bool:
        column = {"BusinessPartners": "card", "ChartOfAccounts": "account"}.get(stored.kind)
        if column:
            rows = self._records.store.execute(f"SELECT 1 FROM sap_line WHERE {column} = ? LIMIT 1", stored.id)
            return bool(rows)
        return True

    def _day(self, before: str) -> str:
        return self._company.today if self._company.settings.cancel_date == "today" else before

    def _close_order(self, stored: Stored, *, cancelled: bool = False, reopen: bool = False) -> None:
        body = stored.body
        if reopen != (body["DocumentStatus"] == "bost_Close") or body["Cancelled"] == YES:
            raise Refused(-5002, "Document is already closed" if not reopen else "Document is not closed")
        if cancelled and any(row["RemainingOpenQuantity"] != row["Quantity"] for row in body["DocumentLines"]):
            raise Refused(-10, "You cannot cancel a document that was partly copied to another")
        change: dict[str, Any] = {"DocumentStatus": "bost_Open" if reopen else "bost_Close"}
        if cancelled:
            change |= {"Cancelled": YES, "CancelStatus": "csYes", "CancelDate": self._company.today}
        self._company.touch(stored, {**body, **change})

    def cancel_document(
        self, stored: Stored, given: dict[str, Any], lag: float = 0.0, *, foreign: bool = False
    ) -> Stored:
        """The cancellation document of an invoice or a credit note."""
        body, kind, company = stored.body, stored.kind, self._company
        if body["CancelStatus"] != "csNo":
            raise Refused(-5002, "Document has already been canceled, or is itself a cancellation")
        if self._records.applied_to(kind, stored.id)[0]:
            raise Refused(
                -5002, "Document cannot be canceled: cancel the payments and credit notes applied to it first"
            )
        day = given.get("DocDate") or self._day(body["DocDate"])
        if not foreign:
            self._books.open_on(day, sales=True)
        key = self._records.store.next_number(f"entry/{kind}")
        number = self._books.number(kind)
        moment = company.env.clock()
        head = {"Memo": f"{body['JournalMemo'] or kind} - Cancellation", "Reference": str(number)}
        twin = {
            **body, "DocEntry": key, "DocNum": number, "DocDate": day, "CancelStatus": "csCancellation", "Cancelled": NO,
            "DocumentStatus": "bost_Close", "CancelDate": None, "DataVersion": 1, "CreationDate": company.today,
            "UpdateDate": company.today, "UpdateTime": f"{moment:%H:%M:%S}", "Comments": given.get("Comments", body["Comments"]),
            "TransNum": self._books.reverse(body["TransNum"], day, head, (kind, key), stored.origin),
            "DocumentLines": [{**row, "BaseType": int(OBJECT_CODES[kind]), "BaseEntry": body["DocEntry"],
                               "BaseLine": row["LineNum"], "LineStatus": "bost_Close"} for row in body["DocumentLines"]],
        }  # fmt: skip
        self._records.put(kind, key, twin, origin=stored.origin, lag=lag)
        company.touch(stored, {**body, "Cancelled": YES, "CancelStatus": "csYes", "CancelDate": day,
                               "DocumentStatus": "bost_Close"})  # fmt: skip
        self._reopen_orders(body)
        return company.stored(kind, key)

    def _reopen_orders(self, body: dict[str, Any]) -> None:
        for row in body["DocumentLines"]:
            if row.get("BaseType") != 17:
                continue
            order = self._company.stored("Orders", row["BaseEntry"])
            for line in order.body["DocumentLines"]:
                if line["LineNum"] == row["BaseLine"]:
                    line["RemainingOpenQuantity"] += row["Quantity"]
                    line["LineStatus"] = "bost_Open"
            self._company.touch(order, {**order.body, "DocumentStatus": "bost_Open"})

    def cancel_payment(self, stored: Stored, day: str = "", *, foreign: bool = False) -> None:
        """Cancels a payment: what it paid is open again."""
        body, kind = stored.body, stored.kind
        if body["Cancelled"] == YES:
            raise Refused(-5002, "Payment has already been canceled")
        day = day or self._day(body["DocDate"])
        if not foreign:
            self._books.open_on(day)
        entry = self.entry_of(stored)
        self._books.reverse(entry, day, {"Memo": "Cancelled"}, (kind, body["DocEntry"]), stored.origin)
        for to_kind, to_id in self._records.unapply(kind, stored.id):
            self._company.settle(to_kind, to_id)
        self._company.touch(stored, {**body, "Cancelled": YES})

    def entry_of(self, stored: Stored) -> int:
        """The journal entry of a payment; documents name theirs (TransNum), payments do not."""
        kept = self._records.store.get("entry_of", f"{stored.kind}/{stored.id}")
        if kept is None:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        return int(kept["jdt"])

    def cancel_journal(self, stored: Stored, *, foreign: bool = False) -> None:
        """Reverses a manual journal entry; those of documents go with their document."""
        body = stored.body
        if body["OriginalJournal"] != "ttJournalEntry":
            raise Refused(-5006, _NOT_SUPPORTED)
        if self._records.store.get("reversal", stored.id):
            raise Refused(-5002, "Transaction has already been reversed, or is itself a reversal")
        day = self._day(body["ReferenceDate"])
        if not foreign:
            self._books.open_on(day)
        head = {"Memo": f"{body['Memo'] or ''} (Reversal) - {stored.id}"[:254]}
        twin = self._books.reverse(int(stored.id), day, head, ("JournalEntries", 0), stored.origin)
        self._records.store.put("reversal", stored.id, {"by": twin})
        self._records.store.put("reversal", str(twin), {"of": stored.id})
