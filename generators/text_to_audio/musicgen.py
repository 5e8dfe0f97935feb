"""Text-to-audio backend `musicgen`: Meta's MusicGen, by transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from transformers import AutoConfig, AutoTokenizer, MusicgenForConditionalGeneration

from leitmotif.generators.generator import Request, loaded
from leitmotif.generators.text_to_audio.text_to_audio import OnStep, fetch_command, make_each
from leitmotif.generators.text_to_audio.token_model import TokenModel
from leitmotif.training.loader.decode import Audio
from leitmotif.weights.hub import local_folder
from leitmotif.weights.load import check_kind, load_network, loading
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import resolve_model

MODEL_ID = "facebook/musicgen-small"
REVISION = "4c8334b02c6ec4e8664a91979669a501ec497792"
LICENSE = "code Apache-2.0, weights CC-BY-NC-4.0"
COMMERCIAL = "no"
RATE_HZ = 32_000
CHANNELS = "1; 2 with facebook/musicgen-stereo-*"
# The models were trained on windows of 30 seconds.
LONGEST_S = 30.0
MEMORY = "4 GB; medium 9 GB, large 16 GB"
BEST_AT = "music of any style, without voices"
REFERENCE = "Copet et al., Simple and controllable music generation, NeurIPS 2023, arXiv:2306.05284"
SETTINGS = {"model": "facebook/musicgen-small", "revision": None}


class MusicGen:
    """Makes music (`leitmotif.generators.text_to_audio.text_to_audio.TextToAudio`).

    Args:
        model: `facebook/musicgen-*`, but for those that want a melody, or a folder of the same format.
        revision: Revision of a hub id; by default the pinned one.
    """

    rate_hz: int
    channels: int
    name = "musicgen"
    longest_s = LONGEST_S

    def __init__(self, model: str = MODEL_ID, revision: str | None = None) -> None:
        self.model, self.revision = model, pinned(model, revision)
        self._tokens: TokenModel | None = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights onto a torch device.

        Raises:
            BadModel: They are missing, incomplete, or of another kind.
        """
        self._tokens = tokens = self._open()
        tokens.net.eval().requires_grad_(False).to(device)
        self.rate_hz, self.channels = tokens.rate_hz, tokens.channels
        return self

    def _open(self) -> TokenModel:
        fetch = fetch_command(self.name)
        folder = local_folder(resolve_model(self.model), self.revision, fetch=fetch)
        expected = "a whole folder of MusicgenForConditionalGeneration"
        with loading(self.model, "MusicGen", expected, fetch=fetch):
            check_kind(AutoConfig.from_pretrained(folder), "musicgen")
            net = load_network(MusicgenForConditionalGeneration, folder)
            return TokenModel(net, AutoTokenizer.from_pretrained(folder))

    def steps(self, request: Request) -> int:
        """Return how many steps a request takes."""
        return loaded(self._tokens).steps(request)

    def generate(self, requests: Sequence[Request], on_step: OnStep = lambda step: None) -> list[Audio]:
        """Return one sound for each request, in order.

        Raises:
            UserError: A request cannot be met.
        """
        return make_each(self, requests, loaded(self._tokens).make, on_step)


TEXT_TO_AUDIO = MusicGen
