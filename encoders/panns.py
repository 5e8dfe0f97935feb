"""PANNs Cnn14: how probable each of AudioSet's 527 classes is in a window of sound.

The network is that of the package `panns-inference`; its weights are a file of Zenodo's record 3987831. The
labels beside this module (`audioset_labels.csv`: machine id and display name, one class a line, in the order
of `class_labels_indices.csv`) are those of AudioSet, Gemmeke et al., ICASSP 2017, licensed CC-BY-4.0.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import sys
import threading
import types
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from leitmotif.encoders.encoder import check_batch, inference
from leitmotif.encoders.windows import fit_window
from leitmotif.extras import needs
from leitmotif.weights.load import fill, read_weights
from leitmotif.weights.published import CNN14
from leitmotif.weights.resolve import BadModel, revision_of

MODEL_ID = "panns/Cnn14_mAP=0.431"
REVISION = "zenodo-3987831"
LICENSE = "CC-BY-4.0"
RATE_HZ = 32_000
REFERENCE = (
    "Kong et al., PANNs: Large-scale pretrained audio neural networks for audio pattern recognition, "
    "IEEE/ACM TASLP 28, 2020, arXiv:1912.10211"
)
SETTINGS = {"panns": None}
EXTRA = "paper"
WINDOW_S = 10.0  # the length of the clips that it was trained on
CLASSES = 527  # of AudioSet
# Five poolings by two need 32 frames of 320 samples; below a second there is little to hear anyway.
_SHORTEST = RATE_HZ
_PACKAGE = "_panns_inference_models"
_IMPORTING = threading.Lock()


@cache
def labels() -> tuple[str, ...]:
    """Return the display names of the classes, in the order of the scores."""
    with Path(__file__).with_name("audioset_labels.csv").open(encoding="utf-8", newline="") as file:
        return tuple(name for _, name in csv.reader(file))


class PannsTagger:
    """Scores mono windows for each class of AudioSet.

    The constructor holds settings only. Every call runs its own list, in batches of neighbours of one length,
    so that a clip gets the same bits alone or among thousands of others.
    """

    rate_hz = RATE_HZ
    window_s = WINDOW_S
    revision_id: str

    def __init__(self, panns: str | None = None, *, batch: int = 8) -> None:
        check_batch(batch)
        self.panns = panns
        self.batch = batch

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the scores."""
        return labels()

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: The package or the checkpoint is missing, or the file is no checkpoint of Cnn14.
        """
        path = Path(CNN14.locate(self.panns))
        net = cnn14_class()(
            sample_rate=RATE_HZ,
            window_size=1024,
            hop_size=320,
            mel_bins=64,
            fmin=50,
            fmax=14_000,
            classes_num=CLASSES,
        )
        try:
            fill(net, read_weights(path))
        except ValueError as error:
            if isinstance(error, BadModel):
                raise
            raise BadModel(
                f"got {str(path)!r}, which is no checkpoint of Cnn14 ({error}); expected {CNN14.file} of "
                f"{CNN14.url}"
            ) from error
        net.eval().requires_grad_(False).to(device)
        # Apart from the rest, because powers of 1e-10 are nothing in half precision.
        self._mel = nn.Sequential(net.spectrogram_extractor, net.logmel_extractor)
        net.spectrogram_extractor = net.logmel_extractor = nn.Identity()
        self._net = net
        self._device = device
        self.revision_id = revision_of(path, None, None)
        return self

    def score_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of each class in each window.

        Args:
            windows: Mono float32 windows at `rate_hz`, shape (n,), n >= 1. A window longer than `window_s` is
                cut to its beginning; one shorter than a second is padded with silence to a second.

        Returns:
            Shape (windows, 527), float32, 0..1; the classes are those of `labels`.

        Raises:
            ValueError: A window is empty, not mono, or holds NaN or infinity.
        """
        if not hasattr(self, "_net"):
            raise RuntimeError("got a tagger without weights; expected load(device) to be called first")
        size = round(WINDOW_S * RATE_HZ)
        fitted = [
            fit_window(window, min(max(np.size(window), _SHORTEST), size), padding="pad")
            for window in windows
        ]
        rows = [np.zeros((0, CLASSES), np.float32)]
        for _, group in groupby(fitted, key=len):
            alike = list(group)
            for start in range(0, len(alike), self.batch):
                rows.append(self._score(np.stack(alike[start : start + self.batch])))  # (windows, samples)
        return np.concatenate(rows)

    def _score(self, batch: np.ndarray) -> np.ndarray:
        """Return the probabilities of windows of one length, shape (windows, samples) to (windows, 527)."""
        samples = torch.from_numpy(batch).to(self._device)
        with inference(self._device):
            with torch.autocast("cuda", enabled=False):
                mel = self._mel(samples)  # (windows, 1, frames, 64)
            return self._net(mel)["clipwise_output"].float().cpu().numpy()


@cache
def cnn14_class() -> Any:
    """Return the class `Cnn14` of the package `panns-inference`, and run nothing else of it.

    Importing the package itself runs a download and writes into the home folder, and matplotlib, which it
    imports and does not use here, writes there too. Hence its modules are imported under a name of our own,
    with something empty in matplotlib's place.

    Raises:
        BadModel: The package is not installed.
    """
    found = importlib.util.find_spec("panns_inference")
    if found is None or not found.submodule_search_locations:
        raise BadModel(needs("vocals backend 'panns+clap'", "panns-inference", EXTRA))
    package = types.ModuleType(_PACKAGE)
    package.__path__ = list(found.submodule_search_locations)
    sys.modules.setdefault(_PACKAGE, package)
    with _IMPORTING:
        absent = {"matplotlib", "matplotlib.pyplot"} - sys.modules.keys()
        sys.modules.update({name: types.ModuleType(name) for name in absent})
        try:
            return importlib.import_module(f"{_PACKAGE}.models").Cnn14
        finally:
            for name in absent:
                del sys.modules[name]


AUDIO_TAGGER = PannsTagger
