"""Sounds that are read block by block, as often as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np
import soundfile

from leitmotif.media.audio import read_flac_blocks
from leitmotif.media.audio_decoder import regroup
from leitmotif.training.loader.decode import Audio

# Where a sound begins anew, its end and its beginning overlap; where it is cut, it fades.
_SEAM_S, _FADE_S = 1.0, 1.0
# A model rounds a length to its frames: what lacks less than this is not begun anew.
_NEARLY_S = 0.5


@dataclass(frozen=True)
class Source:
    """A sound that can be read more than once.

    Attributes:
        blocks: Begins to read: float32 (channels, n), in order.
        rate_hz: Its sampling rate.
        channels: 1 or 2.
    """

    blocks: Callable[[], Iterator[np.ndarray]]
    rate_hz: int
    channels: int

    def seconds(self) -> Iterator[np.ndarray]:
        """Yield it in blocks of a second, the last shorter."""
        yield from regroup(self.blocks(), self.rate_hz)


def source_of(audio: Audio) -> Source:
    """Return a sound in memory."""
    return Source(lambda: _sliced(audio.samples, audio.rate_hz), audio.rate_hz, audio.samples.shape[0])


def source_of_file(path: Path) -> Source:
    """Return the sound of a WAV or FLAC file of one or two channels."""
    facts = soundfile.info(path)
    return Source(lambda: read_flac_blocks(path, block_s=1.0), facts.samplerate, facts.channels)


def fitted(audio: Audio, length_s: float) -> Source:
    """Return a sound for a length: begun anew over a soft seam where it is shorter, faded where it is cut.

    A sound that has the length is left as it is.

    Args:
        audio: The sound.
        length_s: The length; what is a little shorter keeps its own.
    """
    length = round(length_s * audio.rate_hz)
    lacking = length - audio.samples.shape[1]
    if audio.samples.shape[1] == 0 or 0 <= lacking < _NEARLY_S * audio.rate_hz:
        return source_of(audio)
    return Source(
        lambda: _faded(_endless(audio), length, audio.rate_hz), audio.rate_hz, audio.samples.shape[0]
    )


def _endless(audio: Audio) -> Iterator[np.ndarray]:
    """Yield a sound for ever; its end and its beginning overlap with equal power."""
    samples = audio.samples
    size = samples.shape[1]
    seam = min(round(_SEAM_S * audio.rate_hz), size // 4)
    rise = np.sin(np.linspace(0.0, np.pi / 2, seam, dtype=np.float32))
    over = samples[:, size - seam :] * rise[::-1] + samples[:, :seam] * rise
    yield from _sliced(samples[:, : size - seam], audio.rate_hz)
    for _ in repeat(None):
        yield over
        yield from _sliced(samples[:, seam : size - seam], audio.rate_hz)


def _sliced(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield a sound in slices, of which none is copied: whoever joins blocks copies little then."""
    for start in range(0, samples.shape[1], size):
        yield samples[:, start : start + size]


def _faded(blocks: Iterator[np.ndarray], length: int, rate_hz: int) -> Iterator[np.ndarray]:
    fade, place = min(round(_FADE_S * rate_hz), length), 0
    for block in blocks:
        block = block[:, : length - place]
        left = length - place - np.arange(block.shape[1], dtype=np.float32)
        place += block.shape[1]
        yield block * np.minimum(left / max(fade, 1), 1.0) if place > length - fade else block
        if place >= length:
            return
