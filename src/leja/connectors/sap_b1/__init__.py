"""SAP Business One: an accounting target. The declaration; cheap to import."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from leja.connectors.contract import Connector, Limits, Login


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user states of their own system.

    ``base_url`` is where Service Layer is, without a path (``https://sap.example.com:50000``); ``ca_certificates`` the
    PEM text of a private authority. ``key_table``: the user table whose rows keep each reference unique ("": without,
    then documents are only searched for). ``orders``: an invoice is drawn from an order of its own. ``branch``: number of
    the branch where the company keeps several. ``series``: name of the numbering series to use, where the user's default
    is not wanted. ``tax_field``: ``VatGroup``, or ``TaxCode`` in countries with sales tax. ``untaxed``: code of the tax group
    for lines without tax. ``receivable_account``, ``payable_account``: the control accounts, where partners have several.
    """

    base_url: str = ""
    ca_certificates: str = ""
    company_db: str = ""
    user_name: str = ""
    password: Annotated[str, msgspec.Meta(extra={"secret": True})] = ""
    key_table: str = "LEJAKEYS"
    orders: bool = False
    branch: int = 0
    series: str = ""
    tax_field: str = "VatGroup"
    untaxed: str = ""
    receivable_account: str = ""
    payable_account: str = ""


CONNECTOR: Final = Connector(
    slug="sap_b1",
    title="SAP Business One",
    roles=frozenset({"accounting"}),
    auth=Login(secrets=("password",)),
    settings=Settings,
    limits=Limits(concurrent=3),
    judged_by=(
        "OData $metadata of a 10.0 system, which the stand-in's shapes and our requests are held against; there is no "
        "official client, and the business rules rest on the vendor's guide"
    ),
    guarantee=(
        "Exact with the key table: the reference and the document are one change set, so the system itself refuses a second "
        "one; without it each document is searched by its reference before anything is sent again, and a double is found by "
        "the nightly sweep. Customers are kept unique by SAP Business One itself."
    ),
    api_version="Service Layer 10.0, OData 4 (/b1s/v2)",
)
