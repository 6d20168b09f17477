"""What a connector declares of itself: names, roles, how to log in, limits. Cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

Role = Literal["sales", "payments", "accounting"]


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """OAuth 2 code flow. Addresses may hold ``{setting}`` placeholders. ``rotating``: each refresh voids the last token.

    ``token_header`` and ``token_prefix`` say how a call carries the access token.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    rotating: bool = True
    pkce: bool = False
    basic_client_auth: bool = True
    tenant_parameter: str = ""
    token_header: str = "authorization"
    token_prefix: str = "Bearer "


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key or password that the user pastes: the names of the secret settings.

    I/O verbs find them in ``Session.settings``, for some vendors want a call signed; ``Context.settings`` never has them.
    """

    secrets: tuple[str, ...]


class NoAuth(msgspec.Struct, frozen=True):
    """A file source: nobody to log in to."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's published limits per connection; 0 means not published."""

    per_second: int = 0
    per_minute: int = 0
    per_day: int = 0
    concurrent: int = 0
    batch: int = 1
    batches_per_minute: int = 0
    reads_per_month: int = 0


class Connector(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of a platform. ``settings`` is a msgspec Struct type with the extra ``secret`` on secret fields.

    ``hosts`` are the host names (``*.`` prefix allowed) that calls may go to; ``{setting}`` placeholders allow the user's
    own system. ``wire_exponents`` are currencies whose wire exponent differs from ISO 4217. ``judged_by`` says how the
    stand-in was verified. ``guarantee`` is the exactly-once promise in words. ``api_version_ends`` as the vendor says.
    """

    slug: str
    title: str
    roles: frozenset[Role]
    auth: OAuth | Key | NoAuth
    settings: type[msgspec.Struct]
    hosts: tuple[str, ...] = ()
    base_url: str = ""
    limits: Limits = Limits()
    wire_exponents: Mapping[str, int] = {}
    judged_by: str = ""
    guarantee: str = ""
    api_version: str = ""
    api_version_ends: date | None = None
