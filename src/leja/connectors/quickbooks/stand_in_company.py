"""The company: takes, changes, voids and deletes documents by the vendor's rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.quickbooks import stand_in_chart as chart
from leja.connectors.quickbooks.stand_in_documents import Documents
from leja.connectors.quickbooks.stand_in_masters import Masters
from leja.connectors.quickbooks.stand_in_records import NAMES, TRANSACTIONS, Records, Stored
from leja.connectors.quickbooks.stand_in_shapes import SHAPES, Fault, business, missing, not_found
from leja_sandbox.kit import Environment

_OFFSET: Final = timezone(timedelta(hours=-8))
_READ_ONLY: Final = frozenset({"MetaData", "domain", "status", "sparse", "TotalAmt", "HomeTotalAmt", "Balance",
                               "HomeBalance", "UnappliedAmt", "RemainingCredit", "TxnStatus", "CurrentBalance",
                               "CurrentBalanceWithSubAccounts", "BalanceWithJobs", "SyncToken"})  # fmt: skip
_NUMBERED: Final = frozenset({"SalesReceipt", "RefundReceipt", "Invoice", "CreditMemo", "JournalEntry"})
_VOIDS: Final = {"Invoice": "void", "Payment": "update", "SalesReceipt": "update", "BillPayment": "update"}


def vendor_time(moment: datetime) -> str:
    """An instant as MetaData shows it."""
    return moment.astimezone(_OFFSET).isoformat(timespec="seconds")


class Company:
    """One realm. All that it knows stands in the store; every method works inside the caller's transaction."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.settings = msgspec.convert(dict(env.settings), chart.CompanySettings, strict=False)
        self.records = Records(env, self.settings.home_currency)
        self.masters = Masters(self.records, self.settings)
        self.documents = Documents(self.records, self.masters, self.settings)

    def preference(self, name: str, default: Any) -> Any:
        """A setting that the control may have changed since the start."""
        kept = self.records.store.get("preference", name)
        return default if kept is None else kept["value"]

    def prefer(self, name: str, value: Any) -> None:
        """Changes a setting from now on."""
        self.records.store.put("preference", name, {"value": value})

    @property
    def book_close(self) -> str:
        """The day on or before which nothing may change; "" means open."""
        return str(self.preference("book_close", self.settings.book_close))

    def create(
        self, kind: str, given: Mapping[str, Any], *, origin: str = "api", lag: float = 0.0, duplicates: bool = False
    ) -> dict[str, Any]:
        """A new record. Raises Fault."""
        wanted = {k: v for k, v in SHAPES[kind]("", given).items() if k not in _READ_ONLY or k == "TotalAmt"}
        wanted.pop("Id", None)
        body = {**wanted, "Id": self.records.next_id(kind)}
        return self._keep(kind, body, None, origin=origin, lag=lag, duplicates=duplicates)

    def update(
        self, kind: str, given: Mapping[str, Any], *, lag: float = 0.0, duplicates: bool = False
    ) -> dict[str, Any]:
        """A full or sparse update. Raises Fault."""
        wanted = SHAPES[kind]("", given)
        stored = self.current(kind, wanted)
        fresh = {k: v for k, v in wanted.items() if k not in _READ_ONLY or k == "TotalAmt"}
        if wanted.get("sparse"):
            cleared = {name for name, value in given.items() if value is None or value == ""}
            kept = {k: v for k, v in stored.body.items() if k not in _READ_ONLY or k == "TotalAmt"}
            if "Line" in fresh or "GlobalTaxCalculation" in fresh:
                kept.pop("TxnTaxDetail", None)
            fresh = {k: v for k, v in {**kept, **fresh}.items() if k not in cleared}
        return self._keep(
            kind, {**fresh, "Id": stored.id}, stored, origin=stored.origin, lag=lag, duplicates=duplicates
        )

    def current(self, kind: str, wanted: Mapping[str, Any]) -> Stored:
        """The record that an update means, if its SyncToken is the newest. Raises Fault 610, 2020, 5010."""
        if "Id" not in wanted:
            raise missing("Id")
        stored = self.records.find(kind, wanted["Id"])
        if stored is None or stored.gone:
            raise not_found(f"{kind} {wanted['Id']}")
        if "SyncToken" not in wanted:
            raise missing("SyncToken")
        if wanted["SyncToken"] != stored.body["SyncToken"]:
            raise Fault(
                "5010", "Stale Object Error",
                f"Stale Object Error : You and another user were working on this at the same time. {kind} {stored.id}"
                f" has changed since SyncToken {wanted['SyncToken']}",
            )  # fmt: skip
        return stored

    def _keep(
        self, kind: str, body: dict[str, Any], before: Stored | None, *, origin: str, lag: float, duplicates: bool
    ) -> dict[str, Any]:
        if kind in TRANSACTIONS:
            body.setdefault("TxnDate", before.body["TxnDate"] if before else self.env.clock().date().isoformat())
            if before or origin == "api":
                self._open(body["TxnDate"])
            if before:
                self._open(before.body["TxnDate"])
            self._number(kind, body, before, duplicates)
            built = self.documents.build(kind, body)
            kept = self._stamped(built.body, before)
            self.records.write(kind, kept, origin=origin, lag=lag, postings=built.postings, currency=built.currency)
            self.records.relink(kind, kept["Id"], built.links)
        else:
            body, name = self.masters.build(kind, body, before.body if before else None)
            kept = self._stamped(body, before)
            self.records.write(kind, kept, origin=origin, lag=lag, name=name)
        return self.shown(kind, kept)

    def _stamped(self, body: dict[str, Any], before: Stored | None) -> dict[str, Any]:
        now = vendor_time(self.env.clock())
        token = 0 if before is None else int(before.body["SyncToken"]) + 1
        made = before.body["MetaData"]["CreateTime"] if before else now
        meta = {"CreateTime": made, "LastUpdatedTime": now}
        return {**body, "SyncToken": str(token), "domain": "QBO", "sparse": False, "MetaData": meta}

    def _open(self, day: str) -> None:
        if self.book_close and day <= self.book_close:
            code = "6210" if self.settings.closing_password else "6200"
            raise Fault(
                code, "Account Period Closed, Cannot Update Through Services API",
                "The account period has closed and the account books cannot be updated through the QBO Services API."
                " Please use the QBO website to make these changes.",
            )  # fmt: skip

    def _number(self, kind: str, body: dict[str, Any], before: Stored | None, duplicates: bool) -> None:
        number = body.get("DocNumber")
        if kind not in _NUMBERED:
            return
        if number == "AUTO_GENERATE" or (not self.settings.custom_numbers and before is None):
            body["DocNumber"] = str(self.records.store.next_number("doc_number", 1001))
        elif number and not duplicates and self.preference("warn_duplicates", self.settings.warn_duplicates):
            for other in self.records.each(kind, number=number):
                if other.id != body["Id"]:
                    raise Fault(
                        "6140", "Duplicate Document Number Error",
                        "Duplicate Document Number Error : You must specify a different number. This number has already"
                        f" been used. DocNumber={number} is assigned to TxnType={kind} with TxnId={other.id}",
                    )  # fmt: skip

    def delete(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Deletes a transaction; what applied to it applies no more. Raises Fault."""
        if kind not in TRANSACTIONS:
            raise Fault(
                "500", "Unsupported Operation", f"Operation delete is not supported on {kind}.", kind="SystemFault"
            )
        stored = self.current(kind, SHAPES[kind]("", given))
        self._open(stored.body["TxnDate"])
        self._unlink(kind, stored.id)
        self.records.relink(kind, stored.id, {})
        self.records.write(kind, self._stamped(stored.body, stored), origin=stored.origin, gone=True)
        return {"status": "Deleted", "domain": "QBO", "Id": stored.id}

    def void(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Voids: the document stays, with nothing in it. Raises Fault."""
        if kind not in _VOIDS:
            raise Fault(
                "500", "Unsupported Operation", f"Operation void is not supported on {kind}.", kind="SystemFault"
            )
        stored = self.current(kind, SHAPES[kind]("", given))
        self._open(stored.body["TxnDate"])
        return self.voided(stored)

    def voided(self, stored: Stored) -> dict[str, Any]:
        """The document with every amount at nothing and "Voided" as its note."""
        self._unlink(stored.kind, stored.id)
        self.records.relink(stored.kind, stored.id, {})
        body = _emptied({k: v for k, v in stored.body.items() if k not in ("LinkedTxn",)})
        if stored.kind in ("Payment", "BillPayment"):
            body["Line"] = []
        body["PrivateNote"] = "Voided"
        kept = self._stamped(body, stored)
        self.records.write(stored.kind, kept, origin=stored.origin)
        return self.shown(stored.kind, kept)

    def rewrite(self, stored: Stored, body: dict[str, Any]) -> dict[str, Any]:
        """What somebody over there does to a document: no API, no lock token, no closing date. Raises Fault."""
        if stored.kind not in TRANSACTIONS:
            kept = self._stamped(body, stored)
            self.records.write(stored.kind, kept, origin=stored.origin, name=self.masters.name_of(stored.kind, body))
            return kept
        built = self.documents.build(stored.kind, body)
        kept = self._stamped(built.body, stored)
        self.records.write(stored.kind, kept, origin=stored.origin, postings=built.postings, currency=built.currency)
        self.records.relink(stored.kind, stored.id, built.links)
        return kept

    def _unlink(self, kind: str, id_: str) -> None:
        for from_kind, from_id, _minor in self.records.links_to(kind, id_):
            if from_kind == "Deposit":
                raise business("This transaction has been deposited. Delete it from the deposit first.")
            other = self.records.find(from_kind, from_id)
            if other is not None:
                lines = [
                    line for line in other.body.get("Line", ())
                    if {"TxnId": id_, "TxnType": kind} not in
                    [{k: link.get(k) for k in ("TxnId", "TxnType")} for link in line.get("LinkedTxn", ())]
                ]  # fmt: skip
                self._keep(
                    from_kind, {**other.body, "Line": lines}, other, origin=other.origin, lag=0.0, duplicates=True
                )

    def shown(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The record as an answer shows it: with the balances of this moment."""
        if kind in TRANSACTIONS:
            return self.documents.shown(kind, body)
        if kind in NAMES or kind == "Account":
            return self.masters.shown(kind, body)
        return dict(body)


def _emptied(value: Any) -> Any:
    """Every amount at zero, the rest as it is."""
    if isinstance(value, dict):
        return {
            k: Decimal(0)
            if k
            in (
                "Amount",
                "TotalAmt",
                "TotalTax",
                "UnitPrice",
                "NetAmountTaxable",
                "HomeTotalAmt",
                "TaxInclusiveAmt",
                "Qty",
            )
            else _emptied(v)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [_emptied(part) for part in value]
    return value
