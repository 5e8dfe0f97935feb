"""MS-CLAP 2023: seven-second windows and sentences in one space, to find sound by sentences.

It is also what PAM asks for the quality of a sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoTokenizer, ClapFeatureExtractor

from leitmotif.encoders.encoder import check_batch, embed_in_batches, inference, loaded
from leitmotif.encoders.mel import MelSpectrogram
from leitmotif.encoders.ms_clap_network import MEL_FILTERS, from_published, network_of
from leitmotif.encoders.windows import fit_window
from leitmotif.weights.hub import local_file, tokenizer_folder
from leitmotif.weights.load import fill, loading, read_weights
from leitmotif.weights.published import MSCLAP_2023, pinned
from leitmotif.weights.resolve import BadModel

MODEL_ID = "microsoft/msclap"
REVISION = "c47d441165daa21986ead0850660917636a81775"
LICENSE = "MS-PL"
RATE_HZ = 44_100  # of its sound; the filters of its spectrogram are those of 32 kHz, see `front_end`
REFERENCE = (
    "Elizalde et al., Natural language supervision for general-purpose audio representations, ICASSP 2024, "
    "arXiv:2309.05767"
)
SETTINGS = {"model": None, "revision": None, "tokenizer": None}
READS = "audio"  # of a clip, where sentences are to find it
TOKENIZER_ID = "openai-community/gpt2"
WINDOW_S = 7.0  # PAM scores chunks of this length
_AT_ONCE = 8
TOKENS = 77  # of a text, filled up with 0


class MsClapEncoder:
    """Embeds mono windows and sentences; cosines of the two are comparable.

    The constructor holds settings only. Every call runs its own list in chunks of `batch`, so that a clip has
    the same bits alone or among thousands of others. All is in single precision on a GPU, too: cosines are
    multiplied by a large `logit_scale` before their softmax.

    Args:
        model: A file, a folder that holds it, or a hub id; by default the published one.
        revision: Revision of a hub id; by default the pinned one.
        tokenizer: A folder or hub id with GPT-2's tokenizer.
        batch: Windows or texts that run at once.
    """

    rate_hz = RATE_HZ
    window_s = WINDOW_S
    dim: int
    revision_id: str
    logit_scale: float

    def __init__(
        self,
        model: str | None = None,
        *,
        revision: str | None = None,
        tokenizer: str = TOKENIZER_ID,
        batch: int | None = None,
    ) -> None:
        self.model = model
        self.revision = revision
        self.tokenizer = tokenizer
        self.batch = check_batch(batch) or _AT_ONCE
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights and the tokenizer.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: Something is missing, or the file is no checkpoint of MS-CLAP 2023.
        """
        self.revision_id = MSCLAP_2023.name(self.model, self.revision).rpartition("@")[2]
        path = self._fetched(MSCLAP_2023.locate(self.model))
        weights = read_weights(path)
        with loading(str(path), "MS-CLAP 2023", f"{MSCLAP_2023.file} of {MSCLAP_2023.url}"):
            net = network_of(weights)
            fill(net, from_published(weights, net))
        self._tokenizer = self._load_tokenizer(len(weights["caption_encoder.base.wte.weight"]))
        self._net = net.eval().requires_grad_(False).to(device)
        self._device = device
        self._mel = MelSpectrogram(front_end(weights), fused=False, device=device)
        self.dim = net.audio_encoder.projection.layer_norm.weight.numel()
        self.logit_scale = float(net.logit_scale.exp())
        return self

    def embed_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return one embedding per window.

        Args:
            windows: Mono float32 windows at `rate_hz`, shape (n,), n >= 1. A window longer than `window_s` is
                cut to its beginning; a shorter one is repeated until it is long enough.

        Returns:
            Shape (windows, dim), float32, L2-normalised.

        Raises:
            ValueError: A window is empty, not mono, or holds NaN or infinity.
        """
        loaded(self._net)
        return embed_in_batches(windows, self.batch, self._embed_windows, self.dim)

    def _embed_windows(self, windows: Sequence[np.ndarray]) -> torch.Tensor:
        size = round(WINDOW_S * RATE_HZ)
        # (windows, samples)
        waves = np.stack([fit_window(window, size, padding="repeat") for window in windows])
        with self._precisely():
            return self._net.embed_audio(self._mel(torch.from_numpy(waves)))  # from (windows, 1, frames, 64)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        loaded(self._net)
        return embed_in_batches(texts, self.batch, self._embed_texts, self.dim)

    def _embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self._tokenizer(
            [f"{text} <|endoftext|>" for text in texts],
            padding="max_length",
            truncation=True,
            max_length=TOKENS,
            return_tensors="pt",
        ).to(self._device)
        with self._precisely():
            return self._net.embed_tokens(tokens["input_ids"], tokens["attention_mask"])

    def _fetched(self, source: Path | str) -> Path:
        """Return the file itself, from the hub or its cache where a hub id is given."""
        by_hand = f"say where the file is by --set {MSCLAP_2023.settings[0]}=PATH"
        return local_file(source, MSCLAP_2023.file, self.revision_id, otherwise=by_hand)

    def _load_tokenizer(self, words: int) -> Any:
        folder = tokenizer_folder(self.tokenizer, pinned(self.tokenizer))
        with loading(
            self.tokenizer, "a tokenizer", "a folder or hub id with GPT-2's vocab.json and merges.txt"
        ):
            tokenizer = AutoTokenizer.from_pretrained(folder)
            # "!" is what GPT-2 has under 0, with which the texts of the training were filled up.
            tokenizer.add_special_tokens({"pad_token": "!"})
        if tokenizer.pad_token_id != 0 or len(tokenizer) != words:
            raise BadModel(
                f"got tokenizer {self.tokenizer!r} with {len(tokenizer)} words and '!' as "
                f"{tokenizer.pad_token_id}; expected GPT-2's, with {words} words and '!' as 0"
            )
        return tokenizer

    @contextmanager
    def _precisely(self) -> Iterator[None]:
        with inference(self._device), torch.autocast("cuda", enabled=False):
            yield


def front_end(weights: Mapping[str, torch.Tensor]) -> ClapFeatureExtractor:
    """Return the settings of the spectrogram: sound at 44.1 kHz, but filters of 32 kHz, as it was trained.

    Args:
        weights: Weights of the checkpoint by name; the filters, shape (bins, 64), are taken from there where
            it holds them.
    """
    extractor = ClapFeatureExtractor(
        feature_size=64,
        sampling_rate=32_000,
        hop_length=320,
        fft_window_size=1024,
        frequency_min=50,
        frequency_max=14_000,
    )
    if MEL_FILTERS in weights:
        extractor.mel_filters_slaney = weights[MEL_FILTERS].double().numpy()
    return extractor


AUDIO_ENCODER = MsClapEncoder
QUALITY_ENCODER = MsClapEncoder
SENTENCE_ENCODER = MsClapEncoder
