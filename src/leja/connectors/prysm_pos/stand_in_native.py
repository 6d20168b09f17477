"""A till's own JSON, in the invented shape that the example mapping file reads: numbers, its own codes, local times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

Record = dict[str, Any]
_TYPES: Final[Mapping[str, str]] = {"sale": "SALE", "return": "REFUND", "exchange": "EXCH"}
_TENDERS: Final[Mapping[str, str]] = {"card": "CC", "cash": "CA", "gift_card": "GC", "on_account": "AR"}


def native(body: Record) -> Record | None:
    """The event as such a till writes it; None for what it never tells (drawer moves, day ends, pings)."""
    data = body["data"]
    voided = body["type"] == "transaction.voided"
    if not voided and (body["type"] != "transaction.completed" or data["kind"] not in _TYPES):
        return None
    moment = datetime.fromisoformat(data["voided_at"] if voided else data["ended_at"])
    head = {
        "TxnID": data["transaction_id"], "StoreNo": _number(body["source"]["store_id"]), "RegNo": _number(data["workstation_id"]),
        "TxnNo": int(data["sequence_number"]), "BizDate": datetime.fromisoformat(data["business_date"]).strftime("%d/%m/%Y"),
        "EndTime": moment.strftime("%d/%m/%Y %H:%M:%S"),
    }  # fmt: skip
    if voided:
        return {**head, "Type": "VOID", "Voided": "Y"}
    return {
        **head, "Type": _TYPES[data["kind"]], "Curr": data["currency"], "Items": [_item(line) for line in data["lines"]],
        "Pays": [_pay(tender) for tender in data["tenders"]], "Total": Decimal(data["totals"]["gross"]),
        "TaxTotal": Decimal(data["totals"]["tax"]), "Voided": "N",
    }  # fmt: skip


def _number(name: str) -> int:
    return int("".join(letter for letter in name if letter.isdigit()))


def _item(line: Record) -> Record:
    tax = (line.get("taxes") or [{"code": "Z", "rate_percent": "0", "amount": "0"}])[0]
    return {
        "Ln": line["line_number"], "PLU": line.get("sku", ""), "Desc": line.get("description", ""),
        "Qty": Decimal(line["quantity"]), "Price": Decimal(line["unit_price"]), "Ext": Decimal(line["net_amount"]),
        "Disc": sum((Decimal(row["amount"]) for row in line.get("discounts", ())), Decimal(0)),
        "TaxCd": tax["code"], "TaxPct": Decimal(tax["rate_percent"]), "TaxAmt": Decimal(tax["amount"]),
    }  # fmt: skip


def _pay(tender: Record) -> Record:
    row = {"Typ": _TENDERS.get(tender["kind"], "OT"), "Amt": Decimal(tender["amount"]), "Ref": tender.get("reference", "")}
    return row if "card_last4" not in tender else {**row, "Last4": tender["card_last4"]}
