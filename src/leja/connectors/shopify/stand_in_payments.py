"""The account at Shopify Payments as GraphQL shows it: payouts and balance transactions with their filters."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from leja.connectors.shopify.stand_in_orders import Record
from leja.connectors.shopify.stand_in_pages import connection, gid, money, zulu
from leja.connectors.shopify.stand_in_payouts import Payouts

_TERM: Final = re.compile(r"""(\w+):(>=|<=|>|<)?('[^']*'|"[^"]*"|\S+)""")
_WORDS: Final = {"payments_transfer_id": "payout", "id": "id", "status": "status", "transaction_type": "type"}
_SOURCES: Final = {"CHARGE": "CHARGE", "REFUND": "REFUND", "TRANSFER": "TRANSFER"}


class PaymentsAccount:
    """``shopifyPaymentsAccount``; None for a shop without Shopify Payments."""

    def __init__(self, payouts: Payouts, currency: str, zone: str, there: bool) -> None:
        self._payouts, self._currency, self._zone, self._there = payouts, currency, zone, there

    def node(self) -> Record | None:
        """The account."""
        if not self._there:
            return None
        return {
            "__typename": "ShopifyPaymentsAccount",
            "id": gid("ShopifyPaymentsAccount", 1),
            "activated": True,
            "balance": [money(sum(r["minor"] - r["fee"] for r in self._payouts.balance()), self._currency)],
            "balanceTransactions": self._transactions,
            "country": "GB",
            "defaultCurrency": self._currency,
            "onboardable": False,
            "payouts": self._many,
        }

    def _many(
        self,
        query: str | None = None,
        reverse: bool = False,
        sortKey: str = "ISSUED_AT",  # noqa: N803
        transactionType: str | None = None,  # noqa: N803
        **arguments: Any,
    ) -> Record:
        rows = [row for row in self._payouts.payouts() if self._matches(query, row, "issued_at")]
        if transactionType:
            rows = [row for row in rows if (row["net"] < 0) == (transactionType == "WITHDRAWAL")]
        keys = {"AMOUNT": lambda row: row["net"], "ID": lambda row: row["id"], "STATUS": lambda row: row["status"]}
        rows.sort(key=keys.get(sortKey, lambda row: (row["issued_at"], row["id"])))
        return connection(rows, self.payout)(reverse=reverse, **arguments)

    def payout(self, row: Record) -> Record:
        """A payout. ``refundsFeeGross`` is the vendor's name for the gross of refunds."""
        sums, currency = row["summary"], row["currency"]
        nothing = money(0, currency)
        return {
            "__typename": "ShopifyPaymentsPayout",
            "id": gid("ShopifyPaymentsPayout", row["id"]),
            "legacyResourceId": str(row["id"]),
            "externalTraceId": None,
            "gross": money(row["net"], currency),
            "net": money(row["net"], currency),
            "issuedAt": zulu(row["issued_at"]),
            "status": row["status"],
            "transactionType": "WITHDRAWAL" if row["net"] < 0 else "DEPOSIT",
            "summary": {
                "adjustmentsFee": money(sums["adjustments_fee"], currency),
                "adjustmentsGross": money(sums["adjustments_gross"], currency),
                "advanceFees": nothing,
                "advanceGross": nothing,
                "chargesFee": money(sums["charges_fee"], currency),
                "chargesGross": money(sums["charges_gross"], currency),
                "refundsFee": money(sums["refunds_fee"], currency),
                "refundsFeeGross": money(sums["refunds_gross"], currency),
                "reservedFundsFee": money(sums["reserved_fee"], currency),
                "reservedFundsGross": money(sums["reserved_gross"], currency),
                "retriedPayoutsFee": nothing,
                "retriedPayoutsGross": nothing,
                "usdcRebateCreditAmount": nothing,
            },
        }

    def _transactions(
        self,
        query: str | None = None,
        hideTransfers: bool = False,  # noqa: N803
        reverse: bool = False,
        sortKey: str = "PROCESSED_AT",  # noqa: ARG002, N803
        **arguments: Any,
    ) -> Record:
        rows = [row for row in self._payouts.balance() if self._matches(query, row, "processed_at")]
        if hideTransfers:
            rows = [row for row in rows if row["type"] != "TRANSFER"]
        return connection(rows, self._transaction)(reverse=reverse, **arguments)

    def _transaction(self, row: Record) -> Record:
        payout = self._payouts.payout(row["payout"]) if row["payout"] else None
        currency = row["currency"]
        return {
            "__typename": "ShopifyPaymentsBalanceTransaction",
            "id": gid("ShopifyPaymentsBalanceTransaction", row["id"]),
            "adjustmentReason": row["reason"],
            "adjustmentsOrders": [],
            "amount": money(row["minor"], currency),
            "fee": money(row["fee"], currency),
            "net": money(row["minor"] - row["fee"], currency),
            "associatedOrder": {"id": gid("Order", row["order_id"]), "name": row["order_name"]}
            if row["order_id"]
            else None,
            "associatedPayout": {
                "id": gid("ShopifyPaymentsPayout", payout["id"]) if payout else None,
                "status": payout["status"] if payout else "PENDING",
            },
            "sourceId": str(row["transaction_id"] or row["payout"] or row["id"]),
            "sourceOrderTransactionId": str(row["transaction_id"]) if row["transaction_id"] else None,
            "sourceType": _SOURCES.get(row["type"], "ADJUSTMENT"),
            "test": row["test"],
            "transactionDate": zulu(row["at"]),
            "type": row["type"],
        }

    def _matches(self, query: str | None, row: Record, time_name: str) -> bool:
        when = row["issued_at"] if "issued_at" in row else row["at"]
        for field, sign, raw in _TERM.findall(query or ""):
            value = raw.strip("'\"")
            if field in (time_name, "payout_date"):
                moment = datetime.fromisoformat(value)
                limit = (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self._zone))).timestamp()
                held = {">=": when >= limit, "<=": when <= limit, ">": when > limit, "<": when < limit}
                if not held.get(sign, when == limit):
                    return False
            elif field in _WORDS and str(row.get(_WORDS[field], "")).lower() != value.rsplit("/", 1)[-1].lower():
                return False
        return True
