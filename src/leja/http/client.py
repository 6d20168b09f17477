"""The client every connector calls strangers with.

    http = Http(base_url="https://x.myshopify.com", hosts=("*.myshopify.com",), authorise=hook, pacing=pacing)
    answer = await http.send("POST", "/orders", content=b"...", headers={...}, write=True, deadline_seconds=30)
    answer = await http.read("GET", "/orders", query={"limit": "250"})      # a read, tried again when Transient
    slow = http.in_lane("backfill")                                         # the same client, behind live calls
    timely = http.before(moment)                                            # the same client, no call later than that
    http.pacing.observe("minute", remaining=3)                              # after reading budget headers

``authorise`` is ``async (headers: dict[str, str], *, rejected: bool) -> None``: it puts credentials into ``headers``;
``rejected`` says that the vendor has just answered 401 to what it put there before, so it must be renewed.

What a call may end in:
  Answer          2xx and 4xx (except those below): the connector reads it
  Transient       no effect for certain: no connection, any fault of a read, 429 (with ``retry_after``)
  OutcomeUnknown  a write was sent and no clear answer came: time-out, dropped connection, 5xx, 408
  NeedsConsent    401 twice: once with what we had, once after renewing it
  Refused         the address, or a redirect, leads where this connection may not go
"""

from __future__ import annotations

import asyncio
import copy
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import urljoin

import httpcore2
import httpx2
import msgspec

from leja.core.clock import Clock, system_clock
from leja.core.errors import LejaError, NeedsConsent, OutcomeUnknown, Refused, Transient
from leja.core.failpoints import failpoint
from leja.http.addresses import Addresses, PinnedBackend, parsed
from leja.http.metering import Meter
from leja.http.pacing import Lane, Pacing
from leja.http.retry import PATIENCE, Patience, reads

_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_AGENT: Final = "leja (self-hosted bookkeeping bridge)"
LARGEST_ANSWER: Final = 64 * 1024 * 1024


class Answer(msgspec.Struct, frozen=True):
    """What the vendor answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Authorise(Protocol):
    """Puts credentials into ``headers``; ``rejected``: the last ones were answered with 401 and must be renewed."""

    async def __call__(self, headers: dict[str, str], *, rejected: bool) -> None: ...


async def nobody(headers: dict[str, str], *, rejected: bool) -> None:
    """No credentials; a 401 then says that some are needed."""


class Http:
    """A client bound to one connection: its address, hosts, credentials and pace. Safe for many tasks at once."""

    def __init__(
        self,
        *,
        base_url: str,
        hosts: tuple[str, ...] = (),
        authorise: Authorise = nobody,
        pacing: Pacing | None = None,
        private_hosts: frozenset[str] = frozenset(),
        now: Clock = system_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
        idempotency_header: str = "Idempotency-Key",
        largest_answer: int = LARGEST_ANSWER,
        meter: Meter | None = None,
        trust: str = "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.addresses = Addresses((*hosts, parsed(base_url).host), private_hosts)
        self.addresses.target(base_url)
        self.pacing = pacing or Pacing(now=now, sleep=sleep)
        self.lane: Lane = "live"
        self._last_moment: datetime | None = None
        self._authorise = authorise
        self._now = now
        self._sleep = sleep
        self._transport = transport or PinnedTransport(self.addresses, trust=trusted(trust) if trust else None)
        self._idempotency_header = idempotency_header
        self._largest = largest_answer
        self._meter = meter

    def in_lane(self, lane: Lane) -> Http:
        """The same client and pace, its calls in another lane."""
        twin = copy.copy(self)
        twin.lane = lane
        return twin

    def before(self, moment: datetime) -> Http:
        """The same client and pace; a call that is not answered by ``moment`` is aborted, one not begun is not made."""
        twin = copy.copy(self)
        twin._last_moment = moment
        return twin

    async def close(self) -> None:
        """Closes the connections; the twins of ``in_lane`` and ``before`` share them."""
        await self._transport.aclose()
        if self._meter is not None:
            await self._meter.settle()

    async def send(
        self,
        method: str,
        path_or_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        write: bool,
        deadline_seconds: float = 30.0,
        idempotency_key: str | None = None,
        cost: float = 0.0,
        batch: bool = False,
        anonymous: bool = False,
        faults: Collection[int] = (),
    ) -> Answer:
        """One call, aborted at its deadline, waiting for its turn included. ``anonymous`` sends no credentials.

        ``faults`` are statuses from 500 on with which this vendor says clearly what happened (a SOAP fault is a 500): they
        are handed on as an Answer, and whoever calls reads them.
        """
        url = path_or_url if path_or_url.startswith(("http://", "https://")) else self.base_url + path_or_url
        self.addresses.target(url)
        given = {"user-agent": _AGENT, "accept-encoding": "gzip, deflate", **(headers or {})}
        if idempotency_key:
            given[self._idempotency_header] = idempotency_key
        call = _Call(method.upper(), url, given, dict(query or {}), content, write, anonymous, faults)
        if self._last_moment is not None:
            deadline_seconds = min(deadline_seconds, (self._last_moment - self._now()).total_seconds())
            if deadline_seconds <= 0:
                raise call.fault("http-deadline", "the moment until which it might be called is past")
        try:
            # The abort itself: what it means depends on whether bytes had left, which the call knows.
            async with asyncio.timeout(deadline_seconds):
                async with self.pacing.turn(self.lane, within=deadline_seconds, cost=cost, batch=batch):
                    return await self._authorised(call)
        except TimeoutError:
            raise call.fault("http-deadline", f"no answer within {deadline_seconds:g} seconds") from None

    async def read(
        self,
        method: str,
        path_or_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        content: bytes = b"",
        deadline_seconds: float = 30.0,
        cost: float = 0.0,
        anonymous: bool = False,
        patience: Patience = PATIENCE,
    ) -> Answer:
        """A call without effect, tried again with patience after each Transient fault."""
        return await reads(
            lambda: self.send(
                method, path_or_url, headers=headers, query=query, content=content, write=False,
                deadline_seconds=deadline_seconds, cost=cost, anonymous=anonymous,
            ),
            patience,
            sleep=self._sleep,
        )

    async def _authorised(self, call: _Call) -> Answer:
        for rejected in (False, True):
            headers = dict(call.headers)
            if not call.anonymous:
                await self._authorise(headers, rejected=rejected)
            answer = await self._followed(call, headers)
            if answer.status != 401 or call.anonymous:
                return self._judged(call, answer)
            call.sent = False  # a 401 certainly had no effect
        raise NeedsConsent("http-unauthorised", f"{parsed(call.url).host} no longer accepts our credentials")

    async def _followed(self, call: _Call, headers: dict[str, str]) -> Answer:
        url = call.url
        for _ in range(4):
            answer = await self._exchange(call, url, headers)
            if answer.status not in _REDIRECTS:
                return answer
            url = self._redirected(call, url, answer)
        raise Transient("http-redirects", f"{parsed(url).host} redirects in circles")

    def _redirected(self, call: _Call, url: str, answer: Answer) -> str:
        if call.write and answer.status not in (307, 308):
            # After a POST, 301 to 303 often mean: done, and here is the result.
            raise OutcomeUnknown("http-redirect-write", f"a write was answered with a redirect ({answer.status})")
        leads_to = urljoin(url, answer.headers.get("location", ""))
        if call.write or parsed(leads_to) != parsed(url):
            raise Refused(
                "http-redirect",
                f"{parsed(url).host} redirects to {parsed(leads_to).host}; credentials never follow a redirect",
                remedy="Check the address of the connection.",
            )
        call.query = {}
        return leads_to

    async def _exchange(self, call: _Call, url: str, headers: dict[str, str]) -> Answer:
        request = httpx2.Request(
            call.method, url, params=call.query or None, headers=headers, content=call.content or None,
            extensions={"timeout": {"connect": 10.0, "read": None, "write": None, "pool": None}},
        )
        if self._meter is not None and not call.write and not call.anonymous:
            self._meter.count()
            await self._meter.settle()
        call.sent = True  # from here on only a fault known to come before sending takes it back
        failpoint("http.before-send")
        try:
            response = await self._transport.handle_async_request(request)
            try:
                body = await self._body(call, response)
            finally:
                await response.aclose()
        except _NEVER_SENT as error:
            call.sent = False
            raise Transient("http-no-connection", f"{request.url.host} cannot be reached: {error}") from error
        except (httpx2.TransportError, httpx2.DecodingError, httpx2.StreamError) as error:
            raise call.fault("http-dropped", f"{request.url.host} broke off: {type(error).__name__}") from error
        failpoint("http.after-answer")
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    async def _body(self, call: _Call, response: httpx2.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > self._largest:
                raise call.fault("http-answer-size", f"the answer is larger than {self._largest} bytes")
            parts.append(part)
        return b"".join(parts)

    def _judged(self, call: _Call, answer: Answer) -> Answer:
        host = parsed(call.url).host
        if answer.status == 429:
            wait = retry_after(answer.headers.get("retry-after"), self._now())
            self.pacing.pause(wait)
            raise Transient("http-too-many", f"{host} asks us to wait {wait:g} seconds", retry_after=wait)
        if (answer.status >= 500 and answer.status not in call.faults) or answer.status == 408:
            wait_text = answer.headers.get("retry-after")
            if wait_text and not call.write:
                wait = retry_after(wait_text, self._now())
                raise Transient("http-server", f"{host} answered {answer.status}", retry_after=wait)
            raise call.fault("http-server", f"{host} answered {answer.status}")
        return answer


class _Call:
    """One call and whether its bytes may have left."""

    def __init__(
        self, method: str, url: str, headers: dict[str, str], query: dict[str, str], content: bytes, write: bool,
        anonymous: bool, faults: Collection[int] = (),
    ) -> None:
        self.method, self.url, self.headers, self.query, self.content = method, url, headers, query, content
        self.write, self.anonymous, self.faults, self.sent = write, anonymous, faults, False

    def fault(self, code: str, message: str) -> LejaError:
        """What a fault means: nothing happened, or, for a write whose bytes may have left, nobody knows."""
        if self.write and self.sent:
            return OutcomeUnknown("http-unclear", f"{message}; the write may have happened", cause=code)
        return Transient(code, message)


def trusted(certificates: str) -> ssl.SSLContext:
    """TLS that also believes these certificates (PEM): of a system of the user's own, whose authority nobody else knows.

    The name in the certificate is checked all the same. Raises Refused ``certificates-unreadable``.
    """
    context: ssl.SSLContext = httpx2.create_ssl_context(trust_env=False)
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError):
        raise Refused(
            "certificates-unreadable", "the certificates of this connection are no PEM text",
            remedy="Paste the certificate of your system's authority, from -----BEGIN CERTIFICATE----- on.",
        ) from None
    return context


class PinnedTransport(httpx2.AsyncHTTPTransport):
    """The library's transport over a pool that connects only to judged numbers, never through a proxy."""

    def __init__(self, addresses: Addresses, *, trust: ssl.SSLContext | None = None) -> None:
        context = trust or _trusted()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context, max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0,
            network_backend=PinnedBackend(addresses),
        )


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The certificates that are believed, read once a process: reading them costs as much as many calls."""
    return httpx2.create_ssl_context(trust_env=False)


def retry_after(text: str | None, now: datetime) -> float:
    """Seconds that a ``Retry-After`` header asks for: a number or a date; one second if it says nothing readable."""
    if not text:
        return 1.0
    if text.strip().isdecimal():
        return min(86400.0, float(text))
    try:
        return min(86400.0, max(0.0, (parsedate_to_datetime(text) - now).total_seconds()))
    except (ValueError, TypeError):
        return 1.0
