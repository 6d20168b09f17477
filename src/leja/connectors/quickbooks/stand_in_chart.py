"""The company that the stand-in of QuickBooks starts with: accounts, tax codes, items, names. UK by default."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.core.currency import exponent

# Id, number, name, AccountType, AccountSubType
CHART: Final = (
    (1, "1000", "Business Current Account", "Bank", "Checking"),
    (2, "1010", "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    (3, "1100", "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    (4, "1200", "Cash in Till", "Bank", "CashOnHand"),
    (5, "1210", "Shopify Payments Clearing", "Bank", "Checking"),
    (6, "1220", "Stripe Clearing", "Bank", "Checking"),
    (7, "1230", "PayPal Clearing", "Bank", "Checking"),
    (8, "1240", "Card Terminal Clearing", "Other Current Asset", "OtherCurrentAssets"),
    (9, "1250", "Mobile Money Clearing", "Bank", "Checking"),
    (10, "1260", "Other Tenders Clearing", "Other Current Asset", "OtherCurrentAssets"),
    (11, "1270", "Courier Cash on Delivery Clearing", "Other Current Asset", "OtherCurrentAssets"),
    (12, "1280", "Disputed Payments", "Other Current Asset", "OtherCurrentAssets"),
    (13, "1290", "Processor Reserve", "Other Current Asset", "OtherCurrentAssets"),
    (14, "1300", "Inventory Asset", "Other Current Asset", "Inventory"),
    (15, "1310", "Cash in Transit", "Other Current Asset", "OtherCurrentAssets"),
    (16, "1320", "Withholding Tax Receivable", "Other Current Asset", "OtherCurrentAssets"),
    (20, "2000", "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    (21, "2100", "VAT Control", "Other Current Liability", "GlobalTaxPayable"),
    (22, "2110", "VAT Suspense", "Other Current Liability", "GlobalTaxSuspense"),
    (23, "2200", "Gift Card Liability", "Other Current Liability", "OtherCurrentLiabilities"),
    (24, "2210", "Customer Credits", "Other Current Liability", "OtherCurrentLiabilities"),
    (25, "2220", "Deferred Revenue", "Other Current Liability", "DeferredRevenue"),
    (26, "2230", "Unidentified Receipts", "Other Current Liability", "OtherCurrentLiabilities"),
    (27, "2240", "Tips Payable", "Other Current Liability", "OtherCurrentLiabilities"),
    (28, "2250", "Customer Deposits", "Other Current Liability", "OtherCurrentLiabilities"),
    (29, "2260", "Duties Collected", "Other Current Liability", "OtherCurrentLiabilities"),
    (30, "2270", "Store Credit Liability", "Other Current Liability", "OtherCurrentLiabilities"),
    (31, "2300", "PAYE and NI Payable", "Other Current Liability", "PayrollTaxPayable"),
    (32, "2310", "Goods Received Not Invoiced", "Other Current Liability", "OtherCurrentLiabilities"),
    (35, "3000", "Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    (36, "3100", "Retained Earnings", "Equity", "RetainedEarnings"),
    (40, "4000", "Sales of Product Income", "Income", "SalesOfProductIncome"),
    (41, "4010", "Shipping Income", "Income", "ServiceFeeIncome"),
    (42, "4100", "Discounts Given", "Income", "DiscountsRefundsGiven"),
    (43, "4110", "Refunds and Returns", "Income", "DiscountsRefundsGiven"),
    (44, "4120", "Sales Allowances", "Income", "DiscountsRefundsGiven"),
    (45, "4200", "Wholesale Sales", "Income", "SalesOfProductIncome"),
    (46, "4300", "Gift Card Breakage Income", "Income", "OtherPrimaryIncome"),
    (47, "4310", "Restocking Fee Income", "Income", "OtherPrimaryIncome"),
    (48, "4900", "Uncategorised Income", "Income", "OtherPrimaryIncome"),
    (50, "5000", "Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    (51, "5100", "Shipping Cost", "Cost of Goods Sold", "ShippingFreightDeliveryCos"),
    (52, "5200", "Stock Shrinkage", "Cost of Goods Sold", "OtherCostsOfServiceCos"),
    (60, "6000", "Rent or Lease", "Expense", "RentOrLeaseOfBuildings"),
    (61, "6100", "Wages and Salaries", "Expense", "PayrollExpenses"),
    (62, "6200", "Payment Processing Fees", "Expense", "BankCharges"),
    (63, "6210", "Bank Charges", "Expense", "BankCharges"),
    (64, "6220", "Platform and Advertising Fees", "Expense", "AdvertisingPromotional"),
    (65, "6230", "Dispute Fees", "Expense", "BankCharges"),
    (66, "6240", "Chargeback Losses", "Expense", "BadDebts"),
    (67, "6300", "Utilities", "Expense", "Utilities"),
    (68, "6400", "Bad Debts", "Expense", "BadDebts"),
    (69, "6500", "Cash Over and Short", "Expense", "OtherMiscellaneousServiceCost"),
    (70, "6510", "Rounding", "Expense", "OtherMiscellaneousServiceCost"),
    (71, "6520", "Payment Differences", "Expense", "OtherMiscellaneousServiceCost"),
    (72, "6600", "Insurance", "Expense", "Insurance"),
    (80, "7000", "Exchange Gain or Loss", "Other Expense", "ExchangeGainOrLoss"),
)
BANK, UNDEPOSITED, RECEIVABLE, PAYABLE, VAT, DISCOUNTS, EXCHANGE = "1", "2", "3", "20", "21", "42", "80"

_CLASS: Final = {
    "Bank": "Asset", "Other Current Asset": "Asset", "Accounts Receivable": "Asset", "Fixed Asset": "Asset",
    "Accounts Payable": "Liability", "Other Current Liability": "Liability", "Credit Card": "Liability",
    "Equity": "Equity", "Income": "Revenue", "Other Income": "Revenue", "Cost of Goods Sold": "Expense",
    "Expense": "Expense", "Other Expense": "Expense",
}  # fmt: skip
# Id, name, sales percentage; None is a code without a rate
TAX_CODES_GB: Final = (
    (2, "20.0% S", "20"), (3, "5.0% R", "5"), (4, "0.0% Z", "0"), (5, "Exempt", "0"), (6, "No VAT", "0"),
)  # fmt: skip
ITEMS: Final = (
    (1, "Sales", "40"), (2, "Shipping", "41"), (3, "Gift card", "23"), (4, "Tip", "27"), (5, "Wholesale goods", "45"),
    (6, "Rounding", "70"), (7, "Hours", "48"),
)  # fmt: skip
CUSTOMERS: Final = ("Ashdown Interiors Ltd", "Brook & Daughters", "Cedar Hotels plc", "Dovecote Gifts")
VENDORS: Final = (
    "Harbour Street Properties", "Northgate Energy", "Pennant Packaging Ltd", "Weald Ceramics", "Atlas Insurance",
)  # fmt: skip


class CompanySettings(msgspec.Struct, kw_only=True):
    """``environment.settings`` of this stand-in; everything has a default.

    ``decimals`` is how many decimals an amount may have at most: the vendor's documents say two, whatever the currency.
    ``per_minute``, ``per_second``, ``batches_per_minute``: the published limits, 0 switches one off.
    ``reads_per_month``: how many metered reads (query, CDC, single reads, reports) a calendar month has, then 429; 0 is
    no end. ``webhook_url``: where webhooks go ("" is nowhere), signed with ``verifier_token``; ``webhook_compress``
    shortens the waits of their retries.
    ``season_end`` dates the year of foreign entries: it ends on that day; ``foreign`` false leaves them out.
    """

    realm: str = "9130357"
    company: str = "Holloway & Reed Ltd"
    country: str = "GB"
    home_currency: str = "GBP"
    currencies: tuple[str, ...] = ("GBP", "USD", "EUR", "JPY", "KES", "NGN", "ZAR", "UGX", "KWD", "TND", "XOF")
    multicurrency: bool = True
    rates: dict[str, Decimal] = {}
    decimals: int = 2
    custom_numbers: bool = True
    warn_duplicates: bool = True
    book_close: str = ""
    closing_password: bool = True
    per_minute: int = 500
    per_second: int = 10
    batches_per_minute: int = 40
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"  # noqa: S105 - the sandbox's own, no secret
    foreign: bool = True
    season_end: str = "2010-12-31"
    second_season_end: str = ""
    reads_per_month: int = 0
    webhook_url: str = ""
    webhook_compress: float = 1000.0
    verifier_token: str = "sandbox-verifier"  # noqa: S105 - the sandbox's own, no secret

    def places(self, currency: str) -> int:
        """How many decimals an amount of that currency has here."""
        return min(exponent(currency), self.decimals)

    def day_rate(self, currency: str) -> Decimal:
        """Home units for one unit of ``currency`` where the caller gives none: a fixed list, not a market."""
        if currency == self.home_currency:
            return Decimal(1)
        return self.rates.get(currency, Decimal("0.8"))


def account(id_: int, number: str, name: str, kind: str, sub: str, currency: str) -> dict[str, Any]:
    """An Account as the vendor writes it."""
    return {
        "Id": str(id_), "SyncToken": "0", "Name": name, "FullyQualifiedName": name, "AcctNum": number, "Active": True,
        "SubAccount": False, "Classification": classification(kind), "AccountType": kind, "AccountSubType": sub,
        "CurrencyRef": {"value": currency, "name": currency}, "domain": "QBO", "sparse": False,
    }  # fmt: skip


def classification(kind: str) -> str:
    """The class of an AccountType; KeyError for a type that does not exist."""
    return _CLASS[kind]


def tax_codes(country: str) -> list[tuple[str, str, str, Decimal]]:
    """Code id, name, rate id, percentage. US: the pseudo codes TAX and NON."""
    if country == "US":
        return [("TAX", "TAX", "3", Decimal("8.25")), ("NON", "NON", "", Decimal(0))]
    return [(str(id_), name, str(2 * id_), Decimal(rate)) for id_, name, rate in TAX_CODES_GB]
