"""Which of the videos that a search found is the official music video of a song, and why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leitmotif.collection.errors import Refused
from leitmotif.shards.texts import normalized

# Other uploads of a song, by what their titles say; each unless the song's own title says it.
_OTHERS = {
    "a lyric video": r"lyrics?|letra|paroles|lyric video",
    "sound alone": r"(?:official )?audio|visuali[sz]er|art track|full album",
    "a live recording": r"live|concert|unplugged|tiny desk|session|acoustic|en vivo",
    "a cover": r"cover(?:ed)?|tribute|piano version|guitar lesson|tutorial|drum cam",
    "karaoke": r"karaoke|instrumental|backing track|sing.?along",
    "another mix": r"remix|mashup|sped.?up|slowed|reverb|nightcore|8d|bass boosted|1 hour",
    "about the song": r"reaction|review|explained|behind the scenes|making of|teaser|trailer|interview",
}
_OFFICIAL = re.compile(r"official (?:music |hd |4k )?video|official mv|\bm/?v\b", re.I)
_FEATURED = re.compile(r"\b(?:feat|ft|featuring)\b.*")
# A music video may have an opening and an ending that the song has not.
SHORTER_S, LONGER_S, LONGER_SHARE = 15.0, 90.0, 0.4
# Where the song's length is not known: what music videos last.
PLAUSIBLE_S = (60.0, 900.0)


@dataclass(frozen=True)
class Match:
    """The video that was chosen.

    Attributes:
        url: Address of the video's page.
        reasons: Why it, and why the others not.
    """

    url: str
    reasons: tuple[str, ...]


def choose(
    found: Sequence[dict[str, Any]], *, artist: str, title: str, duration_s: float | None = None
) -> Match:
    """Choose the official video among search results.

    Args:
        found: Yt-dlp's fields of each result, best first: url, title, channel, duration, channel_is_verified.
        artist: Who plays.
        title: Name of the song.
        duration_s: Length of the song.

    Returns:
        The best of those that nothing speaks against; of equals, the one that the site puts first.

    Raises:
        Refused: Something speaks against each; the text says what.
    """
    best: tuple[int, dict[str, Any], list[str]] | None = None
    against: list[str] = []
    for video in found:
        shown = repr(str(video.get("title") or "")[:80])
        if faults := _faults(video, artist, title, duration_s):
            against.append(f"not {shown}: {', '.join(faults)}")
            continue
        merits = _merits(video, artist)
        if best is None or len(merits) > best[0]:
            best = (len(merits), video, [f"chosen {shown}: {', '.join(merits) or 'nothing against it'}"])
    if best is None:
        raise Refused(f"no official video found for {artist} - {title}; {'; '.join(against) or 'no results'}")
    return Match(str(best[1].get("url") or best[1].get("webpage_url")), (*best[2], *against))


def _faults(video: dict[str, Any], artist: str, title: str, duration_s: float | None) -> list[str]:
    words = _plain(video.get("title"))
    faults = []
    if not _has(words, title):
        faults.append("its title lacks the song's")
    if not (_has(words, artist) or _has(_plain(video.get("channel") or video.get("uploader")), artist)):
        faults.append("neither title nor channel names the artist")
    rest = words.replace(_plain(title), " ").replace(_plain(artist), " ")
    faults += [kind for kind, pattern in _OTHERS.items() if re.search(rf"\b(?:{pattern})\b", rest)]
    length_s = video.get("duration")
    if isinstance(length_s, int | float):
        least, most = PLAUSIBLE_S
        if duration_s:
            least = duration_s - SHORTER_S
            most = duration_s + max(LONGER_S, LONGER_SHARE * duration_s)
        if not least <= length_s <= most:
            faults.append(f"{length_s:.0f} s long; expected {least:.0f} to {most:.0f}")
    return faults


def _merits(video: dict[str, Any], artist: str) -> list[str]:
    channel = _plain(video.get("channel") or video.get("uploader")).replace(" ", "")
    name = _plain(artist).replace(" ", "")
    merits = []
    if _OFFICIAL.search(str(video.get("title") or "")):
        merits.append("called official")
    if channel in (name, f"{name}vevo", f"{name}official", f"{name}music"):
        merits.append("on the artist's channel")
    if video.get("channel_is_verified"):
        merits.append("channel verified")
    return merits


def same_title(one: str, other: str) -> bool:
    """Tell whether two titles are most likely those of one song; who is featured does not count."""
    first, second = (set(_FEATURED.sub("", _plain(title)).split()) for title in (one, other))
    return bool(first) and len(first & second) >= 0.75 * len(first | second)


def names_artist(credit: str, artist: str) -> bool:
    """Tell whether a credit, which may name several, names an artist."""
    return _has(_plain(credit), artist)


def _has(text: str, wanted: str) -> bool:
    """Tell whether most words of a name are in a text; names are spelt in many ways."""
    words = _plain(wanted).split()
    there = set(text.split()) | {text.replace(" ", "")}
    hits = sum(word in there for word in words)
    joined = "".join(words) in text.replace(" ", "")
    return bool(words) and (joined or hits >= max(1, round(0.75 * len(words))))


def _plain(text: object) -> str:
    """Return a text in lower case, without accents and signs."""
    letters = normalized("NFKD", str(text or "").casefold())
    kept = "".join(
        letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter)
    )
    return " ".join(kept.split())
