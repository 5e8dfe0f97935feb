"""How loud a sound is, and how high its waves go between the samples, measured block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from leitmotif.generators.mixing.graph import filtered
from leitmotif.generators.mixing.sounds import Source
from leitmotif.media.audio import FLAC_RATE_HZ, iter_audio

# The least that is said of a sound: silence has neither loudness nor peak.
SILENT_LUFS, SILENT_DB = -70.0, -120.0
# The end of a sound counts where a block of 0.4 s can end behind it.
_GRAPH = "[0:a]apad=pad_dur=0.5,ebur128=metadata=1:peak=true:framelog=quiet[out]"


@dataclass(frozen=True)
class Level:
    """How loud a sound is.

    Attributes:
        loudness_lufs: Integrated loudness; `SILENT_LUFS` of what is silent.
        true_peak_db: Highest point of the wave between the samples, in dB of full scale.
    """

    loudness_lufs: float
    true_peak_db: float

    @property
    def silent(self) -> bool:
        """Whether nothing can be heard."""
        return self.loudness_lufs <= SILENT_LUFS


def measure(source: Source) -> Level:
    """Return how loud a sound is.

    Reference:
        EBU R 128 and ITU-R BS.1770-4, by FFmpeg's ebur128.
    """
    said: dict[str, str] = {}
    for piece in filtered(_GRAPH, [source]):
        said.update(piece.said)
    peak = float(said.get("lavfi.r128.true_peak", 0.0))
    peak_db = max(20 * math.log10(peak), SILENT_DB) if peak > 0 else SILENT_DB
    return Level(max(float(said.get("lavfi.r128.I", SILENT_LUFS)), SILENT_LUFS), peak_db)


def measure_file(path: Path) -> Level:
    """Return how loud a film or a sound is as it is decoded: encoders move peaks.

    Raises:
        Unreadable, NotMedia, MissingStream, DecodeFailed: It has no sound that can be read.
    """
    return measure(Source(lambda: iter_audio(path), FLAC_RATE_HZ, 2))
