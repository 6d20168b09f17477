"""Where calls may go: hosts by name, private networks only if the installation allows them, each address pinned.

``Addresses(hosts, private_hosts, home)`` judges every address before a byte leaves: scheme https (http only for hosts
in ``private_hosts``), a host that the connector declares (``*.`` prefix allowed) or that is the home of ``base_url``.
``PinnedBackend`` resolves a name once, judges the numbers, and connects to the number that was judged: a name that
changes its number between check and call gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

import httpcore2
import msgspec

from leja.core.errors import Refused

_PORTS: Final = {"https": 443, "http": 80}
SETTING: Final = "LEJA_ALLOW_PRIVATE_HOSTS"


class Target(msgspec.Struct, frozen=True):
    """An address that passed: scheme, host in lower case, port."""

    scheme: str
    host: str
    port: int


def private_hosts(environment: Mapping[str, str]) -> frozenset[str]:
    """The hosts (``host`` or ``host:port``) inside private networks that this installation allows by name."""
    return frozenset(part.strip().lower() for part in environment.get(SETTING, "").split(",") if part.strip())


def expanded(patterns: Iterable[str], values: Mapping[str, object]) -> tuple[str, ...]:
    """Host patterns or addresses with their ``{setting}`` placeholders filled in."""
    return tuple(pattern.format_map({key: str(value) for key, value in values.items()}) for pattern in patterns)


def matches(host: str, pattern: str) -> bool:
    """Whether ``host`` is ``pattern``, or one label or more under ``*.`` of it."""
    pattern = pattern.lower()
    return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1 if pattern.startswith("*.") else host == pattern


class Addresses(msgspec.Struct, frozen=True):
    """The allow-list of one connection."""

    hosts: tuple[str, ...]
    private_hosts: frozenset[str] = frozenset()

    def target(self, url: str) -> Target:
        """The judged target of ``url``. Raises Refused ``address-unreadable``, ``-host`` or ``-scheme``."""
        target = parsed(url)
        allowed = any(matches(target.host, pattern) for pattern in self.hosts)
        if not allowed:
            raise Refused(
                "address-host",
                f"{target.host} is not a host of this connection ({', '.join(self.hosts)})",
                remedy="Check the address of the connection; a vendor's answer cannot send us to another host.",
            )
        if target.scheme != "https" and not self.allows_private(target):
            raise Refused("address-scheme", f"{target.host} must be called over https", remedy=_PRIVATE_REMEDY)
        return target

    def allows_private(self, target: Target) -> bool:
        """Whether the installation names this host (with or without its port) as allowed though private."""
        return target.host in self.private_hosts or f"{target.host}:{target.port}" in self.private_hosts


_PRIVATE_REMEDY: Final = f"If this is your own system, name it in {SETTING} (host or host:port)."


def parsed(url: str) -> Target:
    """Scheme, host and port of an absolute address, without any trick in it."""
    try:
        if not url.isascii() or any(mark in url for mark in "\\ \t\r\n"):
            raise ValueError(url)
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("address-unreadable", "the address holds characters that no address may hold") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or parts.password is not None:
        raise Refused("address-unreadable", "the address must be https://host[:port]/path, without a user in it")
    return Target(parts.scheme, parts.hostname.lower().rstrip("."), port or _PORTS[parts.scheme])


def public(number: str) -> bool:
    """Whether an IP address is on the public internet."""
    address = ipaddress.ip_address(number.split("%", 1)[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not (mapped or address).is_multicast


async def resolved(target: Target, addresses: Addresses) -> str:
    """The number to connect to. All numbers of the name must be allowed. Raises Refused ``address-private``.

    A name that does not resolve raises OSError, which the client takes for what it is: nothing was sent.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    numbers = [str(entry[4][0]) for entry in found]
    if not addresses.allows_private(target):
        for number in numbers:
            if not public(number):
                raise Refused(
                    "address-private",
                    f"{target.host} leads to {number}, inside a private network",
                    remedy=_PRIVATE_REMEDY,
                )
    return numbers[0]


class PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the very number that was judged; TLS still checks the certificate against the name."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the judged number of ``host``."""
        try:
            number = await asyncio.wait_for(resolved(Target("https", host.lower(), port), self._addresses), timeout)
        except TimeoutError:
            raise httpcore2.ConnectTimeout("the name was not resolved in time") from None
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        return await self._network.connect_tcp(number, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Never: a vendor is not a local socket."""
        del path, timeout, socket_options
        raise Refused("address-unreadable", "calls go over the network, not to a local socket")

    async def sleep(self, seconds: float) -> None:
        """Waits, as the connection pool asks."""
        await self._network.sleep(seconds)
