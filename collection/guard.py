"""Where a run may connect to: public addresses by http and https, and hosts that the user names."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from leitmotif.collection.bounded_socket import BoundedSocket, Deadline
from leitmotif.collection.errors import Refused, Unavailable

SCHEMES = ("http", "https")
# What IANA has assigned for special purposes, reachable or not, and multicast. (Python's `is_global` knows
# the registries of its own release only, and takes what is not assigned for global.)
# https://www.iana.org/assignments/iana-ipv4-special-registry (RFC 6890 and later)
_SPECIAL_V4 = tuple(
    IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
        *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4"),
    )
)
# https://www.iana.org/assignments/ipv6-address-space (the one block of global unicast) and
# https://www.iana.org/assignments/iana-ipv6-special-registry: 2001::/23 holds Teredo, ORCHID and others.
_GLOBAL_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")
)
# Addresses that carry one of IPv4, which counts: mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056), and the bits
# after it.
_CARRIERS = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open Internet: global unicast without a special purpose.

    IPv6 addresses that carry an IPv4 address (mapped, NAT64, 6to4) are what that is.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _SPECIAL_V4)
    for network, bits_after in _CARRIERS:
        if ip in network:
            return is_public(str(IPv4Address(int(ip) >> bits_after & 0xFFFFFFFF)))
    return ip in _GLOBAL_V6 and not any(ip in network for network in _SPECIAL_V6)


@dataclass(frozen=True)
class Guard:
    """Checks every address when a socket connects: what a name resolves to is what is connected to.

    Attributes:
        allowed: Hosts (names or addresses, in lower case) that may be anywhere, by the user's word.
        proxy: The proxy's URL; it may be anywhere itself, and what it fetches is checked by name beforehand.
    """

    allowed: frozenset[str] = frozenset()
    proxy: str | None = None

    def check_url(self, url: str) -> SplitResult:
        """Check the form of an address, and behind a proxy what its host resolves to.

        Raises:
            Refused: It is not http or https, has no host, or leads to an address that is not public.
            Unavailable: Behind a proxy, the host does not resolve.
        """
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise Refused(f"{url[:200]!r} is not an address ({error})") from error
        if parts.scheme.lower() not in SCHEMES:
            raise Refused(f"{url[:200]!r} has the scheme {parts.scheme!r}; only http and https are fetched")
        if not host:
            raise Refused(f"{url[:200]!r} names no host")
        if self.proxy:
            try:
                self.resolve(host, parts.port or 443)
            except OSError as error:
                raise Unavailable(f"host {host!r} does not resolve here ({error})") from error
        return parts

    def resolve(self, host: str, port: int) -> list[Any]:
        """Return what `socket.getaddrinfo` says of a host, if all of it is public.

        Raises:
            Refused: One of the addresses is not public, and the host is not allowed.
            OSError: The name does not resolve.
        """
        try:
            found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except UnicodeError as error:
            raise Refused(f"{host[:200]!r} is not the name of a host ({error})") from error
        if not self.allows(host):
            for *_, place in found:
                if not is_public(str(place[0])):
                    raise Refused(
                        f"host {host!r} is at {place[0]}, which is not a public address; if it is yours, "
                        f"allow it with --allow-host {host}"
                    )
        return found

    def allows(self, host: str) -> bool:
        """Tell whether the user vouched for a host."""
        return host.lower().rstrip(".") in self.allowed

    def _places(self, host: str, port: int) -> list[Any]:
        """Return where a host is; the proxy, which the user named, may be anywhere.

        (What else its host serves may not be asked: a proxy is often on this very machine.)
        """
        if self.proxy is not None:
            proxy = urlsplit(self.proxy)
            if (host.lower(), port) == (proxy.hostname, proxy.port or 80):
                return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        return self.resolve(host, port)

    def connect(
        self, address: tuple[str, int], timeout: Any = None, source_address: Any = None, *, deadline: Deadline
    ) -> BoundedSocket:
        """Connect to one of the addresses of a host, all of which were checked.

        Args:
            address: Host and port.
            timeout: What `http.client` passes; the deadline holds in its place.
            source_address: Local address to bind to.
            deadline: Of the request that the connection is for.

        Raises:
            Refused: An address is not public.
            Unavailable: The time is over.
            OSError: Nothing answers.
        """
        host, port = address
        failure: OSError | None = None
        for family, kind, protocol, _name, place in self._places(host.strip("[]"), port):
            connection = BoundedSocket(family, kind, protocol)
            try:
                if source_address:
                    connection.bind(source_address)
                connection.open(place, deadline)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
            except BaseException as error:
                connection.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
        raise failure or OSError(f"{host!r} has no address")
