"""The organisation's statement as its portal exports it: preamble, one header, one row per movement, newest first."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Final

from leja.connectors.mpesa.stand_in_wallet import EAT, Row, Shop, Wallet, kept, local

COLUMNS: Final = (
    "Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In", "Withdrawn", "Balance",
    "Balance Confirmed", "Reason Type", "Other Party Info", "Linked Transaction ID", "A/C No.",
)  # fmt: skip
OLDER: Final = (
    "Receipt", "Date", "Details", "Status", "Withdrawn", "Paid In", "Balance", "Balance Confirmed", "Transaction Type",
    "Other Party Info", "Transaction Party Details",
)  # fmt: skip
_DATES: Final = {"day_first": "%d-%m-%Y %H:%M:%S", "iso": "%Y-%m-%d %H:%M:%S"}


def statement(
    wallet: Wallet, first: str, last: str = "", *, dates: str = "day_first", newest_first: bool = True,
    older: bool = False, bom: bool = False,
) -> str:  # fmt: skip
    """The export of the days ``first`` to ``last`` (YYYY-MM-DD, East Africa Time), as text with CRLF.

    ``dates``: "day_first" (03-02-2026 10:15:00) or "iso". ``older``: the columns of earlier exports, in which what was
    withdrawn is printed without a sign. ``bom``: begins with a byte order mark, as the spreadsheet download does.
    """
    layout = _DATES[dates]
    begin, end = _at(f"{first} 00:00:00"), _at(f"{last or first} 23:59:59")
    rows = wallet.rows(kept(begin), kept(end + timedelta(seconds=1)))
    lines = _preamble(wallet.shop, begin.strftime(layout), end.strftime(layout))
    lines.append(list(OLDER if older else COLUMNS))
    for row in reversed(rows) if newest_first else rows:
        lines.append(_older(row, layout) if older else _line(row, layout))
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return ("\ufeff" if bom else "") + out.getvalue()


def _preamble(shop: Shop, start: str, end: str) -> list[list[str]]:
    empty = [""] * (len(COLUMNS) - 2)
    period = ["Time Period", f"From {start} To {end}", *empty]
    if shop.kind == "paybill":
        return [["Organization Name", shop.name, *empty], ["Short Code", shop.shortcode, *empty], period, ["", "", *empty]]
    named = ["Organization:", shop.name, "Short Code:", shop.shortcode, *empty[2:]]
    return [["ORGANIZATION STATEMENT", "", *empty], named, ["Time Period:", *period[1:]]]


def _line(row: Row, layout: str) -> list[str]:
    paid, withdrawn = _moved(row, sign="-")
    return [
        row["receipt"], local(row["completed"]).strftime(layout), local(row["initiated"]).strftime(layout),
        row["details"], row["status"], paid, withdrawn, _grouped(row["balance"]), "true", row["reason"], row["party"],
        row["linked"], row["account"],
    ]  # fmt: skip


def _older(row: Row, layout: str) -> list[str]:
    paid, withdrawn = _moved(row, sign="")
    return [
        row["receipt"], local(row["completed"]).strftime(layout), row["details"], row["status"], withdrawn, paid,
        _grouped(row["balance"]), "true", row["reason"], row["party"], row["account"],
    ]  # fmt: skip


def _moved(row: Row, sign: str) -> tuple[str, str]:
    if row["status"] != "Completed":
        return "", ""
    if row["minor"] > 0:
        return _grouped(row["minor"]), ""
    return "", sign + _grouped(-row["minor"])


def _grouped(minor: int) -> str:
    sign, whole = "-" if minor < 0 else "", abs(minor)
    return f"{sign}{whole // 100:,}.{whole % 100:02d}"


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=EAT)
