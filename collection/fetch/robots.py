"""Read a robots.txt by RFC 9309: the longest rule wins, with `*` and `$`, which urllib's parser lacks."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True)
class Rules:
    """What a robots.txt says to one agent.

    Attributes:
        rules: (path with `*` and `$`, whether it is allowed).
        delay_s: Seconds between two requests (Crawl-delay); 0 where it says none.
    """

    rules: tuple[tuple[str, bool], ...] = ()
    delay_s: float = 0.0

    def against(self, path: str) -> str | None:
        """Return the rule that disallows a path (decoded, with its query), None where it is allowed."""
        best: tuple[int, bool, str] | None = None
        for pattern, allowed in self.rules:
            found = (len(pattern.encode()), allowed, pattern)  # octets, RFC 9309 2.2.2
            if (best is None or found[:2] > best[:2]) and covers(pattern, path):
                best = found
        return None if best is None or best[1] else best[2]


def read_robots(text: str, agent: str) -> Rules:
    """Return the rules for an agent: of the groups that name it, else of those for `*`.

    Args:
        text: The file; lines that make no sense are passed over.
        agent: Product token, such as "leitmotif-collect".
    """
    groups: dict[str, tuple[list[tuple[str, bool]], list[float]]] = {}
    agents: list[str] = []
    in_rules = False
    for line in text.splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon:
            continue
        if name == "user-agent":
            agents = [*([] if in_rules else agents), value.partition("/")[0].strip().lower()]
            in_rules = False
            groups.setdefault(agents[-1], ([], []))
        elif name in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for rules, delays in (groups[known] for known in agents):
                if name != "crawl-delay" and value:
                    rules.append((unquote(value), name == "allow"))
                elif name == "crawl-delay" and value.replace(".", "", 1).isdigit():
                    delays.append(float(value))
    rules, delays = groups.get(agent.lower()) or groups.get("*") or ([], [])
    return Rules(tuple(rules), max(delays, default=0.0))


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
