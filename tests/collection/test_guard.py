"""Which addresses are those of the open Internet."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import Refused
from leitmotif.collection.guard import Guard, is_public


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1"),
        *("192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fc00::1", "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::10.0.0.1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    ],
)
def test_places_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::1.1.1.1"])
def test_others_are_public(address: str) -> None:
    assert is_public(address)


# IANA IPv4 Special-Purpose Address Registry, https://www.iana.org/assignments/iana-ipv4-special-registry, and
# multicast (RFC 5771).
SPECIAL_V4 = {
    "0.0.0.0/8": "this network, RFC 791",
    "10.0.0.0/8": "private use, RFC 1918",
    "100.64.0.0/10": "shared address space, RFC 6598",
    "127.0.0.0/8": "loopback, RFC 1122",
    "169.254.0.0/16": "link local, RFC 3927",
    "172.16.0.0/12": "private use, RFC 1918",
    "192.0.0.0/24": "IETF protocol assignments, RFC 6890",
    "192.0.2.0/24": "documentation, RFC 5737",
    "192.31.196.0/24": "AS112-v4, RFC 7535",
    "192.52.193.0/24": "AMT, RFC 7450",
    "192.88.99.0/24": "6to4 relay anycast, RFC 7526",
    "192.168.0.0/16": "private use, RFC 1918",
    "192.175.48.0/24": "direct delegation AS112, RFC 7534",
    "198.18.0.0/15": "benchmarking, RFC 2544",
    "198.51.100.0/24": "documentation, RFC 5737",
    "203.0.113.0/24": "documentation, RFC 5737",
    "224.0.0.0/3": "multicast, RFC 5771; reserved, RFC 1112; limited broadcast, RFC 8190",
}
# IANA IPv6 Special-Purpose Address Registry, https://www.iana.org/assignments/iana-ipv6-special-registry,
# and what https://www.iana.org/assignments/ipv6-address-space does not give to global unicast.
SPECIAL_V6 = {
    "::1/128": "loopback, RFC 4291",
    "::/128": "unspecified, RFC 4291",
    "::/96": "IPv4-compatible, RFC 4291",
    "::ffff:0:0:0/96": "IPv4-translated, RFC 2765",
    "64:ff9b:1::/48": "IPv4-IPv6 translation of a site, RFC 8215",
    "100::/64": "discard only, RFC 6666",
    "100:0:0:1::/64": "dummy prefix, RFC 9780",
    "2001::/23": "IETF protocol assignments, RFC 2928",
    "2001::/32": "Teredo, RFC 4380",
    "2001:1::1/128": "port control protocol anycast, RFC 7723",
    "2001:2::/48": "benchmarking, RFC 5180",
    "2001:3::/32": "AMT, RFC 7450",
    "2001:4:112::/48": "AS112-v6, RFC 7535",
    "2001:10::/28": "ORCHID, RFC 4843",
    "2001:20::/28": "ORCHIDv2, RFC 7343",
    "2001:30::/28": "drone remote ID, RFC 9374",
    "2001:db8::/32": "documentation, RFC 3849",
    "2620:4f:8000::/48": "direct delegation AS112, RFC 7534",
    "3fff::/20": "documentation, RFC 9637",
    "4000::/3": "not assigned, RFC 4291",
    "5f00::/16": "segment routing, RFC 9602",
    "8000::/2": "not assigned, RFC 4291",
    "fc00::/7": "unique local, RFC 4193",
    "fe80::/10": "link local, RFC 4291",
    "fec0::/10": "site local, RFC 3879",
    "ff00::/8": "multicast, RFC 4291",
}
# Neighbours of these that are special, too.
INSIDE = [ip_network(text) for text in (*SPECIAL_V4, *SPECIAL_V6)]


def edges(network: IPv4Network | IPv6Network) -> tuple[list[str], list[str]]:
    """Return the first and the last address, and those beside them."""
    first, last = int(network[0]), int(network[-1])
    kind, most = type(network[0]), 2**network.max_prefixlen - 1
    beside = [kind(number) for number in (first - 1, last + 1) if 0 <= number <= most]
    return [str(network[0]), str(network[-1])], list(map(str, beside))


@pytest.mark.parametrize("text", [*SPECIAL_V4, *SPECIAL_V6])
def test_no_address_of_a_special_purpose_is_public_to_its_edges(text: str) -> None:
    within, beside = edges(ip_network(text))
    assert not any(map(is_public, within))
    for address in beside:
        ip = ip_address(address)
        special = any(ip in network for network in INSIDE)
        is_unicast = isinstance(ip, IPv4Address) or ip in IPv6Network("2000::/3")
        assert is_public(address) is (is_unicast and not special), address


@pytest.mark.parametrize("form", ["::ffff:{}", "64:ff9b::{}", "2002:{}::", "2002:{}::1"])
@pytest.mark.parametrize("text", list(SPECIAL_V4))
def test_an_address_that_carries_another_is_what_that_is(text: str, form: str) -> None:
    within, beside = edges(ip_network(text))
    for address in (*within, *beside):
        number = int(ip_address(address))
        carried = f"{number >> 16:x}:{number & 0xFFFF:x}" if form.startswith("2002") else address
        assert is_public(form.format(carried)) is is_public(address)


@settings(max_examples=300)
@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_nothing_is_public_that_python_knows_to_be_inside(ip: IPv4Address | IPv6Address) -> None:
    carries = isinstance(ip, IPv6Address) and ip not in IPv6Network("2000::/3")
    if is_public(str(ip)) and not carries:
        assert ip.is_global and not ip.is_multicast and not ip.is_reserved


def test_a_name_with_one_address_inside_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def resolve(host: str, port: int, *_: Any) -> list[Any]:
        places = [("93.184.216.34", port), ("10.0.0.1", port)]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "socket", None)
    with pytest.raises(Refused, match=r"rebound\.example' is at 10\.0\.0\.1"):
        Guard().connect(("rebound.example", 80), deadline=Deadline(1.0))


def test_behind_a_proxy_names_are_checked_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.1.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: inside)
    guard = Guard(proxy="http://proxy.example:3128")
    with pytest.raises(Refused, match="not a public address"):
        guard.check_url("http://router.example/a.wav")


def test_a_proxy_of_this_machine_opens_nothing_else_of_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as other:
        (host, port), (_, other_port) = proxy.getsockname(), other.getsockname()
        guard = Guard(proxy=f"http://{host}:{port}")
        guard.connect((host, port), deadline=Deadline(5.0)).close()
        for address in (f"http://127.0.0.1:{other_port}/", f"http://127.0.0.1:{port}/"):
            with pytest.raises(Refused, match="not a public address"):
                guard.check_url(address)
        with pytest.raises(Refused, match="not a public address"):
            guard.connect((host, other_port), deadline=Deadline(5.0))


@pytest.mark.parametrize("url", ["", "a.wav", "http://", "http://[::1", "http://a:99999999/", "javascript:1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        Guard().check_url(url)
