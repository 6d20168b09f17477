"""Marketing documents: what a row costs, what tax is on it, and the journal entry that a document makes.

Guide 1.26, 3.5 and 3.10; SDK help "Document". Prices: UnitPrice before and Price after the row's discount, both net;
PriceAfterVAT and GrossPrice with tax; LineTotal net and GrossTotal with tax for the whole row. Not confirmed by a page:
that a header discount lowers revenue and tax of every row alike, and that a foreign document takes no LineTotal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from leja.connectors.sap_b1 import stand_in_chart as chart
from leja.connectors.sap_b1.stand_in_books import Books, Row
from leja.connectors.sap_b1.stand_in_records import Records, Stored
from leja.connectors.sap_b1.stand_in_shapes import NO, YES, Refused
from leja.core.money import Money, split, to_decimal

_ZERO: Final = Decimal(0)
_TABLES: Final = {"Orders": "RDR1", "Invoices": "INV1", "CreditNotes": "RIN1", "PurchaseInvoices": "PCH1"}
_SIGNS: Final = {"Invoices": 1, "CreditNotes": -1, "PurchaseInvoices": -1, "Orders": 1}
_BASES: Final = {17: "Orders", 13: "Invoices"}
_GROSS: Final = ("PriceAfterVAT", "GrossPrice")


class Priced(msgspec.Struct):
    """One row, or one freight charge, in the document's currency."""

    account: str
    net: Decimal
    tax: Decimal
    rate: Decimal
    group: str
    vat_account: str
    shown: dict[str, Any]
    stock: Decimal = _ZERO
    item: str = ""


class Built(msgspec.Struct):
    """A document that was worked out: its body, and the rows of its journal entry (none for an order)."""

    body: dict[str, Any]
    currency: str
    rate: Decimal
    rows: list[Row]
    gross: bool = False


class Documents:
    """Works documents out; writes nothing but the open quantities of the orders that they are based on."""

    def __init__(self, records: Records, books: Books) -> None:
        self.records, self.books, self.settings = records, books, books.settings

    def build(self, kind: str, body: dict[str, Any], partner: Stored) -> Built:
        """The document with every amount. Raises Refused."""
        currency = body.get("DocCurrency") or self._default_currency(partner)
        owned = partner.body["Currency"]
        if owned not in ("##", currency):
            raise Refused(-10, f"Currency '{currency}' is not that of the business partner  [OINV.DocCurrency]")
        rate = self.books.rate(body["DocDate"], currency)
        if body.get("DocRate") and currency != self.settings.local_currency:
            rate = body["DocRate"]
        lines = body.get("DocumentLines") or []
        if not lines:
            raise Refused(-10, f"Enter at least one row  [{_TABLES[kind]}]")
        priced = [self._line(kind, body, partner, currency, number, row) for number, row in enumerate(lines)]
        freight = [self._freight(number, row, currency) for number, row in enumerate(
            body.get("DocumentAdditionalExpenses") or [])]  # fmt: skip
        discount = self._discounted(priced, body.get("DiscountPercent") or _ZERO, currency)
        if self.books.preference("group_lines_in_vat", self.settings.group_lines_in_vat):
            self._grouped(priced + freight, currency)
        rounding = (body.get("RoundingDiffAmount") or _ZERO) if body.get("Rounding") == YES else _ZERO
        if rounding != self.books.rounded(rounding, currency):
            raise Refused(-10, "RoundingDiffAmount has too many decimals")
        body = {**body, "DocCurrency": currency, "DocRate": rate, "RoundingDiffAmount": rounding}
        self._totals(body, priced, freight, discount, rounding)
        body["DocumentLines"] = [self._shown(line, currency, rate) for line in priced]
        body["DocumentAdditionalExpenses"] = [
            {**line.shown, "LineTotal": line.net, "LineTotalFC": line.net if currency != self.settings.local_currency
             else _ZERO, "TaxSum": line.tax, "TaxPercent": line.rate, "VatGroup": line.group,
             "LineGross": line.net + line.tax} for line in freight]  # fmt: skip
        rows = [] if kind == "Orders" else self._rows(kind, body, partner, priced + freight, rounding)
        return Built(body, currency, rate, rows)

    def _default_currency(self, partner: Stored) -> str:
        return str(partner.body["Currency"]) if partner.body["Currency"] != "##" else self.settings.local_currency

    # --- rows -----------------------------------------------------------------------------------------------------

    def _line(
        self, kind: str, body: dict[str, Any], partner: Stored, currency: str, number: int, given: dict[str, Any]
    ) -> Priced:
        table, place = _TABLES[kind], number + 1
        row = self._from_base(kind, given, place)
        item = self._item(row, body, table, place)
        account = row.get("AccountCode") or (item["IncomeAccount"] if item else None)
        where = f"{table}.AcctCode][line: {place}"
        if not account:
            raise Refused(-10, f"G/L account is missing  [{where}]")
        self.books.account(account, where, manual=True)
        group = row.get("VatGroup") or (item or {}).get("SalesVATGroup") or partner.body.get("VatGroup")
        percent, vat_account = self.vat(group, body["DocDate"], f"{table}.VatGroup][line: {place}")
        quantity = Decimal(1 if row.get("Quantity") is None else row["Quantity"])
        if quantity <= 0:
            raise Refused(-10, f"Quantity must be greater than zero  [{table}.Quantity][line: {place}]")
        net, tax, unit = self._priced(row, quantity, percent, currency, f"{table}.Price][line: {place}")
        shown = {
            **{name: value for name, value in row.items() if name not in _GROSS and name != "GrossTotal"},
            "LineNum": number, "VisualOrder": number, "Quantity": quantity, "UnitPrice": unit, "AccountCode": account,
            "VatGroup": group, "LineStatus": "bost_Open", "Currency": currency,
            "RemainingOpenQuantity": quantity, "DiscountPercent": row.get("DiscountPercent") or _ZERO,
        }  # fmt: skip
        if item:
            shown.setdefault("ItemDescription", item["ItemName"])
        stock = _ZERO
        if item and item["InventoryItem"] == YES and row.get("WithoutInventoryMovement") != YES and kind != "Orders":
            stock = self.books.rounded(quantity * (item["AvgStdPrice"] or _ZERO), self.settings.local_currency)
        return Priced(
            account, net, tax, percent, str(group), vat_account, shown, stock, (item or {}).get("ItemCode", "")
        )

    def _item(self, row: dict[str, Any], body: dict[str, Any], table: str, place: int) -> dict[str, Any] | None:
        if body.get("DocType") == "dDocument_Service":
            if row.get("ItemCode"):
                raise Refused(-10, f"A service document has no items  [{table}.ItemCode][line: {place}]")
            return None
        found = self.records.find("Items", row.get("ItemCode") or "")
        if found is None:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        if found.body["Frozen"] == YES or found.body["Valid"] != YES or found.body["SalesItem"] != YES:
            raise Refused(-10, f"Item '{row['ItemCode']}' is inactive  [{table}.ItemCode][line: {place}]")
        return found.body

    def _from_base(self, kind: str, given: dict[str, Any], place: int) -> dict[str, Any]:
        """A row that is drawn from an order or, for a credit note, from an invoice: what it leaves out it copies."""
        if given.get("BaseType", -1) == -1 or given.get("BaseType") is None:
            return given
        base_kind = _BASES.get(given["BaseType"], "")
        allowed = {"Invoices": "Orders", "CreditNotes": "Invoices"}.get(kind)
        base = self.records.find(base_kind, given.get("BaseEntry") or 0) if base_kind == allowed else None
        rows = base.body["DocumentLines"] if base else []
        wanted = [row for row in rows if row["LineNum"] == given.get("BaseLine")]
        if not base or not wanted:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        if base_kind == "Orders" and (wanted[0]["LineStatus"] == "bost_Close" or base.body["Cancelled"] == YES):
            raise Refused(
                -5002, f"One of the base documents has already been closed  [{_TABLES[kind]}.BaseEntry][line: {place}]"
            )
        copied = ("ItemCode", "ItemDescription", "AccountCode", "VatGroup", "DiscountPercent", "UnitPrice", "FreeText",
                  "WarehouseCode", "CostingCode", "ProjectCode")  # fmt: skip
        priced = any(given.get(name) is not None for name in ("UnitPrice", "Price", "LineTotal", "GrossTotal", *_GROSS))
        row = {name: wanted[0][name] for name in copied
               if wanted[0].get(name) is not None and not (priced and name == "UnitPrice")}  # fmt: skip
        return {**row, "Quantity": wanted[0]["RemainingOpenQuantity"], **given}

    def vat(self, group: str | None, day: str, where: str) -> tuple[Decimal, str]:
        """The rate of a tax group on a day, in per cent, and its account. Raises Refused."""
        found = self.records.find("VatGroups", group or "")
        if found is None or found.body["Inactive"] == YES:
            raise Refused(-10, f"Enter valid tax group  [{where}]")
        rates = [row["Rate"] for row in found.body["VatGroups_Lines"] if row["Effectivefrom"] <= day]
        return Decimal(rates[-1] if rates else 0), str(found.body["TaxAccount"])

    def _priced(
        self, row: dict[str, Any], quantity: Decimal, percent: Decimal, currency: str, where: str
    ) -> tuple[Decimal, Decimal, Decimal]:
        """Net and tax of a row, and its unit price before discount, in the document's currency."""
        rounded: Callable[[Decimal], Decimal] = lambda amount: self.books.rounded(amount, currency)  # noqa: E731
        keep = 1 - (row.get("DiscountPercent") or _ZERO) / 100
        gross = row.get("GrossTotal")
        for name in _GROSS:
            if gross is None and row.get(name) is not None:
                gross = rounded(row[name] * quantity)
        if gross is not None:
            net = rounded(gross / (1 + percent / 100))
            return net, rounded(gross) - net, net / quantity
        if row.get("LineTotal") is not None:
            if currency != self.settings.local_currency:
                raise Refused(-10, f"LineTotal is in local currency; give a price instead  [{where}]")
            net = rounded(row["LineTotal"])
            unit = row.get("UnitPrice") or (net / keep / quantity if keep else _ZERO)
            return net, rounded(net * percent / 100), unit
        if row.get("Price") is not None and row.get("UnitPrice") is None:
            net = rounded(row["Price"] * quantity)
            return net, rounded(net * percent / 100), row["Price"] / keep if keep else _ZERO
        unit = row.get("UnitPrice") or _ZERO
        net = rounded(rounded(unit * keep) * quantity) if keep != 1 else rounded(unit * quantity)
        return net, rounded(net * percent / 100), unit

    def _freight(self, number: int, row: dict[str, Any], currency: str) -> Priced:
        if row.get("ExpenseCode") != chart.FREIGHT:
            raise Refused(-2028, "No matching records found (ODBC -2028)", 404)
        group = row.get("VatGroup") or "O1"
        percent, account = self.vat(group, "9999-12-31", f"INV3.VatGroup][line: {number + 1}")
        net = self.books.rounded(row.get("LineTotal") or _ZERO, currency)
        tax = self.books.rounded(net * percent / 100, currency)
        own = self.settings.code(chart.SHIPPING)
        return Priced(own, net, tax, percent, group, account, {**row, "LineNum": number})

    def _discounted(self, priced: list[Priced], percent: Decimal, currency: str) -> Decimal:
        """Takes the header's discount off every row in proportion; answers what it took."""
        if not percent:
            return _ZERO
        whole = sum((line.net for line in priced), _ZERO)
        discount = self.books.rounded(whole * percent / 100, currency)
        minor = int(discount.scaleb(self.settings.places(currency)))
        weights = [int(line.net.scaleb(self.settings.places(currency))) for line in priced]
        for line, part in zip(priced, split(Money(minor, currency), weights), strict=True):
            line.shown["LineTotal"] = line.net
            line.net -= to_decimal(part)
            line.tax = self.books.rounded(line.net * line.rate / 100, currency)
        return discount

    def _grouped(self, lines: list[Priced], currency: str) -> None:
        """Tax on the sum of each tax group, the difference to the rows' own tax on the last row of the group."""
        groups: dict[str, list[Priced]] = defaultdict(list)
        for line in lines:
            groups[line.group].append(line)
        for members in groups.values():
            net = sum((line.net for line in members), _ZERO)
            tax = self.books.rounded(net * members[0].rate / 100, currency)
            members[-1].tax += tax - sum((line.tax for line in members), _ZERO)

    # --- sums and postings ----------------------------------------------------------------------------------------

    def _totals(
        self, body: dict[str, Any], priced: list[Priced], freight: list[Priced], discount: Decimal, rounding: Decimal
    ) -> None:
        currency, rate, local = body["DocCurrency"], body["DocRate"], self.settings.local_currency
        tax = sum((line.tax for line in priced + freight), _ZERO)
        total = sum((line.net for line in priced + freight), _ZERO) + tax + rounding
        if total < 0:
            raise Refused(-10, "Document total must be zero or greater  [OINV.DocTotal]")
        foreign = currency != local
        system = self.books.rate(body["DocDate"], self.settings.system_currency)
        home = {name: self.books.rounded(value * rate, local) for name, value in
                (("DocTotal", total), ("VatSum", tax), ("TotalDiscount", discount))}  # fmt: skip
        rounded = self.books.rounded
        body |= {
            **home, "DocTotalFc": total if foreign else _ZERO, "VatSumFc": tax if foreign else _ZERO,
            "TotalDiscountFC": discount if foreign else _ZERO,
            "DocTotalSys": rounded(home["DocTotal"] / system, self.settings.system_currency),
            "VatSumSys": rounded(home["VatSum"] / system, self.settings.system_currency),
        }  # fmt: skip

    def _shown(self, line: Priced, currency: str, rate: Decimal) -> dict[str, Any]:
        net = line.shown.pop("LineTotal", line.net) if "LineTotal" in line.shown else line.net
        net = line.net if net is None else Decimal(net)
        local = self.settings.local_currency
        foreign = currency != local
        quantity = line.shown["Quantity"]
        gross = net + line.tax
        keep = 1 - Decimal(line.shown["DiscountPercent"]) / 100
        return {
            **line.shown, "LineTotal": self.books.rounded(net * rate, local), "RowTotalFC": net if foreign else _ZERO,
            "Price": _short(line.shown["UnitPrice"] * keep), "UnitPrice": _short(line.shown["UnitPrice"]),
            "PriceAfterVAT": _short(gross / quantity), "GrossTotal": self.books.rounded(gross * rate, local),
            "GrossTotalFC": gross if foreign else _ZERO, "TaxPercentagePerRow": line.rate,
            "TaxTotal": self.books.rounded(line.tax * rate, local), "NetTaxAmount": self.books.rounded(line.tax * rate, local),
            "NetTaxAmountFC": line.tax if foreign else _ZERO, "OpenAmount": self.books.rounded(net * rate, local),
        }  # fmt: skip

    def _rows(
        self, kind: str, body: dict[str, Any], partner: Stored, lines: list[Priced], rounding: Decimal
    ) -> list[Row]:
        sign = _SIGNS[kind]
        wanted = body.get("ControlAccount") or partner.body["DebitorAccount"]
        control = self.books.account(wanted, "OINV.CtlAccount").id
        total = sum((line.net + line.tax for line in lines), _ZERO) + rounding
        rows = [Row(control, sign * total, card=partner.id)]
        for account in dict.fromkeys(line.account for line in lines):
            amount = sum((line.net for line in lines if line.account == account), _ZERO)
            rows.append(Row(account, -sign * amount))
        for group in dict.fromkeys(line.group for line in lines):
            members = [line for line in lines if line.group == group]
            tax, base = (sum((getattr(line, name) for line in members), _ZERO) for name in ("tax", "net"))
            extra = {"TaxGroup": group, "BaseSum": sign * self.books.rounded(base * body["DocRate"], self.settings.local_currency),
                     "VatLine": YES}  # fmt: skip
            rows.append(Row(members[0].vat_account, -sign * tax, extra=extra))
        if rounding:
            rows.append(Row(self.settings.code(chart.ROUNDING), -sign * rounding))
        return [row for row in rows if row.amount or row.card or row.extra]

    def stock_rows(self, kind: str, lines: list[dict[str, Any]]) -> list[Row]:
        """Cost of goods that an inventory item moves at its standing price, in local currency (perpetual inventory)."""
        cost = _ZERO
        for row in lines:
            item = self.records.find("Items", row.get("ItemCode") or "")
            if item and item.body["InventoryItem"] == YES and row.get("WithoutInventoryMovement") != YES:
                price = item.body["AvgStdPrice"] or _ZERO
                cost += self.books.rounded(row["Quantity"] * price, self.settings.local_currency)
        if not cost or kind not in ("Invoices", "CreditNotes"):
            return []
        sign = _SIGNS[kind]
        return [
            Row(self.settings.code(chart.COST), sign * cost),
            Row(self.settings.code(chart.INVENTORY), -sign * cost),
        ]

    def draw(self, body: dict[str, Any]) -> list[str]:
        """Closes what an invoice takes of its orders; answers the invoices that a credit note is based on."""
        invoices = []
        for row in body["DocumentLines"]:
            base = _BASES.get(row.get("BaseType") or -1)
            if base == "Invoices":
                invoices.append(str(row["BaseEntry"]))
            if base != "Orders" or not (order := self.records.find("Orders", row["BaseEntry"])):
                continue
            for line in order.body["DocumentLines"]:
                if line["LineNum"] == row["BaseLine"]:
                    line["RemainingOpenQuantity"] = max(_ZERO, line["RemainingOpenQuantity"] - row["Quantity"])
                    line["LineStatus"] = "bost_Open" if line["RemainingOpenQuantity"] else "bost_Close"
            done = all(line["LineStatus"] == "bost_Close" for line in order.body["DocumentLines"])
            status = "bost_Close" if done else "bost_Open"
            self.records.put("Orders", int(order.id), {**order.body, "DocumentStatus": status})
        return list(dict.fromkeys(invoices))


def new_document(kind: str) -> dict[str, Any]:
    """What a document holds that nobody asked for."""
    return {
        "DocType": "dDocument_Items", "NumAtCard": None, "Comments": None, "JournalMemo": None, "DiscountPercent": _ZERO,
        "PriceMode": "pmdNet", "Rounding": NO, "Reference1": None, "Reference2": None, "PaidToDate": _ZERO,
        "PaidToDateFC": _ZERO, "DocObjectCode": f"o{kind}", "DocumentStatus": "bost_Open", "Cancelled": NO,
        "CancelStatus": "csNo", "CancelDate": None, "TransNum": None, "PeriodIndicator": "Default",
        "DocumentAdditionalExpenses": [],
    }  # fmt: skip


def _short(number: Decimal) -> Decimal:
    # Prices are kept with six decimals (PriceAccuracy of the company).
    return Decimal(number).quantize(Decimal("0.000001")).normalize() + _ZERO
