"""Writes a mix: as the paper of SVA has it, or at one loudness without clipping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import soundfile

from leitmotif.generators.mixing.graph import filtered
from leitmotif.generators.mixing.level import Level, measure
from leitmotif.generators.mixing.paper import paper_graph
from leitmotif.generators.mixing.parts import Part
from leitmotif.generators.mixing.safe import CEILING_DB, RATE_HZ, TARGET_LUFS, limited, safe_graph
from leitmotif.generators.mixing.sounds import Source, source_of_file
from leitmotif.media.flac import write_flac
from leitmotif.storage.atomic import check_growing

Way = Literal["safe", "paper"]
# A limiter takes loudness: what is missing is added, and the mix made again, so often at most.
_TRIES = 3
_NEAR_LU = 0.3


@dataclass(frozen=True)
class Mixed:
    """A mix that was written.

    Attributes:
        graph: The graph of filters, as `ffmpeg -filter_complex` takes it.
        rate_hz: Its sampling rate.
        level: How loud it is.
    """

    graph: str
    rate_hz: int
    level: Level


def write_mix(
    parts: Sequence[Part], out: Path, way: Way = "safe", *, ceiling_db: float = CEILING_DB
) -> Mixed:
    """Mix sounds into a file: block by block, so that memory does not grow with the length.

    Args:
        parts: The sounds.
        out: The file: 16-bit FLAC, or of the paper's way WAV in floating point, which may exceed full scale.
        way: "safe" or "paper".
        ceiling_db: Where true peaks end, in the safe way.

    Raises:
        NothingToMix: There is nothing to mix, or all of it is silent.
        OSError: The disk refused.
    """
    return _write_paper(parts, out) if way == "paper" else _write_safe(parts, out, ceiling_db)


def _write_paper(parts: Sequence[Part], out: Path) -> Mixed:
    graph, inputs = paper_graph(parts)
    pieces = filtered(graph, [part.source for part in inputs])
    first = next(pieces)
    channels = first.samples.shape[0]
    try:
        # RF64 is WAV that may exceed 4 GB, as three hours do.
        with soundfile.SoundFile(
            out, "w", samplerate=first.rate_hz, channels=channels, format="RF64", subtype="FLOAT"
        ) as file:
            for piece in chain([first], pieces):
                file.write(piece.samples.T)
    except soundfile.LibsndfileError:
        check_growing(out)  # which says what the disk refused
        raise
    return Mixed(graph, first.rate_hz, measure(source_of_file(out)))


def _write_safe(parts: Sequence[Part], out: Path, ceiling_db: float) -> Mixed:
    mix, inputs = safe_graph(parts)
    sources = [part.source for part in inputs]
    gain_db = TARGET_LUFS - measure(_source(mix, sources)).loudness_lufs
    limit_db = ceiling_db
    for _ in range(_TRIES):
        graph = limited(mix, gain_db, limit_db)
        write_flac(_source(graph, sources).blocks(), out, rate_hz=RATE_HZ)
        level = measure(source_of_file(out))
        missing_lu, over_db = TARGET_LUFS - level.loudness_lufs, level.true_peak_db - ceiling_db
        if abs(missing_lu) <= _NEAR_LU and over_db <= 0:
            break
        gain_db, limit_db = gain_db + missing_lu, limit_db - max(over_db, 0.0)
    return Mixed(graph, RATE_HZ, level)


def _source(graph: str, sources: Sequence[Source]) -> Source:
    return Source(lambda: (piece.samples for piece in filtered(graph, sources)), RATE_HZ, 2)
