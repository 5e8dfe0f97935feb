"""Writes a piece: its sound, its bridges beside it, and the film with it; all of them or none."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import soundfile

from leitmotif.generators.bridges.bridges import Bridges, Made, is_bridges
from leitmotif.generators.records import bytes_of, check_targets
from leitmotif.media.errors import MediaError
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.media.soundtrack import SUFFIXES, check_soundtrack, lay_sound
from leitmotif.storage.atomic import whole_file
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import UserError
from leitmotif.training.loader.decode import Audio

SOUNDS = {".wav": "WAV", ".flac": "FLAC"}
RECORD = ".json"
_LIMIT_S = 600.0  # that a film may take to be copied


@dataclass(frozen=True)
class Place:
    """Where a piece goes.

    Attributes:
        sound: The file of sound, `.wav` or `.flac`; the bridges stand beside it as `.json`.
        film: The film with it, or None.
    """

    sound: Path
    film: Path | None = None

    @property
    def record(self) -> Path:
        """The file of the bridges."""
        return self.sound.with_suffix(RECORD)


def places(
    names: Sequence[str], out: Path, mux: Path | None, films: Sequence[Path | None], *, record: bool = False
) -> list[Place]:
    """Return where pieces go: one into a file, several into a folder.

    Args:
        names: What each is called.
        out: A file, or the folder of several.
        mux: Where the films go, a file or the folder of several; None where none is wanted.
        films: The film of each.
        record: Whether bridges alone are written.

    Raises:
        UserError: A name does not fit, or a piece has no film.
    """
    suffix, files = (RECORD, "a .json file") if record else (".wav", "a .wav or .flac file")
    if mux is not None and (missing := [n for n, film in zip(names, films, strict=True) if film is None]):
        raise UserError(f"got --mux, and no film for {missing[0]!r}; give it by --video")
    alone = len(names) == 1 and bool(out.suffix)
    if len(names) > 1 and out.suffix in (*SOUNDS, RECORD):
        raise UserError(f"got {out.name!r} for {len(names)} pieces; expected a folder")
    if alone:
        if out.suffix.lower() not in ((RECORD,) if record else SOUNDS):
            raise UserError(f"got {out.name!r} to write; expected {files}, or a folder")
        return [Place(out, mux)]
    for folder in filter(None, (out, mux)):
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{str(folder)!r} is a file; expected a folder for {len(names)} pieces")
    found = []
    for name, film in zip(_apart(names), films, strict=True):
        ending = "" if film is None else film.suffix if film.suffix.lower() in SUFFIXES else ".mkv"
        found.append(Place(out / f"{name}{suffix}", None if mux is None else mux / f"{name}{ending}"))
    return found


def _apart(names: Sequence[str]) -> list[str]:
    """Return names with a number behind each that stands there more than once."""
    counts, seen = Counter(names), Counter[str]()
    apart = []
    for name in names:
        seen[name] += 1
        apart.append(f"{name}-{seen[name]}" if counts[name] > 1 else name)
    return apart


def check_outputs(place: Place, inputs: Iterable[Path], *, record: bool = False) -> None:
    """Refuse a place that cannot be written, or that would take the place of something else.

    Args:
        place: The place.
        inputs: Files that the piece is made of.
        record: Whether bridges alone are written.

    Raises:
        UserError: It cannot be written to.
    """
    if not record and place.sound.suffix.lower() not in SOUNDS:
        raise UserError(f"got {place.sound.name!r} to write; expected a name ending in .wav or .flac")
    files = [] if record else [path for path in (place.sound, place.film) if path is not None]
    check_targets(files, place.record, is_bridges, inputs)


def check_film(film: Path, suffix: str, worker: SandboxedWorker) -> None:
    """Refuse a film that cannot have another sound in a container.

    Raises:
        UserError: With the reason.
    """
    try:
        worker.run(check_soundtrack, film, suffix, limit_s=_LIMIT_S)
    except MediaError as error:
        raise UserError(str(error)) from error


def write_piece(
    place: Place, audio: Audio, bridges: Bridges, worker: SandboxedWorker, *, film: Path | None, device: str
) -> Bridges:
    """Write a piece, and return its bridges as they are written.

    Args:
        place: Where to.
        audio: The music.
        bridges: What it was made of.
        worker: The process that copies the film.
        film: The film that is to have the music; None where `place.film` is.
        device: Where the music was made.

    Raises:
        UserError: The film cannot be copied.
        OSError: The disk refused.
    """
    for path in filter(None, (place.sound, place.film)):
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
    encoded = _encoded(audio, place.sound.suffix)
    with ExitStack() as whole:  # they take their places in the other order, the record last
        record = whole.enter_context(whole_file(place.record))
        beside = None if place.film is None else whole.enter_context(whole_file(place.film))
        sound = whole.enter_context(whole_file(place.sound))
        sound.write_bytes(encoded)
        if place.film is not None and beside is not None and film is not None:
            try:
                folder = beside.parent
                worker.run(lay_sound, film, sound, beside, place.film.suffix, limit_s=_LIMIT_S, writes=folder)
            except MediaError as error:
                raise UserError(str(error)) from error
        made = Made(
            file=place.sound.name,
            sha256=hashlib.sha256(encoded).hexdigest(),
            film=None if place.film is None else place.film.name,
            film_sha256=None if beside is None else sha256_of(beside),
            leitmotif=version("leitmotif-av"),
            device=device,
        )
        written = replace(bridges, made=made)
        record.write_bytes(bytes_of(written))
    return written


def _encoded(audio: Audio, suffix: str) -> bytes:
    """Return a sound as the bytes of a file, which the disk can then refuse with its reason."""
    buffer = io.BytesIO()
    form = SOUNDS[suffix.lower()]
    soundfile.write(buffer, audio.samples.T, audio.rate_hz, format=form, subtype="PCM_16")  # (n, channels)
    return buffer.getvalue()
