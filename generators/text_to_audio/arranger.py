"""Text-to-audio backend `arranger`: music by rules and a General MIDI sound font, without any weights."""

from __future__ import annotations

from collections.abc import Sequence

from leitmotif.generators.arranger.arranger import NAME, Arranger
from leitmotif.generators.generator import Request
from leitmotif.generators.text_to_audio.text_to_audio import OnStep, check_request
from leitmotif.training.loader.decode import Audio

MODEL_ID = "arranger"
REVISION = "1"
LICENSE = "Apache-2.0"
COMMERCIAL = "yes"  # of the sound font that it plays, docs/models.md says what is known
RATE_HZ = 44_100
CHANNELS = "2"
LONGEST_S = 10_800.0
MEMORY = "less than 1 GB, whatever the length"
BEST_AT = "music of a genre, mood, tempo, key and line-up, with an end; no weights, faster than it plays"
REFERENCE = "docs/arranging.md"
PACKAGES = ("pretty_midi",)  # which brings the sound font
EXTRA = "generate"


class WordsToMusic(Arranger):
    """Arranges what words say (`leitmotif.generators.text_to_audio.text_to_audio.TextToAudio`)."""

    name = NAME

    def generate(self, requests: Sequence[Request], on_step: OnStep = lambda step: None) -> list[Audio]:
        """Return one piece for each request, in order.

        Raises:
            UserError: A request has no words, or cannot be met.
            OSError: The disk has no room for a long piece.
        """
        for request in requests:
            check_request(request, self.name, self.longest_s)
        return super().generate(requests, on_step)


TEXT_TO_AUDIO = WordsToMusic
