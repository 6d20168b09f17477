"""WooCommerce: the shop plugin of WordPress, on the merchant's own host. A source only."""

from __future__ import annotations

from typing import Annotated

import msgspec

from leja.connectors.contract import Connector, Key, Limits

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
Place = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``shop`` is the host, with the folder of WordPress if it is in one (``example.com/shop``). ``consumer_key`` and
    ``consumer_secret`` are the key pair, ``webhook_secret`` our own long random word without ``& < > " '``.

    A shop over plain http, or on a host of one's own, is named by the connection's ``base_url``. ``api`` is where its REST
    API lies. ``key_in_query``: the host strips the header in which keys travel over https. ``processors`` says who holds the
    money of a payment method (``{"ppcp-gateway": "wallet"}``); what is not in it is named by the first word of the method.
    ``manual_refunds``: the means of refunds that were not paid back through the gateway; "" is the way it was paid.
    ``reference_meta`` and ``refund_reference_meta``: meta keys under which payment plugins note other names of a payment, and
    of a refund, at the processor. ``gift_card_skus``: SKUs under which gift cards are sold. ``tip_names``: names of fees that are tips.
    """

    shop: Place
    consumer_key: Secret = ""
    consumer_secret: Secret = ""
    webhook_secret: Secret = ""
    api: str = "/wp-json/wc/v3"
    key_in_query: bool = False
    processors: dict[str, str] = {}
    manual_refunds: str = ""
    reference_meta: tuple[str, ...] = ("_stripe_intent_id", "_intent_id", "_charge_id")
    refund_reference_meta: tuple[str, ...] = ("_wcpay_refund_id", "_stripe_refund_id")
    gift_card_skus: tuple[str, ...] = ()
    tip_names: tuple[str, ...] = ("tip", "tips", "gratuity")


CONNECTOR = Connector(
    slug="woocommerce",
    title="WooCommerce",
    roles=frozenset({"sales"}),
    auth=Key(secrets=("consumer_key", "consumer_secret", "webhook_secret")),
    settings=Settings,
    base_url="https://{shop}",
    # The vendor publishes no limit; a shop is somebody's server, often a small one.
    limits=Limits(concurrent=2),
    judged_by="recorded traffic of a real 11.0.1 and the vendor's Python client 3.0.0",
    guarantee="a source: nothing is written but webhooks, which are asked after before they are made",
    api_version="wc/v3",
)
