"""A stand-in of Stripe: one account, its API v1 (and the events of v2), its webhooks, and the business that uses it.

Written from the vendor's published facts alone; what is from general knowledge says UNVERIFIED where it is played.
Settings (``Environment.settings``), with their defaults:

  account           "acct_1SSANDBOX"; zone "Europe/London" (of ``report``; the API itself knows only seconds)
  api_key           "sk_test_sandbox"; restricted {}: further keys with their rights, such as {"rk_test_x": ["charge"]}
  version           "": the account's default API version, 2026-10-28.endive; before 2025-03-31 old invoice members appear
  settlement        ["gbp"]: currencies that the balance keeps; others are converted into the first one
  rates             {"eur": "0.86", "usd": "0.75", "jpy": "0.0052", "ugx": "0.0002", "isk": "0.0058"}: into the first one
  fee_rate "0.015", fee_flat 20, fee_tax_rate "0", dispute_fee 2000: in minor units of the settlement currency
  partial_capture   "two": a partial capture makes two balance transactions; "one"
  settle_days 2     until money is available; per_second 0: more requests in one second are refused (0: none)
  webhook_compress  1000: three days of retries shrink to four minutes; endpoint None: the address of an endpoint that
                    is there from the start (secret "whsec_sandbox", every event)

Control, in process (``stand_in.control.call(name, **arguments)``) or ``POST /_control/<name>``: charge, charges, capture,
settle_charge, touch, refund, settle_refund, dispute, close_dispute, payout, payout_status, reconcile, topup,
topup_status, reserve, balance_entry, customer, invoice, finalize, pay_invoice, end_invoice, credit_note,
void_credit_note, send_again, endpoints, roll_secret, report, grant, revoke_tokens, and those of every stand-in. Their arguments are
those of ``Business``, ``Payouts`` and ``Invoices``; amounts are the vendor's minor units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leja.connectors.stripe import stand_in_shapes as shapes
from leja.connectors.stripe.stand_in_account import Account
from leja.connectors.stripe.stand_in_business import Business
from leja.connectors.stripe.stand_in_doors import Doors
from leja.connectors.stripe.stand_in_events import Events
from leja.connectors.stripe.stand_in_invoices import Invoices
from leja.connectors.stripe.stand_in_payouts import Payouts
from leja.connectors.stripe.stand_in_records import Record, Records
from leja_sandbox.kit import Environment, StandIn, StandInSpec

_DEFAULTS: Final[Mapping[str, Any]] = {
    "account": "acct_1SSANDBOX",
    "zone": "Europe/London",
    "api_key": "sk_test_sandbox",
    "restricted": {},
    "version": "",
    "settlement": ["gbp"],
    "rates": {"eur": "0.86", "usd": "0.75", "jpy": "0.0052", "ugx": "0.0002", "isk": "0.0058"},
    "fee_rate": "0.015",
    "fee_flat": 20,
    "fee_tax_rate": "0",
    "dispute_fee": 2000,
    "partial_capture": "two",
    "settle_days": 2,
    "per_second": 0,
    "webhook_compress": 1000.0,
    "endpoint": None,
}


def build(env: Environment) -> StandIn:
    """The stand-in on its environment."""
    settings = {**_DEFAULTS, **env.settings}
    stand_in, records = StandIn(env), Records(env)
    account = Account(records, settings)
    version = settings["version"] or shapes.VERSION
    events = Events(records, settings["account"], version, float(settings["webhook_compress"]))
    business = Business(records, account, events, int(settings["dispute_fee"]), settings["partial_capture"])
    payouts = Payouts(records, account, events, settings["zone"])
    invoices = Invoices(records, events, business)
    doors = Doors(env, records, account, events, business, payouts, settings)
    stand_in.router, stand_in.error, stand_in.webhooks = doors.router(), doors.error, events.queue
    _controls(stand_in, business, payouts, invoices, doors)
    _events_controls(stand_in, records, events)
    if settings["endpoint"] and not records.all("webhook_endpoint"):
        with env.store.transaction():
            _first_endpoint(records, settings["endpoint"])
    return stand_in


def _controls(stand_in: StandIn, business: Business, payouts: Payouts, invoices: Invoices, doors: Doors) -> None:
    control = stand_in.control
    for room, names in (
        (business, "charge charges capture settle_charge touch refund settle_refund dispute close_dispute"),
        (payouts, "payout payout_status reconcile topup topup_status reserve balance_entry report"),
        (invoices, "customer invoice finalize pay_invoice end_invoice credit_note void_credit_note"),
        (doors, "grant"),
    ):
        for name in names.split():
            control.action(name)(getattr(room, name))
    control.action("revoke_tokens")(doors.revoke)


def _events_controls(stand_in: StandIn, records: Records, events: Events) -> None:
    @stand_in.control.action("send_again")
    def send_again(event: str) -> None:
        events.deliver(records.must("event", event))

    @stand_in.control.action("endpoints")
    def endpoints() -> list[Record]:
        return events.listeners()

    @stand_in.control.action("roll_secret")
    def roll_secret(endpoint: str, seconds: float = 86400.0) -> str:
        """A new secret; the one before it goes on signing for ``seconds``."""
        return events.secret(next(row for row in events.listeners() if row["id"] == endpoint), roll=seconds)


def _first_endpoint(records: Records, url: str) -> None:
    made = shapes.endpoint(id=records.id("we"), url=url, enabled_events=["*"], api_version=shapes.VERSION,
                           created=records.now())  # fmt: skip
    records.add("webhook_endpoint", made)
    records.env.store.put("secret", made["id"], {"now": "whsec_sandbox", "before": None, "until": 0.0})


STAND_IN = StandInSpec(slug="stripe", build=build)
