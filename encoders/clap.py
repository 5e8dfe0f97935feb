"""CLAP: windows of audio and sentences in one space (transformers' `ClapModel`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoConfig, AutoTokenizer, ClapFeatureExtractor, ClapModel

from leitmotif.encoders.encoder import check_batch, embed_in_batches, inference, loaded
from leitmotif.encoders.laion import MAX_TOKENS, laion_extractor, laion_tokenizer, load_laion
from leitmotif.encoders.mel import MelSpectrogram, level_features
from leitmotif.encoders.windows import fit_window
from leitmotif.weights.files import CHECKPOINTS
from leitmotif.weights.hub import local_folder
from leitmotif.weights.load import check_kind, load_network, loading
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import resolve_model, revision_of

# Not laion/larger_clap_music, whose text tower gives nearly the same embedding for every text
# (https://github.com/embeddings-benchmark/mteb/issues/5069).
MODEL_ID = "laion/larger_clap_general"
REVISION = "ada0c23a36c4e8582805bb38fec3905903f18b41"
LICENSE = "Apache-2.0"
RATE_HZ = 48_000
REFERENCE = "Wu et al., Large-scale contrastive language-audio pretraining, ICASSP 2023, arXiv:2211.06687"
SETTINGS = {"model": None, "revision": None, "tokenizer": None}
# Windows that run at once: on a CPU as many as fit its cache, on a GPU as many as keep it busy.
_CACHE_BYTES = 8 << 20
_MOST_ON_CPU, _ON_GPU = 16, 64


class ClapEncoder:
    """Embeds mono windows and sentences; cosines of the two are comparable.

    The constructor holds settings only. Windows are cropped and padded here, never at random, and every call
    runs its own list in chunks of `batch`, so that a clip gets the same bits alone or among thousands of
    others. A model with feature fusion hears each window as the short sound that it is.

    Args:
        model: A model that ships, a folder, a hub id, or one of LAION's own `.pt` files.
        revision: Revision of a hub id; by default the pinned one, or "main" of an id that is not known here.
        tokenizer: What a `.pt` file lacks: a folder or hub id with RoBERTa's tokenizer; by default the hub's.
        batch: Windows or texts that run at once; by default what suits the model and the device.
    """

    rate_hz: int
    window_s: float
    dim: int
    revision_id: str
    logit_scale: float

    def __init__(
        self,
        model: str = MODEL_ID,
        *,
        revision: str | None = None,
        tokenizer: str | None = None,
        batch: int | None = None,
    ) -> None:
        self.model = model
        self.revision = revision
        self.tokenizer = tokenizer
        self.batch = check_batch(batch)
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The model is missing, incomplete, or no CLAP model.
        """
        source = resolve_model(self.model, files=CHECKPOINTS)
        revision = pinned(self.model, self.revision)
        self.revision_id = revision_of(source, None, revision)
        if isinstance(source, Path) and source.is_file():
            self._read_checkpoint(source)
        else:
            self._read_folder(local_folder(source, revision))
        self._net.eval().requires_grad_(False).to(device)
        self._device = device
        config = self._net.config
        self.rate_hz = int(self._features.sampling_rate)
        self.window_s = float(self._features.max_length_s)
        self.dim = int(config.projection_dim)
        fused = bool(config.audio_config.enable_fusion)
        self._mel = MelSpectrogram(self._features, fused=fused, device=device)
        # An entry of ours in preprocessor_config.json; published CLAP models have none.
        self._range_db: float | None = getattr(self._features, "range_db", None)
        self._at_once = self.batch or _windows_at_once(config.audio_config, device)
        self.logit_scale = float(self._net.logit_scale_a.exp())
        return self

    def _read_checkpoint(self, path: Path) -> None:
        self._net = load_laion(path)
        self._features = laion_extractor(fused=self._net.config.audio_config.enable_fusion)
        self._tokenizer = laion_tokenizer(self.tokenizer)
        self._max_tokens = MAX_TOKENS

    def _read_folder(self, folder: Path) -> None:
        with loading(
            self.model, "CLAP", "a whole folder of ClapModel.save_pretrained with its extractor and tokenizer"
        ):
            check_kind(AutoConfig.from_pretrained(folder), "clap")
            self._net = load_network(ClapModel, folder)
            self._features = ClapFeatureExtractor.from_pretrained(folder)
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
        text = self._net.config.text_config
        self._max_tokens = text.max_position_embeddings - text.pad_token_id - 1

    def embed_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return one embedding per window.

        Args:
            windows: Mono float32 windows at `rate_hz`, shape (n,), n >= 1. A window longer than `window_s` is
                cut to its beginning; a shorter one is repeated as often as it fits whole, then padded with
                silence.

        Returns:
            Shape (windows, dim), float32, L2-normalised.

        Raises:
            ValueError: A window is empty, not mono, or holds NaN or infinity.
        """
        loaded(self._net)
        return embed_in_batches(windows, self._at_once, self._embed_windows, self.dim)

    def _embed_windows(self, windows: Sequence[np.ndarray]) -> Any:
        size = round(self.window_s * self.rate_hz)
        # (windows, samples)
        waves = np.stack([fit_window(window, size, padding=self._features.padding) for window in windows])
        with inference(self._device, half=False):
            features = self._mel(torch.from_numpy(waves))  # (windows, 1, frames, mels)
            if self._range_db is not None:
                features = level_features(features, self._range_db)
        # Where nothing is longer than a window, fusion reads only the first of its four channels.
        longer = torch.zeros(len(windows), 1, dtype=torch.bool, device=self._device)
        with inference(self._device):
            return self._net.get_audio_features(input_features=features, is_longer=longer)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        loaded(self._net)
        return embed_in_batches(texts, self.batch or _MOST_ON_CPU, self._embed_texts, self.dim)

    def _embed_texts(self, texts: Sequence[str]) -> Any:
        tokens = self._tokenizer(
            [str(text) for text in texts],
            padding=True,
            truncation=True,
            max_length=self._max_tokens,
            return_tensors="pt",
        )
        with inference(self._device, half=False):
            return self._net.get_text_features(
                input_ids=tokens["input_ids"].to(self._device),
                attention_mask=tokens["attention_mask"].to(self._device),
            )


def _windows_at_once(audio: Any, device: str) -> int:
    """Return how many windows run best at once: on a CPU, as many as have their widest layer in its cache."""
    if torch.device(device).type != "cpu":
        return _ON_GPU
    stride = audio.patch_stride if isinstance(audio.patch_stride, int) else audio.patch_stride[0]
    patches = (audio.spec_size // stride) ** 2
    widest_bytes = patches * round(audio.patch_embeds_hidden_size * audio.mlp_ratio) * 4
    return max(1, min(_MOST_ON_CPU, _CACHE_BYTES // widest_bytes))


AUDIO_ENCODER = ClapEncoder
