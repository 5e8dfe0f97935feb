"""Finds music in a dataset, by both tracks in one call."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leitmotif.phrases import count, some_of
from leitmotif.retrieval.attributes import Attribute, embed_attributes, find_attributes
from leitmotif.retrieval.folder import index_command
from leitmotif.retrieval.index import Index
from leitmotif.retrieval.own import find_blocked, find_own, with_groups
from leitmotif.retrieval.query import WORDS, Ask, Query, read_query
from leitmotif.retrieval.spaces import CLAP, SPACES, Encoders
from leitmotif.retrieval.tracks import Hit, broad, targeted
from leitmotif.shards.dataset import Dataset
from leitmotif.shards.takedown import Blocklist, read_record
from leitmotif.storage.errors import UserError


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        broad: Clips near to what was given, nearest first; none where nothing but attributes was given.
        targeted: Clips that have the attributes, fittest first; none where none was given.
        own: Clips that were left out since they are the query itself, or of its source or recording.
        notes: What is to be known of the search, a line each.
    """

    broad: tuple[Hit, ...]
    targeted: tuple[Hit, ...]
    own: tuple[str, ...]
    notes: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Return all of it for programs that read JSON."""
        return {
            "broad": [hit.facts() for hit in self.broad],
            "targeted": [hit.facts() for hit in self.targeted],
            "own": list(self.own),
            "notes": list(self.notes),
        }


class Retriever:
    """Finds music in one dataset; models and vectors are loaded once.

    Attributes:
        index: The index that is searched.
    """

    def __init__(self, dataset: Dataset, index: Path | None = None, *, device: str = "auto") -> None:
        """Open the index.

        Args:
            dataset: The dataset.
            index: Folder of its index; by default the one in the dataset.
            device: Where models run: "cpu", "cuda", "cuda:N" or "auto".

        Raises:
            UserError: There is no index, or it is damaged or empty.
        """
        self.index = Index(dataset, index)
        if not len(self.index):
            raise UserError(
                f"the index {str(self.index.path)!r} holds no clip; index a dataset that has rows"
            )
        models = {name: space.model for name, space in self.index.facts.spaces.items()}
        self._encoders = Encoders(models, device)
        self._blocked = find_blocked(self.index, Blocklist(read_record(dataset.path)))

    def retrieve(self, query: Query, count: int = 10) -> Found:
        """Return what is found by a query: on the broad track, the targeted one, or both.

        Args:
            query: What is looked for.
            count: Clips of each track at most.

        Raises:
            UserError: The query asks for nothing, or something given is of no use.
        """
        if count < 1:
            raise UserError(f"got {count} results to find; expected 1 or more")
        attributes = find_attributes(query.attributes, self.index.dataset.taxonomy)
        if not (query.files or query.text is not None or attributes):
            raise UserError(
                "got nothing to look for; expected a video, a picture, a sound or words, or a genre, mood, "
                "instrument or tempo"
            )
        asks = read_query(query, self._encoders, set(self.index.facts.spaces))
        own = find_own(self.index, query.files, asks)
        where = self.allowed(own)
        hits, notes = self._targeted(attributes, count, where)
        return Found(
            broad=tuple(broad(self.index, asks, count, where)) if asks else (),
            targeted=tuple(hits),
            own=tuple(self.index.rows["clip_id"].take(own).to_pylist()),
            notes=(*self._stale(), *self._answered(asks), *self._approximate(asks), *notes),
        )

    def allowed(self, own: np.ndarray) -> np.ndarray:
        """Return which rows may be found, bool (rows,): all but some and what was taken down."""
        where = np.ones(len(self.index), bool)
        where[own] = False
        where[self._blocked] = False
        return where

    def like_clip(self, clip_id: str, count: int = 10, *, splits: Sequence[str] | None = None) -> list[Hit]:
        """Return the clips whose sound is nearest to that of a clip, none of its own source or recording.

        Args:
            clip_id: The clip.
            count: How many at most.
            splits: The splits that they may be of; all by default.

        Raises:
            UserError: There is no such clip, or it has no embedding of its sound.
        """
        rows = self.index.numbers("clip_id", {clip_id})
        place = self.index.vectors(CLAP).place(int(rows[0])) if len(rows) else None
        if place is None:
            raise UserError(f"got clip {clip_id!r}, which the index {str(self.index.path)!r} has no sound of")
        where = self.allowed(with_groups(self.index, rows))
        if splits is not None:
            among = np.zeros(len(where), bool)
            among[self.index.numbers("split", set(splits))] = True
            where &= among
        vector = self.index.vectors(CLAP).exact.vectors[place]
        return broad(self.index, [Ask(CLAP, vector, "the clip", "sounds", True)], count, where)

    def sound(self, hit: Hit) -> bytes:
        """Return the sound of a clip that was found, as the FLAC file of the dataset's row.

        Raises:
            UserError: The dataset changed since it was indexed, or its file is damaged.
        """
        row: dict[str, Any] = {}
        with suppress(IndexError):
            row = self.index.dataset.row(hit.place, ["clip_id", "audio"])
        if row.get("clip_id") != hit.clip_id:
            raise UserError(f"clip {hit.clip_id} is not where it was indexed; {self._stale()[0]}")
        found: bytes = row["audio"]["bytes"]
        return found

    def _targeted(
        self, attributes: list[Attribute], count: int, where: np.ndarray
    ) -> tuple[list[Hit], list[str]]:
        if not attributes:
            return [], []
        having = [attribute.rows(self.index.rows) for attribute in attributes]
        within = np.logical_and.reduce(having) & where
        if not within.any():
            return [], [_nothing_has(attributes, having, where)]
        self.index.vectors(CLAP)  # says so where there are none
        direction = embed_attributes(attributes, self._encoders.of(CLAP))
        return targeted(self.index, attributes, direction, count, within), []

    def _answered(self, asks: Sequence[Ask]) -> list[str]:
        """Say which encoders of sentences answered words, and why these."""
        facts = self.index.facts.spaces
        said = []
        for ask in asks:
            if ask.space.name in SPACES or ask.given != WORDS:
                continue
            own = next((space for space in SPACES.values() if space.of == ask.space.of), None)
            why = "too"
            if own is not None and own.name in facts:
                better = "in place of" if ask.space.asked_by else "which is better at sentences than"
                why = f"{better} {facts[own.name].model.id}"
            model = facts[ask.space.name].model.id
            said.append(f"{ask.given} were compared with the {ask.space.of} by {model}, {why}")
        return said

    def _approximate(self, asks: Sequence[Ask]) -> list[str]:
        spaces = {ask.space.name: self.index.facts.spaces[ask.space.name] for ask in asks if ask.is_media}
        return [
            f"{name} was searched approximately, as it has very many clips: {facts.recall:.1%} of the "
            "nearest are found"
            for name, facts in spaces.items()
            if facts.recall is not None
        ]

    def _stale(self) -> list[str]:
        if self.index.is_fresh:
            return []
        again = index_command(self.index.path, self.index.dataset.path)
        return [f"the dataset changed since it was indexed; `{again}` follows it"]


def _nothing_has(attributes: Sequence[Attribute], having: Sequence[np.ndarray], where: np.ndarray) -> str:
    each = [
        f"{attribute.kind} {attribute.value}: {count(int((rows & where).sum()), 'clip')}"
        for attribute, rows in zip(attributes, having, strict=True)
    ]
    said = "no clip has all of them" if len(each) > 1 else "no clip has it"
    return f"{said} ({some_of(each, len(each))}); nothing is targeted"
