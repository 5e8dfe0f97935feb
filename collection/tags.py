"""What the tags inside a media file say of it."""

from __future__ import annotations

import re

from leitmotif.collection.fields import MAX_DESCRIPTION, Fields
from leitmotif.collection.metadata import Metadata
from leitmotif.shards.addresses import public_address
from leitmotif.shards.licenses import UNKNOWN_LICENSE

# A copyright line says who owns a work; it counts as a licence where it names one.
_NAMES_A_LICENSE = re.compile(
    r"creativecommons\.org|\bcc[ -]?(?:0|by|zero)\b|creative commons|public domain|licen[cs]ed? under", re.I
)
_ADDRESS = re.compile(r"https?://\S+", re.I)
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")


def metadata_of_tags(tags: dict[str, str]) -> Metadata:
    """Return the fields that tags fill.

    Args:
        tags: By their names in lower case (`leitmotif.media.tags`); `album_artist`, `ALBUMARTIST` and
            `Album Artist` are one.
    """
    said = Fields({re.sub(r"[\W_]", "", name): value for name, value in tags.items()})
    comment, copyright_line = said.text("comment", most=MAX_DESCRIPTION), said.text("copyright")
    is_address = comment is not None and _ADDRESS.fullmatch(comment.strip())
    address = next(
        (text for name in ("purl", "url", "website") if (text := said.text(name)) and _ADDRESS.match(text)),
        comment.strip() if comment and is_address else None,
    )
    stated = copyright_line if copyright_line and _NAMES_A_LICENSE.search(copyright_line) else None
    code = re.sub(r"[\s-]", "", said.text("isrc", "tsrc") or "").upper()
    return Metadata(
        title=said.text("title"),
        artist=said.text("artist", "artists", "albumartist", "performer"),
        description=said.text("description", "synopsis", most=MAX_DESCRIPTION)
        or (None if is_address else comment),
        source_url=None if address is None else public_address(address),
        license=said.text("license", "licence") or stated or UNKNOWN_LICENSE,
        isrc=code if _ISRC.fullmatch(code) else None,
        recording_id=said.text("musicbrainztrackid"),
    )
