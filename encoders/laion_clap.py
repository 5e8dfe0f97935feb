"""CLAP by the package `laion-clap`, which is LAION's own code, on LAION's own `.pt` checkpoints.

`leitmotif.encoders.clap` loads the same files, faster and without the package; this backend is there to
compare with. How to install the package beside ours: docs/laion-parity.md.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import transformers

from leitmotif.encoders.encoder import check_batch, embed_in_batches, inference, loaded
from leitmotif.encoders.laion import is_fused, laion_tokenizer
from leitmotif.encoders.windows import fit_window
from leitmotif.storage.errors import first_line
from leitmotif.weights.files import CHECKPOINTS
from leitmotif.weights.load import loading, read_weights
from leitmotif.weights.resolve import BadModel, resolve_model, revision_of

MODEL_ID = "music_audioset_epoch_15_esc_90.14.pt"  # of the hub's repository lukewys/laion_clap
REVISION = "b3708341862f581175dba5c356a4ebf74a9b6651"
LICENSE = "CC0-1.0"
RATE_HZ = 48_000
REFERENCE = "Wu et al., Large-scale contrastive language-audio pretraining, ICASSP 2023, arXiv:2211.06687"
SETTINGS = {"model": None, "revision": None, "tokenizer": None}
EXTRA = "laion"
_WINDOW_S = 10.0  # what `laion_extractor` takes at most
_AT_ONCE = 8
# The package's names of its audio towers, by the width of their patch embedding.
_TOWERS = {96: "HTSAT-tiny", 128: "HTSAT-base", 256: "HTSAT-large"}
_ROBERTA = {
    "vocab_size": 50265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}


class LaionClapEncoder:
    """Embeds mono windows and sentences; cosines of the two are comparable.

    The constructor holds settings only. Windows are cropped and padded here, never at random, and every call
    runs its own list in chunks of `batch`. All is in single precision, on a GPU as well: the package computes
    its spectrograms inside the network.

    Args:
        model: One of LAION's `.pt` files: its path, or its name in the folder of fetched models.
        revision: Not used; a file is known by its contents.
        tokenizer: A folder or hub id with RoBERTa's tokenizer; by default the hub's.
        batch: Windows or texts that run at once.
    """

    rate_hz = RATE_HZ
    window_s = _WINDOW_S
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
        self.batch = check_batch(batch) or _AT_ONCE
        self._net: Any = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights into the package's own network.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The package or the file is missing, or the file is no checkpoint of it.
        """
        path = resolve_model(self.model, files=CHECKPOINTS)
        if not isinstance(path, Path) or path.is_dir():
            raise BadModel(
                f"got model {self.model!r}; expected a .pt file of LAION's for the backend laion-clap, or "
                "the backend clap"
            )
        tokenizer = laion_tokenizer(self.tokenizer)
        with loading(str(path), "LAION's CLAP", "one of the .pt files that LAION publishes"):
            state = {
                name.removeprefix("module."): tensor
                for name, tensor in read_weights(path, "state_dict").items()
            }
            # Left over from an older transformers; the network counts positions by itself.
            state.pop("text_branch.embeddings.position_ids", None)
            width = state["audio_branch.patch_embed.proj.weight"].shape[0]
            with without_downloads(tokenizer):
                module = import_package().CLAP_Module(
                    enable_fusion=is_fused(state), device="cpu", amodel=_TOWERS[width], tmodel="roberta"
                )
            module.model.load_state_dict(state)
        self._net = module.eval().requires_grad_(False).to(device)
        self._device = device
        self.dim = int(module.model.joint_embed_shape)
        self.logit_scale = float(module.model.logit_scale_a.exp())
        self.revision_id = revision_of(path, None, None)
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
        loaded(self._net)
        return embed_in_batches(windows, self.batch, self._embed_windows, self.dim)

    def _embed_windows(self, windows: Sequence[np.ndarray]) -> torch.Tensor:
        size = round(self.window_s * self.rate_hz)
        waves = [torch.from_numpy(fit_window(window, size)) for window in windows]
        with inference(self._device, half=False):
            # As tensors, because the package rounds arrays to 16 bits first.
            return self._net.get_audio_embedding_from_data(waves, use_tensor=True)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Return one embedding per text, shape (texts, dim), float32, L2-normalised; long texts are cut."""
        loaded(self._net)
        return embed_in_batches(texts, self.batch, self._embed_texts, self.dim)

    def _embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        with inference(self._device, half=False):
            return self._net.get_text_embedding([str(text) for text in texts], use_tensor=True)


def import_package() -> Any:
    """Return the package `laion_clap`.

    Raises:
        BadModel: It, or something that it needs, does not import.
    """
    try:
        with without_downloads(None):
            return importlib.import_module("laion_clap")
    except Exception as error:  # a torchvision that does not fit torch fails in ways of its own
        raise BadModel(
            f"got no working package laion-clap ({first_line(error)}); expected it beside torchvision and "
            "torchaudio: docs/laion-parity.md says how, or use the backend clap, which loads the same files"
        ) from error


@contextmanager
def without_downloads(tokenizer: Any) -> Iterator[None]:
    """Keep the package from fetching: three tokenizers on import, RoBERTa's weights on construction.

    It uses one of the tokenizers, and overwrites the weights.
    """

    def no_tokenizer(*_: object, **__: object) -> None:
        return None

    def roberta(*_: object, **__: object) -> Any:
        return transformers.RobertaModel(transformers.RobertaConfig(**_ROBERTA))

    stand_ins = {
        transformers.BertTokenizer: no_tokenizer,
        transformers.BartTokenizer: no_tokenizer,
        transformers.RobertaTokenizer: lambda *_, **__: tokenizer,
        transformers.RobertaModel: roberta,
    }
    own = {kind: vars(kind).get("from_pretrained") for kind in stand_ins}
    for kind, stand_in in stand_ins.items():
        kind.from_pretrained = staticmethod(stand_in)
    try:
        yield
    finally:
        for kind, method in own.items():
            if method is None:
                del kind.from_pretrained  # it is inherited again
            else:
                kind.from_pretrained = method


AUDIO_ENCODER = LaionClapEncoder
