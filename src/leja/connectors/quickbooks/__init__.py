"""QuickBooks Online: an accounting target. The declaration; cheap to import."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from leja.connectors.contract import Connector, Limits, OAuth


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user states. The verifier token signs webhooks; the client is the user's own app at Intuit."""

    client_id: str = ""
    client_secret: Annotated[str, msgspec.Meta(extra={"secret": True})] = ""
    verifier_token: Annotated[str, msgspec.Meta(extra={"secret": True})] = ""
    base_url: str = ""


CONNECTOR: Final = Connector(
    slug="quickbooks",
    title="QuickBooks Online",
    roles=frozenset({"accounting"}),
    auth=OAuth(
        authorize_url="https://appcenter.intuit.com/connect/oauth2",
        token_url="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",  # noqa: S106 - an address, not a secret
        scopes=("com.intuit.quickbooks.accounting",),
        tenant_parameter="realmId",
    ),
    settings=Settings,
    hosts=("quickbooks.api.intuit.com", "sandbox-quickbooks.api.intuit.com", "oauth.platform.intuit.com"),
    base_url="https://quickbooks.api.intuit.com",
    limits=Limits(
        per_second=10, per_minute=500, concurrent=10, batch=30, batches_per_minute=40, reads_per_month=500_000
    ),
    judged_by="python-quickbooks and intuit-oauth drive the stand-in; our requests are held against the vendor's XSD",
    guarantee=(
        "Customers and items are kept unique by QuickBooks itself. Each document is searched by its number (a payment by its "
        "reference number among the payments of its day) before anything is sent again: exact if the search lags less than "
        "the declared seconds; a double is found by the nightly sweep."
    ),
    api_version="v3, minor version 75",
)
