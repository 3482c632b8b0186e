"""The allowed targets of deliveries: https to public addresses of named hosts, whatever a name resolves to at that
time.

A URL is checked when it is given, and its host's addresses each time a connection is made. The connection goes to the
checked address, so a name that later resolves to another address gains nothing. Redirects are not followed. With
WEBHOOK_LOCAL_TARGETS (local runs only), loopback is also allowed, by http and on every port.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from shared import resources
from shared.domain.errors import InvalidValue

MAX_CHARACTERS: Final = 2_000
PORTS: Final = frozenset({443, 8443})
LOOKUP_SECONDS: Final = 3.0
_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_HOST: Final = re.compile(rf"{_LABEL}(\.{_LABEL})+", re.ASCII)
_CHARACTERS: Final = re.compile(r"[!-~]+", re.ASCII)
_INTERNAL: Final = (".internal", ".local", ".localhost", ".localdomain", ".lan", ".home.arpa", ".onion")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses that are not public or that lead to internal services, in addition to those that `ipaddress` knows.
_REFUSED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        *("199.36.153.0/24", "35.199.192.0/19"),  # Google's own services, reachable from inside
        "168.63.129.16/32",  # Azure's service on each machine
        *("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"),  # with IPv4 inside
        *("2002::/16", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "100::/64", "100:0:0:1::/64"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)


class ForbiddenTarget(OSError):
    """The host has an address that deliveries may not use."""


class NoAddress(OSError):
    """The host's name has no address, or the resolver did not answer in time."""


def checked_url(url: str) -> str:
    """The URL as it will be called. Raises InvalidValue naming the fault."""
    local = resources.settings().webhook_local_targets
    parts = _parts(url)
    host = parts.hostname or ""
    if local and (host == "localhost" or _loopback(host)) and parts.scheme in ("http", "https"):
        return url
    if parts.scheme != "https":
        raise _wrong("must begin with https://")
    if parts.port not in (None, *PORTS):
        raise _wrong("must have one of the ports 443 and 8443")
    labels = host.rsplit(".", 1)
    if not _HOST.fullmatch(host) or labels[-1].isdigit() or labels[-1].startswith("0x"):
        raise _wrong("must name a host such as hooks.example.com, not an address")
    if host.endswith(_INTERNAL):
        raise _wrong("must name a host of the public internet")
    return url


def _parts(url: str) -> SplitResult:
    if len(url) > MAX_CHARACTERS or not _CHARACTERS.fullmatch(url) or "\\" in url:
        raise _wrong(f"must be a URL of at most {MAX_CHARACTERS:,} printable ASCII characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _wrong("must be a URL") from None
    if "@" in parts.netloc:
        raise _wrong("must not hold a user or a password")
    if "#" in url:
        raise _wrong("must not have a fragment")
    return parts


def _wrong(problem: str) -> InvalidValue:
    return InvalidValue("url", problem)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def public(text: str) -> bool:
    """Whether this address (in a socket's notation) belongs to the public internet."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_global and not any(address in net for net in _REFUSED if net.version == address.version)


class Lookups:
    """Threads for name look-ups. A name whose servers do not answer holds one of these threads, however many attempts
    wait for it, and no lane."""

    THREADS: Final = 64

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.THREADS, thread_name_prefix="lookup")
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[list[Any]]] = {}

    def ask(self, lookup: Callable[[str, int], list[Any]], host: str, port: int) -> Future[list[Any]]:
        """Look a name up; concurrent requests for the same name share the answer."""
        place = (host, port)
        with self._lock:
            if place not in self._running:
                self._running[place] = self._threads.submit(self._look_up, lookup, place)
            return self._running[place]

    def _look_up(self, lookup: Callable[[str, int], list[Any]], place: tuple[str, int]) -> list[Any]:
        try:
            return lookup(*place)
        finally:
            with self._lock:
                del self._running[place]


def _addresses_of(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class Resolver:
    """Resolves names within time limits, and returns only addresses that deliveries may use."""

    def __init__(self, lookup: Callable[[str, int], list[Any]] = _addresses_of) -> None:
        self._lookup = lookup

    def __call__(self, host: str, port: int) -> list[Any]:
        """Answer like `socket.getaddrinfo`. Raises NoAddress. Raises ForbiddenTarget if any of the addresses is
        forbidden, because a name that mixes both kinds is suspicious."""
        future = resources.memory(Lookups).ask(self._lookup, host, port)
        try:
            found = future.result(LOOKUP_SECONDS)
        except TooLate:
            raise NoAddress("the name is not resolved in time") from None
        except (OSError, UnicodeError):
            raise NoAddress("the name has no address") from None
        if not found:
            raise NoAddress("the name has no address")
        if not all(self._allowed(str(entry[4][0])) for entry in found):
            raise ForbiddenTarget("the host has an address that is not public")
        return found

    @staticmethod
    def _allowed(text: str) -> bool:
        return public(text) or (resources.settings().webhook_local_targets and _loopback(text))
