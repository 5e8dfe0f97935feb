"""musicnn: how probable the 50 tags of MagnaTagATune and 50 of the Million Song Dataset are in a window.

Two networks of one architecture hear each window of three seconds. Their weights and the tags are those of
the package musicnn, (c) Music Technology Group, Universitat Pompeu Fabra, and Jordi Pons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import torch

from leitmotif.encoders.encoder import check_batch, inference, loaded
from leitmotif.encoders.musicnn_network import SAMPLES, LogMel, Musicnn, from_published, network_of
from leitmotif.encoders.windows import fit_window
from leitmotif.weights.load import fill
from leitmotif.weights.resolve import check_wheel, loading_wheel
from leitmotif.weights.tensor_bundle import read_bundle
from leitmotif.weights.wheel_table import MUSICNN

MODEL_ID = "musicnn"
REVISION = "musicnn-0.1.0"
LICENSE = "ISC"
COMMERCIAL = "yes"
RATE_HZ = 16_000
REFERENCE = (
    "Pons and Serra, musicnn: Pre-trained convolutional neural networks for music audio tagging, ISMIR 2019 "
    "late-breaking, arXiv:1909.06654"
)
# What each network has a word for, in the order of its outputs.
WORDS = {
    "mtt": (
        "guitar, classical, slow, techno, strings, drums, electronic, rock, fast, piano, ambient, beat, "
        "violin, vocal, synth, female, indian, opera, male, singing, vocals, no vocals, harpsichord, loud, "
        "quiet, flute, woman, male vocal, no vocal, pop, soft, sitar, solo, man, classic, choir, voice, "
        "new age, dance, male voice, female vocal, beats, harp, cello, no voice, weird, country, metal, "
        "female voice, choral"
    ),
    "msd": (
        "rock, pop, alternative, indie, electronic, female vocalists, dance, 00s, alternative rock, jazz, "
        "beautiful, metal, chillout, male vocalists, classic rock, soul, indie rock, Mellow, electronica, "
        "80s, folk, 90s, chill, instrumental, punk, oldies, blues, hard rock, ambient, acoustic, "
        "experimental, female vocalist, guitar, Hip-Hop, 70s, party, country, easy listening, sexy, catchy, "
        "funk, electro, heavy metal, Progressive rock, 60s, rnb, indie pop, sad, House, happy"
    ),
}
LABELS = tuple(f"{name}:{word}" for name, words in WORDS.items() for word in words.split(", "))
# One window at a time is fastest on a processor, whose cache it fits.
_ON_CPU, _ON_GPU = 1, 64


class MusicnnTagger:
    """Scores mono windows for each tag of both networks.

    The constructor holds settings only. On a processor every window runs by itself, so that it gets the same
    bits alone or among thousands of others.
    """

    rate_hz = RATE_HZ
    window_s = SAMPLES / RATE_HZ
    labels = LABELS

    def __init__(self, *, batch: int | None = None) -> None:
        self.batch = check_batch(batch)
        self._nets: list[Musicnn] | None = None

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadModel: They are not fetched, or a file is damaged.
        """
        self._nets = [_network(name).to(device) for name in WORDS]
        self._mel = LogMel().to(device)
        self._device = device
        self._at_once = self.batch or (_ON_CPU if torch.device(device).type == "cpu" else _ON_GPU)
        return self

    def score_windows(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of each tag in each window.

        Args:
            windows: Mono float32 windows at `rate_hz`, shape (n,), n >= 1. A window longer than `window_s` is
                cut to its beginning; a shorter one is repeated until it is long enough, as in the training.

        Returns:
            Shape (windows, 100), float32, 0..1, in the order of `labels`.

        Raises:
            ValueError: A window is empty, not mono, or holds NaN or infinity.
        """
        nets: list[Musicnn] = loaded(self._nets)
        fitted = [fit_window(window, SAMPLES, padding="repeat") for window in windows]
        rows = [
            self._score(nets, fitted[at : at + self._at_once]) for at in range(0, len(fitted), self._at_once)
        ]
        return np.concatenate(rows) if rows else np.zeros((0, len(LABELS)), np.float32)

    def _score(self, nets: Sequence[Musicnn], windows: Sequence[np.ndarray]) -> np.ndarray:
        waves = torch.from_numpy(np.stack(windows)).to(self._device)  # (n, samples)
        with inference(self._device, half=False):  # the spectrogram reaches beyond half precision
            mel = self._mel(waves)
            return torch.cat([net(mel) for net in nets], dim=1).cpu().numpy()


def _network(name: str) -> Musicnn:
    index, data = MUSICNN.path(f"{name}.index"), MUSICNN.path(f"{name}.data")
    if not (index.is_file() and data.is_file()):
        check_wheel(MUSICNN)
    with loading_wheel(MUSICNN):
        # Beside each variable lie two of the optimizer, and its own.
        variables = read_bundle(index, data, skip=("/Adam", "_power"))
        net = network_of(variables)
        fill(net, from_published(variables, net))
        if net.out.out_features != len(WORDS[name].split(", ")):
            raise ValueError(f"got {net.out.out_features} tags; expected 50")
    return net.eval().requires_grad_(False)


MUSIC_TAGGER = MusicnnTagger
