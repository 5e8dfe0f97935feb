"""Writes what was scored: the music, the film with it, the MIDI file and the record; all of them or none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
import soundfile

from leitmotif.generators.arranger.midi import write_midi
from leitmotif.generators.arranger.score import Score
from leitmotif.generators.mixing.level import measure
from leitmotif.generators.mixing.mix import write_mix
from leitmotif.generators.mixing.parts import Part
from leitmotif.generators.mixing.sounds import source_of, source_of_file
from leitmotif.generators.records import check_targets, holds, json_bytes
from leitmotif.media.audio import extract_flac
from leitmotif.media.errors import MediaError
from leitmotif.media.flac import write_flac
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.media.soundtrack import SUFFIXES, check_soundtrack, lay_sound
from leitmotif.storage.atomic import check_growing, temporary_folder, whole_file
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import OutsideError, UserError
from leitmotif.training.loader.decode import Audio

SOUNDS = (".wav", ".flac")
NOTES = (".mid", ".midi")
SOUND_WAYS = ("replace", "mix", "refuse")
_BLOCK_S = 20.0
_LIMIT_S = 600.0  # that copying a film may take, beside its length
# Of a second: the mix in floating point that lies on the disk, its FLAC or WAV, and the sound in the film.
_SCRATCH_BYTES_S, _SOUND_BYTES_S, _FILM_BYTES_S = 8 * 44_100, 4 * 44_100, 110_000
_IN_MEMORY_S = 25 * 60.0  # `leitmotif.generators.arranger.mastering.keep`


@dataclass(frozen=True)
class Place:
    """Where a score goes.

    Attributes:
        out: The film with the music, or a .wav or .flac.
        midi: The MIDI file, or None.
    """

    out: Path
    midi: Path | None = None

    @property
    def record(self) -> Path:
        """The file that says what was decided."""
        return self.out.with_suffix(".json")


def default_place(name: str, film: Path | None) -> Path:
    """Return where a score goes that nobody named a place for: here, beside nothing of the user's."""
    if film is None:
        return Path(f"{name}-scored.wav")
    return Path(f"{name}-scored{film.suffix if film.suffix.lower() in SUFFIXES else '.mkv'}")


def check_place_of(place: Place, given: Path | None, film: Path | None, worker: SandboxedWorker) -> None:
    """Refuse a place that cannot be written, or that holds what the music is for.

    Args:
        place: The place.
        given: The film or picture, or None.
        film: The film, or None where there is none.
        worker: The process that looks into the film.

    Raises:
        UserError: With the reason.
    """
    suffix = place.out.suffix.lower()
    if film is None and suffix not in SOUNDS:
        raise UserError(
            f"got {place.out.name!r} to write; expected a .wav or .flac file, since there is no film"
        )
    if place.midi is not None and place.midi.suffix.lower() not in NOTES:
        raise UserError(f"got --midi {str(place.midi)!r}; expected a name ending in .mid or .midi")
    files = [path for path in (place.out, place.midi) if path is not None]
    check_targets(files, place.record, _is_record, [] if given is None else [given])
    if film is not None and suffix not in SOUNDS:
        try:
            worker.run(check_soundtrack, film, place.out.suffix, limit_s=_LIMIT_S)
        except MediaError as error:
            raise UserError(str(error)) from error


def check_room(place: Place, seconds: float, film: Path | None) -> None:
    """Refuse a length for which the disk has no room, before anything is made.

    Raises:
        OutsideError: It lacks room.
    """
    scratch = (_SCRATCH_BYTES_S if seconds > _IN_MEMORY_S else 0) + 2 * _SOUND_BYTES_S
    copied = 0 if film is None or place.out.suffix.lower() in SOUNDS else film.stat().st_size
    needed = {
        Path(gettempdir()): scratch * seconds,
        place.out.absolute().parent: copied + (_FILM_BYTES_S if copied else _SOUND_BYTES_S) * seconds,
    }
    for folder, size in needed.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free
        if free < size:
            raise OutsideError(
                f"{seconds / 60:.0f} minutes of music take up to {size / 1e9:.1f} GB in {str(folder)!r}, and "
                f"{free / 1e9:.1f} GB are free; free some, or "
                + (
                    "set TMPDIR to a folder with room"
                    if folder == Path(gettempdir())
                    else "choose another --out"
                )
            )


def write_score_files(
    place: Place,
    audio: Audio,
    record: Mapping[str, Any],
    worker: SandboxedWorker,
    *,
    film: Path | None = None,
    own_sound: bool = False,
    score: Score | None = None,
) -> dict[str, Any]:
    """Write all files of a score and return the record as it is written.

    Args:
        place: Where to.
        audio: The music.
        record: What was decided.
        worker: The process that copies the film.
        film: The film, or None.
        own_sound: Whether the film's own sound is mixed with the music.
        score: What the MIDI file holds; None where there is none.

    Raises:
        UserError: The film cannot be copied, or its sound not be read.
        OSError: The disk refused.
    """
    for path in filter(None, (place.out, place.midi)):
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
    seconds = audio.samples.shape[1] / audio.rate_hz
    with temporary_folder("score") as scratch, ExitStack() as whole:
        # They take their places in the other order: the record last.
        beside = whole.enter_context(whole_file(place.record))
        midi = None if place.midi is None else whole.enter_context(whole_file(place.midi))
        out = whole.enter_context(whole_file(place.out))
        sound = scratch / "music.flac"
        if own_sound and film is not None:
            _mix(audio, film, sound, scratch, worker, seconds)
        else:
            write_flac(_blocks(audio), sound, rate_hz=audio.rate_hz)
        level = measure(source_of_file(sound))
        if film is None or place.out.suffix.lower() in SOUNDS:
            _copy_sound(sound, out, place.out.suffix.lower())
        else:
            limit_s = _LIMIT_S + seconds
            _media(worker, lay_sound, film, sound, out, place.out.suffix, limit_s=limit_s, writes=out.parent)
        if midi is not None and score is not None:
            write_midi(midi, score, title=place.out.stem)
        written = {
            **record,
            "loudness_lufs": round(level.loudness_lufs, 2),
            "true_peak_db": round(level.true_peak_db, 2),
            "made": {
                "file": place.out.name,
                "sha256": sha256_of(out),
                "midi": None if place.midi is None else place.midi.name,
                "midi_sha256": None if midi is None else sha256_of(midi),
                "leitmotif": version("leitmotif-av"),
            },
        }
        beside.write_bytes(json_bytes(written))
    return written


def _mix(audio: Audio, film: Path, out: Path, scratch: Path, worker: SandboxedWorker, seconds: float) -> None:
    """Mix music under the sound of a film, before which it gives way, at one loudness."""
    own = scratch / "film.flac"
    _media(worker, extract_flac, film, own, limit_s=_LIMIT_S + 2 * seconds, writes=scratch)
    write_mix([Part("music", source_of(audio)), Part("film", source_of_file(own))], out)


def _media(worker: SandboxedWorker, call: Any, *given: Any, **options: Any) -> None:
    try:
        worker.run(call, *given, **options)
    except MediaError as error:
        raise UserError(str(error)) from error


def _blocks(audio: Audio) -> Iterator[np.ndarray]:
    size = round(_BLOCK_S * audio.rate_hz)
    for start in range(0, audio.samples.shape[1], size):
        block = audio.samples[:, start : start + size]
        yield np.broadcast_to(block, (2, block.shape[1]))


def _copy_sound(sound: Path, out: Path, suffix: str) -> None:
    """Write a FLAC file as FLAC or WAV, block by block.

    Raises:
        OSError: The disk refused.
    """
    if suffix == ".flac":
        shutil.copyfile(sound, out)
        return
    try:
        with (
            soundfile.SoundFile(sound) as read,
            soundfile.SoundFile(
                out, "w", samplerate=read.samplerate, channels=read.channels, format="WAV", subtype="PCM_16"
            ) as written,
        ):
            for block in read.blocks(
                blocksize=round(_BLOCK_S * read.samplerate), dtype="int16", always_2d=True
            ):
                written.write(block)
    except soundfile.LibsndfileError:
        check_growing(out)  # it says "System error" of whatever the disk refused
        raise


def _is_record(path: Path) -> bool:
    """Tell whether a file is a record of a score, whatever was edited in it."""
    return holds(path, "backend", "description", "seed")
