"""The sentences that clap-mini learns from: label prompts, opposed pairs, and plain descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leitmotif.taxonomy.labels import AntonymPrompts, Taxonomy

KINDS = ("instrument", "family", "genre", "mood", "vocal")

# Templates beside those of the taxonomy, which are drawn half of the time.
TEMPLATES: dict[str, tuple[str, ...]] = {
    "instrument": (
        "{label}", "music with {label}", "this is a sound of {label}", "{label} music",
        "someone plays {label}", "this music has {label}", "the sound of a {label}", "a {label} solo",
        "an instrumental with {label}",
    ),
    "family": ("{label}", "music with {label}", "a recording of {label}", "this is a sound of {label}"),
    "genre": (
        "{label}", "a {label} song", "a {label} track", "the genre is {label}",
        "music in the style of {label}",
    ),
    "mood": (
        "{label}", "a {label} song", "a {label} track", "the mood is {label}", "this music feels {label}",
        "music that sounds {label}", "the mood of this music is {label}",
    ),
    "vocal": ("{label}", "this is a sound of {label}", "a song with {label}"),
}  # fmt: skip
VOCAL_WORDS: dict[str, tuple[str, ...]] = {  # words beyond a label's own synonyms
    "male vocals": ("a man singing", "male singer", "male voice"),
    "female vocals": ("a woman singing", "female singer", "female voice"),
    "choir": ("a choir singing", "choral singing", "voices of a choir"),
    "speech": ("speech", "a person speaking", "spoken words", "narration"),
}

# Words beside the opposed pairs of the taxonomy, read at inference as a softmax over logit_scale * cosine.
QUALITY: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("the sound is clean and clear.", "clean high quality audio", "a clear and clean recording",
     "good audio quality"),
    ("the sound is noisy and has artifacts.", "noisy low quality audio",
     "a distorted recording with artifacts", "bad audio quality"),
)  # fmt: skip
VOICE: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("music with singing voice", "music with vocals", "a song with a singer", "vocals", "singing",
     "the sound of a singing voice", "the sound of a human voice"),
    ("instrumental music", "music without singing", "no vocals", "an instrumental track without voice",
     "music without vocals", "the sound of instruments only"),
)  # fmt: skip
TEMPI: dict[str, tuple[str, ...]] = {
    "slow": ("slow music", "a slow tempo", "the tempo is slow", "a slow track", "slow"),
    "medium": ("medium tempo music", "a medium tempo", "the tempo is medium", "a mid-tempo track", "medium"),
    "fast": ("fast music", "a fast tempo", "the tempo is fast", "a fast track", "fast"),
}


@dataclass(frozen=True)
class Vocabulary:
    """Every label that clap-mini learns, in a fixed order, with the words that name it."""

    ids: tuple[str, ...]
    kinds: tuple[str, ...]  # one of KINDS for each id
    names: tuple[tuple[str, ...], ...]  # words for each id, the id or the first name of the family first
    templates: tuple[tuple[str, ...], ...]  # the taxonomy's own templates for each id
    families: dict[str, str]  # instrument id -> family id

    def of_kind(self, kind: str) -> list[int]:
        """Return the positions of the labels of a kind."""
        return [i for i, k in enumerate(self.kinds) if k == kind]


def make_vocabulary(taxonomy: Taxonomy) -> Vocabulary:
    """Return the labels of a taxonomy and the instrument families as one list."""
    rows: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
    families = {label.id: label.family or "others" for label in taxonomy.instruments}
    for label in taxonomy.instruments:
        rows.append(
            (label.id, "instrument", _names(label.id, (*label.synonyms, *label.folds)), label.templates)
        )
    for family in taxonomy.families:
        rows.append((family.id, "family", _names(family.names[0], family.names[1:]), family.templates))
    for kind, labels in (("genre", taxonomy.genres), ("mood", taxonomy.moods), ("vocal", taxonomy.vocals)):
        for label in labels:
            extra = VOCAL_WORDS.get(label.id, ()) if kind == "vocal" else ()
            rows.append(
                (label.id, kind, _names(label.id, (*label.synonyms, *label.folds, *extra)), label.templates)
            )
    return Vocabulary(
        ids=tuple(row[0] for row in rows),
        kinds=tuple(row[1] for row in rows),
        names=tuple(row[2] for row in rows),
        templates=tuple(row[3] for row in rows),
        families=families,
    )


def _names(identity: str, synonyms: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((identity, *(s.lower() for s in synonyms))))


def draw_prompts(vocabulary: Vocabulary, rng: np.random.Generator) -> list[str]:
    """Return one prompt for each label, its own name being drawn half of the time."""
    texts = []
    for kind, names, own in zip(vocabulary.kinds, vocabulary.names, vocabulary.templates, strict=True):
        name = names[0] if rng.random() < 0.5 or len(names) == 1 else names[int(rng.integers(1, len(names)))]
        templates = own if rng.random() < 0.5 else TEMPLATES[kind]
        texts.append(_punctuate(templates[int(rng.integers(len(templates)))].format(label=name), rng))
    return texts


def draw_opposites(
    own: AntonymPrompts, more: tuple[tuple[str, ...], tuple[str, ...]], rng: np.random.Generator
) -> tuple[str, str]:
    """Return a positive and a negative text: mostly a pair of the taxonomy, else any two that oppose."""
    if rng.random() < 0.6:
        i = int(rng.integers(len(own.positive)))
        return own.positive[i], own.negative[i]
    positive, negative = (*own.positive, *more[0]), (*own.negative, *more[1])
    return positive[int(rng.integers(len(positive)))], negative[int(rng.integers(len(negative)))]


def describe(
    *,
    genre: str | None,
    moods: Sequence[str],
    instruments: Sequence[str],
    vocals: Sequence[str],
    tempo: str | None,
    key: str | None,
    rng: np.random.Generator,
) -> tuple[str, list[str]]:
    """Return a plain sentence about a clip, and the label ids and tempo word that it claims.

    Facts are left out at random, so that short queries and full captions are both learned.
    """
    said: list[str] = []
    adjectives = []
    if tempo and rng.random() < 0.6:
        adjectives.append(f"{tempo}-tempo" if tempo == "medium" else tempo)
        said.append(tempo)
    if moods and rng.random() < 0.7:
        mood = moods[0] if rng.random() < 0.7 else moods[int(rng.integers(len(moods)))]
        adjectives.append(mood)
        said.append(mood)
    noun = ("track", "piece", "song", "music", "instrumental")[int(rng.integers(4 if vocals else 5))]
    if genre and (rng.random() < 0.8 or not adjectives):
        adjectives.append(genre)
        said.append(genre)
    chosen = [x for x in instruments if rng.random() < 0.75][:4] or list(instruments[:1])
    rng.shuffle(chosen)
    said += chosen
    parts = list(chosen)
    if vocals and rng.random() < 0.7:
        voice = vocals[int(rng.integers(len(vocals)))]
        parts.append(voice)
        said.append(voice)
    body = " ".join(adjectives)
    head = f"{body} {noun}".strip() if noun == "music" else f"a {body} {noun}".replace("  ", " ")
    link = (" with ", " featuring ", " played on ", " led by ")[int(rng.integers(4))]
    text = head + (link + _listed(parts) if parts else "")
    if key and rng.random() < 0.3:
        text += f" in {key}"
    return _punctuate(text, rng), said


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1]


def _punctuate(text: str, rng: np.random.Generator) -> str:
    return text + "." if rng.random() < 0.3 else text


def all_texts(vocabulary: Vocabulary, taxonomy: Taxonomy) -> list[str]:
    """Return every prompt that can be drawn, for the tokenizer."""
    texts = [
        template.format(label=name)
        for kind, names, own in zip(vocabulary.kinds, vocabulary.names, vocabulary.templates, strict=True)
        for name in names
        for template in (*own, *TEMPLATES[kind])
    ]
    for own, more in ((taxonomy.quality, QUALITY), (taxonomy.voice, VOICE)):
        texts += [text for side in (own.positive, own.negative, *more) for text in side]
    texts += [text for words in TEMPI.values() for text in words]
    texts += [f"a {w} featuring led by played on track piece song, medium-tempo in key of {k} major minor. "
              for w in vocabulary.ids for k in ("C", "C#", "F#")]  # fmt: skip
    return texts
