"""Writes a scored film: sounds mixed, pictures copied, and the record beside it; all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from leitmotif.generators.bridges.output import RECORD, check_film
from leitmotif.generators.mixing.level import Level, measure_file
from leitmotif.generators.mixing.mix import Mixed, Way, write_mix
from leitmotif.generators.mixing.parts import Part
from leitmotif.generators.mixing.safe import CEILING_DB, HIGHEST_DB
from leitmotif.generators.mixing.sounds import fitted, source_of, source_of_file
from leitmotif.generators.records import bytes_of, check_targets
from leitmotif.generators.sva.record import MadeFilm, OwnSound, SoundFacts, SvaRecord, is_sva
from leitmotif.media import probe
from leitmotif.media.audio import extract_flac
from leitmotif.media.errors import MediaError
from leitmotif.media.levels import SILENCE_DB
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.media.soundtrack import SUFFIXES, lay_sound
from leitmotif.phrases import no_such_file
from leitmotif.storage.atomic import temporary_folder, whole_file
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio

# That one step over a film may take, and as many times its length.
_LIMIT_S, _TIMES = 120.0, 2.0
# How often a mix is lowered until its encoded peaks fit, and by how much more than they were too high.
_TRIES, _SPARE_DB = 4, 0.2


@dataclass(frozen=True)
class Film:
    """A film that is to be scored.

    Attributes:
        path: The file.
        seconds: Its length.
        has_sound: Whether it has a stream of sound, which may be silent.
    """

    path: Path
    seconds: float
    has_sound: bool

    @property
    def limit_s(self) -> float:
        """Time that one step over it may take."""
        return _LIMIT_S + _TIMES * self.seconds


def open_film(path: Path, worker: SandboxedWorker) -> Film:
    """Return what a film is.

    Raises:
        UserError: There is no such file, or it has no moving picture.
    """
    if not path.is_file():
        said = "it is a folder" if path.is_dir() else no_such_file(path)
        raise UserError(f"got {str(path)!r}: {said}; expected a film")
    try:
        facts = worker.run(probe.probe, path, limit_s=_LIMIT_S)
    except MediaError as error:
        raise UserError(f"{str(path)!r}: {error}") from error
    if not facts.has_video:
        raise UserError(f"{str(path)!r} has no moving picture; expected a film")
    return Film(path, facts.duration_s, facts.has_audio)


def check_out(out: Path, film: Film, worker: SandboxedWorker) -> None:
    """Refuse a place that cannot be written, that would take another file's, or that holds no such pictures.

    Raises:
        UserError: With the reason.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"got {out.name!r} to write; expected a film, its name ending in {', '.join(SUFFIXES)}"
        )
    check_targets([out], out.with_suffix(RECORD), is_sva, [film.path])
    check_film(film.path, out.suffix, worker)


def own_sound(film: Film, wanted: OwnSound, folder: Path, worker: SandboxedWorker) -> Path | None:
    """Return the sound of a film where it is to be heard; None where it has none, or is silent.

    Args:
        film: The film.
        wanted: "replace" does not look, "mix" wants it, "refuse" wants none.
        folder: Where it goes, as FLAC.
        worker: The process that decodes.

    Raises:
        UserError: It has one, and none is wanted; or it cannot be read.
    """
    if wanted == "replace" or not film.has_sound:
        return None
    out = folder / "film.flac"
    try:
        facts = worker.run(extract_flac, film.path, out, limit_s=film.limit_s, writes=folder)
    except MediaError as error:
        raise UserError(
            f"the sound of {str(film.path)!r} cannot be read ({error}); replace it by --sound replace"
        ) from error
    if facts.level_db <= SILENCE_DB:
        return None
    if wanted == "refuse":
        raise UserError(
            f"{str(film.path)!r} has a sound of its own ({facts.level_db:.0f} dB); give --sound replace, or "
            "mix to hear both"
        )
    return out


def write_scored(
    out: Path,
    record: SvaRecord,
    sounds: Sequence[tuple[SoundFacts, Audio | None]],
    film: Film,
    worker: SandboxedWorker,
    *,
    device: str,
) -> SvaRecord:
    """Write a film with its sounds, and the record beside it; return the record as it is written.

    Args:
        out: The film that is written.
        record: What it follows from.
        sounds: Its sounds; None of those that are left out.
        film: The film that is scored.
        worker: The process that reads it.
        device: Where the sounds were made.

    Raises:
        UserError: The film cannot be copied, or there is nothing to be heard.
        OSError: The disk refused.
    """
    out.absolute().parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as whole:  # they take their places in the other order, the record last
        beside_record = whole.enter_context(whole_file(out.with_suffix(RECORD)))
        beside = whole.enter_context(whole_file(out))
        folder = whole.enter_context(temporary_folder("score"))
        parts = [
            Part(facts.role, source_of(audio) if record.mix == "paper" else fitted(audio, film.seconds))
            for facts, audio in sounds
            if audio is not None
        ]
        if (own := own_sound(film, record.sound, folder, worker)) is not None:
            parts.append(Part("film", source_of_file(own)))
        mixed, level = _laid(parts, record.mix, film, folder / "mix", beside, out.suffix, worker)
        made = MadeFilm(
            file=out.name,
            sha256=sha256_of(beside),
            replaced=film.has_sound and record.sound == "replace",
            graph=mixed.graph,
            rate_hz=mixed.rate_hz,
            loudness_lufs=level.loudness_lufs,
            true_peak_db=round(level.true_peak_db, 3),
            leitmotif=version("leitmotif-av"),
            device=device,
        )
        written = replace(record, sounds=tuple(facts for facts, _ in sounds), made=made)
        beside_record.write_bytes(bytes_of(written))
    return written


def _laid(
    parts: Sequence[Part],
    way: Way,
    film: Film,
    mix: Path,
    out: Path,
    suffix: str,
    worker: SandboxedWorker,
) -> tuple[Mixed, Level]:
    """Write a mix, and a film with it; return both, the film's sound as it is decoded.

    A safe mix whose peaks an encoder raises above `HIGHEST_DB` is made again with a lower ceiling.

    Raises:
        UserError: The film cannot be copied, or there is nothing to be heard.
    """
    ceiling_db = CEILING_DB
    for _ in range(_TRIES):
        mixed = write_mix(parts, mix, way, ceiling_db=ceiling_db)
        try:
            worker.run(lay_sound, film.path, mix, out, suffix, limit_s=film.limit_s, writes=out.parent)
            level = worker.run(measure_file, out, limit_s=film.limit_s)
        except MediaError as error:
            raise UserError(str(error)) from error
        over_db = level.true_peak_db - HIGHEST_DB
        if way == "paper" or over_db <= 0:
            break
        ceiling_db -= over_db + _SPARE_DB
    return mixed, level
