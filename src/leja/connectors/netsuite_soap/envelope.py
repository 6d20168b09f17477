"""Writing SOAP 1.1: elements, references, and the envelope that declares every namespace once, for one version.

What a draft holds is one element with the prefixes below; the version comes in with the envelope, so a frozen request can
still be sent when the connection moves to another endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
SPACES: Final = {
    "msg": "messages.platform", "core": "core.platform", "common": "common.platform", "sales": "sales.transactions",
    "customers": "customers.transactions", "general": "general.transactions", "relationships": "relationships.lists",
    "accounting": "accounting.lists",
}  # fmt: skip
# What XML 1.0 cannot hold, however it is written.
_IMPOSSIBLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_VERSION: Final = re.compile(r"\d{4}_\d\Z")


def space(prefix: str, version: str) -> str:
    """``core`` -> ``urn:core_2025_2.platform.webservices.netsuite.com``."""
    first, _, second = SPACES[prefix].partition(".")
    return f"urn:{first}_{version}.{second}.webservices.netsuite.com"


def is_version(text: str) -> bool:
    """Whether this can be the version of an endpoint."""
    return bool(_VERSION.match(text))


def clean(text: str) -> str:
    """A text without characters that XML cannot hold."""
    return _IMPOSSIBLE.sub("", text)


def attributes(**values: str) -> str:
    """Attributes, those without a value left out; ``kind`` is ``xsi:type``."""
    named = {"xsi:type" if name == "kind" else name: value for name, value in values.items() if value}
    return "".join(f" {name}={quoteattr(clean(value))}" for name, value in named.items())


def element(name: str, *content: str, text: str = "", **values: str) -> str:
    """One element; ``content`` is XML already, ``text`` is not."""
    inside = "".join(content) + escape(clean(text))
    opened = f"{name}{attributes(**values)}"
    return f"<{opened}>{inside}</{name}>" if inside else f"<{opened}/>"


def ref(name: str, internal: str) -> str:
    """A RecordRef by internal id."""
    return element(name, internalId=internal)


def named(kind: str, *, internal: str = "", external: str = "") -> str:
    """A ``baseRef`` to a record of a kind."""
    return element("msg:baseRef", kind="core:RecordRef", type=kind, internalId=internal, externalId=external)


def envelope(version: str, headers: Iterable[str], body: str) -> bytes:
    """The whole request."""
    spaces = "".join(f' xmlns:{prefix}="{space(prefix, version)}"' for prefix in SPACES)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{ENVELOPE}" xmlns:xsi="{INSTANCE}"{spaces}>'
        f"<soap:Header>{''.join(headers)}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()
