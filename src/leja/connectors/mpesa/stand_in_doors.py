"""The doors of Daraja: tokens, the checks that every request meets, and errors in the vendor's words."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec

from leja_sandbox.kit import Answer, Environment, Refuse, Request, Router, TokenBook, TokenRefused, json_answer

Body = dict[str, Any]
TOKEN_SECONDS: Final = 3599
Verb = Callable[[Request, Body], Any]


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """One call: ``fields`` that it needs, others that it knows, and how it words a bad token, a bad body, a wrong verb."""

    path: str
    fields: Collection[str]
    known: Collection[str] = ()
    token: tuple[str, int] = ("404.001.03", 404)
    bad: str = "400.002.02"
    verb: tuple[str, int] = ("405.001", 405)


C2B: Final[Mapping[str, Any]] = {"token": ("400.003.01", 400), "bad": "400.003.02", "verb": ("404.001.04", 404)}
PULL: Final[Mapping[str, Any]] = {"token": ("401.001", 401), "bad": "400.001"}
SIMPLE: Final[Mapping[str, Any]] = {"token": ("401.002.01", 401)}


class Guard:
    """Admits a request or refuses it: token, pace, payload. ``worded`` gives the kit's own faults the vendor's words."""

    def __init__(self, env: Environment, key: str, secret: str, per_second: int, per_day: int) -> None:
        self._env, self._key, self._secret = env, key, secret
        self._per_second, self._per_day = per_second, per_day
        self._recent: deque[float] = deque()
        self.tokens = TokenBook(env, access_seconds=TOKEN_SECONDS)

    def add(self, router: Router, door: Door, verb: Verb) -> None:
        """Opens a door; the wrong method is refused as this door words it."""

        def handled(request: Request) -> Answer:
            self._pace()
            self._token(request, door)
            return json_answer(verb(request, _payload(request, door)))

        def wrong(request: Request) -> Answer:
            code, status = door.verb
            words = "Invalid Authentication Header" if status == 404 else f"{request.method} Method Not Allowed"
            raise refusal(code, words, status)

        router.post(door.path)(handled)
        for method in ("GET", "PUT", "DELETE"):
            router.add(method, door.path, wrong)

    def token(self, request: Request) -> Answer:
        """``GET /oauth/v1/generate``: a bearer for 3599 seconds. Earlier ones stay good until they expire."""
        self._pace()
        if request.query.get("grant_type") != "client_credentials":
            raise refusal("400.008.02", "Invalid grant type passed", 400)
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or _decoded(given) != f"{self._key}:{self._secret}":
            raise refusal("400.008.01", "Invalid Authentication passed", 400)
        return json_answer({"access_token": self.grant(), "expires_in": TOKEN_SECONDS})

    def grant(self) -> str:
        """A new access token."""
        number = self._env.store.next_number("token")
        text = base64.b64encode(hashlib.sha256(f"{self._env.seed}:token:{number}".encode()).digest(), b"ab").decode()
        return self.tokens.issue(self._key, access=text[:28]).access

    def worded(self, status: int, retry_after: float | None) -> Answer:
        """429 is a spike arrest, which Daraja sends as 500; other faults are its internal error."""
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        if status == 429:
            return error("500.003.02", "Error Occurred: Spike Arrest Violation", 500, headers)
        return error("500.003.1001", "Internal Server Error", status, headers)

    def _token(self, request: Request, door: Door) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            if kind.lower() != "bearer":
                raise TokenRefused("unknown")
            self.tokens.check(given, request)
        except TokenRefused as refused:
            code, status = door.token
            raise Refuse(error(code, "Invalid Access Token", status), keep=True) from refused

    def _pace(self) -> None:
        now = self._env.now()
        while self._recent and self._recent[0] <= now - 86_400:
            self._recent.popleft()
        if self._per_day and len(self._recent) >= self._per_day:
            raise refusal("500.003.03", "Error Occurred: Quota Violation", 500)
        if self._per_second and sum(1 for moment in self._recent if moment > now - 1) >= self._per_second:
            raise refusal("500.003.02", "Error Occurred: Spike Arrest Violation", 500)
        self._recent.append(now)


def error(code: str, words: str, status: int, headers: Mapping[str, str] | None = None) -> Answer:
    """``{requestId, errorCode, errorMessage}``; the id follows from what is refused."""
    number = hashlib.sha256(f"{code}{words}".encode()).hexdigest()
    name = f"{number[:4]}-{number[4:8]}-{number[8:12]}-{number[12:34]}"
    return json_answer({"requestId": name, "errorCode": code, "errorMessage": words}, status, headers)


def refusal(code: str, words: str, status: int) -> Refuse:
    """The refusal to raise."""
    return Refuse(error(code, words, status))


def _payload(request: Request, door: Door) -> Body:
    try:
        body = request.json()
    except ValueError as problem:
        raise refusal("400.002.05", "Invalid Request Payload", 400) from problem
    if not isinstance(body, dict):
        raise refusal("400.002.05", "Invalid Request Payload", 400)
    body = {name.replace("Command ID", "CommandID").replace("Transaction ID", "TransactionID"): value
            for name, value in body.items()}  # fmt: skip
    if unknown := sorted(body.keys() - {*door.fields, *door.known}):
        raise refusal("400.002.05", f"Invalid Request Payload: {unknown[0]}", 400)
    for field in door.fields:
        if str(body.get(field, "")).strip() == "":
            raise refusal(door.bad, f"Bad Request - Invalid {field}", 400)
    return body


def _decoded(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
