"""What people write around a clip: title, description, comments and tags, with the noise of real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np

from leitmotif.demo.words import ARTIST_FIRST, ARTIST_SECOND, HANDLES, MOOD_WORDS

_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "static-cover": ("(Official Audio)", "[Audio]", "(Full Track)", ""),
    "slideshow": ("(Official Audio)", "", "(with pictures)"),
    "slow-zoom": ("(Visualizer)", "(Official Visualiser)", ""),
    "lyrics": ("(Lyrics)", "(Lyric Video)", "[Lyrics on screen]"),
    "kinetic-text": ("(Official Lyric Video)", "(Lyric Video)"),
    "performance": ("(Live Session)", "(Live)", "(Acoustic Session)", "(Live at the Small Stage)"),
}
_FILM_SUFFIXES = ("(Official Video)", "(Official Music Video)", "[OFFICIAL VIDEO]", "(Music Video) HD", "")

_NOISE = (
    "Subscribe and hit the bell so you never miss a video!",
    "Stream it everywhere: https://links.example/{slug}",
    "► Follow us: https://social.example/{slug} | https://shop.example/{slug}",
    "Merch, tour dates and mailing list -> https://{slug}.example",
    "Directed by the band. Edited on a very old laptop.",
    "Camera: {credit} / Colour: {credit2} / Thanks to everybody who came out in the cold.",
    "Mixed and mastered at Room Nine. Produced by {credit}.",
    "℗ & © {year} Small Hours Records. All rights reserved.",
    "For licensing write to booking@{slug}.example",
    "Don't forget to LIKE, COMMENT and SHARE!!! 🔥🔥🔥",
    "00:00 Intro\n00:08 Verse\n00:15 Chorus",
    "This video is sponsored by nobody, but you can buy us a coffee: https://coffee.example/{slug}",
)
_PRAISE = (
    "this deserves a million views",
    "who is listening in {year}?",
    "first!!",
    "0:07 gives me goosebumps every time",
    "came here from the radio, staying for the whole album",
    "my cat stopped to listen to this",
    "check out my channel for covers, link in bio https://video.example/c/{slug}",
    "underrated.",
    "can somebody post the chords please",
    "the mix is so clean on headphones",
    "saw them live last year, unreal",
    "anyone know the name of the place where this was filmed?",
    "❤️❤️❤️",
)
_LICENSES = ("Creative Commons Attribution license (reuse allowed)", "CC BY-NC-SA 4.0", "CC0 1.0")


def draw_artists(count: int, rng: np.random.Generator) -> list[str]:
    """Draw invented artist names, all different."""
    total = len(ARTIST_FIRST) * len(ARTIST_SECOND)
    if count > total:
        raise ValueError(f"got {count} artists; the word lists make {total} at most")
    picks = rng.permutation(total)[:count]
    return [
        f"{ARTIST_FIRST[p % len(ARTIST_FIRST)]} {ARTIST_SECOND[p // len(ARTIST_FIRST)]}"
        for p in map(int, picks)
    ]


def draw_title(valence: float, arousal: float, rng: np.random.Generator) -> str:
    """Draw a song title; the words mostly fit the mood."""
    corner = (valence >= 0, arousal >= 0) if rng.random() < 0.8 else (rng.random() < 0.5, rng.random() < 0.5)
    first, second = MOOD_WORDS[(bool(corner[0]), bool(corner[1]))]
    return f"{first[int(rng.integers(0, len(first)))]} {second[int(rng.integers(0, len(second)))]}"


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(0, len(choices)))]


def _fill(text: str, rng: np.random.Generator, artist: str, year: int) -> str:
    return text.format(
        slug=artist.lower().replace(" ", ""),
        year=year,
        credit=_pick(rng, HANDLES),
        credit2=_pick(rng, HANDLES),
    )


def _about(
    rng: np.random.Generator,
    title: str,
    artist: str,
    genre: str | None,
    moods: Sequence[str],
    instruments: Sequence[str],
) -> str:
    """Write one or two sentences that tell part of the truth about the music."""
    mood = f"{moods[0]} " if moods and rng.random() < 0.6 else ""
    style = f"{genre} " if genre and rng.random() < 0.65 else ""
    opening = _pick(
        rng,
        ("A {0}{1}song by {2}.", "{2} with a {0}{1}track from the new record.", "“{3}”, {0}{1}tune, {2}."),
    )
    text = opening.format(mood, style, artist, title)
    if instruments and rng.random() < 0.5:
        text += f" Featuring {' and '.join(instruments[:2])}."
    return text


def _comments(
    rng: np.random.Generator, artist: str, year: int, moods: Sequence[str], instruments: Sequence[str]
) -> list[dict[str, str]]:
    told = [f"such a {mood} song" for mood in moods[:2]] + [f"that {name} part!" for name in instruments[:2]]
    texts = [str(text) for text in rng.permutation([*_PRAISE, *told])][: int(rng.integers(0, 16))]
    return [{"author": _pick(rng, HANDLES), "text": _fill(text, rng, artist, year)} for text in texts]


def describe_clip(
    name: str,
    *,
    title: str,
    artist: str,
    kind: str,
    duration_s: float,
    genre: str | None,
    moods: Sequence[str],
    instruments: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, object]:
    """Write the sidecar of a clip, in yt-dlp's field names.

    Args:
        name: Id of the clip, and the name of its file without the ending.
        title: The song's.
        artist: The song's.
        kind: Kind of picture; the title says "Lyric Video" and the like.
        duration_s: Length.
        genre: Genre label of the music, or None.
        moods: Mood labels of the music, the nearest first.
        instruments: Instruments of the music, the loudest first.
        rng: Draws what is said and what is left out.

    Returns:
        Plain values, ready for JSON. The key `license` is missing where nothing is known.
    """
    uploaded = date(2019, 1, 1) + timedelta(days=int(rng.integers(0, 2200)))
    channel = artist if rng.random() < 0.75 else f"{_pick(rng, HANDLES)} music"
    tags = [tag for tag in (genre, *moods[:2], *instruments[:2]) if tag and rng.random() < 0.5]
    tags += [tag for tag in ("music", "new song", "official", artist.lower()) if rng.random() < 0.5]
    noise = [str(line) for line in rng.permutation(_NOISE)][: int(rng.integers(2, 6))]
    lines = [_about(rng, title, artist, genre, moods, instruments)] if rng.random() < 0.85 else []
    lines += [_fill(line, rng, artist, uploaded.year) for line in noise]
    lines.append(" ".join("#" + tag.replace(" ", "") for tag in [*tags[:3], "music"]))
    info: dict[str, object] = {
        "id": name,
        "title": f"{artist} - {title} {_pick(rng, _SUFFIXES.get(kind, _FILM_SUFFIXES))}".strip(),
        "uploader": channel,
        "channel": channel,
        "artist": artist,
        "track": title,
        "description": "\n\n".join(lines),
        "comments": _comments(rng, artist, uploaded.year, moods, instruments),
        "webpage_url": f"https://video.example/watch?v={name}",
        "extractor": "demo",
        "upload_date": uploaded.strftime("%Y%m%d"),
        "duration": round(duration_s, 3),
        "tags": tags,
        "categories": ["Music"],
        "view_count": int(10 ** rng.uniform(2, 6)),
    }
    if rng.random() < 0.6:
        info["license"] = _pick(rng, _LICENSES)
    return info


def describe_copy(info: Mapping[str, object], name: str, rng: np.random.Generator) -> dict[str, object]:
    """Describe a clip that somebody else uploaded again under another name: its sidecar."""
    uploader = f"{_pick(rng, HANDLES)} archive"
    ending = _pick(rng, ("[HD]", "(reupload)", "HQ", "*best quality*"))
    return {
        **info,
        "id": name,
        "title": f"{info['title']} {ending}",
        "uploader": uploader,
        "channel": uploader,
        "description": "I do not own this. All rights belong to the artist.\nSubscribe for more!",
        "comments": [{"author": _pick(rng, HANDLES), "text": "the original has better sound"}],
        "webpage_url": f"https://video.example/watch?v={name}",
    }
