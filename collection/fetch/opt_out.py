"""Who does not want to be collected: by robots.txt, `noai`, or a reservation of text and data mining.

Reference:
    RFC 9309 (robots.txt); https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/ (TDMRep).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import CollectError, Gone, HostStopped, Refused, Unavailable
from leitmotif.collection.fetch.connections import Connections, check_status
from leitmotif.collection.fetch.robots import Rules, covers, read_robots
from leitmotif.collection.settings import USER_AGENT

AGENT = USER_AGENT.partition("/")[0]
# What RFC 9309 asks a reader to take at least.
MAX_BYTES = 500 << 10
MAX_S = 30.0
# A host whose robots.txt cannot be had for the moment is asked again after this long.
RETRY_S = 60.0
MAX_HOSTS = 4096
ADVICE = "with its owner's permission use --ignore-robots"
_RESERVED = frozenset({"noai", "noimageai"})
_VALUED = re.compile(r"unavailable_after|max-[a-z-]+")  # directives with a colon, as names of agents have
_HEAD_BYTES = 1 << 17
_META = re.compile(rb"<meta\s[^<>]{1,2000}>", re.I)
_ATTRIBUTE = re.compile(rb"""\b(name|content)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.I)


@dataclass(frozen=True)
class _Policy:
    """What a host says: rules of its robots.txt, and paths whose mining it reserves."""

    rules: Rules
    reserved: tuple[tuple[str, bool], ...]


class OptOut:
    """Asks each host once what it does not want; used by all threads."""

    def __init__(self, connections: Connections, check: Callable[[], object] = lambda: None) -> None:
        """Ask nobody yet.

        Args:
            connections: What to ask over.
            check: Called while a host is waited for; what it raises ends that.
        """
        self._connections, self._check = connections, check
        self._policies: dict[str, _Policy] = {}
        self._failed: dict[str, tuple[float, CollectError]] = {}
        self._asking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def check(self, url: str) -> None:
        """Let an address pass that its host leaves open to us.

        Raises:
            Refused: Its robots.txt disallows it, or the host reserves it from mining (tdmrep.json).
            Unavailable: The host does not say for the moment.
            HostStopped: It limits us for longer than a run may wait.
        """
        parts = urlsplit(url)
        policy = self._policy(f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}")
        path = unquote(parts.path or "/") + (f"?{unquote(parts.query)}" if parts.query else "")
        if (rule := policy.rules.against(path)) is not None:
            raise Refused(f"robots.txt of {parts.hostname} disallows {rule[:100]!r}; {ADVICE}")
        matching = [(len(place), reserves) for place, reserves in policy.reserved if covers(place, path)]
        if matching and max(matching)[1]:
            raise Refused(f"{parts.hostname} reserves text and data mining (tdmrep.json); {ADVICE}")

    def delay_s(self, url: str) -> float:
        """Return the pause that the robots.txt of a host asks for, as far as it is known; 0 for none."""
        parts = urlsplit(url)
        policy = self._policies.get(f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}")
        return policy.rules.delay_s if policy else 0.0

    def _policy(self, origin: str) -> _Policy:
        if (policy := self._policies.get(origin)) is not None:
            return policy
        with self._lock:
            asking = self._asking.setdefault(origin, threading.Lock())
        with asking:
            if (policy := self._policies.get(origin)) is not None:
                return policy
            failed_s, error = self._failed.get(origin, (-RETRY_S, None))
            if error is not None and time.monotonic() - failed_s < RETRY_S:
                raise type(error)(str(error))
            try:
                rules = read_robots(self._text(f"{origin}/robots.txt"), AGENT)
                policy = _Policy(rules, self._reservations(origin))
            except (Unavailable, HostStopped) as found:
                # A wait is reported once; later items of the host only hear that it does not answer.
                self._failed[origin] = (time.monotonic(), type(found)(str(found)))
                raise
            if len(self._policies) >= MAX_HOSTS:
                for by_host in (self._policies, self._failed, self._asking):
                    by_host.clear()
            self._policies[origin] = policy
            return policy

    def _reservations(self, origin: str) -> tuple[tuple[str, bool], ...]:
        try:
            return _reservations(self._text(f"{origin}/.well-known/tdmrep.json"))
        except Unavailable:
            return ()  # hosts that have none answer all kinds of errors

    def _text(self, url: str) -> str:
        """Return a file that a host may have; an empty one where it has none (RFC 9309, 2.3.1.3)."""
        deadline = Deadline(MAX_S, said=f"{url[:200]} took longer than {MAX_S:g} s", check=self._check)
        try:
            with self._connections.ask(url, deadline, alone=True) as (answer, final):
                check_status(answer, final)
                data = b""
                while len(data) < MAX_BYTES and (piece := answer.read_chunk(MAX_BYTES - len(data))):
                    data += piece
                return data.decode("utf-8", errors="replace")
        except (Gone, Refused):
            return ""  # a place that may not be asked is refused when the file itself is asked for


def refuse_reserved(url: str, *, robots_tags: Iterable[str], reservation: str | None) -> None:
    """Let an answer pass whose headers reserve nothing.

    Args:
        url: Where it came from.
        robots_tags: Each `X-Robots-Tag` header, such as "noindex" or "somebot: noai".
        reservation: The `tdm-reservation` header.

    Raises:
        Refused: A tag says noai or noimageai to all or to us, or the reservation is 1.
    """
    if (reservation or "").strip() == "1":
        raise Refused(f"{url[:200]} reserves text and data mining (tdm-reservation: 1); {ADVICE}")
    for tag in robots_tags:
        agent = ""
        for word in tag.lower().split(","):
            named, colon, directive = (part.strip() for part in word.partition(":"))
            if colon and _VALUED.fullmatch(named) is None:
                agent = named
            elif not colon:
                directive = named
            if directive in _RESERVED and agent in ("", "*", AGENT):
                raise Refused(f"{url[:200]} says {directive} to robots; {ADVICE}")


def refuse_reserved_page(url: str, page: bytes) -> None:
    """Let a web page pass whose `meta` elements reserve nothing; they say the same as headers.

    Raises:
        Refused: One says noai or noimageai to all or to us, or reserves text and data mining.
    """
    for element in _META.findall(page[:_HEAD_BYTES]):
        facts = {
            name.decode().lower(): value.strip(b"\"'").decode(errors="replace")
            for name, value in _ATTRIBUTE.findall(element)
        }
        name, content = facts.get("name", "").lower(), facts.get("content", "")
        if name in ("robots", AGENT):
            refuse_reserved(url, robots_tags=[content], reservation=None)
        elif name == "tdm-reservation":
            refuse_reserved(url, robots_tags=(), reservation=content)


def _reservations(text: str) -> tuple[tuple[str, bool], ...]:
    """Return (path, whether it is reserved) of each entry of a tdmrep.json; of anything else, none."""
    try:
        entries: Any = json.loads(text)
        return tuple(
            (unquote(str(entry["location"])), int(entry["tdm-reservation"]) == 1)
            for entry in entries
            if "location" in entry and "tdm-reservation" in entry
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()
