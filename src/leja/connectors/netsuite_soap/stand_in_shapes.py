"""The records and searches that the stand-in knows: their fields in the order of the vendor's schema, by kind.

A word is a field: ``name`` text, ``:d`` decimal, ``:l`` whole number, ``:b`` boolean, ``:t`` date and time, ``:r`` RecordRef,
``:R`` RecordRefList, ``:N`` the names to be blanked, ``:Type`` another type, ``*`` repeated. What the vendor knows beyond these
is refused like an unknown field. Source: the WSDL of version 2023.2, which the tests hold against these tables.
"""

from __future__ import annotations

from typing import Final

import msgspec

_TABLE: Final = {
    "Invoice": (
        "sales.transactions",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t taxDetailsOverride:b entity:r tranDate:t tranId taxPointDate:t "
            "createdFrom:r postingPeriod:r department:r class:r terms:r location:r subsidiary:r currency:r dueDate:t "
            "discountDate:t discountAmount:d salesRep:r otherRefNum memo amountPaid:d amountRemaining:d balance:d account:r "
            "exchangeRate:d currencyName discountItem:r discountRate isTaxable:b taxItem:r taxRate:d shipMethod:r "
            "shippingCost:d shippingTax1Rate:d shippingTax2Rate shippingTaxCode:r handlingTaxCode:r handlingTax1Rate:d "
            "handlingCost:d handlingTax2Rate subTotal:d discountTotal:d taxTotal:d total:d status email vatRegNum "
            "itemList:InvoiceItemList approvalStatus:r"
        ),
    ),
    "InvoiceItemList": (
        "sales.transactions",
        "item:InvoiceItem*",
    ),
    "InvoiceItem": (
        "sales.transactions",
        (
            "item:r line:l description amount:d isTaxable:b quantity:d price:r rate quantityOnHand:d quantityAvailable:d "
            "quantityOrdered:d quantityRemaining:d quantityFulfilled:d amountOrdered:d department:r class:r location:r "
            "grossAmt:d taxDetailsReference excludeFromRateRequest:b tax1Amt:d taxCode:r taxRate1:d taxRate2:d taxAmount:d "
            "shipMethod:r"
        ),
    ),
    "CashSale": (
        "sales.transactions",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t taxDetailsOverride:b entity:r tranDate:t tranId taxPointDate:t "
            "postingPeriod:r createdFrom:r department:r class:r location:r subsidiary:r salesRep:r otherRefNum memo "
            "undepFunds:b currency:r account:r exchangeRate:d currencyName discountItem:r discountRate isTaxable:b taxItem:r "
            "taxRate:d checkNumber shipMethod:r shippingCost:d shippingTax1Rate:d shippingTax2Rate shippingTaxCode:r "
            "handlingTaxCode:r handlingTax1Rate:d handlingCost:d handlingTax2Rate paymentMethod:r subTotal:d discountTotal:d "
            "taxTotal:d total:d status email vatRegNum itemList:CashSaleItemList"
        ),
    ),
    "CashSaleItemList": (
        "sales.transactions",
        "item:CashSaleItem*",
    ),
    "CashSaleItem": (
        "sales.transactions",
        (
            "item:r line:l quantityAvailable:d quantityOnHand:d quantityFulfilled:d quantity:d description price:r rate "
            "amount:d isTaxable:b department:r class:r location:r grossAmt:d excludeFromRateRequest:b taxDetailsReference "
            "amountOrdered:d tax1Amt:d quantityOrdered:d quantityRemaining:d taxCode:r taxRate1:d taxRate2:d taxAmount:d "
            "shipMethod:r"
        ),
    ),
    "CreditMemo": (
        "customers.transactions",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t taxDetailsOverride:b currency:r entity:r vatRegNum tranDate:t "
            "tranId taxPointDate:t createdFrom:r postingPeriod:r department:r class:r location:r subsidiary:r salesRep:r "
            "otherRefNum memo balance:d account:r exchangeRate:d amountPaid:d currencyName amountRemaining:d discountItem:r "
            "discountRate isTaxable:b taxItem:r taxRate:d unapplied:d autoApply:b applied:d email shipMethod:r shippingCost:d "
            "shippingTax1Rate:d shippingTaxCode:r handlingTaxCode:r shippingTax2Rate handlingTax1Rate:d handlingTax2Rate "
            "handlingCost:d subTotal:d discountTotal:d taxTotal:d isMultiShipTo:b total:d status itemList:CreditMemoItemList "
            "applyList:CreditMemoApplyList"
        ),
    ),
    "CreditMemoItemList": (
        "customers.transactions",
        "item:CreditMemoItem*",
    ),
    "CreditMemoItem": (
        "customers.transactions",
        (
            "item:r line:l quantity:d description price:r rate amount:d isTaxable:b shipCarrier shipMethod:r taxCode:r "
            "taxRate1:d taxRate2:d tax1Amt:d grossAmt:d department:r class:r location:r taxDetailsReference taxAmount:d"
        ),
    ),
    "CreditMemoApplyList": (
        "customers.transactions",
        "apply:CreditMemoApply*",
    ),
    "CreditMemoApply": (
        "customers.transactions",
        "apply:b doc:l applyDate:t type refNum total:d due:d currency amount:d line:l",
    ),
    "CashRefund": (
        "customers.transactions",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t taxDetailsOverride:b entity:r vatRegNum tranDate:t tranId "
            "taxPointDate:t createdFrom:r postingPeriod:r department:r class:r location:r subsidiary:r salesRep:r otherRefNum "
            "memo refundCheck:b toPrint2:b account:r currency:r exchangeRate:d currencyName discountItem:r discountRate "
            "isTaxable:b taxItem:r taxRate:d email checkNumber shipMethod:r shippingTaxCode:r shippingTax1Rate:d "
            "shippingTax2Rate shippingCost:d handlingTaxCode:r handlingTax1Rate:d handlingTax2Rate handlingCost:d "
            "paymentMethod:r subTotal:d discountTotal:d taxTotal:d total:d status itemList:CashRefundItemList"
        ),
    ),
    "CashRefundItemList": (
        "customers.transactions",
        "item:CashRefundItem*",
    ),
    "CashRefundItem": (
        "customers.transactions",
        (
            "item:r line:l quantity:d description price:r rate amount:d taxCode:r taxRate1 taxRate2 tax1Amt:d grossAmt:d "
            "isTaxable:b department:r class:r location:r taxDetailsReference taxAmount:d"
        ),
    ),
    "CustomerPayment": (
        "customers.transactions",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t arAcct:r customer:r balance:d pending:d currency:r payment:d "
            "autoApply:b tranDate:t tranId postingPeriod:r paymentMethod:r memo checkNum currencyName exchangeRate:d "
            "undepFunds:b account:r total:d subsidiary:r applied:d unapplied:d class:r department:r location:r checkNumber "
            "status applyList:CustomerPaymentApplyList"
        ),
    ),
    "CustomerPaymentApplyList": (
        "customers.transactions",
        "apply:CustomerPaymentApply*",
    ),
    "CustomerPaymentApply": (
        "customers.transactions",
        "apply:b doc:l line:l applyDate:t type refNum total:d due:d currency discDate:t discAmt:d disc:d amount:d",
    ),
    "JournalEntry": (
        "general.transactions",
        (
            "nullFieldList:N postingPeriod:r tranDate:t currency:r exchangeRate:d tranId reversalDate:t reversalDefer:b "
            "reversalEntry createdFrom:r department:r class:r location:r subsidiary:r taxPointDate:t memo toSubsidiary:r "
            "approved:b createdDate:t lastModifiedDate:t lineList:JournalEntryLineList"
        ),
    ),
    "JournalEntryLineList": (
        "general.transactions",
        "line:JournalEntryLine*",
    ),
    "JournalEntryLine": (
        "general.transactions",
        (
            "account:r line:l debit:d credit:d taxAccount:r lineTaxCode:r lineTaxRate:d debitTax:d creditTax:d taxBasis:d "
            "totalAmount:d taxCode:r memo taxRate1:d entity:r grossAmt:d department:r class:r location:r tax1Amt:d tax1Acct:r"
        ),
    ),
    "Customer": (
        "relationships.lists",
        (
            "nullFieldList:N entityId altName isPerson:b phoneticName salutation firstName middleName lastName companyName "
            "entityStatus:r parent:r phone email url defaultAddress isInactive:b category:r title printOnCheckAs altPhone "
            "homePhone mobilePhone altEmail language comments dateCreated:t emailPreference subsidiary:r salesRep:r "
            "vatRegNumber accountNumber taxExempt:b terms:r creditLimit:d creditHoldOverride balance:d overdueBalance:d "
            "daysOverdue:l unbilledOrders:d priceLevel:r currency:r depositBalance:d taxable:b taxItem:r receivablesAccount:r "
            "webLead lastPageVisited lastModifiedDate:t emailTransactions:b printTransactions:b"
        ),
    ),
    "NonInventorySaleItem": (
        "accounting.lists",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t salesDescription includeChildren:b incomeAccount:r isTaxable:b "
            "matrixType taxSchedule:r shippingCost:d shippingCostUnits handlingCost:d handlingCostUnits isFulfillable:b "
            "pricesIncludeTax:b quantityPricingSchedule:r useMarginalRates:b overallQuantityPricingType pricingGroup:r "
            "itemRevenueCategory:r createRevenuePlansOn:r directRevenuePosting:b contingentRevenueHandling:b "
            "excludeFromSitemap:b urlComponent itemId upcCode parent:r isOnline:b isGcoCompliant:b offerSupport:b "
            "isInactive:b matrixItemNameTemplate availableToPartners:b department:r class:r location:r "
            "defaultItemShipMethod:r itemCarrier itemShipMethodList:R subsidiaryList:R purchaseTaxCode:r rate:d "
            "salesTaxCode:r consumptionUnit:r"
        ),
    ),
    "ServiceSaleItem": (
        "accounting.lists",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t salesDescription includeChildren:b incomeAccount:r isTaxable:b "
            "matrixType taxSchedule:r pricesIncludeTax:b quantityPricingSchedule:r useMarginalRates:b "
            "overallQuantityPricingType isFulfillable:b pricingGroup:r itemRevenueCategory:r createRevenuePlansOn:r "
            "directRevenuePosting:b contingentRevenueHandling:b createJob:b matrixItemNameTemplate urlComponent "
            "excludeFromSitemap:b itemId upcCode parent:r isOnline:b isGcoCompliant:b offerSupport:b isInactive:b "
            "availableToPartners:b department:r class:r location:r subsidiaryList:R purchaseTaxCode:r rate:d salesTaxCode:r "
            "consumptionUnit:r"
        ),
    ),
    "OtherChargeSaleItem": (
        "accounting.lists",
        (
            "nullFieldList:N createdDate:t lastModifiedDate:t salesDescription includeChildren:b incomeAccount:r isTaxable:b "
            "matrixType taxSchedule:r isFulfillable:b pricesIncludeTax:b quantityPricingSchedule:r useMarginalRates:b "
            "overallQuantityPricingType pricingGroup:r itemId upcCode parent:r isOnline:b isGcoCompliant:b offerSupport:b "
            "isInactive:b matrixItemNameTemplate availableToPartners:b department:r class:r location:r itemRevenueCategory:r "
            "createRevenuePlansOn:r directRevenuePosting:b contingentRevenueHandling:b subsidiaryList:R purchaseTaxCode:r "
            "rate:d salesTaxCode:r consumptionUnit:r"
        ),
    ),
    "Account": (
        "accounting.lists",
        (
            "nullFieldList:N acctType unit:r acctNumber acctName legalName includeChildren:b currency:r exchangeRate parent:r "
            "description isInactive:b department:r class:r location:r inventory:b subsidiaryList:R tranDate:t revalue:b"
        ),
    ),
    "SalesTaxItem": (
        "accounting.lists",
        (
            "nullFieldList:N itemId description rate taxType:r taxAgency:r purchaseAccount:r saleAccount:r isInactive:b "
            "effectiveFrom:t validUntil:t subsidiaryList:R includeChildren:b eccode:b reverseCharge:b parent:r service:b "
            "exempt:b isDefault:b excludeFromTaxReports:b available export:b taxAccount:r name"
        ),
    ),
    "Subsidiary": (
        "accounting.lists",
        (
            "nullFieldList:N name parent:r isInactive:b url tranPrefix country legalName isElimination:b email currency:r "
            "federalIdNumber"
        ),
    ),
    "Currency": (
        "accounting.lists",
        "nullFieldList:N name symbol isBaseCurrency:b isInactive:b locale formatSample exchangeRate:d currencyPrecision",
    ),
    "AccountingPeriod": (
        "accounting.lists",
        (
            "nullFieldList:N periodName parent:r startDate:t endDate:t closedOnDate:t isAdjust:b isQuarter:b isYear:b "
            "closed:b apLocked:b arLocked:b allLocked:b allowNonGLChanges:b"
        ),
    ),
}
# S text, T text that may be a number, D date, M references, E enumeration, B boolean, L number
_SEARCHES: Final = {
    "Transaction": (
        "sales.transactions",
        (
            "account:M accountType:E amount:L createdFrom:M currency:M dateCreated:D dueDate:D entity:M externalId:M "
            "externalIdString:S internalId:M internalIdNumber:L lastModifiedDate:D mainLine:B memo:S memoMain:S "
            "otherRefNum:T posting:B status:E subsidiary:M tranDate:D tranId:S type:E voided:B"
        ),
    ),
    "Account": (
        "accounting.lists",
        (
            "description:S externalId:M externalIdString:S internalId:M internalIdNumber:L isInactive:B name:S number:S "
            "parent:M subsidiary:M type:E"
        ),
    ),
    "Customer": (
        "relationships.lists",
        (
            "companyName:S currency:M dateCreated:D email:S entityId:S externalId:M externalIdString:S internalId:M "
            "internalIdNumber:L isInactive:B isPerson:B lastModifiedDate:D parent:M subsidiary:M"
        ),
    ),
    "Item": (
        "accounting.lists",
        (
            "externalId:M externalIdString:S internalId:M internalIdNumber:L isInactive:B itemId:S lastModifiedDate:D "
            "parent:M subsidiary:M type:E"
        ),
    ),
    "AccountingPeriod": (
        "accounting.lists",
        (
            "closed:B endDate:D internalId:M internalIdNumber:L isInactive:B isQuarter:B isYear:B parent:M periodName:S "
            "startDate:D"
        ),
    ),
    "Subsidiary": (
        "accounting.lists",
        "currency:M email:S externalId:M externalIdString:S internalId:M internalIdNumber:L isInactive:B name:S",
    ),
    "SalesTaxItem": (
        "accounting.lists",
        "description:S externalId:M externalIdString:S internalId:M internalIdNumber:L isInactive:B itemId:S name:S",
    ),
}


class Field(msgspec.Struct, frozen=True):
    """One field: its kind as above ("s" is text) or the name of its type, and whether it is repeated."""

    name: str
    kind: str
    many: bool = False


class Shape(msgspec.Struct, frozen=True):
    """A type of the vendor's: the key of its namespace (``sales.transactions``) and its fields by name, in order."""

    name: str
    space: str
    fields: dict[str, Field]


class Kind(msgspec.Struct, frozen=True):
    """A kind of record: RecordType, the shape, the group whose external ids are one space, the series of its numbers."""

    name: str
    shape: str
    group: str
    transaction_type: str = ""
    prefix: str = ""


def _shape(name: str, space: str, words: str) -> Shape:
    fields = {}
    for word in words.split():
        field, _, kind = word.partition(":")
        fields[field] = Field(field, kind.rstrip("*") or "s", kind.endswith("*"))
    return Shape(name, space, fields)


SHAPES: Final = {name: _shape(name, space, words) for name, (space, words) in _TABLE.items()}
SEARCHES: Final = {
    name: _shape(f"{name}SearchBasic", "common.platform", words) for name, (_, words) in _SEARCHES.items()
}
SEARCH_SPACES: Final = {name: space for name, (space, _) in _SEARCHES.items()}
KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("invoice", "Invoice", "transaction", "_invoice", "INV"),
        Kind("cashSale", "CashSale", "transaction", "_cashSale", "CS"),
        Kind("creditMemo", "CreditMemo", "transaction", "_creditMemo", "CM"),
        Kind("cashRefund", "CashRefund", "transaction", "_cashRefund", "CR"),
        Kind("customerPayment", "CustomerPayment", "transaction", "_customerPayment", "PYMT"),
        Kind("journalEntry", "JournalEntry", "transaction", "_journal", "JE"),
        Kind("customer", "Customer", "entity"),
        Kind("nonInventorySaleItem", "NonInventorySaleItem", "item"),
        Kind("serviceSaleItem", "ServiceSaleItem", "item"),
        Kind("otherChargeSaleItem", "OtherChargeSaleItem", "item"),
        Kind("account", "Account", "account"),
        Kind("salesTaxItem", "SalesTaxItem", "taxcode"),
        Kind("subsidiary", "Subsidiary", "subsidiary"),
        Kind("currency", "Currency", "currency"),
        Kind("accountingPeriod", "AccountingPeriod", "period"),
    )
}
BY_SHAPE: Final = {kind.shape: kind for kind in KINDS.values()}
TRANSACTIONS: Final = tuple(name for name, kind in KINDS.items() if kind.group == "transaction")
ITEMS: Final = tuple(name for name, kind in KINDS.items() if kind.group == "item")
SEARCHED: Final = {
    "Transaction": TRANSACTIONS, "Account": ("account",), "Customer": ("customer",), "Item": ITEMS,
    "AccountingPeriod": ("accountingPeriod",), "Subsidiary": ("subsidiary",), "SalesTaxItem": ("salesTaxItem",),
}  # fmt: skip
READ_ONLY: Final = frozenset(
    [
        "createdDate",
        "lastModifiedDate",
        "total",
        "subTotal",
        "taxTotal",
        "discountTotal",
        "status",
        "amountPaid",
        "amountRemaining",
        "balance",
        "currencyName",
        "applied",
        "unapplied",
        "pending",
        "dateCreated",
        "overdueBalance",
        "depositBalance",
        "unbilledOrders",
    ]
)
LONGEST: Final = {"tranId": 45, "otherRefNum": 45, "memo": 999, "entityId": 83, "companyName": 83, "itemId": 60}
"""Characters that a field takes at most. The help pages tell most of them; not judged by the schema."""
