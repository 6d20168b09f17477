"""The services of Service Layer that are no objects: company, periods, currencies, series, cancelling with changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from leja.connectors.sap_b1.stand_in_actions import Actions
from leja.connectors.sap_b1.stand_in_books import OBJECT_CODES, SERIES, first_number
from leja.connectors.sap_b1.stand_in_company import Company
from leja.connectors.sap_b1.stand_in_shapes import NO, YES, Refused, day

SERVICES: Final = frozenset({
    "CompanyService_GetCompanyInfo", "CompanyService_GetAdminInfo", "CompanyService_GetPeriods",
    "CompanyService_GetFinancePeriods", "CompanyService_GetFinancePeriod", "SBOBobService_GetLocalCurrency",
    "SBOBobService_GetSystemCurrency", "SBOBobService_GetCurrencyRate", "SBOBobService_SetCurrencyRate",
    "SeriesService_GetDocumentSeries", "InvoicesService_Cancel2", "CreditNotesService_Cancel2",
})  # fmt: skip


class Services:
    """Calls a service by its name; raises Refused."""

    def __init__(self, company: Company, actions: Actions) -> None:
        self._company, self._actions, self._books = company, actions, company.books
        self._calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "CompanyService_GetCompanyInfo": lambda _given: company.company_info(),
            "CompanyService_GetAdminInfo": lambda _given: company.admin_info(),
            "CompanyService_GetPeriods": lambda _given: [{"AbsoluteEntry": n + 1} for n in range(self._years())],
            "CompanyService_GetFinancePeriods": self._periods,
            "CompanyService_GetFinancePeriod": self._period,
            "SBOBobService_GetLocalCurrency": lambda _given: company.settings.local_currency,
            "SBOBobService_GetSystemCurrency": lambda _given: company.settings.system_currency,
            "SBOBobService_GetCurrencyRate": self._rate,
            "SBOBobService_SetCurrencyRate": self._set_rate,
            "SeriesService_GetDocumentSeries": self._series,
        }

    def call(self, name: str, given: dict[str, Any], lag: float = 0.0) -> Any:
        """What the service answers; None where it answers nothing."""
        if name.endswith("_Cancel2"):
            return self._cancel(name.removesuffix("Service_Cancel2"), given, lag)
        return self._calls[name](given)

    def _years(self) -> int:
        first, last = self._company.settings.periods
        return last - first + 1

    def _periods(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        year = _inner(given, "PeriodCategoryParams").get("AbsoluteEntry")
        if not isinstance(year, int) or not 1 <= year <= self._years():
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        return [_shown(row) for row in self._books.periods() if (row["AbsoluteEntry"] - 1) // 12 == year - 1]

    def _period(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = _inner(given, "FinancePeriodParams").get("AbsoluteEntry")
        for row in self._books.periods():
            if row["AbsoluteEntry"] == wanted:
                return _shown(row)
        raise Refused(-2028, "No matching records found (ODBC -2028)", 404)

    def _rate(self, given: dict[str, Any]) -> Decimal:
        return self._books.rate(_day(given.get("Date")), str(given.get("Currency", "")).upper())

    def _set_rate(self, given: dict[str, Any]) -> None:
        try:
            rate = Decimal(str(given.get("Rate")))
        except InvalidOperation:
            raise Refused(-1000, "Value of property 'Rate' is invalid") from None
        self._books.set_rate(_day(given.get("RateDate")), str(given.get("Currency", "")).upper(), rate)

    def _series(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        code = str(_inner(given, "DocumentTypeParams").get("Document", ""))
        kinds = [kind for kind, each in OBJECT_CODES.items() if each == code]
        if not kinds:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        rows = self._company.records.store.execute("SELECT last FROM number WHERE name = ?", f"number/{kinds[0]}")
        first = first_number(kinds[0])
        last = int(rows[0][0]) if rows else first - 1
        return [{"Document": code, "DocumentSubType": "--", "InitialNumber": first, "LastNumber": None,
                 "NextNumber": last + 1, "Prefix": None, "Suffix": None, "Remarks": None, "Locked": NO,
                 "PeriodIndicator": "Default", "Name": "Primary", "Series": SERIES[kinds[0]], "IsManual": NO}]  # fmt: skip

    def _cancel(self, kind: str, given: dict[str, Any], lag: float) -> None:
        body = _inner(given, "Document")
        if unknown := set(body) - {"DocEntry", "DocDate", "Comments"}:
            raise Refused(-1000, f"Property '{unknown.pop()}' cannot be given when a document is canceled here")
        stored = self._company.stored(kind, str(body.get("DocEntry", "")))
        wanted = {**body, "DocDate": _day(body["DocDate"])} if "DocDate" in body else body
        self._actions.cancel_document(stored, wanted, lag)


def _inner(given: dict[str, Any], name: str) -> dict[str, Any]:
    inner = given.get(name)
    if set(given) != {name} or not isinstance(inner, dict):
        raise Refused(-1000, f"The payload must hold '{name}' and nothing else")
    return inner


def _day(text: Any) -> str:
    found = day(str(text or ""))
    if not found:
        raise Refused(-1000, "Enter a valid date")
    return date.fromisoformat(found).isoformat()


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    dates = {name: f"{row[name]}T00:00:00Z" for name in row if name.endswith(("DateFrom", "DateTo"))}
    locked = YES if row["PeriodStatus"] == "ltLocked" else NO
    return {**row, **dates, "Locked": locked, "ActiveforFeed": YES, "AdditionalSubPeriods": NO, "SubNum": 0}
