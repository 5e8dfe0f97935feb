"""Who does not want to be collected: by robots.txt, `noai`, a reservation of data mining or of training.

Reference:
    RFC 9309 (robots.txt); https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/ (TDMRep);
    https://datatracker.ietf.org/doc/draft-ietf-aipref-attach/ (Content-Usage).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from leitmotif.collection.bounded_socket import Deadline
from leitmotif.collection.errors import CollectError, Gone, HostStopped, Refused, Unavailable
from leitmotif.collection.fetch.connections import Connections, check_status
from leitmotif.collection.fetch.preferences import training_allowed
from leitmotif.collection.fetch.robots import Rules, covers, normal_path, normal_pattern, read_robots
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
# Sites put scripts of a megabyte before the elements of a head.
_HEAD_BYTES = 8 << 20
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
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if (rule := policy.rules.against(path)) is not None:
            raise Refused(f"robots.txt of {parts.hostname} disallows {rule[:100]!r}; {ADVICE}")
        if (usage := policy.rules.reserves(path)) is not None:
            raise Refused(f"robots.txt of {parts.hostname} reserves training ({usage}); {ADVICE}")
        place = normal_path(path)
        matching = [(len(rule), reserves) for rule, reserves in policy.reserved if covers(rule, place)]
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
            if len(self._asking) >= MAX_HOSTS:  # those that do not answer among them
                for by_host in (self._policies, self._failed, self._asking):
                    by_host.clear()
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
            self._policies[origin] = policy
            return policy

    def _reservations(self, origin: str) -> tuple[tuple[str, bool], ...]:
        text = self._text(f"{origin}/.well-known/tdmrep.json", missing=_is_missing)
        if len(text.encode()) >= MAX_BYTES and text.lstrip().startswith(("[", "{")):
            return (("/", True),)  # cut off: what it reserves cannot be told
        return _reservations(text)

    def _text(self, url: str, missing: Callable[[int], bool] = lambda status: False) -> str:
        """Return a file that a host may have; an empty one where it has none (RFC 9309, 2.3.1.3).

        Args:
            url: Where it would be.
            missing: Which other statuses than 4xx mean that there is none.
        """
        deadline = Deadline(MAX_S, said=f"{url[:200]} took longer than {MAX_S:g} s", check=self._check)
        try:
            with self._connections.ask(url, deadline, alone=True) as (answer, final):
                if missing(answer.status):
                    return ""
                check_status(answer, final)
                data = b""
                while len(data) < MAX_BYTES and (piece := answer.read_chunk(MAX_BYTES - len(data))):
                    data += piece
                return _decoded(data)
        except (Gone, Refused):
            return ""  # a place that may not be asked is refused when the file itself is asked for


def _is_missing(status: int) -> bool:
    """Tell whether a host has no tdmrep.json; those that have none answer all kinds of errors."""
    return status >= 400 and status != 429


def _decoded(data: bytes) -> str:
    """Return the text of a file; some editors write UTF-16."""
    utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return data.decode("utf-16" if utf_16 else "utf-8-sig", errors="replace")


def refuse_reserved(url: str, headers: Message) -> None:
    """Let an answer pass whose headers reserve nothing.

    Args:
        url: Where it came from.
        headers: Its headers; each may come more than once.

    Raises:
        Refused: `X-Robots-Tag` says noai or noimageai to all or to us, `tdm-reservation` is 1, or
            `Content-Usage` or `Content-Signal` reserves training.
    """
    refuse_tags(url, _all(headers, "X-Robots-Tag"))
    refuse_reservation(url, _all(headers, "tdm-reservation"))
    for name in ("Content-Usage", "Content-Signal"):
        if training_allowed(",".join(_all(headers, name))) is False:
            raise Refused(f"{url[:200]} reserves training ({name}); {ADVICE}")


def _all(headers: Message, name: str) -> list[str]:
    return [str(value) for value in headers.get_all(name) or ()]


def refuse_reservation(url: str, values: Iterable[str]) -> None:
    """Let pass what no `tdm-reservation` reserves.

    Raises:
        Refused: One of the values is 1.
    """
    if any(value.partition(";")[0].strip() == "1" for text in values for value in text.split(",")):
        raise Refused(f"{url[:200]} reserves text and data mining (tdm-reservation: 1); {ADVICE}")


def refuse_tags(url: str, tags: Iterable[str]) -> None:
    """Let pass what no tag for robots reserves.

    Args:
        url: Where they came from.
        tags: Such as "noindex" or "somebot: noai".

    Raises:
        Refused: One says noai or noimageai to all or to us.
    """
    for tag in tags:
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
            refuse_tags(url, [content])
        elif name == "tdm-reservation":
            refuse_reservation(url, [content])


def _reservations(text: str) -> tuple[tuple[str, bool], ...]:
    """Return (pattern, whether it is reserved) of each entry of a tdmrep.json that makes sense."""
    try:
        entries: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    said = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return tuple(
        (normal_pattern(entry["location"]), entry.get("tdm-reservation") in (1, "1"))
        for entry in said
        if isinstance(entry.get("location"), str) and entry.get("tdm-reservation") in (0, 1, "0", "1")
    )
