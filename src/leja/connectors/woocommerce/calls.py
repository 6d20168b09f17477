"""Calling a shop: keys by Basic over https and signed by OAuth 1.0a over http, answers read strictly, errors by remedy."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

import msgspec

from leja.connectors.contract import Session
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.http.client import Answer
from leja.http.retry import Patience, reads

PAGE: Final = 100
DEADLINE: Final = 60.0
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
encoder: Final = msgspec.json.Encoder(decimal_format="number")


class Listed(msgspec.Struct, frozen=True):
    """A page of a list, and how many things there are in all."""

    rows: list[Any]
    total: int


async def get(session: Session, path: str, query: Mapping[str, str] | None = None) -> Any:
    """What lies under a path of the API; None where the plugin itself says that there is nothing.

    A 404 of somebody else (a firewall, a moved shop) proves nothing about an order. Asked again when Transient.
    """
    answer = await _asked(session, "GET", path, query or {})
    if answer.status == 404 and _code(answer).startswith("woocommerce_rest_"):
        return None
    return _read(answer)


async def page(session: Session, path: str, query: Mapping[str, str]) -> Listed:
    """A page of a list. Raises Transient where the shop's answer is no list: a firewall's page, for one."""
    answer = await _asked(session, "GET", path, {"per_page": str(PAGE), **query})
    rows = _read(answer)
    if not isinstance(rows, list):
        raise Transient("woocommerce-answer", "the shop's answer is no list")
    total = answer.headers.get("x-wp-total", "")
    # Some hosts strip the header; only a plan needs it.
    return Listed(rows, int(total) if total.isdecimal() else len(rows))


async def tell(session: Session, method: str, path: str, body: Mapping[str, Any]) -> Any:
    """A write, made once."""
    content = encoder.encode(body)
    return _read(await _sent(session, method, path, {}, content), write=True)


async def _asked(session: Session, method: str, path: str, query: Mapping[str, str]) -> Answer:
    # Each try is signed anew: a nonce is good for one call.
    return await reads(lambda: _sent(session, method, path, query), Patience(), sleep=session.http.pacing.sleep)


async def _sent(session: Session, method: str, path: str, query: Mapping[str, str], content: bytes = b"") -> Answer:
    place = session.settings.api + path
    headers = {"accept": "application/json"} | ({"content-type": "application/json"} if content else {})
    url = session.base_url.rstrip("/") + place
    asked, keys = identified(session, method, url, query)
    answer = await session.http.send(
        method, place, headers={**headers, **keys}, query=asked, content=content, write=bool(content),
        deadline_seconds=DEADLINE,
    )  # fmt: skip
    if content == b"" and answer.status == 200 and not _is_json(answer):
        raise Transient("woocommerce-answer", "the shop answered with a page instead of data: a firewall or an error")
    return answer


def identified(
    session: Session, method: str, url: str, query: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Query and headers with the key pair in them, as the address demands."""
    key, secret = session.settings.consumer_key, session.settings.consumer_secret
    if not key or not secret:
        raise NeedsConsent("woocommerce-key", "the connection has no key pair of the shop")
    if not url.startswith("https://"):
        return signed(method, url, query, key, secret, session.now(), secrets.token_hex(20)), {}
    if session.settings.key_in_query:
        return {**query, "consumer_key": key, "consumer_secret": secret}, {}
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    return dict(query), {"authorization": f"Basic {basic}"}


def signed(
    method: str, url: str, query: Mapping[str, str], key: str, secret: str, now: datetime, nonce: str
) -> dict[str, str]:
    """The query with a one-legged OAuth 1.0a signature (HMAC-SHA256, no token), for shops without https."""
    params = {
        **query,
        "oauth_consumer_key": key,
        "oauth_timestamp": str(int(now.timestamp())),
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA256",
    }
    pairs = sorted((_escaped(name), _escaped(value)) for name, value in params.items())
    together = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join((method, _escaped(url), _escaped(together)))
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha256).digest()
    return {**params, "oauth_signature": base64.b64encode(digest).decode()}


def _escaped(text: str) -> str:
    return quote(text, safe="~")


def _is_json(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").partition(";")[0].strip().endswith("json")


def _read(answer: Answer, *, write: bool = False) -> Any:
    if not 200 <= answer.status < 300:
        raise _by_code(answer)
    try:
        return _decoder.decode(answer.body)
    except (msgspec.DecodeError, ArithmeticError) as error:
        if write:
            raise OutcomeUnknown("woocommerce-answer", "the shop's answer to a write cannot be read") from error
        raise Transient("woocommerce-answer", "the shop's answer cannot be read") from error


def _code(answer: Answer) -> str:
    try:
        said = _decoder.decode(answer.body)
    except (msgspec.DecodeError, ArithmeticError):
        return ""
    return str(said.get("code", "")) if isinstance(said, dict) else ""


def _by_code(answer: Answer) -> LejaError:
    """Messages come in the shop's language: only the code is looked at."""
    code = _code(answer)
    words = answer.body[:200].decode("utf-8", "replace")
    if code == "rest_no_route":
        return Refused("woocommerce-no-route", "the shop has no REST API at this address",
                       remedy="Check the address, and that permalinks are pretty and the plugin is active.")  # fmt: skip
    if answer.status == 403:
        return NeedsConsent("woocommerce-permission", f"the key may not do this: {code or words}",
                            remedy="Make a key with read and write permission, of a user who may see orders.")  # fmt: skip
    return Refused("woocommerce-refused", f"the shop answered {answer.status}: {code or words}")
