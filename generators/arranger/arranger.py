"""The arranger as a generator: requests in, music out; no weights."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np

from leitmotif.generators.arranger.attributes import Attributes, attributes_of
from leitmotif.generators.arranger.mastering import keep, master
from leitmotif.generators.arranger.mixing import mix_blocks
from leitmotif.generators.arranger.plan import LONGEST_S, Plan, make_plan
from leitmotif.generators.arranger.reading import read_attributes
from leitmotif.generators.arranger.score import Score
from leitmotif.generators.arranger.stems import BLOCK_S
from leitmotif.generators.arranger.writing import write_score
from leitmotif.generators.generator import Request
from leitmotif.generators.text_to_audio.text_to_audio import check_length
from leitmotif.music.sampler import general_midi
from leitmotif.music.styles import STYLES
from leitmotif.training.loader.decode import Audio

NAME = "arranger"


@dataclass(frozen=True)
class Arrangement:
    """A piece that can be heard.

    Attributes:
        plan: What was decided.
        score: Its notes; another one (retimed, or with fewer parts) may take its place.
    """

    plan: Plan
    score: Score

    @property
    def blocks(self) -> int:
        """How many steps `render` takes."""
        return math.ceil(self.score.seconds / BLOCK_S)

    def render(
        self,
        rate_hz: int,
        *,
        on_step: Callable[[int], None] = lambda step: None,
        scratch: Path | None = None,
    ) -> Audio:
        """Return its sound: stereo, at -16 LUFS, true peaks below -2 dBTP.

        Args:
            rate_hz: Sampling rate.
            on_step: Called after each block with its number, from 1.
            scratch: Where a sound of more than 25 minutes is kept, which memory need not hold.

        Raises:
            OSError: The disk has no room for a long one.
        """
        wetness, samples = STYLES[self.plan.genre].wetness, round(self.score.seconds * rate_hz)
        plan = self.plan
        blocks = mix_blocks(
            self.score, rate_hz, wetness=wetness, valence=plan.valence, arousal=plan.arousal, seed=plan.seed
        )
        return Audio(master(keep(_counted(blocks, on_step), samples, scratch), rate_hz), rate_hz)


class Arranger:
    """Makes music by rules: a plan of what is wanted, a score of the plan, and the sound of a score.

    Args:
        scratch: Where long pieces are kept while they are made; the folder of temporary files by default.

    Attributes:
        rate_hz: Sampling rate of what it makes.
        channels: Channels of what it makes.
        longest_s: Longest piece that it makes.
    """

    rate_hz: int = 44_100
    channels: int = 2
    longest_s: float = LONGEST_S

    def __init__(self, scratch: Path | None = None) -> None:
        self.scratch = scratch

    def load(self, device: str = "cpu") -> Self:
        """Open the sound font; there is nothing that a device could hold.

        Raises:
            UserError: The package with the sound font is not installed.
        """
        general_midi()
        return self

    def steps(self, request: Request) -> int:
        """Return how many steps a request takes."""
        return math.ceil(request.seconds / BLOCK_S)

    def arrange(self, request: Request, beneath: Attributes | None = None) -> Arrangement:
        """Return the piece of a request in notes; see `outline`."""
        plan = self.outline(request, beneath)
        return Arrangement(plan, write_score(plan))

    def outline(self, request: Request, beneath: Attributes | None = None) -> Plan:
        """Return what the piece of a request will be.

        Args:
            request: Its `attributes` stand over what its `prompt` says.
            beneath: What fits, where both leave it open.

        Raises:
            UserError: It is for a length that is not made, or an attribute is of no use.
        """
        check_length(request, NAME, LONGEST_S)
        # Where words say nothing of music, others are at least another piece, and so is what else fits.
        silent = read_attributes(request.prompt or "") == Attributes()
        beside = (request.prompt or "") + ("" if beneath is None else repr(beneath))
        salt = zlib.crc32(beside.encode()) if silent else 0
        wanted = asked_of(request) if beneath is None else asked_of(request).over(beneath)
        return make_plan(wanted, request.seconds, request.seed, salt)

    def generate(
        self, requests: Sequence[Request], on_step: Callable[[int], None] = lambda step: None
    ) -> list[Audio]:
        """Return one piece for each request, in order.

        Raises:
            UserError: A request cannot be met.
            OSError: The disk has no room for a long piece.
        """
        made, done = [], 0
        for piece in [self.arrange(request) for request in requests]:
            told = partial(_told, on_step, done)
            made.append(piece.render(self.rate_hz, on_step=told, scratch=self.scratch))
            done += piece.blocks
        return made


def asked_of(request: Request) -> Attributes:
    """Return what a request asks for: its attributes, and beneath them what its words say.

    Raises:
        UserError: An attribute is of no use.
    """
    return attributes_of(request.attributes).over(read_attributes(request.prompt or ""))


def _counted(blocks: Iterator[np.ndarray], on_step: Callable[[int], None]) -> Iterator[np.ndarray]:
    for number, block in enumerate(blocks, start=1):
        yield block
        on_step(number)


def _told(on_step: Callable[[int], None], before: int, step: int) -> None:
    on_step(before + step)
