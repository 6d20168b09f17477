"""The company that the stand-in of Business Central starts with: accounts, VAT groups, items, names. UK by default."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

import msgspec

from leja.core.currency import exponent

_SPACE: Final = UUID("0d4b3f1e-9a57-4a7e-8c7c-6b2f3b9d1c55")
NOTHING: Final = "00000000-0000-0000-0000-000000000000"
# Number, name, category, VAT product posting group, whether people and interfaces may post to it directly
CHART: Final = (
    ("10100", "Business Current Account", "Assets", "NO VAT", True),
    ("10200", "Cash in Till", "Assets", "NO VAT", True),
    ("10310", "Shopify Payments Clearing", "Assets", "NO VAT", True),
    ("10320", "Stripe Clearing", "Assets", "NO VAT", True),
    ("10330", "PayPal Clearing", "Assets", "NO VAT", True),
    ("10340", "Card Terminal Clearing", "Assets", "NO VAT", True),
    ("10350", "Mobile Money Clearing", "Assets", "NO VAT", True),
    ("10360", "Other Tenders Clearing", "Assets", "NO VAT", True),
    ("10370", "Courier Cash on Delivery Clearing", "Assets", "NO VAT", True),
    ("10380", "Cash Clearing", "Assets", "NO VAT", True),
    ("10390", "Online Payments Clearing", "Assets", "NO VAT", True),
    ("10400", "Accounts Receivable", "Assets", "", False),
    ("10500", "Disputed Payments", "Assets", "NO VAT", True),
    ("10510", "Processor Reserve", "Assets", "NO VAT", True),
    ("10520", "Withholding Tax Receivable", "Assets", "NO VAT", True),
    ("10700", "Inventory", "Assets", "NO VAT", True),
    ("20100", "Accounts Payable", "Liabilities", "", False),
    ("20300", "Sales VAT", "Liabilities", "", True),
    ("20310", "Purchase VAT", "Liabilities", "", True),
    ("20400", "Gift Card Liability", "Liabilities", "NO VAT", True),
    ("20410", "Customer Credits", "Liabilities", "NO VAT", True),
    ("20420", "Deferred Revenue", "Liabilities", "NO VAT", True),
    ("20430", "Unidentified Receipts", "Liabilities", "NO VAT", True),
    ("20440", "Tips Payable", "Liabilities", "NO VAT", True),
    ("20450", "Customer Deposits", "Liabilities", "NO VAT", True),
    ("20460", "Store Credit Liability", "Liabilities", "NO VAT", True),
    ("20470", "Duties Collected", "Liabilities", "NO VAT", True),
    ("20480", "Goods Received Not Invoiced", "Liabilities", "NO VAT", True),
    ("20600", "PAYE and NI Payable", "Liabilities", "NO VAT", True),
    ("30100", "Share Capital", "Equity", "NO VAT", True),
    ("30200", "Retained Earnings", "Equity", "NO VAT", True),
    ("40100", "Sales of Goods", "Income", "STANDARD", True),
    ("40110", "Shipping Income", "Income", "STANDARD", True),
    ("40120", "Wholesale Sales", "Income", "STANDARD", True),
    ("40200", "Discounts Given", "Income", "STANDARD", True),
    ("40210", "Refunds and Returns", "Income", "STANDARD", True),
    ("40220", "Sales Allowances", "Income", "STANDARD", True),
    ("40300", "Gift Card Breakage Income", "Income", "NO VAT", True),
    ("40310", "Restocking Fee Income", "Income", "STANDARD", True),
    ("50100", "Cost of Goods Sold", "Cost of Goods Sold", "NO VAT", True),
    ("50200", "Shipping Cost", "Cost of Goods Sold", "NO VAT", True),
    ("50300", "Stock Shrinkage", "Cost of Goods Sold", "NO VAT", True),
    ("60100", "Rent", "Expense", "NO VAT", True),
    ("60200", "Salaries", "Expense", "NO VAT", True),
    ("60300", "Payment Processing Fees", "Expense", "NO VAT", True),
    ("60310", "Bank Charges", "Expense", "NO VAT", True),
    ("60320", "Platform and Advertising Fees", "Expense", "NO VAT", True),
    ("60330", "Dispute Fees", "Expense", "NO VAT", True),
    ("60340", "Chargeback Losses", "Expense", "NO VAT", True),
    ("60400", "Utilities", "Expense", "NO VAT", True),
    ("60500", "Bad Debts", "Expense", "NO VAT", True),
    ("60600", "Cash Over and Short", "Expense", "NO VAT", True),
    ("60610", "Rounding", "Expense", "NO VAT", True),
    ("60620", "Payment Differences", "Expense", "NO VAT", True),
    ("70100", "Realised Exchange Gains and Losses", "Expense", "NO VAT", True),
    ("70200", "Unrealised Exchange Gains and Losses", "Expense", "NO VAT", True),
)
# Subcategories as the standard chart names them (codeunit "G/L Account Category Mgt."); the rest have their category's own.
SUBCATEGORIES: Final = {
    "10100": "Cash", "10200": "Cash", "10400": "Accounts Receivable", "10700": "Inventory", "Assets": "Current Assets",
    "Liabilities": "Current Liabilities", "30200": "Retained Earnings", "30100": "Common Stock",
}  # fmt: skip
RECEIVABLE, PAYABLE, SALES_VAT, PURCHASE_VAT, BANK = "10400", "20100", "20300", "20310", "10100"
SALES, INVENTORY, COST, SHRINKAGE = "40100", "10700", "50100", "50300"
# Code and name of a VAT product posting group (tax group where sales tax is charged), percentage
VAT_GROUPS: Final = (
    ("STANDARD", "Standard rate", "20"), ("REDUCED", "Reduced rate", "5"), ("ZERO", "Zero rate", "0"),
    ("EXEMPT", "Exempt from VAT", "0"), ("NO VAT", "Outside the scope of VAT", "0"),
)  # fmt: skip
TAX_GROUPS_US: Final = (("TAXABLE", "Taxable", "8.25"), ("NONTAXABLE", "Not taxable", "0"), ("NO VAT", "None", "0"))
# Number, name, type, price, cost, tax group, quantity on hand
ITEMS: Final = (
    ("SALE", "Goods", "Non-Inventory", "0", "0", "STANDARD", "0"),
    ("SHIPPING", "Shipping", "Service", "0", "0", "STANDARD", "0"),
    ("1896-S", "ATHENS Desk", "Inventory", "1000.80", "780.70", "STANDARD", "4"),
)
CUSTOMERS: Final = ("Ashdown Interiors Ltd", "Brook & Daughters", "Cedar Hotels plc", "Dovecote Gifts")
DIMENSIONS: Final = {"DEPARTMENT": ("ADM", "PROD", "SALES"), "CUSTOMERGROUP": ("LARGE", "MEDIUM", "SMALL")}
PAYMENT_TERMS: Final = (
    ("14 DAYS", "Net 14 days", "14D"),
    ("1M(8D)", "1 Month/2% 8 days", "1M"),
    ("CM", "Current Month", "CM"),
)
PAYMENT_METHODS: Final = (("CASH", "Cash payment"), ("CARD", "Card payment"), ("BANK", "Bank transfer"))
UNITS: Final = (("PCS", "Piece", "EA"), ("HOUR", "Hour", "HUR"), ("BOX", "Box", "BX"))


class CompanySettings(msgspec.Struct, kw_only=True):
    """``environment.settings`` of this stand-in; everything has a default.

    ``sales_tax``: a localisation with sales tax (US, CA) instead of VAT. ``rates``: base units for one unit of another
    currency; one rate for all days. ``manual_numbers``: whether the series of customers allows numbers of one's own.
    ``template``: whether new customers get their posting groups from a template.
    ``posting_from``, ``posting_to``: the range of allowed posting dates ("" is open).
    ``per_window``, ``window``: the published limit of requests; 0 is off. ``connections``: processed and queued at once.
    ``page``: rows of a page at most. ``subscriptions``: how many there may be; ``collection_over``: how many changes
    are told one by one; ``webhook_delay``: seconds from the first change to the notification; ``webhook_compress``
    shortens that and the waits of retries.
    ``season_end`` dates the year of foreign entries: it ends on that day; ``second_season_end`` "" means today.
    """

    tenant: str = "7c1f5c4e-2b0e-4a51-9f1a-3a1d5d2f6b70"
    environment: str = "Production"
    company: str = "2a9b6f34-53a4-4e0b-9d3c-8f1b1c0a7e21"
    name: str = "Holloway & Reed Ltd"
    country: str = "GB"
    base_currency: str = "GBP"
    currencies: tuple[str, ...] = ("USD", "EUR", "JPY", "KES", "NGN", "ZAR", "UGX", "KWD", "TND", "XOF")
    rates: dict[str, Decimal] = {}
    sales_tax: bool = False
    manual_numbers: bool = False
    template: bool = True
    posting_from: str = ""
    posting_to: str = ""
    per_window: int = 6000
    window: int = 300
    connections: int = 100
    page: int = 20_000
    access_seconds: int = 3599
    subscriptions: int = 200
    subscription_days: int = 3
    collection_over: int = 1000
    webhook_delay: float = 30.0
    webhook_compress: float = 1000.0
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - the sandbox's own, no secret
    foreign: bool = True
    season_end: str = "2010-12-31"
    second_season_end: str = ""

    def places(self, currency: str) -> int:
        """How many decimals an amount of that currency has."""
        return exponent(currency or self.base_currency)

    def rate(self, currency: str) -> Decimal:
        """Base units for one unit of ``currency``; "" is the base currency itself."""
        if currency in ("", self.base_currency):
            return Decimal(1)
        return self.rates.get(currency, Decimal("0.8"))

    def percentages(self) -> dict[str, Decimal]:
        """The tax groups with their percentages."""
        groups = TAX_GROUPS_US if self.sales_tax else VAT_GROUPS
        return {code: Decimal(percent) for code, _name, percent in groups}


def fixed_id(*words: str) -> str:
    """An id that is the same in every sandbox."""
    return str(uuid5(_SPACE, "/".join(words)))
