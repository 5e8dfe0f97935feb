"""Read a robots.txt: RFC 9309, the slips that other readers forgive, and preferences about training.

The longest rule wins, with `*` and `$`, which urllib's parser lacks. Misspelt and colonless lines count, as
they do for Google and for Scrapy's reader Protego: whoever wrote them wanted something kept out. (Protego
itself knows no rules of usage, and takes `leitmotif-collect/2.0` for another robot than
`leitmotif-collect`.)

Reference:
    RFC 9309; https://developers.google.com/search/docs/crawling-indexing/robots/robots_txt;
    draft-ietf-aipref-attach (Content-Usage); https://contentsignals.org (Content-Signal).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from leitmotif.collection.fetch.preferences import training_allowed
from leitmotif.collection.header_numbers import decimal_number

AGENT, ALLOW, DISALLOW, DELAY = "user-agent", "allow", "disallow", "crawl-delay"
USAGES = ("content-usage", "content-signal")
_NAMES = {
    **dict.fromkeys(("user-agent", "useragent", "user agent"), AGENT),
    "allow": ALLOW,
    **dict.fromkeys(("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"), DISALLOW),
    **dict.fromkeys(("crawl-delay", "crawl delay"), DELAY),
    **{name: name for name in USAGES},
}
# Whose values may hold colons, so that they must not be read as names without one.
_PASSED_OVER = frozenset(("sitemap", "sitemaps", "site-map", "host"))
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


@dataclass
class _Group:
    """What is said to the agents of one name.

    Attributes:
        rules: (pattern, whether it is allowed, as it was written).
        usages: (name of the rule, pattern, whether training is allowed).
        delays_s: Seconds between two requests.
    """

    rules: list[tuple[str, bool, str]] = field(default_factory=list)
    usages: list[tuple[str, str, bool]] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Rules:
    """What a robots.txt says to one agent.

    Attributes:
        rules: (pattern with `*` and `$`, whether it is allowed, as it was written).
        usages: (name of the rule, pattern, whether training on what lies there is allowed).
        delay_s: Seconds between two requests (Crawl-delay); 0 where it says none.
    """

    rules: tuple[tuple[str, bool, str], ...] = ()
    usages: tuple[tuple[str, str, bool], ...] = ()
    delay_s: float = 0.0

    def against(self, path: str) -> str | None:
        """Return the rule that disallows a path (with its query), None where it is allowed."""
        place = normal_path(path)
        fitting = [(len(rule), allowed, said) for rule, allowed, said in self.rules if covers(rule, place)]
        best = max(fitting, key=lambda found: found[:2], default=(0, True, ""))
        return None if best[1] else best[2]

    def reserves(self, path: str) -> str | None:
        """Return the rule by which what lies at a path is not to be trained on, None where there is none.

        Of rules of one name the longest counts, and of equals the one that reserves.
        """
        place = normal_path(path)
        for name in USAGES:
            fitting = [
                (len(rule), not allowed)
                for usage, rule, allowed in self.usages
                if usage == name and covers(rule, place)
            ]
            if max(fitting, default=(0, False))[1]:
                return name.title()
        return None


def read_robots(text: str, agent: str) -> Rules:
    """Return the rules for an agent: of the groups that name it, else of those for `*`.

    Args:
        text: The file; lines that make no sense are passed over.
        agent: Product token, such as "leitmotif-collect".
    """
    agent = agent.lower()
    groups: dict[str, _Group] = {}
    # Groups that the lines at hand belong to. (Only those that may be the agent's are kept: a file can name
    # thousands of others, and each would take every rule.)
    named: set[str] = set()
    in_rules = False
    for line in text.removeprefix("\ufeff").splitlines():
        name, value = _directive(line.partition("#")[0].strip())
        if name == AGENT:
            named = set() if in_rules else named
            in_rules = False
            if (token := _fitting(value, agent)) is not None:
                named.add(token)
                groups.setdefault(token, _Group())
        elif name is not None:
            in_rules = True
            for token in named:
                _add(groups[token], name, value)
    group = groups[max(groups, key=len)] if groups else _Group()
    return Rules(tuple(group.rules), tuple(group.usages), max(group.delays_s, default=0.0))


def _directive(line: str) -> tuple[str | None, str]:
    """Return the name of a line, in its one spelling, and its value; no name where it is of no use here."""
    before, colon, after = line.partition(":")
    name = before.strip().lower()
    if colon and name in _NAMES:
        return _NAMES[name], after.strip()
    if (colon and (not after or after[0].isspace())) or name in _PASSED_OVER:
        return None, ""
    words = line.split(None, 2)
    for number in (1, 2):
        if (name := " ".join(words[:number]).lower()) in _NAMES:
            return _NAMES[name], line.split(None, number)[number] if len(words) > number else ""
    return None, ""


def _fitting(value: str, agent: str) -> str | None:
    """Return the name that a user-agent line has for an agent: "*", all of its own, or its beginning."""
    whole = value.strip().lower()
    if whole == "*":
        return whole
    token = whole.replace("*", "").partition("/")[0].strip()
    return token if token and f"{agent}-".startswith(f"{token.rstrip('-')}-") else None


def _add(group: _Group, name: str, value: str) -> None:
    if name == DELAY:
        if (delay_s := decimal_number(value)) is not None:
            group.delays_s.append(delay_s)
    elif name in USAGES:
        # The path may be left out.
        has_path = value.startswith(("/", "*"))
        path, *preferences = value.split(None, 1) if has_path else ("/", value)
        if (allowed := training_allowed("".join(preferences))) is not None:
            group.usages.append((name, normal_pattern(path), allowed))
    elif value:
        group.rules.append((normal_pattern(value), name == ALLOW, value))
        if "$" in value:  # is meant as the letter, too
            group.rules.append((normal_pattern(value.replace("$", "%24")), name == ALLOW, value))


def normal_path(path: str) -> str:
    """Return a path with its query in the one spelling in which it is compared (RFC 9309, 2.2.2)."""
    place, query, words = _normal(path.partition("#")[0], kept=b"/%").partition("%3F")
    if "/." in place:  # servers take `/open/../private` for `/private`
        place = posixpath.normpath(place) + ("/" if place.endswith(("/", "/.", "/..")) else "")
    return f"{'' if place.startswith('/') else '/'}{place}{query}{words}"


def normal_pattern(pattern: str) -> str:
    """Return the path of a rule in that spelling; `*`, and `$` at the end, keep their meaning."""
    ends = pattern.endswith("$")
    return _normal(pattern.removesuffix("$"), kept=b"/%*") + ("$" if ends else "")


def _normal(text: str, kept: bytes) -> str:
    """Decode what need not be encoded, and encode what must be; escapes of the letters in `kept` stay."""

    def decoded(escape: re.Match[bytes]) -> bytes:
        letter = bytes.fromhex(escape[1].decode())
        return escape[0].upper() if letter in kept else letter

    plain = _ESCAPE.sub(decoded, text.encode("utf-8", "surrogateescape"))
    return quote(plain, safe=kept + b"=")


def covers(pattern: str, path: str) -> bool:
    """Tell whether a pattern matches a path from its start; `*` is anything, `$` at the end is the end."""
    ends = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not rest:
        return not ends or path == first
    place = len(first)
    for piece in rest[:-1]:
        found = path.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    if ends:
        return len(path) - len(rest[-1]) >= place and path.endswith(rest[-1])
    return path.find(rest[-1], place) >= 0
