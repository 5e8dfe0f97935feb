"""Take key frames."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

import pyarrow as pa

from leitmotif.media.key_frames import timed_key_frames
from leitmotif.pipelines.media_files import FILE_COLUMNS
from leitmotif.pipelines.stage import Clip, ClipByClipStage, DecoderSettings, Row, limit_of
from leitmotif.shards.frame_names import frame_name


class FramesSettings(DecoderSettings):
    """How many frames, and how many pixels their short side has at most."""

    count: int = 10
    short_side: int = 448


class FramesStage(ClipByClipStage[FramesSettings]):
    """Key frames as JPEG, in one uncompressed zip file per clip: of its longest shots, where these are known.

    Shots are measured by the stage `motion`, not in its sampled mode. Elsewhere frames are evenly spread.
    """

    NAME: ClassVar = "frames"
    VERSION: ClassVar = 5
    READS: ClassVar = ("probe",)
    MAY_READ: ClassVar = ("motion",)
    SETTINGS: ClassVar = FramesSettings
    BATCH: ClassVar = 8
    COLUMNS: ClassVar = pa.schema(
        [*FILE_COLUMNS, ("count", pa.int32()), ("frame_times_s", pa.list_(pa.float64()))]
    )

    def measure_clip(self, clip: Clip) -> Row:
        """Take the clip's frames."""
        motion = clip.inputs.get("motion", {})
        shots = zip(motion.get("shot_starts_s") or (), motion.get("shot_ends_s") or (), strict=True)
        pictures = self.context.decoder.run(
            timed_key_frames,
            clip.path,
            **clip.window,
            count=self.settings.count,
            short_side=self.settings.short_side,
            shots=list(shots),
            limit_s=limit_of(self.settings, clip),
        )
        times_s = [max(time_s - clip.start_s, 0.0) for time_s, _ in pictures]
        packed = pack_frames([jpeg for _, jpeg in pictures], times_s)
        with self.context.new_file(clip.clip_id, ".zip") as path:
            path.write_bytes(packed)
        facts = {"count": len(pictures), "frame_times_s": times_s}
        return {**self.context.describe(clip.clip_id, ".zip"), **facts}


def pack_frames(pictures: Sequence[bytes], times_s: Sequence[float]) -> bytes:
    """Pack JPEG files into a zip whose bytes depend on nothing else (no dates).

    Args:
        pictures: The files.
        times_s: When each is shown, seconds from the start of the clip; it stands in the file's name, from
            where a published row and a report have it (`leitmotif.shards.frame_names.frame_time_s`).
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for number, (picture, time_s) in enumerate(zip(pictures, times_s, strict=True)):
            archive.writestr(zipfile.ZipInfo(frame_name(number, time_s)), picture)
    return buffer.getvalue()


def unpack_frames(path: Path | BinaryIO) -> list[tuple[str, bytes]]:
    """Return the (name, JPEG bytes) pairs of a zip of `pack_frames`."""
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]
