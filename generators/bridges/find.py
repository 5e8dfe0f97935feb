"""Finds the bridges of a piece: a text, music to follow, and music that has what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from leitmotif.evaluation.tempo_class import TempoWords
from leitmotif.generators.bridges.bridges import Bridges, Given, ModelFacts, Track
from leitmotif.generators.bridges.sounds import Library, track_of_file
from leitmotif.media import probe
from leitmotif.media.errors import MediaError
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.phrases import no_such_file
from leitmotif.retrieval.attributes import find_attributes
from leitmotif.retrieval.query import LIMIT_S, Query
from leitmotif.retrieval.retriever import Retriever
from leitmotif.retrieval.spaces import CLIP
from leitmotif.retrieval.tracks import Hit
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import load

Describe = Callable[[Path], str]
"""Returns what the music for a film or picture is to be like."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What music is asked for with: a film, a picture, a text or music, and what it is to have.

    Attributes:
        video: A film; the music is as long as it.
        image: A picture.
        text: What the music is to be like.
        reference: Music to follow, in place of what is found in the dataset.
        genre: A label, or a synonym of it; so are mood and instrument.
        mood: See `genre`.
        instrument: See `genre`.
        tempo: "slow", "medium" or "fast".
        seconds: The length; that of the film by default, or the longest that the model makes.
        seed: Another one gives another piece.
        strength: How much the music is followed.
    """

    video: Path | None = None
    image: Path | None = None
    text: str | None = None
    reference: Path | None = None
    genre: str | None = None
    mood: str | None = None
    instrument: str | None = None
    tempo: str | None = None
    seconds: float | None = None
    seed: int = 0
    strength: float = 1.0

    @property
    def name(self) -> str:
        """What it is called: the name of its file, or its text."""
        path = self.video or self.image or self.reference
        return self.text or "" if path is None else path.name

    @property
    def attributes(self) -> dict[str, str | None]:
        """What the music is to have, by kind."""
        return {"genre": self.genre, "mood": self.mood, "instrument": self.instrument, "tempo": self.tempo}


@dataclass(frozen=True)
class FoundBridges:
    """Bridges that were found.

    Attributes:
        bridges: The bridges.
        notes: What is to be known of them, a line each.
    """

    bridges: Bridges
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelLimits:
    """What a model says of itself.

    Attributes:
        facts: Which one it is.
        longest_s: The longest piece that it makes.
        steps: Steps from noise to sound.
        guidance: How much its conditions are followed.
    """

    facts: ModelFacts
    longest_s: float
    steps: int
    guidance: float


class BridgeFinder:
    """Finds bridges; models and index are loaded once.

    Args:
        model: The model that is to make the music.
        worker: The process that reads files of media.
        retriever: Finds clips; None where there is no dataset.
        describe: Says what the music for a film or picture is to be like; None where nothing can.
        describer: What it is called.
    """

    def __init__(
        self,
        model: ModelLimits,
        worker: SandboxedWorker,
        *,
        retriever: Retriever | None = None,
        describe: Describe | None = None,
        describer: str = "",
    ) -> None:
        self.model, self.worker, self.retriever = model, worker, retriever
        self.describe, self.describer = describe, describer
        self.library = None if retriever is None else Library(retriever.index.dataset)

    def find(self, wish: Wish) -> FoundBridges:
        """Return the bridges of a piece.

        Raises:
            UserError: The wish is for nothing, asks for what there is not, or a file of it is of no use.
        """
        self._check(wish)
        taxonomy = load() if self.library is None else self.library.dataset.taxonomy
        wanted = {each.kind: each.value for each in find_attributes(wish.attributes, taxonomy)}
        seconds, notes = self._seconds(wish)
        text, text_from = self._text(wish)
        broad, targeted, more = self._tracks(wish, text, wanted)
        if text is None and broad is not None and broad.clip_id is not None:
            text, text_from = broad.caption, f"the caption of clip {broad.clip_id}, which the music follows"
        if text is None and wish.reference is None:
            raise UserError(_nothing_says(wish, self.retriever is not None))
        given = Given(
            video=_whole(wish.video),
            image=_whole(wish.image),
            text=wish.text,
            reference=_whole(wish.reference),
            seconds=wish.seconds,
        )
        bridges = Bridges(
            text=text or "",
            text_from=text_from if text else "nobody: the music follows the reference alone",
            attributes=wanted,
            broad=broad,
            targeted=targeted,
            dataset=None if self.library is None else str(self.library.dataset.path.absolute()),
            given=given,
            model=self.model.facts,
            seconds=seconds,
            steps=self.model.steps,
            guidance=self.model.guidance,
        ).changed(seed=wish.seed, strength=wish.strength)
        return FoundBridges(bridges, (*notes, *more, *_contradicted(bridges)))

    def _check(self, wish: Wish) -> None:
        if wish.video is not None and wish.image is not None:
            raise UserError("got a film and a picture for one piece; give one of them")
        if wish.text is not None and not wish.text.strip():
            raise UserError("got an empty text; expected what the music is to be like")
        if not (wish.video or wish.image or wish.text or wish.reference):
            raise UserError("got nothing to make music for; expected a film, a picture, a text or music")
        for path in filter(None, (wish.video, wish.image)):
            if not path.is_file():
                said = "it is a folder" if path.is_dir() else no_such_file(path)
                raise UserError(f"got {str(path)!r}: {said}; expected a film or a picture")

    def _seconds(self, wish: Wish) -> tuple[float, list[str]]:
        longest_s = self.model.longest_s
        if wish.seconds is not None:
            if not 0 < wish.seconds <= longest_s:
                raise UserError(
                    f"got {wish.seconds:g} s to make; this model makes up to {longest_s:.2f} s at a time"
                )
            return wish.seconds, []
        if wish.video is None:
            return longest_s, []
        try:
            film = self.worker.run(probe.probe, wish.video, limit_s=LIMIT_S)
        except MediaError as error:
            raise UserError(f"{str(wish.video)!r}: {error}") from error
        if not film.has_video:
            raise UserError(
                f"{str(wish.video)!r} has no moving picture; give a film, or a sound as the reference"
            )
        if film.duration_s <= longest_s:
            return film.duration_s, []
        return longest_s, [
            f"{wish.video.name} lasts {film.duration_s:.1f} s, and this model makes {longest_s:.2f} s at a "
            "time: the music is for its beginning"
        ]

    def _text(self, wish: Wish) -> tuple[str | None, str]:
        if wish.text is not None:
            return wish.text.strip(), "the user"
        shown = wish.video or wish.image
        if self.describe is None or shown is None:
            return None, ""
        said = self.describe(shown)
        if not said:
            raise UserError(
                f"{self.describer} said nothing of {shown.name}; give a text of your own, or another model"
            )
        return said, f"the description model {self.describer}"

    def _tracks(
        self, wish: Wish, text: str | None, wanted: Mapping[str, str]
    ) -> tuple[Track | None, Track | None, tuple[str, ...]]:
        """Return the music to follow, the music whose style is taken, and notes."""
        given = None if wish.reference is None else track_of_file(wish.reference)
        query = Query.having(wanted)
        if given is None:
            query = replace(query, video=wish.video, image=wish.image, text=text)
        if self.retriever is None or not (query.files or query.text or wanted):
            return given, None, ()
        if CLIP.name not in self.retriever.index.facts.spaces and query.text:
            query = replace(query, video=None, image=None)  # a dataset of tracks has no pictures
        found = self.retriever.retrieve(query, 1)
        broad = given
        if broad is None and found.broad:
            broad = self._track(found.broad[0])
        return broad, self._track(found.targeted[0]) if found.targeted else None, found.notes

    def _track(self, hit: Hit) -> Track:
        assert self.library is not None  # what was found is in it
        row = hit.row
        return Track(
            clip_id=hit.clip_id,
            sha256=self.library.digest(hit.clip_id),
            score=hit.score,
            reasons=hit.reasons,
            title=row["title"],
            artist=row["artist"],
            license=row["license"],
            caption=row["caption"],
        )


def _contradicted(bridges: Bridges) -> list[str]:
    """Return a note where the text says another tempo than the one that is wanted behind it."""
    wanted = bridges.attributes.get("tempo")
    said = sorted(TempoWords().named(bridges.text) - {wanted}) if wanted is not None else []
    if not said:
        return []
    return [
        f"{wanted} music is wanted, and the text, of {bridges.text_from}, speaks of a {' and a '.join(said)} "
        f"tempo: {bridges.text!r}; give one without by --text, or edit it where the bridges are written"
    ]


def _whole(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def _nothing_says(wish: Wish, has_dataset: bool) -> str:
    shown = "the film" if wish.video else "the picture"
    ways = "a text (--text), or a run of `leitmotif train mmdm` that describes it (--describe)"
    if has_dataset:
        return f"no clip that fits {shown} has a caption to make music by; give {ways}"
    return (
        f"nothing says what the music for {shown} is to be like; give {ways}, or a dataset whose clips are "
        "looked through (--dataset)"
    )
