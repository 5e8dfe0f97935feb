"""Scores films, pictures and words: looks, describes, makes music, writes it with a record of all that."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leitmotif.generators.arranger.arranger import NAME as ARRANGER
from leitmotif.generators.arranger.arranger import Arranger
from leitmotif.generators.arranger.attributes import Attributes, attributes_of
from leitmotif.generators.arranger.reading import read_attributes
from leitmotif.generators.arranger.score import Score
from leitmotif.generators.backends import open_generator
from leitmotif.generators.follow.arranging import arrange_to
from leitmotif.generators.follow.following import MANNERS, watch
from leitmotif.generators.follow.grid import BeatGrid
from leitmotif.generators.generator import Request
from leitmotif.generators.scoring.looking import Seen, look_at_film, look_at_picture
from leitmotif.generators.scoring.soundtrack import (
    Place,
    check_place_of,
    check_room,
    default_place,
    write_score_files,
)
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.phrases import no_such_file
from leitmotif.pipelines.describing import open_describer
from leitmotif.storage.errors import UserError
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.train_mmdm.inputs import PICTURES, read_input
from leitmotif.training.loader.decode import Audio
from leitmotif.weights.device import resolve_device

VERSION = 1
SECONDS = 30.0  # of what has no length of its own
_LONGEST_NAME = 40  # letters of a text in the name of its file


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be scored.

    Attributes:
        film: A film; the music is as long as it.
        picture: A picture.
        text: Words; they say what the music is to be like.
        describe: Words over those of a description model.
        attributes: What the music is to have, over all words, as
            `generators.arranger.attributes.attributes_of` reads it.
        seconds: The length of what is no film, or of a film's beginning.
        seed: Another one gives another piece.
        follow: What of a film the beats meet, by a key of `generators.follow.following.MANNERS`, or None.
        sound: What becomes of a film's own sound: "replace", "mix" or "refuse".
        out: Where it goes; None for a name like that of what is scored.
        midi: Where the MIDI file goes, or None.
    """

    film: Path | None = None
    picture: Path | None = None
    text: str | None = None
    describe: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    seed: int = 0
    follow: str | None = None
    sound: str = "replace"
    out: Path | None = None
    midi: Path | None = None


@dataclass(frozen=True)
class Scored:
    """What was made.

    Attributes:
        place: Where it lies.
        record: What was decided, as it is written beside it.
        notes: What is to be known of it, a line each.
    """

    place: Place
    record: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def task_of(given: str, **options: Any) -> Task:
    """Return the task for what somebody typed: a film, a picture, or else words.

    Args:
        given: Path of a file, or words.
        options: Other fields of `Task`.

    Raises:
        UserError: It is a folder, or looks like a path and there is no such file.
    """
    path = Path(given)
    mode = _mode(path)
    if stat.S_ISREG(mode):
        if path.suffix.lower() in PICTURES:
            return Task(picture=path, **options)
        return Task(film=path, **options)
    if not given.strip():
        raise UserError("got nothing to score; expected a film, a picture, or words in quotes")
    if stat.S_ISDIR(mode):
        raise UserError(f"got {given!r}: it is a folder; expected one film, a picture, or words in quotes")
    if " " not in given.strip() and (path.suffix or "/" in given):
        raise UserError(
            f"got {given!r}: {no_such_file(path)}; expected a film, a picture, or words in quotes"
        )
    return Task(text=given, **options)


def _mode(path: Path) -> int:
    """Return what is at a path, as `stat` tells it; 0 where nothing is."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # none there, or words that can be no name
        return 0


class Scorer:
    """Scores one thing after another; models are loaded once. A context manager."""

    def __init__(
        self, *, backend: str | None = None, describe: Path | None = None, device: str = "auto"
    ) -> None:
        """Open the backend.

        Args:
            backend: A text-to-audio backend by name; the arranger by default.
            describe: What `leitmotif train mmdm` wrote: says what music fits what is shown.
            device: "cpu", "cuda", "cuda:N" or "auto".

        Raises:
            UserError: There is no such backend, or what it needs is not here.
        """
        self.backend = backend or ARRANGER
        self._device, self._run = device, describe
        self._describer: Any = None
        self.generator: Any = (
            Arranger().load() if self.backend == ARRANGER else open_generator(self.backend, device=device)
        )
        self.worker = SandboxedWorker()

    def __enter__(self) -> Scorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.close()

    def score(self, task: Task, on_progress: OnProgress = show_nothing) -> Scored:
        """Score one thing and write it.

        Raises:
            UserError: It cannot be read or written, or the backend cannot make it.
            OutsideError: The disk has no room for it.
        """
        shown = task.film or task.picture
        name = (
            shown.stem
            if shown
            else "-".join((task.text or "").split())[:_LONGEST_NAME].strip(".-/") or "music"
        )
        place = Place(task.out or default_place(name.replace("/", "-"), task.film), task.midi)
        check_place_of(place, shown, task.film, self.worker)
        if task.midi is not None and self.backend != ARRANGER:
            raise UserError(f"got --midi, and {self.backend} writes no notes; the arranger does")
        self._check_following(task)
        on_progress("look", 0, 1)
        seen = self._look(task)
        seconds = self._seconds(task, seen)
        check_room(place, seconds, task.film)
        notes = _about_sound(task, seen)
        words, words_from = self._words(task, shown)
        on_progress("look", 1, 1)
        request = Request(seconds, prompt=words or None, seed=task.seed, attributes=dict(task.attributes))
        made = self._make(request, seen, task, on_progress)
        notes += made.notes
        on_progress("write", 0, 1)
        record = {
            "version": VERSION,
            "given": _given(task),
            "description": {"text": words, "from": words_from},
            "seen": None if seen is None else seen.facts(),
            "attributes": dict(task.attributes),
            "backend": self.backend,
            "seconds": round(seconds, 3),
            "seed": task.seed,
            "plan": made.plan,
            "grid": None if made.grid is None else made.grid.facts(),
            "film_sound": None if seen is None or not seen.has_sound else task.sound,
        }
        written = write_score_files(
            place,
            made.audio,
            record,
            self.worker,
            film=task.film,
            own_sound=task.sound == "mix" and seen is not None and seen.has_sound,
            score=made.score if task.midi is not None else None,
        )
        on_progress("write", 1, 1)
        return Scored(place, written, tuple(notes))

    def _look(self, task: Task) -> Seen | None:
        if task.film is not None:
            return look_at_film(task.film, self.worker)
        return None if task.picture is None else look_at_picture(task.picture, self.worker)

    def _seconds(self, task: Task, seen: Seen | None) -> float:
        film_s = None if seen is None else seen.seconds
        seconds = task.seconds or film_s or SECONDS
        if seconds > self.generator.longest_s:
            raise UserError(
                f"got {seconds:.1f} s to score, and {self.backend} makes up to "
                f"{self.generator.longest_s:g} s; give --seconds, or --backend {ARRANGER}"
            )
        return seconds

    def _words(self, task: Task, shown: Path | None) -> tuple[str, str]:
        """Return what the music is to be like, in words, and who said so."""
        if task.describe is not None:
            return task.describe, "the user"
        if task.text is not None:
            return task.text, "the user"
        if shown is not None and self._run is not None:
            if self._describer is None:
                self._describer = open_describer(self._run, device=resolve_device(self._device))
            given = read_input(shown, self._describer.model.settings.frames, self.worker)
            self._describer.check(given)
            return str(self._describer.describe([given])[0].description), f"the description model {self._run}"
        return "", "no description model was given (--describe): what is seen decides"

    def _check_following(self, task: Task) -> None:
        if task.follow is None:
            return
        if self.backend != ARRANGER:
            raise UserError(
                f"got --follow, and {self.backend} has beats of its own; --backend {ARRANGER} follows"
            )
        if task.film is None:
            raise UserError(f"got --follow {task.follow}, and no film; give one, or leave it out")

    def _make(self, request: Request, seen: Seen | None, task: Task, on_progress: OnProgress) -> _Made:
        said = attributes_of(request.attributes).over(read_attributes(request.prompt or ""))
        looks = Attributes() if seen is None else seen.attributes
        if said.moods or said.arousal is not None:  # another pace than that of the pictures
            looks = replace(looks, tempo=None)
        if self.backend == ARRANGER:
            grid, notes = None, []
            if task.follow is None or task.film is None or seen is None or seen.seconds is None:
                piece = self.generator.arrange(request, beneath=looks)
            else:
                events = watch(task.film, seen.seconds, task.follow, self.worker)
                manner = MANNERS[task.follow]
                piece, grid = arrange_to(events, manner, self.generator, request, beneath=looks)
                notes.append(_about_grid(task.film, task.follow, len(events), grid))
            told = _told(on_progress, "arrange", piece.blocks)
            audio = piece.render(self.generator.rate_hz, on_step=told)
            return _Made(audio, piece.plan.facts(), piece.score, grid, notes)
        prompt = in_words(request.prompt, said.over(looks), seen)
        request = Request(request.seconds, prompt=prompt, seed=request.seed)
        steps = self.generator.steps(request)
        (audio,) = self.generator.generate([request], _told(on_progress, "generate", steps))
        return _Made(audio, {"prompt": request.prompt})


@dataclass(frozen=True)
class _Made:
    """The music, what was decided, and of the arranger its notes, and the grid that they follow."""

    audio: Audio
    plan: Mapping[str, Any]
    score: Score | None = None
    grid: BeatGrid | None = None
    notes: list[str] = field(default_factory=list)


def _about_grid(film: Path, follow: str, seen: int, grid: BeatGrid | None) -> str:
    """Return a note on what the beats meet."""
    if grid is None:
        what = "is too short to follow" if seen else f"has no {follow} to follow"
        return f"{film.name} {what}; the music goes by its own beat"
    met = [event["met"] for event in grid.facts()["events"]]
    return (
        f"{sum(each is not None for each in met)} of {len(met)} moments in {film.name} meet a beat, "
        f"{met.count('downbeat')} of them a downbeat"
    )


def in_words(prompt: str | None, wanted: Attributes, seen: Seen | None) -> str:
    """Return a prompt for a model that reads words alone: the description, and behind it what is wanted."""
    moods = wanted.moods or (() if seen is None else seen.moods[:1])
    tempo = f"{wanted.tempo_bpm:g} BPM" if wanted.tempo_bpm else wanted.tempo and f"{wanted.tempo} tempo"
    key = wanted.key and f"in {wanted.key}"
    words = dict.fromkeys(part for part in (*moods, wanted.genre, key, *wanted.instruments, tempo) if part)
    behind = f"{', '.join(words)} music" if words else ""
    return "; ".join(part for part in ((prompt or "").strip().rstrip("."), behind) if part)


def _told(on_progress: OnProgress, what: str, total: int) -> Callable[[int], None]:
    return lambda step: on_progress(what, step, total)


def _given(task: Task) -> dict[str, Any]:
    film, picture = (None if path is None else str(path.absolute()) for path in (task.film, task.picture))
    return {
        "film": film,
        "picture": picture,
        "text": task.text,
        "describe": task.describe,
        "seconds": task.seconds,
    }


def _about_sound(task: Task, seen: Seen | None) -> list[str]:
    """Return a note on what becomes of a film's own sound.

    Raises:
        UserError: It has some, and is to be refused then.
    """
    if task.film is None or seen is None or not seen.has_sound:
        return []
    if task.sound == "refuse":
        raise UserError(
            f"{task.film.name} has sound already; say --sound replace to have the music instead of it, or "
            "--sound mix to have both"
        )
    if task.sound == "replace":
        return [
            f"{task.film.name} has sound of its own, in whose place the music stands; --sound mix has both"
        ]
    return []
