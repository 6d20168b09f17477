"""The entity sets of API v2.0 that the stand-in plays, with the fields of each: what may be sent, and of what shape.

A field is ``name:type``; ``!`` means read-only. Types: ``code<n>`` (kept in capitals), ``text<n>``, ``guid``, ``date``,
``moment``, ``decimal``, ``int``, ``bool`` and ``a|b|c`` for options (``_`` is a space). Names and editability are the vendor's published
ones; a test compares them with the entity model. Lengths are those of the v1.0 contract where v2.0 says none. What the
system keeps by itself (``id``, ``lastModifiedDateTime``) is read-only here even where the model leaves that open.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.business_central.stand_in_chart import NOTHING

_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_SELL: Final = (
    "sellToAddressLine1:text100 sellToAddressLine2:text50 sellToCity:text30 sellToCountry:code10 sellToState:text30"
    " sellToPostCode:code20"
)
_BILL: Final = _SELL.replace("sellTo", "billTo")
_SHIP: Final = "shipToName:text100 shipToContact:text100 " + _SELL.replace("sellTo", "shipTo")
_TOTALS: Final = (
    "discountAmount:decimal discountAppliedBeforeTax!:bool totalAmountExcludingTax!:decimal totalTaxAmount!:decimal"
    " totalAmountIncludingTax!:decimal"
)
_CUSTOMER: Final = (
    "customerId:guid customerNumber:code20 customerName!:text100 billToName!:text100 billToCustomerId:guid"
    " billToCustomerNumber:code20"
)
_SHORTCUTS: Final = "shortcutDimension1Code:code20 shortcutDimension2Code:code20"
_CURRENCY: Final = "currencyId:guid currencyCode:code10"
_CHANGED: Final = "lastModifiedDateTime!:moment"
_LINE: Final = (
    "id!:guid documentId:guid sequence:int itemId:guid accountId:guid"
    " lineType:Comment|Account|Item|Resource|Fixed_Asset|Charge lineObjectNumber:code20 description:text100"
    " description2:text50 unitOfMeasureId:guid unitOfMeasureCode:code10 quantity:decimal unitPrice:decimal"
    " discountAmount:decimal discountPercent:decimal discountAppliedBeforeTax!:bool amountExcludingTax!:decimal"
    " taxCode:code20 taxPercent!:decimal totalTaxAmount!:decimal amountIncludingTax!:decimal"
    " invoiceDiscountAllocation!:decimal netAmount!:decimal netTaxAmount!:decimal netAmountIncludingTax!:decimal"
    " shipmentDate:date itemVariantId:guid locationId:guid"
)


class Field(msgspec.Struct, frozen=True):
    """One field: its type, whether it may be written, its length or its options."""

    type: str
    writable: bool
    size: int = 0
    options: tuple[str, ...] = ()

    @property
    def empty(self) -> Any:
        """What the vendor shows where nothing was set."""
        plain: dict[str, Any] = {
            "code": "", "text": "", "guid": NOTHING, "date": "0001-01-01", "moment": "0001-01-01T00:00:00Z",
            "decimal": Decimal(0), "int": 0, "bool": False, "options": self.options[0] if self.options else "",
        }  # fmt: skip
        return plain[self.type]


class EntitySet(msgspec.Struct, frozen=True, kw_only=True):
    """An entity set: its fields, what may be done with it, and what hangs below it (navigation property: set)."""

    name: str
    entity: str
    fields: dict[str, Field]
    insert: bool = False
    modify: bool = False
    delete: bool = False
    below: dict[str, str] = {}
    parent: str = ""
    actions: tuple[str, ...] = ()


class BadRequest(Exception):
    """What the service refuses: HTTP status, the vendor's code, its words."""

    def __init__(self, message: str, code: str = "Application_DialogException", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status


def _fields(text: str) -> dict[str, Field]:
    found = {}
    for part in text.split():
        name, _, kind = part.partition(":")
        shape = re.fullmatch(r"(code|text)(\d+)", kind)
        if shape:
            field = Field(shape[1], not name.endswith("!"), int(shape[2]))
        elif "|" in kind:
            options = tuple(" " if option == "_" else option.replace("_", " ") for option in kind.split("|"))
            field = Field("options", not name.endswith("!"), 0, options)
        else:
            field = Field(kind, not name.endswith("!"))
        found[name.rstrip("!")] = field
    return found


def _set(
    name: str, entity: str, verbs: str, fields: str, *, below: str = "", parent: str = "", actions: str = ""
) -> EntitySet:
    return EntitySet(
        name=name, entity=entity, fields=_fields(fields), insert="i" in verbs, modify="m" in verbs, delete="d" in verbs,
        below={part: part for part in below.split()}, parent=parent, actions=tuple(actions.split()),
    )  # fmt: skip


_ALL: Final = (
    _set("companyInformation", "companyInformation", "m",
         "id!:guid displayName:text100 addressLine1:text100 addressLine2:text50 city:text30 state:text30 country:code10"
         " postalCode:code20 phoneNumber:text30 faxNumber:text30 email:text80 website:text80"
         " taxRegistrationNumber:text20 currencyCode!:code10 currentFiscalYearStartDate!:date industry:text30"
         f" picture!:text1 experience:text250 {_CHANGED}"),
    _set("accounts", "account", "",
         "id!:guid number:code20 displayName:text100 category:text50 subCategory:text80 blocked:bool"
         " accountType:Posting|Heading|Total|Begin-Total|End-Total directPosting:bool netChange:decimal"
         " consolidationTranslationMethod:text50 consolidationDebitAccount:code20 consolidationCreditAccount:code20"
         f" excludeFromConsolidation:bool {_CHANGED}"),
    _set("currencies", "currency", "imd",
         "id!:guid code:code10 displayName:text30 symbol:text10 amountDecimalPlaces:text5"
         f" amountRoundingPrecision:decimal {_CHANGED}"),
    _set("currencyExchangeRates", "currencyExchangeRate", "",
         "id:guid currencyCode:code10 startingDate:date exchangeRateAmount:decimal relationalCurrencyCode:code10"
         f" relationalExchangeRateAmount:decimal {_CHANGED}"),
    _set("generalLedgerSetup", "generalLedgerSetup", "",
         "id:guid allowPostingFrom:date allowPostingTo:date additionalReportingCurrency:code10 localCurrencyCode:code10"
         f" localCurrencySymbol:text10 {_CHANGED} allowQueryFromConsolidation:bool "
         + " ".join(f"shortcutDimension{n}Code:code20" for n in range(1, 9))),
    _set("accountingPeriods", "accountingPeriod", "",
         f"id:guid startingDate:date name:text10 newFiscalYear:bool closed:bool dateLocked:bool {_CHANGED}"),
    _set("taxGroups", "taxGroup", "imd", f"id!:guid code:code20 displayName:text100 taxType!:Sales_Tax|VAT {_CHANGED}"),
    _set("taxAreas", "taxArea", "imd", f"id!:guid code:code20 displayName:text100 taxType!:Sales_Tax|VAT {_CHANGED}"),
    _set("dimensions", "dimension", "", f"id!:guid code:code20 displayName:text30 consolidationCode:code20 {_CHANGED}",
         below="dimensionValues"),
    _set("dimensionValues", "dimensionValue", "",
         f"id!:guid code:code20 dimensionId:guid displayName:text50 consolidationCode:code20 {_CHANGED}",
         parent="dimensionId"),
    _set("paymentTerms", "paymentTerm", "imd",
         "id!:guid code:code10 displayName:text100 dueDateCalculation:text32 discountDateCalculation:text32"
         f" discountPercent:decimal calculateDiscountOnCreditMemos:bool {_CHANGED}"),
    _set("paymentMethods", "paymentMethod", "imd", f"id!:guid code:code10 displayName:text100 {_CHANGED}"),
    _set("unitsOfMeasure", "unitOfMeasure", "imd",
         f"id!:guid code:code10 displayName:text50 internationalStandardCode:code10 symbol:text10 {_CHANGED}"),
    _set("bankAccounts", "bankAccount", "imd",
         f"id!:guid number:code20 displayName:text100 {_CHANGED} bankAccountNumber:text30 blocked:bool"
         " currencyCode:code10 currencyId:guid iban:code50 intercompanyEnabled:bool"),
    _set("customers", "customer", "imd",
         "id!:guid number:code20 displayName:text100 type:Company|Person addressLine1:text100 addressLine2:text50"
         " city:text30 state:text30 country:code10 postalCode:code20 phoneNumber:text30 email:text80 website:text80"
         " salespersonCode:code20 balanceDue!:decimal taxLiable:bool taxAreaId:guid taxAreaDisplayName!:text100"
         " taxRegistrationNumber:text20 currencyId:guid currencyCode:code10 paymentTermsId:guid shipmentMethodId:guid"
         f" paymentMethodId:guid blocked:_|Ship|Invoice|All {_CHANGED}"),
    _set("items", "item", "imd",
         "id!:guid number:code20 displayName:text100 displayName2:text50 type:Inventory|Service|Non-Inventory"
         " itemCategoryId:guid itemCategoryCode:code20 blocked:bool gtin:code14 inventory:decimal unitPrice:decimal"
         " priceIncludesTax:bool unitCost:decimal taxGroupId:guid taxGroupCode:code20 baseUnitOfMeasureId:guid"
         " baseUnitOfMeasureCode:code10 generalProductPostingGroupId:guid generalProductPostingGroupCode:code20"
         f" inventoryPostingGroupId:guid inventoryPostingGroupCode:code20 {_CHANGED}"),
    _set("journals", "journal", "imd",
         f"id!:guid code:code10 displayName:text100 templateDisplayName:text80 {_CHANGED} balancingAccountId:guid"
         " balancingAccountNumber!:code20", below="journalLines", actions="post"),
    _set("journalLines", "journalLine", "imd",
         "id!:guid journalId:guid journalDisplayName:text100 lineNumber:int"
         " accountType:G/L_Account|Customer|Vendor|Bank_Account accountId:guid accountNumber:code20 postingDate:date"
         " documentNumber:code20 externalDocumentNumber:code35 amount:decimal description:text100 comment:text250"
         " taxCode:code20 balanceAccountType:G/L_Account|Customer|Vendor|Bank_Account balancingAccountId:guid"
         f" balancingAccountNumber:code20 {_CHANGED}",
         below="dimensionSetLines", parent="journalId"),
    _set("customerPaymentJournals", "customerPaymentJournal", "imd",
         f"id!:guid code:code10 displayName:text100 {_CHANGED} balancingAccountId:guid balancingAccountNumber!:code20",
         below="customerPayments"),
    _set("customerPayments", "customerPayment", "imd",
         "id!:guid journalId:guid journalDisplayName:text100 lineNumber:int customerId:guid customerNumber:code20"
         " postingDate:date documentNumber:code20 externalDocumentNumber:code35 amount:decimal appliesToInvoiceId:guid"
         f" appliesToInvoiceNumber:code20 description:text100 comment:text250 {_CHANGED}",
         below="dimensionSetLines", parent="journalId"),
    _set("salesInvoices", "salesInvoice", "imd",
         f"id!:guid number!:code20 externalDocumentNumber:code35 invoiceDate:date postingDate:date dueDate:date"
         f" promisedPayDate:date customerPurchaseOrderReference:text35 {_CUSTOMER} {_SHIP} {_SELL}"
         f" {re.sub(':', '!:', _BILL)} currencyId:guid {_SHORTCUTS} currencyCode:code10 orderId!:guid"
         " orderNumber!:code20 paymentTermsId:guid shipmentMethodId:guid salesperson:code20 disputeStatusId:guid"
         f" disputeStatus:code10 pricesIncludeTax!:bool remainingAmount!:decimal {_TOTALS}"
         f" status!:_|Draft|In_Review|Open|Paid|Canceled|Corrective {_CHANGED} phoneNumber:text30 email:text80",
         below="salesInvoiceLines dimensionSetLines",
         actions="post postAndSend send cancel cancelAndSend makeCorrectiveCreditMemo"),
    _set("salesInvoiceLines", "salesInvoiceLine", "imd", _LINE, below="dimensionSetLines", parent="documentId"),
    _set("salesCreditMemos", "salesCreditMemo", "imd",
         f"id!:guid number!:code20 externalDocumentNumber:code35 creditMemoDate:date postingDate:date dueDate:date"
         f" {_CUSTOMER} {_SELL} {_BILL} {_SHORTCUTS} {_CURRENCY} paymentTermsId:guid shipmentMethodId:guid"
         f" salesperson:code20 pricesIncludeTax!:bool {_TOTALS} status!:_|Draft|In_Review|Open|Paid|Canceled|Corrective"
         f" {_CHANGED} invoiceId:guid invoiceNumber:code20 phoneNumber:text30 email:text80 customerReturnReasonId:guid",
         below="salesCreditMemoLines dimensionSetLines", actions="post postAndSend send cancel cancelAndSend"),
    _set("salesCreditMemoLines", "salesCreditMemoLine", "imd", _LINE, below="dimensionSetLines", parent="documentId"),
    _set("salesOrders", "salesOrder", "imd",
         f"id!:guid number!:code20 externalDocumentNumber:code35 orderDate:date postingDate:date {_CUSTOMER} {_SHIP}"
         f" {_SELL} {re.sub(':', '!:', _BILL)} {_SHORTCUTS} {_CURRENCY} pricesIncludeTax:bool paymentTermsId:guid"
         f" shipmentMethodId:guid salesperson:code20 partialShipping:bool requestedDeliveryDate:date {_TOTALS}"
         f" fullyShipped!:bool status!:Draft|In_Review|Open {_CHANGED} phoneNumber:text30 email:text80",
         below="salesOrderLines dimensionSetLines", actions="shipAndInvoice"),
    _set("salesOrderLines", "salesOrderLine", "imd",
         _LINE + " shippedQuantity:decimal invoicedQuantity:decimal invoiceQuantity:decimal shipQuantity:decimal",
         below="dimensionSetLines", parent="documentId"),
    _set("generalLedgerEntries", "generalLedgerEntry", "",
         "id!:guid entryNumber!:int postingDate:date documentNumber:code20"
         " documentType:_|Payment|Invoice|Credit_Memo|Finance_Charge_Memo|Reminder|Refund accountId:guid"
         " accountNumber:code20 description:text100 debitAmount:decimal creditAmount:decimal"
         f" additionalCurrencyDebitAmount:decimal additionalCurrencyCreditAmount:decimal {_CHANGED}",
         below="dimensionSetLines"),
    _set("dimensionSetLines", "dimensionSetLine", "id",
         "id:guid code:code20 consolidationCode!:code20 parentId!:guid parentType!:text50 displayName:text30"
         " valueId:guid valueCode:code20 valueConsolidationCode!:code20 valueDisplayName:text50", parent="parentId"),
)  # fmt: skip
SETS: Final[dict[str, EntitySet]] = {each.name: each for each in _ALL}
DOCUMENTS: Final = {"salesInvoices": "salesInvoiceLines", "salesCreditMemos": "salesCreditMemoLines",
                    "salesOrders": "salesOrderLines"}  # fmt: skip
BATCHES: Final = {"journals": "journalLines", "customerPaymentJournals": "customerPayments"}


def read_body(kind: EntitySet, given: Any, *, partly: bool) -> dict[str, Any]:
    """What was sent, checked field by field; nested sets stand under their names. Raises BadRequest."""
    if not isinstance(given, dict):
        raise BadRequest("Invalid JSON. An unexpected token was found in the JSON reader.", "BadRequest")
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name.startswith("@odata."):
            continue
        if name in kind.below:
            if partly:
                raise BadRequest("Nested resources are not supported in an update.", "BadRequest")
            inner = SETS[kind.below[name]]
            if not isinstance(value, list):
                raise BadRequest(f"A collection was expected for the property '{name}'.", "BadRequest")
            read[name] = [read_body(inner, part, partly=False) for part in value]
            continue
        field = kind.fields.get(name)
        if field is None:
            raise BadRequest(
                f"The property '{name}' does not exist on type 'Microsoft.NAV.{kind.entity}'. Make sure to only use"
                " property names that are defined by the type.", "BadRequest")  # fmt: skip
        if not field.writable:
            raise BadRequest(f"Control '{name}' is read-only.", "Internal_ReadOnlyControl")
        read[name] = read_value(name, field, value)
    return read


def read_value(name: str, field: Field, value: Any) -> Any:
    """One value, of the field's type. Raises BadRequest."""
    if value is None:
        return field.empty
    if field.type in ("code", "text"):
        return _text(name, field, value)
    if field.type == "options":
        if value not in field.options:
            raise BadRequest(
                f"'{value}' is not an option. The existing options are: {','.join(field.options)}", "Unknown"
            )
        return value
    good = {
        "decimal": _is_number,
        "int": _is_int,
        "bool": _is_bool,
        "guid": _is_guid,
        "date": _is_date,
        "moment": _is_moment,
    }
    if not good[field.type](value):
        raise BadRequest(f"Cannot convert the literal '{value}' to the expected type of '{name}'.", "BadRequest")
    if field.type == "decimal":
        return Decimal(value)
    return value.lower() if field.type == "guid" else value


def _text(name: str, field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise BadRequest(
            f"Cannot convert a primitive value to the expected type 'Edm.String' of '{name}'.", "BadRequest"
        )
    if len(value) > field.size:
        raise BadRequest(f"The length of the string is {len(value)}, but it must be less than or equal to {field.size}"
                         f" characters. Value: {value}", "Application_StringExceededLength")  # fmt: skip
    return value.upper().strip() if field.type == "code" else value


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | Decimal) and Decimal(value).is_finite()


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_guid(value: Any) -> bool:
    return isinstance(value, str) and _GUID.match(value) is not None


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False
