"""The expert label set: instruments in families, genres, moods, vocals, and the prompts that ask for them."""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from leitmotif.taxonomy.document import (
    KINDS,
    LabelDocument,
    LabelText,
    TaxonomyError,
    normalise,
    read_document,
)

__all__ = [
    "LABELS_PATH",
    "TAG_KINDS",
    "AntonymPrompts",
    "AudioSetClass",
    "Family",
    "Label",
    "Taxonomy",
    "TaxonomyError",
    "UnknownLabelError",
    "load",
]

# The kinds of labels that are chosen as tags of a clip.
TAG_KINDS = ("instruments", "genres", "moods")
LABELS_PATH = Path(__file__).with_name("labels.yaml")


class UnknownLabelError(LookupError):
    """A name that is neither a label, nor a synonym, nor folded into a label; the message lists near ones."""


@dataclass(frozen=True)
class AudioSetClass:
    """A class of the AudioSet ontology: its machine id and display name."""

    mid: str
    name: str


@dataclass(frozen=True)
class Family:
    """A family of instruments.

    Attributes:
        id: One lower-case word.
        names: What the family is called in a prompt, best first.
        templates: Prompt templates of families.
        members: Ids of its labels.
    """

    id: str
    names: tuple[str, ...]
    templates: tuple[str, ...]
    members: tuple[str, ...]

    def prompts(self, *templates: str) -> list[str]:
        """Return the texts that ask for the family: every template over every name."""
        return _fill(templates or self.templates, self.names)


@dataclass(frozen=True)
class Label:
    """One label.

    Attributes:
        id: The tag that is written in datasets, lower case.
        kind: "instrument", "genre", "mood" or "vocal".
        family: Family id of an instrument, else None.
        definition: One sentence to decide by.
        synonyms: Other names of the same thing; prompts are made of the id and of these.
        folds: Rarer things that count as this label.
        audioset: The nearest AudioSet class, where there is one.
        mtg_jamendo: The nearest MTG-Jamendo tag ("category---tag"), where there is one.
        valence: A mood's valence, -1 (unpleasant) to 1 (pleasant); None for any other label.
        arousal: A mood's arousal, -1 (still) to 1 (excited); None for any other label.
        templates: Prompt templates of its kind.
    """

    id: str
    kind: str
    family: str | None
    definition: str
    synonyms: tuple[str, ...]
    folds: tuple[str, ...]
    audioset: AudioSetClass | None
    mtg_jamendo: str | None
    valence: float | None
    arousal: float | None
    templates: tuple[str, ...]

    def prompts(self, *templates: str) -> list[str]:
        """Return the texts that ask for the label: every template over the id and the synonyms.

        Args:
            templates: Templates holding `{label}`; without any, those of the label's kind.

        Returns:
            Prompts, those of the id first.
        """
        return _fill(templates or self.templates, (self.id, *self.synonyms))


@dataclass(frozen=True)
class AntonymPrompts:
    """Texts of opposite meaning; `positive[i]` and `negative[i]` are a pair."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]


@dataclass(frozen=True)
class Taxonomy:
    """A whole label set.

    Attributes:
        families: Families of instruments.
        instruments: Labels of instruments, family by family.
        genres: Labels of genres.
        moods: Labels of moods, each with valence and arousal.
        vocals: Labels of voices.
        quality: Clean (positive) against noisy (negative); the first pair is that of PAM.
        voice: Prompts of music with a voice (positive) against instrumental music (negative).
    """

    families: tuple[Family, ...]
    instruments: tuple[Label, ...]
    genres: tuple[Label, ...]
    moods: tuple[Label, ...]
    vocals: tuple[Label, ...]
    quality: AntonymPrompts
    voice: AntonymPrompts

    def all_tags(self) -> tuple[Label, ...]:
        """Return every label that a clip can be tagged with: instruments, genres, moods, in file order."""
        return self.instruments + self.genres + self.moods

    def find(self, name: str) -> Label:
        """Return the label that a name stands for.

        Args:
            name: A label's id, a synonym, or something folded into a label; case and hyphens do not matter.

        Returns:
            The label.

        Raises:
            UnknownLabelError: Nothing has that name; near names are listed.
        """
        wanted = normalise(name)
        if wanted in self._by_name:
            return self._by_name[wanted]
        near = difflib.get_close_matches(wanted, self._by_name, n=4, cutoff=0.55)
        known = ", ".join(repr(each) for each in near) or ", ".join(label.id for label in self.all_tags())
        raise UnknownLabelError(
            f"got {name!r}, expected a label or a synonym; {'near' if near else 'known'}: {known}"
        )

    def family(self, family_id: str) -> Family:
        """Return a family by its id.

        Raises:
            UnknownLabelError: There is no such family; the known ones are listed.
        """
        for family in self.families:
            if family.id == family_id:
                return family
        known = ", ".join(family.id for family in self.families)
        raise UnknownLabelError(f"got {family_id!r}, expected a family of instruments: {known}")

    @cached_property
    def fingerprint(self) -> str:
        """A short hash over what changes a score: the ids and every prompt, and nothing else."""
        asked = {
            "tags": [[label.kind, label.id, label.prompts()] for label in self.all_tags() + self.vocals],
            "families": [[family.id, family.prompts(), family.members] for family in self.families],
            "quality": [self.quality.positive, self.quality.negative],
            "voice": [self.voice.positive, self.voice.negative],
        }
        text = json.dumps(asked, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def _by_name(self) -> dict[str, Label]:
        labels = self.all_tags() + self.vocals
        return {
            normalise(name): label for label in labels for name in (label.id, *label.synonyms, *label.folds)
        }


def load(path: Path | str | None = None) -> Taxonomy:
    """Load a label set.

    Args:
        path: A label file; without one, the set that ships with the package.

    Returns:
        The checked label set.

    Raises:
        TaxonomyError: The file is missing or wrong; one line names the file, the label and the field.
    """
    return _shipped() if path is None else _taxonomy(read_document(Path(path)))


@cache
def _shipped() -> Taxonomy:
    """Read it once in a process: every stage asks for it, and checking it takes long."""
    return _taxonomy(read_document(LABELS_PATH))


def _taxonomy(document: LabelDocument) -> Taxonomy:
    labels = {
        section: tuple(_label(text, kind, document) for text in getattr(document, section))
        for section, kind in KINDS.items()
    }
    families = tuple(
        Family(
            id=family.id,
            names=family.names,
            templates=document.templates.family,
            members=tuple(label.id for label in labels["instruments"] if label.family == family.id),
        )
        for family in document.families
    )
    return Taxonomy(
        families=families, quality=_antonyms(document.quality), voice=_antonyms(document.voice), **labels
    )


def _label(text: LabelText, kind: str, document: LabelDocument) -> Label:
    return Label(
        id=text.id,
        kind=kind,
        family=getattr(text, "family", None),
        definition=text.definition,
        synonyms=text.synonyms,
        folds=text.folds,
        audioset=AudioSetClass(text.audioset.mid, text.audioset.name) if text.audioset else None,
        mtg_jamendo=text.mtg_jamendo,
        valence=getattr(text, "valence", None),
        arousal=getattr(text, "arousal", None),
        templates=getattr(document.templates, kind),
    )


def _antonyms(pairs: tuple[tuple[str, str], ...]) -> AntonymPrompts:
    return AntonymPrompts(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))


def _fill(templates: tuple[str, ...], names: tuple[str, ...]) -> list[str]:
    return [template.format(label=name) for name in names for template in templates]
