"""A stand-in of WooCommerce: one shop with its REST API ``wc/v3``, its keys, its webhooks and its owner.

Written from the plugin's source, the vendor's reference and recordings of a real 11.0.1 (names, order and values of
fields, headers, webhooks that come late, collapsed or with an error for a body, deletions that nothing tells). Simple
products only; tax rates are matched by country, state, class and priority. Not there: WooPayments' routes, plain
permalinks, variations, downloads, the Store API.

Settings (``Environment.settings``), with their defaults:

  consumer_key        "ck_sandbox", consumer_secret "cs_sandbox": a key with read_write, there from the start
  currency            "GBP"; decimals 2 (the shop's, not the currency's); country "GB", state ""; zone "Europe/London"
  prices_include_tax  False; round_at_subtotal False: taxes are rounded per line and rate
  secure              None: as ``public_url`` says. True: the shop stands behind TLS, so keys are taken by Basic or in
                      the query; False: only OAuth 1.0a signatures
  queue_seconds       0.0: how long the queue waits before it builds and sends a webhook (a quiet shop: a minute)
  gateways            ["stripe", "woocommerce_payments"]: payment methods that pay back through the API
  statuses            []: of plugins; orderby_modified False: lists of orders refuse ``orderby=modified``
  tax_rates           [{"country": "GB", "rate": "20", "name": "VAT"}]: fields as of ``POST /taxes``
  insecure_callback   False: the hand-over of keys wants https
  version             "11.0.1", wordpress "7.1", title "Leja sandbox"

Control, in process (``stand_in.control.call(name, **arguments)``) or ``POST /_control/<name>``: place_order,
place_orders, pay, status, edit_order, refund, delete_refund, trash, restore, delete, touch, report (arguments as in
``Owner``); product, coupon, tax_rate, customer (fields of the REST request); key (``permissions``), revoke_key;
webhooks (with failure counts), drop_webhook, disable_webhook, send_again (``webhook``, ``arg``); queue (``seconds``
that it waits from now on), run_queue; and those of every stand-in. ``webhooks`` on each that makes some: normal,
twice, stale, late, lost. A fault ``error_before`` with status 200 answers with a page of HTML, as a firewall does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from leja.connectors.woocommerce.stand_in_about import About
from leja.connectors.woocommerce.stand_in_catalogue import Catalogue
from leja.connectors.woocommerce.stand_in_doors import Doors
from leja.connectors.woocommerce.stand_in_hooks import Hooks
from leja.connectors.woocommerce.stand_in_keys import Keys
from leja.connectors.woocommerce.stand_in_lists import Lists
from leja.connectors.woocommerce.stand_in_orders import Orders
from leja.connectors.woocommerce.stand_in_owner import Owner
from leja.connectors.woocommerce.stand_in_refunds import Refunds
from leja.connectors.woocommerce.stand_in_refusals import page
from leja.connectors.woocommerce.stand_in_resources import Resources
from leja.connectors.woocommerce.stand_in_shapes import Shapes
from leja.connectors.woocommerce.stand_in_shop import Facts, Record, Shop
from leja_sandbox.kit import Environment, StandIn, StandInSpec

_DEFAULTS: Final[Mapping[str, Any]] = {
    "consumer_key": "ck_sandbox",
    "consumer_secret": "cs_sandbox",
    "currency": "GBP",
    "decimals": 2,
    "country": "GB",
    "state": "",
    "zone": "Europe/London",
    "prices_include_tax": False,
    "round_at_subtotal": False,
    "secure": None,
    "queue_seconds": 0.0,
    "gateways": ["stripe", "woocommerce_payments"],
    "statuses": [],
    "orderby_modified": False,
    "tax_rates": [{"country": "GB", "rate": "20", "name": "VAT"}],
    "insecure_callback": False,
    "version": "11.0.1",
    "wordpress": "7.1",
    "title": "Leja sandbox",
}
_ACTIONS: Final = ("place_order", "place_orders", "pay", "status", "edit_order", "refund", "delete_refund", "trash",
                   "restore", "delete", "touch", "report")  # fmt: skip


def build(env: Environment) -> StandIn:
    """The stand-in on its environment."""
    settings = {**_DEFAULTS, **env.settings}
    facts = Facts(**{name: settings[name] for name in Facts.__struct_fields__})
    shop = Shop(env, facts)
    catalogue = Catalogue(shop)
    orders = Orders(shop, catalogue, settings["statuses"])
    refunds = Refunds(orders, settings["gateways"])
    shapes, lists = Shapes(shop, catalogue), Lists(shop, orders.statuses, settings["orderby_modified"])
    hooks = Hooks(env, shop, lambda resource, id_: resources.payload(resource, id_), float(settings["queue_seconds"]))
    orders.tell = hooks.tell
    resources = Resources(orders, catalogue, hooks, shapes, lists)
    secure = settings["secure"] if settings["secure"] is not None else shop.url.startswith("https://")
    keys, about = Keys(shop, secure), About(shop, settings["gateways"])
    doors = Doors(orders, refunds, resources, shapes, lists, hooks, keys, about, settings["insecure_callback"])
    stand_in = StandIn(env)
    stand_in.router, stand_in.error, stand_in.webhooks = doors.router(), page, hooks
    _controls(stand_in, Owner(orders, refunds, hooks), catalogue, hooks, keys)
    with env.store.transaction():
        if env.store.get("key", settings["consumer_key"]) is None:
            keys.create("read_write", settings["consumer_key"], settings["consumer_secret"])
            for rate in settings["tax_rates"]:
                catalogue.save_rate(rate)
    return stand_in


def _controls(stand_in: StandIn, owner: Owner, catalogue: Catalogue, hooks: Hooks, keys: Keys) -> None:
    control = stand_in.control
    for name in _ACTIONS:
        control.action(name)(getattr(owner, name))
    control.action("product")(lambda **given: catalogue.save_product(given))
    control.action("coupon")(lambda **given: catalogue.save_coupon(given))
    control.action("customer")(lambda **given: catalogue.save_customer(given))
    control.action("tax_rate")(lambda **given: catalogue.save_rate(given))
    control.action("key")(lambda permissions="read_write": keys.create(permissions))
    control.action("revoke_key")(keys.revoke)
    control.action("drop_webhook")(hooks.remove)
    control.action("send_again")(hooks.send_again)

    @control.action("webhooks")
    def webhooks() -> list[Record]:
        return [{name: value for name, value in row.items() if name != "secret"} for row in hooks.webhooks()]

    @control.action("disable_webhook")
    def disable_webhook(id: int) -> Record:  # noqa: A002
        row = hooks.webhook(id)
        if row is None:
            raise ValueError(f"there is no webhook {id}")
        return hooks.save({"status": "disabled"}, row)

    @control.action("run_queue")
    def run_queue() -> dict[str, int]:
        hooks.hasten()
        return hooks.counts()

    @control.action("queue")
    def queue(seconds: float) -> dict[str, int]:
        hooks.queue_seconds = seconds
        return hooks.counts()


STAND_IN = StandInSpec(slug="woocommerce", build=build)
