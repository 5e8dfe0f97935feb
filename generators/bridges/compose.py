"""Makes music of bridges, and of nothing else: the same bridges give the same music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leitmotif.generators.bridges.bridges import Bridges, Track
from leitmotif.generators.bridges.sounds import Library, read_reference
from leitmotif.generators.ecmg.prompts import with_attribute
from leitmotif.generators.generator import Generator, Request
from leitmotif.media.sandbox import SandboxedWorker
from leitmotif.retrieval.attributes import find_attributes
from leitmotif.storage.digest import sha256_of
from leitmotif.storage.errors import UserError
from leitmotif.taxonomy.labels import load
from leitmotif.training.loader.decode import Audio


@dataclass(frozen=True)
class Composer:
    """Makes music of bridges.

    Attributes:
        generator: Makes the sound; loaded.
        worker: The process that reads files of media.
        library: The clips that bridges lead to; None where there is no dataset.
    """

    generator: Generator
    worker: SandboxedWorker
    library: Library | None = None

    def make(self, bridges: Bridges, on_step: Callable[[int], None] = lambda step: None) -> Audio:
        """Return the music: a batch of its own, so that it does not depend on what is made beside it.

        Args:
            bridges: Everything that it follows from; `steps` and `guidance` are the generator's.
            on_step: Called after each step with its number, from 1.

        Raises:
            UserError: A clip or a file is not there, or no more what it was, or the model cannot make it.
        """
        return self.generator.generate([self.request(bridges)], on_step)[0]

    def request(self, bridges: Bridges) -> Request:
        """Return what the generator is asked for.

        Raises:
            UserError: As of `make`.
        """
        targeted = bridges.targeted
        return Request(
            seconds=bridges.seconds,
            prompt=self.prompt(bridges) or None,
            reference=None if bridges.broad is None else self._sound(bridges.broad),
            style=None if targeted is None else self._library(targeted).style(targeted.clip_id or ""),
            strength=bridges.strength,
            seed=bridges.seed,
        )

    def prompt(self, bridges: Bridges) -> str:
        """Return the text with the words for what is wanted at its end.

        Raises:
            UserError: Something that is wanted is in no label set.
        """
        taxonomy = load() if self.library is None else self.library.dataset.taxonomy
        prompt = bridges.text
        for attribute in find_attributes(bridges.attributes, taxonomy):
            prompt = with_attribute(prompt, attribute.prompts[0])
        return prompt

    def _sound(self, track: Track) -> Audio:
        if track.clip_id is not None:
            sound, sha256 = self._library(track).sound(track.clip_id, self.generator.longest_s)
        else:
            path = Path(track.file or "")
            sound = read_reference(path, self.generator.longest_s, self.worker)
            sha256 = sha256_of(path)
        if sha256 != track.sha256:
            raise UserError(
                f"the sound of {track.clip_id or track.file} is another than when these bridges were found; "
                "find them anew, or give the former one"
            )
        return sound

    def _library(self, track: Track) -> Library:
        if track.clip_id is None or self.library is None:
            raise UserError(f"got the track {track.name} without its dataset; give the dataset that it is in")
        return self.library
