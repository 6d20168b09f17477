"""The wallet of one short code: what customers paid, what it cost, what went to the bank, what was taken back.

Amounts are integers of minor units (cents of a shilling). Every movement is one row of the organisation's statement; rows
are kept for ever and never altered, except that a payment learns by which receipt it was reversed. Receipts, payers and
charges follow from the seed and the number of the row alone.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from leja_sandbox.kit import Environment

Row = dict[str, Any]
EAT: Final = timezone(timedelta(hours=3), "EAT")
"""East Africa Time: every date that the vendor writes without a zone."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DAYS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_FIRST: Final = ("JANE", "PETER", "ANN", "ALI", "GRACE", "SAMUEL", "WANJIRU", "OTIENO", "AMINA", "KIPCHOGE", "")
_LAST: Final = ("DOE", "SAMPLE", "OTIENO", "MWANGI", "ACHIENG", "KAMAU", "NJOROGE", "HASSAN", "")
FREE_UP_TO: Final = 20_000
"""Up to KES 200.00 a payment costs the shop nothing (press report of November 2022)."""


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """Whose wallet it is. ``kind``: "paybill" (customers type an account reference) or "till" (they do not)."""

    shortcode: str
    name: str
    kind: str
    seed: int
    charge_rate: Decimal
    charge_receipt: str


class Declined(Exception):
    """The wallet declines: ``code`` and ``words`` are the vendor's result code and description."""

    def __init__(self, code: int | str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Wallet:
    """Movements of the account that receives customers' payments, and what they add up to."""

    def __init__(self, env: Environment, shop: Shop) -> None:
        self._env, self.shop, self._store = env, shop, env.store

    def pay(
        self, amount: str | int, reference: str = "", *, msisdn: str = "", name: str | None = None,
        charge: str | None = None, at: str = "", status: str = "Completed", pull_after: float = 0.0,
    ) -> Row:  # fmt: skip
        """A customer pays whole shillings; the charge, where there is one, is a row of its own.

        ``charge``: text in shillings, or None for the rate of the settings. ``at``: an instant in the past or now.
        ``pull_after``: seconds until Pull Transactions knows it. Raises ValueError for cents or a long reference.
        """
        minor = cents(amount)
        if minor <= 0 or minor % 100:
            raise ValueError("customers pay whole shillings")
        if len(reference) > 20:
            raise ValueError("an account reference has at most twenty characters")
        row = self._payment(minor, reference, msisdn, name, status, at)
        cost = cents(charge) if charge is not None else self._rate(minor)
        self._keep(row, pull_after)
        if status == "Completed" and cost:
            self._keep(self._charge(row, cost))
        return row

    def preview(
        self, amount: str | int, reference: str = "", *, msisdn: str = "", name: str | None = None, at: str = ""
    ) -> Row:
        """A payment that is asked about, or made up: it looks like one and moves nothing."""
        row = self._payment(cents(amount), reference, msisdn, name, "Completed", at)
        return {**row, "balance": self.balance()}

    def sweep(self, amount: str | int = "", *, charge: str = "0", at: str = "", party: str = "BANK 12345678") -> Row:
        """Money goes to the bank: an amount, or all that is left after ``charge``; two rows under one receipt."""
        cost = cents(charge)
        minor = cents(amount) if amount != "" else self.balance() - cost
        if minor <= 0 or minor + cost > self.balance():
            raise ValueError("the balance is insufficient for the transaction")
        paybill = self.shop.kind == "paybill"
        row = self._row(
            "sweep", -minor, at, party=party,
            details="Organization Settlement of Fund" if paybill else "Merchant to bank transfer",
            reason="Organization Settle to Bank" if paybill else "Organization Settlement",
        )  # fmt: skip
        self._keep(row)
        if cost:
            words = {"details": "Organization Settlement Charge", "reason": "Charge"}
            self._keep(self._row("charge", -cost, row["completed"], receipt=row["receipt"], linked=row["receipt"], **words))
        return row

    def reverse(self, receipt: str, amount: str | int = "", *, at: str = "") -> Row:
        """A payment goes back to its customer. Raises Declined as the Reversal API does."""
        paid = self._store.get("payment", receipt)
        if paid is None or paid["status"] != "Completed":
            raise Declined("R000002", "The OriginalTransactionID is invalid.")
        if paid["reversed_by"]:
            raise Declined("R000001", "The transaction has already been reversed.")
        minor = cents(amount) if amount != "" else paid["minor"]
        if not 0 < minor <= paid["minor"]:
            raise Declined("R000002", "The OriginalTransactionID is invalid.")
        if minor > self.balance():
            raise Declined(1, "The balance is insufficient for the transaction.")
        words = f"{_of(self.shop)} Reversal"
        row = self._row("reversal", -minor, at, details=f"{words} to {paid['party']}", reason=words,
                        party=paid["party"], linked=receipt, account=paid["account"])  # fmt: skip
        self._keep(row)
        row["balance_after"] = self.balance()
        self._keep_payment({**paid, "reversed_by": row["receipt"]})
        return row

    def balance(self) -> int:
        """What stands in the account now, in minor units."""
        found = self._store.get("balance", "account")
        return int(found["minor"]) if found else 0

    def find(self, receipt: str) -> Row | None:
        """The first movement of that receipt."""
        return next((row for row in self._store.each("row") if row["receipt"] == receipt), None)

    def rows(self, since: str = "", until: str | None = None) -> list[Row]:
        """Movements in order of completion, each with the ``balance`` after it; bounds are instants (UTC, ISO)."""
        balance, found = 0, []
        for row in self._store.each("row"):
            balance += row["minor"] if row["status"] == "Completed" else 0
            if row["completed"] >= since and (until is None or row["completed"] < until):
                found.append({**row, "balance": balance})
        return found

    def pulled(self, since: str, until: str, now: datetime) -> list[Row]:
        """Completed payments of customers between two instants, as far as Pull Transactions knows them by now."""
        rows = self._store.each("payment", since=since, until=until, seen_at=now)
        return [row for row in rows if row["status"] == "Completed"]

    def _payment(self, minor: int, reference: str, msisdn: str, name: str | None, status: str, at: str) -> Row:
        number = self._store.next_number("payer")
        drawn = _digest(self.shop.seed, "payer", number)
        phone = msisdn or f"2547{drawn[0]:02d}{drawn[1] * 256 + drawn[2]:06d}"[:12]
        names = (name if name is not None else f"{_FIRST[drawn[3] % len(_FIRST)]} {_LAST[drawn[4] % len(_LAST)]}").split()
        party = f"{_masked(phone, self.shop.kind)} - {' '.join(names)}".rstrip(" -")
        kind = _of(self.shop)
        details = f"{kind} from {party}" + (f" Acc. {reference}" if self.shop.kind == "paybill" else "")
        return {
            **self._row("payment", minor, at, details=details, reason=kind, party=party, account=reference, status=status),
            "msisdn": phone, "first": names[0] if names else "", "last": names[-1] if len(names) > 1 else "",
            "middle": " ".join(names[1:-1]), "reversed_by": "",
        }  # fmt: skip

    def _charge(self, paid: Row, cost: int) -> Row:
        paybill = self.shop.kind == "paybill"
        own = self.shop.charge_receipt == "own"
        return self._row(
            "charge", -cost, paid["completed"], receipt="" if own else paid["receipt"], linked=paid["receipt"],
            details="Pay Bill Charge" if paybill else "Merchant Payment Charge",
            reason="Business Pay Bill Charge" if paybill else "Charge",
        )  # fmt: skip

    def _rate(self, minor: int) -> int:
        if minor <= FREE_UP_TO:
            return 0
        return int((minor * self.shop.charge_rate).quantize(Decimal(1), ROUND_HALF_UP))

    def _row(self, kind: str, minor: int, at: str, *, receipt: str = "", status: str = "Completed", **words: str) -> Row:
        moment = datetime.fromisoformat(at) if at else datetime.fromtimestamp(self._env.now(), UTC)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=EAT)).astimezone(UTC).replace(microsecond=0)
        number = self._store.next_number("row")
        return {
            "number": number, "kind": kind, "minor": minor, "status": status,
            "receipt": receipt or _receipt(self.shop.seed, number, moment),
            "completed": kept(moment),
            "initiated": kept(moment - timedelta(seconds=number % 3)),
            "party": "", "linked": "", "account": "", **words,
        }  # fmt: skip

    def _keep(self, row: Row, pull_after: float = 0.0) -> None:
        self._store.put("row", f"{row['number']:09d}", row, sort=row["completed"])
        if row["status"] == "Completed":
            self._store.put("balance", "account", {"minor": self.balance() + row["minor"]})
        if row["kind"] == "payment":
            row["balance"] = self.balance()
            row["visible_from"] = self._env.now() + pull_after if pull_after else 0.0
            self._keep_payment(row)

    def _keep_payment(self, row: Row) -> None:
        order = f"{row['completed']} {row['number']:09d}"
        self._store.put("payment", row["receipt"], row, sort=order, visible_from=row["visible_from"])


def cents(text: str | int) -> int:
    """Minor units of an amount in shillings. Raises ValueError for a third decimal or for what is no number."""
    try:
        exact = Decimal(str(text).replace(",", "")) * 100
    except ArithmeticError as problem:
        raise ValueError(f"{text!r} is no amount") from problem
    if not exact.is_finite() or exact != int(exact):
        raise ValueError(f"{text!r} is no amount of shillings and cents")
    return int(exact)


def shillings(minor: int) -> str:
    """``"1500.00"`` of 150000."""
    sign, whole = "-" if minor < 0 else "", abs(minor)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


def kept(moment: datetime) -> str:
    """An instant as it is kept: UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S+00:00}"


def opening(moment: datetime) -> str:
    """The three characters that receipts of a day begin with: letters of year and month, one character of the day."""
    day = moment.astimezone(EAT)
    return f"{chr(ord('A') + (day.year - 2006) % 26)}{chr(ord('A') + day.month - 1)}{_DAYS[day.day]}"


def local(instant: str) -> datetime:
    """An instant as it is kept, in East Africa Time."""
    return datetime.fromisoformat(instant).astimezone(EAT)


def _of(shop: Shop) -> str:
    return "Pay Bill" if shop.kind == "paybill" else "Customer Merchant Payment"


def _masked(phone: str, kind: str) -> str:
    return f"{phone[:6]}***{phone[-3:]}" if kind == "paybill" else f"{phone[:4]}******{phone[-2:]}"


def _digest(seed: int, what: str, number: int) -> bytes:
    return hashlib.sha256(f"{seed}:{what}:{number}".encode()).digest()


def _receipt(seed: int, number: int, moment: datetime) -> str:
    # RKL51ZDR4F, the portal's sample, is of 21 November 2023.
    value = int.from_bytes(_digest(seed, "receipt", number)[:8])
    tail = ""
    while len(tail) < 7:
        value, place = divmod(value, 36)
        tail += _ALPHABET[place]
    return opening(moment) + tail
