"""What a captioner is, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from leitmotif.captioning.errors import BadCaption
from leitmotif.captioning.facts import CaptionFacts


@dataclass(frozen=True)
class Caption:
    """A caption, and how it was asked for.

    Attributes:
        text: The caption.
        seed: Seed of the try that wrote it; None where the server knows no seed, and of a grammar.
        system: The instructions stood in a turn of the system, as the prompt has it.
        metadata: What the words may come from beside the sound: "title", "description", "comments".
    """

    text: str
    seed: int | None
    system: bool = True
    metadata: tuple[str, ...] = ()


# Called with each caption as soon as it is written.
Keep = Callable[[CaptionFacts, Caption], object]


def keep_nothing(facts: CaptionFacts, caption: Caption) -> None:
    """Do nothing with a caption before the batch is done."""


class Captioner(Protocol):
    """Writes about clips. A file here that exports `CAPTIONER`, a class like this, is a backend.

    Attributes:
        prompt_id: Name and version of its prompt, as it is written in datasets.
    """

    prompt_id: str

    @classmethod
    def make(cls, prompt_id: str | None, settings: Mapping[str, Any], *, instrumental: bool) -> Self:
        """Return a captioner, not loaded yet.

        Args:
            prompt_id: Name and version of its prompt; None for its own choice.
            settings: Settings of the stage.
            instrumental: The music of videos is described, without its voices; else tracks as they are.
        """

    def model(self) -> str:
        """Return `id@revision`, without loading anything."""

    def identity(self) -> Mapping[str, Any]:
        """Return what changes its words beside the model.

        Raises:
            LookupError: There is no such prompt; the known ones are listed.
        """

    def load(self) -> Self:
        """Get ready."""

    def caption(self, batch: Sequence[CaptionFacts], keep: Keep = keep_nothing) -> list[Caption | BadCaption]:
        """Return for each clip, in order, its caption or why there is none, and tell of each as it comes."""
