"""User-defined fields, tables and keys: what a customer adds to the vendor's own tables.

Guide 1.26, 3.14: a new field or table can be used only after Service Layer was restarted (control action ``restart``).
"""

from __future__ import annotations

import re
from typing import Any, Final

from leja.connectors.sap_b1.stand_in_chart import CompanySettings
from leja.connectors.sap_b1.stand_in_records import Records
from leja.connectors.sap_b1.stand_in_shapes import SAME_TABLE, SETS, SHAPES, YES, Field, Refused

_EXISTS: Final = "This entry already exists in the following tables (ODBC -2035)"
_KINDS: Final = {"db_Alpha": "t", "db_Memo": "t", "db_Numeric": "i", "db_Date": "d", "db_Float": "n"}
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


class UserFields:
    """The definitions, and which of them Service Layer has loaded."""

    def __init__(self, records: Records, settings: CompanySettings) -> None:
        self.records, self._settings = records, settings

    def found(self) -> None:
        """Those that the settings name, loaded from the start."""
        for table in self._settings.user_tables:
            self.define("UserTablesMD", {"TableName": table, "TableDescription": table, "TableType": "bott_NoObject"})
        for table, names in self._settings.user_fields.items():
            for each in names:
                name, _, size = each.partition(":")
                self.define("UserFieldsMD", {"TableName": table, "Name": name, "Description": name, "Type": "db_Alpha",
                                             "SubType": "st_None", "Size": int(size or 64)})  # fmt: skip
        self.load()

    def load(self) -> None:
        """Service Layer starts again: everything that was defined can be used."""
        defined = {
            kind: [stored.body for stored in self.records.each(kind)] for kind in ("UserFieldsMD", "UserTablesMD")
        }
        self.records.store.put("loaded", "all", defined)

    def own(self) -> dict[str, dict[str, Field]]:
        """The loaded fields by table; an entry of its own for every loaded user table (``@NAME``)."""
        loaded = self.records.store.get("loaded", "all") or {"UserFieldsMD": [], "UserTablesMD": []}
        found: dict[str, dict[str, Field]] = {f"@{row['TableName']}": {} for row in loaded["UserTablesMD"]}
        for row in loaded["UserFieldsMD"]:
            table = SAME_TABLE.get(row["TableName"], row["TableName"])
            field = Field(f"U_{row['Name']}", _KINDS[row["Type"]], row["Size"] if row["Type"] == "db_Alpha" else 0)
            found.setdefault(table, {})[field.name] = field
        return found

    def define(self, kind: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Adds a definition; answers its key and body. Raises Refused."""
        if kind == "UserTablesMD":
            return self._table(body)
        known = {*SAME_TABLE, *(f"@{stored.id}" for stored in self.records.each("UserTablesMD"))}
        if body.get("TableName") not in known:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        return self._field(body) if kind == "UserFieldsMD" else self._key(body)

    def _table(self, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        name = body.get("TableName") or ""
        if not _NAME.match(name) or not body.get("TableDescription"):
            raise Refused(-10, "Enter a valid table name and description  [OUTB.TableName]")
        if self.records.find("UserTablesMD", name):
            raise Refused(-2035, _EXISTS)
        body = {"TableType": "bott_NoObject", **body}
        self.records.put("UserTablesMD", name, body, origin="api")
        return name, body

    def _field(self, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if not _NAME.match(body.get("Name") or "") or not body.get("Description"):
            raise Refused(-10, "Enter a valid field name and description  [CUFD.AliasID]")
        body = {"Type": "db_Alpha", "SubType": "st_None", "Size": 10, "Mandatory": "tNO", **body}
        if body["Type"] == "db_Alpha" and not 0 < body["Size"] <= 254:
            raise Refused(-10, "Size of an alphanumeric field must be from 1 to 254  [CUFD.SizeID]")
        table = SAME_TABLE.get(body["TableName"], body["TableName"])
        same = [s for s in self.records.each("UserFieldsMD") if s.body["Name"] == body["Name"]]
        if any(SAME_TABLE.get(s.body["TableName"], s.body["TableName"]) == table for s in same):
            raise Refused(-2035, _EXISTS)
        body["FieldID"] = self.records.store.next_number(f"field/{body['TableName']}", 0)
        key = f"{body['TableName']},{body['FieldID']}"
        self.records.put("UserFieldsMD", key, body, origin="api")
        return key, body

    def _key(self, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        columns = [row.get("ColumnAlias") for row in body.get("UserKeysMD_Elements") or []]
        table = SAME_TABLE.get(body["TableName"], body["TableName"])
        names = {s.body["Name"] for s in self.records.each("UserFieldsMD")
                 if SAME_TABLE.get(s.body["TableName"], s.body["TableName"]) == table}  # fmt: skip
        if not columns or not set(columns) <= names or not body.get("KeyName"):
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        body["KeyIndex"] = self.records.store.next_number(f"key/{body['TableName']}", 0)
        key = f"{body['TableName']},{body['KeyIndex']}"
        self.records.put("UserKeysMD", key, body, origin="api")
        return key, body

    def unique(self, kind: str, key: str, body: dict[str, Any]) -> None:
        """Raises Refused where a unique key over user-defined fields is broken. Empty values break none here.

        Whether a live database takes a unique key over a mostly empty column is not confirmed.
        """
        table = SETS[kind][2] if kind in SETS else ""
        for stored in self.records.each("UserKeysMD"):
            if stored.body.get("Unique") != YES or SAME_TABLE.get(stored.body["TableName"]) != table:
                continue
            names = [f"U_{row['ColumnAlias']}" for row in stored.body["UserKeysMD_Elements"]]
            if any(not body.get(name) for name in names):
                continue
            for other in self.records.each(kind, equal={names[0]: body[names[0]]}):
                if other.id != key and all(other.body.get(name) == body[name] for name in names):
                    raise Refused(-2035, _EXISTS)

    def rows_of(self, entity_set: str, own: dict[str, dict[str, Field]]) -> str:
        """The user table behind an entity set ``U_NAME``, ``""`` if it is none that is loaded."""
        table = f"@{entity_set.removeprefix('U_')}"
        return table if entity_set.startswith("U_") and table in own and entity_set not in SHAPES else ""
