"""Picture and sound of clips that were left out: what the workspace stored, else the source itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leitmotif.media import audio
from leitmotif.media.errors import MediaError
from leitmotif.media.key_frames import timed_key_frames
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.pipelines.entries import CatalogEntry, take
from leitmotif.pipelines.ledger import Ledger
from leitmotif.pipelines.stages.frames import unpack_frames
from leitmotif.reports.gallery_item import Media, show_pictures
from leitmotif.reports.media_preview import encode_sound_preview
from leitmotif.shards.frame_names import frame_time_s
from leitmotif.storage.atomic import temporary_folder

FRAMES = 3
SHORT_SIDE = 150
SECONDS = 5.0
# A preview is not worth waiting for a decoder that hangs.
LIMIT_S = 20.0


def show_left_out(ledger: Ledger, rows: Sequence[Mapping[str, Any]]) -> list[Media]:
    """Return picture and sound of clips that were left out.

    What a stage stored of a clip is taken. A clip that was rejected before is read from its source, briefly
    and under a time limit; one that failed is not read again.

    Args:
        ledger: The ledger of the workspace, which has decided.
        rows: Rows of rejected.parquet or quarantine.parquet.
    """
    by_id: dict[str, list[CatalogEntry]] = {}
    for entry in ledger.entries:
        by_id.setdefault(entry.clip_id, []).append(entry)
    # Copies share their id: the row's file is at the end of the path.
    entries = [
        next(
            (entry for entry in by_id[row["clip_id"]] if entry.source.path.endswith(row["source"])),
            by_id[row["clip_id"]][0],
        )
        for row in rows
    ]
    stored = {stage: _stored(stage, entries) for stage in ("audio", "frames")}
    streams = _streams(entries)
    with SandboxedWorker() as worker, temporary_folder("previews") as scratch:
        return [
            _show(entry, worker, scratch, root=ledger.workspace.root, **_of(entry, stored, streams))
            for entry in entries
        ]


def _of(
    entry: CatalogEntry, stored: Mapping[str, Mapping[str, str]], streams: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    found = streams.get(entry.source.media_id or "", {})
    failed = entry.outcome.error is not None
    return {
        "audio_file": stored["audio"].get(entry.clip_id),
        "frames_file": stored["frames"].get(entry.clip_id),
        "has_audio": bool(found.get("has_audio")) and not failed,
        "has_video": bool(found.get("has_video")) and not failed,
    }


def _show(
    entry: CatalogEntry,
    worker: SandboxedWorker,
    scratch: Path,
    *,
    root: Path,
    audio_file: str | None,
    frames_file: str | None,
    has_audio: bool,
    has_video: bool,
) -> Media:
    sound, notes = None, list[str]()
    pictures: list[tuple[float | None, bytes]] = []
    if audio_file:
        sound = encode_sound_preview((root / audio_file).read_bytes(), seconds=SECONDS)
    elif has_audio:
        try:
            sound = _read_sound(entry, worker, scratch)
        except MediaError as error:
            notes.append(str(error))
    if frames_file:
        every = unpack_frames(root / frames_file)
        chosen = every[:: max(1, len(every) // FRAMES)][:FRAMES]
        pictures = [(frame_time_s(name), jpeg) for name, jpeg in chosen]
    elif has_video:
        try:
            found = worker.run(
                timed_key_frames,
                Path(entry.source.path),
                count=FRAMES,
                short_side=SHORT_SIDE,
                **_window(entry),
                limit_s=LIMIT_S,
            )
            pictures = [(time_s - entry.start_s, jpeg) for time_s, jpeg in found]
        except MediaError as error:
            notes.append(str(error))
    return Media(sound, show_pictures(pictures), note=" ".join(dict.fromkeys(notes)))


def _read_sound(entry: CatalogEntry, worker: SandboxedWorker, scratch: Path) -> str | None:
    """Return an excerpt from the middle of a clip, read from its source."""
    length_s = entry.duration_s or SECONDS
    start_s = entry.start_s + max(0.0, (length_s - SECONDS) / 2)
    out = scratch / "excerpt.flac"
    worker.run(
        audio.extract_flac,
        Path(entry.source.path),
        out,
        start_s=start_s,
        duration_s=min(SECONDS, length_s),
        limit_s=LIMIT_S,
        writes=scratch,
    )
    return encode_sound_preview(out.read_bytes(), seconds=SECONDS)


def _window(entry: CatalogEntry) -> dict[str, Any]:
    return {"start_s": entry.start_s, "duration_s": None if entry.whole else entry.duration_s}


def _stored(stage: str, entries: Sequence[CatalogEntry]) -> dict[str, str]:
    """Return the file that a stage wrote of each clip, below the workspace."""
    files = take(entries, stage, "file").to_pylist()
    return {entry.clip_id: file for entry, file in zip(entries, files, strict=True) if file}


def _streams(entries: Sequence[CatalogEntry]) -> dict[str, dict[str, Any]]:
    """Return which streams the source of each clip has."""
    columns = {name: take(entries, "probe", name).to_pylist() for name in ("has_audio", "has_video")}
    return {
        entry.source.media_id: {name: values[row] for name, values in columns.items()}
        for row, entry in enumerate(entries)
        if entry.source.media_id
    }
