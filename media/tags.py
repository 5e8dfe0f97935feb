"""The tags inside a media file: ID3, Vorbis comments, and those of MP4, Matroska, WAV and the rest."""

from __future__ import annotations

from pathlib import Path

from leitmotif.media.container import open_media

# An album's worth of a tagger's notes; more is no tag, but freight.
_MAX_TAGS, _MAX_LETTERS = 200, 20_000


def read_tags(path: Path) -> dict[str, str]:
    """Return the tags of a file by their names in lower case, as FFmpeg names them.

    Those of the container count before those of its streams (where Ogg has them), sound before picture. Of a
    tag with several values Vorbis comments give all, joined by `;`, ID3 and MP4 the first.

    Args:
        path: A regular file.

    Raises:
        Unreadable: The file cannot be opened.
        NotMedia: It is no media container.
    """
    tags: dict[str, str] = {}
    with open_media(path) as container:
        sound_first = sorted(container.streams, key=lambda stream: stream.type != "audio")
        for part in (container, *sound_first):
            for name, value in part.metadata.items():
                if len(tags) < _MAX_TAGS:
                    tags.setdefault(name.casefold(), value[:_MAX_LETTERS])
    return tags
