"""M-Pesa: the wallet behind a till or paybill number. Receipts by callback, pull and statement; charges; sweeps to the bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from leja.connectors.contract import Connector, Key, Limits

Secret = Annotated[str, msgspec.Meta(extra={"secret": True})]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One connection per short code; ``wallet`` names its clearing account ("mpesa_till", "mpesa_paybill" ...).

    ``receipts``: "payments" where a till or shop records the sales; "sales" where a receipt is the only record of one.
    ``zone`` is the zone of all times that M-Pesa writes without one; ``pull_times`` "stated" believes the Z of the pull
    service, "local" reads its digits as local time. ``look_back_minutes``: how far each poll reads again what it has read.
    ``register_callbacks`` lets Leja register its addresses, which in production can be done once. ``charges``, ``sweeps``
    and ``deposits`` are parts of the reason types of a statement's rows, in small letters. ``prove_balance``: a statement
    whose running balance does not hold is refused. The five fields from ``encoding`` on are found in the file if empty.
    """

    short_code: str
    consumer_key: Secret = ""
    consumer_secret: Secret = ""
    wallet: str = "mpesa_till"
    currency: str = "KES"
    zone: str = "Africa/Nairobi"
    location: str = ""
    channel: str = "store"
    receipts: Literal["payments", "sales"] = "payments"
    nominated_number: str = ""
    register_callbacks: bool = False
    pull_times: Literal["stated", "local"] = "stated"
    look_back_minutes: Annotated[int, msgspec.Meta(ge=10, le=2760)] = 180
    charges: tuple[str, ...] = ("charge", "tariff")
    sweeps: tuple[str, ...] = ("settle to bank", "organization settlement", "to bank", "withdraw funds")
    deposits: tuple[str, ...] = ("deposit of funds", "from bank")
    prove_balance: bool = True
    encoding: str = ""
    delimiter: str = ""
    decimal_mark: str = ""
    date_format: str = ""
    columns: Mapping[str, str] = {}


CONNECTOR: Final = Connector(
    slug="mpesa",
    title="M-Pesa",
    roles=frozenset({"payments"}),
    auth=Key(secrets=("consumer_key", "consumer_secret")),
    settings=Settings,
    hosts=("api.safaricom.co.ke", "sandbox.safaricom.co.ke"),
    base_url="https://api.safaricom.co.ke",
    limits=Limits(concurrent=2),
    judged_by="samples of the vendor's portal and the statement layout of five public projects; there is no contract to check with",
    guarantee="a receipt number is one document, however often and by whichever way it is told; a callback alone is never believed",
)
