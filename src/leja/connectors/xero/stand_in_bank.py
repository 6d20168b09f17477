"""Money between bank accounts, and money that came too early or was too much: what they post.

Overpayments and prepayments rest on the control account of receivables or payables until they are allocated. Played
without tax only: how tax of a prepayment is posted, and on which account a prepayment rests, is UNVERIFIED.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.xero.stand_in_chart import CREDITORS, DEBTORS
from leja.connectors.xero.stand_in_masters import Masters
from leja.connectors.xero.stand_in_shapes import Invalid

# Type of bank transaction: kind of credit, the id that names it, source of its journal
CREDITS: Final = {
    "RECEIVE-OVERPAYMENT": ("Overpayments", "OverpaymentID", "AROVERPAYMENT"),
    "SPEND-OVERPAYMENT": ("Overpayments", "OverpaymentID", "APOVERPAYMENT"),
    "RECEIVE-PREPAYMENT": ("Prepayments", "PrepaymentID", "ARPREPAYMENT"),
    "SPEND-PREPAYMENT": ("Prepayments", "PrepaymentID", "APPREPAYMENT"),
}
INWARD: Final = ("RECEIVE", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT")


def control(kind: str) -> str:
    """The control account on which a credit of that type rests."""
    return DEBTORS if kind in INWARD else CREDITORS


def credit_lines(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of an overpayment or prepayment, on their control account. Raises Invalid."""
    words = "overpayment" if body["Type"].endswith("OVERPAYMENT") else "prepayment"
    if not body.get("Contact"):
        raise Invalid(f"A Contact must be specified for an {words}" if words[0] == "o" else
                      f"A Contact must be specified for a {words}")  # fmt: skip
    if words == "overpayment" and body.get("LineAmountTypes", "NoTax") != "NoTax":
        raise Invalid("LineAmountTypes of an overpayment must be NoTax.")
    own, found = control(body["Type"]), []
    for line in body["LineItems"]:
        if line.get("TaxType", "NONE") != "NONE" or line.get("TaxAmount"):
            raise Invalid(f"tax on an {words} is not played by this stand-in." if words[0] == "o" else
                          f"tax on a {words} is not played by this stand-in.")  # fmt: skip
        if words == "overpayment" and line.get("AccountCode", own) != own:
            raise Invalid(f"Account code '{line['AccountCode']}' is not a valid code for this document.")
        found.append({**line, "TaxType": "NONE"})
    return found


def transfer(masters: Masters, body: dict[str, Any], places: int) -> tuple[str, list[tuple[str, Decimal]]]:
    """Currency and debit-positive amounts of a transfer; completes ``body``. Raises Invalid."""
    missing = [name for name in ("FromBankAccount", "ToBankAccount", "Amount") if not body.get(name)]
    if missing:
        raise Invalid(*(f"{name} must be specified." for name in missing))
    source = masters.account(body["FromBankAccount"], "FromBankAccount")
    target = masters.account(body["ToBankAccount"], "ToBankAccount")
    if source["Type"] != "BANK" or target["Type"] != "BANK":
        raise Invalid("Bank transfers can only be made between accounts of type BANK.")
    if source["AccountID"] == target["AccountID"]:
        raise Invalid("The bank accounts of a transfer must differ.")
    if source["CurrencyCode"] != target["CurrencyCode"]:
        raise Invalid("a transfer between two currencies is not played by this stand-in.")
    amount = body["Amount"]
    if amount <= 0 or amount != amount.quantize(Decimal(1).scaleb(-places)):
        raise Invalid("Amount must be greater than zero and no finer than the currency")
    body |= {
        "FromBankAccount": {k: source[k] for k in ("AccountID", "Code", "Name")},
        "ToBankAccount": {k: target[k] for k in ("AccountID", "Code", "Name")},
        "Status": "AUTHORISED", "HasAttachments": False,
    }  # fmt: skip
    for name in ("FromIsReconciled", "ToIsReconciled"):
        body.setdefault(name, False)
    return str(source["CurrencyCode"]), [(target["Code"], amount), (source["Code"], -amount)]
