"""What each kind of document posts to the vendor's own ledger, and what it applies to."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from leja.connectors.quickbooks.stand_in_chart import DISCOUNTS, EXCHANGE, UNDEPOSITED, VAT, CompanySettings
from leja.connectors.quickbooks.stand_in_masters import Masters
from leja.connectors.quickbooks.stand_in_pricing import Priced, Pricing, price
from leja.connectors.quickbooks.stand_in_records import Posting, Records
from leja.connectors.quickbooks.stand_in_shapes import business, invalid_reference, missing
from leja.core.money import Money, from_text, to_decimal

_MONEY_TYPES: Final = ("Bank", "Other Current Asset")
# A transfer may rest on any account of the balance sheet that has no register of names behind it.
_BALANCE_SHEET: Final = (
    *_MONEY_TYPES, "Fixed Asset", "Other Asset", "Credit Card", "Other Current Liability", "Long Term Liability",
    "Equity",
)  # fmt: skip
_SALES: Final = ("SalesReceipt", "RefundReceipt", "Invoice", "CreditMemo")
_OUTWARD: Final = ("RefundReceipt", "CreditMemo")
_ZERO: Final = Decimal(0)
Links = dict[tuple[str, str], int]


class Built(msgspec.Struct, frozen=True):
    """A document ready to be kept."""

    body: dict[str, Any]
    currency: str
    postings: tuple[Posting, ...]
    links: Links


class Documents:
    """Builds transactions from accepted fields."""

    def __init__(self, records: Records, masters: Masters, settings: CompanySettings) -> None:
        self.records, self.masters, self.settings = records, masters, settings

    def build(self, kind: str, body: dict[str, Any]) -> Built:
        """The document with everything that the vendor adds. Raises Fault."""
        currency = self._currency(kind, body)
        if kind in _SALES:
            return self._sale(kind, body, currency)
        builder = {
            "Payment": self._payment, "JournalEntry": self._journal, "Purchase": self._purchase, "Bill": self._bill,
            "BillPayment": self._bill_payment, "VendorCredit": self._vendor_credit, "Deposit": self._deposit,
            "Transfer": self._transfer,
        }[kind]  # fmt: skip
        return builder(body, currency)

    def _currency(self, kind: str, body: dict[str, Any]) -> str:
        home = self.settings.home_currency
        person = None
        if "CustomerRef" in body:
            person = self.masters.person("Customer", body["CustomerRef"].get("value", ""), "CustomerRef")
        elif "VendorRef" in body:
            person = self.masters.person("Vendor", body["VendorRef"].get("value", ""), "VendorRef")
        stated = (body.get("CurrencyRef") or {}).get("value")
        currency = self.masters.currency(stated or (person["CurrencyRef"]["value"] if person else home))
        if person is not None and person["CurrencyRef"]["value"] != currency:
            raise business("The currency of the transaction is not that of the customer or vendor", "CurrencyRef")
        if person is None and currency != home and kind in _SALES:
            raise business("A transaction in a foreign currency needs a customer in that currency", "CustomerRef")
        rate = body.get("ExchangeRate")
        if currency == home:
            if rate is not None and rate != 1:
                raise business("ExchangeRate must be 1 in the home currency", "ExchangeRate")
            body.pop("ExchangeRate", None)
        else:
            if rate is not None and rate <= 0:
                raise business("ExchangeRate must be greater than 0", "ExchangeRate")
            body["ExchangeRate"] = rate if rate is not None else self.settings.day_rate(currency)
        body["CurrencyRef"] = {"value": currency}
        if person is not None:
            ref = "CustomerRef" if "CustomerRef" in body else "VendorRef"
            body[ref] = {"value": person["Id"], "name": person["DisplayName"]}
        return currency

    def _pricing(self, currency: str) -> Pricing:
        return Pricing(
            self.settings.places(currency), self.settings.country == "US", self.masters.rates(),
            self.masters.account_of_item, self.masters.account, DISCOUNTS, self._per_document(),
        )  # fmt: skip

    def _per_document(self) -> bool:
        kept = self.records.store.get("preference", "tax_per_document")
        return bool(kept and kept["value"])

    def _home(self, amount: Decimal, body: Mapping[str, Any]) -> Decimal:
        unit = Decimal(1).scaleb(-self.settings.places(self.settings.home_currency))
        rate: Decimal | int = body.get("ExchangeRate", 1)
        return (amount * rate).quantize(unit, rounding=ROUND_HALF_UP)

    def _postings(self, body: Mapping[str, Any], amounts: list[tuple[str, Decimal]]) -> tuple[Posting, ...]:
        """Debit-positive amounts as postings; what converting leaves over lands on the last line."""
        found = [Posting(account, amount, self._home(amount, body)) for account, amount in amounts if amount]
        if left := sum((p.home for p in found), _ZERO):
            last = found[-1]
            found[-1] = Posting(last.account, last.amount, last.home - left)
        return tuple(found)

    def _exact(self, body: Mapping[str, Any], name: str, currency: str) -> Decimal:
        if name not in body:
            raise missing(name)
        amount = self._pricing(currency).exact(body[name], name)
        if amount < 0:
            raise business(f"{name} must be 0 or greater", name)
        return amount

    def _money_account(
        self, body: dict[str, Any], field: str, currency: str, default: str = "", types: tuple[str, ...] = _MONEY_TYPES
    ) -> str:
        wanted = (body.get(field) or {}).get("value", default)
        if not wanted:
            raise missing(field)
        found = self.masters.account_body(wanted, field)
        if found["AccountType"] not in types:
            raise business(f"{field} must be an account of type {' or '.join(types)}", field)
        if found["CurrencyRef"]["value"] not in (currency, self.settings.home_currency):
            raise business(f"{field} is in another currency than the transaction", field)
        body[field] = {"value": found["Id"], "name": found["Name"]}
        return str(found["Id"])

    def _priced(self, body: dict[str, Any], currency: str) -> Priced:
        if "Line" not in body:
            raise missing("Line")
        done = price(body, self._pricing(currency))
        body |= {"Line": done.lines, "TotalAmt": done.total}
        body["TxnTaxDetail"] = {"TotalTax": done.tax, "TaxLine": done.tax_lines}
        if currency != self.settings.home_currency:
            body["HomeTotalAmt"] = self._home(done.total, body)
        return done

    def _sale(self, kind: str, body: dict[str, Any], currency: str) -> Built:
        if kind in ("Invoice", "CreditMemo") and "CustomerRef" not in body:
            raise missing("CustomerRef")
        body.setdefault("GlobalTaxCalculation", "TaxExcluded")
        done = self._priced(body, currency)
        if kind in ("Invoice", "CreditMemo"):
            control = self.masters.ledger_account("Accounts Receivable", currency)
            if kind == "Invoice":
                body.setdefault("DueDate", body["TxnDate"])
        else:
            default = UNDEPOSITED if kind == "SalesReceipt" else ""
            control = self._money_account(body, "DepositToAccountRef", currency, default)
        sign = -1 if kind in _OUTWARD else 1
        amounts = [(control, sign * done.total), (VAT, -sign * done.tax)]
        amounts += [(part.account, -sign * part.net) for part in done.parts]
        return Built(body, currency, self._postings(body, amounts), {})

    def _payment(self, body: dict[str, Any], currency: str) -> Built:
        if "CustomerRef" not in body:
            raise missing("CustomerRef")
        total = self._exact(body, "TotalAmt", currency)
        deposit = self._money_account(body, "DepositToAccountRef", currency, UNDEPOSITED)
        links: Links = {}
        applied = credited = exchange = _ZERO
        for index, line in enumerate(body.get("Line", ())):
            amount = self._exact(line, "Amount", currency)
            for link in line.get("LinkedTxn", ()):
                kind, id_ = link.get("TxnType", ""), link.get("TxnId", "")
                other = self._applicable(("Payment", body["Id"]), kind, id_, amount, body, f"Line[{index}].LinkedTxn")
                links[kind, id_] = links.get((kind, id_), 0) + from_text(amount, currency).minor
                sign = 1 if kind == "Invoice" else -1
                applied, credited = (applied + amount, credited) if sign > 0 else (applied, credited + amount)
                exchange += sign * (self._home(amount, other) - self._home(amount, body))
        if applied - credited > total:
            raise business("The amount applied is more than the payment and its credits", "TotalAmt")
        receivable = self.masters.ledger_account("Accounts Receivable", currency)
        postings = list(self._postings(body, [(deposit, total), (receivable, -total)]))
        if exchange:
            postings += [Posting(receivable, _ZERO, -exchange), Posting(EXCHANGE, _ZERO, exchange)]
        body["TotalAmt"] = total
        return Built(body, currency, tuple(postings), links)

    def _applicable(
        self, mine: tuple[str, str], kind: str, id_: str, amount: Decimal, body: Mapping[str, Any], path: str
    ) -> dict[str, Any]:
        allowed = ("Bill", "VendorCredit") if mine[0] == "BillPayment" else ("Invoice", "CreditMemo")
        other = self.records.body(kind, id_) if kind in allowed else None
        if other is None:
            raise invalid_reference(path)
        who = "VendorRef" if kind in ("Bill", "VendorCredit") else "CustomerRef"
        if other[who]["value"] != body[who]["value"]:
            raise business("The linked transaction belongs to somebody else", path)
        currency = other["CurrencyRef"]["value"]
        open_minor = from_text(other["TotalAmt"], currency).minor - self.records.applied_to(kind, id_, but=mine)
        if from_text(amount, currency).minor > open_minor:
            raise business(f"The amount is more than the open balance of {kind} {id_}", path)
        return other

    def _journal(self, body: dict[str, Any], currency: str) -> Built:
        pricing, home = self._pricing(currency), self.settings.home_currency
        amounts: list[tuple[str, Decimal]] = []
        debits, control_lines = _ZERO, 0
        for index, line in enumerate(body.get("Line", ())):
            if line.get("DetailType") == "DescriptionOnly":
                continue
            detail = line.get("JournalEntryLineDetail")
            path = f"Line[{index}]"
            if detail is None or "PostingType" not in detail or "AccountRef" not in detail:
                raise missing(f"{path}.JournalEntryLineDetail")
            account = self.masters.account_body(detail["AccountRef"].get("value", ""), f"{path}.AccountRef")
            if account["CurrencyRef"]["value"] not in (currency, home):
                raise business("a line's account is in another currency than the journal entry", path)
            if account["AccountType"] in ("Accounts Receivable", "Accounts Payable"):
                control_lines += 1
                self._entity(detail, account["AccountType"], path)
            amount = self._exact(line, "Amount", currency)
            tax = (
                pricing.exact(detail.get("TaxAmount", _ZERO), f"{path}.TaxAmount") if "TaxCodeRef" in detail else _ZERO
            )
            if "TaxCodeRef" in detail and detail["TaxCodeRef"].get("value") not in pricing.rates:
                raise invalid_reference(f"{path}.TaxCodeRef")
            sign = 1 if detail["PostingType"] == "Debit" else -1
            debits += (amount + tax) if sign > 0 else _ZERO
            amounts += [(account["Id"], sign * amount), (VAT, sign * tax)]
            detail["AccountRef"] = {"value": account["Id"], "name": account["Name"]}
        if len(amounts) < 4:
            raise business("A journal entry needs at least two lines", "Line")
        if sum((amount for _, amount in amounts), _ZERO):
            raise business("Debits and credits of a journal entry must be equal", "Line")
        if control_lines > 1:
            raise business("Only one line of a journal entry may be Accounts Receivable or Accounts Payable", "Line")
        body |= {"TotalAmt": debits, "Line": [{**line, "Id": str(i)} for i, line in enumerate(body["Line"])]}
        body.setdefault("Adjustment", False)
        return Built(body, currency, self._postings(body, amounts), {})

    def _entity(self, detail: Mapping[str, Any], account_type: str, path: str) -> None:
        wanted = "Customer" if account_type == "Accounts Receivable" else "Vendor"
        entity = detail.get("Entity") or {}
        if entity.get("Type") != wanted or "EntityRef" not in entity:
            raise business(f"When you use {account_type}, choose a {wanted.lower()} in the Name field", path)
        self.masters.person(wanted, entity["EntityRef"].get("value", ""), f"{path}.Entity")

    def _purchase(self, body: dict[str, Any], currency: str) -> Built:
        if "PaymentType" not in body:
            raise missing("PaymentType")
        card = body["PaymentType"] == "CreditCard"
        if body.get("Credit") and not card:
            raise business("Only a purchase by credit card can be a credit", "Credit")
        types = ("Credit Card",) if card else _MONEY_TYPES
        account = self._money_account(body, "AccountRef", currency, types=types)
        done = self._priced(body, currency)
        sign = -1 if body.get("Credit") else 1
        amounts = [(account, -sign * done.total), (VAT, sign * done.tax)]
        amounts += [(part.account, sign * part.net) for part in done.parts]
        return Built(body, currency, self._postings(body, amounts), {})

    def _bill(self, body: dict[str, Any], currency: str) -> Built:
        if "VendorRef" not in body:
            raise missing("VendorRef")
        done = self._priced(body, currency)
        payable = self.masters.ledger_account("Accounts Payable", currency)
        amounts = [(payable, -done.total), (VAT, done.tax), *((part.account, part.net) for part in done.parts)]
        return Built(body, currency, self._postings(body, amounts), {})

    def _vendor_credit(self, body: dict[str, Any], currency: str) -> Built:
        if "VendorRef" not in body:
            raise missing("VendorRef")
        done = self._priced(body, currency)
        payable = self.masters.ledger_account("Accounts Payable", currency)
        amounts = [(payable, done.total), (VAT, -done.tax), *((part.account, -part.net) for part in done.parts)]
        return Built(body, currency, self._postings(body, amounts), {})

    def _bill_payment(self, body: dict[str, Any], currency: str) -> Built:
        if "VendorRef" not in body:
            raise missing("VendorRef")
        total = self._exact(body, "TotalAmt", currency)
        bank = self._money_account(dict(body.get("CheckPayment") or {}), "BankAccountRef", currency)
        links: Links = {}
        left = total
        for index, line in enumerate(body.get("Line", ())):
            amount = self._exact(line, "Amount", currency)
            for link in line.get("LinkedTxn", ()):
                kind, id_ = link.get("TxnType", ""), link.get("TxnId", "")
                self._applicable(("BillPayment", body["Id"]), kind, id_, amount, body, f"Line[{index}].LinkedTxn")
                links[kind, id_] = links.get((kind, id_), 0) + from_text(amount, currency).minor
                left += amount if kind == "VendorCredit" else -amount
        if left < 0:
            raise business("The amount applied is more than the payment and its credits", "TotalAmt")
        payable = self.masters.ledger_account("Accounts Payable", currency)
        return Built(body, currency, self._postings(body, [(payable, total), (bank, -total)]), links)

    def _deposit(self, body: dict[str, Any], currency: str) -> Built:
        bank = self._money_account(body, "DepositToAccountRef", currency)
        amounts: list[tuple[str, Decimal]] = []
        links: Links = {}
        for index, line in enumerate(body.get("Line", ())):
            path = f"Line[{index}]"
            if "Amount" not in line:
                raise missing(f"{path}.Amount")
            amount = self._pricing(currency).exact(line["Amount"], f"{path}.Amount")
            if line.get("LinkedTxn"):
                link = line["LinkedTxn"][0]
                self._held(link, amount, body, path)
                links[link["TxnType"], link["TxnId"]] = from_text(amount, currency).minor
                amounts.append((UNDEPOSITED, -amount))
                continue
            ref = (line.get("DepositLineDetail") or {}).get("AccountRef")
            if ref is None:
                raise missing(f"{path}.DepositLineDetail.AccountRef")
            amounts.append((self.masters.account(ref.get("value", ""), f"{path}.AccountRef"), -amount))
        if not amounts:
            raise missing("Line")
        if "CashBack" in body:
            back = self._exact(body["CashBack"], "Amount", currency)
            amounts.append((self._money_account(body["CashBack"], "AccountRef", currency), back))
        total = -sum((amount for _, amount in amounts), _ZERO)
        if total < 0:
            raise business("The total of a deposit must be 0 or greater", "TotalAmt")
        body["TotalAmt"] = total
        return Built(body, currency, self._postings(body, [(bank, total), *amounts]), links)

    def _held(self, link: Mapping[str, Any], amount: Decimal, body: Mapping[str, Any], path: str) -> None:
        kind, id_ = link.get("TxnType", ""), link.get("TxnId", "")
        other = self.records.body(kind, id_) if kind in ("Payment", "SalesReceipt") else None
        if other is None:
            raise invalid_reference(f"{path}.LinkedTxn")
        if other["DepositToAccountRef"]["value"] != UNDEPOSITED:
            raise business("Only what is held in Undeposited Funds can be deposited", path)
        taken = self.records.links_to(kind, id_)
        if any(k == "Deposit" and i != body["Id"] for k, i, _ in taken) or amount != other["TotalAmt"]:
            raise business("This payment is already deposited, or its amount differs", path)

    def _transfer(self, body: dict[str, Any], currency: str) -> Built:
        amount = self._exact(body, "Amount", currency)
        source = self._money_account(body, "FromAccountRef", currency, types=_BALANCE_SHEET)
        target = self._money_account(body, "ToAccountRef", currency, types=_BALANCE_SHEET)
        if source == target:
            raise business("Money cannot be transferred to the account that it comes from", "ToAccountRef")
        return Built(body, currency, self._postings(body, [(target, amount), (source, -amount)]), {})

    def shown(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """With balances and links as they are at this moment."""
        found = dict(body)
        currency = body["CurrencyRef"]["value"]
        total = from_text(body.get("TotalAmt", _ZERO), currency).minor
        if kind in ("Invoice", "CreditMemo", "Bill", "VendorCredit"):
            left = to_decimal(Money(total - self.records.applied_to(kind, body["Id"]), currency))
            found["Balance"] = left
            if kind == "CreditMemo":
                found["RemainingCredit"] = left
        if kind == "Payment":
            rows = self.records.store.execute(
                "SELECT to_kind, minor FROM qb_link WHERE kind = 'Payment' AND id = ?", int(body["Id"])
            )
            used = sum(int(minor) if to_kind == "Invoice" else -int(minor) for to_kind, minor in rows)
            found["UnappliedAmt"] = to_decimal(Money(total - used, currency))
        if kind in _SALES or kind in ("Bill", "Payment", "VendorCredit"):
            linked = [{"TxnId": i, "TxnType": k} for k, i, _ in self.records.links_to(kind, body["Id"])]
            if linked:
                found["LinkedTxn"] = linked
        return found
