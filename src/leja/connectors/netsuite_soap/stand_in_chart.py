"""The account that the stand-in of NetSuite SOAP starts with: OneWorld, one subsidiary, legacy tax by line. UK by default."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from leja.core.currency import exponent

# Number, name, acctType; the internal id of an account is its place here
CHART: Final = (
    ("1000", "Current Account", "_bank"), ("1010", "Cash in Till", "_bank"),
    ("1020", "Card Processor Clearing", "_bank"), ("1021", "Online Payments Clearing", "_bank"),
    ("1022", "Second Processor Clearing", "_bank"), ("1023", "Mobile Money Clearing", "_bank"),
    ("1030", "Undeposited Funds", "_otherCurrentAsset"), ("1040", "Disputed Payments", "_otherCurrentAsset"),
    ("1041", "Processor Reserve", "_otherCurrentAsset"), ("1042", "Other Tenders Clearing", "_otherCurrentAsset"),
    ("1043", "Withholding Tax Receivable", "_otherCurrentAsset"), ("1100", "Accounts Receivable", "_accountsReceivable"),
    ("1200", "Inventory Asset", "_otherCurrentAsset"), ("2000", "Accounts Payable", "_accountsPayable"),
    ("2100", "VAT on Sales", "_otherCurrentLiability"), ("2101", "VAT on Purchases", "_otherCurrentLiability"),
    ("2150", "Gift Card Liability", "_otherCurrentLiability"), ("2151", "Customer Deposits", "_otherCurrentLiability"),
    ("2152", "Store Credit Liability", "_otherCurrentLiability"), ("2153", "Tips Payable", "_otherCurrentLiability"),
    ("2154", "Unidentified Receipts", "_otherCurrentLiability"), ("2155", "Deferred Revenue", "_deferredRevenue"),
    ("2160", "PAYE Payable", "_otherCurrentLiability"), ("2161", "Duties Collected", "_otherCurrentLiability"),
    ("3000", "Retained Earnings", "_equity"), ("4000", "Sales", "_income"), ("4010", "Shipping Income", "_income"),
    ("4020", "Wholesale Sales", "_income"), ("4100", "Sales Discounts", "_income"), ("4110", "Sales Returns", "_income"),
    ("4120", "Sales Allowances", "_income"), ("4200", "Gift Card Breakage", "_otherIncome"),
    ("5000", "Cost of Goods Sold", "_costOfGoodsSold"), ("5010", "Stock Shrinkage", "_costOfGoodsSold"),
    ("6000", "Rent", "_expense"), ("6010", "Salaries", "_expense"), ("6020", "Electricity", "_expense"),
    ("6100", "Bank Fees", "_expense"), ("6110", "Payment Processing Fees", "_expense"),
    ("6120", "Dispute Fees", "_expense"), ("6130", "Bad Debts", "_expense"), ("6140", "Cash Over and Short", "_expense"),
    ("6200", "Rounding", "_expense"), ("7000", "Realized Gain and Loss", "_otherExpense"),
)  # fmt: skip
RECEIVABLE, UNDEPOSITED, OUTPUT_TAX, INPUT_TAX, SHIPPING, REALISED = "1100", "1030", "2100", "2101", "4010", "7000"
# itemId, description, rate in percent
TAX_CODES: Final = (
    ("VAT:S-GB", "Standard rate", "20.0%"), ("VAT:R-GB", "Reduced rate", "5.0%"), ("VAT:Z-GB", "Zero rate", "0.0%"),
    ("VAT:E-GB", "Exempt", "0.0%"), ("VAT:O-GB", "Outside the scope", "0.0%"),
)  # fmt: skip
# itemId, kind, number of its income account
ITEMS: Final = (
    ("GOODS", "nonInventorySaleItem", "4000"), ("SHIPPING", "serviceSaleItem", "4010"),
    ("GIFTCARD", "otherChargeSaleItem", "2150"), ("DISCOUNT", "otherChargeSaleItem", "4100"),
    ("WHOLESALE", "nonInventorySaleItem", "4020"),
)  # fmt: skip
CUSTOMERS: Final = ("Ashdown Interiors Ltd", "Brook & Daughters", "Cedar Hotels plc", "Dovecote Gifts")


class AccountSettings(msgspec.Struct, kw_only=True):
    """``environment.settings`` of this stand-in; everything has a default.

    ``versions``: endpoints that are served. ``last_only_from``: from this day only the last of them (the vendor: release
    2027.1); ``gone_from``: from this day none (release 2028.2). The vendor publishes releases, no days: these are ours.
    ``window_seconds``: how far the timestamp of a passport may be off. ``most_records``: per write request;
    ``most_lines``, ``most_journal_lines``: per document. ``one_world``: customers and journals must name their subsidiary.
    ``concurrent``: calls at once, 0 is no limit. ``search_seconds``: how long a search can be paged on. ``time_zone``: a
    dateTime with an offset is taken into it. ``first_period``: accounting periods begin with the year of this month.
    """

    account: str = "1234567_SB1"
    consumer_key: str = "sandbox-consumer-key"
    consumer_secret: str = "sandbox-consumer-secret"  # noqa: S105 - the sandbox's own, no secret
    name: str = "Holloway & Reed Ltd"
    country: str = "_unitedKingdom"
    base_currency: str = "GBP"
    currencies: tuple[str, ...] = ("GBP", "USD", "EUR", "JPY", "KES")
    rates: dict[str, Decimal] = {}
    versions: tuple[str, ...] = ("2023_1", "2023_2", "2024_1", "2024_2", "2025_1", "2025_2")
    last_only_from: str = "2027-03-01"
    gone_from: str = "2028-09-01"
    window_seconds: int = 300
    most_records: int = 200
    most_lines: int = 5000
    most_journal_lines: int = 1000
    concurrent: int = 5
    one_world: bool = True
    search_seconds: int = 900
    time_zone: str = "Europe/London"
    first_period: str = "2009-01"
    foreign: bool = True
    season_end: str = "2010-12-31"
    second_season_end: str = ""

    def places(self, currency: str) -> int:
        """Decimals of the currency record's precision: two or none, as the vendor knows no other."""
        return min(exponent(currency), 2)

    def rate(self, currency: str) -> Decimal:
        """Units of the base currency for one of ``currency``: a fixed list, no market."""
        return Decimal(1) if currency == self.base_currency else self.rates.get(currency, Decimal("0.8"))
