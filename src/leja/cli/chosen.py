"""What a command means by its words: who acts, which days, key=value pairs, a yes that is asked for only at a terminal."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

import msgspec
import typer

from leja.access.organisations import Organisation
from leja.core.clock import business_day, instant, localised, utc
from leja.core.errors import Refused
from leja.house import House

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def actor() -> str:
    """Who sits at this command line, for the access log and for decisions."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def today(house: House, org: Organisation) -> date:
    """The organisation's business day now."""
    return business_day(house.clock(), org.zone, org.day_end_minutes)


def day(text: str) -> date | None:
    """A day as it was typed; nothing for no text. Raises Refused ``day-unreadable``."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("day-unreadable", f"{text!r} is not a day", remedy="Write it as 2026-05-31.") from None


def moment(text: str, org: Organisation) -> datetime:
    """An instant as it was typed, or the beginning of a day where the organisation is."""
    if len(text) > 10:
        return utc(instant(text))
    found = day(text)
    if found is None:
        raise Refused("day-unreadable", "no day was given", remedy="Write it as 2026-05-31.")
    return utc(localised(datetime.combine(found, time()), org.zone)).astimezone(UTC)


def pairs(given: Sequence[str]) -> dict[str, str]:
    """The key=value options. Raises Refused ``pair-unreadable``."""
    found: dict[str, str] = {}
    for text in given:
        key, mark, value = text.partition("=")
        if not mark or not key:
            raise Refused("pair-unreadable", f"{text!r} is not of the form key=value")
        found[key] = value
    return found


def settings(given: Sequence[str]) -> dict[str, Any]:
    """Settings from key=value options; a value in brackets or braces is read as JSON."""
    found: dict[str, Any] = {}
    for key, value in pairs(given).items():
        if value[:1] not in ("{", "["):
            found[key] = value
            continue
        try:
            found[key] = msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            raise Refused("pair-unreadable", f"the value of {key} is not JSON") from None
    return found


def secret(key: str, value: str) -> str:
    """The secret itself; "-" is read from standard input, without showing it at a terminal."""
    if value != "-":
        return value
    read = getpass.getpass(f"{key}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not read:
        raise Refused("pair-unreadable", f"no value for {key} was given on standard input")
    return read


def confirm(words: str, yes: bool) -> None:
    """Go on only with a yes, which is never asked for where nobody sits. Raises Refused ``confirmation-missing``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("confirmation-missing", f"{words}: this needs a yes", remedy="Repeat the command with --yes.")
    if not typer.confirm(f"{words}. Go on?", err=True):
        raise Refused("confirmation-missing", "nothing was done")
