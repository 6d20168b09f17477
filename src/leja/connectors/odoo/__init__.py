"""Odoo 16 to 19: an accounting target and a sales source. The declaration; cheap to import."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from leja.connectors.contract import Connector, Key, Limits

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user states of their own server; ``base_url`` is where it is (``https://books.example.com``).

    ``api_key`` is an API key of the user ``login`` (Odoo 16 to 18 take it as the password). ``company_id`` is the database id
    of the company. ``version`` ("18.0") saves asking; "" asks. ``hook_secret`` is a long random word of ours that automation
    rules bear in their address (``?key=``).

    As a target: ``payments`` tells payments as payments where a journal fits, else as journal entries. ``sale_journal`` and
    ``general_journal`` are codes of journals where the first one of their type is not wanted.

    As a source: ``sells_by`` says what is the sale: sales orders, or invoices typed or made there. ``point_of_sale`` reads the
    till's orders too. ``processors`` says who holds the money of a payment method or journal, by its name (``{"Card": "stripe"}``);
    what is not in it is cash, or money in the bank. ``shipping_skus``, ``gift_card_skus``, ``tip_skus``: internal references of products
    that are no goods.
    """

    base_url: str = ""
    database: str = ""
    login: str = ""
    api_key: Secret = ""
    hook_secret: Secret = ""
    company_id: int = 1
    version: str = ""
    payments: bool = True
    sale_journal: str = ""
    general_journal: str = ""
    sells_by: Literal["orders", "invoices"] = "orders"
    point_of_sale: bool = False
    processors: dict[str, str] = {}
    shipping_skus: tuple[str, ...] = ()
    gift_card_skus: tuple[str, ...] = ()
    tip_skus: tuple[str, ...] = ()


CONNECTOR: Final = Connector(
    slug="odoo",
    title="Odoo",
    roles=frozenset({"accounting", "sales"}),
    auth=Key(secrets=("api_key",)),
    settings=Settings,
    # The software has no limits. Postings in one journal wait for each other or clash, so one call goes out at a time.
    limits=Limits(concurrent=1, batch=10),
    judged_by=(
        "44 recorded calls of real 18.0 and 19.0 servers, their fields_get, and the official odoo-client-lib; versions 16 and 17 "
        "and the point of sale rest on published sources alone"
    ),
    guarantee=(
        "Exact: document, lines and their external ids are one transaction, and the database itself refuses a second "
        "document of the same external id. What is made is a draft and counts for nothing until it is posted, once. As a source: "
        "what was deleted there, and what a poll missed, is found by proof."
    ),
    api_version="JSON-2 (19 and later), JSON-RPC (16 to 18)",
)
