"""CLAP: windows of audio and sentences in one space (transformers' `ClapModel`)."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from transformers import AutoConfig, AutoTokenizer, ClapFeatureExtractor, ClapModel

from encoders.folders import BadModel, check_complete, check_kind, resolve_model, revision_of
from encoders.levels import level_features
from encoders.vectors import pooled_rows, unit_rows

MODEL_ID = "laion/larger_clap_music"
REVISION = "main"
LICENSE = "Apache-2.0"
RATE_HZ = 48_000
REFERENCE = "Wu et al., Large-scale contrastive language-audio pretraining, ICASSP 2023, arXiv:2211.06687"


class ClapEncoder:
    """Embeds mono windows and sentences; cosines of the two are comparable.

    The constructor holds settings only. Windows are cropped and padded here, never at random, and every call
    runs its own list in chunks of `batch`, so that a clip gets the same bits alone or among thousands of
    others.
    """

    rate_hz: int
    window_s: float
    dim: int
    revision_id: str
    logit_scale: float

    def __init__(self, model: str = MODEL_ID, *, revision: str | None = None, batch: int = 16) -> None:
        if batch < 1:
            raise ValueError(f"got batch={batch}; expected 1 or more")
        self.model = model
        self.revision = revision
        self.batch = batch

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The model is missing, incomplete, or no CLAP model.
        """
        source = resolve_model(self.model)
        pinned = self.revision or REVISION
        try:
            check_kind(AutoConfig.from_pretrained(source, revision=pinned), "clap")
            self._net, report = ClapModel.from_pretrained(
                source, revision=pinned, dtype=torch.float32, output_loading_info=True
            )
            check_complete(report)
            self._features = ClapFeatureExtractor.from_pretrained(source, revision=pinned)
            self._tokenizer = AutoTokenizer.from_pretrained(source, revision=pinned)
        except (OSError, ValueError, RuntimeError, KeyError, AttributeError, TypeError) as error:
            first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise BadModel(
                f"got model {self.model!r}, which does not load as CLAP ({first_line}); expected a folder "
                "written by ClapModel.save_pretrained with its extractor and tokenizer, or a reachable hub id"
            ) from error
        self._net.eval().requires_grad_(False).to(device)
        self._device = device
        config = self._net.config
        self._fused = bool(config.audio_config.enable_fusion)
        self.rate_hz = int(self._features.sampling_rate)
        self.window_s = float(self._features.max_length_s)
        self.dim = int(config.projection_dim)
        # An entry of ours in preprocessor_config.json; published CLAP models have none.
        self._range_db: float | None = getattr(self._features, "range_db", None)
        self.logit_scale = float(self._net.logit_scale_a.exp())
        self.revision_id = revision_of(source, getattr(config, "_commit_hash", None), self.revision)
        return self

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
        net = self._loaded()
        size = round(self.window_s * self.rate_hz)
        rows = []
        for start in range(0, len(windows), self.batch):
            chunk = [
                fit_window(w, size, padding=self._features.padding)
                for w in windows[start : start + self.batch]
            ]
            # With "fusion", the extractor stacks four copies of a window that is no longer than max_length_s.
            inputs = self._features(
                chunk,
                sampling_rate=self.rate_hz,
                truncation="fusion" if self._fused else "rand_trunc",
                return_tensors="pt",
            )
            features = inputs["input_features"].to(self._device, torch.float32)
            if self._range_db is not None:
                features = level_features(features, self._range_db)
            # The extractor marks one random window as longer; none of ours is.
            is_longer = torch.zeros(len(chunk), 1, dtype=torch.bool, device=self._device)
            with torch.inference_mode():
                rows.append(pooled_rows(net.get_audio_features(input_features=features, is_longer=is_longer)))
        return unit_rows(rows, self.dim)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        net = self._loaded()
        limit = net.config.text_config.max_position_embeddings - net.config.text_config.pad_token_id - 1
        rows = []
        for start in range(0, len(texts), self.batch):
            chunk = [str(text) for text in texts[start : start + self.batch]]
            tokens = self._tokenizer(
                chunk, padding=True, truncation=True, max_length=limit, return_tensors="pt"
            )
            with torch.inference_mode():
                rows.append(
                    pooled_rows(
                        net.get_text_features(
                            input_ids=tokens["input_ids"].to(self._device),
                            attention_mask=tokens["attention_mask"].to(self._device),
                        )
                    )
                )
        return unit_rows(rows, self.dim)

    def _loaded(self) -> Any:
        if not hasattr(self, "_net"):
            raise RuntimeError("got an encoder without weights; expected load(device) to be called first")
        return self._net


def fit_window(window: np.ndarray, size: int, *, padding: str = "repeatpad") -> np.ndarray:
    """Return the window at exactly `size` samples: cut at its end, or repeated and padded.

    Args:
        window: Shape (n,), n >= 1.
        size: Samples wanted.
        padding: "repeatpad" (whole repeats, then silence), "repeat" (the last one is cut) or "pad" (silence).

    Returns:
        Shape (size,), float32.

    Raises:
        ValueError: The window is empty, not mono, or holds NaN or infinity, or the padding is unknown.
    """
    window = np.asarray(window, np.float32)
    if window.ndim != 1 or not window.size:
        raise ValueError(f"got a window of shape {window.shape}; expected mono samples, shape (n,), n >= 1")
    if not np.isfinite(window).all():
        raise ValueError("got a window with NaN or infinite samples; expected finite float32 audio")
    if padding not in ("repeatpad", "repeat", "pad"):
        raise ValueError(f"got padding {padding!r}; expected repeatpad, repeat or pad")
    if len(window) >= size:
        return window[:size]
    if padding == "repeat":
        return np.resize(window, size)
    if padding == "repeatpad":
        window = np.tile(window, size // len(window))
    return np.pad(window, (0, size - len(window)))
