"""The balance of the account: every movement is a balance transaction with its fees, in a settlement currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from leja.connectors.stripe import stand_in_shapes as shapes
from leja.connectors.stripe.stand_in_money import converted, share
from leja.connectors.stripe.stand_in_records import Record, Records

_WORDS: Final = {"stripe_fee": "Stripe processing fees", "tax": "VAT", "withheld_tax": "Withheld tax",
                 "application_fee": "Application fee",
                 "payment_method_passthrough_fee": "Payment method fee"}  # fmt: skip


class Account:
    """Makes and reads balance transactions. ``settlement`` are the currencies that it keeps, the first one the default."""

    def __init__(self, records: Records, settings: Mapping[str, Any]) -> None:
        self.records = records
        self.settlement = [str(currency).lower() for currency in settings["settlement"]]
        self._rates = {name.lower(): Decimal(str(rate)) for name, rate in settings["rates"].items()}
        self._fee_rate, self._fee_flat = Decimal(str(settings["fee_rate"])), int(settings["fee_flat"])
        self._fee_tax, self._days = Decimal(str(settings["fee_tax_rate"])), int(settings["settle_days"])

    def settles_in(self, currency: str) -> str:
        """The currency in which money of this currency lands."""
        return currency if currency in self.settlement else self.settlement[0]

    def settled(self, amount: int, currency: str, rate: str | None = None) -> tuple[int, str, str | None]:
        """An amount as it lands: minor units, settlement currency, and the rate if it was converted. Raises ValueError."""
        target = self.settles_in(currency)
        if target == currency:
            return amount, target, None
        used = rate or (str(self._rates[currency]) if currency in self._rates else None)
        if used is None:
            raise ValueError(f"the setting rates has none from {currency} to {target}")
        return converted(amount, currency, target, Decimal(used)), target, used

    def fees(self, amount: int, currency: str, flat: bool = True) -> list[Record]:
        """Details of the usual fee on an amount in a settlement currency."""
        fee = share(amount, self._fee_rate) + (self._fee_flat if flat else 0)
        return [detail("stripe_fee", fee, currency), *self.fee_tax(fee, currency)]

    def fee_tax(self, fee: int, currency: str) -> list[Record]:
        """The tax on a fee, where the account pays any."""
        tax = share(fee, self._fee_tax)
        return [detail("tax", tax, currency)] if tax else []

    def move(
        self,
        type_: str,
        category: str,
        amount: int,
        currency: str,
        *,
        source: str | None = None,
        fees: Sequence[Record] = (),
        created: int | None = None,
        rate: str | None = None,
        payout: str | None = None,
        days: int | None = None,
        **more: Any,
    ) -> Record:
        """A new balance transaction in a settlement currency; ``fees`` add up to its ``fee``."""
        fee = sum(row["amount"] for row in fees)
        moment = self.records.now() if created is None else created
        return self.records.add(
            "balance_transaction",
            shapes.balance_transaction(
                id=self.records.id("txn"), amount=amount, currency=currency, fee=fee, net=amount - fee, type=type_,
                available_on=moment + 86400 * (self._days if days is None else days), created=moment, source=source,
                reporting_category=category, fee_details=[row for row in fees if row["amount"]], exchange_rate=rate,
                payout=payout, **more,
            ),
        )  # fmt: skip

    def open(self, currency: str, until: int | None = None) -> list[Record]:
        """Transactions that no payout has taken yet, oldest first; with ``until`` those available by then."""
        rows = [row for row in self.records.all("balance_transaction") if row["currency"] == currency]
        return [row for row in rows if not row["payout"] and (until is None or row["available_on"] <= until)]

    def balance(self) -> Record:
        """The balance object."""
        now = self.records.env.now()
        sums: dict[str, dict[str, int]] = {name: {"available": 0, "pending": 0} for name in self.settlement}
        for row in self.records.all("balance_transaction"):
            state = "available" if row["available_on"] <= now else "pending"
            sums.setdefault(row["currency"], {"available": 0, "pending": 0})[state] += row["net"]
        parts = {
            state: [
                {"amount": found[state], "currency": currency, "source_types": {"card": found[state]}}
                for currency, found in sums.items()
            ]
            for state in ("available", "pending")
        }
        return {"object": "balance", **parts, "connect_reserved": [], "instant_available": [], "issuing": None,
                "livemode": False, "refund_and_dispute_prefunding": None}  # fmt: skip


def detail(type_: str, amount: int, currency: str, application: str | None = None) -> Record:
    """One of ``fee_details``."""
    return {"amount": amount, "application": application, "currency": currency, "description": _WORDS[type_],
            "type": type_}  # fmt: skip
