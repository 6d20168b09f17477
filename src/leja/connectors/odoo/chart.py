"""What the company has: accounts, sales taxes and where they land, journals, currencies, the day it is closed up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from leja.connectors.contract import Chart, RemoteAccount, RemoteTaxCode, Session
from leja.connectors.odoo.api import Row, all_of, known_fields, linked, name_in, read, server, words
from leja.connectors.odoo.edition import Edition, written
from leja.core.errors import NeedsReview

# account.account account_type (16 and later) -> our kind.
_KINDS: Final = {
    "asset_receivable": "receivable", "asset_cash": "bank", "asset_current": "current_asset",
    "asset_prepayments": "current_asset", "asset_non_current": "fixed_asset", "asset_fixed": "fixed_asset",
    "liability_payable": "payable", "liability_credit_card": "current_liability",
    "liability_current": "current_liability", "liability_non_current": "current_liability", "equity": "equity",
    "equity_unaffected": "equity", "income": "income", "income_other": "income", "expense": "expense",
    "expense_other": "expense", "expense_depreciation": "expense", "expense_direct_cost": "cost_of_sales",
}  # fmt: skip
# Lock dates of res.company in 16 to 19. Each stops something that Leja makes there, so the last one counts.
LOCKS: Final = (
    "fiscalyear_lock_date", "tax_lock_date", "period_lock_date", "sale_lock_date", "hard_lock_date",
)  # fmt: skip
_MONEY: Final = ("bank", "cash", "credit")
# Where payments wait that no method line sends elsewhere, up to 17.
_OUTSTANDING: Final = "account_journal_payment_debit_account_id"


async def chart(session: Session) -> Chart:
    """Everything that planning needs."""
    company_id = int(session.settings.company_id)
    known = await known_fields(session, "res.company", (*LOCKS, _OUTSTANDING))
    found = await read(session, "res.company", [company_id], ["name", "currency_id", "currency_exchange_journal_id", *sorted(known)])
    if not found:
        raise NeedsReview(
            "odoo-company", f"there is no company {company_id} that the user may see",
            remedy="Set company_id to the database id of the company, and let the user in.",
        )
    company = found[0]
    codes, tax_accounts = await _tax_codes(session, company_id)
    currencies = await all_of(session, "res.currency", [], ["name"])
    journals = await _payment_journals(session, company_id, linked(company.get(_OUTSTANDING)))
    accounts = await _accounts(session, company_id, tax_accounts, journals)
    home = name_in(company["currency_id"])
    locks = [words(company.get(name)) for name in LOCKS]
    return Chart(
        accounts=accounts,
        tax_codes=codes,
        home_currency=home,
        multicurrency=len(currencies) > 1,
        locked_until=max((date.fromisoformat(day) for day in locks if day), default=None),
        edition=written(Edition(
            major=(await server(session)).major,
            company=company_id,
            sale_journal=await _journal(session, company, "sale", session.settings.sale_journal),
            general_journal=await _journal(session, company, "general", session.settings.general_journal),
            payment_journals=journals if session.settings.payments else {},
            currencies={words(row["name"]): str(row["id"]) for row in currencies},
        )),
        posts_cost=False,
    )  # fmt: skip


async def _journal(session: Session, company: Row, kind: str, code: str) -> str:
    exchange = linked(company.get("currency_exchange_journal_id"))
    domain = [["company_id", "=", company["id"]], ["type", "=", kind]]
    rows = await all_of(session, "account.journal", domain, ["code", "sequence"])
    # The first of its type, as Odoo itself chooses; never the one that exchange differences are written to.
    usable = sorted((int(row.get("sequence") or 0), int(row["id"])) for row in rows
                    if (row["code"] == code if code else row["id"] != exchange))  # fmt: skip
    if not usable:
        raise NeedsReview(
            "odoo-journal", f"the company has no journal of type {kind}{f' with the code {code}' if code else ''}",
            remedy="Make one in Odoo, or name another in the settings of the connection.",
        )
    return str(usable[0][1])


async def _payment_journals(session: Session, company_id: int, outstanding: int) -> dict[str, str]:
    """Account of money -> the journal whose payments land on it; accounts that two journals share are left out."""
    domain = [["company_id", "=", company_id], ["type", "in", list(_MONEY)]]
    journals = await all_of(session, "account.journal", domain, ["type", "default_account_id"])
    lines = await all_of(
        session, "account.payment.method.line", [["journal_id", "in", [row["id"] for row in journals]]],
        ["journal_id", "payment_type", "payment_account_id"],
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for row in journals:
        ways = {linked(one["payment_account_id"]) for one in lines
                if linked(one["journal_id"]) == row["id"] and one["payment_type"] == "inbound"} or {0}  # fmt: skip
        lands = {way or outstanding or linked(row["default_account_id"]) for way in ways}
        if len(lands) == 1 and (account := lands.pop()):
            found.setdefault(str(account), []).append(str(row["id"]))
    return {account: ids[0] for account, ids in sorted(found.items()) if len(ids) == 1}


async def _accounts(
    session: Session, company_id: int, taxes: frozenset[int], journals: Mapping[str, str]
) -> tuple[RemoteAccount, ...]:
    known = await known_fields(session, "account.account", ("active", "deprecated", "company_ids", "company_id", "non_trade"))
    ours = ["company_ids", "in", [company_id]] if "company_ids" in known else ["company_id", "=", company_id]
    fields = ["code", "name", "account_type", "currency_id", *sorted(known & {"active", "deprecated", "non_trade"})]
    rows = await all_of(session, "account.account", [ours], fields, archived=True)
    return tuple(_account(row, taxes, journals) for row in sorted(rows, key=lambda row: (words(row["code"]), row["id"])))


def _account(row: Row, taxes: frozenset[int], journals: Mapping[str, str]) -> RemoteAccount:
    kind = "tax" if row["id"] in taxes else _KINDS.get(words(row["account_type"]), "other")
    if row.get("non_trade"):
        # Receivables from and payables to the tax office and the like: no customer owes on them.
        kind = {"receivable": "current_asset", "payable": "current_liability"}.get(kind, kind)
    return RemoteAccount(
        id=str(row["id"]),
        code=words(row["code"]),
        name=words(row["name"]),
        kind=kind,
        currency=name_in(row["currency_id"]),
        active=bool(row.get("active", True)) and not row.get("deprecated", False),
        takes_payments=kind == "bank" or str(row["id"]) in journals,
    )


async def _tax_codes(session: Session, company_id: int) -> tuple[tuple[RemoteTaxCode, ...], frozenset[int]]:
    """Sales taxes in percent on top of the price, and every account that a sales tax lands on."""
    domain = [["company_id", "=", company_id], ["type_tax_use", "=", "sale"]]
    fields = ["name", "amount", "amount_type", "price_include", "active", "invoice_repartition_line_ids"]
    taxes = await all_of(session, "account.tax", domain, fields, archived=True)
    parts = await read(
        session, "account.tax.repartition.line", [part for tax in taxes for part in tax["invoice_repartition_line_ids"]],
        ["repartition_type", "factor_percent", "account_id"],
    )  # fmt: skip
    by_id = {row["id"]: row for row in parts if row["repartition_type"] == "tax"}
    codes = []
    for tax in taxes:
        if tax["amount_type"] != "percent" or tax["price_include"]:
            continue
        own = [by_id[part] for part in tax["invoice_repartition_line_ids"] if part in by_id]
        codes.append(RemoteTaxCode(
            id=str(tax["id"]), name=words(tax["name"]), rate=Decimal(tax["amount"]).normalize() + 0, account=_lands(own),
            active=bool(tax["active"]),
        ))  # fmt: skip
    return tuple(codes), frozenset(linked(row["account_id"]) for row in by_id.values() if linked(row["account_id"]))


def _lands(parts: Sequence[Row]) -> str:
    """The account of the whole tax; "" where it is split, or stays on the line's own account."""
    if len(parts) != 1 or Decimal(parts[0]["factor_percent"]) != 100:
        return ""
    account = linked(parts[0]["account_id"])
    return str(account) if account else ""
