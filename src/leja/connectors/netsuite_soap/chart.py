"""What the account has: accounts, tax codes, currencies, our own items, the subsidiary, the day its periods are closed up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from leja.connectors.contract import Chart, RemoteAccount, RemoteItem, RemoteTaxCode, Session
from leja.connectors.netsuite_soap.api import at_least, beginning, criteria, found, get_all, is_false, unreadable
from leja.connectors.netsuite_soap.edition import Edition, written
from leja.connectors.netsuite_soap.names import ITEM_PREFIX
from leja.connectors.netsuite_soap.nodes import Node, Unreadable
from leja.connectors.netsuite_soap.wire import day_in, rate_in
from leja.core.errors import NeedsReview

_KINDS: Final = {
    "_bank": "bank", "_accountsReceivable": "receivable", "_otherCurrentAsset": "current_asset",
    "_unbilledReceivable": "current_asset", "_deferredExpense": "current_asset", "_fixedAsset": "fixed_asset",
    "_otherAsset": "fixed_asset", "_accountsPayable": "payable", "_creditCard": "current_liability",
    "_otherCurrentLiability": "current_liability", "_deferredRevenue": "current_liability",
    "_longTermLiability": "current_liability", "_equity": "equity", "_income": "income", "_otherIncome": "income",
    "_costOfGoodsSold": "cost_of_sales", "_expense": "expense", "_otherExpense": "expense",
}  # fmt: skip
_NO_MONEY: Final = frozenset({"_nonPosting", "_statistical"})
_LOOK_BACK: Final = timedelta(days=730)


async def chart(session: Session) -> Chart:
    """Everything that planning needs; seven reads."""
    settings = session.settings
    try:
        codes = await tax_codes(session)
        currencies = await currencies_of(session)
        subsidiary = await _subsidiary(session)
        symbols = {node.attributes.get("internalId", ""): node.value("symbol") for node in currencies}
        return Chart(
            accounts=_accounts(await found(session, criteria("Account")), {code.account for code in codes}, symbols),
            tax_codes=_untaxed_first(codes, settings.untaxed),
            items=await _items(session),
            home_currency=_home(currencies, subsidiary, symbols),
            multicurrency=sum(not node.flag("isInactive") for node in currencies) > 1,
            locked_until=await _locked_until(session),
            own_numbers=False,
            edition=written(
                Edition(
                    subsidiary=subsidiary.attributes.get("internalId", "") if subsidiary is not None else "",
                    department=settings.department, class_id=settings.class_id, location=settings.location,
                    tax_schedule=settings.tax_schedule, supplier=settings.supplier,
                    currencies={
                        node.value("symbol"): node.attributes.get("internalId", "")
                        for node in currencies if not node.flag("isInactive")
                    },
                )
            ),
            posts_cost=False,
        )  # fmt: skip
    except Unreadable as problem:
        raise unreadable(problem) from None


def _accounts(rows: Sequence[Node], taxed: set[str], symbols: Mapping[str, str]) -> tuple[RemoteAccount, ...]:
    return tuple(
        RemoteAccount(
            id=row.attributes.get("internalId", ""),
            code=row.value("acctNumber"),
            name=row.value("acctName") or row.value("acctNumber"),
            kind="tax" if row.attributes.get("internalId") in taxed else _KINDS.get(row.value("acctType"), "other"),
            currency=symbols.get(row.ref("currency"), ""),
            active=not row.flag("isInactive"),
            takes_payments=row.value("acctType") in ("_bank", "_otherCurrentAsset"),
        )
        for row in rows
        if row.value("acctType") not in _NO_MONEY
    )


async def tax_codes(session: Session) -> list[RemoteTaxCode]:
    """The tax codes of legacy tax, with the account that the tax of sales lands on."""
    return [
        RemoteTaxCode(
            id=row.attributes.get("internalId", ""),
            name=row.value("itemId") or row.value("name"),
            rate=rate_in(row.value("rate")),
            account=row.ref("saleAccount") or row.ref("taxAccount"),
            active=not row.flag("isInactive"),
        )
        for row in await found(session, criteria("SalesTaxItem"))
    ]


def _untaxed_first(codes: Sequence[RemoteTaxCode], untaxed: str) -> tuple[RemoteTaxCode, ...]:
    """The code for lines without tax first, then by internal id."""
    return tuple(sorted(codes, key=lambda code: (code.rate != 0, code.id != untaxed, len(code.id), code.id)))


async def currencies_of(session: Session) -> list[Node]:
    """The currency records; ``symbol`` is the ISO code, the name is anything."""
    return await get_all(session, "currency")


async def _items(session: Session) -> tuple[RemoteItem, ...]:
    """The items that Leja made: those of others may carry stock, prices or tax of their own, and are never used."""
    rows = await found(session, criteria("Item", beginning("externalIdString", ITEM_PREFIX)))
    return tuple(
        RemoteItem(
            id=row.attributes.get("internalId", ""), name=row.value("itemId"), income_account=row.ref("incomeAccount"),
            active=not row.flag("isInactive"),
        )
        for row in rows
        if row.attributes.get("externalId", "") == f"{ITEM_PREFIX}{row.ref('incomeAccount')}"
    )  # fmt: skip


async def _subsidiary(session: Session) -> Node | None:
    """The subsidiary whose books these are. Raises NeedsReview ``netsuite-soap-subsidiary`` where that is not clear."""
    if not session.settings.one_world:
        return None
    stated = session.settings.subsidiary
    rows = [row for row in await found(session, criteria("Subsidiary")) if not row.flag("isInactive") and not row.flag("isElimination")]
    chosen = [row for row in rows if stated in ("", row.attributes.get("internalId"))]
    if len(chosen) != 1:
        names = ", ".join(f"{row.attributes.get('internalId')} {row.value('name')}" for row in rows)
        raise NeedsReview(
            "netsuite-soap-subsidiary", f"which subsidiary's books are these? There are: {names or 'none'}",
            remedy="Set subsidiary to an internal id; for an account without subsidiaries set one_world to false.",
        )  # fmt: skip
    return chosen[0]


def _home(currencies: Sequence[Node], subsidiary: Node | None, symbols: Mapping[str, str]) -> str:
    own = symbols.get(subsidiary.ref("currency"), "") if subsidiary is not None else ""
    return own or next((node.value("symbol") for node in currencies if node.flag("isBaseCurrency")), "")


async def _locked_until(session: Session) -> date | None:
    """The last day of the closed periods that no open one comes before, of those of the last two years.

    A period that is locked for receivables alone counts as closed: what is told are sales.
    """
    since = session.now().date() - _LOOK_BACK
    wanted = criteria(
        "AccountingPeriod", at_least("endDate", f"{since}T12:00:00"), is_false("isQuarter"), is_false("isYear")
    )
    periods = []
    for row in await found(session, wanted):
        end = day_in(row.value("endDate"))
        if end is not None and end >= since and not (row.flag("isQuarter") or row.flag("isYear") or row.flag("isAdjust")):
            periods.append((end, any(row.flag(name) for name in ("closed", "allLocked", "arLocked"))))
    until = None
    for end, locked in sorted(periods):
        if not locked:
            break
        until = end
    return until
