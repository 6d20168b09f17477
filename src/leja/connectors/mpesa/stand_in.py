"""A stand-in of M-Pesa's Daraja: one short code of one shop, its customers, its wallet and its portal.

Written from the vendor's published pages and samples alone. Settings (``Environment.settings``), with their defaults:

  shortcode       "600966"; name "AFRI GOODS LTD"; kind "paybill", or "till" (customers type no account reference)
  consumer_key    "sandbox-key"; consumer_secret "sandbox-secret"; passkey "sandbox-passkey" (signs STK requests)
  initiator       "leja-api": the API user that reversals, status and balance are asked by (anybody else: result 2001)
  environment     "sandbox"; "production" registers addresses once, over HTTPS and without forbidden words, and has no simulate
  validation      False; True: external validation was switched on, and the validation address is asked before a payment
  confirmation_url "": an address that is registered from the start
  charge_rate     "0.0055" of payments above KES 200, charged to the shop; "0": customers bear the charge
  charge_receipt  "same": payment and charge are two rows of one receipt; "own": the charge has a receipt and a link
  stk             0: customers type their PIN at once; "wait" for ``answer_push``; or a result code such as 1032
  stk_confirms    True: a paid push is also told as a confirmation, under the same receipt
  pull_page       100 rows; pull_zone "UTC": trxDate is what its Z says; "EAT": local time that bears a Z all the same
  per_second      0 and per_day 0: no limits (the vendor publishes no figures)

Control, in process (``stand_in.control.call(name, **arguments)``) or ``POST /_control/<name>``: those of every stand-in and

  pay             a customer pays: amount (whole shillings), reference, msisdn, name, charge (text, None by rate), at (an
                  instant; without a zone East Africa Time), status ("Completed", "Cancelled", ...), webhooks, delay, pull_after
  sweep           amount ("" all), charge, at: to the bank
  reverse         receipt, amount ("" all), at: back to the customer, by the vendor or over the portal
  answer_push     checkout ("" the oldest), code, webhooks, delay
  confirm_again   receipt, webhooks, delay: the confirmation once more
  forge           amount, reference, receipt, at: a confirmation of a payment that never was, to the registered address
  statement       first, last, dates, newest_first, older, bom: the portal's export as text
  rows            every movement with the balance after it
  report          the wallet's own figures: counts, sums, days, balance
  delete_urls     over the portal; grant (keys of the app), expire_tokens, revoke_tokens

``webhooks`` on each: normal, twice, stale, late, lost. Topics for faults: c2b.confirmation, stk, reversal, status, balance.
Left out: B2C and B2B payments, bill manager, standing orders; charges and payments share one account.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from leja.connectors.mpesa.stand_in_calls import Calls
from leja.connectors.mpesa.stand_in_doors import Guard, refusal
from leja.connectors.mpesa.stand_in_statement import statement
from leja.connectors.mpesa.stand_in_verbs import Verbs
from leja.connectors.mpesa.stand_in_wallet import Row, Shop, Wallet, cents, local
from leja_sandbox.kit import Answer, Environment, Manner, Request, Router, StandIn, StandInSpec

_DEFAULTS: Final[Mapping[str, Any]] = {
    "shortcode": "600966",
    "name": "AFRI GOODS LTD",
    "kind": "paybill",
    "consumer_key": "sandbox-key",
    "consumer_secret": "sandbox-secret",
    "passkey": "sandbox-passkey",
    "initiator": "leja-api",
    "environment": "sandbox",
    "validation": False,
    "confirmation_url": "",
    "charge_rate": "0.0055",
    "charge_receipt": "same",
    "stk": 0,
    "stk_confirms": True,
    "pull_page": 100,
    "pull_zone": "UTC",
    "per_second": 0,
    "per_day": 0,
}
_PLACES: Final = 6


def build(env: Environment) -> StandIn:
    """The stand-in on its environment. Raises ValueError for a setting that it does not know."""
    if unknown := set(env.settings) - set(_DEFAULTS):
        raise ValueError(f"no such setting: {sorted(unknown)}")
    settings = {**_DEFAULTS, **env.settings}
    shop = Shop(
        shortcode=settings["shortcode"], name=settings["name"], kind=settings["kind"], seed=env.seed,
        charge_rate=Decimal(settings["charge_rate"]), charge_receipt=settings["charge_receipt"],
    )  # fmt: skip
    stand_in, wallet, calls = StandIn(env), Wallet(env, shop), Calls(env, shop)
    guard = Guard(env, settings["consumer_key"], settings["consumer_secret"], settings["per_second"], settings["per_day"])
    verbs = Verbs(env, wallet, calls, settings)
    stand_in.router = _router(verbs, guard)
    stand_in.error, stand_in.webhooks = guard.worded, calls.queue
    _customers(stand_in, wallet, calls, bool(settings["validation"]))
    _portal(stand_in, wallet, guard, settings)
    stand_in.control.action("answer_push")(verbs.answer_push)
    if settings["confirmation_url"] and not calls.urls:
        urls = {"confirmation": settings["confirmation_url"], "validation": "", "default": "Completed"}
        env.store.put("urls", "registered", urls)
    return stand_in


def _router(verbs: Verbs, guard: Guard) -> Router:
    router = Router()
    router.get("/oauth/v1/generate")(guard.token)
    verbs.open(router, guard)

    def nowhere(_request: Request) -> Answer:
        raise refusal("404.001.01", "Resource not found", 404)

    for depth in range(1, _PLACES):
        for method in ("GET", "POST", "PUT", "DELETE"):
            router.add(method, "".join(f"/{{p{place}}}" for place in range(depth)), nowhere)
    return router


def _customers(stand_in: StandIn, wallet: Wallet, calls: Calls, validating: bool) -> None:
    @stand_in.control.action("pay")
    def pay(
        amount: str | int, reference: str = "", msisdn: str = "", name: str | None = None, charge: str | None = None,
        at: str = "", status: str = "Completed", webhooks: Manner = "normal", delay: float = 0.0, pull_after: float = 0.0,
    ) -> Row:  # fmt: skip
        if validating and status == "Completed":
            asked = wallet.preview(amount, reference, msisdn=msisdn, name=name, at=at)
            status = "Completed" if calls.valid(asked) else "Cancelled"
        row = wallet.pay(amount, reference, msisdn=msisdn, name=name, charge=charge, at=at, status=status, pull_after=pull_after)
        if status == "Completed":
            calls.confirm(row, webhooks, delay)
        return row

    @stand_in.control.action("confirm_again")
    def confirm_again(receipt: str, webhooks: Manner = "normal", delay: float = 0.0) -> None:
        paid = stand_in.env.store.get("payment", receipt)
        if paid is None:
            raise ValueError(f"nobody paid under {receipt}")
        calls.confirm(paid, webhooks, delay)

    @stand_in.control.action("forge")
    def forge(amount: str | int, reference: str = "", receipt: str = "", at: str = "") -> Row:
        row = wallet.preview(amount, reference, at=at)
        row = {**row, "receipt": receipt or row["receipt"], "balance": wallet.balance() + cents(amount)}
        calls.confirm(row)
        return row


def _portal(stand_in: StandIn, wallet: Wallet, guard: Guard, settings: Mapping[str, Any]) -> None:
    control, store = stand_in.control, stand_in.env.store
    control.action("sweep")(wallet.sweep)
    control.action("rows")(wallet.rows)
    control.action("report")(lambda: report(wallet))
    control.action("delete_urls")(lambda: store.remove("urls", "registered"))
    control.action("expire_tokens")(guard.tokens.expire)
    control.action("revoke_tokens")(guard.tokens.revoke)

    @control.action("reverse")
    def reverse(receipt: str, amount: str = "", at: str = "") -> Row:
        return wallet.reverse(receipt, amount, at=at)

    @control.action("statement")
    def exported(
        first: str, last: str = "", dates: str = "day_first", newest_first: bool = True, older: bool = False, bom: bool = False
    ) -> str:
        return statement(wallet, first, last, dates=dates, newest_first=newest_first, older=older, bom=bom)

    @control.action("grant")
    def grant() -> dict[str, str]:
        names = ("consumer_key", "consumer_secret", "passkey", "shortcode", "initiator")
        return {**{name: settings[name] for name in names}, "access_token": guard.grant()}


def report(wallet: Wallet) -> dict[str, Any]:
    """The wallet's own figures per day of East Africa Time, in minor units: payments, charges, sweeps and reversals (all
    positive), the balance at the end of the day; ``counts`` and ``sums`` name payments orders, and reversals refunds."""
    kinds = {"payment": "payments", "charge": "charges", "sweep": "sweeps", "reversal": "reversals"}
    days: dict[str, dict[str, int]] = {}
    for row in wallet.rows():
        if row["status"] != "Completed":
            continue
        empty = {**dict.fromkeys(kinds.values(), 0), "payment_count": 0, "reversal_count": 0, "balance": 0}
        day = days.setdefault(local(row["completed"]).date().isoformat(), empty)
        day[kinds[row["kind"]]] += abs(row["minor"])
        day["payment_count"] += row["kind"] == "payment"
        day["reversal_count"] += row["kind"] == "reversal"
        day["balance"] = row["balance"]
    total = {name: sum(day[name] for day in days.values()) for name in (*kinds.values(), "payment_count", "reversal_count")}
    return {
        "counts": {"orders": total["payment_count"], "refunds": total["reversal_count"]},
        "sums": {"orders": {"KES": total["payments"]}, "refunds": {"KES": total["reversals"]}},
        "days": days, "balance": wallet.balance(),
    }  # fmt: skip


STAND_IN = StandInSpec(slug="mpesa", build=build)
