"""Reading receipts from the pull service: what is new, what a callback named, and what is out of its reach.

The service looks back 48 hours and no further. A poll that comes later leaves a gap, which becomes an event of its own:
it waits in the review queue until the statement of that time was imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from leja.connectors.contract import Page, RawEvent, Session, Subscribed, Wanted
from leja.connectors.mpesa.api import Daraja
from leja.connectors.mpesa.wire import GAP_TOPIC, PULLED_TOPIC, RECEIPT, Gap, encode
from leja.core.clock import instant, localised, utc
from leja.core.errors import LejaError, OutcomeUnknown, Refused

REACH: Final = timedelta(hours=48) - timedelta(minutes=1)
_NAMED: Final = re.compile(r"([A-Z0-9]{8,20})/(\d{14}|unknown)\Z", re.ASCII)
_AROUND: Final = timedelta(hours=1)
# Daraja refuses addresses with these words; Leja's own end in a random name, which may hold one by chance.
_WORDS: Final = ("mpesa", "m-pesa", "safaricom", "exec", "exe", "cmd", "sql", "query")


async def poll(session: Session, cursor: str | None) -> Page:
    """A page of receipts. The cursor is the instant up to which all was read, or a window that is still being read."""
    since, until, offset, gap = _window(session, cursor)
    rows = await Daraja(session).pulled(since, until, offset)
    events = tuple(_event(row) for row in rows)
    if gap and offset == 0:
        events = (_gap(gap), *events)
    if rows:
        return Page(events=events, cursor=f"{_text(since)}/{_text(until)}/{offset + len(rows)}", more=True)
    return Page(events=events, cursor=_text(until))


async def fetch(session: Session, wanted: Sequence[Wanted]) -> tuple[RawEvent, ...]:
    """The receipts that callbacks named, if the pull service knows them: first around their time, then in all its reach."""
    found: list[RawEvent] = []
    daraja, now = Daraja(session), session.now()
    for thing in wanted:
        named = _NAMED.match(thing.external_id)
        if thing.kind != "payment" or named is None:
            # Two rows of statements that contradict each other end here too: the pull service is no judge of them.
            raise Refused("mpesa-wanted", f"the {thing.kind} {thing.external_id[:60]} can be read in the statement alone",
                          remedy="Compare the rows of that receipt in the organisation statement.")  # fmt: skip
        number, stamp = named.groups()
        for since, until in _searched(stamp, session.settings.zone, now):
            if (event := await _sought(daraja, number, since, until)) is not None:
                found.append(event)
                break
    return tuple(found)


async def subscribe(session: Session, callback_url: str) -> Subscribed:
    """Registers the short code for the pull service, and the callback address where the settings allow it.

    Raises Refused ``mpesa-callback`` for an address that Daraja would not take.
    """
    daraja, settings = Daraja(session), session.settings
    alive: list[str] = []
    created: list[str] = []
    if settings.nominated_number:
        asked = {"ShortCode": settings.short_code, "RequestType": "Pull", "NominatedNumber": settings.nominated_number,
                 "CallBackURL": callback_url}  # fmt: skip
        given = await daraja.ask("/pulltransactions/v1/register", asked, write=True)
        (created if str(given.get("ResponseStatus")) == "1000" else alive).append("pull")
    if settings.register_callbacks:
        _require_address(callback_url)
        asked = {"ShortCode": settings.short_code, "ResponseType": "Completed", "ConfirmationURL": callback_url,
                 "ValidationURL": callback_url}  # fmt: skip
        try:
            await daraja.ask("/mpesa/c2b/v2/registerurl", asked, write=True)
            created.append("c2b")
        except OutcomeUnknown:
            # Daraja says 500 to "registered already" and to trouble alike. Either way polls go on without callbacks.
            alive.append("c2b")
    return Subscribed(alive=tuple(alive), created=tuple(created))


def _window(session: Session, cursor: str | None) -> tuple[datetime, datetime, int, datetime | None]:
    """Since, until, offset, and the instant from which on something is out of reach."""
    now = session.now().replace(microsecond=0)
    parts = (cursor or "").split("/")
    try:
        if len(parts) == 3:
            return instant(parts[0]), instant(parts[1]), int(parts[2]), None
        reached = instant(cursor) if cursor else None
    except (LejaError, ValueError):
        raise Refused("mpesa-cursor", f"{cursor!r} is no cursor of this connector") from None
    earliest = now - REACH
    if reached is None:
        return earliest, now, 0, None
    gap = reached if reached < earliest else None
    return max(earliest, reached - timedelta(minutes=session.settings.look_back_minutes)), now, 0, gap


def _searched(stamp: str, zone_name: str, now: datetime) -> list[tuple[datetime, datetime]]:
    earliest, latest = now - REACH, now + timedelta(minutes=1)
    whole = [(earliest, latest)]
    try:
        told = localised(datetime.strptime(stamp, "%Y%m%d%H%M%S"), zone_name)  # noqa: DTZ007
    except ValueError:
        return whole
    since, until = max(earliest, told - _AROUND), min(latest, told + _AROUND)
    return [(since, until), *whole] if since < until else whole


async def _sought(daraja: Daraja, number: str, since: datetime, until: datetime) -> RawEvent | None:
    offset = 0
    while rows := await daraja.pulled(since, until, offset):
        for row in rows:
            if row.get("transactionId") == number:
                return _event(row)
        offset += len(rows)
    return None


def _event(row: Mapping[str, Any]) -> RawEvent:
    """One receipt. One whose number cannot be read is kept under what else it says, and held when it is decoded."""
    number = str(row.get("transactionId", "")).strip().upper()
    if not RECEIPT.match(number):
        said = "/".join(str(row.get(name, ""))[:60] for name in ("trxDate", "amount", "billreference"))
        number = "unnamed/" + "".join(letter if letter.isprintable() else "?" for letter in said)
    return RawEvent(key=f"pull/{number}", topic=PULLED_TOPIC, body=encode(row), origin="poll")


def _gap(since: datetime) -> RawEvent:
    # The same gap is met by every run that begins at the same cursor: its key and content are the cursor's.
    return RawEvent(key=f"gap/{_text(since)}", topic=GAP_TOPIC, body=encode(Gap(since=_text(since))), origin="poll")


def _require_address(url: str) -> None:
    word = next((word for word in _WORDS if word in url.lower()), "")
    if word or not url.startswith(("https://", "http://127.0.0.1")):
        raise Refused(
            "mpesa-callback", f"M-Pesa does not take the address {url}" + (f": it holds {word!r}" if word else ""),
            remedy="Leja's public address must be https and free of that word; a new connection has another random name.",
        )  # fmt: skip


def _text(moment: datetime) -> str:
    return f"{utc(moment):%Y-%m-%dT%H:%M:%SZ}"
