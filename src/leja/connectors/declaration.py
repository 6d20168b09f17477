"""What a connector declares of itself: names, roles, how to log in, limits. Cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal

import msgspec

Role = Literal["sales", "payments", "accounting"]


class OAuth(msgspec.Struct, frozen=True, kw_only=True):
    """OAuth 2. Addresses may hold ``{setting}`` placeholders. ``rotating``: each refresh voids the last token.

    ``grant``: a user's consent (``code``), or the app's own id and secret (``client_credentials``), which gives no refresh
    token: a token that is over is asked for anew; nobody is sent to ``authorize_url``, which may be empty.
    ``token_header`` and ``token_prefix`` say how a call carries the access token.
    """

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...]
    grant: Literal["code", "client_credentials"] = "code"
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


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A log-in with a password for a session that runs out. ``login.py`` of the folder holds the call:

    ``log_in`` async (Http, settings, secrets: Mapping[str, str]) -> Mapping[str, str]: the headers that carry the session.
    It sends its own call without credentials (``anonymous=True``); a refusal of the password is NeedsConsent. A session is
    kept per connection and process; a call that is answered with 401 logs in again, once, and is made again.
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

    ``ids_reach``: how far back ``ids`` lists and ``fetch`` answers; None: as far as there is something. What is older is hidden,
    not gone, and the completeness proof leaves it alone. ``ids_reach_unless``: the setting that, when true, lifts it.
    """

    slug: str
    title: str
    roles: frozenset[Role]
    auth: OAuth | Key | Login | NoAuth
    settings: type[msgspec.Struct]
    hosts: tuple[str, ...] = ()
    base_url: str = ""
    limits: Limits = Limits()
    wire_exponents: Mapping[str, int] = {}
    judged_by: str = ""
    guarantee: str = ""
    api_version: str = ""
    api_version_ends: date | None = None
    ids_reach: timedelta | None = None
    ids_reach_unless: str = ""

    def reach(self, settings: object) -> timedelta | None:
        """How far back ``ids`` reaches for a connection with these settings."""
        lifted = self.ids_reach_unless and getattr(settings, self.ids_reach_unless)
        return None if lifted else self.ids_reach
