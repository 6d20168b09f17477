"""Microsoft Dynamics 365 Business Central online: an accounting target. The declaration; cheap to import."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from leja.connectors.contract import Connector, Limits, OAuth


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user states: the Entra tenant and app, the environment, the company, and what API v2.0 does not show.

    ``company``: the id of the company (a GUID). ``tax_rates``: sales tax groups with their percentage and the account
    that their tax lands on, ``STANDARD=20@20300, REDUCED=5@20300``. ``untaxed_code``: the group of what bears no tax.
    ``dimensions``: which of our dimensions is which of theirs, ``channel=DEPARTMENT``; values bear the same codes.
    ``receivables``, ``payables``, ``banks``: account numbers, separated by commas, where the subcategories of the chart
    do not tell which accounts they are.
    """

    tenant_id: str = ""
    environment: str = "Production"
    company: str = ""
    client_id: str = ""
    client_secret: Annotated[str, msgspec.Meta(extra={"secret": True})] = ""
    tax_rates: str = ""
    untaxed_code: str = ""
    dimensions: str = ""
    receivables: str = ""
    payables: str = ""
    banks: str = ""
    base_url: str = ""


CONNECTOR: Final = Connector(
    slug="business_central",
    title="Dynamics 365 Business Central",
    roles=frozenset({"accounting"}),
    auth=OAuth(
        authorize_url="",
        token_url="https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/token",  # noqa: S106 - an address, not a secret
        scopes=("https://api.businesscentral.dynamics.com/.default",),
        grant="client_credentials",
        rotating=False,
        basic_client_auth=False,
    ),
    settings=Settings,
    hosts=("api.businesscentral.dynamics.com", "login.microsoftonline.com"),
    base_url="https://api.businesscentral.dynamics.com",
    limits=Limits(per_minute=1200, concurrent=5, batch=20),
    judged_by=(
        "entity model generated from the vendor's AL source and documentation samples; types and nullability are open, "
        "there is no client library"
    ),
    guarantee=(
        "A draft is made first and counts for nothing; it is posted by its own id, and posting one id twice is refused. "
        "Before anything is made both drafts and posted documents are searched for our reference, and a draft that was left "
        "is posted, not doubled."
    ),
    api_version="v2.0",
)
