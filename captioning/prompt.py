"""What a chat model is asked: a YAML file of `captioning/prompts` with system and user prompt, checked."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts
from leitmotif.captioning.grammar import find_theme
from leitmotif.captioning.sanitize import clean_text
from leitmotif.captioning.templates import PROMPTS, PromptFile, Templates, read_prompt_file, read_templates

# The grammar whose list of themes holds no names.
THEMES = "grammar-sentence-v1"
# Lengths of crawled text, in characters: a title, a description, one comment.
TITLE_CHARS, DESCRIPTION_CHARS, COMMENT_CHARS = 150, 800, 120
MAX_COMMENTS = 10
# Crawled text stands between these two lines, and cannot hold them.
PAGE_OPEN, PAGE_CLOSE = "<page>", "</page>"

CRAWLED = frozenset({"title", "description", "comments"})
SLOTS = CRAWLED | {"tags", "genres", "instruments", "moods", "tempo", "key", "vocals", "theme"}
_SLOT = re.compile(r"\{([^{}]*)\}")

Line = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]


class ChatPrompt(PromptFile):
    """A system prompt, the same for every clip, and the lines of the user prompt.

    Attributes:
        id: Name with version, as it is written in datasets.
        max_words: Length of a caption at most.
        system: Instructions.
        user: Lines with `{slots}`; a line is left out if something that it asks for is not known.
    """

    system: Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
    user: Annotated[tuple[Line, ...], Field(min_length=1)]

    @field_validator("user")
    @classmethod
    def _safe_lines(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        inside = False
        for line in lines:
            slots = set(_SLOT.findall(line))
            if unknown := slots - SLOTS:
                raise ValueError(
                    f"slot {min(unknown)!r} is not known in {line!r}; expected {', '.join(sorted(SLOTS))}"
                )
            if slots & CRAWLED and not inside:
                raise ValueError(f"{line!r} holds crawled text outside {PAGE_OPEN} and {PAGE_CLOSE}")
            inside = line == PAGE_OPEN or (inside and line != PAGE_CLOSE)
        if inside:
            raise ValueError(f"{PAGE_OPEN} is not closed; add the line {PAGE_CLOSE}")
        return lines

    @property
    def digest(self) -> str:
        """The first 12 hex digits of the SHA-256 of all that the prompt says, with the themes it draws on."""
        text = self.model_dump_json()
        if any("theme" in _SLOT.findall(line) for line in self.user):
            text += repr(sorted(_themes().themes.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def messages(self, facts: CaptionFacts) -> list[dict[str, str]]:
        """Return the conversation that asks for a caption, as the OpenAI chat API takes it.

        Raises:
            BadCaption: There is no tag; whatever a model wrote would be made up.
        """
        known = {name: text for name, text in _slots(facts).items() if text}
        if "tags" not in known:
            raise BadCaption(
                "got no tag above its threshold; expected one at least, a caption would be made up "
                "(lower instruments.threshold, genres.threshold or moods.threshold)"
            )
        lines = [line.format_map(known) for line in self.user if set(_SLOT.findall(line)) <= set(known)]
        return [{"role": "system", "content": self.system}, {"role": "user", "content": "\n".join(lines)}]

    def metadata(self, facts: CaptionFacts) -> tuple[str, ...]:
        """Return which of the crawled fields the conversation tells the model of, by name, sorted."""
        asked = {slot for line in self.user for slot in _SLOT.findall(line)}
        theme = find_theme(facts, _themes()) if "theme" in asked else None
        told = {name for name, text in _slots(facts).items() if text} & asked & CRAWLED
        return tuple(sorted(told | ({theme.source} if theme else set())))


def _slots(facts: CaptionFacts) -> dict[str, str | None]:
    """Return the text of every slot; None or empty where it is not known."""
    comments = [clean_text(comment, COMMENT_CHARS) for comment in facts.comments[:MAX_COMMENTS]]
    bpm = None if facts.tempo_bpm is None else f"{round(facts.tempo_bpm)} BPM"
    theme = find_theme(facts, _themes())
    vocals = {None: None, True: "yes", False: "none, instrumental"}[facts.has_vocals]
    return {
        "tags": ", ".join(dict.fromkeys((*facts.instruments, *facts.genres, *facts.moods))),
        "genres": ", ".join(facts.genres),
        "instruments": ", ".join(facts.instruments),
        "moods": ", ".join(facts.moods),
        "tempo": ", ".join(filter(None, (facts.tempo_class, bpm))),
        "key": facts.key,
        "vocals": vocals,
        "theme": theme.words if theme else None,
        "title": clean_text(facts.title, TITLE_CHARS),
        "description": clean_text(facts.description, DESCRIPTION_CHARS),
        "comments": " / ".join(filter(None, comments)),
    }


@cache
def _themes() -> Templates:
    return read_templates(THEMES)


def prompt_ids() -> list[str]:
    """Return the ids of all prompts for chat models."""
    return sorted(path.stem for path in PROMPTS.glob("*.yaml") if not path.stem.startswith("grammar-"))


def read_prompt(prompt_id: str) -> ChatPrompt:
    """Read a prompt.

    Raises:
        LookupError: There is no such prompt; the known ones are listed.
        UserError: The file does not say what it should.
    """
    return read_prompt_file(PROMPTS, prompt_id, prompt_ids(), ChatPrompt)
