"""The company behind the API: one way in for every entity set, and how a record is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.business_central import stand_in_chart as chart
from leja.connectors.business_central.stand_in_actions import Actions
from leja.connectors.business_central.stand_in_chart import NOTHING, CompanySettings, fixed_id
from leja.connectors.business_central.stand_in_journals import Journals
from leja.connectors.business_central.stand_in_masters import Masters
from leja.connectors.business_central.stand_in_model import BATCHES, DOCUMENTS, SETS, BadRequest, read_body
from leja.connectors.business_central.stand_in_records import Records, Stored, moment
from leja.connectors.business_central.stand_in_sales import BLANK, Sales
from leja_sandbox.kit import Environment

_LINES: Final = {lines: kind for kind, lines in (*DOCUMENTS.items(), *BATCHES.items())}
Shown = tuple[str, dict[str, Any]]


class Company:
    """Books and master data of the one company. Methods raise BadRequest."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.settings = msgspec.convert(dict(env.settings), CompanySettings)
        self.records = Records(env)
        self.masters = Masters(self.records, self.settings)
        self.sales = Sales(self.records, self.masters, self.settings)
        self.journals = Journals(self.records, self.masters, self.settings, self.sales)
        self.actions = Actions(self.sales)

    # --- writing --------------------------------------------------------------------------------------------------

    def create(
        self,
        kind: str,
        given: Mapping[str, Any],
        parent: Stored | None = None,
        *,
        origin: str = "api",
        lag: float = 0.0,
    ) -> Stored:
        """A new record from what was sent."""
        shape = SETS[kind]
        if not shape.insert:
            raise BadRequest("Entity does not support insert.", "BadRequest_MethodNotAllowed", 405)
        body = read_body(shape, given, partly=False)
        if kind in DOCUMENTS:
            return self.sales.create(kind, body, origin, lag)
        if kind in BATCHES:
            return self.journals.create(kind, body, origin, lag)
        if kind in _LINES or kind == "dimensionSetLines":
            return self._create_below(kind, body, parent, lag)
        return self.masters.create(kind, body, origin, lag)

    def _create_below(self, kind: str, body: dict[str, Any], parent: Stored | None, lag: float) -> Stored:
        if kind == "dimensionSetLines":
            if parent is None:
                raise BadRequest("You must get to the parent first to create a dimension set line.")
            return self.sales.dimensions.add(parent, body)
        if parent is None:
            parent = self._parent(kind, body.get(SETS[kind].parent, NOTHING))
        if parent is None:
            words = ("You must specify an Id or a Document Id to get the lines." if _LINES[kind] in DOCUMENTS
                     else "You must specify a journal batch ID or a journal ID to get a journal line.")  # fmt: skip
            raise BadRequest(words)
        if parent.kind in DOCUMENTS:
            return self.sales.add_line(parent, body, lag)
        return self.journals.add_line(parent, body, lag)

    def update(self, stored: Stored, given: Mapping[str, Any], *, origin: str = "api") -> Stored:
        """A changed record from what was sent."""
        shape = SETS[stored.kind]
        if not shape.modify:
            raise BadRequest("Entity does not support modify.", "BadRequest_MethodNotAllowed", 405)
        body = read_body(shape, given, partly=True)
        if stored.kind in DOCUMENTS:
            return self.sales.update(stored, body)
        if stored.kind in BATCHES:
            return self.journals.update(stored, body)
        if stored.kind in _LINES:
            parent = self._parent(stored.kind, stored.parent)
            assert parent is not None
            if parent.kind in DOCUMENTS:
                return self.sales.update_line(parent, stored, body)
            return self.journals.update_line(parent, stored, body)
        return self.masters.update(stored, body, origin)

    def delete(self, stored: Stored) -> None:
        """Deletes a record."""
        if not SETS[stored.kind].delete:
            raise BadRequest("Entity does not support delete.", "BadRequest_MethodNotAllowed", 405)
        if stored.kind in DOCUMENTS:
            self.sales.delete(stored)
        elif stored.kind in DOCUMENTS.values():
            parent = self._parent(stored.kind, stored.parent)
            assert parent is not None
            self.sales.delete_line(parent, stored)
        elif stored.kind in _LINES or stored.kind in BATCHES or stored.kind == "dimensionSetLines":
            self.records.remove(stored)
        else:
            self.masters.delete(stored)

    def act(self, stored: Stored, action: str, *, origin: str = "api") -> None:
        """Carries out a bound action."""
        if action not in SETS[stored.kind].actions:
            raise BadRequest(
                f"Resource not found for the segment 'Microsoft.NAV.{action}'.", "BadRequest_ResourceNotFound", 404
            )
        if stored.kind == "journals":
            self.journals.post(stored, origin)
        else:
            self.actions.run(stored, action, origin)

    def _parent(self, kind: str, id_: str) -> Stored | None:
        found = _LINES[kind]
        return self.journals.batch(id_) if found in BATCHES else self.records.find(found, id_)

    # --- reading --------------------------------------------------------------------------------------------------

    def find(self, kind: str, id_: str) -> Stored | None:
        """A record by its id; a journal is found whatever its template."""
        if kind == "generalLedgerEntries":
            return next((self._entry(row) for row in self.records.entries("id = ?", id_.lower())), None)
        if kind == "journals":
            batch = self.journals.batch(id_)
            return msgspec.structs.replace(batch, kind="journals") if batch else None
        if kind == "dimensionSetLines":
            return None
        return self.records.find(kind, id_)

    def each(self, kind: str, parent: Stored | None, seen_at: float, hints: Mapping[str, str]) -> Iterator[Stored]:
        """The records of a set, or those below one record; ``hints`` are what a filter certainly demands."""
        if kind == "generalLedgerEntries":
            after, document = int(hints.get("entryNumber gt", 0)), hints.get("documentNumber eq")
            where, values = (
                ("number > ?", [after])
                if document is None
                else ("number > ? AND document = ?", [after, document.upper()])
            )
            return (self._entry(row) for row in self.records.entries(where, *values))
        if kind == "dimensionSetLines" and parent is not None and parent.kind == "generalLedgerEntries":
            return self._marks(parent)
        if parent is None and "externalDocumentNumber eq" in hints:
            return self.records.each(kind, seen_at=seen_at, external=hints["externalDocumentNumber eq"])
        if parent is not None and parent.kind == "journals" and parent.body.get("templateDisplayName") != "GENERAL":
            parent = self.journals.batch(parent.id)
        return self.records.each(kind, parent.id if parent else None, seen_at=seen_at)

    def _entry(self, row: tuple[Any, ...]) -> Stored:
        number, id_, day, document, type_, account, text, minor, made, marks = row
        places = self.settings.places("")
        amount = Decimal(minor).scaleb(-places)
        body = {
            "entryNumber": number, "postingDate": day, "documentNumber": document, "documentType": type_,
            "accountId": fixed_id("accounts", account), "accountNumber": account, "description": text,
            "debitAmount": max(amount, Decimal(0)), "creditAmount": max(-amount, Decimal(0)), "_dimensions": marks,
        }  # fmt: skip
        return Stored("generalLedgerEntries", id_, document, "", "", 1, made, number, body)

    def _marks(self, entry: Stored) -> Iterator[Stored]:
        for code, value in json.loads(entry.body["_dimensions"]).items():
            dimension = self.records.by_number("dimensions", code)
            if dimension is None:
                continue
            body = {"id": dimension.id, "code": code, "parentId": entry.id, "parentType": "General Ledger Entry",
                    "displayName": dimension.body["displayName"], "valueId": fixed_id("dimensionValues", code, value),
                    "valueCode": value, "valueDisplayName": value}  # fmt: skip
            yield Stored("dimensionSetLines", dimension.id, code, entry.id, "", 1, entry.updated, 0, body)

    def shown(self, stored: Stored) -> dict[str, Any]:
        """Every field of a record as the vendor shows it, with its etag."""
        shape = SETS[stored.kind]
        found: dict[str, Any] = {"@odata.etag": stored.etag}
        for name, field in shape.fields.items():
            found[name] = stored.body.get(name, field.empty)
        if stored.kind != "dimensionSetLines":
            found["id"] = stored.id
        if "lastModifiedDateTime" in shape.fields:
            found["lastModifiedDateTime"] = moment(stored.updated)
        if stored.kind in DOCUMENTS and "remainingAmount" in shape.fields:
            found["remainingAmount"] = self.sales.remaining(stored)
        places = self.settings.places("")
        if stored.kind == "accounts":
            found["netChange"] = Decimal(self.records.balance("account", stored.number)).scaleb(-places)
        elif stored.kind == "customers":
            found["balanceDue"] = Decimal(self.records.balance("customer", stored.number)).scaleb(-places)
        elif stored.kind == "generalLedgerSetup":
            first, last = self.sales.range()
            found |= {"allowPostingFrom": first or BLANK, "allowPostingTo": last or BLANK}
        return found

    # --- the start ------------------------------------------------------------------------------------------------

    def found(self) -> bool:
        """Opens the company once; False when that was done before."""
        if self.records.store.get("preference", "founded"):
            return False
        self.records.store.put("preference", "founded", {"value": True})
        settings, keep = self.settings, self._keep
        keep("companyInformation", settings.name, displayName=settings.name, country=settings.country,
             currencyCode=settings.base_currency, currentFiscalYearStartDate=f"{self.env.clock().year}-01-01")  # fmt: skip
        keep("generalLedgerSetup", "setup", localCurrencyCode=settings.base_currency,
             **{f"shortcutDimension{n}Code": code for n, code in enumerate(chart.DIMENSIONS, 1)})  # fmt: skip
        for month in range(1, 13):
            first = date(self.env.clock().year, month, 1)
            keep(
                "accountingPeriods",
                first.isoformat(),
                startingDate=first.isoformat(),
                name=f"{first:%B}",
                newFiscalYear=month == 1,
            )
        group = "TAXABLE" if settings.sales_tax else "STANDARD"
        for number, name, category, tax, direct in chart.CHART:
            below = chart.SUBCATEGORIES.get(number) or chart.SUBCATEGORIES.get(category, "")
            keep("accounts", number, number=number, displayName=name, category=category, subCategory=below, accountType="Posting",
                 directPosting=direct, _tax=group if tax == "STANDARD" else tax)  # fmt: skip
        for code in settings.currencies:
            self._currency(code)
        groups = chart.TAX_GROUPS_US if settings.sales_tax else chart.VAT_GROUPS
        for code, name, _percent in groups:
            keep("taxGroups", code, code=code, displayName=name, taxType="Sales Tax" if settings.sales_tax else "VAT")
        self._lists(group)
        return True

    def _currency(self, code: str) -> None:
        places = self.settings.places(code)
        self._keep("currencies", code, code=code, displayName=code, symbol=code, amountDecimalPlaces=f"{places}:{places}",
                   amountRoundingPrecision=Decimal(1).scaleb(-places))  # fmt: skip
        self._keep("currencyExchangeRates", code, currencyCode=code, startingDate="2000-01-01", exchangeRateAmount=Decimal(1),
                   relationalExchangeRateAmount=self.settings.rate(code))  # fmt: skip

    def _lists(self, group: str) -> None:
        keep = self._keep
        for code, name, due in chart.PAYMENT_TERMS:
            keep("paymentTerms", code, code=code, displayName=name, dueDateCalculation=due)
        for code, name in chart.PAYMENT_METHODS:
            keep("paymentMethods", code, code=code, displayName=name)
        for code, name, standard in chart.UNITS:
            keep("unitsOfMeasure", code, code=code, displayName=name, internationalStandardCode=standard)
        for code, values in chart.DIMENSIONS.items():
            parent = keep("dimensions", code, code=code, displayName=code.title())
            for value in values:
                self.records.add("dimensionValues", {"code": value, "dimensionId": parent.id, "displayName": value},
                                 origin="foreign", parent=parent.id, id_=fixed_id("dimensionValues", code, value))  # fmt: skip
        for number, name, kind, unit_price, cost, _tax, stock in chart.ITEMS:
            unit = fixed_id("unitsOfMeasure", "PCS")
            keep("items", number, number=number, displayName=name, type=kind, unitPrice=Decimal(unit_price),
                 unitCost=Decimal(cost), inventory=Decimal(stock), taxGroupCode=group, taxGroupId=fixed_id("taxGroups", group),
                 baseUnitOfMeasureId=unit, baseUnitOfMeasureCode="PCS")  # fmt: skip
        keep(
            "bankAccounts",
            "BANK",
            number="BANK",
            displayName="Business Current Account",
            currencyCode=self.settings.base_currency,
        )

    def _keep(self, kind: str, own: str, **body: Any) -> Stored:
        full = {name: field.empty for name, field in SETS[kind].fields.items() if name != "id"} | body
        return self.records.add(kind, full, origin="foreign", number=own, id_=fixed_id(kind, own))
