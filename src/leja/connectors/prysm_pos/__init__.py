"""Prysm POS: any till that posts signed transactions (contract ``pos-transaction/1``), or whose export is mapped onto it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from leja.connectors.contract import Connector, Key

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]
Reason = Literal["expense", "tips", "banked", "drawings", "float"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``webhook_secret`` is ``whsec_`` and base64, as the till has it; during a rotation both are given.

    ``processors`` names who holds the money of a tender until it settles, by the till's label ("VISA") or by its kind
    ("card"); without it the kind itself is the clearing account. ``drawer_reasons`` says what a pay-out or pay-in was for,
    by its department or description; "float" is no move. ``not_restocked`` are return reasons whose goods are not sold
    again. ``float_in_expected``: the till's closing counts the opening float in. ``currency`` is that of voids, which state
    none. ``mapping`` reads a till that has words of its own (README.md); the next five say how its file is written.
    """

    webhook_secret: Secret = ""
    currency: str = ""
    zone: str = ""
    channel: str = "store"
    processors: Mapping[str, str] = {}
    drawer_reasons: Mapping[str, Reason] = {}
    not_restocked: tuple[str, ...] = ()
    float_in_expected: bool = False
    mapping: dict[str, Any] = {}
    encoding: str = ""
    delimiter: str = ""
    decimal_mark: str = ""
    date_format: str = ""
    columns: Mapping[str, str] = {}


CONNECTOR: Final = Connector(
    slug="prysm_pos",
    title="Prysm POS (generic till, not certified with a vendor)",
    roles=frozenset({"sales"}),
    auth=Key(secrets=("webhook_secret",)),
    settings=Settings,
    judged_by="our own JSON schema and signature vectors of pos-transaction/1, and the standardwebhooks library",
    guarantee="a till's number of a day is booked once; other content under the same number is answered 409 and reviewed",
    api_version="pos-transaction/1",
)
