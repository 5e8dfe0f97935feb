"""What a page shows of one clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leitmotif.reports.media_preview import encode_thumbnail
from leitmotif.reports.naming import moment_text, name_of
from leitmotif.taxonomy.labels import TAG_KINDS


@dataclass(frozen=True)
class Media:
    """Small pieces of a clip that a page carries in itself.

    Attributes:
        sound: A short piece as a data URI, None where it has no sound.
        pictures: Small key frames as data URIs, each after the time at which it is shown: seconds from the
            start of the clip, None where that is not known.
        note: What there is to say of them, such as why there is none.
    """

    sound: str | None = None
    pictures: tuple[tuple[float | None, str], ...] = ()
    note: str = ""


@dataclass(frozen=True)
class GalleryItem:
    """A clip as the page shows it.

    Attributes:
        fate: What became of it.
        group: "random", "best" or "worst" of a kept clip; of the others the rule, or the stage that failed.
        row: The clip's row without media, and the `split` that it belongs to, where there is one.
        media: Picture and sound.
        why: Why it was left out.
    """

    fate: Literal["kept", "rejected", "quarantined"]
    group: str
    row: Mapping[str, Any]
    media: Media = field(default_factory=Media)
    why: str = ""


def show_pictures(
    frames: Sequence[tuple[float | None, bytes]],
) -> tuple[tuple[float | None, str], ...]:
    """Return key frames small, each with its time; bytes that are no picture are left out."""
    return tuple((time_s, uri) for time_s, jpeg in frames if (uri := encode_thumbnail(jpeg)))


def label(exhibit: GalleryItem) -> dict[str, Any]:
    """Return what the page shows of a clip, by the names that its template uses."""
    row, media = exhibit.row, exhibit.media
    start_s = row.get("start_s") or 0.0
    return {
        **{name: row.get(name) for name in ("artist", "clip_id", "split", "license", "caption")},
        "name": name_of(row),
        "file": row.get("source") or row.get("source_id"),
        "fate": exhibit.fate,
        "group": exhibit.group,
        "why": exhibit.why,
        "note": media.note,
        "sound": media.sound,
        "pictures": [
            {"uri": uri, "time": "" if time_s is None else moment_text(start_s + time_s)}
            for time_s, uri in media.pictures
        ],
        "facts": _facts(row),
        "tags": [tag for kind in TAG_KINDS for tag in row.get(kind) or []],
    }


def _facts(row: Mapping[str, Any]) -> list[str]:
    tempo, start_s = row.get("tempo_bpm"), row.get("start_s")
    facts = [
        f"from {moment_text(start_s)}" if start_s else None,
        f"{row['duration_s']:.1f} s" if row.get("duration_s") is not None else None,
        f"{tempo:.0f} BPM ({row.get('tempo_class')})" if tempo is not None else None,
        row.get("key"),
        f"voice score {row['vocal_score']:.2f}" if row.get("vocal_score") is not None else None,
        f"quality score {row['pam_score']:.3f}" if row.get("pam_score") is not None else None,
    ]
    return [fact for fact in facts if fact]
