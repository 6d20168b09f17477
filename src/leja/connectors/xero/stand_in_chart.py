"""The organisation that the stand-in of Xero starts with: accounts, tax rates, items, contacts. UK by default."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

import msgspec

from leja.core.currency import exponent

_SPACE: Final = UUID("3c1d3c4e-7d7a-4c53-9f53-6a3f0b9f2a11")
# Code, name, Type, TaxType, SystemAccount, EnablePaymentsToAccount
CHART: Final = (
    ("090", "Business Current Account", "BANK", "NONE", "", False),
    ("091", "Cash in Till", "BANK", "NONE", "", False),
    ("092", "Shopify Payments Clearing", "BANK", "NONE", "", False),
    ("093", "Stripe Clearing", "BANK", "NONE", "", False),
    ("094", "PayPal Clearing", "BANK", "NONE", "", False),
    ("200", "Sales", "REVENUE", "OUTPUT2", "", False),
    ("205", "Shipping Income", "REVENUE", "OUTPUT2", "", False),
    ("206", "Wholesale Sales", "REVENUE", "OUTPUT2", "", False),
    ("210", "Discounts Given", "REVENUE", "OUTPUT2", "", False),
    ("211", "Refunds and Returns", "REVENUE", "OUTPUT2", "", False),
    ("212", "Sales Allowances", "REVENUE", "OUTPUT2", "", False),
    ("220", "Gift Card Breakage Income", "OTHERINCOME", "NONE", "", False),
    ("221", "Restocking Fee Income", "OTHERINCOME", "OUTPUT2", "", False),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "NONE", "", False),
    ("311", "Shipping Cost", "DIRECTCOSTS", "INPUT2", "", False),
    ("320", "Stock Shrinkage", "DIRECTCOSTS", "NONE", "", False),
    ("404", "Bank Fees", "OVERHEADS", "NONE", "", False),
    ("405", "Payment Processing Fees", "OVERHEADS", "NONE", "", False),
    ("406", "Platform and Advertising Fees", "OVERHEADS", "INPUT2", "", False),
    ("407", "Dispute Fees", "OVERHEADS", "NONE", "", False),
    ("408", "Chargeback Losses", "OVERHEADS", "NONE", "", False),
    ("409", "Bad Debts", "OVERHEADS", "NONE", "", False),
    ("410", "Cash Over and Short", "OVERHEADS", "NONE", "", True),
    ("411", "Payment Differences", "OVERHEADS", "NONE", "", True),
    ("433", "Insurance", "OVERHEADS", "EXEMPTINPUT", "", False),
    ("445", "Light, Power, Heating", "OVERHEADS", "RRINPUT", "", False),
    ("469", "Rent", "OVERHEADS", "NONE", "", False),
    ("477", "Salaries", "OVERHEADS", "NONE", "", False),
    ("497", "Bank Revaluations", "OVERHEADS", "NONE", "BANKCURRENCYGAIN", False),
    ("498", "Unrealised Currency Gains", "OVERHEADS", "NONE", "UNREALISEDCURRENCYGAIN", False),
    ("499", "Realised Currency Gains", "OVERHEADS", "NONE", "REALISEDCURRENCYGAIN", False),
    ("610", "Accounts Receivable", "CURRENT", "NONE", "DEBTORS", False),
    ("630", "Inventory", "CURRENT", "NONE", "", False),
    ("640", "Card Terminal Clearing", "CURRENT", "NONE", "", True),
    ("641", "Mobile Money Clearing", "CURRENT", "NONE", "", True),
    ("642", "Other Tenders Clearing", "CURRENT", "NONE", "", True),
    ("643", "Courier Cash on Delivery Clearing", "CURRENT", "NONE", "", True),
    ("644", "Cash Clearing", "CURRENT", "NONE", "", True),
    ("645", "Online Payments Clearing", "CURRENT", "NONE", "", True),
    ("650", "Disputed Payments", "CURRENT", "NONE", "", True),
    ("651", "Processor Reserve", "CURRENT", "NONE", "", True),
    ("652", "Withholding Tax Receivable", "CURRENT", "NONE", "", True),
    ("800", "Accounts Payable", "CURRLIAB", "NONE", "CREDITORS", False),
    ("801", "Unpaid Expense Claims", "CURRLIAB", "NONE", "UNPAIDEXPCLM", False),
    ("814", "Wages Payable", "CURRLIAB", "NONE", "WAGEPAYABLES", False),
    ("820", "VAT", "CURRLIAB", "NONE", "GST", False),
    ("825", "PAYE Payable", "CURRLIAB", "NONE", "", False),
    ("830", "Gift Card Liability", "CURRLIAB", "NONE", "", True),
    ("831", "Customer Credits", "CURRLIAB", "NONE", "", True),
    ("832", "Deferred Revenue", "CURRLIAB", "NONE", "", False),
    ("833", "Unidentified Receipts", "CURRLIAB", "NONE", "", True),
    ("834", "Tips Payable", "CURRLIAB", "NONE", "", False),
    ("835", "Customer Deposits", "CURRLIAB", "NONE", "", True),
    ("836", "Store Credit Liability", "CURRLIAB", "NONE", "", True),
    ("837", "Duties Collected", "CURRLIAB", "NONE", "", False),
    ("838", "Goods Received Not Invoiced", "CURRLIAB", "NONE", "", False),
    ("840", "Historical Adjustment", "CURRLIAB", "NONE", "HISTORICAL", False),
    ("860", "Rounding", "CURRLIAB", "NONE", "ROUNDING", False),
    ("877", "Tracking Transfers", "CURRLIAB", "NONE", "TRACKINGTRANSFERS", False),
    ("960", "Retained Earnings", "EQUITY", "NONE", "RETAINEDEARNINGS", False),
)
CLASSES: Final = {
    "BANK": "ASSET", "CURRENT": "ASSET", "FIXED": "ASSET", "INVENTORY": "ASSET", "NONCURRENT": "ASSET",
    "PREPAYMENT": "ASSET", "CURRLIAB": "LIABILITY", "LIABILITY": "LIABILITY", "TERMLIAB": "LIABILITY",
    "EQUITY": "EQUITY", "REVENUE": "REVENUE", "SALES": "REVENUE", "OTHERINCOME": "REVENUE",
    "DIRECTCOSTS": "EXPENSE", "EXPENSE": "EXPENSE", "OVERHEADS": "EXPENSE", "DEPRECIATN": "EXPENSE",
}  # fmt: skip
# TaxType, name, percentage, ReportTaxType
TAX_RATES: Final = (
    ("OUTPUT2", "20% (VAT on Income)", "20", "OUTPUT"), ("INPUT2", "20% (VAT on Expenses)", "20", "INPUT"),
    ("RROUTPUT", "5% (VAT on Income)", "5", "OUTPUT"), ("RRINPUT", "5% (VAT on Expenses)", "5", "INPUT"),
    ("ZERORATEDOUTPUT", "Zero Rated Income", "0", "OUTPUT"), ("ZERORATEDINPUT", "Zero Rated Expenses", "0", "INPUT"),
    ("EXEMPTOUTPUT", "Exempt Income", "0", "OUTPUT"), ("EXEMPTINPUT", "Exempt Expenses", "0", "INPUT"),
    ("NONE", "No VAT", "0", "NONE"),
)  # fmt: skip
ITEMS: Final = (("SALE", "Goods", "200"), ("SHIPPING", "Shipping", "205"), ("GIFTCARD", "Gift card", "830"))
CUSTOMERS: Final = ("Ashdown Interiors Ltd", "Brook & Daughters", "Cedar Hotels plc", "Dovecote Gifts")
SUPPLIERS: Final = ("Harbour Street Properties", "Northgate Energy", "Weald Ceramics")
DEBTORS, CREDITORS, VAT, REALISED = "610", "800", "820", "499"
CONTROLS: Final = frozenset({DEBTORS, CREDITORS, "960"})


class OrganisationSettings(msgspec.Struct, kw_only=True):
    """``environment.settings`` of this stand-in; everything has a default.

    ``decimals``: how many decimals an amount may have at most; the vendor says two, whatever the currency.
    ``key_seconds``: how long an Idempotency-Key is remembered (the vendor publishes nothing; minutes are reported).
    ``advanced``: the commercial tier that may read Journals. ``per_minute``, ``per_day``, ``concurrent``: 0 is off.
    ``webhook_url``: where webhooks go ("" is nowhere), signed with ``webhook_key``; ``webhook_compress`` shortens the
    waits of their retries.
    ``season_end``: the year of foreign entries ends there; ``second_season_end`` "" means today.
    """

    tenant: str = "6f0a3c7e-2f4b-4a53-8d5e-0d5b1b7c9a10"
    name: str = "Holloway & Reed Ltd"
    country: str = "GB"
    base_currency: str = "GBP"
    currencies: tuple[str, ...] = ("GBP", "USD", "EUR", "JPY", "KES", "NGN", "ZAR", "UGX", "KWD", "TND", "XOF")
    rates: dict[str, Decimal] = {}
    decimals: int = 2
    key_seconds: float = 600
    advanced: bool = True
    per_minute: int = 60
    per_day: int = 5000
    concurrent: int = 5
    lock_date: str = ""
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - the sandbox's own, no secret
    foreign: bool = True
    season_end: str = "2010-12-31"
    second_season_end: str = ""
    webhook_url: str = ""
    webhook_compress: float = 10_000.0
    webhook_key: str = "sandbox-webhook-key"

    def places(self, currency: str) -> int:
        """How many decimals an amount of that currency has here."""
        return min(exponent(currency), self.decimals)

    def day_rate(self, currency: str) -> Decimal:
        """Units of ``currency`` for one of the base currency where the caller gives none: a fixed list, no market."""
        return Decimal(1) if currency == self.base_currency else self.rates.get(currency, Decimal("1.25"))


def fixed_id(*words: str) -> str:
    """An id that is the same in every sandbox."""
    return str(uuid5(_SPACE, "/".join(words)))
