"""The end of a till's day with its control totals, whole days of trade, and the chain's own figures."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from leja.connectors.prysm_pos.stand_in_lines import text
from leja.connectors.prysm_pos.stand_in_tills import Record, Tills
from leja.core.money import from_text
from leja_sandbox.kit import Manner

_GOODS: Final = (
    {"sku": "MUG-RED", "description": "Mug, red", "price": "10.00", "rate": "20.00", "department": "KITCHEN"},
    {"sku": "JUG-BLUE", "description": "Jug, blue", "price": "15.49", "rate": "20.00", "department": "KITCHEN"},
    {"sku": "BOOK-7", "description": "Book", "price": "8.99", "rate": "0.00", "department": "BOOKS"},
    {"sku": "TEA-1", "description": "Tea, loose, kg", "price": "23.70", "rate": "5.00", "department": "FOOD"},
    {"kind": "gift_card_sale", "description": "Gift card", "price": "25.00"},
)
_MEANS: Final = ("card", "card", "cash", "cash", "mobile_wallet", "voucher")


class Days:
    """Acts on whole days of the tills."""

    def __init__(self, tills: Tills) -> None:
        self._tills, self._env = tills, tills.env

    def close_day(
        self, store: str = "S001", till: str = "W01", business_date: str = "", counted: dict[str, str] | None = None,
        off_by: dict[str, str] | None = None, webhooks: Manner = "normal",
    ) -> Record:  # fmt: skip
        """Closes a till's day: ``counted`` per means, else as expected; ``off_by`` makes the told totals (net_sales, returns,
        tax) wrong by an amount. Gives what was told."""
        day, currency = business_date or self._tills.today(), self._tills.currency
        sums = self.day(store, till, day)
        told: Record = {"business_date": day, "workstation_id": till, "closed_at": self._tills.now(), "currency": currency,
                        "sequence_number": f"Z-{self._env.store.next_number(f'close/{store}/{till}', 311):06d}",
                        "opening_float": text(int(self._tills.settings["opening"]), currency)}  # fmt: skip
        told.update({name: sums[name] for name in ("transaction_count", "first_sequence", "last_sequence", "missing_sequences")})
        for name in ("net_sales", "returns", "tax", "rounding"):
            wrong = from_text((off_by or {}).get(name, "0"), currency).minor
            told[name] = text(sums[name] + wrong, currency)
        told["tenders"] = [self._drawer(kind, minor, (counted or {}).get(kind)) for kind, minor in sorted(sums["tenders"].items())]
        self._tills.told("day.closed", store, till, told, webhooks)
        return told

    def day(self, store: str = "S001", till: str = "W01", business_date: str = "") -> Record:
        """A till's own totals of a day, in minor units: voided and training transactions are in none of them.

        ``net_sales`` are sale lines without tax less ``returns`` (positive); ``tenders`` per means, drawer moves included."""
        day = business_date or self._tills.today()
        rows = self._rows(store, till, day)
        skipped = [row["sequence"] for row in self._env.store.each("skipped") if (row["store"], row["till"], row["day"]) == (store, till, day)]
        used = sorted([row["sequence_number"] for row in rows] + skipped)
        sums: Record = {"transaction_count": len(rows), "first_sequence": used[0] if used else "", "last_sequence": used[-1] if used else "",
                        "missing_sequences": skipped, "net_sales": 0, "returns": 0, "tax": 0, "rounding": 0, "tenders": {}}  # fmt: skip
        for data in rows:
            if data.get("training") or self._env.store.get("void", data["transaction_id"]):
                continue
            if data["kind"] in ("sale", "return", "exchange"):
                self._add(sums, data)
            for tender in data["tenders"]:
                sums["tenders"][tender["kind"]] = sums["tenders"].get(tender["kind"], 0) + self._minor(tender["amount"])
        return sums

    def report(self) -> Record:
        """The chain's own figures: sales (with exchanges) and returns that were not voided, gross, in minor units."""
        counts, sums = {"orders": 0, "refunds": 0}, {"orders": {}, "refunds": {}}  # type: ignore[var-annotated]
        currency = self._tills.currency
        for body in self._env.store.each("transaction"):
            data = body["data"]
            kind = {"sale": "orders", "exchange": "orders", "return": "refunds"}.get(data["kind"])
            if kind is None or data.get("training") or self._env.store.get("void", data["transaction_id"]):
                continue
            counts[kind] += 1
            gross = self._minor(data["totals"]["gross"]) * (-1 if kind == "refunds" else 1)
            sums[kind][currency] = sums[kind].get(currency, 0) + gross
        return {"counts": counts, "sums": sums}

    def trade(self, store: str = "S001", till: str = "W01", count: int = 20, close: bool = True) -> Record:
        """A day's trade of a till, drawn from the seed: sales by every means, returns, exchanges, voids, drawer moves, a gap."""
        dice = Random(f"{self._env.seed}/{self._env.store.next_number('trade')}/{store}/{till}")  # noqa: S311
        sold: list[str] = []
        for at in range(count):
            luck = dice.random()
            if sold and luck < 0.08:
                self._tills.give_back(sold.pop(dice.randrange(len(sold))), pay=dice.choice(("card", "cash")))
            elif sold and luck < 0.12:
                self._tills.exchange(sold.pop(dice.randrange(len(sold))), new=[dict(_GOODS[1])])
            elif sold and luck < 0.15:
                self._tills.void(sold.pop())
            elif luck < 0.18:
                self._tills.drawer(dice.choice(("pay_in", "pay_out", "no_sale")), f"{dice.randrange(1, 40)}.00", "Petty cash", store, till)
            elif luck < 0.20:
                self._tills.skip(store, till)
            else:
                sold.append(self._sell(dice, store, till, at))
        return self.close_day(store, till) if close else self.day(store, till)

    def _sell(self, dice: Random, store: str, till: str, at: int) -> str:
        lines = [dict(dice.choice(_GOODS)) for _ in range(dice.randrange(1, 4))]
        for row in lines:
            row["quantity"] = "0.345" if row.get("department") == "FOOD" else str(dice.randrange(1, 4))
            if row.get("kind") is None and dice.random() < 0.2:
                row["discount"] = "1.00"
        means = dice.choice(_MEANS)
        pay = [{"kind": "voucher", "amount": "1.00"}, {"kind": "card"}] if means == "voucher" else means
        tip = "1.50" if means == "card" and at % 7 == 0 else "0"
        return str(self._tills.ring(store, till, lines, pay, tip=tip)["id"])

    def _rows(self, store: str, till: str, day: str) -> list[Record]:
        bodies = self._env.store.each("transaction", since=f"{day}/", until=f"{day}0")
        return [b["data"] for b in bodies if (b["source"]["store_id"], b["data"]["workstation_id"]) == (store, till)]

    def _add(self, sums: Record, data: Record) -> None:
        for line in data["lines"]:
            if line["kind"] == "return":
                sums["returns"] -= self._minor(line["net_amount"])
        sums["net_sales"] += self._minor(data["totals"]["net"])
        sums["tax"] += self._minor(data["totals"]["tax"])
        sums["rounding"] += self._minor(data["totals"]["rounding"])

    def _drawer(self, kind: str, expected: int, counted: str | None) -> Record:
        # As in the contract's example, the opening float is in neither figure.
        currency = self._tills.currency
        there = expected if counted is None else from_text(counted, currency).minor
        return {"kind": kind, "label": kind.replace("_", " "), "expected": text(expected, currency), "counted": text(there, currency),
                "over_short": text(there - expected, currency)}  # fmt: skip

    def _minor(self, amount: Any) -> int:
        return from_text(amount, self._tills.currency).minor
