"""Calls to an Odoo database: one method of one model, over JSON-2 (19 and later) or JSON-RPC (before).

The two differ in the envelope alone: arguments are always named. Which one a server speaks, and as whom we are known
there, is asked once and remembered for an hour by the connection's pace, which outlives sessions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec

from leja.connectors.contract import Session
from leja.connectors.odoo.faults import Fault, OdooFault, raise_for_read
from leja.core.errors import NeedsConsent, NeedsReview, Refused, Transient
from leja.http.client import Answer
from leja.http.pacing import Pacing

JSON2_SINCE: Final = 19
PAGE: Final = 500
_JSON: Final = {"accept": "application/json", "content-type": "application/json"}
_KNOWN_FOR: Final = timedelta(hours=1)
encoder: Final = msgspec.json.Encoder(decimal_format="number")
# Floats of the ORM are money: they are read from the number's text.
anything: Final = msgspec.json.Decoder(float_hook=Decimal)
Row = dict[str, Any]


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What the server is: its major version; ``uid`` is our user's id, 0 where none is needed."""

    major: int
    uid: int
    asked_at: datetime
    fields: dict[str, frozenset[str]] = msgspec.field(default_factory=dict)

    @property
    def json2(self) -> bool:
        """Whether it speaks JSON-2."""
        return self.major >= JSON2_SINCE


_servers: Final[WeakKeyDictionary[Pacing, Server]] = WeakKeyDictionary()


async def server(session: Session) -> Server:
    """The server behind the session. Raises NeedsConsent where the log-in is refused."""
    known = _servers.get(session.http.pacing)
    if known is not None and session.now() - known.asked_at < _KNOWN_FOR:
        return known
    major = _major(session.settings.version) or await _asked_version(session)
    if major < 16:
        raise Refused(
            "odoo-version", f"this is Odoo {major}; 16 is the oldest that can be told or read",
            remedy="Upgrade the server.",
        )
    uid = 0 if major >= JSON2_SINCE else await _logged_in(session)
    found = Server(major=major, uid=uid, asked_at=session.now())
    _servers[session.http.pacing] = found
    return found


def _major(text: str) -> int:
    # Online versions are called saas~18.2.
    digits = str(text).rpartition("~")[2].partition(".")[0]
    return int(digits) if digits.isdecimal() else 0


async def _asked_version(session: Session) -> int:
    answer = await session.http.read("POST", "/jsonrpc", headers=_JSON, content=_envelope("common", "version", []))
    if answer.status == 404:
        # JSON-RPC is to go with Odoo 22: who no longer has it has JSON-2.
        return JSON2_SINCE
    found = _unwrapped(answer)
    text = str(found.get("server_version", "")) if isinstance(found, dict) else ""
    major = _major(text)
    if not major:
        raise Transient("odoo-answer-unreadable", f"Odoo does not say which version it is: {text[:40]!r}")
    return major


async def _logged_in(session: Session) -> int:
    settings = session.settings
    given = [settings.database, settings.login, settings.api_key]
    answer = await session.http.read("POST", "/jsonrpc", headers=_JSON, content=_envelope("common", "login", given))
    try:
        uid = _unwrapped(answer)
    except OdooFault as error:
        raise_for_read(error.fault)
    if isinstance(uid, bool) or not isinstance(uid, int):
        raise NeedsConsent("odoo-authorisation", "Odoo does not know this database, user and API key")
    return uid


def _envelope(service: str, method: str, args: Sequence[Any]) -> bytes:
    params = {"service": service, "method": method, "args": args}
    return encoder.encode({"jsonrpc": "2.0", "method": "call", "id": 1, "params": params})


async def call(
    session: Session, model: str, method: str, named: Mapping[str, Any], *, ids: Sequence[int] | None = None,
    context: Mapping[str, Any] | None = None, write: bool = False, deadline_seconds: float = 60.0,
) -> Any:  # fmt: skip
    """What a method answers. Raises OdooFault with the server's exception, and what ``Http`` raises."""
    known, settings = await server(session), session.settings
    scope = {"allowed_company_ids": [settings.company_id], "lang": "en_US", **(context or {})}
    if known.json2:
        body: Row = {**named, "context": scope} | ({} if ids is None else {"ids": list(ids)})
        headers = {**_JSON, "authorization": f"bearer {settings.api_key}"}
        headers |= {"x-odoo-database": settings.database} if settings.database else {}
        path, content = f"/json/2/{model}/{method}", encoder.encode(body)
    else:
        first = [] if ids is None else [list(ids)]
        args = [settings.database, known.uid, settings.api_key, model, method, first, {**named, "context": scope}]
        headers, path, content = _JSON, "/jsonrpc", _envelope("object", "execute_kw", args)
    if write:
        answer = await session.http.send(
            "POST", path, headers=headers, content=content, write=True, deadline_seconds=deadline_seconds
        )
    else:
        answer = await session.http.read("POST", path, headers=headers, content=content, deadline_seconds=deadline_seconds)
    return _whole(answer) if known.json2 else _unwrapped(answer)


def _whole(answer: Answer) -> Any:
    """A JSON-2 answer: the result itself, or the exception as the body of another status."""
    if answer.status < 300:
        return _read(answer.body)
    try:
        fault = msgspec.json.decode(answer.body, type=Fault)
    except msgspec.DecodeError:
        raise NeedsReview(
            "odoo-database", f"Odoo answered {answer.status} without words: the database or the address is wrong",
            remedy="Check base_url and database of the connection.",
        ) from None
    raise OdooFault(fault)


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    data: Fault = Fault()


class _Reply(msgspec.Struct, frozen=True):
    """A method that returns nothing has a reply without ``result``."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


def _unwrapped(answer: Answer) -> Any:
    try:
        reply = msgspec.json.decode(answer.body, type=_Reply)
    except msgspec.DecodeError:
        raise NeedsReview(
            "odoo-database", f"what answered with {answer.status} at /jsonrpc is no Odoo",
            remedy="Check base_url of the connection.",
        ) from None
    if reply.error is not None:
        fault = reply.error.data
        raise OdooFault(fault if fault.name else Fault(name="", message=reply.error.message))
    return _read(reply.result)


def _read(raw: bytes | msgspec.Raw) -> Any:
    try:
        return anything.decode(raw)
    except (msgspec.DecodeError, ArithmeticError, ValueError) as error:
        raise Transient("odoo-answer-unreadable", f"Odoo's answer cannot be read: {error}") from error


# --- reads --------------------------------------------------------------------------------------------------------


async def asked(session: Session, model: str, method: str, named: Mapping[str, Any], **more: Any) -> Any:
    """What a method without effect answers; refusals become errors of ours."""
    try:
        return await call(session, model, method, named, **more)
    except OdooFault as error:
        raise_for_read(error.fault)


async def known_fields(session: Session, model: str, names: Sequence[str]) -> frozenset[str]:
    """Which of these fields the model has: versions and modules rename them, so the server is asked, once."""
    kept = (await server(session)).fields
    key = f"{model}/{','.join(names)}"
    if key not in kept:
        found = await asked(session, model, "fields_get", {"allfields": list(names), "attributes": ["type"]})
        kept[key] = frozenset(found) & frozenset(names) if isinstance(found, dict) else frozenset()
    return kept[key]


def rows_in(found: Any) -> list[Row]:
    """The rows of an answer. Raises Transient where it is none."""
    if not isinstance(found, list) or not all(isinstance(row, dict) and type(row.get("id")) is int for row in found):
        raise Transient("odoo-answer-unreadable", "Odoo's answer is no list of records")
    return found


async def read(session: Session, model: str, ids: Sequence[int], fields: Sequence[str]) -> list[Row]:
    """Records by id, archived ones too; those that are not there are left out."""
    found: list[Row] = []
    wanted = list(dict.fromkeys(ids))
    for start in range(0, len(wanted), PAGE):
        found += rows_in(await asked(session, model, "read", {"fields": list(fields)}, ids=wanted[start : start + PAGE]))
    return found


async def search(
    session: Session, model: str, domain: Sequence[Any], fields: Sequence[str], *, order: str = "id asc", limit: int = PAGE,
    archived: bool = False,
) -> list[Row]:  # fmt: skip
    """One page of a search."""
    given = {"domain": list(domain), "fields": list(fields), "order": order, "limit": limit}
    return rows_in(await asked(session, model, "search_read", given, context={"active_test": False} if archived else None))


async def pages(
    session: Session, model: str, domain: Sequence[Any], fields: Sequence[str], *, archived: bool = False, size: int = PAGE
) -> AsyncIterator[list[Row]]:
    """All pages of a search, walked by id: what comes or goes meanwhile moves nothing."""
    last = 0
    while True:
        found = await search(session, model, [*domain, ["id", ">", last]], fields, limit=size, archived=archived)
        fresh = [row for row in found if row["id"] > last]
        yield fresh
        if len(found) < size or not fresh:
            return
        last = max(row["id"] for row in fresh)


async def all_of(
    session: Session, model: str, domain: Sequence[Any], fields: Sequence[str], *, archived: bool = False
) -> list[Row]:
    """All rows of a search, by id."""
    return [row async for page in pages(session, model, domain, fields, archived=archived) for row in page]


def linked(value: Any) -> int:
    """The id in a many2one's ``[id, name]``; 0 where it is empty."""
    if isinstance(value, list) and value and type(value[0]) is int:
        return int(value[0])
    return value if type(value) is int else 0


def name_in(value: Any) -> str:
    """The display name in a many2one's ``[id, name]``."""
    return str(value[1]) if isinstance(value, list) and len(value) > 1 else ""


def words(value: Any) -> str:
    """A text field; empty ones are ``false``."""
    return value if isinstance(value, str) else ""
