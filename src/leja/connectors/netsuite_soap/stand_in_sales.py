"""Invoices, cash sales, credit memos and cash refunds: lines are priced, taxed by legacy codes, and posted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from leja.connectors.netsuite_soap import stand_in_chart as chart
from leja.connectors.netsuite_soap import stand_in_money as money
from leja.connectors.netsuite_soap.stand_in_records import Computed, Invalid, Posting
from leja.connectors.netsuite_soap.stand_in_shapes import ITEMS

if TYPE_CHECKING:
    from leja.connectors.netsuite_soap.stand_in_company import Company

SIGNS: Final = {"invoice": 1, "cashSale": 1, "creditMemo": -1, "cashRefund": -1}
Body = dict[str, Any]


def compute(company: Company, kind: str, id_: str, body: Body) -> Computed:
    """Prices and posts one of them. Raises Invalid."""
    body, code, rate = _head(company, body)
    sales: list[tuple[str, Decimal]] = []
    rows = (body.get("itemList") or {}).get("item") or []
    if not rows:
        raise Invalid("USER_ERROR", "You must enter at least one line item for this transaction.")
    if len(rows) > company.settings.most_lines:
        raise Invalid("EXCEEDED_MAX_TRANS_LINES", f"You can have at most {company.settings.most_lines} lines")
    lines = [_line(company, row, number, code, sales) for number, row in enumerate(rows, 1)]
    net = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
    tax = sum((Decimal(line["tax1Amt"]) for line in lines), Decimal(0))
    extra, extra_tax = _delivery(company, body, code, sales)
    total = net + tax + extra + extra_tax
    if total < 0:
        raise Invalid("USER_ERROR", "The total of a transaction cannot be negative.")
    body = {
        **body,
        "itemList": {"item": lines},
        "subTotal": str(net),
        "taxTotal": str(tax + extra_tax),
        "total": str(total),
    }
    account = _account(company, kind, body)
    body |= {"account": {"internalId": account}} if account else {}
    sign = SIGNS[kind]
    postings = [Posting(a, -sign * amount, -sign * company.home(amount, rate)) for a, amount in sales]
    there = -sum((posting.home for posting in postings), Decimal(0))
    postings.insert(0, Posting(account, sign * total, there))
    applies: tuple[tuple[str, int], ...] = ()
    if kind == "creditMemo":
        body, applies, difference = money.settle(company, id_, body, total, code, rate)
        postings += money.realised(company, account, difference)
    return Computed(body, tuple(postings), applies)


def _head(company: Company, body: Body) -> tuple[Body, str, Decimal]:
    customer = company.reference(body.get("entity"), ("customer",), "entity")
    currency, code = company.currency(body.get("currency"), customer.body.get("currency"))
    rate = company.rate(body, code)
    subsidiary = company.subsidiary(body.get("subsidiary"), customer.body.get("subsidiary"))
    return {
        **body, "entity": {"internalId": customer.id, "name": customer.body["entityId"]}, "currency": currency,
        "currencyName": code, "exchangeRate": format(rate, "f"), "subsidiary": subsidiary,
    }, code, rate  # fmt: skip


def _line(company: Company, row: Body, number: int, code: str, sales: list[tuple[str, Decimal]]) -> Body:
    item = company.reference(row.get("item"), ITEMS, "item")
    income = company.reference(item.body["incomeAccount"], ("account",), "account")
    percent, tax_code = _tax_code(company, row.get("taxCode") or item.body.get("salesTaxCode"))
    amount = _amount(company, row, code, percent)
    given = row.get("tax1Amt")
    tax = company.rounded(Decimal(given) if given else amount * percent / 100, code)
    sales.append((income.id, amount))
    if tax:
        sales.append((company.account(chart.OUTPUT_TAX), tax))
    return {
        **row, "item": {"internalId": item.id, "name": item.body["itemId"]}, "line": str(number), "amount": str(amount),
        "taxCode": tax_code, "taxRate1": format(percent, "f"), "tax1Amt": str(tax), "grossAmt": str(amount + tax),
    }  # fmt: skip


def _amount(company: Company, row: Body, code: str, percent: Decimal) -> Decimal:
    if row.get("amount"):
        return company.rounded(Decimal(row["amount"]), code)
    if row.get("rate"):
        try:
            price = Decimal(row["rate"])
        except ArithmeticError:
            raise Invalid("USER_ERROR", f"Invalid number or percentage: {row['rate']}") from None
        return company.rounded(price * Decimal(row.get("quantity") or 1), code)
    if row.get("grossAmt"):
        gross = Decimal(row["grossAmt"])
        tax = Decimal(row["tax1Amt"]) if row.get("tax1Amt") else gross * percent / (100 + percent)
        return company.rounded(gross - company.rounded(tax, code), code)
    raise Invalid("USER_ERROR", "Please enter a value for amount.")


def _tax_code(company: Company, given: Body | None) -> tuple[Decimal, Body]:
    if not given:
        raise Invalid("USER_ERROR", "Please enter value(s) for: Tax Code")
    found = company.reference(given, ("salesTaxItem",), "taxCode")
    return Decimal(found.body["rate"].rstrip("%")), {"internalId": found.id, "name": found.body["itemId"]}


def _delivery(company: Company, body: Body, code: str, sales: list[tuple[str, Decimal]]) -> tuple[Decimal, Decimal]:
    net = tax = Decimal(0)
    for what in ("shipping", "handling"):
        cost = company.rounded(Decimal(body.get(f"{what}Cost") or 0), code)
        if not cost:
            continue
        percent, body[f"{what}TaxCode"] = _tax_code(company, body.get(f"{what}TaxCode"))
        body[f"{what}Tax1Rate"] = format(percent, "f")
        part = company.rounded(cost * percent / 100, code)
        sales.append((company.account(chart.SHIPPING), cost))
        if part:
            sales.append((company.account(chart.OUTPUT_TAX), part))
        net, tax = net + cost, tax + part
    return net, tax


def _account(company: Company, kind: str, body: Body) -> str:
    given = body.get("account")
    if kind in ("invoice", "creditMemo"):
        given = given or {"internalId": company.account(chart.RECEIVABLE)}
        wanted: tuple[str, ...] = ("_accountsReceivable",)
    elif body.get("undepFunds") == "true" or (kind == "cashSale" and not given):
        given, wanted = {"internalId": company.account(chart.UNDEPOSITED)}, ("_otherCurrentAsset",)
    else:
        wanted = ("_bank", "_otherCurrentAsset", "_otherCurrentLiability", "_creditCard")
    found = company.reference(given, ("account",), "account")
    if found.body["acctType"] not in wanted:
        raise Invalid("INVALID_KEY_OR_REF", f"Invalid account reference key {found.id}.")
    return found.id
