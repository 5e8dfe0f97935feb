"""Who speaks for a label where a tagger of music and a CLAP model tag together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from leitmotif.storage.documents import read_mapping
from leitmotif.taxonomy.document import KINDS, TaxonomyError
from leitmotif.taxonomy.labels import Taxonomy

CLAP, NOBODY = "clap", "nobody"
SPEAKERS_PATH = Path(__file__).with_name("speakers.yaml")


@dataclass(frozen=True)
class Speakers:
    """Who speaks for each label.

    Attributes:
        words: The tagger's words for a label, by id: of each label that it speaks for.
        clap: Ids of the labels that CLAP speaks for. For one that is in neither, nobody does.
    """

    words: Mapping[str, tuple[str, ...]]
    clap: frozenset[str]

    @cached_property
    def fingerprint(self) -> str:
        """A short hash over who speaks."""
        said = json.dumps([{key: self.words[key] for key in sorted(self.words)}, sorted(self.clap)])
        return hashlib.sha256(said.encode()).hexdigest()[:12]


def load_speakers(taxonomy: Taxonomy, path: Path | None = None) -> Speakers:
    """Read who speaks for the labels of a taxonomy.

    Args:
        taxonomy: The label set.
        path: A file like `speakers.yaml`, which is read without one.

    Raises:
        TaxonomyError: A label has no speaker, or one that is none; one line names it.
    """
    path = path or SPEAKERS_PATH
    document = _read(path)
    words: dict[str, tuple[str, ...]] = {}
    clap = set()
    for section in KINDS:
        stated = document.get(section)
        ids = [label.id for label in getattr(taxonomy, section)]
        if not isinstance(stated, dict) or set(stated) != set(ids):
            odd = sorted(set(ids) ^ set(stated if isinstance(stated, dict) else ()))
            raise TaxonomyError(f"{path.name}: {section}: no speaker for, or no label {', '.join(odd)}")
        for label in ids:
            speaker = stated[label]
            if _are_words(speaker):
                words[label] = tuple(speaker)
            elif speaker == CLAP:
                clap.add(label)
            elif speaker != NOBODY:
                raise TaxonomyError(
                    f"{path.name}: {section}, label {label!r}: got {speaker!r}, expected words of the tagger "
                    f"in brackets, {CLAP!r} or {NOBODY!r}"
                )
    return Speakers(words, frozenset(clap))


@cache
def _read(path: Path) -> Mapping[str, Any]:
    return read_mapping(path)


def _are_words(speaker: Any) -> bool:
    return isinstance(speaker, list) and bool(speaker) and all(isinstance(word, str) for word in speaker)
