"""The company that the stand-in of SAP Business One starts with: accounts, tax groups, items, partners. UK by default."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from leja.core.currency import exponent

# Code, name, what it is (R revenue, E expense, O other), flags: C cash or bank, L locked for manual entries, T title.
CHART: Final = (
    ("100000", "Assets", "O", "T"), ("110000", "Cash and Bank", "O", "T"),
    ("111010", "Business Current Account", "O", "C"), ("111020", "Cash in Till", "O", "C"),
    ("111030", "Shopify Payments Clearing", "O", "C"), ("111040", "Stripe Clearing", "O", "C"),
    ("111050", "PayPal Clearing", "O", "C"), ("111060", "Card Terminal Clearing", "O", "C"),
    ("111070", "Mobile Money Clearing", "O", "C"), ("111080", "Other Tenders Clearing", "O", "C"),
    ("111090", "Courier Cash on Delivery Clearing", "O", "C"), ("111100", "Cash Clearing", "O", "C"),
    ("111110", "Online Payments Clearing", "O", "C"), ("120010", "Disputed Payments", "O", ""),
    ("120020", "Processor Reserve", "O", ""), ("120030", "Withholding Tax Receivable", "O", ""),
    ("130000", "Trade Debtors", "O", "L"), ("140000", "Inventory", "O", ""),
    ("200000", "Liabilities", "O", "T"), ("210000", "Trade Creditors", "O", "L"),
    ("220010", "Output VAT", "O", ""), ("220020", "Input VAT", "O", ""), ("220030", "PAYE Payable", "O", ""),
    ("220040", "Wages Payable", "O", ""), ("230010", "Gift Card Liability", "O", ""),
    ("230020", "Customer Credits", "O", ""), ("230030", "Deferred Revenue", "O", ""),
    ("230040", "Unidentified Receipts", "O", ""), ("230050", "Tips Payable", "O", ""),
    ("230060", "Customer Deposits", "O", ""), ("230070", "Store Credit Liability", "O", ""),
    ("230080", "Duties Collected", "O", ""), ("230090", "Goods Received Not Invoiced", "O", ""),
    ("300000", "Equity", "O", "T"), ("310010", "Retained Earnings", "O", ""), ("310020", "Opening Balances", "O", ""),
    ("400000", "Turnover", "R", "T"), ("410010", "Sales", "R", ""), ("410020", "Shipping Income", "R", ""),
    ("410030", "Wholesale Sales", "R", ""), ("410040", "Discounts Given", "R", ""),
    ("410050", "Refunds and Returns", "R", ""), ("410060", "Sales Allowances", "R", ""),
    ("420010", "Gift Card Breakage Income", "R", ""), ("420020", "Restocking Fee Income", "R", ""),
    ("500000", "Cost of Sales", "E", "T"), ("510010", "Cost of Goods Sold", "E", ""),
    ("510020", "Shipping Cost", "E", ""), ("510030", "Stock Shrinkage", "E", ""),
    ("600000", "Operating Costs", "E", "T"), ("610010", "Bank Fees", "E", ""),
    ("610020", "Payment Processing Fees", "E", ""), ("610030", "Platform and Advertising Fees", "E", ""),
    ("610040", "Dispute Fees", "E", ""), ("610050", "Chargeback Losses", "E", ""), ("610060", "Bad Debts", "E", ""),
    ("610070", "Cash Over and Short", "E", ""), ("610080", "Payment Differences", "E", ""),
    ("620010", "Rent", "E", ""), ("620020", "Light, Power, Heating", "E", ""), ("620030", "Salaries", "E", ""),
    ("620040", "Insurance", "E", ""), ("700000", "Financing and Other", "E", "T"),
    ("710010", "Realised Currency Differences", "E", ""), ("710020", "Rounding", "E", ""),
)  # fmt: skip
DEBTORS, CREDITORS, INVENTORY, COST = "130000", "210000", "140000", "510010"
SALES, SHIPPING, REALISED, ROUNDING = "410010", "410020", "710010", "710020"
# Code, name, category (O output, I input), rate, account
VAT_GROUPS: Final = (
    ("O1", "Output 20 %", "O", "20", "220010"), ("O2", "Output 5 %", "O", "5", "220010"),
    ("O0", "Output zero rated", "O", "0", "220010"), ("OX", "Output exempt", "O", "0", "220010"),
    ("I1", "Input 20 %", "I", "20", "220020"), ("I2", "Input 5 %", "I", "5", "220020"),
    ("I0", "Input zero rated", "I", "0", "220020"),
)  # fmt: skip
# Code, name, income account
ITEMS: Final = (("SALE", "Goods", "410010"), ("SHIPPING", "Shipping", "410020"), ("GIFTCARD", "Gift card", "230010"))
CUSTOMERS: Final = (
    ("C10000", "Ashdown Interiors Ltd"), ("C20000", "Brook & Daughters"), ("C30000", "Cedar Hotels plc"),
    ("C40000", "Dovecote Gifts"),
)  # fmt: skip
SUPPLIERS: Final = (
    ("V10000", "Harbour Street Properties"), ("V20000", "Northgate Energy"), ("V30000", "Weald Ceramics"),
)  # fmt: skip
CREDIT_CARDS: Final = ((1, "Visa", "111060"), (2, "Mastercard", "111060"))
FREIGHT: Final = 1

# Local currency for one unit of a foreign one: a fixed list, no market.
RATES: Final = {
    "EUR": Decimal("0.85"), "USD": Decimal("0.80"), "JPY": Decimal("0.0055"), "KES": Decimal("0.0062"),
    "NGN": Decimal("0.0005"), "ZAR": Decimal("0.043"), "UGX": Decimal("0.00021"), "KWD": Decimal("2.6"),
    "TND": Decimal("0.25"), "XOF": Decimal("0.0013"),
}  # fmt: skip


class CompanySettings(msgspec.Struct, kw_only=True):
    """``environment.settings`` of this stand-in; everything has a default.

    ``rates``: local currency for one unit of a foreign one, on every day that nobody set a rate of its own for; a
    currency that is missing there must be given a rate first, as the vendor demands. ``segmented``: accounts bear
    system codes (``_SYS...``) and show their number as FormatCode only. ``group_lines_in_vat``: tax on the sum of a tax
    group instead of per row. ``cancel_date``: which day a cancellation bears, ``"document"`` or ``"today"`` (the vendor
    has a setting for it; its default is not confirmed). ``branches``: numbers of branches; every document must then
    name one. ``approval``: documents become drafts. ``reference_check``: a customer reference may be used once
    per customer (Document Settings: block). ``user_fields``: fields that exist from the start, by table, as
    ``Name`` or ``Name:size``; ``user_tables``: tables without object. ``session_minutes``, ``page_size``: of the
    server's configuration. ``season_end``: the year of foreign entries ends there; ``second_season_end`` "" means
    today. ``periods``: first and last year of the posting periods.
    """

    company_db: str = "SBODEMOGB"
    user: str = "manager"
    password: str = "sandbox-password"  # noqa: S105 - the sandbox's own, no secret
    name: str = "Holloway & Reed Ltd"
    country: str = "GB"
    local_currency: str = "GBP"
    system_currency: str = "EUR"
    currencies: tuple[str, ...] = ("GBP", "USD", "EUR", "JPY", "KES", "NGN", "ZAR", "UGX", "KWD", "TND", "XOF")
    rates: dict[str, Decimal] = msgspec.field(default_factory=lambda: dict(RATES))
    segmented: bool = False
    group_lines_in_vat: bool = False
    cancel_date: str = "document"
    branches: tuple[int, ...] = ()
    approval: bool = False
    reference_check: bool = False
    user_fields: dict[str, tuple[str, ...]] = {}
    user_tables: tuple[str, ...] = ()
    session_minutes: int = 30
    page_size: int = 20
    lock_date: str = ""
    foreign: bool = True
    season_end: str = "2010-12-31"
    second_season_end: str = ""
    periods: tuple[int, int] = (2008, 2030)

    def code(self, number: str) -> str:
        """The system code of an account of the chart, which requests must use."""
        return f"_SYS{int(number):011d}" if self.segmented else number

    def places(self, currency: str) -> int:
        """How many decimals amounts of a currency have; the vendor has two unless the currency says otherwise."""
        return exponent(currency)
