"""PE-AV: sounds, films and sentences in one space, so that a silent film finds music by its sound."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from transformers import AutoConfig, AutoTokenizer, PeAudioVideoModel

from leitmotif.encoders.encoder import check_batch, embed_in_batches, inference, loaded
from leitmotif.encoders.windows import fit_window
from leitmotif.extras import needs
from leitmotif.weights.hub import local_folder
from leitmotif.weights.load import check_kind, load_network, loading
from leitmotif.weights.published import pinned
from leitmotif.weights.resolve import resolve_model

MODEL_ID = "facebook/pe-av-small"
REVISION = "dd050762bb9704ae9cd996ca45532a98f81d817e"
LICENSE = "Apache-2.0"
COMMERCIAL = "yes"
RATE_HZ = 48_000
REFERENCE = (
    "Vyas et al., Pushing the frontier of audiovisual perception with large-scale multimodal correspondence "
    "learning, arXiv:2512.19687"
)
SETTINGS = {"model": None, "revision": None}
PACKAGES = ("timm",)
EXTRA = "pe-av"
READS = "audio"
ASKED_BY = ("audio", "video", "image")
WINDOW_S = 10.0  # it takes any length; clips of this one are what it was trained and is judged on
TOKENS = 512  # of a text, as its tokenizer has it
_AT_ONCE = 4
# Where a processor of transformers says how frames are prepared: in a file of its own, or in one for all.
_FRAMES = (("video_preprocessor_config.json", None), ("processor_config.json", "video_processor"))


class PeAvEncoder:
    """Embeds mono windows, films and sentences; cosines to a sound are comparable.

    The constructor holds settings only. What sees is a network of timm's, so that the whole needs that.

    Args:
        model: A folder or a hub id.
        revision: Revision of a hub id; by default the pinned one, or "main" of an id that is not known here.
        batch: Windows or texts that run at once.
    """

    rate_hz = RATE_HZ
    window_s = WINDOW_S
    dim: int

    def __init__(
        self, model: str = MODEL_ID, *, revision: str | None = None, batch: int | None = None
    ) -> None:
        self.model = model
        self.revision = revision
        self.batch = check_batch(batch) or _AT_ONCE
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The model is missing, incomplete, or of another kind.
            LookupError: timm is not installed.
        """
        if find_spec("timm") is None:
            said = needs("the encoder 'pe-av'", "timm", EXTRA)
            raise LookupError(
                f"{said} where torch is a CUDA build (torchvision keeps others from loading models)"
            )
        folder = local_folder(resolve_model(self.model), pinned(self.model, self.revision))
        expected = "a whole folder of PeAudioVideoModel.save_pretrained with its processor"
        # transformers 5.23 prints faults of its own docstrings.
        with loading(self.model, "PE-AV", expected), redirect_stdout(io.StringIO()):
            check_kind(AutoConfig.from_pretrained(folder), "pe_audio_video")
            net = load_network(PeAudioVideoModel, folder)
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
            self._frames = _frame_settings(folder)
        self._net = net.to(device)
        self._device = device
        self.dim = int(net.config.text_config.hidden_size)
        return self

    def embed_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return one embedding per window, shape (windows, dim), float32, L2-normalised.

        Args:
            windows: Mono float32 windows at `rate_hz`, shape (n,), n >= 1. A window longer than `window_s` is
                cut to its beginning; a shorter one is repeated until it is long enough.
        """
        loaded(self._net)
        return embed_in_batches(windows, self.batch, self._embed_windows, self.dim)

    def _embed_windows(self, windows: Sequence[np.ndarray]) -> torch.Tensor:
        size = round(WINDOW_S * RATE_HZ)
        waves = np.stack([fit_window(window, size, padding="repeat") for window in windows])
        heard = self._net.audio_model
        with inference(self._device, half=False):
            sound = torch.from_numpy(waves)[:, None].to(self._device)  # (windows, 1, samples)
            return heard.audio_head(heard.audio_encoder(input_values=sound).pooler_output)

    def embed_film(self, pictures: Sequence[Image.Image]) -> np.ndarray:
        """Return the embedding of a film by its pictures, in order: (dim,), float32, L2-normalised."""
        loaded(self._net)
        pixels = torch.stack([self._frames.prepare(picture) for picture in pictures])
        rows = embed_in_batches([pixels], 1, self._embed_film, self.dim)
        film: np.ndarray = rows[0]
        return film

    def _embed_film(self, films: Sequence[torch.Tensor]) -> torch.Tensor:
        seen = self._net.video_model
        with inference(self._device, half=False):
            frames = torch.stack(list(films)).to(self._device)  # (films, frames, 3, side, side)
            return seen.video_head(seen.video_encoder(pixel_values_videos=frames).pooler_output)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        loaded(self._net)
        return embed_in_batches(texts, self.batch, self._embed_texts, self.dim)

    def _embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
        )
        ids, mask = (tokens[name].to(self._device) for name in ("input_ids", "attention_mask"))
        with inference(self._device, half=False):
            # get_text_audio_embeds of transformers 5.23 calls what is not there.
            states = self._net.text_model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            return self._net.audio_model.text_audio_head(states.hidden_states[-1][:, 0])


class _FrameSettings:
    """How a picture becomes pixels: scaled to a square, and normalised."""

    def __init__(self, settings: Any) -> None:
        size = settings["size"]
        self.side = (int(size["width"]), int(size["height"]))
        self.mean, self.std = (
            torch.tensor(settings[name], dtype=torch.float32).view(3, 1, 1)
            for name in ("image_mean", "image_std")
        )

    def prepare(self, picture: Image.Image) -> torch.Tensor:
        """Return a picture's pixels, (3, height, width), float32."""
        scaled = picture.convert("RGB").resize(self.side, Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.asarray(scaled, np.float32) / 255).permute(2, 0, 1)
        return (pixels - self.mean) / self.std


def _frame_settings(folder: Path) -> _FrameSettings:
    for name, key in _FRAMES:
        if (folder / name).is_file():
            found = json.loads((folder / name).read_text(encoding="utf-8"))
            if settings := found.get(key) if key else found:
                return _FrameSettings(settings)
    raise ValueError(f"it has neither {' nor '.join(name for name, _ in _FRAMES)}")


SENTENCE_ENCODER = PeAvEncoder
