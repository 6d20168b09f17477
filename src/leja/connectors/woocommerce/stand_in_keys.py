"""Who may ask the stand-in: consumer keys, OAuth 1.0a without a token over http, Basic over https.

From the plugin's ``class-wc-rest-authentication.php``: over http only the signature in the query counts (Basic is not
even looked at), over https Basic or both keys in the query; a timestamp is good for a quarter of an hour either way
and a nonce once in that time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from leja.connectors.woocommerce.stand_in_refusals import WordPressError, refused
from leja.connectors.woocommerce.stand_in_shop import Record, Shop
from leja_sandbox.kit import Request

_WINDOW: Final = 15 * 60
_NEEDED: Final = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
_CODE: Final = "woocommerce_rest_authentication_error"
_ALGORITHMS: Final = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
_BRACKET: Final = re.compile(r"^([^\[]+)\[([^\]]*)\]$")
Params = dict[str, Any]


def php_query(text: str) -> Params:
    """A query as PHP reads it: of a name that comes twice the last counts, ``name[]`` makes a list."""
    found: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = _BRACKET.match(name)
        if match is None:
            found[name] = value
            continue
        rows = found.get(match[1])
        if not isinstance(rows, dict):
            rows = found[match[1]] = {}
        rows[match[2] or str(len(rows))] = value
    return found


def signature(method: str, url: str, params: Mapping[str, Any], secret: str) -> str:
    """The OAuth signature of a request; ``params`` without ``oauth_signature``."""
    pairs: list[str] = []
    for name in sorted(params):
        value, key = params[name], _encoded(name)
        if isinstance(value, dict):
            pairs += [_encoded(f"{key}%5B{inner}%5D={_encoded(str(one))}") for inner, one in value.items()]
        else:
            pairs.append(_encoded(f"{key}={_encoded(str(value))}"))
    text = f"{method}&{quote(url, safe='')}&{'%26'.join(pairs)}"
    algorithm = _ALGORITHMS[params["oauth_signature_method"]]
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), algorithm).digest()).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="~")


class Keys:
    """The shop's API keys: ``{"id", "key", "secret", "permissions", "nonces"}``."""

    def __init__(self, shop: Shop, secure: bool) -> None:
        self._shop, self._secure, self._store = shop, secure, shop.env.store

    def create(self, permissions: str, key: str | None = None, secret: str | None = None) -> Record:
        """A new key: read, write or read_write."""
        digest = hashlib.sha256(f"{self._shop.env.seed}/{self._store.count('key')}".encode()).hexdigest()
        row: Record = {"id": self._store.next_number("api_key"), "key": key or f"ck_{digest[:40]}",
               "secret": secret or f"cs_{digest[24:]}", "permissions": permissions, "nonces": {}}  # fmt: skip
        self._store.put("key", row["key"], row)
        return row

    def revoke(self, key: str) -> None:
        """The owner removes a key, or the user to whom it belongs."""
        self._store.remove("key", key)

    def admit(self, request: Request) -> None:
        """Lets a request with a good key pass. Raises WordPressError."""
        params = php_query(request.query_string)
        row = self._by_basic(request, params) if self._secure else None
        row = row or self._by_signature(request, params)
        if row is None:
            raise _nobody(request)
        wanted = "read" if request.method in ("GET", "HEAD") else "write"
        if request.method != "OPTIONS" and wanted not in row["permissions"]:
            raise refused(_CODE, f"The API key provided does not have {wanted} permissions.", 401)

    def _by_basic(self, request: Request, params: Params) -> Record | None:
        key, secret = params.get("consumer_key", ""), params.get("consumer_secret", "")
        if not (key and secret):
            key, secret = _basic(request.headers.get("authorization", ""))
        row: Record | None = self._store.get("key", key) if key and secret else None
        if row and not hmac.compare_digest(row["secret"], secret):
            realm = (
                "WooCommerce API. Use a consumer key in the username field and a consumer secret in the password field."
            )
            raise refused(_CODE, "Consumer secret is invalid.", 401,
                          headers={"www-authenticate": f'Basic realm="{realm}"'})  # fmt: skip
        return row

    def _by_signature(self, request: Request, params: Params) -> Record | None:
        missing = [name for name in _NEEDED if not params.get(name)]
        if len(missing) == len(_NEEDED):
            return None
        if missing:
            plural = "s" if len(missing) > 1 else ""
            words = f"Missing OAuth parameter{plural} {', '.join(missing)}"
            raise refused("woocommerce_rest_authentication_missing_parameter", words, 401)
        row: Record | None = self._store.get("key", params["oauth_consumer_key"])
        if row is None:
            raise refused(_CODE, "Consumer key is invalid.", 401)
        given = unquote(params.pop("oauth_signature").replace(" ", "+"))
        if params["oauth_signature_method"] not in _ALGORITHMS:
            raise refused(_CODE, "Invalid signature - signature method is invalid.", 401)
        url = f"{self._shop.url}{request.path}"
        if not hmac.compare_digest(signature(request.method, url, params, row["secret"]), given):
            raise refused(_CODE, "Invalid signature - provided signature does not match.", 401)
        self._fresh(row, str(params["oauth_timestamp"]), str(params["oauth_nonce"]))
        return row

    def _fresh(self, row: Record, timestamp: str, nonce: str) -> None:
        now = self._shop.now()
        if not timestamp.isdigit() or abs(int(timestamp) - now) > _WINDOW:
            raise refused(_CODE, "Invalid timestamp.", 401)
        if nonce in row["nonces"].values():
            raise refused(_CODE, "Invalid nonce - nonce has already been used.", 401)
        row["nonces"][timestamp] = nonce
        row["nonces"] = {at: one for at, one in row["nonces"].items() if int(at) >= now - _WINDOW}
        self._store.put("key", row["key"], row)


def _basic(header: str) -> tuple[str, str]:
    kind, _, text = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        key, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret


def _nobody(request: Request) -> WordPressError:
    single = request.path.rstrip("/").rsplit("/", 1)[-1].isdigit()
    code, words = {
        "POST": ("cannot_create", "Sorry, you are not allowed to create resources."),
        "PUT": ("cannot_edit", "Sorry, you are not allowed to edit this resource."),
        "DELETE": ("cannot_delete", "Sorry, you are not allowed to delete this resource."),
    }.get(
        request.method,
        ("cannot_view", "Sorry, you cannot view this resource." if single else "Sorry, you cannot list resources."),
    )
    return refused(f"woocommerce_rest_{code}", words, 401)
