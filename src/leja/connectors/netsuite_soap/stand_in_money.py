"""Customer payments and journal entries, what applies to what, and what is open of a document."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from leja.connectors.netsuite_soap import stand_in_chart as chart
from leja.connectors.netsuite_soap.stand_in_records import Computed, Invalid, Posting, Stored
from leja.core.money import from_text

if TYPE_CHECKING:
    from leja.connectors.netsuite_soap.stand_in_company import Company

Body = dict[str, Any]
_DEPOSITS = ("_bank", "_otherCurrentAsset", "_otherCurrentLiability", "_creditCard")


def compute(company: Company, kind: str, id_: str, body: Body) -> Computed:
    """Posts a payment or a journal entry. Raises Invalid."""
    return _journal(company, body) if kind == "journalEntry" else _payment(company, id_, body)


def _payment(company: Company, id_: str, body: Body) -> Computed:
    customer = company.reference(body.get("customer"), ("customer",), "customer")
    currency, code = company.currency(body.get("currency"), customer.body.get("currency"))
    rate = company.rate(body, code)
    amount = company.rounded(Decimal(body.get("payment") or 0), code)
    if amount <= 0:
        raise Invalid("USER_ERROR", "Please enter a payment amount greater than zero.")
    undeposited = body.get("undepFunds") == "true" or not body.get("account")
    bank = (
        company.account(chart.UNDEPOSITED)
        if undeposited
        else company.reference(body["account"], ("account",), "account").id
    )
    there = company.reference({"internalId": bank}, ("account",), "account")
    if there.body["acctType"] not in _DEPOSITS:
        raise Invalid("INVALID_KEY_OR_REF", f"Invalid account reference key {bank}.")
    receivable = company.reference(
        body.get("arAcct") or {"internalId": company.account(chart.RECEIVABLE)}, ("account",), "arAcct"
    )
    body = {
        **body, "customer": {"internalId": customer.id, "name": customer.body["entityId"]}, "currency": currency,
        "currencyName": code, "exchangeRate": format(rate, "f"), "payment": str(amount), "total": str(amount),
        "account": {"internalId": bank}, "undepFunds": "true" if undeposited else "false",
        "arAcct": {"internalId": receivable.id}, "subsidiary": company.subsidiary(body.get("subsidiary"), customer.body["subsidiary"]),
    }  # fmt: skip
    body, applies, difference = settle(company, id_, body, amount, code, rate)
    home = company.home(amount, rate)
    postings = [Posting(bank, amount, home), Posting(receivable.id, -amount, -home)]
    return Computed(body, tuple(postings + realised(company, receivable.id, difference)), applies)


def settle(
    company: Company, id_: str, body: Body, total: Decimal, code: str, rate: Decimal
) -> tuple[Body, tuple[tuple[str, int], ...], Decimal]:
    """What a payment or credit takes of invoices: the body with the rows, the rows, and the difference in currency.

    The difference is in the base currency: at this document's rate less at the rates of the invoices. Raises Invalid.
    """
    customer = (body.get("customer") or body.get("entity") or {})["internalId"]
    rows, applies, taken, difference = [], [], Decimal(0), Decimal(0)
    for row in _wanted(company, id_, body, customer, code, total):
        invoice = company.records.find("invoice", row.get("doc", ""))
        if invoice is None or invoice.body["entity"]["internalId"] != customer or invoice.body["currencyName"] != code:
            raise Invalid("INVALID_KEY_OR_REF", f"Invalid apply reference key {row.get('doc')}.")
        due = outstanding(company, invoice, without=id_)
        amount = company.rounded(Decimal(row["amount"]), code) if row.get("amount") else min(due, total - taken)
        if amount <= 0 or amount > due:
            raise Invalid("USER_ERROR", f"The amount applied to {invoice.body['tranId']} exceeds what is due: {due}")
        taken += amount
        difference += company.home(amount, rate) - company.home(amount, Decimal(invoice.body["exchangeRate"]))
        applies.append((invoice.id, from_text(amount, code).minor))
        rows.append({"apply": "true", "doc": invoice.id, "line": "0", "type": "Invoice", "refNum": invoice.body["tranId"],
                     "total": invoice.body["total"], "due": str(due), "currency": code, "amount": str(amount)})  # fmt: skip
    if taken > total:
        raise Invalid("USER_ERROR", "The amount applied exceeds the amount of the payment or credit.")
    if len({doc for doc, _ in applies}) < len(applies):
        raise Invalid("USER_ERROR", "A document is applied twice.")
    return {**body, "applyList": {"apply": rows} if rows else None}, tuple(applies), difference


def _wanted(company: Company, id_: str, body: Body, customer: str, code: str, total: Decimal) -> list[Body]:
    given = [row for row in (body.get("applyList") or {}).get("apply", ()) if row.get("apply") == "true"]
    if given or body.get("autoApply") != "true":
        return given
    rows, left = [], total
    for invoice in company.records.each(("invoice",)):
        due = outstanding(company, invoice, without=id_)
        theirs = invoice.body["entity"]["internalId"] == customer and invoice.body["currencyName"] == code
        if theirs and due > 0 and left > 0:
            rows.append({"doc": invoice.id, "amount": str(min(due, left))})
            left -= min(due, left)
    return rows


def outstanding(company: Company, invoice: Stored, without: str = "0") -> Decimal:
    """What is open of an invoice."""
    if invoice.body.get("status") == "Voided":
        return Decimal(0)
    places = company.settings.places(invoice.body["currencyName"])
    return Decimal(invoice.body["total"]) - _major(company.records.applied_to(invoice.id, without), places)


def _major(minor: int, places: int) -> Decimal:
    return Decimal(minor).scaleb(-places)


def realised(company: Company, receivable: str, difference: Decimal) -> list[Posting]:
    """The gain or loss that a payment at another rate makes; in the base currency alone."""
    if not difference:
        return []
    nothing = Decimal(0)
    return [Posting(receivable, nothing, difference), Posting(company.account(chart.REALISED), nothing, -difference)]


def standing(company: Company, stored: Stored) -> Body:
    """The read-only fields of a transaction that follow from others: status and what is open."""
    body = stored.body
    if stored.kind == "invoice":
        due = outstanding(company, stored)
        paid = Decimal(body["total"]) - due
        return {"amountRemaining": str(due), "amountPaid": str(paid), "status": "Open" if due else "Paid In Full"}
    if stored.kind in ("customerPayment", "creditMemo"):
        used = _major(company.records.applied_by(stored.id), company.settings.places(body["currencyName"]))
        left = Decimal(body["total"]) - used
        words = {"customerPayment": "Not Deposited" if body.get("undepFunds") == "true" else "Deposited",
                 "creditMemo": "Open" if left else "Fully Applied"}  # fmt: skip
        return {"applied": str(used), "unapplied": str(left), "status": words[stored.kind]}
    return {"status": "Deposited"} if stored.kind in ("cashSale", "cashRefund") else {}


def _journal(company: Company, body: Body) -> Computed:
    rows = (body.get("lineList") or {}).get("line") or []
    if len(rows) > company.settings.most_journal_lines:
        raise Invalid("EXCEEDED_MAX_TRANS_LINES", f"You can have at most {company.settings.most_journal_lines} lines")
    currency, code = company.currency(body.get("currency"))
    rate = company.rate(body, code)
    postings: list[Posting] = []
    lines = [_journal_line(company, row, number, code, rate, postings) for number, row in enumerate(rows, 1)]
    if len(lines) < 2 or sum((posting.amount for posting in postings), Decimal(0)):
        raise Invalid("JE_AMOUNTS_MUST_BALANCE", "The amounts in a journal entry must balance.")
    # Each line is converted alone; the pennies that this leaves go to the last.
    rest = sum((posting.home for posting in postings), Decimal(0))
    last = postings[-1]
    postings[-1] = Posting(last.account, last.amount, last.home - rest)
    body = {
        **body, "currency": currency, "exchangeRate": format(rate, "f"), "lineList": {"line": lines},
        "subsidiary": company.subsidiary(body.get("subsidiary")), "approved": body.get("approved") or "true",
    }  # fmt: skip
    return Computed(body, tuple(postings) if body["approved"] == "true" else ())


def _journal_line(company: Company, row: Body, number: int, code: str, rate: Decimal, postings: list[Posting]) -> Body:
    account = company.reference(row.get("account"), ("account",), "account")
    debit, credit = (company.rounded(Decimal(row.get(side) or 0), code) for side in ("debit", "credit"))
    if debit and credit:
        raise Invalid("USER_ERROR", "A line holds a debit or a credit, not both.")
    amount = debit - credit
    postings.append(Posting(account.id, amount, company.home(amount, rate)))
    kept = {**row, "account": {"internalId": account.id, "name": account.body["acctName"]}, "line": str(number)}
    kept |= {side: str(value) for side, value in (("debit", debit), ("credit", credit)) if value}
    if row.get("entity"):
        kept["entity"] = {"internalId": company.reference(row["entity"], ("customer",), "entity").id}
    if row.get("taxCode"):
        company.reference(row["taxCode"], ("salesTaxItem",), "taxCode")
        tax = company.rounded(Decimal(row.get("tax1Amt") or 0), code) * (1 if amount >= 0 else -1)
        to = row.get("tax1Acct") or {"internalId": company.account(chart.OUTPUT_TAX if amount < 0 else chart.INPUT_TAX)}
        postings.append(Posting(company.reference(to, ("account",), "tax1Acct").id, tax, company.home(tax, rate)))
    return kept
