"""The company that is found there: settings, accounts, journals, taxes, currencies, customers and products.

The ids of accounts 1, 7, 22 and 27, of the journals and of the taxes are those of the recorded servers (generic chart).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the server is set up.

    ``version``: "16.0" to "19.0". ``home_currency``: of the company; ``currencies``: further active ones with their rate
    (units for one of the home currency, as text). ``database``, ``login``, ``password``: of the only user (id 2).
    ``databases_served``: more than one makes ``X-Odoo-Database`` necessary. ``rounding``: round_per_line or
    round_globally. ``price_digits``: decimals of "Product Price" (18 and older round to them). ``outstanding``: payments rest
    on outstanding accounts and stop at ``in_payment``. ``hooks``: the automation rules' address, "" none. ``pos``: the module
    point_of_sale is installed. ``second_company``: there is another one, with its own journals. ``foreign``: a year of
    foreign entries up to ``season_end``. ``key_days``: life of an API key.
    """

    version: str = "18.0"
    home_currency: str = "USD"
    currencies: dict[str, str] = msgspec.field(default_factory=lambda: {"EUR": "0.92", "GBP": "0.79"})
    database: str = "odoo"
    databases_served: int = 1
    login: str = "admin"
    password: str = "admin"  # noqa: S105 - of an imitation
    rounding: str = "round_per_line"
    price_digits: int = 2
    outstanding: bool = False
    pos: bool = True
    second_company: bool = False
    foreign: bool = True
    season_end: str = ""
    key_days: int = 90
    hooks: str = ""

    @property
    def major(self) -> int:
        """The major version."""
        return int(self.version.split(".")[0])


# (id, code, name, account_type, reconcile)
ACCOUNTS: Final[tuple[tuple[int, str, str, str, bool], ...]] = (
    (1, "101000", "Current Assets", "asset_current", False),
    (2, "101300", "Account Receivable (PoS)", "asset_receivable", True),
    (3, "101401", "Bank", "asset_cash", False),
    (4, "101402", "Bank Suspense Account", "asset_current", True),
    (5, "101403", "Outstanding Receipts", "asset_current", True),
    (6, "101404", "Outstanding Payments", "asset_current", True),
    (7, "121000", "Account Receivable", "asset_receivable", True),
    (8, "101501", "Cash", "asset_cash", False),
    (9, "101701", "Liquidity Transfer", "asset_current", True),
    (10, "101800", "Card Clearing", "asset_current", True),
    (11, "110100", "Stock Valuation", "asset_current", False),
    (12, "131000", "Tax Paid", "asset_current", False),
    (13, "132000", "Tax Receivable", "asset_current", False),
    (14, "141000", "Prepayments", "asset_prepayments", False),
    (15, "151000", "Fixed Assets", "asset_fixed", False),
    (16, "101801", "Wallet Clearing", "asset_current", True),
    (17, "211000", "Account Payable", "liability_payable", True),
    (18, "230000", "Salary Payable", "liability_current", True),
    (19, "230100", "Employee Payroll Taxes", "liability_current", True),
    (20, "240000", "Gift Cards Outstanding", "liability_current", True),
    (21, "240100", "Customer Deposits", "liability_current", True),
    (22, "251000", "Tax Received", "liability_current", False),
    (23, "252000", "Tax Payable", "liability_current", False),
    (24, "301000", "Capital", "equity", False),
    (25, "302000", "Dividends", "equity", False),
    (26, "400100", "Sales Returns", "income", False),
    (27, "400000", "Product Sales", "income", False),
    (28, "400200", "Sales Discounts", "income", False),
    (29, "400300", "Shipping Income", "income", False),
    (30, "441000", "Foreign Exchange Gain", "income_other", False),
    (31, "450000", "Other Income", "income_other", False),
    (32, "500000", "Cost of Goods Sold", "expense_direct_cost", False),
    (33, "600000", "Expenses", "expense", False),
    (34, "612000", "Rent", "expense", False),
    (35, "620000", "Bank Fees", "expense", False),
    (36, "620100", "Processor Fees", "expense", False),
    (37, "630000", "Salary Expenses", "expense", False),
    (38, "641000", "Foreign Exchange Loss", "expense", False),
    (39, "649000", "Rounding Differences", "expense", False),
    (40, "999999", "Undistributed Profits/Losses", "equity_unaffected", False),
)
RECEIVABLE, PAYABLE, INCOME, EXPENSE, SUSPENSE = 7, 17, 27, 33, 4
OUTSTANDING_IN, OUTSTANDING_OUT, FX_GAIN, FX_LOSS, TAX_SALE, TAX_PURCHASE = 5, 6, 30, 38, 22, 12

# (id, name, code, type, default account)
JOURNALS: Final[tuple[tuple[int, str, str, str, int], ...]] = (
    (1, "Customer Invoices", "INV", "sale", INCOME),
    (2, "Vendor Bills", "BILL", "purchase", EXPENSE),
    (3, "Miscellaneous Operations", "MISC", "general", 0),
    (4, "Exchange Difference", "EXCH", "general", 0),
    (5, "Cash Basis Taxes", "CABA", "general", 0),
    (6, "Bank", "BNK1", "bank", 3),
    (7, "Cash", "CSH1", "cash", 8),
    (8, "Card Processor", "CARD", "bank", 10),
)
EXCHANGE_JOURNAL: Final = 4

# (id, name, amount, use, price included)
TAXES: Final[tuple[tuple[int, str, str, str, bool], ...]] = (
    (1, "15%", "15", "sale", False),
    (2, "15%", "15", "purchase", False),
    (3, "VAT20 incl", "20", "sale", True),
    (4, "20%", "20", "sale", False),
    (5, "5%", "5", "sale", False),
    (6, "0%", "0", "sale", False),
    (7, "20%", "20", "purchase", False),
    (8, "7.5%", "7.5", "sale", False),
)
CURRENCIES: Final[tuple[tuple[str, str, int], ...]] = (
    ("USD", "$", 2), ("EUR", "€", 2), ("GBP", "£", 2), ("JPY", "¥", 0), ("CHF", "CHF", 2), ("CAD", "$", 2), ("KWD", "KD", 3),
)  # fmt: skip
COUNTRIES: Final = {233: ("United States", "US"), 231: ("United Kingdom", "GB"), 57: ("Germany", "DE"), 75: ("France", "FR")}
CUSTOMERS: Final = ("Azure Interior", "Deco Addict", "Gemini Furniture", "Ready Mat", "The Jackson Group")
SUPPLIERS: Final = ("Harbour Estates", "City Power", "Lumber Inc")
PRODUCTS: Final = (("W-2", "Desk Lamp", "34.50"), ("W-1", "Widget", "19.99"), ("G-1", "Gadget", "7.25"))


def currencies() -> list[tuple[int, str, str, int]]:
    """The currencies with their ids; those of a fresh database: 1 is the US dollar."""
    return [(n, code, symbol, places) for n, (code, symbol, places) in enumerate(CURRENCIES, 1)]


def account_values(row: tuple[int, str, str, str, bool], settings: Settings, company: int) -> dict[str, Any]:
    """A row of ACCOUNTS as values of ``account.account``."""
    _id, code, name, kind, reconcile = row
    values: dict[str, Any] = {"code": code, "name": name, "account_type": kind, "reconcile": reconcile}
    if settings.major >= 18:
        values["company_ids"] = [[6, 0, [company]]]
    else:
        values["company_id"] = company
    return values | ({"active": True} if settings.major >= 19 else {})
