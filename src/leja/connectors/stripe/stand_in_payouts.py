"""Payouts, top-ups, reserves and other entries of the balance; and what the business's own figures are."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from leja.connectors.stripe import stand_in_shapes as shapes
from leja.connectors.stripe.stand_in_account import Account, detail
from leja.connectors.stripe.stand_in_business import SETTLED
from leja.connectors.stripe.stand_in_events import Events
from leja.connectors.stripe.stand_in_money import problem, to_iso
from leja.connectors.stripe.stand_in_records import Record, Records
from leja_sandbox.kit import Manner

_ENDS = {"pending": "payout.created", "in_transit": "payout.updated", "paid": "payout.paid",
         "failed": "payout.failed", "canceled": "payout.canceled"}  # fmt: skip


class Payouts:
    """What moves between the balance, the bank and the vendor."""

    def __init__(self, records: Records, account: Account, events: Events, zone: str) -> None:
        self.records, self.account, self.events, self._zone = records, account, events, zone

    # --- payouts ----------------------------------------------------------------------------------------------------

    def payout(
        self,
        currency: str | None = None,
        *,
        amount: int | None = None,
        automatic: bool = True,
        available_only: bool = False,
        status: str = "paid",
        reconciled: bool = True,
        method: str = "standard",
        fee: int = 0,
        webhooks: Manner = "normal",
    ) -> Record:
        """Sends money to the bank. Automatic: everything that no payout has taken yet (``available_only``: of what is
        available by now); its sum may be negative, then the bank is debited. Manual: ``amount``, never itemised; the
        next automatic one lists its movement among its own, so that each sums up (UNVERIFIED for mixed accounts).
        ``fee`` is what an instant payout costs. ``reconciled``: its contents are known at once, else ``reconcile``."""
        used = (currency or self.account.settlement[0]).lower()
        rows = self.account.open(used, self.records.now() if available_only else None) if automatic else []
        total = sum(row["net"] for row in rows) if amount is None else amount
        if (automatic and (amount is not None or not rows)) or (not automatic and amount is None):
            raise ValueError("an automatic payout takes what there is; a manual one needs an amount")
        if why := problem(total, used, payout=True):
            raise ValueError(why)
        moment = self.records.now()
        made = shapes.payout(
            id=self.records.id("po"), amount=total, currency=used, automatic=automatic, created=moment, status="pending",
            arrival_date=moment + (0 if method == "instant" else 86400), method=method,
            reconciliation_status="not_applicable" if not automatic else "in_progress",
        )  # fmt: skip
        self.records.add("payout", made)
        moved = self.account.move("payout", "payout", -total, used, source=made["id"], created=moment, days=0,
                                  fees=[detail("stripe_fee", fee, used)] if fee else [],
                                  payout=made["id"] if automatic else None, description="STRIPE PAYOUT")  # fmt: skip
        made["balance_transaction"] = moved["id"]
        self.records.keep("payout", made)
        for row in rows:
            self.records.keep("balance_transaction", {**row, "payout": made["id"]})
        self.events.tell("payout.created", made, webhooks=webhooks)
        if automatic and reconciled:
            self.reconcile(made["id"], webhooks=webhooks)
        if status != "pending":
            self.payout_status(made["id"], status, webhooks=webhooks)
        return self.records.must("payout", made["id"])

    def reconcile(self, payout: str, *, webhooks: Manner = "normal") -> Record:
        """The contents of an automatic payout are complete."""
        row = self.records.must("payout", payout)
        row["reconciliation_status"] = "completed"
        self.records.keep("payout", row)
        self.events.tell("payout.reconciliation_completed", row, webhooks=webhooks)
        return row

    def payout_status(self, payout: str, status: str, *, webhooks: Manner = "normal") -> Record:
        """pending, in_transit, paid, failed, canceled. A paid one can later fail: the money comes back."""
        row = self.records.must("payout", payout)
        if status not in _ENDS or row["status"] in ("failed", "canceled"):
            raise ValueError(f"{payout} is {row['status']} and cannot become {status}")
        before, row["status"] = {"status": row["status"]}, status
        if status in ("failed", "canceled"):
            type_ = "payout_failure" if status == "failed" else "payout_cancel"
            back = self.account.move(type_, "payout_reversal", row["amount"], row["currency"], source=payout, days=0)
            row["failure_balance_transaction"] = back["id"]
            if status == "failed":
                row.update(failure_code="account_closed", failure_message="The bank account has been closed.")
        if status == "paid":
            row["trace_id"] = {"status": "supported", "value": f"{row['id'][-10:]}"}
        self.records.keep("payout", row)
        self.events.tell(_ENDS[status], row, before, webhooks=webhooks)
        return row

    # --- other entries ----------------------------------------------------------------------------------------------

    def topup(self, amount: int, currency: str | None = None, *, status: str = "succeeded") -> Record:
        """Money from the bank to the balance: succeeded, pending or failed."""
        used = (currency or self.account.settlement[0]).lower()
        made = shapes.topup(id=self.records.id("tu"), amount=amount, currency=used, created=self.records.now(),
                            status="pending")  # fmt: skip
        self.records.add("topup", made)
        self.events.tell("topup.created", made)
        return made if status == "pending" else self.topup_status(made["id"], status)

    def topup_status(self, topup: str, status: str) -> Record:
        """Ends a top-up: succeeded, failed or canceled while pending; reversed once it succeeded."""
        row = self.records.must("topup", topup)
        if (row["status"], status) not in _TOPUPS:
            raise ValueError(f"{topup} is {row['status']} and cannot become {status}")
        row["status"] = status
        if status in ("succeeded", "reversed"):
            sign, type_ = (1, "topup") if status == "succeeded" else (-1, "topup_reversal")
            moved = self.account.move(type_, type_, sign * row["amount"], row["currency"], source=topup, days=0)
            row["balance_transaction"] = moved["id"] if status == "succeeded" else row["balance_transaction"]
        self.records.keep("topup", row)
        self.events.tell(f"topup.{status}", row)
        return row

    def reserve(self, amount: int, currency: str | None = None) -> Record:
        """The vendor keeps money back (positive) or lets go of it (negative)."""
        used = (currency or self.account.settlement[0]).lower()
        type_ = "reserve_hold" if amount > 0 else "reserve_release"
        return self.account.move(type_, "risk_reserved_funds", -amount, used, days=0, source=self.records.id("rsv"))

    def balance_entry(
        self, kind: str, category: str, amount: int, currency: str | None = None, *, fee: int = 0, description: str = ""
    ) -> Record:
        """Any other balance transaction: ``stripe_fee``/``fee`` (a bill of the vendor), ``tax_fee``/``tax``, ``advance``,
        ``anticipation_repayment``, ``adjustment``/``other_adjustment`` or a kind nobody knows yet."""
        used = (currency or self.account.settlement[0]).lower()
        fees = [detail("stripe_fee", fee, used)] if fee else []
        return self.account.move(kind, category, amount, used, fees=fees, days=0, description=description or None)

    # --- its own figures --------------------------------------------------------------------------------------------

    def report(self) -> Record:
        """What stands, per day of the account's zone and in ISO minor units of the charge currency: ``orders`` are captured
        charges by ``created``, ``refunds`` those that did not fail; ``balance`` per settlement currency in Stripe's units."""
        counts = {"orders": 0, "refunds": 0}
        sums: dict[str, dict[str, int]] = {"orders": {}, "refunds": {}}
        days: dict[str, Record] = {}
        for name, row, amount in self._figures():
            code, minor = row["currency"].upper(), to_iso(amount, row["currency"])
            day = datetime.fromtimestamp(row["created"], ZoneInfo(self._zone)).date().isoformat()
            place = days.setdefault(day, {"orders": 0, "refunds": 0, "order_sums": {}, "refund_sums": {}})
            place[name] += 1
            part = place["order_sums" if name == "orders" else "refund_sums"]
            part[code] = part.get(code, 0) + minor
            counts[name] += 1
            sums[name][code] = sums[name].get(code, 0) + minor
        balance: dict[str, int] = {}
        for row in self.records.all("balance_transaction"):
            balance[row["currency"]] = balance.get(row["currency"], 0) + row["net"]
        return {"counts": counts, "sums": sums, "days": dict(sorted(days.items())), "balance": balance}

    def _figures(self) -> list[tuple[str, Record, int]]:
        charges = [("orders", row, row["amount_captured"]) for row in self.records.all("charge") if row["captured"]]
        refunds = [("refunds", row, row["amount"]) for row in self.records.all("refund") if row["status"] in SETTLED]
        return [*charges, *refunds]


_TOPUPS = {("pending", "succeeded"), ("pending", "failed"), ("pending", "canceled"), ("succeeded", "reversed")}
