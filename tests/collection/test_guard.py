"""Which addresses are those of the open Internet."""

import socket
from typing import Any

import pytest

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
    assert guard.resolve("proxy.example", 3128) == inside


@pytest.mark.parametrize("url", ["", "a.wav", "http://", "http://[::1", "http://a:99999999/", "javascript:1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        Guard().check_url(url)
