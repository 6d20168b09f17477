"""NetSuite over SuiteTalk SOAP: an accounting target for accounts that REST cannot serve. The declaration; cheap to import."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

import msgspec

from leja.connectors.contract import Connector, Key, Limits

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user states of the account; ids are NetSuite's internal ids.

    ``account``: as it stands in the account's own address (``1234567``, ``1234567-sb1``). ``version``: of the endpoint.
    ``one_world``: whether the account has subsidiaries; ``subsidiary``: the one whose books these are, where there are
    several. ``untaxed``: the tax code of lines without tax. ``department``, ``class_id``, ``location``: stand on every
    transaction, where the account demands them. ``tax_schedule``: of the items that Leja makes, where it demands one.
    ``supplier``: the vendor that stands on journal lines of payables.
    """

    account: str = ""
    consumer_key: Secret = ""
    consumer_secret: Secret = ""
    token_id: Secret = ""
    token_secret: Secret = ""
    version: str = "2025_2"
    one_world: bool = True
    subsidiary: str = ""
    untaxed: str = ""
    department: str = ""
    class_id: str = ""
    location: str = ""
    tax_schedule: str = ""
    supplier: str = ""
    base_url: str = ""


CONNECTOR: Final = Connector(
    slug="netsuite_soap",
    title="NetSuite (SOAP)",
    roles=frozenset({"accounting"}),
    auth=Key(secrets=("consumer_key", "consumer_secret", "token_id", "token_secret")),
    settings=Settings,
    hosts=("*.suitetalk.api.netsuite.com",),
    base_url="https://{account}.suitetalk.api.netsuite.com",
    limits=Limits(concurrent=5, batch=20),
    judged_by=(
        "the vendor's WSDL and schemas of 2023.2 through zeep, which drives the stand-in and reads every request of ours; "
        "signatures by the vendor's documented recipe; the business rules rest on the help pages"
    ),
    guarantee=(
        "NetSuite keeps external ids unique over all transactions and refuses a second document of one reference; an unclear "
        "outcome is asked after by external id."
    ),
    api_version="2025.2; SOAP ends with release 2028.2",
    # The vendor names releases, no days: from August 2028 the first accounts are moved to 2028.2.
    api_version_ends=date(2028, 8, 1),
)
