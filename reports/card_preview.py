"""What a data card shows of a dataset at once: key frames of a few clips on one sheet, and one sound."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import soundfile
from PIL import Image

from leitmotif.reports.gallery import choose, open_rows
from leitmotif.reports.media_preview import open_small, read_middle
from leitmotif.reports.naming import name_of
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.layout import PREVIEW

SHEET, SOUND = f"{PREVIEW}/frames.jpg", f"{PREVIEW}/sound.mp3"
CLIPS = 4
FRAMES = 4
CELL = (240, 135)
GAP = 6
SECONDS = 10.0


@dataclass(frozen=True)
class Preview:
    """The files of a preview, and what they show.

    Attributes:
        files: Path in the dataset's folder → bytes; what a dataset has not is not there.
        names: The clips of the sheet, a line each, from above.
        heard: The clip that sounds, by name.
        caption: Caption of the clip that sounds.
    """

    files: Mapping[str, bytes]
    names: tuple[str, ...] = ()
    heard: str | None = None
    caption: str | None = None


def draw_preview(published: Dataset) -> Preview:
    """Return the preview of a dataset: the clips that its report shows first, read from its rows."""
    scores, read = open_rows(published)
    chosen = choose(scores)
    places = [*chosen["best"], *chosen["random"], *chosen["worst"]][:CLIPS]
    rows = [read(place) for place in places]
    files: dict[str, bytes] = {}
    seen = [(row, pictures) for row in rows if (pictures := _pictures(row))]
    if seen:
        files[SHEET] = draw_sheet([pictures for _, pictures in seen])
    heard = None
    # One that is seen, where there is one: picture and sound of the same kind.
    for row in [*(row for row, _ in seen), *rows]:
        if sound := encode_sound((row.get("audio") or {}).get("bytes") or b""):
            heard, files[SOUND] = row, sound
            break
    return Preview(
        files,
        tuple(name_of(row) for row, _ in seen),
        name_of(heard) if heard else None,
        heard.get("caption") if heard else None,
    )


def _pictures(row: Mapping[str, Any]) -> list[Image.Image]:
    """Return some key frames of a row, small; bytes that are no picture are left out."""
    frames = row.get("frames") or []
    found = []
    for frame in frames[:: max(1, len(frames) // FRAMES)][:FRAMES]:
        if (picture := open_small((frame or {}).get("bytes") or b"", CELL)) is not None:
            found.append(picture)
    return found


def draw_sheet(clips: Sequence[Sequence[Image.Image]]) -> bytes:
    """Return a contact sheet as JPEG: a line for each clip, some of its pictures beside each other.

    Args:
        clips: The pictures of each clip, none larger than `CELL`.
    """
    width, height = CELL
    size = FRAMES * (width + GAP) - GAP, len(clips) * (height + GAP) - GAP
    sheet = Image.new("RGB", size, "white")
    for line, pictures in enumerate(clips):
        for place, small in enumerate(pictures):
            left = place * (width + GAP) + (width - small.width) // 2
            sheet.paste(small, (left, line * (height + GAP) + (height - small.height) // 2))
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue()


def encode_sound(recording: bytes) -> bytes | None:
    """Return up to ten seconds from the middle of a recording as MP3, which every browser plays.

    None where the bytes are no sound.
    """
    excerpt = read_middle(recording, SECONDS)
    if excerpt is None:
        return None
    samples, rate_hz = excerpt
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    return out.getvalue()


def card_facts(preview: Preview) -> dict[str, Any]:
    """Return what the card's template says of a preview."""
    return {
        "sheet": SHEET if SHEET in preview.files else None,
        "sound": SOUND if SOUND in preview.files else None,
        "names": preview.names,
        "heard": preview.heard,
        "caption": preview.caption,
    }
