"""Shopify Payments in the stand-in: balance transactions, fees, and payouts whose lines sum to their net."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from leja.connectors.shopify.stand_in_orders import Orders, Record, epoch, minor, plain
from leja.core.currency import exponent
from leja.core.money import rounded

GATEWAY: Final = "shopify_payments"


class Payouts:
    """The balance of the shop at its own processor, in the shop's currency."""

    def __init__(self, orders: Orders) -> None:
        self._orders, self._store, self._shop = orders, orders.env.store, orders.shop

    def fee(self, amount: int, currency: str) -> int:
        """What the processor keeps of a charge."""
        share = rounded(Decimal(amount).scaleb(-exponent(currency)) * self._shop.fee_rate, currency).minor
        return share + self._shop.fee_flat

    def book(self, order: Record, transaction: Record) -> None:
        """Writes the balance transaction of a card payment or refund that succeeded."""
        moves = transaction["kind"] in ("sale", "capture", "refund") and transaction["status"] == "success"
        if not (self._shop.payments and moves and transaction["gateway"] == GATEWAY):
            return
        charge = transaction["kind"] != "refund"
        amount = transaction["minor"] if charge else -transaction["minor"]
        self._add(
            "CHARGE" if charge else "REFUND",
            amount,
            self.fee(amount, order["currency"]) if charge else 0,
            order["currency"],
            transaction["processed_at"],
            order=order,
            transaction=transaction["id"],
        )

    def add(
        self,
        kind: str,
        amount: str,
        fee: str = "0",
        at: str | None = None,
        reason: str | None = None,
    ) -> Record:
        """Something else on the balance: ADJUSTMENT, CHARGEBACK_HOLD, SHIPPING_LABEL, RESERVED_FUNDS …"""
        currency = self._shop.currency
        when = epoch(at) if at else self._orders.now()
        return self._add(kind, minor(amount, currency), minor(fee, currency), currency, when, reason=reason)

    def make_payout(
        self, day: str | None = None, until: str | None = None, status: str = "PAID", lines: Sequence[Record] = ()
    ) -> Record:
        """Pays out all that is open (and happened before ``until``), after adding ``lines`` (arguments of ``add``)."""
        for line in lines:
            self.add(**line)
        limit = epoch(until) if until else self._orders.now() + 1
        rows = [row for row in self._store.each("balance", until="q") if row["at"] < limit]
        if not rows:
            raise ValueError("nothing is open to be paid out")
        id_, net = self._orders.ids(1)[0], sum(row["minor"] - row["fee"] for row in rows)
        zone = ZoneInfo(self._shop.zone)
        issued = date.fromisoformat(day) if day else datetime.fromtimestamp(self._orders.now(), zone).date()
        payout = {
            "id": id_,
            "net": net,
            "currency": self._shop.currency,
            "issued_at": datetime(issued.year, issued.month, issued.day, tzinfo=zone).timestamp(),
            "day": issued.isoformat(),
            "status": status,
            "summary": summary(rows),
        }
        self._store.put("payout", id_, payout, sort=f"{payout['day']}/{id_}")
        for row in rows:
            self._keep({**row, "payout": id_})
        self._add("TRANSFER", -net, 0, self._shop.currency, payout["issued_at"], payout=id_)
        return {"id": id_, "net": plain(net, self._shop.currency), "lines": len(rows), "day": payout["day"]}

    def set_status(self, payout: int, status: str) -> Record:
        """Moves a payout on: SCHEDULED, IN_TRANSIT, PAID, FAILED, CANCELED."""
        found = self._store.get("payout", payout)
        if found is None:
            raise ValueError(f"there is no payout {payout}")
        found["status"] = status
        self._store.put("payout", payout, found, sort=f"{found['day']}/{payout}")
        return {"id": payout, "status": status}

    def payouts(self) -> list[Record]:
        """All payouts, oldest first."""
        return self._store.each("payout")

    def payout(self, id_: int) -> Record | None:
        """One payout."""
        return self._store.get("payout", id_)

    def balance(self) -> list[Record]:
        """All balance transactions, oldest first."""
        return sorted(self._store.each("balance"), key=lambda row: (row["at"], row["id"]))

    def _add(
        self,
        kind: str,
        amount: int,
        fee: int,
        currency: str,
        at: float,
        *,
        order: Record | None = None,
        transaction: int | None = None,
        payout: int | None = None,
        reason: str | None = None,
    ) -> Record:
        row = {
            "id": self._orders.ids(1)[0],
            "type": kind,
            "minor": amount,
            "fee": fee,
            "currency": currency,
            "at": at,
            "order_id": order["id"] if order else None,
            "order_name": order["name"] if order else None,
            "transaction_id": transaction,
            "payout": payout,
            "reason": reason,
            "test": bool(order and order["test"]),
        }
        self._keep(row)
        return {"id": row["id"], "net": plain(amount - fee, currency)}

    def _keep(self, row: Record) -> None:
        # "o" open, "q" paid out: open ones are found without reading the rest.
        self._store.put("balance", row["id"], row, sort=f"{'o' if row['payout'] is None else 'q'}{row['id']:020d}")


def summary(rows: Sequence[Record]) -> dict[str, int]:
    """Gross and fees of a payout by class."""
    sums = dict.fromkeys(
        ("charges_gross", "charges_fee", "refunds_gross", "refunds_fee", "adjustments_gross", "adjustments_fee",
         "reserved_gross", "reserved_fee"), 0,
    )  # fmt: skip
    classes = {"CHARGE": "charges", "REFUND": "refunds"}
    for row in rows:
        name = classes.get(row["type"], "reserved" if row["type"].startswith("RESERVED_FUNDS") else "adjustments")
        sums[f"{name}_gross"] += row["minor"]
        sums[f"{name}_fee"] += row["fee"]
    return sums
