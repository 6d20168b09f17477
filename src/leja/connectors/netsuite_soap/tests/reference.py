"""The vendor's sample of a request, and its example of a signature, which its help prints and no file holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leja.connectors.netsuite_soap.nodes import parse
from leja.connectors.netsuite_soap.passport import signature
from leja.connectors.netsuite_soap.wire import TRANSACTIONS, transaction_in, written_in

# Vendor's help, section_4395630653.
PARTS = {
    "account": "1234567", "consumer_key": "71cc02b731f05895561ef0862d71553a3ac99498a947c3b7beaf4a1e4a29f7c4",
    "token": "89e08d9767c5ac85b374415725567d05b54ecf0960ad2470894a52f741020d82", "nonce": "6obMKq0tmY8ylVOdEkA1", "timestamp": "1439829974",
    "key": "7278da58caf07f5c336301a601203d10a58e948efa280f0618e25fcee1ef2abd&060cd9ab3ffbbe1e3d3918e90165ffd37ab12acc76b4691046e2d29c7d7674c2",
}  # fmt: skip


def answers(name: str, body: bytes) -> list[object]:
    """Transactions and the statuses of writes, wherever they stand in it."""
    root = parse(body)
    records = [each for each in root.all("record") if each.kind in TRANSACTIONS]
    return [*(transaction_in(each) for each in records), *(written_in(each) for each in root.all("writeResponse"))]


def vectors(folder: Path) -> list[dict[str, Any]]:
    """A passport's signature: account, both keys, nonce and time, signed with both secrets."""
    return [{"where": "help#section_4395630653", "parts": PARTS, "sign": _signed, "expected": "FCghIZqXNetuZY8ILWOFH0ucdfzQOmAuL+q+kF21zPs="}]


def _signed(parts: Mapping[str, str]) -> str:
    return signature(parts["account"], parts["consumer_key"], parts["token"], parts["nonce"], parts["timestamp"], key=parts["key"])
