"""What the business and its customers do: charges, captures, refunds, disputes. Every action can be told or kept quiet.

Amounts are Stripe's minor units. ``created_at`` is ISO text or epoch seconds and dates a movement into the past.
``webhooks``: normal, twice, stale, late, lost.
"""

from __future__ import annotations

from typing import Any

from leja.connectors.stripe import stand_in_shapes as shapes
from leja.connectors.stripe.stand_in_account import Account, detail
from leja.connectors.stripe.stand_in_events import Events
from leja.connectors.stripe.stand_in_money import known, problem
from leja.connectors.stripe.stand_in_records import Record, Records, seconds
from leja_sandbox.kit import Manner

SETTLED = ("succeeded", "pending")


class Business:
    """Charges and what becomes of them."""

    def __init__(self, records: Records, account: Account, events: Events, dispute_fee: int, partial: str) -> None:
        self.records, self.account, self.events = records, account, events
        self._dispute_fee, self._partial = dispute_fee, partial

    # --- charges ----------------------------------------------------------------------------------------------------

    def charge(
        self,
        amount: int,
        currency: str = "gbp",
        *,
        method: str = "card",
        customer: str | None = None,
        description: str | None = None,
        metadata: dict[str, str] | None = None,
        capture: bool = True,
        status: str = "succeeded",
        application_fee: int = 0,
        withheld: int = 0,
        fee: int | None = None,
        rate: str | None = None,
        balance_later: bool = False,
        intent: str | None = None,
        created_at: str | int | None = None,
        webhooks: Manner = "normal",
        delay: float = 60.0,
    ) -> Record:
        """A payment: its intent and its charge. ``status``: succeeded, pending (settle_charge ends it) or failed.

        ``capture=False`` only authorises; ``balance_later`` leaves the balance transaction out until ``touch``, as
        asynchronous capture does. ``withheld`` is tax withheld at source, ``fee`` the fee instead of the usual one, both
        in the settlement currency.
        """
        self._check(amount, currency)
        moment = seconds(created_at, self.records.now())
        pi = self._intent(intent, amount, currency, customer, metadata, description, capture, moment)
        made = shapes.charge(
            id=self.records.id("ch" if method == "card" else "py"), amount=amount, currency=currency, created=moment,
            customer=customer, description=description, metadata=metadata or {}, payment_intent=pi["id"], method=method,
            captured=False, paid=status == "succeeded", status=status, _type=method,
            application_fee_amount=application_fee or None,
            failure_code="card_declined" if status == "failed" else None,
            failure_message="Your card was declined." if status == "failed" else None,
        )  # fmt: skip
        made.update(_fee=fee, _withheld=withheld, _rate=rate, _later=balance_later)
        self.records.add("charge", made)
        pi["latest_charge"] = made["id"]
        told: dict[str, Any] = {"webhooks": webhooks, "delay": delay}
        if status == "succeeded" and capture:
            self._take(made, pi, amount, moment)
        elif status == "succeeded":
            pi.update(status="requires_capture", amount_capturable=amount)
        else:
            pi.update(status="processing" if status == "pending" else "requires_payment_method")
        self.records.keep("payment_intent", pi)
        self.events.tell(f"charge.{status}", made, **told)
        if (type_ := _INTENT_EVENTS.get(pi["status"])) is not None:
            self.events.tell(type_, pi, **told)
        return _brief(made)

    def charges(self, count: int, currency: str = "gbp", *, webhooks: Manner = "normal") -> int:
        """Many charges of amounts drawn from the seed."""
        for _ in range(count):
            step = 100 if problem(1, currency) else 1
            self.charge(self.records.env.random.randint(5, 250) * 100 + 99 * (step == 1), currency, webhooks=webhooks)
        return count

    def capture(self, charge: str, amount: int | None = None) -> Record:
        """Captures an authorised charge, whole or in part; the rest is released."""
        row = self.records.must("charge", charge)
        if row["captured"] or row["status"] != "succeeded":
            raise ValueError(f"{charge} is not waiting for its capture")
        taken = row["amount"] if amount is None else amount
        if not 0 < taken <= row["amount"]:
            raise ValueError(f"{charge} has {row['amount']} to capture, not {taken}")
        pi = self.records.must("payment_intent", row["payment_intent"])
        self._take(row, pi, taken, self.records.now())
        self.records.keep("payment_intent", pi)
        self.events.tell("charge.captured", row, {"captured": False})
        self.events.tell("payment_intent.succeeded", pi)
        return _brief(row)

    def settle_charge(self, charge: str, status: str = "succeeded") -> Record:
        """Ends a pending charge: succeeded or failed."""
        row = self.records.must("charge", charge)
        if row["status"] != "pending":
            raise ValueError(f"{charge} is {row['status']}")
        pi = self.records.must("payment_intent", row["payment_intent"])
        row.update(status=status, paid=status == "succeeded")
        if status == "succeeded":
            self._take(row, pi, row["amount"], self.records.now())
        else:
            row.update(failure_code="generic_decline", failure_message="The payment failed.")
            pi["status"] = "requires_payment_method"
        self.records.keep("charge", row)
        self.records.keep("payment_intent", pi)
        self.events.tell(f"charge.{status}", row)
        self.events.tell(_INTENT_EVENTS[pi["status"]], pi)
        return _brief(row)

    def touch(self, charge: str, key: str = "touched", value: str = "yes", *, webhooks: Manner = "normal") -> Record:
        """Changes metadata, no money. A balance transaction that was kept back is there afterwards."""
        row = self.records.must("charge", charge)
        before: Record = {"metadata": {key: row["metadata"].get(key)}}
        row["metadata"] = {**row["metadata"], key: value}
        if row.get("_later") and row["captured"]:
            row["_later"], before["balance_transaction"] = False, None
            self._balance(row, row["amount_captured"], row["created"])
        self.records.keep("charge", row)
        self.events.tell("charge.updated", row, before, webhooks=webhooks)
        return _brief(row)

    # --- refunds ----------------------------------------------------------------------------------------------------

    def refund(
        self,
        charge: str,
        amount: int | None = None,
        *,
        reason: str | None = "requested_by_customer",
        status: str = "succeeded",
        rate: str | None = None,
        metadata: dict[str, str] | None = None,
        created_at: str | int | None = None,
        webhooks: Manner = "normal",
        delay: float = 60.0,
    ) -> Record:
        """Pays back, whole or in part; ``pending`` is settled by ``settle_refund``. The fee stays with the vendor."""
        row = self.records.must("charge", charge)
        left = row["amount_captured"] - row["amount_refunded"]
        back = left if amount is None else amount
        if not 0 < back <= left or row["disputed"]:
            raise ValueError(f"{charge} has {left} left to refund{' and is disputed' * row['disputed']}, not {back}")
        self._check(back, row["currency"])
        card, moment = row["id"].startswith("ch_"), seconds(created_at, self.records.now())
        made = shapes.refund(
            id=self.records.id("re" if card else "pyr"), amount=back, charge=charge, created=moment, reason=reason,
            currency=row["currency"], payment_intent=row["payment_intent"], status=status, metadata=metadata or {},
            pending_reason="processing" if status == "pending" else None,
        )  # fmt: skip
        landed, target, used = self.account.settled(back, row["currency"], rate or row.get("_rate"))
        moved = self.account.move("refund" if card else "payment_refund", "refund", -landed, target, source=made["id"],
                                  created=moment, rate=used, days=0)  # fmt: skip
        made["balance_transaction"] = moved["id"]
        self.records.add("refund", made)
        before = {"amount_refunded": row["amount_refunded"], "refunded": row["refunded"]}
        self._refunded(row, back)
        told: dict[str, Any] = {"webhooks": webhooks, "delay": delay}
        self.events.tell("refund.created", made, **told)
        self.events.tell("charge.refunded", row, before, **told)
        return _brief(made)

    def settle_refund(self, refund: str, status: str = "succeeded") -> Record:
        """Ends a pending refund, or lets one that seemed done fail: the money comes back to the balance."""
        made = self.records.must("refund", refund)
        before = {"status": made["status"]}
        if made["status"] not in SETTLED or status not in ("succeeded", "failed", "canceled"):
            raise ValueError(f"{refund} is {made['status']} and cannot become {status}")
        made.update(status=status, pending_reason=None)
        if status != "succeeded":
            gone = self.records.must("balance_transaction", made["balance_transaction"])
            card = made["id"].startswith("re_")
            type_ = "refund_failure" if card else "payment_failure_refund"
            back = self.account.move(type_, "refund_failure", -gone["amount"], gone["currency"], source=refund,
                                     rate=gone["exchange_rate"], days=0)  # fmt: skip
            made.update(failure_balance_transaction=back["id"], failure_reason="expired_or_canceled_card")
            self._refunded(self.records.must("charge", made["charge"]), -made["amount"])
        self.records.keep("refund", made)
        self.events.tell("refund.updated", made, before)
        self.events.tell("charge.refund.updated", made, before)
        if status == "failed":
            self.events.tell("refund.failed", made, before)
        return _brief(made)

    # --- disputes ---------------------------------------------------------------------------------------------------

    def dispute(
        self,
        charge: str,
        amount: int | None = None,
        *,
        reason: str = "fraudulent",
        inquiry: bool = False,
        fee: int | None = None,
        webhooks: Manner = "normal",
    ) -> Record:
        """The customer's bank takes money back until it is decided; an inquiry (warning) moves none."""
        row = self.records.must("charge", charge)
        taken = row["amount_captured"] - row["amount_refunded"] if amount is None else amount
        made = shapes.dispute(
            id=self.records.id("du"), amount=taken, charge=charge, currency=row["currency"], reason=reason,
            created=self.records.now(), payment_intent=row["payment_intent"], is_charge_refundable=inquiry,
            status="warning_needs_response" if inquiry else "needs_response",
        )  # fmt: skip
        made["_fee"] = self._dispute_fee if fee is None else fee
        if not inquiry:
            self._withdraw(made, row)
        row["disputed"] = True
        self.records.keep("charge", row)
        self.records.add("dispute", made)
        self.events.tell("charge.dispute.created", made, webhooks=webhooks)
        if not inquiry:
            self.events.tell("charge.dispute.funds_withdrawn", made, webhooks=webhooks)
        return _brief(made)

    def close_dispute(self, dispute: str, status: str, *, fee_returned: bool = True) -> Record:
        """Decides it: won (the money comes back, and the fee if ``fee_returned``), lost, or warning_closed."""
        made = self.records.must("dispute", dispute)
        if status not in ("won", "lost", "warning_closed") or made["status"] in ("won", "lost", "warning_closed"):
            raise ValueError(f"{dispute} is {made['status']} and cannot become {status}")
        before = {"status": made["status"]}
        made["status"] = status
        if status == "won":
            gone = made["balance_transactions"][0]
            fees = [detail("stripe_fee", -gone["fee"], gone["currency"])] if fee_returned else []
            back = self.account.move("adjustment", "dispute_reversal", -gone["amount"], gone["currency"], source=dispute,
                                     fees=fees, rate=gone["exchange_rate"], days=0)  # fmt: skip
            made["balance_transactions"] = [*made["balance_transactions"], back]
        if status != "lost":
            row = self.records.must("charge", made["charge"])
            self.records.keep("charge", {**row, "disputed": status == "won"})
        self.records.keep("dispute", made)
        self.events.tell("charge.dispute.closed", made, before)
        if status == "won":
            self.events.tell("charge.dispute.funds_reinstated", made)
        return _brief(made)

    # --- pieces -----------------------------------------------------------------------------------------------------

    def _check(self, amount: int, currency: str) -> None:
        if not known(currency):
            raise ValueError(f"Invalid currency: {currency}")
        if amount <= 0 or (why := problem(amount, currency)):
            raise ValueError(why if amount > 0 else "This value must be greater than or equal to 1.")

    def _intent(
        self, id_: str | None, amount: int, currency: str, customer: str | None, metadata: dict[str, str] | None,
        description: str | None, capture: bool, moment: int,
    ) -> Record:  # fmt: skip
        if id_ is not None:
            return self.records.must("payment_intent", id_)
        made = shapes.intent(
            id=self.records.id("pi"), amount=amount, currency=currency, created=moment, customer=customer,
            description=description, metadata=metadata or {}, status="requires_payment_method",
            capture_method="automatic" if capture else "manual",
        )  # fmt: skip
        return self.records.add("payment_intent", made)

    def _take(self, row: Record, pi: Record, taken: int, moment: int) -> None:
        row.update(captured=True, amount_captured=taken)
        pi.update(status="succeeded", amount_received=taken, amount_capturable=0)
        if not row.get("_later"):
            self._balance(row, taken, moment)
        self.records.keep("charge", row)

    def _balance(self, row: Record, taken: int, moment: int) -> None:
        # A partial capture makes two movements: the whole, and the part that was not captured taken back.
        whole = row["amount"] if self._partial == "two" else taken
        landed, target, used = self.account.settled(whole, row["currency"], row["_rate"])
        kept = self.account.settled(taken, row["currency"], row["_rate"])[0]
        moved = self.account.move(
            "charge" if row["id"].startswith("ch_") else "payment", "charge", landed, target, source=row["id"],
            fees=self._fees(row, kept, target), created=moment, rate=used, description=row["description"],
        )  # fmt: skip
        row["balance_transaction"] = moved["id"]
        if landed != kept:
            self.account.move("refund", "partial_capture_reversal", kept - landed, target, source=row["id"],
                              created=moment, rate=used)  # fmt: skip

    def _fees(self, row: Record, landed: int, target: str) -> list[Record]:
        given, platform = row["_fee"], "ca_1SPLATFORM"
        fees = self.account.fees(landed, target) if given is None else [
            detail("stripe_fee", given, target), *self.account.fee_tax(given, target)
        ]  # fmt: skip
        if row["_withheld"]:
            fees.append(detail("withheld_tax", row["_withheld"], target))
        if row["application_fee_amount"]:
            cut = self.account.settled(row["application_fee_amount"], row["currency"], row["_rate"])[0]
            fees.append(detail("application_fee", cut, target, platform))
            made = shapes.application_fee(
                id=self.records.id("fee"), account=self.events.account, amount=cut, application=platform,
                charge=row["id"], currency=target, created=row["created"], balance_transaction=None,
            )  # fmt: skip
            row.update(application_fee=self.records.add("application_fee", made)["id"], application=platform)
        return fees

    def _refunded(self, row: Record, back: int) -> None:
        row["amount_refunded"] += back
        row["refunded"] = row["amount_refunded"] == row["amount_captured"]
        self.records.keep("charge", row)

    def _withdraw(self, made: Record, row: Record) -> None:
        landed, target, used = self.account.settled(made["amount"], row["currency"], row.get("_rate"))
        fees = [detail("stripe_fee", made["_fee"], target), *self.account.fee_tax(made["_fee"], target)]
        moved = self.account.move("adjustment", "dispute", -landed, target, source=made["id"], fees=fees, rate=used,
                                  days=0, description=f"Chargeback withdrawal for {row['id']}")  # fmt: skip
        made["balance_transactions"] = [moved]


_INTENT_EVENTS = {
    "succeeded": "payment_intent.succeeded",
    "processing": "payment_intent.processing",
    "requires_payment_method": "payment_intent.payment_failed",
    "requires_capture": "payment_intent.amount_capturable_updated",
}


def _brief(row: Record) -> Record:
    """What control answers: the object without what is only ours."""
    return {name: value for name, value in row.items() if not name.startswith("_")}
