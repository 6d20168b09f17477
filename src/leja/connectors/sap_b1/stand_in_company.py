"""The company: takes what Service Layer is sent, object by object, and shows it as answers do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.sap_b1 import stand_in_chart as chart
from leja.connectors.sap_b1.stand_in_books import SERIES, Books, Entry
from leja.connectors.sap_b1.stand_in_documents import Documents, new_document
from leja.connectors.sap_b1.stand_in_masters import Masters
from leja.connectors.sap_b1.stand_in_money import Journals, Payments
from leja.connectors.sap_b1.stand_in_records import Records, Stored
from leja.connectors.sap_b1.stand_in_shapes import NO, SETS, YES, Refused, read
from leja.connectors.sap_b1.stand_in_user_fields import UserFields
from leja.core.money import Money, to_decimal
from leja_sandbox.kit import Environment

_ZERO: Final = Decimal(0)
MARKETING: Final = ("Orders", "Invoices", "CreditNotes", "PurchaseInvoices")
PAYMENTS: Final = ("IncomingPayments", "VendorPayments")
MASTERS: Final = ("BusinessPartners", "Items", "ChartOfAccounts", "VatGroups", "Currencies", "CreditCards")
META: Final = ("UserFieldsMD", "UserTablesMD", "UserKeysMD")
# Object types with an ETag (guide 1.26, 5.2.3): not payments, not journal entries.
TAGGED: Final = frozenset({*MARKETING, "Drafts", "BusinessPartners", "Items"})
# What may still be changed of what was posted.
_OPEN_FIELDS: Final = {
    "Document": {"Comments", "NumAtCard", "DocDueDate", "Reference1", "Reference2", "SalesPersonCode", "ShipToCode",
                 "PayToCode", "Address", "Address2", "FederalTaxID", "Project", "PaymentGroupCode"},
    "Payment": {"Remarks", "Reference1", "Reference2", "CounterReference", "TransferReference", "ProjectCode"},
    "JournalEntry": {"Memo", "Reference", "Reference2", "Reference3", "DueDate", "ProjectCode", "TransactionCode"},
}  # fmt: skip


class Drafted(Exception):
    """An approval procedure made a draft of the document: it was kept, and the document does not exist."""


class Company:
    """One company database. Every method works inside the caller's transaction; all raise Refused."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.settings = msgspec.convert(dict(env.settings), chart.CompanySettings, strict=False)
        self.records = Records(env)
        self.books = Books(self.records, self.settings)
        self.documents = Documents(self.records, self.books)
        self.payments = Payments(self.records, self.books)
        self.journals = Journals(self.records, self.books)
        self.user_fields = UserFields(self.records, self.settings)
        self.masters = Masters(self.records, self.books)

    @property
    def today(self) -> str:
        """The server's day."""
        return self.env.clock().date().isoformat()

    def stored(self, kind: str, key: str | int) -> Stored:
        """The object of a key."""
        found = self.records.find(kind, key)
        if found is None:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        return found

    # --- new objects ----------------------------------------------------------------------------------------------

    def add(self, kind: str, given: Any, *, origin: str = "api", lag: float = 0.0) -> Stored:
        """Adds an object. Raises Drafted where an approval procedure stops a document."""
        own = self.user_fields.own()
        table = self.user_fields.rows_of(kind, own)
        if table:
            return self._add_row(kind, read("UserTable", given, own, table), origin, lag)
        if kind not in SETS or kind in ("Drafts", "Currencies", "CreditCards"):
            raise Refused(-5006, "The requested action is not supported for this object.")
        body = read(SETS[kind][0], given, own, SETS[kind][2])
        if kind in META:
            return self.stored(kind, self.user_fields.define(kind, body)[0])
        if kind in MASTERS:
            return self.stored(kind, self.masters.add(kind, body, origin, lag))
        key = self._add_document(kind, body, origin, lag)
        return self.stored(kind, key)

    def _add_row(self, kind: str, body: dict[str, Any], origin: str, lag: float) -> Stored:
        if not body.get("Code"):
            raise Refused(-10, "Code is missing")
        if self.records.find(kind, body["Code"]):
            raise Refused(-2035, "This entry already exists in the following tables (ODBC -2035)")
        body.setdefault("Name", body["Code"])
        self.records.put(kind, body["Code"], body, origin=origin, lag=lag)
        return self.stored(kind, body["Code"])

    def _add_document(self, kind: str, body: dict[str, Any], origin: str, lag: float) -> int:
        branch = body.get("BPLID") if kind in PAYMENTS else body.get("BPL_IDAssignedToInvoice")
        if (
            self.settings.branches
            and origin == "api"
            and kind != "JournalEntries"
            and branch not in self.settings.branches
        ):
            raise Refused(-10, "Specify an active branch  [OINV.BPLId]")
        if body.get("Series") not in (None, SERIES[kind]):
            raise Refused(
                -10, "To generate this document, first define the numbering series in the Administration module"
            )
        if kind == "JournalEntries":
            return self._add_journal(body, origin, lag)
        body.setdefault("DocDate", self.today)
        body.setdefault("TaxDate", body["DocDate"])
        if kind in PAYMENTS:
            return self._add_payment(kind, body, origin, lag)
        return self._add_marketing(kind, body, origin, lag)

    def _number(self, kind: str, body: dict[str, Any]) -> int:
        key = self.records.store.next_number(f"entry/{kind}")
        moment = self.env.clock()
        body |= {"DocEntry": key, "DocNum": self.books.number(kind), "Series": SERIES[kind]}
        if kind not in PAYMENTS:
            body |= {
                "CreationDate": self.today,
                "UpdateDate": self.today,
                "UpdateTime": f"{moment:%H:%M:%S}",
                "DataVersion": 1,
            }
        return key

    def _add_marketing(self, kind: str, body: dict[str, Any], origin: str, lag: float) -> int:
        body = {**new_document(kind), **body}
        if not body.get("DocDueDate"):
            if kind == "Orders":
                raise Refused(-10, "Enter valid date  [ORDR.DocDueDate][line: 0]")
            body["DocDueDate"] = body["DocDate"]
        if origin == "api":
            self.books.open_on(body["DocDate"], sales=kind != "PurchaseInvoices")
        partner = self.books.partner(body.get("CardCode"), "OINV.CardCode")
        wanted = "cSupplier" if kind == "PurchaseInvoices" else "cCustomer"
        if partner.body["CardType"] != wanted:
            raise Refused(-10, "Business partner has a wrong type for this document  [OINV.CardCode]")
        body.setdefault("CardName", partner.body["CardName"])
        self._reference_once(kind, body)
        built = self.documents.build(kind, body, partner)
        self.user_fields.unique(kind, "", built.body)
        if origin == "api" and self.books.preference("approval", self.settings.approval):
            raise self._draft(built.body)
        key = self._number(kind, built.body)
        invoices = self.documents.draw(built.body)
        if built.rows:
            head = {"Memo": built.body["JournalMemo"] or f"{_TITLES[kind]} - {partner.id}",
                    "Reference": str(built.body["DocNum"]), "Reference2": str(built.body["NumAtCard"] or "")}  # fmt: skip
            rows = built.rows + self.documents.stock_rows(kind, built.body["DocumentLines"])
            entry = Entry(built.body["DocDate"], built.currency, built.rate, rows, head, kind, key)
            built.body["TransNum"] = self._enter_document(entry, built.rows, origin)
        self.records.put(kind, key, built.body, origin=origin, lag=lag)
        for invoice in invoices:
            self._credit(key, invoice)
        return key

    def _enter_document(self, entry: Entry, rows: list[Any], origin: str) -> int:
        # Stock moves in local money whatever the document's currency is.
        if entry.currency != self.settings.local_currency:
            for row in entry.rows[len(rows) :]:
                row.local, row.amount = row.amount, _ZERO
        return self.books.enter(entry, origin)

    def _draft(self, body: dict[str, Any]) -> Drafted:
        key = self._number("Drafts", body)
        self.records.put("Drafts", key, body, origin="api")
        return Drafted()

    def _reference_once(self, kind: str, body: dict[str, Any]) -> None:
        """Document Settings may block a customer reference that is in use; never for orders."""
        if not self.settings.reference_check or kind == "Orders" or not body.get("NumAtCard"):
            return
        for other in self.records.each(kind, equal={"NumAtCard": body["NumAtCard"]}):
            if other.body["CardCode"] == body["CardCode"] and other.body["Cancelled"] == NO:
                raise Refused(-10, "Customer reference number already exists  [OINV.NumAtCard]")

    def _credit(self, credit: int, invoice: str) -> None:
        """A credit note that is based on an invoice settles it, as far as both go."""
        note, owed = self.stored("CreditNotes", credit), self.stored("Invoices", invoice)
        if note.body["DocCurrency"] != owed.body["DocCurrency"]:
            raise Refused(-10, "Currency differs from that of the base document  [RIN1.Currency][line: 1]")
        amount = min(self.due(note), self.due(owed))
        local = self.books.rounded(amount * owed.body["DocRate"], self.settings.local_currency)
        minor = int(amount.scaleb(self.settings.places(owed.body["DocCurrency"])))
        home = int(local.scaleb(self.settings.places(self.settings.local_currency)))
        if minor:
            self.records.apply("CreditNotes", note.id, "Invoices", owed.id, minor, home)
            self.records.apply("Invoices", owed.id, "CreditNotes", note.id, minor, home)
            self.settle("Invoices", owed.id)
            self.settle("CreditNotes", note.id)

    def _add_payment(self, kind: str, body: dict[str, Any], origin: str, lag: float) -> int:
        if origin == "api":
            self.books.open_on(body["DocDate"])
        built = self.payments.build(kind, body)
        self.user_fields.unique(kind, "", built.body)
        key = self._number(kind, built.body)
        built.entry.made_id = key
        built.entry.head.setdefault("Memo", "")
        self.records.put(kind, key, built.body, origin=origin, lag=lag)
        self.records.store.put("entry_of", f"{kind}/{key}", {"jdt": self.books.enter(built.entry, origin)})
        self._apply(kind, str(key), built.applied)
        return key

    def _apply(self, kind: str, key: str, applied: list[Any]) -> None:
        places = self.settings.places(self.settings.local_currency)
        for each in applied:
            self.records.apply(kind, key, each.kind, each.id, each.minor, int(abs(each.local).scaleb(places)))
            self.settle(each.kind, each.id)

    def _add_journal(self, body: dict[str, Any], origin: str, lag: float) -> int:
        body.setdefault("ReferenceDate", self.today)
        if origin == "api":
            self.books.open_on(body["ReferenceDate"])
        if self.settings.branches and origin == "api" and any(
            row.get("BPLID") not in self.settings.branches for row in body.get("JournalEntryLines") or ()
        ):  # fmt: skip
            raise Refused(-10, "Specify an active branch  [JDT1.BPLId]")
        entry = self.journals.build(body)
        self.user_fields.unique("JournalEntries", "", entry.head)
        return self.books.enter(entry, origin, lag)

    # --- settlement -----------------------------------------------------------------------------------------------

    def due(self, stored: Stored) -> Decimal:
        """What is open of a document, in its currency."""
        body = stored.body
        foreign = body["DocCurrency"] != self.settings.local_currency
        minor, _local = self.records.applied_to(stored.kind, stored.id)
        return Decimal(body["DocTotalFc"] if foreign else body["DocTotal"]) - to_decimal(
            Money(minor, body["DocCurrency"])
        )

    def settle(self, kind: str, key: str) -> None:
        """Closes a document of which nothing is open, opens it again when something is."""
        stored = self.stored(kind, key)
        body = stored.body
        if kind not in MARKETING or body["CancelStatus"] != "csNo":
            return
        minor, local = self.records.applied_to(kind, key)
        foreign = body["DocCurrency"] != self.settings.local_currency
        paid = {"PaidToDate": to_decimal(Money(local, self.settings.local_currency)),
                "PaidToDateFC": to_decimal(Money(minor, body["DocCurrency"])) if foreign else _ZERO}  # fmt: skip
        status = "bost_Close" if not self.due(stored) else "bost_Open"
        self.touch(stored, {**body, **paid, "DocumentStatus": status})

    def touch(self, stored: Stored, body: dict[str, Any]) -> None:
        """Keeps a changed object: its time and its version move on."""
        if "DataVersion" in body:
            moment = self.env.clock()
            body = {**body, "DataVersion": body["DataVersion"] + 1, "UpdateDate": self.today,
                    "UpdateTime": f"{moment:%H:%M:%S}"}  # fmt: skip
        key: str | int = int(stored.id) if stored.id.isdigit() and stored.kind not in MASTERS else stored.id
        self.records.put(stored.kind, key, body)

    # --- changes --------------------------------------------------------------------------------------------------

    def patch(self, stored: Stored, given: Any) -> None:
        """Changes an object as far as the vendor lets it be changed."""
        kind, own = stored.kind, self.user_fields.own()
        table = self.user_fields.rows_of(kind, own)
        shape = "UserTable" if table else SETS[kind][0]
        body = read(shape, given, own, table or SETS[kind][2])
        if kind in MASTERS:
            self.masters.change(stored, body)
        elif kind in META or table:
            self.records.put(kind, stored.id, {**stored.body, **body})
        elif kind == "Orders" and stored.body["DocumentStatus"] == "bost_Open":
            self._rebuild_order(stored, body)
        else:
            allowed = _OPEN_FIELDS[shape]
            for name, value in body.items():
                if name not in allowed and not name.startswith("U_") and value != stored.body.get(name):
                    raise Refused(-1029, "Field cannot be updated (ODBC -1029)")
            changed = {**stored.body, **{n: v for n, v in body.items() if n in allowed or n.startswith("U_")}}
            self.user_fields.unique(kind, stored.id, changed)
            self.touch(stored, changed)

    def _rebuild_order(self, stored: Stored, body: dict[str, Any]) -> None:
        merged = {**stored.body, **body}
        if "DocumentLines" in body:
            rows = {row["LineNum"]: row for row in stored.body["DocumentLines"]}
            for number, row in enumerate(body["DocumentLines"]):
                place = row.get("LineNum", max(rows, default=-1) + 1 if number else number)
                rows[place] = {**_asked(rows.get(place, {})), **row}
            merged["DocumentLines"] = [rows[place] for place in sorted(rows)]
        else:
            merged["DocumentLines"] = [_asked(row) for row in stored.body["DocumentLines"]]
        partner = self.books.partner(merged["CardCode"], "ORDR.CardCode")
        self.touch(stored, self.documents.build("Orders", merged, partner).body)

    # --- showing --------------------------------------------------------------------------------------------------

    def shown(self, stored: Stored) -> dict[str, Any]:
        """An object as answers show it, with the balances that are sums."""
        if stored.kind in ("ChartOfAccounts", "BusinessPartners"):
            return self.masters.shown(stored)
        return stored.body

    def tag(self, stored: Stored) -> str:
        """The ETag of an object, ``""`` where the vendor has none: the hash of its data version."""
        if stored.kind not in TAGGED:
            return ""
        digest = hashlib.sha1(str(stored.body["DataVersion"]).encode(), usedforsecurity=False).hexdigest()
        return f'W/"{digest.upper()}"'

    def company_info(self) -> dict[str, Any]:
        """CompanyService_GetCompanyInfo."""
        grouped = self.books.preference("group_lines_in_vat", self.settings.group_lines_in_vat)
        return {
            "Version": 1000110, "CompanyName": self.settings.name,
            "EnableAccountSegmentation": YES if self.settings.segmented else NO,
            "GroupLinesInVATCalculation": YES if grouped else NO,
        }  # fmt: skip

    def admin_info(self) -> dict[str, Any]:
        """CompanyService_GetAdminInfo."""
        settings = self.settings
        return {
            "Code": 1, "CompanyName": settings.name, "Country": settings.country, "LocalCurrency": settings.local_currency,
            "SystemCurrency": settings.system_currency, "TotalsAccuracy": settings.places(settings.local_currency),
            "PriceAccuracy": 6, "RateAccuracy": 6, "DirectIndirectRate": YES,
        }  # fmt: skip

    def instant(self) -> datetime:
        """Now."""
        return datetime.fromtimestamp(self.env.now(), UTC)


_TITLES: Final[Mapping[str, str]] = {
    "Invoices": "A/R Invoices", "CreditNotes": "A/R Credit Memos", "PurchaseInvoices": "A/P Invoices", "Orders": "Orders",
}  # fmt: skip


def _asked(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller could have said of a row, so that it can be worked out again."""
    keep = ("LineNum", "ItemCode", "ItemDescription", "Quantity", "UnitPrice", "AccountCode", "VatGroup", "DiscountPercent",
            "WarehouseCode", "FreeText", "CostingCode", "ProjectCode")  # fmt: skip
    return {name: row[name] for name in row if name in keep or name.startswith("U_")}
