"""Measures whether generated music does what it is asked for: attributes, tempo, the melody it follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import soxr

from leitmotif.encoders.windows import track_windows
from leitmotif.evaluation.control import clap_change, mean_over_songs
from leitmotif.evaluation.melody import melody, melody_accuracy
from leitmotif.generators.bridges.sounds import Library
from leitmotif.generators.ecmg.prompts import with_attribute
from leitmotif.generators.generator import Generator, Request
from leitmotif.retrieval.attributes import COLUMNS, TEMPI, Attribute, embed_attributes, find_attributes
from leitmotif.retrieval.query import MAX_WINDOWS, Query
from leitmotif.retrieval.retriever import Retriever
from leitmotif.retrieval.spaces import CLAP, Encoders
from leitmotif.shards.errors import DatasetError
from leitmotif.storage.progress import OnProgress, show_nothing
from leitmotif.tagging.rhythm import find_onsets, layers_of, tempo_of_layers
from leitmotif.training.loader.decode import Audio

KINDS = ("genre", "mood", "instrument")
_NEAR = 20  # clips with an attribute that are looked at for one of another recording


@dataclass(frozen=True)
class Scope:
    """How much is generated.

    Attributes:
        songs: Songs of each attribute and of each tempo class, at most.
        variations: Pieces of each song, with seeds of their own.
        values: Attributes of each kind: those that most clips have.
        batch: Pieces that are made at once.
        seed: Draws the songs; the seeds of the pieces rise from it.
    """

    songs: int = 20
    variations: int = 10
    values: int = 4
    batch: int = 4
    seed: int = 0


@dataclass(frozen=True)
class _Song:
    """A clip that music is made after."""

    clip_id: str
    recording_id: str | None
    caption: str
    sound: Audio


@dataclass(frozen=True)
class _Piece:
    """What is measured of a piece that was made."""

    clap: np.ndarray
    tempo_bpm: float
    melody: np.ndarray


class Controllability:
    """Asks a generator for attributes, and measures what comes.

    Args:
        generator: Makes the music; loaded.
        retriever: Finds the clips whose style is asked for.
        scope: How much is generated.
        device: Where the model runs that embeds sounds.
        on_progress: Told how many pieces are made.
    """

    def __init__(
        self,
        generator: Generator,
        retriever: Retriever,
        scope: Scope,
        *,
        device: str = "cpu",
        on_progress: OnProgress = show_nothing,
    ) -> None:
        self.generator, self.retriever, self.scope = generator, retriever, scope
        self.library = Library(retriever.index.dataset)
        spaces = retriever.index.facts.spaces
        self._clap = Encoders({name: space.model for name, space in spaces.items()}, device).of(CLAP)
        self._tell, self._made, self._total = on_progress, 0, 0
        self._plain: dict[str, list[_Piece]] = {}
        self._songs: dict[str, _Song] = {}

    def measure(self) -> dict[str, Any]:
        """Return the figures: `attributes`, `kinds`, `tempo` and `melody`, each with its interval.

        Raises:
            UserError: The dataset has nothing to ask for, or its clips cannot be read.
        """
        rows = self._rows()
        plans = [
            (attribute, self._draw([row for row in rows if (kind, attribute.value) not in row["has"]]))
            for kind in KINDS
            for attribute in self._attributes(kind, rows)
        ]
        paces = [(pace, self._draw([row for row in rows if row["tempo_class"] == pace])) for pace in TEMPI]
        songs = {row["clip_id"] for _, chosen in plans for row in chosen}  # these without an attribute, too
        asked = sum(len(chosen) for _, chosen in [*plans, *paces])
        self._total = (len(songs) + asked) * self.scope.variations
        changes = {(one.kind, one.value): self._changes(one, chosen) for one, chosen in plans}
        return {
            "attributes": {
                f"{kind} {value}": _plain(mean_over_songs(found)) for (kind, value), found in changes.items()
            },
            "kinds": {
                kind: _plain(mean_over_songs(np.concatenate(found)))
                for kind in KINDS
                if (found := [each for (of, _), each in changes.items() if of == kind])
            },
            "tempo": {pace: self._pace(pace, chosen) for pace, chosen in paces if chosen},
            "melody": self._melody(),
            "pieces": self._made,
        }

    def _rows(self) -> list[dict[str, Any]]:
        tags = {kind: COLUMNS[kind] for kind in KINDS}
        names = ["clip_id", "recording_id", "caption", "tempo_class", *tags.values()]
        found = []
        for row in self.library.dataset.table(columns=names).to_pylist():
            has = {(kind, tag["tag"]) for kind, column in tags.items() for tag in row[column] or ()}
            found.append({**row, "has": frozenset(has)})
        if not found:
            raise DatasetError(f"{str(self.library.dataset.path)!r} holds no clip to make music after")
        return found

    def _attributes(self, kind: str, rows: Sequence[dict[str, Any]]) -> list[Attribute]:
        counts = Counter(value for row in rows for of, value in row["has"] if of == kind)
        common = [value for value, number in counts.most_common() if number < len(rows)]
        taxonomy = self.library.dataset.taxonomy
        return [find_attributes({kind: value}, taxonomy)[0] for value in common[: self.scope.values]]

    def _draw(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return songs, the same every time; each is drawn from its own id, whatever stands beside it."""
        ranked = sorted(rows, key=lambda row: _rank(row["clip_id"], self.scope.seed))
        return ranked[: self.scope.songs]

    def _song(self, row: dict[str, Any]) -> _Song:
        clip_id = row["clip_id"]
        if clip_id not in self._songs:
            sound, _ = self.library.sound(clip_id, self.generator.longest_s)
            self._songs[clip_id] = _Song(clip_id, row["recording_id"], row["caption"] or "", sound)
        return self._songs[clip_id]

    def _changes(self, attribute: Attribute, rows: Sequence[dict[str, Any]]) -> np.ndarray:
        """Return how much nearer pieces lie to an attribute when it is asked for, (songs, variations)."""
        direction = embed_attributes([attribute], self._clap)
        found = []
        for row in rows:
            asked, plain = self._asked(self._song(row), attribute), self._unasked(self._song(row))
            found.append(
                clap_change(
                    np.stack([piece.clap for piece in asked]),
                    np.stack([piece.clap for piece in plain]),
                    direction,
                )
            )
        return np.array(found).reshape(len(rows), self.scope.variations)

    def _pace(self, pace: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the tempo of pieces that are asked for a pace, and that of the songs that they follow."""
        (attribute,) = find_attributes({"tempo": pace}, self.library.dataset.taxonomy)
        songs = [self._song(row) for row in rows]
        made = np.array([[piece.tempo_bpm for piece in self._asked(song, attribute)] for song in songs])
        return {
            "made": _plain(mean_over_songs(made)),
            "songs": _plain(mean_over_songs(np.array([[_tempo(song.sound)] for song in songs]))),
        }

    def _melody(self) -> dict[str, Any]:
        """Return how much of the melody is followed, and what is had with songs that are not followed."""
        songs = [(self._songs[clip_id], pieces) for clip_id, pieces in self._plain.items()]
        given = [melody(song.sound.samples, song.sound.rate_hz) for song, _ in songs]
        own, others = [], []
        for number, (_, pieces) in enumerate(songs):
            own.append([melody_accuracy(piece.melody, given[number]) for piece in pieces])
            apart = [each for place, each in enumerate(given) if place != number]
            others.append(
                [_mean([melody_accuracy(piece.melody, each) for each in apart]) for piece in pieces]
            )
        return {
            "followed": _plain(mean_over_songs(100 * np.array(own))) if own else None,
            "others": _plain(mean_over_songs(100 * np.array(others))) if own else None,
        }

    def _asked(self, song: _Song, attribute: Attribute) -> list[_Piece]:
        """Return pieces after a song that are asked for an attribute, in words and by a clip's style."""
        found = self.retriever.retrieve(Query.having({attribute.kind: attribute.value}), _NEAR).targeted
        others = [
            hit.clip_id
            for hit in found
            if hit.clip_id != song.clip_id
            and (song.recording_id is None or hit.row["recording_id"] != song.recording_id)
        ]
        style = self.library.style(others[0]) if others else None
        return self._make(song, with_attribute(song.caption, attribute.prompts[0]), style)

    def _unasked(self, song: _Song) -> list[_Piece]:
        if song.clip_id not in self._plain:
            self._plain[song.clip_id] = self._make(song, song.caption, None)
        return self._plain[song.clip_id]

    def _make(self, song: _Song, prompt: str, style: np.ndarray | None) -> list[_Piece]:
        length_s = min(self.generator.longest_s, song.sound.samples.shape[1] / song.sound.rate_hz)
        requests = [
            Request(length_s, prompt=prompt, reference=song.sound, style=style, seed=self.scope.seed + number)
            for number in range(self.scope.variations)
        ]
        pieces: list[_Piece] = []
        for start in range(0, len(requests), self.scope.batch):
            pieces += map(self._heard, self.generator.generate(requests[start : start + self.scope.batch]))
            self._made += len(requests[start : start + self.scope.batch])
            self._tell("pieces", self._made, max(self._total, self._made))
        return pieces

    def _heard(self, audio: Audio) -> _Piece:
        rate_hz = int(self._clap.rate_hz)
        mono = soxr.resample(audio.samples.mean(axis=0), audio.rate_hz, rate_hz).astype(np.float32)
        windows = track_windows(iter([mono]), rate_hz, self._clap.window_s, MAX_WINDOWS)
        embedded = np.asarray(self._clap.embed_windows(windows), np.float64).mean(axis=0)
        unit = embedded / max(float(np.linalg.norm(embedded)), 1e-12)
        return _Piece(unit, _tempo(audio), melody(audio.samples, audio.rate_hz))


def _tempo(audio: Audio) -> float:
    """Return the tempo of a sound in beats a minute; NaN where it has none."""
    onsets = find_onsets(audio.samples.mean(axis=0), audio.rate_hz)
    layers = layers_of(onsets)
    return float("nan") if layers is None else tempo_of_layers(*layers, onsets.rate_hz)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _rank(clip_id: str, seed: int) -> float:
    return float(np.random.default_rng([seed, *clip_id.encode()]).random())


def _plain(estimate: Any) -> dict[str, Any] | None:
    return None if estimate is None else asdict(estimate)
