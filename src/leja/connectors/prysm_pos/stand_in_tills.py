"""What is rung up at the tills: sales, returns, exchanges, payments on account, drawer moves, voids; and what no till should send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from leja.connectors.prysm_pos.stand_in_lines import Made, back, line, tenders, text
from leja.connectors.prysm_pos.stand_in_sending import Sending
from leja_sandbox.kit import Environment, Manner

Record = dict[str, Any]
LINES = ({"sku": "MUG-RED", "description": "Mug, red", "price": "10.00", "quantity": 2, "discount": "2.00", "rate": "20.00"},)


class Tills:
    """The chain. A till is named by ``store`` and ``till``; every transaction by its id (``sale``). Amounts are decimal text.

    ``webhooks`` (normal, twice, stale, late, lost) and ``delay`` seconds say how an event travels.
    """

    def __init__(self, env: Environment, settings: Mapping[str, Any], sending: Sending) -> None:
        self.env, self.settings, self.sending = env, settings, sending
        self.currency: str = settings["currency"]
        self.zone = ZoneInfo(settings["zone"])

    # --- what customers do ---

    def ring(
        self,
        store: str = "S001",
        till: str = "W01",
        lines: Sequence[Record] = LINES,
        pay: str | Sequence[Record] = "card",
        *,
        discount: str = "0",
        tip: str = "0",
        customer: Record | None = None,
        business_date: str = "",
        training: bool = False,
        webhooks: Manner = "normal",
        delay: float = 60.0,
    ) -> Record:
        """A sale. Lines: ``sku, description, price, quantity, discount, rate, kind``; ``pay``: one means, or rows of ``kind``
        and ``amount``; ``discount`` off the whole (before tax, on untaxed sales). ``business_date`` "": the till's today."""
        made = [line(row, number, self.currency, self._inclusive) for number, row in enumerate(lines, 1)]
        more: Record = {"customer": customer} if customer else {}
        if training:
            more["training"] = True
        if Decimal(discount):
            more["discounts"] = [{"amount": discount, "kind": "manual", "reason": "goodwill"}]
        return self._complete(store, till, "sale", made, pay, tip=tip, discount=discount, day=business_date, more=more,
                              webhooks=webhooks, delay=delay)  # fmt: skip

    def give_back(
        self, sale: str, lines: Sequence[Record] | None = None, pay: str = "card", *, store: str = "", till: str = "",
        linked: bool = True, webhooks: Manner = "normal", delay: float = 60.0,
    ) -> Record:  # fmt: skip
        """A return of a sale: rows of ``line`` (number) and ``quantity``, or all of it; at its own till unless named."""
        sold = self.must(sale)
        made = [back(row, self.currency, self._link(sold) if linked else None) for row in self._picked(sold, lines)]
        more = {"link": self._link(sold)} if linked else {}
        return self._complete(store or sold["source"]["store_id"], till or sold["data"]["workstation_id"], "return", made, pay,
                              more=more, webhooks=webhooks, delay=delay)  # fmt: skip

    def exchange(
        self, sale: str, lines: Sequence[Record] | None = None, new: Sequence[Record] = LINES, pay: str = "card",
        webhooks: Manner = "normal", delay: float = 60.0,
    ) -> Record:  # fmt: skip
        """Things of a sale go back and ``new`` ones are taken: one transaction of both signs."""
        sold = self.must(sale)
        made = [back(row, self.currency, self._link(sold)) for row in self._picked(sold, lines)]
        made += [line(row, 0, self.currency, self._inclusive) for row in new]
        return self._complete(sold["source"]["store_id"], sold["data"]["workstation_id"], "exchange", made, pay,
                              webhooks=webhooks, delay=delay)  # fmt: skip

    def pay_account(
        self, customer: Record, amount: str, store: str = "S001", till: str = "W01", pay: str = "cash", webhooks: Manner = "normal"
    ) -> Record:
        """A customer pays off what was sold on account."""
        row = {"kind": "deposit", "description": "Payment on account", "price": amount, "quantity": 1}
        made = [line(row, 1, self.currency, self._inclusive)]
        return self._complete(store, till, "account_payment", made, pay, more={"customer": customer}, webhooks=webhooks)

    def drawer(
        self, kind: Literal["pay_in", "pay_out", "no_sale"], amount: str = "0.00", reason: str = "", store: str = "S001",
        till: str = "W01", webhooks: Manner = "normal",
    ) -> Record:  # fmt: skip
        """Cash goes into the drawer or out of it, or it is only opened. The one line names the reason, so that all balances."""
        row = {"kind": "deposit" if kind == "pay_in" else "fee", "description": reason, "price": amount,
               "quantity": 1 if kind == "pay_in" else -1}  # fmt: skip
        made = [] if kind == "no_sale" else [line(row, 1, self.currency, self._inclusive)]
        return self._complete(store, till, kind, made, "cash", webhooks=webhooks)

    def void(self, sale: str, reason: str = "rung up twice", webhooks: Manner = "normal", delay: float = 60.0) -> Record:
        """A completed transaction is voided; it is told by an event of its own."""
        sold = self.must(sale)
        if self.env.store.get("void", sale):
            raise ValueError(f"{sale} is voided already")
        names = ("transaction_id", "business_date", "workstation_id", "sequence_number")
        data = {**{name: sold["data"][name] for name in names}, "voided_at": self.now(), "operator_id": "MGR1", "reason": reason}
        self.env.store.put("void", sale, data)
        event = self._tell("transaction.voided", sold["source"]["store_id"], data["workstation_id"], data, webhooks, delay)
        return {"id": sale, "event": event}

    def ping(self, store: str = "S001", till: str = "W01") -> str:
        """The connection is tried. Gives the event's id."""
        return self.sending.tell(self._body("ping", store, till, {}), keep=False)

    # --- what goes wrong ---

    def skip(self, store: str = "S001", till: str = "W01", count: int = 1) -> list[str]:
        """Sequence numbers that the till uses up for nothing: a gap. Gives them; its day end owns up to them."""
        numbers = [self._sequence(store, till) for _ in range(count)]
        for number in numbers:
            key = f"{store}/{till}/{self.today()}/{number}"
            self.env.store.put("skipped", key, {"store": store, "till": till, "day": self.today(), "sequence": number}, sort=number)
        return numbers

    def contradict(self, sale: str) -> str:
        """The same natural key is sent with other content: to be answered 409. Gives the event's id."""
        sold = self.must(sale)
        data = {**sold["data"], "receipt_number": "another", "operator_id": "OP9"}
        return self.sending.tell({**sold, "data": data}, keep=False)

    def broken(
        self, how: Literal["unbalanced", "number", "no_offset", "missing", "card_number", "decimals"], store: str = "S001", till: str = "W01"
    ) -> str:
        """An event that breaks the contract: to be answered 422. Gives the event's id; the till keeps nothing of it."""
        with self.env.store.transaction():
            sold = self.must(self.ring(store, till, webhooks="lost")["id"])
        data, first = sold["data"], sold["data"]["lines"][0]
        if how == "unbalanced":
            data["totals"]["gross"] = text(1 + int(Decimal(data["totals"]["gross"]) * 100), self.currency)
        elif how == "number":
            first["net_amount"] = Decimal(first["net_amount"])
        elif how == "no_offset":
            data["ended_at"] = data["ended_at"][:19]
        elif how == "missing":
            del data["business_date"]
        elif how == "card_number":
            data["tenders"][0]["label"] = "4242424242424242"
        else:
            data["totals"]["gross"] += "1"
        self._forget(sold["data"]["transaction_id"])
        return self.sending.tell(sold, keep=False)

    # --- shared ---

    @property
    def _inclusive(self) -> bool:
        # The native shape has no member for it: such tills state prices without tax.
        return bool(self.settings["inclusive"]) and self.settings["speaks"] == "contract"

    def must(self, sale: str) -> Record:
        """The completed transaction of that id, as it was told. Raises ValueError."""
        found: Record | None = self.env.store.get("transaction", sale)
        if found is None:
            raise ValueError(f"no till rang up {sale}")
        return found

    def now(self) -> str:
        """The moment, in the tills' zone, with its offset."""
        return self.env.clock().astimezone(self.zone).isoformat(timespec="seconds")

    def today(self) -> str:
        """The business day: it ends at four in the morning."""
        return (self.env.clock().astimezone(self.zone) - timedelta(hours=4)).date().isoformat()

    def told(self, kind: str, store: str, till: str, data: Record, webhooks: Manner = "normal") -> str:
        """Sends an event of a till that is no transaction."""
        return self._tell(kind, store, till, data, webhooks, 60.0)

    def _complete(
        self, store: str, till: str, kind: str, made: Sequence[Made], pay: str | Sequence[Record], *, tip: str = "0",
        discount: str = "0", day: str = "", more: Record | None = None, webhooks: Manner = "normal", delay: float = 60.0,
    ) -> Record:  # fmt: skip
        self._must_be_there(store, till)
        sequence, day = self._sequence(store, till), day or self.today()
        paid = tenders(made, pay, self.currency, tip=tip, discount=discount, rounding=int(self.settings["cash_rounding"]), name=sequence)
        ended = datetime.fromisoformat(self.now())
        id_ = f"{store}-{till}-{day.replace('-', '')}-{sequence}"
        data = {
            "transaction_id": id_, "business_date": day, "workstation_id": till, "sequence_number": sequence,
            "receipt_number": str(int(sequence)), "kind": kind, "began_at": (ended - timedelta(seconds=75)).isoformat(),
            "ended_at": ended.isoformat(), "operator_id": "OP7", "currency": self.currency, "prices_include_tax": self._inclusive,
            **(more or {}), "lines": [{**row.shape, "line_number": at} for at, row in enumerate(made, 1)], **paid,
        }  # fmt: skip
        self.env.store.put("transaction", id_, self._body("transaction.completed", store, till, data), sort=f"{day}/{id_}")
        event = self._tell("transaction.completed", store, till, data, webhooks, delay)
        return {"id": id_, "event": event, "sequence": sequence, "business_date": day, "gross": data["totals"]["gross"]}

    def _tell(self, kind: str, store: str, till: str, data: Record, webhooks: Manner, delay: float) -> str:
        return self.sending.tell(self._body(kind, store, till, data), manner=webhooks, delay=delay)

    def _body(self, kind: str, store: str, till: str, data: Record) -> Record:
        source = {"system": self.settings["system"], "store_id": store, "store_name": f"Store {store}", "workstation_id": till,
                  "software_version": self.settings["software_version"]}  # fmt: skip
        return {"contract": "pos-transaction/1", "type": kind, "occurred_at": self.now(), "source": source, "data": data}

    def _must_be_there(self, store: str, till: str) -> None:
        if till not in self.settings["stores"].get(store, ()):
            raise ValueError(f"there is no till {till} in {store}")

    def _sequence(self, store: str, till: str) -> str:
        return f"{self.env.store.next_number(f'sequence/{store}/{till}', 4711):06d}"

    def _forget(self, sale: str) -> None:
        self.env.store.remove("transaction", sale)
        for row in self.env.store.each("event"):
            if row["body"]["data"].get("transaction_id") == sale:
                self.env.store.remove("event", row["id"])

    def _link(self, sold: Record) -> Record:
        data = sold["data"]
        return {"store_id": sold["source"]["store_id"], "workstation_id": data["workstation_id"],
                "business_date": data["business_date"], "sequence_number": data["sequence_number"]}  # fmt: skip

    def _picked(self, sold: Record, lines: Sequence[Record] | None) -> list[Record]:
        there = {row["line_number"]: row for row in sold["data"]["lines"] if row["kind"] == "sale"}
        wanted = [{"line": number} for number in there] if lines is None else lines
        for row in wanted:
            if row["line"] not in there:
                raise ValueError(f"{sold['data']['transaction_id']} sold nothing on line {row['line']}")
        return [{**there[row["line"]], "back": str(row.get("quantity", there[row["line"]]["quantity"]))} for row in wanted]
