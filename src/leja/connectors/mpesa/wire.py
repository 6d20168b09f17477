"""What M-Pesa sends and what an event of this connector holds.

Sources: Daraja portal pages "Customer To Business", "M-Pesa Express", "Pull Transactions" (samples), and the header of
the organisation statement as five public projects read it.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from leja.core import strict_json
from leja.core.errors import Refused

PULLED_TOPIC: Final = "pull/transaction"
GAP_TOPIC: Final = "pull/gap"
ROW_TOPIC: Final = "statement/row"
UNREADABLE_TOPIC: Final = "statement/unreadable"
PULLED_FIELDS: Final = frozenset(
    {"transactionId", "trxDate", "msisdn", "sender", "transactiontype", "billreference", "amount", "organizationname"}
)
"""Members of a pulled transaction; number, sender and organisation are personal or known and are not used."""

RECEIPT: Final = re.compile(r"[A-Z0-9]{8,20}\Z", re.ASCII)
# Numbers with a point are kept as their text: an amount never passes through a float.
_objects: Final[msgspec.json.Decoder[dict[str, Any]]] = msgspec.json.Decoder(dict[str, Any], float_hook=str)
encode: Final = msgspec.json.Encoder(order="deterministic").encode


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A row of the statement, written plainly: ``at`` is local time as ISO text, amounts are plain decimal text.

    ``details`` are cut before the other party: number and name are nobody's business but the wallet's.
    """

    receipt: str
    at: str
    status: str
    reason: str
    details: str = ""
    paid_in: str = ""
    withdrawn: str = ""
    balance: str = ""
    linked: str = ""
    account: str = ""


class Gap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A time that the pull service no longer reached back to: from this instant on something may be missing."""

    since: str


row_decoder: Final = msgspec.json.Decoder(Row)
gap_decoder: Final = msgspec.json.Decoder(Gap)


def plain_object(body: bytes) -> dict[str, Any]:
    """A JSON object with its fractions as text. Raises Refused ``json-...``."""
    return strict_json.decode(body, _objects)


def receipt_number(value: object) -> str:
    """A receipt number in capitals. Raises Refused ``mpesa-value``."""
    text = value.strip().upper() if isinstance(value, str) else ""
    if not RECEIPT.match(text):
        raise Refused("mpesa-value", f"{str(value)[:40]!r} is no receipt number of M-Pesa")
    return text
