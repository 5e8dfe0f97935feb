"""Where a run may connect to: public addresses by http and https, and hosts that the user names."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from leitmotif.collection.bounded_socket import BoundedSocket, Deadline
from leitmotif.collection.errors import Refused, Unavailable

SCHEMES = ("http", "https")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open Internet.

    Private, loopback, link-local, multicast, unspecified and reserved addresses are not; nor are IPv6
    addresses that carry such an IPv4 address (mapped, 6to4, NAT64) or hide one (Teredo).
    """
    ip: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.teredo is not None:
            return False
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True)
class Guard:
    """Checks every address when a socket connects: what a name resolves to is what is connected to.

    Attributes:
        allowed: Hosts (names or addresses, in lower case) that may be anywhere, by the user's word.
        proxy: The proxy's URL; its host may be anywhere, and what it fetches is checked by name beforehand.
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
        name = host.lower().rstrip(".")
        return name in self.allowed or (self.proxy is not None and name == urlsplit(self.proxy).hostname)

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
        for family, kind, protocol, _name, place in self.resolve(host.strip("[]"), port):
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
