"""Dimension set lines: what hangs on documents, on their lines and on entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leja.connectors.business_central import stand_in_chart as chart
from leja.connectors.business_central.stand_in_chart import NOTHING
from leja.connectors.business_central.stand_in_model import BadRequest
from leja.connectors.business_central.stand_in_records import Records, Stored


class Dimensions:
    """Reads and writes the dimension set of a record. Methods raise BadRequest in the vendor's words."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def add(self, parent: Stored, given: Mapping[str, Any]) -> Stored:
        """One more dimension of a record."""
        if parent.body.get("status", "Draft") != "Draft":
            raise BadRequest(f"Parent with ID {parent.id} does not exist or dimension set lines are read only for parent"
                             f" type {parent.kind}.")  # fmt: skip
        dimension = self._dimension(given)
        value = self._value(given, dimension)
        if any(line.body["code"] == dimension.number for line in self._records.each("dimensionSetLines", parent.id)):
            raise BadRequest("The dimension set line already exists. Check existing dimension set lines and the default"
                             " dimension set lines on the parent.")  # fmt: skip
        body = {
            "id": dimension.id, "code": dimension.number, "parentId": parent.id, "parentType": parent.kind,
            "displayName": dimension.body["displayName"], "valueId": value.id, "valueCode": value.body["code"],
            "valueDisplayName": value.body["displayName"],
        }  # fmt: skip
        made = self._records.add("dimensionSetLines", body, origin=parent.origin, parent=parent.id)
        self._records.touch(self._records.get(parent.kind, parent.id))
        return made

    def shortcuts(self, body: Mapping[str, Any]) -> None:
        """Checks the two shortcut dimensions of a document."""
        for number, code in enumerate(chart.DIMENSIONS, 1):
            wanted = body.get(f"shortcutDimension{number}Code", "")
            if wanted and wanted not in chart.DIMENSIONS[code]:
                raise BadRequest(f"The field Shortcut Dimension {number} Code of table Sales Header contains a value ({wanted})"
                                 " that cannot be found in the related table (Dimension Value).",
                                 "Internal_InvalidTableRelation")  # fmt: skip

    def of(self, record: Stored) -> dict[str, str]:
        """Dimension codes and values of a record: its shortcuts and its set."""
        found = {
            code: record.body.get(f"shortcutDimension{number}Code", "") for number, code in enumerate(chart.DIMENSIONS, 1)
        }  # fmt: skip
        for line in self._records.each("dimensionSetLines", record.id):
            found[line.body["code"]] = line.body["valueCode"]
        return {code: value for code, value in found.items() if value}

    def _dimension(self, given: Mapping[str, Any]) -> Stored:
        id_, code = given.get("id", NOTHING), given.get("code", "")
        if id_ == NOTHING and not code:
            raise BadRequest('The "id" or "code" field must be filled in.')
        by_id = self._records.find("dimensions", id_) if id_ != NOTHING else None
        by_code = self._records.by_number("dimensions", code) if code else None
        if id_ != NOTHING and by_id is None:
            raise BadRequest('The "id" does not match to a Dimension.')
        if code and by_code is None:
            raise BadRequest('The "code" does not match to a Dimension.')
        if by_id and by_code and by_id.id != by_code.id:
            raise BadRequest("The dimension field values do not match to a specific Dimension.")
        return by_id or by_code  # type: ignore[return-value]

    def _value(self, given: Mapping[str, Any], dimension: Stored) -> Stored:
        id_, code = given.get("valueId", NOTHING), given.get("valueCode", "")
        if id_ == NOTHING and not code:
            raise BadRequest('The "valueId" or "valueCode" field must be filled in.')
        values = list(self._records.each("dimensionValues", dimension.id))
        by_id = next((value for value in values if value.id == id_), None)
        by_code = next((value for value in values if value.body["code"] == code), None)
        if id_ != NOTHING and by_id is None:
            raise BadRequest('The "valueId" does not match to a Dimension Value.')
        if code and by_code is None:
            raise BadRequest('The "valueCode" does not match to a Dimension Value.')
        return by_id or by_code  # type: ignore[return-value]
