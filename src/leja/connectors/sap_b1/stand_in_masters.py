"""Business partners, items, accounts and tax groups."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from leja.connectors.sap_b1 import stand_in_chart as chart
from leja.connectors.sap_b1.stand_in_books import Books
from leja.connectors.sap_b1.stand_in_records import Records, Stored
from leja.connectors.sap_b1.stand_in_shapes import NO, YES, Refused
from leja.core.money import Money, to_decimal

_KEYS: Final = {"BusinessPartners": "CardCode", "Items": "ItemCode", "ChartOfAccounts": "Code", "VatGroups": "Code"}
_ACCOUNT: Final = {
    "FormatCode": "", "FatherAccountKey": None, "AccountType": "at_Other", "ActiveAccount": YES, "CashAccount": NO,
    "LockManualTransaction": NO, "AcctCurrency": "##", "FrozenFor": NO, "ValidFor": YES, "DefaultVatGroup": None,
    "ExternalCode": None, "AccountLevel": 4,
}  # fmt: skip


class Masters:
    """Adds and changes master records; raises Refused."""

    def __init__(self, records: Records, books: Books) -> None:
        self.records, self.books, self.settings = records, books, books.settings

    def add(self, kind: str, body: dict[str, Any], origin: str, lag: float = 0.0) -> str:
        """Adds one; answers its key."""
        name = _KEYS[kind]
        if kind == "ChartOfAccounts" and not body.get("Code") and body.get("FormatCode"):
            body["Code"] = (
                self.settings.code(body["FormatCode"]) if body["FormatCode"].isdigit() else body["FormatCode"]
            )
        key = body.get(name)
        if not key:
            raise Refused(-10, f"{name} is missing")
        if self.records.find(kind, key):
            raise Refused(-10 if kind == "BusinessPartners" else -2035, _taken(kind, key))
        filled = {"BusinessPartners": self._partner, "Items": self._item, "ChartOfAccounts": self._account,
                  "VatGroups": self._group}[kind](body)  # fmt: skip
        self._check(kind, filled)
        self.records.put(kind, key, filled, origin=origin, lag=lag)
        return str(key)

    def change(self, stored: Stored, body: dict[str, Any]) -> None:
        """Changes one; its key stays."""
        if stored.kind not in _KEYS:
            raise Refused(-5006, "The requested action is not supported for this object.")
        body.pop(_KEYS[stored.kind], None)
        if "BPAddresses" in body:
            body["BPAddresses"] = _merged(stored.body["BPAddresses"], body["BPAddresses"], stored.id)
        changed = {**stored.body, **body}
        self._check(stored.kind, changed)
        if "DataVersion" in changed:
            changed |= self._stamps(changed["DataVersion"] + 1)
            changed["CreateDate"] = stored.body["CreateDate"]
        self.records.put(stored.kind, stored.id, changed)

    def _check(self, kind: str, body: dict[str, Any]) -> None:
        groups = {"BusinessPartners": ("VatGroup",), "Items": ("SalesVATGroup", "PurchaseVATGroup")}.get(kind, ())
        accounts = {"BusinessPartners": ("DebitorAccount",), "Items": ("IncomeAccount",), "VatGroups": ("TaxAccount",)}
        for name in groups:
            if body.get(name) and self.records.find("VatGroups", body[name]) is None:
                raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        for name in accounts.get(kind, ()):
            if body.get(name) and self.records.find("ChartOfAccounts", body[name]) is None:
                raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        if kind == "BusinessPartners" and body["Currency"] not in ("##", *self.settings.currencies):
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)

    def _stamps(self, version: int) -> dict[str, Any]:
        moment = self.records.env.clock()
        day = moment.date().isoformat()
        return {"CreateDate": day, "UpdateDate": day, "UpdateTime": f"{moment:%H:%M:%S}", "DataVersion": version}

    def _partner(self, body: dict[str, Any]) -> dict[str, Any]:
        supplier = body.get("CardType") == "cSupplier"
        control = self.settings.code(chart.CREDITORS if supplier else chart.DEBTORS)
        addresses = [
            {**row, "RowNum": n, "BPCode": body["CardCode"]} for n, row in enumerate(body.get("BPAddresses") or [])
        ]
        if len({(row.get("AddressName"), row.get("AddressType")) for row in addresses}) < len(addresses):
            raise Refused(-2035, "This entry already exists in the following tables (ODBC -2035)")
        return {
            "CardName": None, "CardType": "cCustomer", "GroupCode": 101 if supplier else 100, "EmailAddress": None,
            "FederalTaxID": None, "Currency": self.settings.local_currency, "VatGroup": None, "DebitorAccount": control,
            "Valid": YES, "Frozen": NO, **body, **self._stamps(1), "BPAddresses": addresses,
        }  # fmt: skip

    def _item(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "ItemName": None, "ItemType": "itItems", "SalesItem": YES, "PurchaseItem": YES, "InventoryItem": YES,
            "VatLiable": YES, "SalesVATGroup": "O1", "PurchaseVATGroup": "I1", "IncomeAccount": self.settings.code(chart.SALES),
            "ItemsGroupCode": 100, "AvgStdPrice": Decimal(0), "QuantityOnStock": Decimal(0), "Valid": YES, "Frozen": NO,
            **body, **self._stamps(1),
        }  # fmt: skip

    def _account(self, body: dict[str, Any]) -> dict[str, Any]:
        return {**_ACCOUNT, **body}

    def _group(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"Category": "bovcOutputTax", "Inactive": NO, "VatGroups_Lines": [], **body}

    def shown(self, stored: Stored) -> dict[str, Any]:
        """With what it stands at: an account, or a partner, from the ledger."""
        column = "card" if stored.kind == "BusinessPartners" else "account"
        local, system = self.records.balance(column, stored.id)
        amount = to_decimal(Money(local, self.settings.local_currency))
        if column == "card":
            return {**stored.body, "CurrentAccountBalance": amount}
        other = to_decimal(Money(system, self.settings.system_currency))
        return {**stored.body, "Balance": amount, "Balance_syscurr": other, "Balance_FrgnCurr": Decimal(0)}


def _merged(before: list[dict[str, Any]], given: list[dict[str, Any]], card: str) -> list[dict[str, Any]]:
    """A PATCH changes the rows that it names and adds the others; it removes none (guide 1.26, 3.5.5)."""
    rows = {(row.get("AddressName"), row.get("AddressType")): row for row in before}
    for row in given:
        place = (row.get("AddressName"), row.get("AddressType"))
        rows[place] = {**rows.get(place, {}), **row}
    return [{**row, "RowNum": number, "BPCode": card} for number, row in enumerate(rows.values())]


def _taken(kind: str, key: str) -> str:
    if kind == "BusinessPartners":
        return (f"1320000140 - Business partner code '{key}' already assigned to a business partner; enter a unique"
                " business partner code")  # fmt: skip
    return "This entry already exists in the following tables (ODBC -2035)"
