"""Account roles: why a line stands on an account. Each has a default account, so a new organisation has a chart.

A role may have an instance after a colon ("clearing:mpesa_till", "output_tax:gst"). The roles are those of the worked
postings (domain notes, section 1); the account codes are our own.
"""

from __future__ import annotations

import re
from typing import Final

from leja.books.accounts import Account, Kind
from leja.core.errors import NeedsReview

_CHART: Final[tuple[tuple[str, str, str, Kind], ...]] = (
    ("bank", "1000", "Bank", "bank"),
    ("cash:till", "1010", "Cash – till", "bank"),
    ("cash_in_transit", "1020", "Cash in transit", "current_asset"),
    ("clearing:card_processor", "1100", "Clearing – card processor", "bank"),
    ("clearing:mpesa_till", "1101", "Clearing – M-Pesa till", "bank"),
    ("clearing:courier", "1102", "Clearing – courier (COD)", "bank"),
    ("processor_reserve", "1150", "Processor reserve", "current_asset"),
    ("disputes_receivable", "1160", "Disputes receivable", "current_asset"),
    ("receivable", "1200", "Accounts receivable", "receivable"),
    ("withholding_vat_receivable", "1210", "Withholding VAT receivable", "current_asset"),
    ("withholding_income_tax_receivable", "1211", "Withholding income tax receivable", "current_asset"),
    ("intercompany_receivable", "1220", "Intercompany receivable", "current_asset"),
    ("supplier_prepayments", "1230", "Supplier prepayments", "current_asset"),
    ("inventory", "1300", "Inventory", "current_asset"),
    ("inventory:with_courier", "1301", "Inventory – with courier", "current_asset"),
    ("inventory:in_transit", "1302", "Inventory – in transit", "current_asset"),
    ("payable", "2000", "Accounts payable", "payable"),
    ("goods_received_not_invoiced", "2010", "Goods received not invoiced", "current_liability"),
    ("intercompany_payable", "2020", "Intercompany payable", "current_liability"),
    ("consignor_payable", "2030", "Consignor payable", "current_liability"),
    ("loan_payable", "2040", "Processor advances", "current_liability"),
    ("customer_credits", "2100", "Customer credits (overpayment)", "current_liability"),
    ("customer_deposits", "2110", "Customer deposits", "current_liability"),
    ("deferred_revenue", "2120", "Deferred revenue (unshipped orders)", "current_liability"),
    ("gift_card_liability", "2130", "Gift card liability", "current_liability"),
    ("gift_card_liability:single_purpose", "2131", "Voucher liability (net)", "current_liability"),
    ("store_credit_liability", "2140", "Store credit liability", "current_liability"),
    ("tips_payable", "2150", "Tips payable", "current_liability"),
    ("duties_collected", "2160", "Duties collected (DDP)", "current_liability"),
    ("donations_payable", "2170", "Donations collected", "current_liability"),
    ("unidentified_receipts", "2190", "Unidentified receipts", "current_liability"),
    ("output_tax", "2200", "Output VAT", "tax"),
    ("output_tax:gst", "2201", "GST payable", "tax"),
    ("output_tax:qst", "2202", "QST payable", "tax"),
    ("output_tax:hst", "2203", "HST payable", "tax"),
    ("output_tax:pst", "2204", "PST payable", "tax"),
    ("output_tax:us_sales_tax", "2205", "Sales tax payable – state/local", "tax"),
    ("output_tax:nhil", "2206", "NHIL payable", "tax"),
    ("output_tax:getfund", "2207", "GETFund payable", "tax"),
    ("output_tax:covid_levy", "2208", "COVID levy payable", "tax"),
    ("output_tax:reverse_charge", "2210", "Output VAT (reverse charge)", "tax"),
    ("output_tax:postponed_import", "2211", "Output VAT (postponed import)", "tax"),
    ("input_tax", "2250", "Input VAT", "tax"),
    ("input_tax:reverse_charge", "2260", "Input VAT (reverse charge)", "tax"),
    ("input_tax:postponed_import", "2261", "Input VAT (postponed import)", "tax"),
    ("input_tax:bad_debt_relief", "2262", "VAT bad debt relief", "tax"),
    ("tax_settlement", "2290", "VAT return settlement", "tax"),
    ("drawings", "3100", "Drawings", "equity"),
    ("sales", "4000", "Sales", "income"),
    ("sales:service", "4010", "Sales – services", "income"),
    ("sales:manual", "4020", "Sales – manual lines", "income"),
    ("sales:sample", "4030", "Sales – samples", "income"),
    ("shipping_income", "4100", "Shipping income", "income"),
    ("restocking_fee_income", "4110", "Restocking fee income", "income"),
    ("commission_income", "4120", "Commission income", "income"),
    ("breakage_income", "4130", "Breakage income", "income"),
    ("intercompany_sales", "4140", "Intercompany sales", "income"),
    ("sales_discounts", "4800", "Sales discounts", "income"),
    ("sales_returns", "4810", "Sales returns", "income"),
    ("sales_allowances", "4820", "Sales returns and allowances", "income"),
    ("cogs", "5000", "Cost of goods sold", "cost_of_sales"),
    ("cogs_intercompany", "5010", "COGS – intercompany", "cost_of_sales"),
    ("cogs_purchase_price_true_up", "5020", "COGS – purchase price true-up", "cost_of_sales"),
    ("stock_count_difference", "5100", "Stock count difference", "cost_of_sales"),
    ("processor_fees", "6000", "Processor fees", "expense"),
    ("processor_fees:mobile_money", "6001", "Mobile money charges", "expense"),
    ("processor_fees:courier", "6002", "Courier COD fees", "expense"),
    ("platform_fees", "6010", "Platform and advertising fees", "expense"),
    ("marketplace_commission", "6020", "Marketplace commission", "expense"),
    ("dispute_fees", "6030", "Dispute fees", "expense"),
    ("bank_charges", "6040", "Bank charges", "expense"),
    ("chargeback_losses", "6050", "Chargeback losses", "expense"),
    ("petty_expense:other", "6060", "Petty expenses from the till", "expense"),
    ("shipping_cost", "6100", "Shipping cost (outbound)", "expense"),
    ("marketing_samples", "6110", "Marketing samples", "expense"),
    ("duty_differences", "6120", "Duty differences", "expense"),
    ("bad_debt", "6200", "Bad debt expense", "expense"),
    ("payment_differences", "6900", "Payment differences", "expense"),
    ("rounding", "6910", "Rounding", "expense"),
    ("cash_rounding", "6920", "Cash rounding", "expense"),
    ("cash_over_short", "6930", "Cash over/short", "expense"),
    ("fx_realised", "7000", "FX gain/loss – realised", "other"),
    ("fx_unrealised", "7010", "FX gain/loss – unrealised", "other"),
)

ACCOUNTS: Final[dict[str, Account]] = {
    role: Account(code=code, name=name, kind=kind) for role, code, name, kind in _CHART
}

# Families whose instances are made as tills, processors and taxes appear: first code, words before the instance, kind.
_FAMILIES: Final[dict[str, tuple[str, str, Kind]]] = {
    "cash": ("1010", "Cash – ", "bank"),
    "clearing": ("1100", "Clearing – ", "bank"),
    "processor_reserve": ("1150", "Processor reserve – ", "current_asset"),
    "inventory": ("1300", "Inventory – ", "current_asset"),
    "payable": ("2000", "Accounts payable – ", "payable"),
    "output_tax": ("2200", "Output tax – ", "tax"),
    "input_tax": ("2250", "Input tax – ", "tax"),
    "sales": ("4000", "Sales – ", "income"),
    "petty_expense": ("6060", "Petty expenses – ", "expense"),
    "processor_fees": ("6000", "Processor fees – ", "expense"),
}
_INSTANCE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}\Z")


def instance_name(words: str) -> str:
    """The instance part of a role from a vendor's words: "Shopify Payments" -> "shopify_payments"."""
    return re.sub(r"[^a-z0-9.-]+", "_", words.lower()).strip("_.-")[:40] or "other"


def default_account_for(role: str) -> Account:
    """Our default account of a role, also of a new instance of a family. Raises NeedsReview ``role-unknown``."""
    account = ACCOUNTS.get(role)
    if account is not None:
        return account
    family, _, instance = role.partition(":")
    if family in _FAMILIES and _INSTANCE.match(instance):
        code, words, kind = _FAMILIES[family]
        return Account(code=f"{code}-{instance}", name=words + instance.replace("_", " "), kind=kind)
    raise NeedsReview(
        "role-unknown", f"There is no account role {role!r}.", role=role,
        remedy="Use a role that docs/glossary.md lists, or an instance of clearing, cash or output_tax.",
    )


def default_chart() -> tuple[tuple[str, Account], ...]:
    """Every role with its default account: the chart of a new organisation."""
    return tuple(ACCOUNTS.items())
