"""A CLAP as small as they come: which of four pitches sounds, and how long a text is."""

import numpy as np

MODEL_ID = "toy"
REVISION = "1"
LICENSE = "Apache-2.0"
RATE_HZ = 8000
REFERENCE = "none"
SETTINGS = {"loudness": 1.0}


class ToyEncoder:
    """Embeds windows and sentences in four dimensions."""

    rate_hz = RATE_HZ
    window_s = 1.0
    dim = 4
    logit_scale = 10.0

    def __init__(self, loudness: float = 1.0) -> None:
        self.loudness = loudness

    def load(self, device: str = "cpu") -> "ToyEncoder":
        """Return itself: there are no weights."""
        return self

    def embed_windows(self, windows):
        """Return one embedding per window, shape (windows, 4), L2-normalised."""
        rows = [np.abs(np.fft.rfft(window, 8)[:4]) + self.loudness for window in windows]
        return self._unit(rows)

    def embed_texts(self, texts):
        """Return one embedding per text, shape (texts, 4), L2-normalised."""
        return self._unit([[1.0, len(text), text.count("a"), text.count("e")] for text in texts])

    def _unit(self, rows):
        stacked = np.asarray(rows, np.float32).reshape(-1, self.dim)
        return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


AUDIO_ENCODER = ToyEncoder
