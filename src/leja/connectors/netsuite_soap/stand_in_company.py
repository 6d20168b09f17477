"""The account of the stand-in: add, update, upsert and delete of every kind, and the rules that each record must keep.

Documents post through stand_in_sales.py (invoice, cash sale, credit memo, cash refund) and stand_in_money.py (customer
payment, journal entry). External ids are unique in a group: all transactions share one space, all entities, all items.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from leja.connectors.netsuite_soap import stand_in_chart as chart
from leja.connectors.netsuite_soap import stand_in_money, stand_in_sales
from leja.connectors.netsuite_soap.stand_in_records import Computed, Invalid, Records, Stored
from leja.connectors.netsuite_soap.stand_in_shapes import KINDS, LONGEST, READ_ONLY, SHAPES, TRANSACTIONS
from leja_sandbox.kit import Environment

_EXTERNAL: Final = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_WRITABLE: Final = frozenset(
    {*TRANSACTIONS, "customer", "nonInventorySaleItem", "serviceSaleItem", "otherChargeSaleItem", "account"}
)
_NOT_ON_FORM: Final = frozenset(
    [
        "taxDetailsOverride",
        "taxItem",
        "taxRate",
        "isTaxable",
        "discountItem",
        "discountRate",
        "reversalDate",
        "reversalDefer",
        "toSubsidiary",
    ]
)
Body = dict[str, Any]


class Company:
    """Records with their rules."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.settings = msgspec.convert(dict(env.settings), chart.AccountSettings, strict=False)
        self.zone = ZoneInfo(self.settings.time_zone)
        self.records = Records(env, self.settings.base_currency)

    # --- the verbs ------------------------------------------------------------------------------------------------

    def add(self, kind: str, body: Body, *, origin: str = "api", lag: float = 0.0) -> Stored:
        """A new record. Raises Invalid."""
        if body.get("internalId"):
            raise Invalid("USER_ERROR", "The internalId of a new record cannot be set")
        self._free(kind, body.get("externalId", ""))
        return self._keep(kind, self.records.next_id(kind), body, origin=origin, lag=lag, before=None)

    def update(self, kind: str, body: Body, *, lag: float = 0.0) -> Stored:
        """An existing record changes in the fields that are given. Raises Invalid."""
        stored = self.named(kind, body)
        if body.get("internalId") and body.get("externalId"):
            self._free(kind, body["externalId"], without=stored.id)
        return self._keep(
            kind, stored.id, _merged(kind, stored.body, body), origin=stored.origin, lag=lag, before=stored
        )

    def upsert(self, kind: str, body: Body, *, lag: float = 0.0) -> Stored:
        """Add, or update of what bears the external id. Raises Invalid."""
        if body.get("internalId"):
            raise Invalid("USER_ERROR", "The internalId is not allowed in an upsert; use the externalId")
        if not body.get("externalId"):
            raise Invalid("UNIQUE_RCRD_ID_REQD", "The externalId is required for an upsert")
        found = self.records.of_group(KINDS[kind].group, external=body["externalId"])
        if found is not None and found.kind != kind:
            raise Invalid("DUP_RCRD", "This record already exists: the external id belongs to another record type")
        return self.update(kind, body, lag=lag) if found else self.add(kind, body, lag=lag)

    def delete(self, kind: str, named: Body) -> Stored:
        """Deletes a record. Raises Invalid when others rest on it or its period is closed."""
        stored = self.named(kind, named)
        if kind not in _WRITABLE:
            raise Invalid("INSUFFICIENT_PERMISSION", "You do not have permission to delete this record")
        if kind in TRANSACTIONS:
            self.open_on(stored.body["tranDate"][:10])
            if self.records.applied_to(stored.id):
                raise Invalid(
                    "CANT_DELETE_CHILD_RCRDS_EXIST", "This record cannot be deleted because it has dependent records"
                )
        elif self._used(stored):
            raise Invalid(
                "CANT_DELETE_CHILD_RCRDS_EXIST", "This record cannot be deleted because it has dependent records"
            )
        self.records.remove(stored)
        return stored

    def named(self, kind: str, named: Body) -> Stored:
        """The record that a reference or a body names. Raises Invalid ``RCRD_DSNT_EXIST``."""
        found = None
        if named.get("internalId"):
            found = self.records.find(kind, str(named["internalId"]))
        elif named.get("externalId"):
            found = self.records.of_group(KINDS[kind].group, external=named["externalId"])
        else:
            raise Invalid("UNIQUE_RCRD_ID_REQD", "internalId or externalId is required")
        if found is None or found.kind != kind:
            raise Invalid("RCRD_DSNT_EXIST", "That record does not exist.")
        return found

    def rewrite(self, stored: Stored, body: Body, *, voided: bool = False) -> Stored:
        """Somebody edits a record in the browser: period locks do not stop an administrator there."""
        if voided:
            self.records.write(stored.kind, stored.id, {**stored.body, **body}, origin=stored.origin)
            self.records.post(stored.id, stored.body["tranDate"][:10], self.settings.base_currency, (), stored.origin)
            self.records.apply(stored.id, ())
            return self.named(stored.kind, {"internalId": stored.id})
        return self._keep(stored.kind, stored.id, body, origin=stored.origin, lag=0.0, before=stored, by_hand=True)

    def moment(self, seconds: float) -> str:
        """An instant as the vendor writes it: in the time of the account, with milliseconds and offset."""
        return datetime.fromtimestamp(seconds, UTC).astimezone(self.zone).isoformat(timespec="milliseconds")

    def _offset(self, day: str) -> str:
        return datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=self.zone).isoformat()[-6:]

    def _free(self, kind: str, external: str, without: str = "") -> None:
        if not external:
            return
        if not _EXTERNAL.match(external):
            raise Invalid("USER_ERROR", "An external id consists of letters, digits, underscores and hyphens")
        found = self.records.of_group(KINDS[kind].group, external=external)
        if found is not None and found.id != without:
            raise Invalid("DUP_RCRD", "This record already exists")

    def _keep(
        self, kind: str, id_: str, body: Body, *, origin: str, lag: float, before: Stored | None, by_hand: bool = False
    ) -> Stored:
        if kind not in _WRITABLE:
            raise Invalid("INSUFFICIENT_PERMISSION", f"You do not have permission to write records of type {kind}")
        for name, most in LONGEST.items():
            if len(str(body.get(name, ""))) > most:
                raise Invalid(
                    "EXCEEDED_MAX_FIELD_LENGTH",
                    f"The field {name} contained more than the maximum number ( {most} ) of characters allowed.",
                )
        if kind in TRANSACTIONS:
            self._keep_transaction(kind, id_, body, origin, lag, before, by_hand)
        else:
            self.records.write(kind, id_, self._master(kind, id_, body), origin=origin, lag=lag)
        return self.named(kind, {"internalId": id_})

    def _keep_transaction(
        self, kind: str, id_: str, body: Body, origin: str, lag: float, before: Stored | None, by_hand: bool
    ) -> None:
        day = self.day_of(body)
        if not by_hand:
            self.open_on(day)
            if before is not None:
                self.open_on(before.body["tranDate"][:10])
        if before is not None and before.body.get("status") == "Voided":
            raise Invalid("CANT_MODIFY_VOID_TRANS", "A voided transaction cannot be changed")
        body = {**body, "tranDate": f"{day}T00:00:00.000{self._offset(day)}"}
        body["postingPeriod"] = self._period(body.get("postingPeriod"), day)
        if not body.get("tranId"):
            prefix = KINDS[kind].prefix
            body["tranId"] = f"{prefix}{self.records.store.next_number(f'netsuite_{prefix}'):05d}"
        compute = stand_in_sales.compute if kind in stand_in_sales.SIGNS else stand_in_money.compute
        computed: Computed = compute(self, kind, id_, body)
        currency = computed.body["currency"]["name"]
        self.records.write(kind, id_, computed.body, origin=origin, lag=lag)
        self.records.post(id_, day, currency, computed.postings, origin)
        self.records.apply(id_, computed.applies)

    # --- what transactions share ----------------------------------------------------------------------------------

    def day_of(self, body: Body) -> str:
        """The day of a transaction: its dateTime in the time zone of the account; without one, today."""
        text = str(body.get("tranDate") or "")
        if not text:
            return self.env.clock().astimezone(self.zone).date().isoformat()
        given = datetime.fromisoformat(text)
        return (given.astimezone(self.zone) if given.tzinfo else given).date().isoformat()

    def open_on(self, day: str) -> None:
        """Raises Invalid when the period of that day is closed."""
        locked = self.records.preference("locked_until", "")
        if locked and day <= locked:
            raise Invalid(
                "TRAN_PERIOD_CLOSED", "This transaction cannot be processed because its posting period is closed."
            )

    def _period(self, given: Body | None, day: str) -> Body:
        found = next((p for p in self.records.each(("accountingPeriod",)) if _within(p, day)), None)
        if found is None:
            raise Invalid("INVALID_PERIOD", f"There is no accounting period for {day}")
        if given is not None and given.get("internalId") != found.id:
            other = self.reference(given, ("accountingPeriod",), "postingPeriod")
            self.open_on(other.body["endDate"][:10])
            found = other
        return {"internalId": found.id, "name": found.body["periodName"]}

    def reference(self, given: Any, kinds: Iterable[str], field: str) -> Stored:
        """The active record that a reference names. Raises Invalid ``INVALID_KEY_OR_REF`` or ``USER_ERROR``."""
        names = tuple(kinds)
        if not given or not (given.get("internalId") or given.get("externalId")):
            raise Invalid("USER_ERROR", f"Please enter value(s) for: {field}")
        group = KINDS[names[0]].group
        found = self.records.of_group(
            group, str(given.get("internalId", "")), "" if given.get("internalId") else given["externalId"]
        )
        if found is None or found.kind not in names or found.body.get("isInactive") == "true":
            key = given.get("internalId") or given.get("externalId")
            raise Invalid("INVALID_KEY_OR_REF", f"Invalid {field} reference key {key}.")
        return found

    def account(self, number: str) -> str:
        """The internal id of an account of the chart by its number."""
        return str(1 + next(i for i, row in enumerate(chart.CHART) if row[0] == number))

    def currency(self, given: Body | None, fallback: Body | None = None) -> tuple[Body, str]:
        """The reference of a currency and its code. Raises Invalid."""
        found = self.reference(given or fallback or {"internalId": "1"}, ("currency",), "currency")
        return {"internalId": found.id, "name": found.body["symbol"]}, found.body["symbol"]

    def rate(self, body: Body, code: str) -> Decimal:
        """Units of the base currency for one of the document's. Raises Invalid."""
        if code == self.settings.base_currency:
            return Decimal(1)
        rate = Decimal(body["exchangeRate"]) if body.get("exchangeRate") else self.settings.rate(code)
        if rate <= 0:
            raise Invalid("INVALID_FX_RATE", "The exchange rate must be greater than zero")
        return rate

    def rounded(self, amount: Decimal, code: str) -> Decimal:
        """An amount rounded half up to the precision of the currency record."""
        return amount.quantize(Decimal(1).scaleb(-self.settings.places(code)), ROUND_HALF_UP)

    def home(self, amount: Decimal, rate: Decimal) -> Decimal:
        """An amount in the base currency."""
        return self.rounded(amount * rate, self.settings.base_currency)

    def subsidiary(self, given: Body | None, fallback: Body | None = None) -> Body:
        """The subsidiary of a record; OneWorld demands one. Raises Invalid."""
        alone = None if self.settings.one_world else {"internalId": "1"}
        found = self.reference(given or fallback or alone, ("subsidiary",), "subsidiary")
        return {"internalId": found.id, "name": found.body["name"]}

    # --- masters --------------------------------------------------------------------------------------------------

    def _master(self, kind: str, id_: str, body: Body) -> Body:
        body = dict(body)
        if kind == "customer":
            return self._customer(id_, body)
        if kind == "account":
            if not body.get("acctName") or not body.get("acctType"):
                raise Invalid("USER_ERROR", "Please enter value(s) for: Name, Type")
            self._unique(kind, id_, "acctNumber", body.get("acctNumber", ""), "DUP_ACCT_NUM")
            return body
        if not body.get("itemId"):
            raise Invalid("USER_ERROR", "Please enter value(s) for: Item Name/Number")
        for each in ("nonInventorySaleItem", "serviceSaleItem", "otherChargeSaleItem"):
            self._unique(each, id_, "itemId", body["itemId"], "DUP_ITEM")
        self.reference(body.get("incomeAccount"), ("account",), "incomeAccount")
        if body.get("salesTaxCode"):
            self.reference(body["salesTaxCode"], ("salesTaxItem",), "salesTaxCode")
        return body

    def _customer(self, id_: str, body: Body) -> Body:
        person = body.get("isPerson") == "true"
        name = (
            " ".join(filter(None, (body.get("firstName"), body.get("lastName"))))
            if person
            else body.get("companyName", "")
        )
        if not name or (person and not (body.get("firstName") and body.get("lastName"))):
            raise Invalid(
                "USER_ERROR", f"Please enter value(s) for: {'First Name, Last Name' if person else 'Company Name'}"
            )
        body["entityId"] = body.get("entityId") or name
        self._unique("customer", id_, "entityId", body["entityId"], "DUP_ENTITY")
        body["subsidiary"] = self.subsidiary(body.get("subsidiary"))
        body["currency"] = self.currency(body.get("currency"))[0]
        return body

    def _unique(self, kind: str, id_: str, field: str, value: str, code: str) -> None:
        for stored in self.records.each((kind,)):
            if value and stored.id != id_ and str(stored.body.get(field, "")).casefold() == value.casefold():
                raise Invalid(code, f"A record with this {field} already exists: {value}")

    def _used(self, stored: Stored) -> bool:
        if stored.kind == "account":
            return bool(
                self.records.store.execute("SELECT 1 FROM netsuite_posting WHERE account = ? LIMIT 1", stored.id)
            )
        fields = ("entity", "customer")
        for each in self.records.each(TRANSACTIONS):
            if stored.kind == "customer" and any(
                (each.body.get(f) or {}).get("internalId") == stored.id for f in fields
            ):
                return True
            rows = each.body.get("itemList", {}).get("item", ())
            if stored.kind != "customer" and any(row["item"].get("internalId") == stored.id for row in rows):
                return True
        return False

    def shown(self, stored: Stored) -> Body:
        """The body as it is read: with dates of making and change, and what is still open."""
        shape = SHAPES[KINDS[stored.kind].shape].fields
        made = {"createdDate": stored.made, "dateCreated": stored.made, "lastModifiedDate": stored.updated}
        body = {**stored.body, **{name: self.moment(at) for name, at in made.items() if name in shape}}
        if stored.kind in TRANSACTIONS and body.get("status") != "Voided":
            body |= stand_in_money.standing(self, stored)
        if stored.kind == "accountingPeriod":
            closed = "true" if body["endDate"][:10] <= self.records.preference("locked_until", "") else "false"
            body |= {"closed": closed, "arLocked": closed, "apLocked": closed, "allLocked": closed}
        return body


def refuse_read_only(kind: str, body: Body, *, ignore: bool) -> Body:
    """The body without read-only fields when the preference says so. Raises Invalid ``INSUFFICIENT_PERMISSION`` else."""
    forbidden = (READ_ONLY | _NOT_ON_FORM) if kind in TRANSACTIONS else READ_ONLY
    # A base field of the same name belongs to an item or journal, where it may be set.
    found = [name for name in body if name in forbidden and not (kind == "journalEntry" and name == "reversalEntry")]
    if found and not (ignore and set(found) <= READ_ONLY):
        raise Invalid(
            "INSUFFICIENT_PERMISSION",
            f"You do not have permissions to set a value for element {found[0]} due to one of the following reasons:"
            " 1) The field is read-only; 2) An associated feature is disabled; 3) The field is available either when a"
            " record is created or updated, but not in both cases.",
        )
    return {name: value for name, value in body.items() if name not in found}


def _merged(kind: str, before: Body, body: Body) -> Body:
    """An update: fields that are given replace, names in nullFieldList are blanked, lists replace unless told otherwise."""
    blanked = dict.fromkeys(body.get("nullFieldList", ()))
    after = {**before, **body, **blanked}
    for field in SHAPES[KINDS[kind].shape].fields.values():
        new = body.get(field.name)
        if isinstance(new, dict) and new.get("replaceAll") == "false":
            row_field = next(name for name in new if name != "replaceAll")
            rows = {
                str(row.get("line", i + 1)): row
                for i, row in enumerate((before.get(field.name) or {}).get(row_field, ()))
            }
            for row in new[row_field]:
                key = str(row.get("line") or len(rows) + 1)
                rows[key] = {**_repriced(rows.get(key, {}), row), **row}
            after[field.name] = {row_field: list(rows.values())}
    return {name: value for name, value in after.items() if value is not None and name != "nullFieldList"}


def _repriced(before: Body, row: Body) -> Body:
    """A line without what follows from a price that changes: the tax, and the amount where rate or quantity are given."""
    stale = {"tax1Amt", "grossAmt"} if row.keys() & {"amount", "rate", "quantity", "taxCode"} else set[str]()
    stale |= {"amount"} if row.keys() & {"rate", "quantity"} and (row.get("rate") or before.get("rate")) else set[str]()
    return {name: value for name, value in before.items() if name not in stale}


def month_end(day: date) -> date:
    """The last day of the month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _within(period: Stored, day: str) -> bool:
    body = period.body
    return body["isYear"] == "false" and str(body["startDate"])[:10] <= day <= str(body["endDate"])[:10]
