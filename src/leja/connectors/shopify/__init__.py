"""Shopify: web shop, till and Shopify Payments. A source only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import msgspec

from leja.connectors.contract import Connector, Limits, OAuth

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
Shop = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*\.myshopify\.com$")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``shop`` is the host that never changes (``x.myshopify.com``). ``webhook_secret`` signs webhooks: the app's
    client secret; after a rotation both are given. ``reads_all_orders``: the scope ``read_all_orders`` was
    granted; without it Shopify hides, silently, whatever is older than 60 days.
    """

    shop: Shop
    webhook_secret: Secret = ""
    client_id: str = ""
    client_secret: Secret = ""
    access_token: Secret = ""
    reads_all_orders: bool = False
    reads_payouts: bool = True


CONNECTOR = Connector(
    slug="shopify",
    title="Shopify",
    roles=frozenset({"sales", "payments"}),
    auth=OAuth(
        authorize_url="https://{shop}/admin/oauth/authorize",
        token_url="https://{shop}/admin/oauth/access_token",  # noqa: S106
        scopes=("read_orders", "read_all_orders", "read_locations", "read_customers", "read_shopify_payments_payouts"),
        rotating=True,
        pkce=False,
        basic_client_auth=False,
        token_header="x-shopify-access-token",  # noqa: S106
        token_prefix="",
    ),
    settings=Settings,
    hosts=("{shop}",),
    base_url="https://{shop}",
    limits=Limits(concurrent=4),
    judged_by="the vendor's introspection schema of 2026-10 and its Python client 12.7.0",
    guarantee="a source: nothing is written but webhook subscriptions, which are asked after before they are made",
    api_version="2026-10",
    api_version_ends=date(2027, 10, 1),
    ids_reach=timedelta(days=60),
    ids_reach_unless="reads_all_orders",
)
