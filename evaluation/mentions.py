"""Which labels a text names: by id, synonym, what is folded into a label, or a word of our captions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from leitmotif.captioning.templates import prompt_ids, read_templates
from leitmotif.taxonomy.labels import Label, Taxonomy


class Mentions:
    """Finds labels in texts.

    Case and hyphens do not matter, an instrument may stand in the singular or plural, and of names that
    overlap the longest counts: an "electric piano" is no "piano".
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._labels: dict[str, list[Label]] = {}
        wordings = [read_templates(prompt_id) for prompt_id in prompt_ids()]
        for label in taxonomy.all_tags():
            names = [label.id, *label.synonyms, *label.folds]
            for templates in wordings:
                names += templates.moods.get(label.id, ()) if label.kind == "mood" else ()
                names += templates.instruments.get(label.id, ()) if label.kind == "instrument" else ()
            for form in {form for name in names for form in _forms(name, label.kind)}:
                self._labels.setdefault(form, []).append(label)
        longest_first = sorted(self._labels, key=lambda name: (-len(name), name))
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def labels(self, text: str) -> list[Label]:
        """Return the labels that a text names, each once, in the order of the text."""
        found = self._pattern.finditer(flatten(text))
        return list(dict.fromkeys(label for match in found for label in self._labels[match.group()]))


def flatten(text: str) -> str:
    """Return a text in lower case, with spaces for hyphens, underscores and line breaks."""
    return " ".join(re.sub(r"[-‐‑–_]", " ", text.casefold()).split())


def _forms(name: str, kind: str) -> Iterator[str]:
    """Yield the forms of a name; "brass" has no other, and "blues" is a genre while "blue" is a colour."""
    name = flatten(name)
    yield name
    if kind == "instrument" and not name.endswith("ss"):
        yield name[:-1] if name.endswith("s") else f"{name}s"
